"""From the memory of a simulation of a scenario to its rows.

In: a simulation that has ended, its plan, and how it ended. Out: a `ScenarioRow`. What the core counts per memcg is
summed up over the memcgs below, so that the first row is the whole and equals the run's own counters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runtime.core import layout as core
from runtime.ejection import Ejection
from runtime.program import Program
from runtime.scenario.plan import Plan
from runtime.scenario.row import (
    EJECTED,
    FINISHED,
    INTERRUPTED,
    KILLED,
    MemcgRow,
    MemcgSample,
    NodeRow,
    ScenarioRow,
    TaskRow,
)
from runtime.simulation import Simulation
from runtime.times import Latencies, Times, latencies, times_of


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended, and what was noted on the way."""

    status: str
    cpu_s: float
    samples: tuple[MemcgSample, ...] = ()
    notes: tuple[str, ...] = ()
    ejections: tuple[Ejection, ...] = ()


def scenario_row(
    simulation: Simulation, plan: Plan, policy: str, programs: Sequence[Program], ending: Ending
) -> ScenarioRow:
    """The result; `programs[m]` is what memcg `m` began with."""
    times = times_of(simulation)
    assert times is not None, "a scenario is of the kernel model"
    tasks = task_rows(simulation, plan)
    return ScenarioRow(
        policy=policy,
        scenario=plan.name,
        memory_pages=plan.machine.nr_pages,
        status=EJECTED if ending.ejections and ending.status == FINISHED else ending.status,
        cpu_s=ending.cpu_s,
        time_ns=times.simulated,
        kswapd_ns=times.kswapd,
        proactive_ns=times.proactive,
        memcgs=tuple(memcg_row(simulation, plan, times, number, program) for number, program in enumerate(programs)),
        tasks=tuple(tasks),
        nodes=tuple(node_rows(simulation)),
        samples=ending.samples,
        notes=ending.notes,
        ejections=ending.ejections,
    )


def memcg_row(simulation: Simulation, plan: Plan, times: Times, number: int, program: Program) -> MemcgRow:
    """The row of a memcg and all below it."""
    has_tasks = any(task.memcg == number for task in plan.machine.all_tasks)
    row = simulation.table("memcgs")[number]
    below = range(number, int(row[core.SUBTREE_END]))
    return MemcgRow(
        memcg=plan.paths[number],
        policy=program.spec,
        memory_pages=int(row[core.MEMORY_USAGE]),
        swap_pages=int(row[core.SWAP_USAGE]),
        counters=simulation.counters() if number == 0 else counters_of(simulation, below),
        pressure=times.memcgs[number].pressure,
        latencies=latencies_of(simulation, below),
        reclaim_ns=_sum(simulation, below, core.MEMCG_RECLAIM_TIME),
        throttled_ns=_sum(simulation, below, core.HIGH_DELAY),
        oom_killed=bool(row[core.OOM_KILLED]),
        fixed=plan.policies[number] is not None,
        has_tasks=has_tasks,
        metadata_bytes_per_folio=program.metadata(plan.machine.memcg_pages(number)).per_folio if has_tasks else None,
    )


def counters_of(simulation: Simulation, memcgs: range) -> dict[str, int]:
    """The counters of several memcgs together."""
    table = simulation.table("memcgs")[memcgs.start : memcgs.stop]
    return {name: int(table[:, core.MEMCG_COUNTERS + word].sum()) for name, word in core.COUNTERS.items()}


def latencies_of(simulation: Simulation, memcgs: range) -> Latencies:
    """How long the accesses of several memcgs took."""
    histogram = simulation.table("latencies")[memcgs.start : memcgs.stop].sum(axis=0)
    longest = simulation.table("memcgs")[memcgs.start : memcgs.stop, core.LATENCY_MAX].max()
    return latencies(histogram.tolist(), int(longest))


def _sum(simulation: Simulation, memcgs: range, word: int) -> int:
    return int(simulation.table("memcgs")[memcgs.start : memcgs.stop, word].sum())


def task_rows(simulation: Simulation, plan: Plan) -> list[TaskRow]:
    table, histograms = simulation.table("tasks"), simulation.table("task_latencies")
    rows = []
    for number, task in enumerate(plan.machine.all_tasks):
        row = table[number]
        status = FINISHED if row[core.TASK_ENDED] == core.ENDED else INTERRUPTED
        rows.append(
            TaskRow(
                task=task.name,
                memcg=plan.paths[task.memcg],
                status=KILLED if row[core.TASK_KILLED] else status,
                accesses=int(row[core.TASK_ACCESSES]),
                hits=int(row[core.TASK_HITS]),
                time_ns=int(row[core.TASK_CLOCK]),
                stalled_ns=int(row[core.TASK_STALLED]),
                latencies=latencies(histograms[number].tolist(), int(row[core.TASK_LATENCY_MAX])),
            )
        )
    return rows


def node_rows(simulation: Simulation) -> list[NodeRow]:
    table = simulation.table("nodes")
    return [
        NodeRow(node.name, node.nr_pages, int(table[number, core.NODE_USAGE]))
        for number, node in enumerate(simulation.machine.all_nodes)
    ]
