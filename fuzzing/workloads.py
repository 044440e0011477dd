"""Small machines of every model, and random traces for them.

In: a source of chance. Out: a `Machine`, and a trace for each of its tasks: pages of files and anonymous ones, read and
written by system calls and through mappings, some freed. Memory is always less than the pages there are.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runtime.core import layout as core
from runtime.costs import NVME, ZRAM
from runtime.jit.module import Variant
from runtime.machine import KERNELS, Machine, Memcg, Node, SwapDevice, Task
from runtime.simulation import Simulation

VARIANTS = {"kernel": Variant(), "tree": Variant(single=False), "ideal": Variant(ideal=True)}
"""What the core is compiled for."""
PAGES = 60
"""Pages of a task."""
NEVER = 1 << 62

_KINDS = (core.E_FILE | core.E_SYSCALL, core.E_FILE, core.E_FILE | core.E_EXECUTE, 0)


@dataclass(frozen=True)
class Events:
    """A stretch of a trace, written down."""

    page: Any
    flags: Any
    nr_pages: int = PAGES
    keys: Any = None


def random_machine(model: str, chance: random.Random) -> Machine:
    """A machine of a model with about 40 pages for each task. Little effort is granted, so that runs are short."""
    swap = chance.choice(((SwapDevice(ZRAM),), (SwapDevice(NVME, 20), SwapDevice(ZRAM, 30)), ()))
    kernel, swappiness = chance.choice(KERNELS), chance.choice((0, 1, 60, 100, 200))
    if model != "tree":
        return Machine(40, model == "ideal", swappiness, kernel=kernel, effort=1, swap=swap, tick_ns=300_000)
    return Machine(
        150,
        kernel=kernel,
        effort=1,
        tick_ns=300_000,
        nodes=(Node("fast", 80, (4, 8, 16), chance.choice((-1, 1))), Node("slow", 70, (3, 6, 12), access_ns=80)),
        memcgs=(
            Memcg("top"),
            Memcg("a", 0, max=50, min=chance.choice((0, 15)), swappiness=swappiness),
            Memcg("b", 0, high=45, low=chance.choice((0, 20)), swap_max=30),
            Memcg("c", 2, max=35),
        ),
        tasks=(Task("t0", 1, think_ns=900), Task("t1", 2), Task("t2", 3, 1), Task("t3", 3, bound=True)),
        swap=swap,
    )


def random_trace(count: int, chance: random.Random) -> Events:
    """Accesses of one task, some pages hotter than others. A page is of a file or anonymous for good."""
    draw = np.random.default_rng(chance.randrange(1 << 32))
    page = np.where(draw.random(count) < 0.6, draw.zipf(1.4, count), draw.integers(0, PAGES, count)) % PAGES
    kinds = draw.choice(_KINDS, PAGES)
    flags = kinds[page] | draw.choice((0, 0, core.E_WRITE), count)
    return Events(page.astype("u4"), np.where(draw.random(count) < 0.02, core.E_FREE, flags).astype("u1"))


class TraceRun:
    """A run of traces, one for each task, that can be taken up again where it stopped."""

    def __init__(self, simulation: Simulation, traces: Sequence[Events]) -> None:
        self._simulation, self._traces, self._next = simulation, traces, 0
        if not simulation.machine.single:
            self._give_events()

    def _give_events(self) -> None:
        begin, simulation = 0, self._simulation
        tasks = simulation.table("tasks")
        for task, trace in enumerate(self._traces):
            simulation.map_pages(task, task * PAGES, (task + 1) * PAGES, None)
            tasks[task, core.EVENT_NEXT], tasks[task, core.EVENT_END] = begin, begin + len(trace.page)
            tasks[task, core.TASK_ENDED], begin = 1, begin + len(trace.page)
        pages = [trace.page + np.uint32(task * PAGES) for task, trace in enumerate(self._traces)]
        simulation.regions["trace_page"] = np.concatenate(pages).astype("<u4").view("u1")
        simulation.regions["trace_flags"] = np.concatenate([trace.flags for trace in self._traces])

    def go_on(self) -> None:
        """Runs to the last event, unless the run stops before."""
        if self._simulation.machine.single:
            self._next = self._simulation.run(self._traces[0], self._next)
        else:
            self._simulation.call("replay_tasks", NEVER, NEVER)
