"""The memcg tree: limits, protection, throttling, swap, proactive reclaim and OOM, as the kernel has them."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.core import layout as core
from runtime.core.context import Context
from runtime.core.memcg import mem_cgroup_calculate_protection
from runtime.core.page_alloc import calculate_high_delay
from runtime.costs import ZRAM
from runtime.machine import Machine, Memcg, SwapDevice, Task
from runtime.simulation import Simulation
from tests.runtime.policies import Events, context_of, events, program, simulate
from tests.runtime.tree_samples import (
    ANON,
    FILE_MAPPED,
    FILE_READ,
    NO_SWAP,
    check_sums,
    clock,
    counter,
    finished,
    loop,
    memcg,
    random_mix,
    resident_of,
    run,
    start,
    usage,
)

POLICIES = ("builtin:lru", "builtin:mglru", "fifo", "s3fifo")
LATER = 10**15
"""Nanoseconds: after everything else."""


def two(pages: int, a: Memcg, b: Memcg, swap: tuple[SwapDevice, ...] = NO_SWAP, start_b: int = 0) -> Machine:
    """Two memcgs below the top, with a task each, in memory for all or not."""
    tasks = (Task("of a", 1), Task("of b", 2, start_ns=start_b))
    return Machine(pages, memcgs=(Memcg("/"), a, b), tasks=tasks, swap=swap, watermarks=(0, 8, 16))


# --- limits -----------------------------------------------------------------------------------------------


def deep(part: int = 1) -> Machine:
    """/ with a (a/x, a/y) and b (b/x/z), limits at every level, some of which leave no room for those below; or so many
    times smaller."""
    memcgs = (
        Memcg("/"),
        Memcg("a", 0, max=200 // part),
        Memcg("a/x", 1, max=150 // part, swap_max=120 // part),
        Memcg("a/y", 1, max=120 // part),
        Memcg("b", 0, max=220 // part, swap_max=400 // part),
        Memcg("b/x", 4, max=90 // part),
        Memcg("b/x/z", 5, max=100 // part),
    )
    tasks = (Task("1", 2), Task("2", 3), Task("3", 6), Task("4", 6), Task("5", 0))
    return Machine(420 // part, memcgs=memcgs, tasks=tasks, watermarks=(4 // part, 16 // part, 32 // part))


@pytest.mark.parametrize("name", POLICIES)
def test_limits_of_every_level_hold_and_counters_add_up(name: str) -> None:
    traces = [random_mix(seed, 6000, 400) for seed in range(5)]
    simulation = finished(deep(), traces, program(name))
    assert not simulation.stopped
    assert usage(simulation, 1) > 130 and usage(simulation, 5) > 45 and usage(simulation, 6) == usage(simulation, 5)
    assert all(int(t[core.TASK_ACCESSES]) == 6000 for t in simulation.table("tasks")[:5])
    assert counter(simulation, 5, "max_events") > 0, "the lowest memcg without room is the one that is reclaimed from"
    assert counter(simulation, 6, "max_events") == 0


def test_several_policies_in_one_tree() -> None:
    names = ("builtin:lru", "fifo", "s3fifo", "builtin:mglru", "fifo", "builtin:lru", "clock")
    traces = [random_mix(seed, 4000, 400) for seed in range(5)]
    simulation = finished(deep(), traces, [program(name) for name in names])
    assert not simulation.stopped


def test_all_executors_agree_on_a_tree() -> None:
    traces = [random_mix(seed, 100, 100) for seed in range(5)]
    digests = []
    for kind in ("O3", "interpreted"):
        simulation = start(deep(5), traces, [program("builtin:lru")] * 6 + [program("s3fifo")], kind)
        run(simulation)
        assert simulation.counters()["evictions"] > 50
        digests.append(simulation.digest())
    assert len(set(digests)) == 1


def test_a_memcg_alone_in_a_tree_is_what_it_is_without_one() -> None:
    """The limit of the one memcg of a default run, or of a memcg in a tree: the same decisions. Nothing is written to
    files: dirty thresholds are shares of all memory."""
    trace = random_mix(1, 20_000, 900)
    trace.flags[trace.flags & core.E_FILE != 0] &= ~np.uint8(core.E_WRITE)
    in_tree = finished(
        Machine(5000, memcgs=(Memcg("/"), Memcg("a", 0, max=300)), tasks=(Task("t", 1),)),
        [trace],
        program("builtin:lru"),
    )
    alone = simulate(program("builtin:lru"), trace, Machine(300))
    inside, outside = in_tree.counters(), alone.counters()
    assert {n for n in outside if inside[n] != outside[n]} == set()


# --- min --------------------------------------------------------------------------------------------------


def flood(pages: int, flags: int = FILE_READ) -> Events:
    return loop(pages, 1, flags)


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("limited", [False, True], ids=["by kswapd", "by direct reclaim"])
def test_memory_below_min_is_never_reclaimed_from_outside(name: str, limited: bool) -> None:
    a, b = Memcg("a", 0, min=200), Memcg("b", 0)
    machine = two(400, a, b, start_b=LATER)
    if limited:
        machine = Machine(400, memcgs=machine.memcgs, tasks=machine.tasks, swap=NO_SWAP, watermarks=(20, 20, 20))
    simulation = finished(machine, [flood(150), flood(3000)], program(name))
    assert usage(simulation, 1) == 150
    assert counter(simulation, 1, "evictions") == 0
    assert counter(simulation, 2, "evictions") > 2500


def test_of_memory_above_min_only_the_part_above_is_taken() -> None:
    """A lruvec is scanned by a cluster at least, so that up to a cluster of what is protected may go (kernel, too)."""
    simulation = finished(two(400, Memcg("a", 0, min=100), Memcg("b", 0), start_b=LATER), [flood(300), flood(3000)])
    assert 100 - core.SWAP_CLUSTER_MAX <= usage(simulation, 1) <= 140


def test_a_memcg_reclaims_its_own_memory_whatever_its_min() -> None:
    a = Memcg("a", 0, min=200, max=200)
    simulation = finished(two(400, a, Memcg("b", 0)), [flood(1000), flood(10)])
    assert counter(simulation, 1, "evictions") > 700


def test_when_all_that_is_left_is_below_min_memory_has_run_out() -> None:
    """Nobody is to blame: the larger memcg is killed, the other goes on."""
    machine = two(300, Memcg("a", 0, min=400), Memcg("b", 0, min=400), start_b=LATER)
    simulation = finished(machine, [loop(120, 1), loop(260, 4)])
    assert simulation.counters()["oom_kill"] == 1
    assert memcg(simulation, 2, core.OOM_KILLED) + memcg(simulation, 1, core.OOM_KILLED) == 1
    assert counter(simulation, 1, "evictions") == counter(simulation, 2, "evictions") == 0


# --- low --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", POLICIES)
def test_low_is_respected_while_there_is_anything_else(name: str) -> None:
    machine = two(400, Memcg("a", 0, low=150), Memcg("b", 0), start_b=LATER)
    simulation = finished(machine, [flood(150), flood(3000)], program(name))
    assert counter(simulation, 1, "evictions") == counter(simulation, 1, "low_events") == 0
    assert usage(simulation, 1) == 150


@pytest.mark.parametrize("name", ["builtin:lru", "builtin:mglru"])
def test_low_gives_way_before_memory_runs_out(name: str) -> None:
    """What b has is anonymous, and there is no swap: only a's files can go."""
    machine = two(400, Memcg("a", 0, low=150), Memcg("b", 0), start_b=LATER)
    simulation = finished(machine, [flood(150), loop(350, 2, ANON)], program(name))
    assert counter(simulation, 1, "low_events") > 0
    assert 90 < counter(simulation, 1, "evictions") <= 150
    assert simulation.counters()["oom_kill"] == 0


