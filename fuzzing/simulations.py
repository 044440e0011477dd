"""Whole simulations of random policies, by every executor.

In: accepted policies that share their declarations. Out: what came of runs of policies put together from their hooks,
on a small machine with random traces: by plain Python with the policies interpreted, by the interpreter of core and
policies, and by all builds of native code. How a run ends, the reports of policies that are ejected, and all memory
(counters, lists, folios, maps, state) must be equal. The guarded build checks the core's own invariants as well.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dsl import abi, ir
from fuzzing.builds import GUARDED, LEVELS
from fuzzing.difference import first_difference
from fuzzing.harness import base_hooks
from fuzzing.observing import observed
from fuzzing.workloads import VARIANTS, Events, TraceRun, random_machine, random_trace
from runtime.attach import replace_policy
from runtime.core import layout as core
from runtime.ejection import memcg_to_blame, report
from runtime.executors import GuardedExecutor, InterpretedExecutor, NativeExecutor, PythonExecutor
from runtime.interp import Trap
from runtime.invariant_error import InvariantError
from runtime.jit import engine
from runtime.jit.guards import OutOfBounds
from runtime.jit.module import Module, settings_of
from runtime.machine import Machine
from runtime.regions import Attachment
from runtime.simulation import Executor, Simulation
from verifier.verify import verify

POLICIES = 8
"""Put together of a group, and compiled to one module."""
RUNS = {"kernel": 8, "tree": 4, "ideal": 8}
EVENTS = {"kernel": 1_500, "tree": 250, "ideal": 1_500}
"""Of each task."""
INTERPRETED_EVENTS = 60
"""Of each task, where the core is interpreted, too: only the first run of a group."""
CONSTANT_STEPS, STEPS_PER_FOLIO = 2_000, 60
"""The most that a hook may cost, so that runs are short."""
EFFORT_AT_LEAST = 300
OFTEN = {"scan_plan": 0.1, "folio_check": 0.4, "admit": 0.4}
"""How often policies have hooks that may stop all reclaim."""
SEEN = {
    "nodes": (16, (core.NODE_SEEN,)),
    "memcgs": (core.MEMCG_COLUMNS, (core.RECLAIMED_SEEN,)),
    "lruvecs": (32, (core.CHARGED_SEEN, core.CHARGED_SEEN + 1, core.LISTED_SEEN)),
    "devices": (32, (core.DEVICE_SEEN,)),
}
"""Words that only a build with the core's checks writes, by region: columns of a row, and which."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended, over how many events, and what was different."""

    ended: str
    events: int
    different: tuple[str, ...]


@dataclass(frozen=True)
class Scene:
    """What a simulation runs on: a policy for each memcg, what takes the place of those that are ejected, a trace for
    each task, and how many folios a folio batch holds."""

    machine: Machine
    policies: tuple[ir.Policy, ...]
    fallback: ir.Policy
    traces: tuple[Events, ...]
    batch: int

    @property
    def events(self) -> int:
        return sum(len(trace.page) for trace in self.traces)


@dataclass(frozen=True)
class OfModule:
    """Runs simulations of some of a module's policies: the core is told their numbers in the module."""

    module: Module
    executor: Executor

    def call(self, simulation: Simulation, entry: str, *args: int) -> int:
        numbers = {id(policy): number for number, policy in enumerate(self.module.policies)}
        lruvecs, nodes = simulation.table("lruvecs"), len(simulation.machine.all_nodes)
        for memcg, attached in enumerate(simulation.lineup.of_memcg):
            lruvecs[memcg * nodes : (memcg + 1) * nodes, core.OPS] = numbers[id(attached.policy)]
        return self.executor.call(simulation, entry, *args)


class WholeRuns:
    """The simulations of one group of policies."""

    def __init__(
        self, tables: ir.Policy, policies: Sequence[ir.Policy], model: str, group: int, count: int = POLICIES
    ) -> None:
        self._model, self._group, self._chance = model, group, random.Random(f"simulations {group}")
        self.policies = put_together(tables, policies, self._chance, count)
        self._fallback = observed(replace(tables, hooks=base_hooks(tables)))
        variant, compiled = VARIANTS[model], (*self.policies, self._fallback)
        self.modules = {
            checked: Module(compiled, settings_of(compiled, replace(variant, checked=checked)))
            for checked in (False, True)
        }

    @functools.cached_property
    def executors(self) -> dict[str, Executor]:
        """By name; the first is what the others are compared with."""
        builds = {build: self._native(build, level) for build, level in LEVELS.items()}
        return {"python": PythonExecutor(self.modules[False]), **builds}

    def _native(self, build: str, level: int) -> Executor:
        module = self.modules[build == GUARDED]
        text = module.guarded_text if build == GUARDED else module.text
        code = engine.load(engine.object_code(text, level), module.symbols)
        return GuardedExecutor(code) if build == GUARDED else NativeExecutor(code)

    def compared(self) -> Iterator[Outcome]:
        """Runs simulations, each by all executors; a short one with the core interpreted, too."""
        for number in range(RUNS[self._model]):
            yield self._compared(self._scene(EVENTS[self._model], number), number)
        self.executors["interpreted"] = InterpretedExecutor(self.modules[False])
        yield self._compared(self._scene(INTERPRETED_EVENTS, 0), RUNS[self._model])

    def _scene(self, events: int, number: int) -> Scene:
        chance = self._chance
        machine = random_machine(self._model, chance)
        memcgs = range(len(machine.all_memcgs))
        of_memcg = tuple(self.policies[(number * len(memcgs) + memcg) % len(self.policies)] for memcg in memcgs)
        traces = tuple(random_trace(events, chance) for _ in machine.all_tasks)
        return Scene(machine, of_memcg, self._fallback, traces, chance.choice((1, 4, 15)))

    def _compared(self, scene: Scene, number: int) -> Outcome:
        found, expected, ended = [], None, "failed"
        for name, executor in self.executors.items():
            try:
                state = run_scene(scene, self.modules[name == GUARDED], executor, checked=name == GUARDED)
            except (Trap, OutOfBounds, InvariantError, ValueError, IndexError) as error:
                found.append(f"group {self._group}, simulation {number}, {name}: {error!r}")
                continue
            if expected is None:
                expected, ended = state, state.ended
            elif different := expected.difference(state):
                found.append(f"group {self._group}, simulation {number}, {name}: {different}")
        return Outcome(ended, scene.events, tuple(found))


