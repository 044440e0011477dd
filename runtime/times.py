"""What the virtual clock of a simulation says: how long it took, what the time went to, how long accesses took.

In: a `Simulation` of the kernel model. Out: `Times`, nanoseconds of simulated time. Percentiles come from histograms of
four buckets to a power of two: they are off by a quarter at most, and a latency below 8 ns is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runtime.core import layout as core
from runtime.core import psi
from runtime.core.context import Context
from runtime.jit.module import settings_of
from runtime.simulation import Simulation

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}


@dataclass(frozen=True, slots=True)
class Latencies:
    """How long accesses took, their own work (`think_ns`) left out: percentiles and the longest."""

    accesses: int
    p50: int
    p90: int
    p99: int
    p999: int
    max: int


@dataclass(frozen=True, slots=True)
class Pressure:
    """Pressure stall information of memory: for how long some task was stalled, and all were."""

    some: int
    full: int


@dataclass(frozen=True, slots=True)
class MemcgTimes:
    """A memcg. `pressure` and `stall` are of its tasks and those below; `stall` is summed over tasks, so it may exceed
    the time. `reclaim` is what direct reclaim for its own limits took, at the top also that for the nodes; `latencies`
    are of its own tasks."""

    name: str
    pressure: Pressure
    stall: int
    reclaim: int
    latencies: Latencies


@dataclass(frozen=True, slots=True)
class DeviceTimes:
    """A device: time in which it was at work, summed over the requests it serves at a time; time that requests waited
    for their turn."""

    name: str
    reads: int
    writes: int
    busy: int
    queued: int


@dataclass(frozen=True, slots=True)
class Times:
    """`simulated`: the clock of the last task when it ended; `of_tasks`: the clocks of all, together. Of the tasks
    together: `reclaim` in direct reclaim, `swapin_wait` and `read_wait` for pages from swap and from files,
    `refault_wait` the part of these two for pages that had been resident before, `throttle` for too many dirty pages
    and above `memory.high`. Beside them: `kswapd` and `proactive`, the work of kswapd and of proactive reclaim."""

    simulated: int
    of_tasks: int
    reclaim: int
    kswapd: int
    proactive: int
    swapin_wait: int
    read_wait: int
    refault_wait: int
    throttle: int
    pressure: Pressure
    latencies: Latencies
    devices: tuple[DeviceTimes, ...]
    memcgs: tuple[MemcgTimes, ...]

    def share(self, time: int) -> float:
        """A time as a part of the simulated time."""
        return time / self.simulated if self.simulated else 0.0

    @property
    def lost(self) -> float:
        """The part of the tasks' time that want of memory took: reclaim, throttling, and reading back what had been
        evicted. Unlike pressure it does not depend on what a policy takes for its working set."""
        return (self.reclaim + self.throttle + self.refault_wait) / self.of_tasks if self.of_tasks else 0.0


def times_of(simulation: Simulation) -> Times | None:
    """The times of a simulation so far; None in the ideal model, which has none."""
    machine, state = simulation.machine, simulation.state
    if machine.ideal:
        return None
    histograms = simulation.table("latencies")
    memcgs = _memcgs(simulation)
    longest = max(memcg.latencies.max for memcg in memcgs)
    return Times(
        simulated=simulated_time(simulation),
        of_tasks=_time_of_tasks(simulation),
        reclaim=int(state[core.RECLAIM_TIME]),
        kswapd=int(state[core.KSWAPD_TIME]),
        proactive=int(state[core.PROACTIVE_TIME]),
        swapin_wait=int(state[core.SWAPIN_TIME]),
        read_wait=int(state[core.READ_TIME]),
        refault_wait=int(state[core.REFAULT_TIME]),
        throttle=int(state[core.THROTTLE_TIME]),
        pressure=memcgs[0].pressure,
        latencies=latencies(histograms.sum(axis=0).tolist(), longest),
        devices=tuple(_devices(simulation)),
        memcgs=tuple(memcgs),
    )


def _time_of_tasks(simulation: Simulation) -> int:
    if simulation.machine.single:
        return int(simulation.state[core.NOW])
    return int(simulation.table("tasks")[:, core.TASK_CLOCK].sum())


def simulated_time(simulation: Simulation) -> int:
    """The clock: of the one task, or of the one that is ahead of all others."""
    if simulation.machine.single:
        return int(simulation.state[core.NOW])
    return int(simulation.table("tasks")[:, core.TASK_CLOCK].max())


# --- latencies --------------------------------------------------------------------------------------------


def bucket_bounds(bucket: int) -> tuple[int, int]:
    """The durations that fall into a bucket: from the first up to the second, exclusive. The last has all above."""
    if bucket < 8:
        return bucket, bucket + 1
    power, rest = (bucket - 4) // 4, (bucket - 4) % 4 + 4
    return rest << power, (rest + 1) << power


def percentile(histogram: Sequence[int], share: float, longest: int) -> int:
    """The least duration that this share of all accesses does not exceed. Within a bucket they are taken to be spread
    evenly; none is longer than `longest`."""
    wanted = share * sum(histogram)
    passed = 0
    for bucket, count in enumerate(histogram):
        if count and passed + count >= wanted:
            low, high = bucket_bounds(bucket)
            return min(low + int((high - 1 - low) * (wanted - passed) / count), longest)
        passed += count
    return longest


def latencies(histogram: Sequence[int], longest: int) -> Latencies:
    """The percentiles of a histogram (`note_latency` of runtime/core/clock.py)."""
    found = {name: percentile(histogram, share, longest) for name, share in PERCENTILES.items()}
    return Latencies(accesses=sum(histogram), max=longest, **found)


# --- memcgs and devices -----------------------------------------------------------------------------------


def _memcgs(simulation: Simulation) -> list[MemcgTimes]:
    table, histograms = simulation.table("memcgs"), simulation.table("latencies")
    pressures = _pressures(simulation)
    single, state = simulation.machine.single, simulation.state
    return [
        MemcgTimes(
            name=memcg.name,
            pressure=pressures[number],
            stall=pressures[0].some if single else int(table[number, core.MEMCG_STALL]),
            reclaim=int(state[core.RECLAIM_TIME] if single else table[number, core.MEMCG_RECLAIM_TIME]),
            latencies=latencies(histograms[number].tolist(), int(table[number, core.LATENCY_MAX])),
        )
        for number, memcg in enumerate(simulation.machine.all_memcgs)
    ]


def _pressures(simulation: Simulation) -> list[Pressure]:
    """The pressure of each memcg. What is pending is settled by the core's own rule, on a copy."""
    state = simulation.state
    if simulation.machine.single:
        return [Pressure(int(state[core.STALL_SOME]), int(state[core.STALL_FULL]))]
    views: dict[str, Any] = dict(simulation.views())
    memcgs = simulation.table("memcgs").copy()
    views["memcgs"] = memcgs
    ctx = Context(views, settings_of(simulation.lineup.policies, simulation.variant))
    until = _known_until(simulation)
    for number in range(len(simulation.machine.all_memcgs)):
        psi.settle(ctx, number, until)
    return [Pressure(int(row[core.MEMCG_SOME]), int(row[core.MEMCG_FULL])) for row in memcgs]


def _known_until(simulation: Simulation) -> int:
    """Until when it is known what all tasks did."""
    tasks = simulation.table("tasks")
    running = tasks[tasks[:, core.TASK_ENDED] != core.ENDED]
    return int(running[:, core.TASK_CLOCK].min() if len(running) else tasks[:, core.TASK_CLOCK].max())


def _devices(simulation: Simulation) -> list[DeviceTimes]:
    machine, table = simulation.machine, simulation.table("devices")
    names = ["files", *(f"swap{number}" for number in range(len(machine.swap)))]
    return [
        DeviceTimes(
            name=name,
            reads=int(row[core.DEVICE_READS]),
            writes=int(row[core.DEVICE_WRITES]),
            busy=int(row[core.DEVICE_BUSY]),
            queued=int(row[core.DEVICE_QUEUED]),
        )
        for name, row in zip(names, table, strict=False)
    ]
