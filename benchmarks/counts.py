"""`python -m benchmarks.counts DIR`: miss counts against those of other implementations, over a directory of traces.

In: a directory of traces in the format PGT1 (`NAME.pgt`, `NAME.pgt.xz`) and a CSV with the columns `trace`,
`cache_pages`, `policy` and `miss_ratio` (default: `reference_miss_ratios.csv` in it). Out: the rows in which the
program misses more or less in the ideal model, and a summary for each policy. Miss ratios in the CSV are rounded, so
counts are held to be equal if they round to the same ratio. Exit status 1 if rows differ that should not: where the
reference itself is known to be unsound (`UNSOUND`) rows are run and counted, but not held against the program.
"""

from __future__ import annotations

import argparse
import csv
import functools
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import BenchmarkError
from runtime.executors import NativeExecutor
from runtime.jit.module import Variant
from runtime.machine import Machine
from runtime.opt import Future
from runtime.program import Program, ProgramError, load_program, native_code
from runtime.simulation import Simulation
from runtime.traces import load, open_trace
from runtime.traces.errors import TraceError
from runtime.traces.model import FREE, Chunk

REFERENCE = "reference_miss_ratios.csv"
PROGRAMS = {
    "FIFO": "fifo",
    "LRU": "strict_lru",
    "Clock": "clock",
    "Sieve": "sieve",
    "S3FIFO": "s3fifo",
    "LFU": "lfu",
    "SLRU": "slru:evict_on_hit=1",
    "TwoQ": "twoq",
    "ARC": "arc",
    "LIRS-author": "lirs",
    "Belady": "opt",
}
"""By name in the CSV; others are left out. libCacheSim's LIRS strays from its author's program, and its WTinyLFU and
LeCaR have sizes, sketches and random numbers of their own."""


@dataclass(frozen=True, slots=True)
class Unsound:
    """Sizes of memory at which the reference does something else than the algorithm."""

    applies: Callable[[int], bool]
    reason: str


UNSOUND = {
    "S3FIFO": Unsound(lambda size: size < 20, "below 20 pages its small queue has room for one page or none"),
    "TwoQ": Unsound(lambda size: size < 4, "below 4 pages A1in has no room, and nothing is ever cached"),
}


@dataclass(frozen=True, slots=True)
class Reference:
    """A row of the CSV."""

    trace: str
    size: int
    policy: str
    miss_ratio: str


@dataclass(frozen=True, slots=True)
class Result:
    """A row beside what the program did."""

    reference: Reference
    accesses: int
    misses: int

    @property
    def equal(self) -> bool:
        """Whether the count rounds to the ratio in the CSV, with as many digits as that has."""
        digits = len(self.reference.miss_ratio.partition(".")[2])
        off = abs(self.misses / self.accesses - float(self.reference.miss_ratio))
        return off <= 0.500001 * 10.0**-digits

    @property
    def excused(self) -> bool:
        unsound = UNSOUND.get(self.reference.policy)
        return unsound is not None and unsound.applies(self.reference.size)


def references(path: Path, only: Sequence[str]) -> list[Reference]:
    """The rows that a program is held against."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [
            Reference(r["trace"], int(r["cache_pages"]), r["policy"], r["miss_ratio"]) for r in csv.DictReader(file)
        ]
    return [row for row in rows if row.policy in (only or PROGRAMS)]


def trace_file(directory: Path, name: str) -> Path:
    """The file of a trace."""
    for ending in (".pgt.xz", ".pgt"):
        if (path := directory / f"{name}{ending}").exists():
            return path
    raise BenchmarkError(f"{directory} has no trace {name}.pgt.xz, which the reference names")


def accesses_of(path: Path) -> Chunk:
    """All accesses of a trace; what is freed is left out, as others do."""
    loaded = load(open_trace(str(path)))
    used = (loaded.flags & FREE) == 0
    return Chunk(loaded.page[used], loaded.flags[used], loaded.nr_pages)


@functools.cache
def _program(name: str) -> tuple[Program, NativeExecutor]:
    program = load_program(name)
    return program, NativeExecutor(native_code([program], Variant(ideal=True)))


def misses_of(name: str, trace: Chunk, size: int) -> int:
    """How often a program misses in the ideal model."""
    if name == "opt":
        return Future(trace.page, trace.flags, trace.nr_pages).misses(size, lambda *_: True)[1]
    program, code = _program(name)
    simulation = Simulation(program.attachment, Machine(size, ideal=True), code)
    simulation.run(trace)
    if simulation.stopped:
        raise BenchmarkError(f"{name} stood still with {size} pages")
    return simulation.counters()["misses"]


def compare(directory: Path, rows: Sequence[Reference]) -> Iterator[Result]:
    """Run what the rows name, trace by trace."""
    for name in dict.fromkeys(row.trace for row in rows):
        trace = accesses_of(trace_file(directory, name))
        for row in rows:
            if row.trace == name:
                yield Result(row, len(trace.page), misses_of(PROGRAMS[row.policy], trace, row.size))


def difference(result: Result) -> str:
    """One line for a row that differs."""
    row = result.reference
    others = round(float(row.miss_ratio) * result.accesses)
    excuse = f" ({UNSOUND[row.policy].reason})" if result.excused else ""
    return f"{row.policy} on {row.trace} with {row.size:,} pages: {result.misses:,} misses, not {others:,}{excuse}"


def summary(results: Sequence[Result]) -> str:
    """For each policy how many rows are equal, differ, and differ where the reference is unsound."""
    lines = [f"{'policy':<12} {'program':<20} {'rows':>5} {'equal':>5} {'differ':>6} {'unsound':>7}"]
    for policy, program in PROGRAMS.items():
        own = [result for result in results if result.reference.policy == policy]
        if own:
            kinds = Counter("equal" if r.equal else "unsound" if r.excused else "differ" for r in own)
            counts = f"{len(own):>5} {kinds['equal']:>5} {kinds['differ']:>6} {kinds['unsound']:>7}"
            lines.append(f"{policy:<12} {program:<20} {counts}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run with these arguments (default: the process's)."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.counts", description="Compare miss counts with others'."
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="of traces: NAME.pgt or NAME.pgt.xz")
    parser.add_argument("--reference", type=Path, metavar="CSV", help=f"default: {REFERENCE} in DIR")
    parser.add_argument(
        "--only", action="append", default=[], choices=PROGRAMS, metavar="POLICY", help="may be repeated"
    )
    arguments = parser.parse_args(argv)
    results: list[Result] = []
    try:
        rows = references(arguments.reference or arguments.directory / REFERENCE, arguments.only)
        for result in compare(arguments.directory, rows):
            results.append(result)
            if not result.equal:
                print(difference(result), flush=True)
    except (BenchmarkError, ProgramError, TraceError, OSError, KeyError) as error:
        print(f"benchmarks.counts: error: {error}", file=sys.stderr)
        return 2
    print(summary(results))
    return 1 if any(not result.equal and not result.excused for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
