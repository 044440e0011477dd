"""The kernel's algorithms in the language against the same built in: CPU time side by side.

In: traces with sizes of memory, and how many runs. Out: for each algorithm CPU times of the built-in policy and of its
twin in `programs/`, which take turns. They make the same decisions, so they do the same work: unequal counters end the
benchmark.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.errors import BenchmarkError
from benchmarks.plan import Tell, TraceSizes
from benchmarks.tables import OK, SHORT, Table
from runtime.comparison import Listener
from runtime.executors import NativeExecutor
from runtime.jit.module import Variant
from runtime.machine import Machine
from runtime.memory_size import parse_memory_size
from runtime.program import Program, load_program, native_code
from runtime.simulation import Simulation, walks_page_tables
from runtime.traces.model import Chunk
from runtime.workload import Workload, open_workloads

TWINS = ("lru", "mglru")
GOAL = 1.05
"""Times the CPU time of the built-in policy, at most."""


@dataclass(frozen=True, slots=True)
class TwinResult:
    """One algorithm on one trace: CPU seconds, of each chunk the least of `runs`."""

    twin: str
    trace: str
    memory_pages: int
    accesses: int
    runs: int
    builtin: float
    own: float

    @property
    def ratio(self) -> float:
        """CPU time of the twin, to that of the built-in policy."""
        return self.own / self.builtin


def measure_twins(wanted: Sequence[TraceSizes], runs: int, tell: Tell) -> list[TwinResult]:
    """Both algorithms on every trace and size, in the kernel model."""
    results = []
    for trace in wanted:
        tell(f"twins: reading {trace.spec}")
        (workload,) = open_workloads([trace.spec], None, Listener().loading, threading.Event())
        for size in trace.memory:
            pages = parse_memory_size(size).pages(workload.pages, workload.page_size)
            for twin in TWINS:
                tell(f"twins: {twin} on {trace.spec} with {pages:,} pages")
                results.append(_measure(twin, workload, Machine(pages), runs))
    return results


def _measure(twin: str, workload: Workload, machine: Machine, runs: int) -> TwinResult:
    programs = [load_program(f"builtin:{twin}"), load_program(twin)]
    times: list[list[list[float]]] = [[], []]
    for run in range(runs):
        counters = []
        for number in (0, 1) if run % 2 else (1, 0):
            simulation = _simulation(programs[number], machine)
            times[number].append([_seconds(simulation, chunk) for chunk in workload.events.chunks()])
            counters.append(simulation.counters())
        if counters[0] != counters[1]:
            raise BenchmarkError(f"{twin} on {workload.name}: the twin decided otherwise than the built-in policy")
    builtin, own = (_steady(found) for found in times)
    return TwinResult(twin, workload.name, machine.nr_pages, workload.accesses, runs, builtin, own)


def _simulation(program: Program, machine: Machine) -> Simulation:
    addressed = walks_page_tables([program.policy])
    code = NativeExecutor(native_code([program], Variant(addressed=addressed)))
    return Simulation(program.attachment, machine, code, addressed)


def _seconds(simulation: Simulation, chunk: Chunk) -> float:
    begin = time.thread_time()
    simulation.run(chunk)
    return time.thread_time() - begin


def _steady(runs: list[list[float]]) -> float:
    """The sum over the chunks of the least time each took, so that other work on the machine, which slows now this
    chunk, now that, counts for little."""
    return sum((min(times) for times in zip(*runs, strict=True)), 0.0)


def twins_table(results: Sequence[TwinResult]) -> Table:
    """What the language costs."""
    rows = [
        (
            r.twin,
            r.trace,
            f"{r.memory_pages:,}p",
            f"{r.accesses / r.builtin / 1e6:.1f}",
            f"{r.accesses / r.own / 1e6:.1f}",
            f"{r.ratio:.3f}",
            OK if r.ratio <= GOAL else SHORT,
        )
        for r in results
    ]
    runs = results[0].runs if results else 0
    return Table(
        "Twins: the same algorithm built in and in the language",
        "Million accesses per CPU second, kernel model: `builtin:lru` and `builtin:mglru`, and `programs/lru.rx` and"
        f" `programs/mglru.rx`, taking turns; of each chunk of the trace the least of {runs} runs. All counters of both"
        f" were compared in every run, and equal. Ratio: CPU time of the twin to that of the built-in policy; goal: at"
        f" most {GOAL:g}.",
        ("algorithm", "trace", "memory", "built in", "in the language", "CPU time ratio", "goal"),
        tuple(rows),
        left=2,
    )
