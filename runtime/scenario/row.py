"""The result of running a scenario with one policy.

In: nothing; `runtime/scenario/run.py` fills them. Out: rows: one for the machine as a whole, one for each memcg with
all below it, one for each task and each node. All are plain data.
"""

from __future__ import annotations

from dataclasses import dataclass

from runtime.ejection import Ejection
from runtime.times import Latencies, Pressure

FINISHED, KILLED, INTERRUPTED, OUT_OF_MEMORY, EJECTED = "finished", "killed", "interrupted", "oom", "ejected"
"""How a task, or the run, ended. `killed`: by the OOM killer; `oom`: the run, when no task was left; `ejected`: the
run, to its end, but with the built-in LRU in place of a policy without progress."""


@dataclass(frozen=True, slots=True)
class MemcgRow:
    """A memcg and all below it. `policy`: what it began with; `fixed` if the scenario says so, whatever is run. It ran
    if the memcg `has_tasks` itself. `counters`: the core's, summed up. `memory_pages` and `swap_pages`: used at the
    end. `reclaim_ns`: what direct reclaim for its limits took, at the top also that for the nodes; `throttled_ns`: how
    long its tasks slept because of `memory.high`. `metadata_bytes_per_folio`: what its policy keeps, if it ran."""

    memcg: str
    policy: str
    memory_pages: int
    swap_pages: int
    counters: dict[str, int]
    pressure: Pressure
    latencies: Latencies
    reclaim_ns: int
    throttled_ns: int
    oom_killed: bool
    fixed: bool = False
    has_tasks: bool = True
    metadata_bytes_per_folio: float | None = None


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task. `time_ns` is its clock at the end, `stalled_ns` what of it was lost for want of memory."""

    task: str
    memcg: str
    status: str
    accesses: int
    hits: int
    time_ns: int
    stalled_ns: int
    latencies: Latencies

    @property
    def misses(self) -> int:
        return self.accesses - self.hits


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node: its size, and what of it was used at the end."""

    node: str
    pages: int
    used_pages: int


@dataclass(frozen=True, slots=True)
class MemcgSample:
    """What each memcg used at a moment of simulated time: pages in memory and on swap, itself and all below it."""

    time_ns: int
    memory_pages: tuple[int, ...]
    swap_pages: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ScenarioRow:
    """A run. `time_ns`: simulated time until the last task ended. `memcgs[0]` is the whole. `notes`: what happened
    besides, such as a change of policy, a sentence each."""

    policy: str
    scenario: str
    memory_pages: int
    status: str
    cpu_s: float
    time_ns: int
    kswapd_ns: int
    proactive_ns: int
    memcgs: tuple[MemcgRow, ...]
    tasks: tuple[TaskRow, ...]
    nodes: tuple[NodeRow, ...]
    samples: tuple[MemcgSample, ...] = ()
    notes: tuple[str, ...] = ()
    ejections: tuple[Ejection, ...] = ()

    @property
    def ejected(self) -> bool:
        return bool(self.ejections)

    @property
    def message(self) -> str:
        """What happened, in one line."""
        return "; ".join([*(ejection.summary for ejection in self.ejections), *self.notes])

    @property
    def ran(self) -> bool:
        """Whether any memcg with tasks had the policy that was asked for."""
        return any(memcg.has_tasks and not memcg.fixed for memcg in self.memcgs)

    @property
    def counters(self) -> dict[str, int]:
        return self.memcgs[0].counters

    @property
    def accesses_per_cpu_s(self) -> float:
        return self.counters["accesses"] / self.cpu_s if self.cpu_s > 0 else 0.0