def test_low_of_a_child_is_worth_what_its_parent_has() -> None:
    """`a/x` claims 150, but `a` has no protection that it could be given: it loses its share, as `b` does."""
    memcgs = (Memcg("/"), Memcg("a", 0), Memcg("a/x", 1, low=150), Memcg("b", 0))
    tasks = (Task("x", 2), Task("b", 3, start_ns=LATER))
    left = []
    for low in (0, 150):
        memcgs = (memcgs[0], Memcg("a", 0, low=low), *memcgs[2:])
        machine = Machine(400, memcgs=memcgs, tasks=tasks, swap=NO_SWAP, watermarks=(0, 8, 16))
        left.append(usage(finished(machine, [flood(150), flood(3000)]), 2))
    assert left[0] < 100
    assert left[1] == 150


# --- effective protection, by hand ------------------------------------------------------------------------


def protection(settings: list[tuple[int, int, int]], recursive: bool) -> list[int]:
    """The effective `low` of memcgs for reclaim of the top. `settings`: parent, usage and low of each below it."""
    memcgs = [Memcg("/"), *(Memcg(str(n), parent, low=low) for n, (parent, _, low) in enumerate(settings))]
    machine = Machine(100_000, memcgs=tuple(memcgs), tasks=(Task("t"),), recursive_protection=recursive)
    context: Context = context_of(start(machine, [flood(1)], kind="python"))
    for number, (_, used, _) in enumerate(settings, 1):
        context.memcgs[number, core.MEMORY_USAGE] = used
    for number in range(len(memcgs)):
        mem_cgroup_calculate_protection(context, 0, number)
    return [int(context.memcgs[number, core.EFFECTIVE_LOW]) for number in range(1, len(memcgs))]


