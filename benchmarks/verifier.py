"""How the verifier's time grows with a policy.

In: how many runs. Out: CPU time of the verifier alone, in a process that is warm, for shapes of code in several sizes
(straight code, branches one after the other, a function called from many places, nested loops, a mixture of
everything) and for the policies that come with the project.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.plan import Tell
from benchmarks.tables import Table, below
from benchmarks.timing import Timing
from dsl import ir
from dsl.compile import Compilation
from dsl.source import Source
from runtime.program import compiled, find_program, program_names
from verifier.cells import nodes_of
from verifier.verify import verify

PROGRAM_GOAL = 0.05
"""CPU seconds for each policy that comes with the project."""
NESTED_GOAL = 1.0
"""CPU seconds for eight loops inside each other."""
LARGE_GOAL = 2.0
"""CPU seconds for 10,000 instructions."""
LARGE = 10_000

_HEAD = """policy shape;
param few: u64 = 3 in 1..=8;
state total: u64; state turn: u8; state table: u64[16];
list queue; list other;
folio { hits: u8, since: u32 }
map seen: hash<page_key, u64>[64];
"""
_MIXTURE = """
    if total > 40 { total -= 3; } else { total += few; }
    table[total & 15] += min(total, 1000);
    let f@ = queue.pop_head();
    if f@ != null {
        if f@.hits > 0 && turn < 200 { f@.hits -= 1; turn += 1; other.push_tail(f@); }
        else { f@.since = total as u32; ctx.evict(f@); }
    }
    let g@ = other.head;
    if g@ != null {
        let e@ = seen.lookup(g@.key);
        if e@ != null { e@.value += 1; } else { seen.insert(g@.key, total); }
    }
    for i in 0..8 { if table[i] > few { table[i] /= 2; } }
"""


@dataclass(frozen=True, slots=True)
class VerifierResult:
    """One policy. `goal`: the CPU seconds it should stay below, if there are any."""

    shape: str
    size: int
    instructions: int
    verify: Timing
    goal: float | None


def straight(size: int) -> str:
    return _HEAD + "hook init() {\n" + "    total += turn * 3;\n" * size + "}\n"


def branches(size: int) -> str:
    body = "".join(f"    if total > {number} {{ total -= few; }}\n" for number in range(size))
    return f"{_HEAD}hook init() {{\n{body}}}\n"


def calls(size: int) -> str:
    called = "fn near(x: u64) -> u64 { if x > 15 { return 15; } if x == turn { return 0; } return x; }\n"
    body = "    table[near(total)] += 1;\n" * size
    return f"{_HEAD}{called}hook init() {{\n{body}}}\n"


def nested(depth: int) -> str:
    opening = "".join(
        f"let y{k}: u64 = {k}; loop up to 2 {{ y{k} += 1; if y{k} > total {{ y{k} = y{max(k - 1, 0)}; continue; }} "
        for k in range(depth)
    )
    return f"{_HEAD}hook init() {{ {opening} table[y0 & 15] = y1; {'} ' * depth} }}\n"


def mixture(size: int) -> str:
    body = "".join(_MIXTURE.replace("@", str(number)) for number in range(size))
    return f"{_HEAD}hook evict_folios(ctx) {{{body}}}\n"


def measure_verifier(runs: int, tell: Tell) -> list[VerifierResult]:
    """All shapes in all sizes, then the policies that come with the project."""
    results = []
    for shape, sizes, text in _SHAPES:
        for size in sizes:
            tell(f"verifier: {shape}, {size}")
            results.append(_measured(shape, size, _policy(text(size)), runs, NESTED_GOAL if size == 8 else None))
    size = large_size()
    tell(f"verifier: {LARGE:,} instructions")
    results.append(_measured("mixture", size, _policy(mixture(size)), runs, LARGE_GOAL))
    for name in program_names():
        tell(f"verifier: {name}")
        path = find_program(name)
        results.append(_measured(name, 1, compiled(path.read_bytes(), path), runs, PROGRAM_GOAL))
    return results


def large_size() -> int:
    """The repetitions of the mixture that come to `LARGE` instructions."""
    one, two = (instructions(_policy(mixture(size))) for size in (1, 2))
    return 1 + -(-(LARGE - one) // (two - one))


def _policy(text: str) -> ir.Policy:
    policy = Compilation(Source("shape.rx", text)).policy
    assert policy is not None
    return policy


def instructions(policy: ir.Policy) -> int:
    """The nodes of all hooks."""
    return sum(1 for hook in policy.hooks for _ in nodes_of(hook.body))


def _measured(shape: str, size: int, policy: ir.Policy, runs: int, goal: float | None) -> VerifierResult:
    seconds = []
    for _ in range(runs + 1):  # the first warms up
        begin = time.process_time()
        verdict = verify(policy)
        seconds.append(time.process_time() - begin)
        assert verdict.accepted, verdict.diagnostics
    return VerifierResult(shape, size, instructions(policy), Timing(tuple(seconds[1:])), goal)


def verifier_table(results: Iterable[VerifierResult]) -> Table:
    """Each row with its growth from the row before it of the same shape."""
    rows, before = [], None
    for result in results:
        rows.append(_row(result, before if before is not None and before.shape == result.shape else None))
        before = result
    note = (
        "CPU milliseconds of the verifier alone in a warm process, the best of the runs. growth: how many times the"
        " time of the row above it, for how many times the instructions. The policies of the project are single rows."
        f" Goals: {PROGRAM_GOAL * 1e3:.0f} ms for each of those, {NESTED_GOAL:.0f} s for eight nested loops,"
        f" {LARGE_GOAL:.0f} s for {LARGE:,} instructions."
    )
    columns = ("shape", "size", "instructions", "ms", "µs each", "growth", "goal", "median, worst")
    return Table("Verification", note, columns, tuple(rows))


def _row(result: VerifierResult, before: VerifierResult | None) -> tuple[str, ...]:
    best = result.verify.best
    growth = ""
    if before is not None:
        growth = f"{best / before.verify.best:.1f} for {result.instructions / before.instructions:.1f}"
    return (
        result.shape,
        f"{result.size:,}",
        f"{result.instructions:,}",
        f"{best * 1e3:.1f}",
        f"{best * 1e6 / result.instructions:.1f}",
        growth,
        "" if result.goal is None else below(best, result.goal),
        f"{result.verify.median * 1e3:.1f}, {result.verify.worst * 1e3:.1f}",
    )


_SHAPES: tuple[tuple[str, tuple[int, ...], Callable[[int], str]], ...] = (
    ("straight code", (100, 300, 1000, 3000), straight),
    ("branches in a row", (30, 100, 300, 1000), branches),
    ("calls of one function", (10, 30, 100, 300), calls),
    ("loops inside loops", (2, 4, 8), nested),
    ("mixture", (10, 30), mixture),
)
