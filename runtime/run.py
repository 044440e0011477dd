"""One cell of a comparison: a policy, a trace, a size of memory.

In: a `Program` (or the `Future` of `opt`), a trace, a `Machine`. Out: a `Row`. The trace is read in another thread
while native code runs, a chunk at a time; between chunks the caller hears how far it is and may cancel, and then the
row holds what there is so far.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from runtime.executors import NativeExecutor
from runtime.jit.module import hook_names
from runtime.opt import Future
from runtime.program import Program
from runtime.simulation import Machine, Simulation
from runtime.traces.model import Chunk, TraceInfo
from runtime.traces.prefetch import Prefetch

FINISHED, STOPPED, INTERRUPTED = "finished", "stopped", "interrupted"

Progress = Callable[[int], None]
"""Called with the number of accesses done since the last call."""


class Events(Protocol):
    """A trace: `runtime.traces.trace.Trace` or `LoadedTrace`."""

    @property
    def info(self) -> TraceInfo: ...
    def chunks(self, size: int = ...) -> Iterator[Chunk]: ...


@dataclass(frozen=True, slots=True)
class Row:
    """The result of a cell. `cpu_s` is the CPU time of the replay alone, in seconds; `scanned` the folios looked at;
    `counters` the core's, by their names in the kernel where it has them. `status`: `finished`, `stopped` (the policy
    made no progress; `message` says where) or `interrupted`. `worst_case_steps`: the verifier's bound on one call of
    each hook, a + b·n with n the folios this memory holds."""

    policy: str
    trace: str
    model: str
    memory_pages: int
    accesses: int
    hits: int
    misses: int
    evictions: int
    refaults: int
    scanned: int
    cpu_s: float
    status: str = FINISHED
    message: str = ""
    counters: dict[str, int] = field(default_factory=dict)
    worst_case_steps: dict[str, int] = field(default_factory=dict)

    @property
    def accesses_per_cpu_s(self) -> float:
        return self.accesses / self.cpu_s if self.cpu_s > 0 else 0.0

    @property
    def hit_ratio(self) -> float:
        return self.hits / self.accesses if self.accesses else 0.0

    @property
    def miss_ratio(self) -> float:
        return self.misses / self.accesses if self.accesses else 0.0


def run_program(
    program: Program, trace: Events, machine: Machine, progress: Progress, cancelled: threading.Event
) -> Row:
    """Run a policy over a trace. `AttachError` if it does not fit the machine."""
    simulation = Simulation(program.policy, program.params, machine, NativeExecutor(program.native(machine.ideal)))
    status, cpu = FINISHED, 0.0
    with Prefetch(trace.chunks()) as chunks:
        for chunk in chunks:
            if cancelled.is_set():
                status = INTERRUPTED
                break
            begin = time.thread_time()
            simulation.run(chunk)
            cpu += time.thread_time() - begin
            progress(chunk.accesses)
            if simulation.stopped:
                status = STOPPED
                break
    return _row(program, trace, machine, simulation, status, cpu)


def _row(program: Program, trace: Events, machine: Machine, simulation: Simulation, status: str, cpu: float) -> Row:
    counters = simulation.counters()
    message = ""
    if status == STOPPED:
        hint = "evict_folios must propose one within the effort of a reclaim"
        if "evict_folios" not in hook_names(program.policy):
            hint = "it has no hook evict_folios"
        message = (
            f"{program.spec} proposed no folio that could be reclaimed at access {counters['accesses']:,}, with"
            f" {simulation.resident:,} resident: {hint}"
        )
    return Row(
        policy=program.spec,
        trace=trace.info.name,
        model="ideal" if machine.ideal else "kernel",
        memory_pages=machine.nr_pages,
        accesses=counters["accesses"],
        hits=counters["hits"],
        misses=counters["misses"],
        evictions=counters["evictions"],
        refaults=counters["refaults"],
        scanned=counters["pgscan_kswapd"] + counters["pgscan_direct"],
        cpu_s=cpu,
        status=status,
        message=message,
        counters=counters,
        worst_case_steps={c.hook: c.constant + c.per_folio * machine.nr_pages for c in program.costs},
    )


def run_opt(future: Future, trace: Events, machine: Machine, progress: Progress, cancelled: threading.Event) -> Row:
    """The offline optimum for this size of memory. It knows neither writes nor reclaim: those counters are 0."""
    before = 0

    def goes_on(done: int, _misses: int) -> bool:
        nonlocal before
        progress(done - before)
        before = done
        return not cancelled.is_set()

    begin = time.thread_time()
    accesses, misses = future.misses(machine.nr_pages, goes_on)
    cpu = time.thread_time() - begin
    return Row(
        policy="opt",
        trace=trace.info.name,
        model="ideal" if machine.ideal else "kernel",
        memory_pages=machine.nr_pages,
        accesses=accesses,
        hits=accesses - misses,
        misses=misses,
        evictions=max(misses - machine.nr_pages, 0),
        refaults=max(misses - future.nr_pages, 0),
        scanned=0,
        cpu_s=cpu,
        status=FINISHED if accesses == len(future.page) else INTERRUPTED,
    )