@dataclass(frozen=True)
class State:
    """What a run left behind: how it ended, what was told of policies that were ejected, and memory."""

    ended: str
    ejections: tuple[str, ...]
    memory: dict[str, Any] = field(repr=False)

    def difference(self, other: State) -> str:
        """What differs first; empty if nothing does."""
        if (self.ended, self.ejections) != (other.ended, other.ejections):
            return f"{other.ended} {other.ejections}, not {self.ended} {self.ejections}"
        return first_difference(self.memory, other.memory)


ENDS = {core.STATUS_RUNNING: "to the end", core.STATUS_NO_PROGRESS: "stuck"}


def run_scene(scene: Scene, module: Module, executor: Executor, checked: bool) -> State:
    """Attaches the policies, runs the traces, asks for pages, and detaches and attaches all policies. One that makes no
    progress is ejected, as long as the run has another to put in its place."""
    of_module = OfModule(module, executor)
    attached = [Attachment(policy) for policy in scene.policies]
    simulation = Simulation(attached, scene.machine, of_module, False, checked)
    simulation.state[core.EFFORT_AT_LEAST], simulation.state[core.BATCH_SIZE] = EFFORT_AT_LEAST, scene.batch
    ejections: list[str] = []
    run = TraceRun(simulation, scene.traces)
    for go_on in (run.go_on, lambda: simulation.reclaim(0, 16)):
        while not simulation.stopped:
            go_on()
            if not _ejected(simulation, scene.fallback, of_module, ejections):
                break
    if not simulation.stopped:
        for lruvec in range(scene.machine.nr_lruvecs):
            simulation.call("detach", lruvec, 0)
            simulation.call("attach", lruvec)
            simulation.call("adopt", lruvec)
        run.go_on()  # no event is left; what the core checks at the end of a replay is checked once more
    ended = ENDS.get(simulation.status, "out of memory")
    return State(f"{ended}, {len(ejections)} ejected", tuple(ejections), memory_of(simulation))


def _ejected(simulation: Simulation, fallback: ir.Policy, executor: Executor, ejections: list[str]) -> bool:
    """Whether a policy made no progress and another has taken its place."""
    if simulation.status != core.STATUS_NO_PROGRESS:
        return False
    memcg = memcg_to_blame(simulation)
    ejections.append(report(simulation, f"policy {memcg}").summary)
    if simulation.lineup.of_memcg[memcg].policy is fallback:
        return False
    replace_policy(simulation, memcg, Attachment(fallback), lambda lineup, variant: executor)
    simulation.state[core.STATUS] = core.STATUS_RUNNING
    return True


def memory_of(simulation: Simulation) -> dict[str, Any]:
    """All memory but input, and but what only checked builds write."""
    found = {}
    for name in core.REGIONS:
        if name not in core.INPUT_REGIONS:
            region: Any = simulation.regions[name]
            if name in SEEN:
                columns, words = SEEN[name]
                region = region.view("<i8").reshape(-1, columns).copy()
                region[:, words] = 0
            found[name] = region.reshape(-1).view("u1")
    return found


def put_together(
    tables: ir.Policy, policies: Sequence[ir.Policy], chance: random.Random, count: int
) -> tuple[ir.Policy, ...]:
    """Accepted policies of many hooks, each taken from another. Most get along: they put folios on the first list, and
    propose what is there."""
    cheap: dict[str, list[ir.Function]] = {}
    for policy in policies:
        for cost, hook in zip(verify(policy).costs, policy.hooks, strict=True):
            if cost.constant <= CONSTANT_STEPS and cost.per_folio <= STEPS_PER_FOLIO:
                cheap.setdefault(hook.hook, []).append(hook)
    found: list[ir.Policy] = []
    while len(found) < count:
        names = [name for name in abi.HOOKS if name in cheap and chance.random() < OFTEN.get(name, 0.6)]
        hooks = {name: chance.choice(cheap[name]) for name in names}
        added, evict = base_hooks(tables, hooks.get("evict_folios"))
        if chance.random() < 0.8:
            hooks["folio_added"] = added
        if chance.random() < 0.9:
            hooks["evict_folios"] = evict
        policy = replace(tables, hooks=tuple(hooks[name] for name in abi.HOOKS if name in hooks))
        if verify(policy).accepted:
            found.append(observed(policy))
    return tuple(found)
