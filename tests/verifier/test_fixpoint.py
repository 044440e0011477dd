"""How much work loops are: their sum, not their product; and that what is reported was confirmed."""

from __future__ import annotations

import pytest
from judged import HEAD, compiled

from dsl import ir
from verifier.domains import value as scalars
from verifier.domains.value import Scalar
from verifier.explain import Explainer
from verifier.fixpoint import Fixpoint
from verifier.invariant import Phase
from verifier.state import Space, State
from verifier.transfer import Rule, Transfer
from verifier.verify import verify


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts what the rules of transfer are applied to."""
    count = [0]
    rule_of = Transfer.rule_of

    def counting(self: Transfer, node: ir.Node) -> Rule | None:
        rule = rule_of(self, node)
        if rule is None:
            return None

        def apply(state: State, node: ir.Node) -> None:
            count[0] += 1
            rule(state, node)

        return apply

    monkeypatch.setattr(Transfer, "rule_of", counting)
    return count


def nested(depth: int) -> str:
    opening = "".join(
        f"let y{k}: u64 = {k}; loop up to 2 {{ y{k} += 1; if y{k} > total {{ y{k} = y{max(k - 1, 0)}; continue; }} "
        for k in range(depth)
    )
    return f"{HEAD}hook init() {{ {opening} hist[y0 & 15] = y1; {'} ' * depth} }}"


def work(text: str, steps: list[int]) -> int:
    policy = compiled(text)
    steps[0] = 0
    assert verify(policy).accepted
    return steps[0]


def test_nested_loops_do_not_multiply(steps: list[int]) -> None:
    four, eight = work(nested(4), steps), work(nested(8), steps)
    assert eight < 5 * four, "twice the loops, inside each other, may cost a little more than four times the work"


def test_straight_code_is_read_once(steps: list[int]) -> None:
    text = HEAD + "hook init() { " + "if total > 3 { total -= 1; } " * 200 + "}"
    assert work(text, steps) < 200 * 8


def test_a_loop_that_settles_is_read_a_few_times(steps: list[int]) -> None:
    text = HEAD + "hook init() { for i in 0..9 { " + "total += 1; " * 100 + "} }"
    assert work(text, steps) < 100 * 3 * 8


def walk(text: str) -> list[tuple[ir.Node, int]]:
    """The nodes of a policy as they are gone through, and how many symbols there are at each."""
    seen: list[tuple[ir.Node, int]] = []

    def observe(node: ir.Node, state: State, space: Space) -> None:
        seen.append((node, len(space.definitions)))

    verify(compiled(text), observe)
    return seen


ONCE = {
    "one loop": "let x = 0; loop up to 9 { x = 0; }",
    "a loop in a loop": "let x = 0; loop up to 9 { loop up to 9 { x = 0; } }",
    "a variable of the round": "loop up to 9 { let x = few; total = x; }",
}


@pytest.mark.parametrize("body", ONCE.values(), ids=ONCE.keys())
def test_rounds_that_change_nothing_are_gone_through_once(body: str) -> None:
    nodes = [id(node) for node, _ in walk(f"{HEAD} hook init() {{ {body} }}")]
    assert len(nodes) == len(set(nodes))


def test_a_loop_that_begins_with_more_than_before_is_gone_through_once_again() -> None:
    loops = "loop up to 9 { loop up to 9 { x &= 255; } x = small; }"
    nodes = [node for node, _ in walk(f"{HEAD} hook init() {{ let x = 0; {loops} }}")]
    inner = [node for node in nodes if isinstance(node, ir.Loop)][-1]
    assert sum(node is inner for node in nodes) == 2
    assert sum(node is inner.body[0] for node in nodes) == 2


def test_a_counter_is_settled_in_two_rounds() -> None:
    nodes = [node for node, _ in walk(f"{HEAD} hook init() {{ let n = 0; loop up to 15 {{ n += 1; }} hist[n] = 1; }}")]
    assert sum(isinstance(node, ir.Binary) for node in nodes) == 2


def test_what_was_wrong_in_a_round_that_was_taken_back_needs_no_report() -> None:
    """`n` is widened beyond 108, and then found to be in [-4, 4]."""
    wrong = "if n > few as i64 + 100 { hist[99 + few] = 1; }"
    loop = f"let n: i64 = -1; loop up to few {{ {wrong} n = (n * 3 + 1) % 5; }}"
    nodes = [node for node, _ in walk(f"{HEAD} hook init() {{ {loop} }}")]
    assert sum(isinstance(node, ir.StoreState) for node in nodes) > 0
    assert sum(isinstance(node, ir.Return) for node in nodes) == 1


def test_symbols_of_rounds_that_are_over_are_forgotten() -> None:
    seen = walk(nested(8))
    assert max(symbols for _, symbols in seen) < len({id(node) for node, _ in seen})


def test_symbols_of_the_pass_before_are_forgotten() -> None:
    refused = f"{HEAD} hook init() {{ let i = 0; for k in 0..9 {{ i = (i * 3 + 1) % 50; }} hist[i] = 1; }}"
    growing, reporting = (symbols for node, symbols in walk(refused) if isinstance(node, ir.Return))
    assert growing == reporting


class Misled(Fixpoint):
    """Takes it after the first pass that all integers that loops change are 0."""

    def _pass(self, phase: Phase) -> None:
        super()._pass(phase)
        self.phases = [*getattr(self, "phases", []), phase]
        if len(self.phases) > 1:
            return
        for invariant in self._invariants.values():
            invariant.pace.clear()
            for cell, value in invariant.values.items():
                if isinstance(value, Scalar):
                    invariant.values[cell] = scalars.constant(0)


def test_growing_is_resumed_where_the_report_finds_that_an_invariant_does_not_hold() -> None:
    policy = compiled(f"{HEAD} hook init() {{ let i = 0; loop up to 100 {{ hist[i] = 1; i += 1; }} }}")
    told = Explainer()
    misled = Misled(policy, policy.hooks[0], told)
    misled.run()
    assert [diagnostic.code for diagnostic in told.found] == ["index-out-of-bounds"]
    assert misled.phases == [Phase.GROW, Phase.REPORT] * 2
