"""One cell of a comparison: a policy, a trace, a size of memory.

In: a `Program` (or the `Future` of `opt`), a trace, a `Machine`, and policies to change to on the way. Out: a `Row`.
The trace is read in another thread while native code runs, a chunk at a time; between chunks the caller hears how far
it is and may cancel, and then the row holds what there is so far. A policy that makes no progress is ejected: the run
goes on with the built-in LRU from the very access at which it stood still.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from runtime.attach import FALLBACK, native
from runtime.core.layout import STATUS_NO_PROGRESS
from runtime.ejection import Ejection, eject, memcg_to_blame
from runtime.jit.module import Variant
from runtime.machine import Machine
from runtime.opt import Future
from runtime.program import Program
from runtime.regions import Lineup
from runtime.row import EJECTED, FINISHED, INTERRUPTED, OUT_OF_MEMORY, Row
from runtime.samples import Sampler
from runtime.simulation import Simulation, walks_page_tables
from runtime.switches import Schedule, Switch
from runtime.times import times_of
from runtime.traces.model import Chunk, TraceInfo
from runtime.traces.prefetch import Prefetch

Progress = Callable[[int], None]
"""Called with the number of accesses done since the last call."""


class Events(Protocol):
    """A trace: `runtime.traces.trace.Trace` or `LoadedTrace`."""

    @property
    def info(self) -> TraceInfo: ...
    def chunks(self, size: int = ...) -> Iterator[Chunk]: ...


def run_program(
    program: Program,
    trace: Events,
    machine: Machine,
    progress: Progress,
    cancelled: threading.Event,
    switches: Sequence[Switch] = (),
    sample_every: int = 0,
) -> Row:
    """Run a policy over a trace. `AttachError` if it, or one of the `switches`, does not fit the machine."""
    run = Run(program, machine, switches, sample_every)
    with Prefetch(trace.chunks()) as chunks:
        for chunk in chunks:
            if cancelled.is_set():
                run.status = INTERRUPTED
                break
            run.go(chunk)
            progress(chunk.accesses)
            if run.status == OUT_OF_MEMORY:
                break
    return run.row(trace.info.name)


class Run:
    """One simulation from its first chunk to its `Row`. `status` is as in a row, `cpu_s` the CPU time so far."""

    def __init__(
        self, program: Program, machine: Machine, switches: Sequence[Switch] = (), sample_every: int = 0
    ) -> None:
        self._program, self._machine = program, machine
        self._specs = [program.spec] * len(machine.all_memcgs)
        self._schedule = Schedule(switches, machine)
        self._sampler = Sampler(sample_every)
        self.status, self.cpu_s = FINISHED, 0.0
        self.ejections: list[Ejection] = []
        policies = [program.policy, *(switch.program.policy for switch in switches)]
        addressed = walks_page_tables(policies) and not machine.ideal
        lineup = Lineup((program.attachment,) * len(machine.all_memcgs))
        code = native(lineup, Variant(machine.ideal, machine.single, addressed))
        self.simulation = Simulation(lineup.of_memcg, machine, code, addressed)

    def go(self, chunk: Chunk) -> None:
        """Run a chunk to its end, unless memory runs out: the status says so."""
        at = 0
        while at < len(chunk.page):
            self._change_policies()
            self._sampler.take_if_due(self.simulation)
            end = self._schedule.stretch(self.simulation, chunk, at)
            end = self._sampler.stretch(self.simulation, chunk, at, end)
            begin = time.thread_time()
            at = self.simulation.run(chunk, at, end)
            self.cpu_s += time.thread_time() - begin
            if self.simulation.status == STATUS_NO_PROGRESS:
                self._eject()
            elif self.simulation.stopped:
                self.status = OUT_OF_MEMORY
                break

    def _change_policies(self) -> None:
        for switch in self._schedule.apply(self.simulation):
            self._specs[switch.number(self._machine)] = switch.policy

    def _eject(self) -> None:
        memcg = memcg_to_blame(self.simulation)
        self.ejections.append(eject(self.simulation, self._specs[memcg]))
        self._specs[memcg] = FALLBACK
        self.status = EJECTED

    def row(self, trace: str) -> Row:
        """What there is so far, as a row."""
        counters = self.simulation.counters()
        return Row(
            policy=self._program.spec,
            trace=trace,
            model="ideal" if self._machine.ideal else "kernel",
            memory_pages=self._machine.nr_pages,
            accesses=counters["accesses"],
            hits=counters["hits"],
            misses=counters["misses"],
            evictions=counters["evictions"],
            refaults=counters["refaults"],
            scanned=counters["pgscan_kswapd"] + counters["pgscan_direct"] + counters["pgscan_proactive"],
            cpu_s=self.cpu_s,
            status=self.status,
            message=self._message(),
            counters=counters,
            worst_case_steps={c.hook: c.constant + c.per_folio * self._machine.nr_pages for c in self._program.costs},
            ejections=tuple(self.ejections),
            switches=tuple(switch.text for switch in self._schedule.done),
            never_switched=self._never_switched(),
            times=times_of(self.simulation),
            samples=self._sampler.finish(self.simulation),
            metadata_bytes_per_folio=self._program.metadata(self._machine.nr_pages).per_folio,
        )

    def _never_switched(self) -> tuple[str, ...]:
        """Switches past the end of the trace; none if the run did not come there."""
        reached_end = self.status in (FINISHED, EJECTED)
        return tuple(switch.text for switch in self._schedule.waiting) if reached_end else ()

    def _message(self) -> str:
        """What a user is to know of a run that did not finish as it began."""
        sentences = [ejection.summary for ejection in self.ejections]
        if self.status == OUT_OF_MEMORY:
            accesses = self.simulation.counters()["accesses"]
            sentences.append(
                f"out of memory at access {accesses:,}: of {self.simulation.resident:,} resident folios none can be"
                " reclaimed (anonymous ones need swap, and swappiness above 0)"
            )
        return "; ".join(sentences)


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
