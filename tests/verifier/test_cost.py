"""Stated costs, exactly: they are what attaching prints, and what executors keep to."""

from __future__ import annotations

from pathlib import Path

import pytest
from judged import HEAD, compiled, judged

from dsl.abi import KFUNCS, MAX_CONSTANT_STEPS, MAX_STEPS_PER_FOLIO
from dsl.compile import Compilation
from dsl.ir_text import parse_policy
from dsl.source import Source
from verifier.verify import HookCost, verify

PROGRAMS = Path(__file__).parent.parent.parent / "programs"


def cost(body: str, hook: str = "evict_folios(ctx)") -> HookCost:
    verdict = judged(body, hook)
    assert verdict.accepted, verdict.diagnostics
    return verdict.costs[0]


def ir_cost(body: str) -> tuple[int, int]:
    head = "policy t list q state s: u64 hook age() { var %0: u64 var %1: list var %2: folio var %3: u64"
    verdict = verify(parse_policy(f"{head}\n%1 = list q[0]\n%3 = copy 0\n{body}\n}}"))
    return verdict.costs[0].constant - 2, verdict.costs[0].per_folio


def test_instructions_branches_and_loops() -> None:
    assert ir_cost("") == (0, 0)
    assert ir_cost("%0 = add 1, 2") == (1, 0)
    assert ir_cost("%2 = call list_head(%1)") == (KFUNCS["list_head"].steps, 0)
    assert ir_cost("if true { %0 = add 1, 2 %0 = add 1, 2 } else { return }") == (3, 0)
    assert ir_cost("block { block { break 1 } }") == (1, 0)
    assert ir_cost("loop %0 < 10 { %3 = add 1, 2 }") == (1 + 10 * 2, 0)
    assert ir_cost("loop %0 < 10 { loop %3 < 5 { } }") == (1 + 10 * (1 + 1 + 5), 0)
    assert ir_cost("loop %0 < 0 { loop %3 < 1000 { } }") == (1, 0)
    assert ir_cost("if false { loop %0 < 1000 { } }") == (2, 0)


def test_scans_count_by_limit_or_by_folio() -> None:
    assert ir_cost("scan %2 in %1 limit 10 { }") == (1 + 10 * 4, 0)
    assert ir_cost("%0 = call nr_pages() scan %2 in %1 limit %0 { %3 = add 1, 2 }") == (2, 5)
    assert ir_cost("loop %0 < 7 { scan %2 in %1 limit 5000000 { } }") == (1 + 7 * 2, 7 * 4)


def test_the_limit_of_a_loop_comes_from_its_range() -> None:
    assert cost("loop up to min(total, 9) { total += 1; }").constant < cost("loop up to 20 { total += 1; }").constant
    tested = cost("if total < 100 { loop up to total { small = 1; } }")
    assert 200 < tested.constant < 300


def test_two_scans_that_are_too_dear_together_are_counted_by_folio() -> None:
    body = "scan f in queue limit ctx.nr_to_scan {" + "total += 1;" * 40 + "}"
    assert cost(body).per_folio == 0 and cost(body).constant > MAX_CONSTANT_STEPS // 3
    three = cost(body + body.replace(" f ", " g ") + body.replace(" f ", " h "))
    assert three.constant < MAX_CONSTANT_STEPS and 0 < three.per_folio <= MAX_STEPS_PER_FOLIO


def test_cost_by_line() -> None:
    found = cost("total += 1;\nfor i in 0..10 {\n    total += i;\n}\nscan f in queue limit nr_pages {\n total += 1; }")
    by_line = {line.line: (line.constant, line.per_folio) for line in found.lines}
    first = min(by_line)
    assert by_line[first] == (3, 0)
    assert by_line[first + 1] == (11, 0)
    assert by_line[first + 2] == (30, 0)
    assert by_line[first + 5] == (0, 3)
    assert sum(line.per_folio for line in found.lines) == found.per_folio
    assert sum(line.constant for line in found.lines) == found.constant


def test_of_loops_on_one_line_the_rounds_of_the_longest_are_told() -> None:
    for few, many in ((3, 40), (40, 3)):
        loops = f"for i in 0..{few} {{ total += i; }} for j in 0..{many} {{ total += j; }}"
        assert max(line.rounds for line in cost(loops).lines) == 40


def test_of_branches_on_one_line_the_dearer_counts() -> None:
    one = "if total > 1 { total += 1; total += 2; total += 3; } else { total += 4; total += 5; }"
    apart = one.replace("{", "{\n").replace("}", "\n}").replace("\n else", " else")
    together, split = cost(one), cost(apart)
    assert together.constant == split.constant
    assert max(line.constant for line in together.lines) <= together.constant
    assert sum(line.constant for line in together.lines) == together.constant
    assert sum(line.constant for line in split.lines) > split.constant


@pytest.mark.parametrize("program", sorted(PROGRAMS.glob("*.rx")), ids=lambda path: path.stem)
def test_no_line_costs_more_than_its_hook(program: Path) -> None:
    policy = Compilation(Source(program.name, program.read_text(encoding="utf-8"))).policy
    assert policy is not None
    for hook in verify(policy).costs:
        for line in hook.lines:
            assert line.constant <= hook.constant and line.per_folio <= hook.per_folio, (hook.hook, line)
        assert sum(line.constant for line in hook.lines) >= hook.constant


@pytest.mark.parametrize(
    ("body", "fact", "help"),
    [
        ("loop up to queue.len { total += 1; }", "queue.len ∈ [0, 2^32 - 2]", "bound it: `min(queue.len, 4096)`"),
        ("let n = total + few; loop up to n { small = 1; }", "n ∈ [0, 2^64 - 1]", "bound it: `min(n, 4096)`"),
    ],
)
def test_what_is_said_of_a_bound(body: str, fact: str, help: str) -> None:
    (error,) = judged(body, "evict_folios(ctx)").diagnostics
    assert error.code == "too-many-steps"
    assert fact in error.facts
    assert error.help == help


def test_every_hook_has_its_cost() -> None:
    verdict = verify(compiled(HEAD + "hook init() { total = 1; } hook folio_accessed(f) { f.age = 1; }"))
    assert [(c.hook, c.constant, c.per_folio) for c in verdict.costs] == [("init", 2, 0), ("folio_accessed", 2, 0)]
