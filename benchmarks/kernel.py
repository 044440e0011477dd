"""The kernel's own algorithms in the kernel model: accesses per CPU second, and what they take of memory.

In: traces with sizes of memory. Out: for `builtin:lru` and `builtin:mglru` on each the timing, the hit ratio, the
timing of libCacheSim's LRU on the same accesses and memory, and bytes a resident folio and a page of the trace take.
Where nearly all accesses hit, the goal is a figure of its own; else it is libCacheSim's LRU, the fastest of its kind.
`measure_large` fills a memory of many folios to see that it works.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import libcachesim_engine
from benchmarks.errors import BenchmarkError
from benchmarks.plan import KERNEL_POLICIES, Tell, TraceSizes
from benchmarks.replay import FINALISTS, hashpowers_for
from benchmarks.timing import Timing
from benchmarks.worker import Caller, Worker
from runtime.core import layout as core
from runtime.executors import NativeExecutor
from runtime.jit.module import Variant
from runtime.machine import Machine
from runtime.memory_size import parse_memory_size
from runtime.program import load_program, native_code
from runtime.simulation import Simulation, walks_page_tables
from runtime.traces import LoadedTrace, commands, load, open_trace
from runtime.traces.oracle import FORMAT

BY_FOLIO = ("folios", "dirty_queue")
BY_PAGE = ("page_table", "pte_page", "page_slot")
"""Regions that grow with memory, and with the pages of the trace."""
SMALLEST = 16
"""Bytes of a region that holds nothing."""
LARGE_CHUNK = 1 << 22


@dataclass(frozen=True, slots=True)
class KernelMeasured:
    """One run: CPU seconds of the replay, what it counted, bytes per resident folio and per page of the trace."""

    cpu_s: float
    accesses: int
    hits: int
    folio_bytes: float
    page_bytes: float


@dataclass(frozen=True, slots=True)
class KernelResult:
    """A policy on a trace with a size of memory, beside libCacheSim's LRU."""

    policy: str
    trace: str
    memory_pages: int
    accesses: int
    hit_ratio: float
    folio_bytes: float
    page_bytes: float
    ours: Timing
    libcachesim: Timing

    @property
    def ratio(self) -> float:
        """How many times the accesses per CPU second of libCacheSim's LRU, best against best."""
        return self.libcachesim.best / self.ours.best


@dataclass(frozen=True, slots=True)
class LargeResult:
    """A run that fills memory: CPU seconds, resident folios, and bytes of the simulation's memory in use."""

    policy: str
    resident: int
    evictions: int
    cpu_s: float
    bytes: int


@functools.cache
def _trace(spec: str) -> LoadedTrace:
    return load(open_trace(spec))


