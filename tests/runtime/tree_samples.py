"""What the tests of the memcg tree and of nodes share: machines, runs in small steps, and sums that must agree.

Runs are of checked builds: the core checks its own invariants after every reclaim, and a run that breaks one stops.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from runtime.core import layout as core
from runtime.jit.module import Attachable
from runtime.machine import Machine, SwapDevice
from runtime.simulation import Simulation
from tests.runtime.attaching import NEVER, attached, give_events
from tests.runtime.policies import Events, events, program

FILE_READ = core.E_FILE | core.E_SYSCALL
FILE_MAPPED = core.E_FILE
ANON = 0
Policies = Attachable | Sequence[Attachable] | None
NO_SWAP: tuple[SwapDevice, ...] = ()


def loop(pages: int, times: int, flags: int = FILE_READ) -> Events:
    """The same pages in order, again and again."""
    return events(np.tile(np.arange(pages), times), flags)


def random_mix(seed: int, accesses: int, pages: int) -> Events:
    """Accesses of all kinds."""
    chance = np.random.default_rng(seed)
    keys = chance.zipf(1.1, accesses) % pages
    kinds = chance.choice([FILE_READ, FILE_MAPPED, ANON], pages).astype("u1")
    return events(keys, kinds[keys] | chance.choice([0, 0, 0, core.E_WRITE], accesses).astype("u1"))


def start(
    machine: Machine,
    traces: Sequence[Events],
    policies: Attachable | Sequence[Attachable] | None = None,
    kind: str = "O3",
) -> Simulation:
    """A simulation of several tasks with their events, at its beginning."""
    simulation = attached(policies or program("builtin:lru"), machine, kind, checked=kind != "python")
    give_events(simulation, traces)
    return simulation


def run(simulation: Simulation, most: int = NEVER, until: int = NEVER) -> int:
    """Run on. Events that were run."""
    done = simulation.call("replay_tasks", most, until)
    assert simulation.status in (core.STATUS_RUNNING, core.STATUS_OOM), simulation.status
    return done


def finished(machine: Machine, traces: Sequence[Events], policies: Policies = None) -> Simulation:
    """A run to its end, with the sums checked every thousand events."""
    simulation = start(machine, traces, policies)
    while run(simulation, 1000) == 1000:
        check_sums(simulation)
    check_sums(simulation)
    return simulation


def memcg(simulation: Simulation, number: int, word: int) -> int:
    return int(simulation.table("memcgs")[number, word])


def usage(simulation: Simulation, number: int) -> int:
    return memcg(simulation, number, core.MEMORY_USAGE)


def clock(simulation: Simulation, task: int) -> int:
    return int(simulation.table("tasks")[task, core.TASK_CLOCK])


def counter(simulation: Simulation, number: int, name: str) -> int:
    """A counter of a memcg itself."""
    return simulation.memcg_counters(number)[name]


def resident_of(simulation: Simulation) -> dict[int, list[int]]:
    """The pages in memory, by lruvec."""
    folios: Any = simulation.regions["folios"].view("<u4").reshape(-1, simulation.layout.folio_columns)
    found: dict[int, list[int]] = {n: [] for n in range(simulation.machine.nr_lruvecs)}
    for page, entry in enumerate(simulation.regions["page_table"].view("<i8").tolist()):
        if entry > 0:
            assert folios[entry, core.PAGE] == page
            found[int(folios[entry, core.LRUVEC])].append(page)
    return found


def check_sums(simulation: Simulation) -> None:
    """Usage is what the page table says, limits hold, and counters of memcgs add up to the run's."""
    machine, resident = simulation.machine, resident_of(simulation)
    nodes = len(machine.all_nodes)
    memcgs = simulation.table("memcgs")
    for number, each in enumerate(machine.all_memcgs):
        below = range(number, int(memcgs[number, core.SUBTREE_END]))
        assert usage(simulation, number) == sum(len(resident[m * nodes + n]) for m in below for n in range(nodes))
        assert usage(simulation, number) <= each.max
        assert 0 <= memcg(simulation, number, core.SWAP_USAGE) <= each.swap_max
    for number, node in enumerate(machine.all_nodes):
        used = sum(len(resident[m * nodes + number]) for m in range(len(machine.all_memcgs)))
        assert int(simulation.table("nodes")[number, core.NODE_USAGE]) == used <= node.nr_pages
    used_slots = int(simulation.table("devices")[1 : 1 + len(machine.swap), core.DEVICE_USED].sum())
    assert used_slots == memcg(simulation, 0, core.SWAP_USAGE)
    whole = simulation.counters()
    for name in set(whole) - {"reclaims", "frees"}:
        assert whole[name] == sum(counter(simulation, m, name) for m in range(len(machine.all_memcgs))), name
