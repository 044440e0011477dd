"""Replay as tables: both engines side by side.

In: what `benchmarks/replay.py` measured. Out: a table for each trace, one of all textbook algorithms, and one of what
numbering pages costs.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks import plan
from benchmarks.replay import DenseResult, ReplayResult
from benchmarks.tables import Table, at_least, speed, speeds

ABOUT_TRACES = {
    "mem_gcc": (
        "mem_gcc has 19,932 pages here and 20,068 elsewhere: libCacheSim's file has no frees, so that a page that was"
        " freed and came back is one object in it, and another page for `rext`. Shares of memory are of the 19,932."
        " SIEVE misses so often because the trace leaves out accesses to the 512 pages used last: of the accesses to a"
        " page that was there before, 99% come 176 or more recorded accesses after the one before. With 1,993 pages"
        " SIEVE's hand stays among the newest ones: it evicts 1,227,615 pages, none of which was accessed again since"
        " it came in, half of them within 13 accesses, and it never comes round to the old ones. Those it keeps: after"
        " each tenth of the trace but the first, 38 to 58% of the resident pages had not been accessed in that tenth."
        " Were every access made twice, so that each new page is visited at once, SIEVE would have 176,676 misses there"
        " and 25,682 with 7,973 pages, about as many as LRU."
    ),
    "mem_sqlite": (
        "The same with SIEVE: this trace leaves out accesses to the 128 pages used last. With 1,543 pages 99.96% of"
        " the pages it evicts were not accessed again since they came in. Were every access made twice, it would have"
        " 216,163 misses."
    ),
}
"""What is to be known of a trace, counted once: traces do not change."""


def replay_tables(results: Sequence[ReplayResult]) -> list[Table]:
    """Both engines side by side, a table for each trace; the first says how to read them all, and each what is to be
    known of its trace."""
    traces = list(dict.fromkeys(r.trace for r in results))
    runs = len(results[0].ours.seconds) if results else 0
    note = (
        f"Million accesses per CPU second, ideal model: the best of {runs} runs of each engine; then the median and the"
        " worst, which show how noisy the machine was. Ratio: ours to libCacheSim's, best to best, goal at least"
        f" {plan.RATIO_GOAL:g}; medians: the same of the medians. Misses are those of both engines: compared in every"
        " run, and equal. hashpower is the one with which libCacheSim is fastest."
    )
    columns = (
        *("policy", "memory", "misses", "hashpower", "libCacheSim", "ours", "ratio", "goal", "medians"),
        *("libCacheSim median, worst", "ours median, worst"),
    )
    return [
        Table(
            f"Replay of {trace}",
            _note(note if trace == traces[0] else "", trace),
            columns,
            tuple(_replay_row(r) for r in results if r.trace == trace),
        )
        for trace in traces
    ]


def _note(how_to_read: str, trace: str) -> str:
    return " ".join(text for text in (how_to_read, ABOUT_TRACES.get(trace, "")) if text)


def _replay_row(result: ReplayResult) -> tuple[str, ...]:
    return (
        result.policy,
        f"{result.memory_pages:,}p",
        f"{result.misses:,}",
        str(result.hashpower),
        speed(result.accesses, result.libcachesim.best),
        speed(result.accesses, result.ours.best),
        f"{result.ratio:.1f}",
        at_least(result.ratio, plan.RATIO_GOAL),
        f"{result.ratio_of_medians:.1f}",
        speeds(result.accesses, result.libcachesim),
        speeds(result.accesses, result.ours),
    )


def textbook_table(results: Sequence[ReplayResult]) -> Table:
    """Every algorithm that both engines have, on all traces."""
    rows = [
        (
            r.policy,
            r.trace,
            f"{r.memory_pages:,}p",
            f"{r.misses:,}",
            f"{r.their_misses:,} ({r.why_unequal})" if r.why_unequal else "equal",
            speed(r.accesses, r.libcachesim.best),
            speed(r.accesses, r.ours.best),
            f"{r.ratio:.1f}",
            at_least(r.ratio, plan.TEXTBOOK_GOAL),
            f"{r.ratio_of_medians:.1f}",
            speeds(r.accesses, r.ours),
        )
        for r in results
    ]
    runs = len(results[0].ours.seconds) if results else 0
    return Table(
        "The textbook",
        f"Every program that libCacheSim has, too, measured as above: the best of {runs} runs of each engine in million"
        " accesses per CPU second, ideal model, libCacheSim with its best size of hash table. Goal: at least"
        f" {plan.TEXTBOOK_GOAL:g} times libCacheSim. Its misses are equal, or given with what it does"
        " differently: another random generator, or room that a paper leaves and the two fill in different ways (the"
        " program's header says how). Its CLOCK-Pro, here with `init_ratio_cold=1`, with which it does best, misses"
        " several times as often as FIFO on the recorded traces: it is not the paper's algorithm, and its speed says"
        " little.",
        (
            *("policy", "trace", "memory", "misses", "libCacheSim's misses", "libCacheSim", "ours", "ratio", "goal"),
            *("medians", "ours median, worst"),
        ),
        tuple(rows),
        left=2,
    )


def dense_table(results: Sequence[DenseResult]) -> Table:
    """The cost of numbering pages."""
    rows = [
        (
            r.trace,
            f"{r.accesses:,}",
            f"{r.pages:,}",
            speed(r.accesses, r.timing.best),
            speeds(r.accesses, r.timing),
            f"{r.timing.best:.2f}",
        )
        for r in results
    ]
    return Table(
        "Making page ids dense",
        "Not part of the figures above: policies run on pages numbered from 0, which a reader makes of a foreign file's"
        " keys, once for all simulations of the trace. Million accesses per CPU second on the 64-bit keys that"
        " libCacheSim's file has, reading the file not included. Our own format and made-up traces hold dense numbers.",
        ("trace", "accesses", "pages", "best", "median, worst", "CPU s in all"),
        tuple(rows),
    )