def run_kernel(spec: str, policy: str, nr_pages: int) -> KernelMeasured:
    """Run a policy over a whole trace in the kernel model; called in a process of its own."""
    trace, program = _trace(spec), load_program(policy)
    addressed = walks_page_tables([program.policy])
    code = NativeExecutor(native_code([program], Variant(addressed=addressed)))
    simulation = Simulation(program.attachment, Machine(nr_pages), code, addressed)
    begin = time.process_time()
    for chunk in trace.chunks():
        simulation.run(chunk)
    seconds = time.process_time() - begin
    counters, pages = simulation.counters(), chunk.nr_pages
    sizes = {name: len(region) for name, region in simulation.regions.items()}
    used = sum(min(sizes[name], pages * core.VIEWS[name].bits // 8) for name in BY_PAGE if sizes[name] > SMALLEST)
    return KernelMeasured(
        seconds, counters["accesses"], counters["hits"], sum(sizes[name] for name in BY_FOLIO) / nr_pages, used / pages
    )


def measure_kernel(wanted: Sequence[TraceSizes], runs: int, folder: Path, tell: Tell) -> list[KernelResult]:
    """Every policy on every trace and size, the engines taking turns."""
    results = []
    with Worker("libCacheSim") as theirs, Worker("reclaim-ext") as ours:
        for number, trace in enumerate(wanted):
            tell(f"kernel model: {trace.spec}")
            path = str(folder / f"kernel-{number}.oracleGeneral.bin")
            commands.convert(trace.spec, path, format=FORMAT)
            for nr_pages in _sizes(trace):
                power = _hashpower(path, nr_pages, theirs)
                for policy in KERNEL_POLICIES:
                    results.append(_measure(policy, trace.spec, path, nr_pages, power, runs, theirs, ours))
    return results


def _sizes(trace: TraceSizes) -> list[int]:
    opened = open_trace(trace.spec)
    for chunk in opened.chunks():
        pages = chunk.nr_pages
    return [parse_memory_size(text).pages(pages, opened.info.page_size) for text in trace.memory]


def _hashpower(path: str, nr_pages: int, theirs: Caller) -> int:
    """The size of hash table with which libCacheSim's LRU is fastest."""
    seconds = {
        power: theirs.call(libcachesim_engine.replay, path, "LRU", nr_pages, power).cpu_s
        for power in hashpowers_for(nr_pages)
    }
    finalists = sorted(seconds, key=seconds.__getitem__)[:FINALISTS]
    return min(finalists, key=lambda p: theirs.call(libcachesim_engine.replay, path, "LRU", nr_pages, p).cpu_s)


def _measure(
    policy: str, spec: str, path: str, nr_pages: int, power: int, runs: int, theirs: Caller, ours: Caller
) -> KernelResult:
    rival, own = [], []
    for _ in range(runs):
        rival.append(theirs.call(libcachesim_engine.replay, path, "LRU", nr_pages, power))
        own.append(ours.call(run_kernel, spec, policy, nr_pages))
    if rival[0].accesses != own[0].accesses:
        raise BenchmarkError(f"{spec}: libCacheSim ran {rival[0].accesses:,} accesses, we {own[0].accesses:,}")
    return KernelResult(
        policy=policy,
        trace=spec,
        memory_pages=nr_pages,
        accesses=own[0].accesses,
        hit_ratio=own[0].hits / own[0].accesses,
        folio_bytes=own[0].folio_bytes,
        page_bytes=own[0].page_bytes,
        ours=Timing(tuple(m.cpu_s for m in own)),
        libcachesim=Timing(tuple(m.cpu_s for m in rival)),
    )


# --- many folios ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stretch:
    """A chunk of first accesses to pages in order."""

    page: np.ndarray[tuple[int], np.dtype[np.uint32]]
    flags: np.ndarray[tuple[int], np.dtype[np.uint8]]
    nr_pages: int
    keys: None = None


def fill(policy: str, nr_pages: int) -> LargeResult:
    """Read pages in order until memory is full, and a tenth more; called in a process of its own."""
    program = load_program(policy)
    code = NativeExecutor(native_code([program], Variant()))
    simulation = Simulation(program.attachment, Machine(nr_pages), code)
    seconds, flags = 0.0, np.full(LARGE_CHUNK, core.E_FILE | core.E_SYSCALL, np.uint8)
    for first in range(0, nr_pages + nr_pages // 10, LARGE_CHUNK):
        stretch = Stretch(np.arange(first, first + LARGE_CHUNK, dtype=np.uint32), flags, first + LARGE_CHUNK)
        begin = time.process_time()
        simulation.run(stretch)
        seconds += time.process_time() - begin
    total = sum(len(region) for region in simulation.regions.values())
    return LargeResult(policy, simulation.resident, simulation.counters()["evictions"], seconds, total)


def measure_large(nr_pages: int, tell: Tell) -> list[LargeResult]:
    """Fill so many folios with each policy, one after the other."""
    results = []
    for policy in KERNEL_POLICIES:
        tell(f"{policy}: {nr_pages:,} resident folios")
        with Worker("reclaim-ext") as ours:
            results.append(ours.call(fill, policy, nr_pages))
    return results