def test_siblings_that_claim_too_much_share_in_proportion_to_what_they_use_of_it() -> None:
    """a has 1000. x uses 600 of its 800, y 900 and may claim 600 of it: 1200 together, so each has 5/6."""
    tree = [(0, 1500, 1000), (1, 600, 800), (1, 900, 600)]
    assert protection(tree, False) == protection(tree, True) == [1000, 500, 500]


def test_what_is_left_unclaimed_goes_to_what_is_beyond_the_claims() -> None:
    """x claims 200 of 500 and 300 are left: x has 400 beyond its claim, y 200, so x gets 200 more and y 100."""
    tree = [(0, 800, 500), (1, 600, 200), (1, 200, 0)]
    assert protection(tree, True) == [500, 400, 100]
    assert protection(tree, False) == [500, 200, 0]


def test_protection_goes_down_several_levels() -> None:
    tree = [(0, 900, 600), (1, 900, 600), (2, 500, 300), (2, 400, 600)]
    assert protection(tree, False) == [600, 600, 300 * 600 // 700, 400 * 600 // 700]


def test_siblings_that_claim_too_much_keep_their_parts_under_pressure() -> None:
    memcgs = (Memcg("/"), Memcg("a", 0, low=300), Memcg("a/x", 1, low=300), Memcg("a/y", 1, low=300), Memcg("b", 0))
    tasks = (Task("x", 2), Task("y", 3), Task("b", 4, start_ns=LATER))
    machine = Machine(700, memcgs=memcgs, tasks=tasks, swap=NO_SWAP, watermarks=(0, 8, 16))
    simulation = finished(machine, [flood(300), flood(300), flood(6000)])
    assert usage(simulation, 2) == pytest.approx(150, abs=48) and usage(simulation, 3) == pytest.approx(150, abs=48)


# --- high -------------------------------------------------------------------------------------------------


def test_above_high_a_task_reclaims_and_is_not_slowed_down_if_that_helps() -> None:
    simulation = finished(two(4000, Memcg("a", 0, high=1000), Memcg("b", 0)), [flood(5000), flood(10)])
    assert usage(simulation, 1) <= 1000
    assert 20 < counter(simulation, 1, "high_events") <= 4000 / 64 + 1
    assert memcg(simulation, 1, core.HIGH_DELAY) == 0
    assert counter(simulation, 1, "max_events") == counter(simulation, 1, "oom_kill") == 0


def test_above_high_a_task_is_slowed_down_if_nothing_can_be_reclaimed() -> None:
    """It is not killed: it may go on, ever more slowly."""

    def run_with(high: int) -> Simulation:
        return finished(two(4000, Memcg("a", 0, high=high), Memcg("b", 0)), [flood(1500, ANON), flood(10)])

    slow, free = run_with(1000), run_with(2000)
    assert usage(slow, 1) == 1500
    assert slow.counters()["oom_kill"] == 0
    assert counter(slow, 1, "high_events") > 0 == counter(free, 1, "high_events")
    delay = memcg(slow, 1, core.HIGH_DELAY)
    assert delay > 2_000_000_000
    assert clock(slow, 0) - clock(free, 0) >= delay
    assert int(slow.table("tasks")[0, core.TASK_STALLED]) >= delay, "pressure counts it"


def test_high_of_a_parent_slows_tasks_below_it() -> None:
    memcgs = (Memcg("/"), Memcg("a", 0, high=500), Memcg("a/x", 1))
    machine = Machine(4000, memcgs=memcgs, tasks=(Task("x", 2),), swap=NO_SWAP)
    simulation = finished(machine, [flood(1000, ANON)])
    assert counter(simulation, 1, "high_events") > 0
    assert memcg(simulation, 2, core.HIGH_DELAY) > 0


@pytest.mark.parametrize(("excess", "milliseconds"), [(0.02, 25.6), (0.1, 640), (0.15, 1440), (0.5, 2000), (30, 2000)])
def test_the_delay_is_the_square_of_the_excess(excess: float, milliseconds: float) -> None:
    """64 s times the square of the excess over `high`, at most 2 s (`MEMCG_MAX_HIGH_DELAY_JIFFIES`)."""
    context = context_of(start(two(100, Memcg("a", 0), Memcg("b", 0)), [flood(1), flood(1)], kind="python"))
    overage = int(excess * (1 << 20))
    assert calculate_high_delay(context, overage) / 1e6 == pytest.approx(milliseconds, rel=0.01)


# --- swap -------------------------------------------------------------------------------------------------


def test_swap_max_holds_at_every_level() -> None:
    memcgs = (Memcg("/"), Memcg("a", 0, swap_max=60), Memcg("a/x", 1, max=100, swap_max=50), Memcg("a/y", 1, max=100))
    tasks = (Task("x", 2), Task("y", 3))
    machine = Machine(1000, memcgs=memcgs, tasks=tasks)
    simulation = finished(machine, [loop(145, 3, ANON), loop(105, 3, ANON)])
    assert simulation.counters()["oom_kill"] == 0
    assert memcg(simulation, 2, core.SWAP_USAGE) == pytest.approx(45, abs=8)
    assert memcg(simulation, 1, core.SWAP_USAGE) <= 60


def test_without_swap_left_anonymous_memory_has_run_out() -> None:
    machine = two(1000, Memcg("a", 0, max=100, swap_max=20), Memcg("b", 0), (SwapDevice(ZRAM),))
    simulation = finished(machine, [loop(150, 2, ANON), flood(50)])
    assert counter(simulation, 1, "oom_kill") == 1
    assert usage(simulation, 1) == memcg(simulation, 1, core.SWAP_USAGE) == 0, "what was killed has nothing"
    assert usage(simulation, 2) == 50


def test_devices_are_filled_in_their_order() -> None:
    machine = two(1000, Memcg("a", 0, max=100), Memcg("b", 0), (SwapDevice(ZRAM, 30), SwapDevice(ZRAM, 500)))
    simulation = finished(machine, [loop(300, 1, ANON), flood(1)])
    used = simulation.table("devices")[1:3, core.DEVICE_USED].tolist()
    assert used[0] == 30
    assert used[1] == 300 - 30 - usage(simulation, 1)


# --- proactive reclaim ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", POLICIES)
def test_proactive_reclaim_takes_what_is_asked_for_from_below_the_memcg(name: str) -> None:
    simulation = start(two(4000, Memcg("a", 0), Memcg("b", 0)), [flood(1000), flood(1000)], program(name))
    run(simulation)
    before = clock(simulation, 0)
    assert simulation.reclaim(1, 300) >= 300
    check_sums(simulation)
    assert 1000 - 300 - 2 * core.SWAP_CLUSTER_MAX <= usage(simulation, 1) <= 700
    assert usage(simulation, 2) == 1000
    assert counter(simulation, 1, "pgsteal_proactive") == 1000 - usage(simulation, 1)
    assert (clock(simulation, 0), int(simulation.table("tasks")[0, core.TASK_STALLED])) == (before, 0)
    assert simulation.state[core.PROACTIVE_TIME] > 0


def test_proactive_reclaim_of_the_top_takes_from_all() -> None:
    simulation = start(two(4000, Memcg("a", 0), Memcg("b", 0, min=5000)), [flood(1000), flood(1000)])
    run(simulation)
    assert 500 <= simulation.reclaim(0, 500) < 600
    assert usage(simulation, 2) == 1000, "b is protected, even from that"


def test_proactive_reclaim_may_fail_and_nobody_is_to_blame() -> None:
    simulation = start(two(4000, Memcg("a", 0), Memcg("b", 0)), [flood(500, ANON), flood(10)])
    run(simulation)
    assert simulation.reclaim(1, 300) == 0
    assert simulation.status == core.STATUS_RUNNING
    assert simulation.counters()["oom"] == 0


def test_proactive_reclaim_brings_its_own_swappiness() -> None:
    """Files that were read often, and as much anonymous memory."""
    keys = [*(list(range(300)) * 4), *range(1000, 1300)]
    trace = events(keys, [FILE_READ] * 1200 + [ANON] * 300)
    evicted = {}
    for swappiness in (0, 200):
        machine = two(4000, Memcg("a", 0), Memcg("b", 0), (SwapDevice(ZRAM),))
        simulation = start(machine, [trace, flood(10)])
        run(simulation)
        assert simulation.reclaim(1, 200, swappiness) >= 200
        evicted[swappiness] = counter(simulation, 1, "pgsteal_anon")
    assert evicted[0] == 0
    assert evicted[200] > 150


# --- OOM --------------------------------------------------------------------------------------------------


def test_oom_kills_the_largest_and_the_others_go_on() -> None:
    """a and c share a limit; what b has does not count for it."""
    memcgs = (Memcg("/"), Memcg("p", 0, max=300), Memcg("p/a", 1), Memcg("p/c", 1), Memcg("b", 0))
    tasks = (Task("a", 2), Task("c", 3, think_ns=3000), Task("b", 4))
    machine = Machine(5000, memcgs=memcgs, tasks=tasks, swap=NO_SWAP)
    simulation = finished(machine, [loop(400, 2, ANON), loop(150, 30, ANON), loop(1000, 4, ANON)])
    assert [memcg(simulation, m, core.OOM_KILLED) for m in range(5)] == [0, 0, 1, 0, 0]
    assert usage(simulation, 2) == 0
    table = simulation.table("tasks")[:3]
    assert table[:, core.TASK_KILLED].tolist() == [1, 0, 0]
    assert table[1:, core.TASK_ACCESSES].tolist() == [4500, 4000]
    assert (counter(simulation, 1, "oom"), counter(simulation, 2, "oom_kill")) == (1, 1)
    assert resident_of(simulation)[2] == []


def test_slots_on_swap_count_for_the_killer_and_are_freed() -> None:
    """a has less in memory than b, but more together with what it has on swap."""
    a, b = Memcg("a", 0, max=100), Memcg("b", 0)
    machine = two(300, a, b, (SwapDevice(ZRAM, 200),), start_b=LATER)
    simulation = finished(machine, [loop(290, 1, ANON), loop(230, 3, ANON)])
    assert memcg(simulation, 1, core.OOM_KILLED) == 1
    assert memcg(simulation, 1, core.SWAP_USAGE) == 0
    assert int(simulation.table("tasks")[1, core.TASK_ACCESSES]) == 690


def test_the_last_task_killed_ends_the_run() -> None:
    machine = two(1000, Memcg("a", 0, max=50), Memcg("b", 0))
    simulation = finished(machine, [loop(100, 1, ANON), loop(1, 1, ANON)])
    assert simulation.status == core.STATUS_OOM


def test_files_are_no_reason_for_oom() -> None:
    machine = two(300, Memcg("a", 0, max=80), Memcg("b", 0))
    simulation = finished(machine, [loop(500, 3, FILE_MAPPED), loop(900, 3, FILE_READ | core.E_WRITE)])
    assert simulation.counters()["oom"] == 0
