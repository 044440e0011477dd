"""Results as tables of text.

In: what was measured. Out: `Table`s, the same for the terminal, docs/benchmarks.md and tests: cells are text, and each
figure that has a goal says whether it is met.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import plan
from benchmarks.jobs import JobsResult
from benchmarks.kernel import KernelResult, LargeResult
from benchmarks.start import CheckResult, StartResult
from benchmarks.timing import Timing

OK, SHORT = "ok", "short"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under `columns`; the first `left` columns are aligned to the left. `note` says how to read it."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1


def at_least(value: float, goal: float) -> str:
    """The mark of a figure that should be at least the goal."""
    return OK if value >= goal else SHORT


def below(value: float, goal: float) -> str:
    """The mark of a figure that should be below the goal."""
    return OK if value < goal else SHORT


def speed(accesses: int, seconds: float) -> str:
    """Million accesses per second."""
    return f"{accesses / seconds / 1e6:.1f}"


def speeds(accesses: int, timing: Timing) -> str:
    """The other runs: median and worst."""
    return f"{speed(accesses, timing.median)}, {speed(accesses, timing.worst)}"


def _milliseconds(timing: Timing) -> str:
    return f"{timing.best * 1e3:.1f}"


def _both(timing: Timing) -> str:
    return f"{timing.median * 1e3:.1f}, {timing.worst * 1e3:.1f}"


def start_table(results: Sequence[StartResult]) -> Table:
    """From source to running code."""
    rows = [
        (
            r.policy,
            r.model,
            _milliseconds(r.cold.start),
            below(r.cold.start.best, plan.COLD_GOAL),
            _both(r.cold.start),
            _milliseconds(r.cached.start),
            below(r.cached.start.best, plan.CACHED_GOAL),
            _both(r.cached.start),
            _milliseconds(r.cold.imports),
            _milliseconds(r.cold.total),
            _milliseconds(r.cached.total),
        )
        for r in results
    ]
    runs = len(results[0].cold.start.seconds) if results else 0
    return Table(
        "From source to running code",
        f"CPU milliseconds, best of {runs} fresh processes each, then median and worst. From the text of the policy to"
        f" native code attached to a machine: cold with an empty cache (goal below {plan.COLD_GOAL * 1e3:g}), cached"
        f" with verdict and code in it (goal below {plan.CACHED_GOAL * 1e3:g}). Apart: from process start until Python"
        " and all imports are there, and the total from process start.",
        (
            *("policy", "model", "cold", "goal", "median, worst", "cached", "goal", "median, worst"),
            *("imports", "total cold", "total cached"),
        ),
        tuple(rows),
        left=2,
    )


def check_table(results: Sequence[CheckResult], interpreter: Timing) -> Table:
    """`rext check` and the verifier."""
    rows = [
        (
            r.policy,
            _milliseconds(r.check),
            below(r.check.best, plan.CHECK_GOAL),
            _both(r.check),
            _milliseconds(r.verify),
            below(r.verify.best, plan.VERIFY_GOAL),
            _both(r.verify),
        )
        for r in results
    ]
    return Table(
        "rext check",
        f"CPU milliseconds, user and system, of `rext check POLICY` from process start (goal below"
        f" {plan.CHECK_GOAL * 1e3:g}; Python alone, doing nothing, takes {interpreter.best * 1e3:.1f}), and of the"
        f" verifier alone, the first time a process uses it (goal below {plan.VERIFY_GOAL * 1e3:g}).",
        ("policy", "rext check", "goal", "median, worst", "verifier", "goal", "median, worst"),
        tuple(rows),
    )


def jobs_table(results: Sequence[JobsResult]) -> Table:
    """Two simulations at a time."""
    rows = [
        (
            r.policy,
            r.model,
            f"{r.memory_pages:,}p",
            f"{r.one_by_one.best:.3f}",
            f"{r.together.best:.3f}",
            f"{r.ratio:.2f}",
            at_least(r.ratio, plan.JOBS_GOAL),
            f"{r.cores:.2f}",
            f"{r.one_by_one.median:.3f}, {r.one_by_one.worst:.3f}",
            f"{r.together.median:.3f}, {r.together.worst:.3f}",
        )
        for r in results
    ]
    runs, trace = (len(results[0].together.seconds), results[0].trace) if results else (0, "")
    return Table(
        "Two simulations at a time",
        f"Wall seconds of two equal simulations on {trace}: one after the other, and both at a time as by `rext compare"
        f" --jobs 2`; best of {runs} each, taking turns, then median and worst. Goal: at least {plan.JOBS_GOAL:g} times"
        " the throughput on two idle cores. cores: how many the two got (CPU time by wall time, in the best run); well"
        " below 2, something else was running, and the ratio says little.",
        (
            *("policy", "model", "memory", "one by one", "together", "ratio", "goal", "cores"),
            *("one by one median, worst", "together median, worst"),
        ),
        tuple(rows),
        left=2,
    )


def kernel_table(results: Sequence[KernelResult]) -> Table:
    """The kernel's algorithms in the kernel model."""
    rows = [
        (
            r.policy,
            r.trace,
            f"{r.memory_pages:,}p",
            f"{100 * r.hit_ratio:.1f}",
            speed(r.accesses, r.libcachesim.best),
            speed(r.accesses, r.ours.best),
            f"{r.ratio:.1f}",
            _kernel_goal(r),
            speeds(r.accesses, r.ours),
            f"{r.folio_bytes:.1f}",
            at_least(plan.FOLIO_BYTES_GOAL, r.folio_bytes),
            f"{r.page_bytes:.1f}",
            at_least(plan.PAGE_BYTES_GOAL, r.page_bytes),
        )
        for r in results
    ]
    runs = len(results[0].ours.seconds) if results else 0
    return Table(
        "The kernel model",
        f"Million accesses per CPU second, best of {runs} runs, then median and worst; beside libCacheSim's LRU on"
        f" the same accesses and memory, which only counts hits. Goal: at least {plan.HIT_SPEED_GOAL / 1e6:g} where"
        f" {100 * plan.HIT_RATIO:g}% of the accesses hit, else at least {plan.KERNEL_RATIO_GOAL:g} times libCacheSim's"
        " LRU."
        f" Bytes of the simulation's memory per folio (goal: {plan.FOLIO_BYTES_GOAL}) and per page of the trace (goal:"
        f" {plan.PAGE_BYTES_GOAL}); a policy that walks page tables needs to know where each page is mapped.",
        (
            *("policy", "trace", "memory", "hits %", "libCacheSim LRU", "ours", "ratio", "goal", "median, worst"),
            *("bytes/folio", "goal", "bytes/page", "goal"),
        ),
        tuple(rows),
        left=2,
    )


def _kernel_goal(r: KernelResult) -> str:
    if r.hit_ratio >= plan.HIT_RATIO:
        return at_least(r.accesses / r.ours.best, plan.HIT_SPEED_GOAL)
    return at_least(r.ratio, plan.KERNEL_RATIO_GOAL)


def large_table(results: Sequence[LargeResult]) -> Table:
    """Many folios."""
    rows = [
        (r.policy, f"{r.resident:,}", f"{r.evictions:,}", f"{r.cpu_s:.1f}", f"{r.bytes / (1 << 30):.1f}")
        for r in results
    ]
    return Table(
        "Many folios",
        "Pages read in order until memory is full and a tenth more; kernel model. GiB: of the simulation's memory.",
        ("policy", "resident folios", "evictions", "CPU s", "GiB"),
        tuple(rows),
    )
