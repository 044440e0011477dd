"""Replay, side by side: the same policies on the same accesses in both engines.

In: a plan. Out: for each policy, trace and size of memory the timings of both engines, and for each trace the cost of
numbering its pages. Each engine has one process. libCacheSim's best size of hash table is searched for first; then the
engines take turns, through all cells again and again, so that both see the same phases of a noisy machine. Unequal
misses end the benchmark: then the engines did not do the same work, and their times mean nothing. Where chance, or a
paper that leaves room, makes them differ, the pair says so and both counts are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import libcachesim_engine, our_engine
from benchmarks.errors import BenchmarkError
from benchmarks.measured import Measured
from benchmarks.plan import PAIRS, TEXTBOOK, Plan, PolicyPair, Tell, TraceSizes
from benchmarks.timing import Timing
from benchmarks.worker import Caller, Worker
from runtime.memory_size import parse_memory_size
from runtime.traces import commands, open_trace
from runtime.traces.oracle import FORMAT

SMALLEST_HASHPOWER = 6
FINALISTS = 3
FINAL_RUNS = 2


@dataclass(frozen=True, slots=True)
class Workload:
    """A trace with its file for libCacheSim, and the sizes of memory in pages."""

    spec: str
    path: str
    accesses: int
    pages: int
    memory_pages: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A policy on a trace with a size of memory."""

    pair: PolicyPair
    workload: Workload
    memory_pages: int

    @property
    def name(self) -> str:
        return f"{self.pair.title} on {self.workload.spec} with {self.memory_pages:,} pages"


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """Both engines in one cell; `hashpower` is libCacheSim's best (its table has 2^hashpower slots); `their_misses` are
    those of its last run, where `why_unequal` says that they may differ from ours."""

    policy: str
    trace: str
    memory_pages: int
    accesses: int
    misses: int
    hashpower: int
    libcachesim: Timing
    ours: Timing
    their_misses: int = 0
    why_unequal: str = ""

    @property
    def ratio(self) -> float:
        """How many times libCacheSim's accesses per CPU second, best against best."""
        return self.libcachesim.best / self.ours.best

    @property
    def ratio_of_medians(self) -> float:
        return self.libcachesim.median / self.ours.median


@dataclass(frozen=True, slots=True)
class DenseResult:
    """Making the page ids of a trace dense."""

    trace: str
    accesses: int
    pages: int
    timing: Timing


@dataclass(frozen=True, slots=True)
class Engines:
    """Where each engine runs."""

    libcachesim: Caller
    ours: Caller

    def theirs(self, cell: Cell, hashpower: int) -> Measured:
        return self.libcachesim.call(
            libcachesim_engine.replay,
            cell.workload.path,
            cell.pair.rival,
            cell.memory_pages,
            hashpower,
            **dict(cell.pair.options),
        )

    def our(self, cell: Cell) -> Measured:
        return self.ours.call(our_engine.replay, cell.workload.path, cell.pair.program, cell.memory_pages)


def measure(plan: Plan, directory: Path, tell: Tell) -> tuple[list[ReplayResult], list[DenseResult]]:
    """The policies with the higher goal; trace files for libCacheSim go into `directory`."""
    return _measure(PAIRS, plan.traces, plan.runs, directory, tell)


def measure_textbook(plan: Plan, directory: Path, tell: Tell) -> list[ReplayResult]:
    """Every algorithm that both engines have."""
    return _measure(TEXTBOOK, plan.textbook, plan.textbook_runs, directory, tell, thorough=False)[0]


def _measure(
    pairs: Sequence[PolicyPair],
    traces: Sequence[TraceSizes],
    runs: int,
    directory: Path,
    tell: Tell,
    thorough: bool = True,
) -> tuple[list[ReplayResult], list[DenseResult]]:
    """`thorough`: the best hash table is searched for among many, and the numbering of pages is timed."""
    workloads = prepare(traces, directory, tell)
    cells = [Cell(pair, work, pages) for work in workloads for pages in work.memory_pages for pair in pairs]
    with Worker("libCacheSim") as theirs, Worker("reclaim-ext") as ours:
        engines = Engines(theirs, ours)
        hashpowers = []
        for cell in cells:
            tell(f"{cell.name}: equal misses, and libCacheSim's best hash table")
            check_equal(cell, engines)
            hashpowers.append(best_hashpower(cell, engines, thorough=thorough))
        results = measure_cells(cells, hashpowers, engines, runs, tell)
        numbered = [measure_dense(workload, ours, runs, tell) for workload in workloads] if thorough else []
    return results, numbered


