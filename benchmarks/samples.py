"""Samples that are switched off cost nothing.

In: a trace with a size of memory, and how many runs. Out: CPU times of the same replay three ways, taking turns: with
nothing that could take samples, as `rext run` does it with samples switched off, and with some hundred samples.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.errors import BenchmarkError
from benchmarks.plan import KERNEL_POLICIES, Tell, TraceSizes
from benchmarks.tables import OK, SHORT, Table
from runtime.attach import native
from runtime.comparison import Listener
from runtime.jit.module import Variant
from runtime.machine import Machine
from runtime.memory_size import parse_memory_size
from runtime.program import Program, load_program
from runtime.regions import Lineup
from runtime.run import Run
from runtime.simulation import Simulation, walks_page_tables
from runtime.traces.model import Chunk
from runtime.workload import Workload, open_workloads

SAMPLES = 100
GOAL = 1.02
"""Times the CPU time without anything that could take samples, at most."""


@dataclass(frozen=True, slots=True)
class SamplesResult:
    """One policy: CPU seconds, the least of `runs` chunk by chunk."""

    policy: str
    trace: str
    memory_pages: int
    accesses: int
    runs: int
    without: float
    off: float
    on: float

    @property
    def ratio(self) -> float:
        """CPU time with samples switched off, to that without anything to take them."""
        return self.off / self.without


def measure_samples(wanted: TraceSizes, runs: int, tell: Tell) -> list[SamplesResult]:
    """Both of the kernel's own policies, with the first size of memory."""
    tell(f"samples: reading {wanted.spec}")
    (workload,) = open_workloads([wanted.spec], None, Listener().loading, threading.Event())
    pages = parse_memory_size(wanted.memory[0]).pages(workload.pages, workload.page_size)
    results = []
    for policy in KERNEL_POLICIES:
        tell(f"samples: {policy}")
        results.append(_measure(load_program(policy), workload, Machine(pages), runs))
    return results


def _measure(program: Program, workload: Workload, machine: Machine, runs: int) -> SamplesResult:
    ways: list[Callable[[], Way]] = [
        lambda: _bare(program, machine),
        lambda: _run(program, machine, 0),
        lambda: _run(program, machine, workload.accesses // SAMPLES),
    ]
    times: list[list[list[float]]] = [[], [], []]
    for _ in range(runs):
        misses = set()
        for way, found in zip(ways, times, strict=True):
            simulation, go = way()
            found.append([_seconds(go, chunk) for chunk in workload.events.chunks()])
            misses.add(simulation.counters()["misses"])
        if len(misses) != 1:
            raise BenchmarkError(f"{program.spec}: samples changed what was counted")
    without, off, on = (_steady(found) for found in times)
    accesses, pages = workload.accesses, machine.nr_pages
    return SamplesResult(program.spec, workload.name, pages, accesses, runs, without=without, off=off, on=on)


def _seconds(go: Callable[[Chunk], object], chunk: Chunk) -> float:
    begin = time.process_time()
    go(chunk)
    return time.process_time() - begin


def _steady(runs: list[list[float]]) -> float:
    """The sum over the chunks of the least time each took: what other work on the machine does to a run now here, now
    there, is left out."""
    return sum((min(times) for times in zip(*runs, strict=True)), 0.0)


Way = tuple[Simulation, Callable[[Chunk], object]]
"""A simulation, and what runs a chunk of it."""


def _bare(program: Program, machine: Machine) -> Way:
    """The replay with nothing between two chunks."""
    addressed = walks_page_tables([program.policy])
    lineup = Lineup((program.attachment,))
    simulation = Simulation(lineup.of_memcg, machine, native(lineup, Variant(addressed=addressed)), addressed)
    return simulation, simulation.run


def _run(program: Program, machine: Machine, every: int) -> Way:
    """The replay as commands do it."""
    run = Run(program, machine, (), every)
    return run.simulation, run.go


def samples_table(results: Sequence[SamplesResult]) -> Table:
    """What switched off samples cost, and what some cost."""
    rows = [
        (
            r.policy,
            r.trace,
            f"{r.memory_pages:,}p",
            f"{r.without:.3f}",
            f"{r.off:.3f}",
            f"{r.ratio:.3f}",
            OK if r.ratio <= GOAL else SHORT,
            f"{r.on / r.without:.3f}",
        )
        for r in results
    ]
    return Table(
        "Samples that are switched off",
        "CPU seconds of a replay in the kernel model, of each chunk the least of"
        f" {results[0].runs if results else 0} runs, taking turns: without anything that could take samples, and with"
        f" samples switched off (goal: at most {GOAL:g} times that). For comparison: so many times as long with"
        f" {SAMPLES} samples.",
        ("policy", "trace", "memory", "without", "switched off", "ratio", "goal", f"{SAMPLES} samples"),
        tuple(rows),
        left=2,
    )
