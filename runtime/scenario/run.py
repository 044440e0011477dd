"""One run of a scenario: a machine, its tasks, and a policy for every memcg.

In: a `Plan` and the programs of its memcgs. Out: a `ScenarioRow`. Tasks run in the order of their clocks. The core is
called for a stretch of events at a time, which ends early where proactive reclaim, a sample or a change of policy is
due; simulated time is the clock of the task that is behind all others. Between two calls the caller hears how far the
run is and may cancel it. A policy without progress is ejected from its memcg, and the run goes on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from runtime.attach import FALLBACK
from runtime.core import layout as core
from runtime.ejection import Ejection, eject, memcg_to_blame
from runtime.executors import NativeExecutor
from runtime.jit.module import Variant
from runtime.program import Program, native_code
from runtime.run import Progress
from runtime.scenario.plan import Plan
from runtime.scenario.result import Ending, scenario_row
from runtime.scenario.row import FINISHED, INTERRUPTED, OUT_OF_MEMORY, MemcgSample, ScenarioRow
from runtime.scenario.task_feed import TaskFeed, passes
from runtime.simulation import Simulation, walks_page_tables
from runtime.switches import Schedule, Switch

SLICE = 1 << 17
"""Events between two looks at whether the run is to be cancelled."""
NEVER = 1 << 62
MOST_SAMPLES = 100_000
"""More are not taken, and a note says so: they would fill the memory."""


class Timetable:
    """Actions at moments of simulated time: proactive reclaim and samples."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._next = [request.first for request in plan.requests]
        self._sample_at = 0 if plan.sample_every else NEVER
        self.samples: list[MemcgSample] = []

    @property
    def due(self) -> int:
        """When the next action is due; `NEVER` if none is."""
        return min([*self._next, self._sample_at], default=NEVER)

    @property
    def full(self) -> bool:
        """Whether samples ended before the run did."""
        return self._plan.sample_every is not None and self._sample_at == NEVER

    def act(self, simulation: Simulation) -> None:
        """Do what is due now: each request asks for memory once, however long ago it was due."""
        now = self.due
        simulation.state[core.NOW] = now
        for number, request in enumerate(self._plan.requests):
            if self._next[number] > now:
                continue
            self._next[number] = now + request.every
            if request.until is not None and self._next[number] >= request.until:
                self._next[number] = NEVER
            if request.until is None or now < request.until:
                simulation.reclaim(request.memcg, request.pages, request.swappiness)
        if self._sample_at <= now:
            every = self._plan.sample_every or NEVER
            self.samples.append(sample_of(simulation, now))
            self._sample_at = now + every if len(self.samples) < MOST_SAMPLES else NEVER


def sample_of(simulation: Simulation, now: int) -> MemcgSample:
    memcgs = simulation.table("memcgs")[: len(simulation.machine.all_memcgs)]
    usage, swap = (memcgs[:, word].tolist() for word in (core.MEMORY_USAGE, core.SWAP_USAGE))
    return MemcgSample(now, tuple(usage), tuple(swap))


class ScenarioRun:
    """A run in progress."""

    def __init__(self, plan: Plan, programs: Sequence[Program], switches: Sequence[Switch] = ()) -> None:
        """`programs[m]` is attached to memcg `m`."""
        self._plan, self._specs = plan, [program.spec for program in programs]
        self._schedule = Schedule(switches, plan.machine)
        coming = [switch.program.policy for switch in switches]
        addressed = walks_page_tables([*(program.policy for program in programs), *coming])
        executor = NativeExecutor(native_code(programs, Variant(False, False, addressed)))
        attached = [program.attachment for program in programs]
        self.simulation = Simulation(attached, plan.machine, executor, addressed)
        self.timetable = Timetable(plan)
        self.changes: list[str] = []
        self.ejections: list[Ejection] = []
        self.cpu = 0.0

    def run(self, progress: Progress, cancelled: threading.Event) -> str:
        """Run to the end; how it ended."""
        streams = [
            passes(measured.trace, repeat)
            for measured, repeat in zip(self._plan.traces, self._plan.repeats, strict=True)
        ]
        with TaskFeed(self.simulation, streams) as feed:
            feed.refill()
            while not cancelled.is_set():
                self._step(feed, progress)
                if self.simulation.status == core.STATUS_OOM:
                    return OUT_OF_MEMORY
                if self.clock is None:
                    return FINISHED
        return INTERRUPTED

    @property
    def clock(self) -> int | None:
        """Simulated time: the clock of the task that is behind all others; None when all have ended."""
        tasks = self.simulation.table("tasks")[: len(self._plan.machine.all_tasks)]
        running = tasks[tasks[:, core.TASK_ENDED] != core.ENDED, core.TASK_CLOCK]
        return int(running.min()) if len(running) else None

    def _step(self, feed: TaskFeed, progress: Progress) -> None:
        """Do what is due, run up to where the next thing is, and see why the core came back."""
        simulation = self.simulation
        if self.timetable.due <= (self.clock or 0):
            self.timetable.act(simulation)
            self._eject_if_stuck(feed)
            return
        for switch in self._schedule.apply(simulation):
            number = switch.number(self._plan.machine)
            self._specs[number] = switch.policy
            self.changes.append(f"memcg {self._plan.paths[number]} got {switch.policy} before access {switch.access:,}")
            feed.bring()
        before = int(simulation.state[core.ACCESSES])
        begin = time.thread_time()
        simulation.call("replay_tasks", min(SLICE, self._schedule.ahead(before)), self.timetable.due)
        self.cpu += time.thread_time() - begin
        progress(int(simulation.state[core.ACCESSES]) - before)
        if simulation.status == core.STATUS_EVENTS:
            feed.refill()
            simulation.state[core.STATUS] = core.STATUS_RUNNING
        self._eject_if_stuck(feed)

    def _eject_if_stuck(self, feed: TaskFeed) -> None:
        if self.simulation.status != core.STATUS_NO_PROGRESS:
            return
        memcg = memcg_to_blame(self.simulation)
        self.ejections.append(eject(self.simulation, self._specs[memcg]))
        self._specs[memcg] = FALLBACK
        feed.bring()

    def notes(self, status: str) -> list[str]:
        """What a user is to know of a run that ended so, a sentence each."""
        found = list(self.changes)
        if status == FINISHED:
            accesses = int(self.simulation.state[core.ACCESSES])
            found += [
                f"switch {switch.text} never happened: the tasks have {accesses:,} accesses"
                for switch in self._schedule.waiting
            ]
        if self.timetable.full:
            found.append(
                f"samples end at {self.timetable.samples[-1].time_ns / 10**9:,.3f} s: no more than {MOST_SAMPLES:,} are"
                " taken (`sample_every`)"
            )
        return found


def run_scenario(
    plan: Plan,
    program: Program,
    programs: Sequence[Program],
    progress: Progress,
    cancelled: threading.Event,
    switches: Sequence[Switch] = (),
) -> ScenarioRow:
    """Run a scenario. `programs[m]` is what memcg `m` has; `program` the one that is being run, as reports call it."""
    run = ScenarioRun(plan, programs, switches)
    status = run.run(progress, cancelled)
    finished = Ending(status, run.cpu, tuple(run.timetable.samples), tuple(run.notes(status)), tuple(run.ejections))
    return scenario_row(run.simulation, plan, program.spec, programs, finished)