def prepare(traces: Sequence[TraceSizes], directory: Path, tell: Tell) -> list[Workload]:
    """Write the traces in libCacheSim's own format, which both engines replay: a page that was freed and came back is
    one object there, and sizes of memory are shares of those."""
    workloads = []
    for number, wanted in enumerate(traces):
        tell(f"{wanted.spec}: writing it for libCacheSim")
        path = str(directory / f"{number}.oracleGeneral.bin")
        written = commands.convert(wanted.spec, path, format=FORMAT)
        for chunk in open_trace(path, FORMAT).chunks():
            pages = chunk.nr_pages
        page_size = open_trace(wanted.spec).info.page_size
        sizes = tuple(parse_memory_size(text).pages(pages, page_size) for text in wanted.memory)
        workloads.append(Workload(wanted.spec, path, written.accesses, pages, sizes))
    return workloads


def check_equal(cell: Cell, engines: Engines) -> None:
    """`BenchmarkError` unless both engines count the same accesses and, if they are to, the same misses."""
    theirs, ours = engines.theirs(cell, hashpowers_for(cell.memory_pages)[0]), engines.our(cell)
    compare_counts(cell, theirs, ours)


def compare_counts(cell: Cell, theirs: Measured, ours: Measured) -> None:
    misses_differ = theirs.misses != ours.misses and not cell.pair.why_unequal
    if theirs.accesses != ours.accesses or misses_differ:
        raise BenchmarkError(
            f"{cell.name}: libCacheSim has {theirs.misses:,} misses in {theirs.accesses:,} accesses,"
            f" we have {ours.misses:,} in {ours.accesses:,}; times of unequal work cannot be compared"
        )


def hashpowers_for(memory_pages: int) -> range:
    """Sizes of hash table worth trying: from a quarter of the pages to 32 times as many slots."""
    fitting = (memory_pages - 1).bit_length()
    return range(max(SMALLEST_HASHPOWER, fitting - 2), max(SMALLEST_HASHPOWER, fitting) + 6)


def best_hashpower(cell: Cell, engines: Engines, thorough: bool = True) -> int:
    """The size of hash table with which libCacheSim is fastest: all run once, the best ones more often. Not `thorough`:
    only those with a slot to a page or up to 16, once."""
    powers = hashpowers_for(cell.memory_pages)
    fitting = (cell.memory_pages - 1).bit_length()
    tried = [power for power in powers if thorough or fitting <= power <= fitting + 4]
    seconds = {power: engines.theirs(cell, power).cpu_s for power in tried}
    finalists = sorted(seconds, key=seconds.__getitem__)[:FINALISTS]
    for _ in range(FINAL_RUNS if thorough else 0):
        for power in finalists:
            seconds[power] = min(seconds[power], engines.theirs(cell, power).cpu_s)
    return min(finalists, key=seconds.__getitem__)


def measure_cells(
    cells: Sequence[Cell], hashpowers: Sequence[int], engines: Engines, runs: int, tell: Tell
) -> list[ReplayResult]:
    """Time all cells `runs` times, the engines taking turns."""
    theirs: list[list[Measured]] = [[] for _ in cells]
    ours: list[list[Measured]] = [[] for _ in cells]
    for run in range(runs):
        tell(f"replay: run {run + 1} of {runs}")
        for number, cell in enumerate(cells):
            theirs[number].append(engines.theirs(cell, hashpowers[number]))
            ours[number].append(engines.our(cell))
            compare_counts(cell, theirs[number][-1], ours[number][-1])
    return [
        ReplayResult(
            policy=cell.pair.title,
            trace=cell.workload.spec,
            memory_pages=cell.memory_pages,
            accesses=ours[number][0].accesses,
            misses=ours[number][0].misses,
            hashpower=hashpowers[number],
            libcachesim=Timing(tuple(m.cpu_s for m in theirs[number])),
            ours=Timing(tuple(m.cpu_s for m in ours[number])),
            their_misses=theirs[number][-1].misses,
            why_unequal=cell.pair.why_unequal,
        )
        for number, cell in enumerate(cells)
    ]


def measure_dense(workload: Workload, ours: Caller, runs: int, tell: Tell) -> DenseResult:
    """Time the numbering of pages by the keys that libCacheSim's file has."""
    tell(f"{workload.spec}: making page ids dense")
    answers = [ours.call(our_engine.make_dense, workload.path) for _ in range(runs)]
    return DenseResult(workload.spec, workload.accesses, answers[0][1], Timing(tuple(s for s, _ in answers)))
