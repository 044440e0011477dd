"""A checked build finds what is broken and names it; any other build has nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from runtime.core import layout as core
from runtime.core import memory, vmscan
from runtime.costs import DISK, NVME
from runtime.invariant_error import INVARIANTS, InvariantError
from runtime.jit.module import Variant
from runtime.machine import Machine, Memcg, Node, SwapDevice, Task
from runtime.simulation import Simulation
from tests.runtime.machines import Burst, Setup
from tests.runtime.policies import check_invariants, module_of, program
from tests.runtime.test_invariants import run_bursts, simulation_of

SETUP = Setup(
    Machine(
        220,
        nodes=(Node("fast", 120, (5, 10, 20), 1), Node("slow", 100, (4, 8, 16))),
        memcgs=(Memcg("top"), Memcg("a", 0, max=60, min=30), Memcg("b", 0, max=150, swap_max=40)),
        tasks=(Task("t0", 1), Task("t1", 2), Task("t2", 2, 1)),
        files=DISK,
        swap=(SwapDevice(NVME, 60),),
    ),
    ("builtin:lru", "builtin:lru", "builtin:lru"),
    ("builtin:lru",),
)
WORK = [Burst("loop", 0, 140, 200, 3, 0, 0), Burst("zipf", 5, 150, 200, 1, 40, 1), Burst("once", 9, 150, 205, 6, 0, 2)]

WRITES = Burst("loop", 3, 100, 60, 1, 0, 0)


def worked(kind: str, checked: bool = True) -> Simulation:
    """A machine with folios everywhere: on lists, in batches, dirty, under writeback, on swap and in its cache."""
    simulation = simulation_of(SETUP, kind, checked)
    run_bursts(simulation, WORK)
    run_bursts(simulation, [WORK[2], WORK[0], WORK[1]])
    run_bursts(simulation, [WRITES] * 3)
    return simulation


def folios(simulation: Simulation) -> Any:
    return simulation.regions["folios"].view("<u4").reshape(-1, simulation.layout.folio_columns)


def page_table(simulation: Simulation) -> Any:
    return simulation.regions["page_table"].view("<i8")


def row_with(simulation: Simulation, flags: int, without: int = core.F_FREE) -> int:
    """A row of a folio with all of `flags` and none of `without`."""
    state, rows = simulation.state, folios(simulation)
    for f in range(state[core.FIRST_FOLIO], state[core.NEXT_FOLIO]):
        if rows[f, core.FLAGS] & (flags | without) == flags:
            return int(f)
    raise AssertionError("the sample has no such folio")


def on_list(simulation: Simulation) -> int:
    return row_with(simulation, 0, core.F_FREE | core.F_ADD_BATCH)


def set_flag(flag: int, of: int = 0, without: int = 0) -> Callable[[Simulation], None]:
    def change(simulation: Simulation) -> None:
        folios(simulation)[row_with(simulation, of, flag | without | core.F_FREE), core.FLAGS] |= flag

    return change


def clear_flag(flag: int) -> Callable[[Simulation], None]:
    def change(simulation: Simulation) -> None:
        folios(simulation)[row_with(simulation, flag), core.FLAGS] &= ~flag & 0xFFFF_FFFF

    return change


def in_row(column: int, value: int) -> Callable[[Simulation], None]:
    def change(simulation: Simulation) -> None:
        folios(simulation)[on_list(simulation), column] = value

    return change


def add(table: str, row: int, word: int, by: int = 1) -> Callable[[Simulation], None]:
    def change(simulation: Simulation) -> None:
        simulation.table(table)[row, word] += by

    return change


def add_to_state(word: int, by: int = 1) -> Callable[[Simulation], None]:
    def change(simulation: Simulation) -> None:
        simulation.state[word] += by

    return change


def list_length(simulation: Simulation) -> None:
    folios(simulation)[folios(simulation)[on_list(simulation), core.LIST], core.LEN] += 1


def queue_left(simulation: Simulation) -> None:
    simulation.state[core.KEPT_FIRST] = on_list(simulation)


def entry_of_another(simulation: Simulation) -> None:
    table = page_table(simulation)
    table[folios(simulation)[on_list(simulation), core.PAGE]] = 0


def far_shadow(simulation: Simulation) -> None:
    table = page_table(simulation)
    page = next(page for page in range(450) if table[page] < 0)
    table[page] = -(core.SHADOW_VALID | 9 << core.SHADOW_LRUVEC_SHIFT) - 1


def twice_in_batch(simulation: Simulation) -> None:
    task = next(t for t in range(3) if simulation.table("tasks")[t, core.NR_ADD_BATCH] > 1)
    first = task * core.BATCH_SLOTS
    batches = simulation.regions["batches"].view("<u4")
    batches[first] = batches[first + 1]


BREAKS: dict[str, tuple[Callable[[Simulation], None], str]] = {
    "queue": (queue_left, "left in a queue"),
    "list length": (list_length, "length of a list"),
    "list link": (in_row(core.PREV, 1), "not a ring"),
    "lruvec": (in_row(core.LRUVEC, 99), "names a lruvec"),
    "another's lruvec": (in_row(core.LRUVEC, 0), "exactly one list"),
    "page": (in_row(core.PAGE, 449), "page table"),
    "entry": (entry_of_another, "page table"),
    "on a list and in a batch": (set_flag(core.F_ADD_BATCH), "exactly one list"),
    "nowhere": (clear_flag(core.F_ADD_BATCH), "in a batch does not say so"),
    "twice in a batch": (twice_in_batch, "in batches twice"),
    "activate batch": (set_flag(core.F_ACTIVATE_BATCH), "in batches are not as many"),
    "young but not mapped": (set_flag(core.F_YOUNG, 0, core.F_MAPPED), "contradict"),
    "resident": (add_to_state(core.NR_RESIDENT), "resident folios"),
    "charged": (add("lruvecs", 2, core.NR_CHARGED), "charged to a lruvec"),
    "on lists": (add("lruvecs", 2, core.NR_FOLIOS), "folios on lists"),
    "node": (add("nodes", 1, core.NODE_USAGE), "of a node are not"),
    "usage": (add("memcgs", 0, core.MEMORY_USAGE), "a memcg is not charged"),
    "swap usage": (add("memcgs", 2, core.SWAP_USAGE), "a memcg is not charged"),
    "slots": (add("devices", 1, core.DEVICE_USED), "slots taken"),
    "slots of its own": (add("memcgs", 2, core.SWAP_OF_OWN), "slots taken"),
    "free row": (add_to_state(core.NEXT_FOLIO), "page table"),
    "shadow": (far_shadow, "shadow is out of bounds"),
    "dirty": (add_to_state(core.NR_DIRTY), "dirty file folios are not as many"),
    "not queued": (clear_flag(core.F_DIRTY_QUEUE), "flusher's queue"),
    "writeback": (clear_flag(core.F_WRITEBACK), "under writeback"),
    "memory.max": (add("memcgs", 2, core.MEMORY_MAX, -149), "memory limit is exceeded"),
    "swap.max": (add("memcgs", 2, core.SWAP_MAX, -40), "more swap is taken"),
    "node full": (add("nodes", 0, core.NODE_PAGES, -119), "more than it has"),
}


@pytest.mark.parametrize("kind", ["O1", "python"])
@pytest.mark.parametrize("name", BREAKS)
def test_what_is_broken_is_named(name: str, kind: str) -> None:
    change, told = BREAKS[name]
    simulation = worked(kind)
    check_invariants(simulation)
    change(simulation)
    with pytest.raises(InvariantError, match=told) as caught:
        simulation.call("replay_tasks", 0, 0)
    assert INVARIANTS[caught.value.invariant][0] in str(caught.value)


def test_the_sample_has_folios_of_all_kinds() -> None:
    simulation = worked("O1")
    for flag in (core.F_ADD_BATCH, core.F_DIRTY_QUEUE, core.F_WRITEBACK, core.F_SWAPCACHE, core.F_ACTIVE):
        row_with(simulation, flag)
    counters = simulation.counters()
    assert min(counters[name] for name in ("pgdemote_kswapd", "pswpout", "pswpin", "refaults", "nr_written")) > 0


def test_reclaim_of_what_min_protects_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vmscan, "mem_cgroup_below_min", lambda ctx, memcg: False)
    tree = (Memcg("top", max=100), Memcg("safe", 0, min=60), Memcg("b", 0))
    machine = Machine(200, memcgs=tree, tasks=(Task("t0", 1), Task("t1", 2)))
    simulation = simulation_of(Setup(machine, ("builtin:lru",) * 3, ("builtin:lru",)), "python")
    with pytest.raises(InvariantError, match="below `min` was reclaimed from outside: memcg 1"):
        run_bursts(simulation, [Burst("loop", 0, 50, 50, 0, 0, 0), Burst("loop", 0, 150, 150, 0, 0, 0)])


def test_an_early_oom_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vmscan, "shrink_zones", lambda ctx: None)
    with pytest.raises(InvariantError, match="memory ran out while something could be reclaimed: folio"):
        worked("python")


def test_a_limit_that_is_not_kept_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "try_charge_memcg", lambda ctx, memcg: True)
    with pytest.raises(InvariantError, match="a memory limit is exceeded: memcg 1"):
        worked("python")


def test_a_reclaim_is_checked_when_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = []
    monkeypatch.setattr(vmscan, "check_invariants", lambda ctx: checks.append(int(ctx.state[core.NR_RECLAIMS])))
    simulation = worked("python")
    assert len(checks) > 5 and max(checks) <= simulation.counters()["reclaims"]


@pytest.mark.parametrize("ideal", [False, True], ids=["kernel", "ideal"])
def test_an_unchecked_build_has_no_trace_of_it(ideal: bool) -> None:
    policies = (program("builtin:lru"),)
    for single in (True, ideal):
        text = module_of(policies, Variant(ideal, single)).text
        assert "invariant" not in text
        assert "invariants.check_invariants" in module_of(policies, Variant(ideal, single, False, True)).text


def test_checking_changes_nothing() -> None:
    checked, plain = worked("O1"), worked("O1", False)
    assert checked.counters() == plain.counters()
    for name in core.REGIONS:
        if name not in ("nodes", "memcgs", "lruvecs", "devices"):
            assert (checked.regions[name] == plain.regions[name]).all(), name
