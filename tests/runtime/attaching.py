"""What tests of attached, replaced and ejected policies share: linkers, traces, runs that go on when one is ejected."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from runtime.attach import Linker
from runtime.core import layout as core
from runtime.ejection import Ejection, eject
from runtime.executors import InterpretedExecutor, NativeExecutor, PythonExecutor
from runtime.jit import engine
from runtime.jit.module import Attachable, Module, Variant, settings_of
from runtime.machine import Machine, Memcg, Task
from runtime.regions import Attachment, Lineup
from runtime.simulation import Executor, Simulation
from tests.runtime.policies import Events, check_invariants, events

FILE_READ = core.E_FILE | core.E_SYSCALL
FILE_MAPPED = core.E_FILE
ANON = 0
NEVER = 1 << 62


@functools.cache
def _module(policies: tuple[Attachable, ...], variant: Variant) -> Module:
    return Module(policies, settings_of(policies, variant))


@functools.cache
def _native(policies: tuple[Attachable, ...], variant: Variant, level: int) -> NativeExecutor:
    module = _module(policies, variant)
    return NativeExecutor(engine.load(engine.object_code(module.text, level), module.symbols))


def linker(kind: str) -> Linker:
    """Of executors of a kind: `O0`, `O3`, `python` or `interpreted`."""

    def link(lineup: Lineup, variant: Variant) -> Executor:
        if kind in ("O0", "O3"):
            return _native(lineup.policies, variant, int(kind[1]))
        module = _module(lineup.policies, variant)
        return PythonExecutor(module) if kind == "python" else InterpretedExecutor(module)

    return link


def attached(
    policies: Attachable | Sequence[Attachable], machine: Machine, kind: str = "O0", checked: bool = False
) -> Simulation:
    """A simulation with a policy for all memcgs, or one for each."""
    of_memcg = policies if isinstance(policies, list | tuple) else [policies] * len(machine.all_memcgs)  # type: ignore[list-item]
    lineup = Lineup(tuple(Attachment(policy) for policy in of_memcg))  # type: ignore[arg-type]
    variant = Variant(machine.ideal, machine.single, False, checked)
    return Simulation(lineup.of_memcg, machine, linker(kind)(lineup, variant), False, checked)


def mixed(count: int, pages: int, seed: int = 3, freed: float = 0.05) -> Events:
    """Accesses of all kinds, and every now and then a page that was used is freed."""
    chance = np.random.default_rng(seed)
    keys = chance.zipf(1.2, count) % pages
    kinds = chance.choice([FILE_READ, FILE_MAPPED, ANON, core.E_FILE | core.E_EXECUTE], pages)
    trace = events(keys, 0)
    flags = kinds[keys].astype("u1") | chance.choice([0, 0, core.E_WRITE], count).astype("u1")
    free = chance.random(count) < freed
    free[: count // 10] = False
    page = np.where(free, chance.integers(0, int(trace.page[: count // 10].max()) + 1, count), trace.page)
    return Events(page.astype("u4"), np.where(free, core.E_FREE, flags).astype("u1"), trace.nr_pages)


def run_on(simulation: Simulation, trace: Events, kind: str, first: int = 0, last: int | None = None) -> list[Ejection]:
    """Run events to the last, with the built-in LRU in place of policies without progress."""
    ejections = []
    end = len(trace.page) if last is None else last
    while (first := simulation.run(trace, first, end)) < end or simulation.stopped:
        assert simulation.status == core.STATUS_NO_PROGRESS
        check_invariants(simulation)
        ejections.append(eject(simulation, "it", linker(kind)))
        check_invariants(simulation)
        assert len(ejections) < 5
    return ejections


# --- several memcgs ---------------------------------------------------------------------------------------


def two_memcgs(pages: int = 60, protected: int = 0) -> Machine:
    """A top with two memcgs below it, a task in each, and room for all."""
    memcgs = (Memcg("top"), Memcg("a", 0, max=pages, min=protected), Memcg("b", 0, max=pages))
    return Machine(4 * pages, memcgs=memcgs, tasks=(Task("of a", 1), Task("of b", 2)))


def give_events(simulation: Simulation, traces: Sequence[Events]) -> None:
    """Give each task its events, and say that these are all."""
    page, flags, first_page = [], [], 0
    simulation._room_for(sum(trace.nr_pages for trace in traces))
    tasks = simulation.table("tasks")
    begin = 0
    for task, trace in enumerate(traces):
        simulation.map_pages(task, first_page, first_page + trace.nr_pages, None)
        page.append(trace.page + np.uint32(first_page))
        flags.append(trace.flags)
        tasks[task, core.EVENT_NEXT], tasks[task, core.EVENT_END] = begin, begin + len(trace.page)
        tasks[task, core.TASK_ENDED] = 1
        first_page += trace.nr_pages
        begin += len(trace.page)
    simulation.regions["trace_page"] = np.concatenate(page).astype("<u4").view("u1")
    simulation.regions["trace_flags"] = np.concatenate(flags)


def run_tasks(simulation: Simulation, most: int, kind: str = "O0") -> list[Ejection]:
    """Run up to `most` events of all tasks, with the built-in LRU in place of policies without progress."""
    ejections = []
    while True:
        most -= simulation.call("replay_tasks", most, NEVER)
        if simulation.status != core.STATUS_NO_PROGRESS:
            return ejections
        ejections.append(eject(simulation, "it", linker(kind)))


def lists_of(simulation: Simulation, lruvec: int = 0) -> dict[int, list[int]]:
    """The pages on each list of a lruvec, from its head, by the number of the list; empty lists are left out."""
    folios: Any = simulation.regions["folios"].view("<u4").reshape(-1, simulation.layout.folio_columns)
    found = {}
    for number in range(1, simulation.layout.nr_lists + 1):
        head = lruvec * simulation.layout.nr_lists + number
        pages, f = [], int(folios[head, core.NEXT])
        while f != head:
            pages.append(int(folios[f, core.PAGE]))
            f = int(folios[f, core.NEXT])
        if pages:
            found[number] = pages
    return found


def shadows(simulation: Simulation, first: int = 0, end: int | None = None) -> int:
    """How many of the pages that are gone have a shadow that counts."""
    table = simulation.regions["page_table"].view("<i8")[
        first : int(simulation.state[core.NR_PAGE_IDS]) if end is None else end
    ]
    left = -table[table < 0] - 1
    return int(np.count_nonzero(left & core.SHADOW_VALID))
