"""Two simulations at a time against one after the other.

In: a trace with a size of memory, and how many runs. Out: wall times of two equal simulations with one job and with
two, by the threads that `rext compare --jobs` uses, taking turns. The trace is in memory and the code compiled before.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.errors import BenchmarkError
from benchmarks.plan import MODELS, PAIRS, Tell, TraceSizes
from benchmarks.timing import Timing
from runtime.comparison import Cell, Listener, plan_cells, run_cells
from runtime.jit.module import Variant
from runtime.program import load_program, native_code
from runtime.run_settings import run_settings
from runtime.workload import Workload, open_workloads


@dataclass(frozen=True, slots=True)
class JobsResult:
    """Wall times of two simulations of a policy. `cores`: how many the two got at a time (CPU time by wall time);
    well below 2, something else was running."""

    policy: str
    model: str
    trace: str
    memory_pages: int
    one_by_one: Timing
    together: Timing
    cores: float

    @property
    def ratio(self) -> float:
        """Throughput of two jobs against one, best against best."""
        return self.one_by_one.best / self.together.best


def measure_jobs(wanted: TraceSizes, runs: int, tell: Tell) -> list[JobsResult]:
    """Every policy of the replay, in both models, with the first size of memory."""
    tell(f"two jobs: reading {wanted.spec}")
    workloads = open_workloads([wanted.spec], None, Listener().loading, threading.Event())
    results = []
    for model in MODELS:
        for pair in PAIRS:
            tell(f"two jobs: {pair.program}, model {model}")
            results.append(_measure(pair.program, model, workloads, wanted.memory[0], runs))
    return results


def _measure(policy: str, model: str, workloads: Sequence[Workload], memory: str, runs: int) -> JobsResult:
    program, settings = load_program(policy), run_settings({"model": model, "memory": memory})
    native_code([program], Variant(model == "ideal"))
    cells = plan_cells([program, program], workloads, settings)
    one_by_one, together = [], []
    for _ in range(runs):
        one_by_one.append(_seconds(cells, 1))
        together.append(_seconds(cells, 2))
    best_wall, its_cpu = min(together)
    return JobsResult(
        policy=policy,
        model=model,
        trace=workloads[0].name,
        memory_pages=cells[0].machine.nr_pages,
        one_by_one=Timing(tuple(wall for wall, _ in one_by_one)),
        together=Timing(tuple(wall for wall, _ in together)),
        cores=its_cpu / best_wall,
    )


def _seconds(cells: Sequence[Cell], jobs: int) -> tuple[float, float]:
    """Wall and CPU seconds of all cells."""
    begin, cpu = time.perf_counter(), time.process_time()
    rows = run_cells(cells, jobs, Listener(), threading.Event())
    seconds = time.perf_counter() - begin, time.process_time() - cpu
    if len({row.misses for row in rows if row is not None}) != 1:
        raise BenchmarkError(f"{cells[0].name}: two equal simulations gave different results")
    return seconds
