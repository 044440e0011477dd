"""Nodes: where pages come from, kswapd, direct reclaim, and demotion to slower nodes."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.core import layout as core
from runtime.costs import ZRAM
from runtime.machine import Machine, Memcg, Node, SwapDevice, Task
from runtime.scenario.plan import kernel_watermarks
from runtime.simulation import Simulation
from tests.runtime.policies import events, program
from tests.runtime.tree_samples import (
    ANON,
    FILE_MAPPED,
    NO_SWAP,
    check_sums,
    clock,
    finished,
    loop,
    random_mix,
    resident_of,
    run,
    start,
    usage,
)

POLICIES = ("builtin:lru", "builtin:mglru", "fifo")


def used(simulation: Simulation) -> list[int]:
    """Used pages of each node."""
    nodes = simulation.table("nodes")[: len(simulation.machine.all_nodes)]
    return [int(n) for n in nodes[:, core.NODE_USAGE]]


def demoted(simulation: Simulation) -> int:
    counters = simulation.counters()
    return counters["pgdemote_kswapd"] + counters["pgdemote_direct"] + counters["pgdemote_proactive"]


# --- where pages come from --------------------------------------------------------------------------------


def test_pages_come_from_the_preferred_node_then_from_the_next() -> None:
    nodes = (Node("a", 100, (2, 10, 20)), Node("b", 100, (2, 10, 20)))
    machine = Machine(200, nodes=nodes, tasks=(Task("t", node=1),), swap=NO_SWAP)
    simulation = start(machine, [loop(170, 1)])
    run(simulation, 90)
    assert used(simulation) == [0, 90]
    run(simulation)
    assert used(simulation) == [80, 90]
    assert simulation.counters()["evictions"] == 0


def test_kswapds_wake_when_no_node_is_above_low_and_go_up_to_high() -> None:
    """The 181st page finds both nodes at their low watermark."""
    nodes = (Node("a", 100, (2, 10, 20)), Node("b", 100, (2, 10, 20)))
    simulation = start(Machine(200, nodes=nodes, tasks=(Task("t"),), swap=NO_SWAP), [loop(500, 1)])
    run(simulation, 180)
    assert used(simulation) == [90, 90]
    run(simulation, 1)
    assert used(simulation)[0] <= 81 and used(simulation)[1] <= 80
    run(simulation)
    counters = simulation.counters()
    assert counters["pgsteal_kswapd"] > 0 == counters["pgsteal_direct"] == counters["allocstall"]


def test_a_bound_task_has_its_own_node_only() -> None:
    nodes = (Node("a", 100, (2, 10, 20)), Node("b", 100, (2, 10, 20)))
    simulation = finished(Machine(200, nodes=nodes, tasks=(Task("t", bound=True),), swap=NO_SWAP), [loop(500, 1)])
    assert used(simulation)[1] == 0
    assert simulation.counters()["pageoutrun"] > 0


def test_without_kswapd_tasks_reclaim_themselves() -> None:
    """With all watermarks alike a task finds no page left before kswapd would begin."""
    nodes = (Node("a", 100, (0, 0, 0)), Node("b", 100, (0, 0, 0)))
    machine = Machine(200, nodes=nodes, memcgs=(Memcg("/"),), tasks=(Task("t"),), swap=NO_SWAP)
    simulation = finished(machine, [loop(500, 2)])
    counters = simulation.counters()
    assert counters["allocstall"] > 0 and counters["pgsteal_direct"] > 700 and counters["pgsteal_kswapd"] == 0
    assert int(simulation.table("tasks")[0, core.TASK_STALLED]) > 0


def test_a_hopeless_node_is_left_to_direct_reclaim() -> None:
    """All is anonymous and there is no swap: kswapd gives up after 16 failures, and memory runs out."""
    nodes = (Node("a", 100, (2, 40, 60)),)
    simulation = finished(Machine(100, nodes=nodes, tasks=(Task("t"),), swap=NO_SWAP), [loop(150, 1, ANON)])
    assert simulation.status == core.STATUS_OOM
    assert simulation.counters()["pageoutrun"] == 16


def test_slow_memory_takes_longer() -> None:
    def time_on(node: int) -> int:
        nodes = (Node("fast", 100), Node("slow", 100, access_ns=250))
        machine = Machine(200, nodes=nodes, tasks=(Task("t", node=node),))
        return clock(finished(machine, [loop(50, 20, FILE_MAPPED)]), 0)

    assert time_on(1) - time_on(0) == 50 * 20 * 250


def test_watermarks_of_the_kernel() -> None:
    """A machine of 16 GiB has min_free_kbytes 16,384 (the square root of 16 times 2^24); between two watermarks lies a
    thousandth of the node, or a quarter of min if that is more."""
    assert kernel_watermarks([4 << 20]) == [(4096, 4096 + 4194, 4096 + 2 * 4194)]
    assert kernel_watermarks([3 << 20, 1 << 20]) == [(3072, 6217, 9362), (1024, 2072, 3120)]
    assert kernel_watermarks([1000]) == [(63, 78, 93)]


# --- demotion ---------------------------------------------------------------------------------------------


def tiers(swap: tuple[SwapDevice, ...] = NO_SWAP, memcgs: tuple[Memcg, ...] = ()) -> Machine:
    """Three nodes in a chain; the task is bound to the fastest."""
    nodes = (
        Node("fast", 200, (4, 16, 32), demotes_to=1),
        Node("slow", 400, (4, 80, 120), demotes_to=2, access_ns=200),
        Node("slowest", 600, (4, 80, 120), access_ns=800),
    )
    task = Task("t", len(memcgs) - 1 if memcgs else 0, bound=True)
    return Machine(1200, nodes=nodes, memcgs=memcgs, tasks=(task,), swap=swap)


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("flags", [FILE_MAPPED, ANON], ids=["file", "anon"])
def test_what_a_fast_node_does_not_hold_goes_down_the_chain(name: str, flags: int) -> None:
    """Nothing is evicted, though there is no swap, and all hits after the first pass."""
    simulation = finished(tiers(), [loop(800, 3, flags)], program(name))
    counters = simulation.counters()
    assert (counters["misses"], counters["evictions"], counters["oom"]) == (800, 0, 0)
    assert sum(used(simulation)) == 800
    assert used(simulation)[1] > 200 and used(simulation)[2] > 200
    # A page on the slowest node was demoted twice, one on the slow node once.
    assert demoted(simulation) == 2 * used(simulation)[2] + used(simulation)[1]
    assert counters["pgdemote_kswapd"] == demoted(simulation)
    assert counters["pgsteal_kswapd"] == counters["pgdemote_kswapd"], "the kernel counts what was demoted as reclaimed"


@pytest.mark.parametrize("name", POLICIES)
def test_at_the_end_of_the_chain_pages_are_evicted(name: str) -> None:
    simulation = finished(tiers((SwapDevice(ZRAM),)), [random_mix(7, 30_000, 3000)], program(name))
    counters = simulation.counters()
    assert counters["evictions"] > 1000
    assert demoted(simulation) > counters["evictions"]
    assert counters["pgsteal_kswapd"] + counters["pgsteal_direct"] == counters["evictions"] + demoted(simulation)
    assert counters["pgsteal_anon"] + counters["pgsteal_file"] == counters["evictions"] + demoted(simulation)
    assert all(free <= node.nr_pages for free, node in zip(used(simulation), simulation.machine.nodes, strict=True))
    last = resident_of(simulation)[2]
    assert len(last) > 400


def test_the_hot_stay_on_the_fast_node() -> None:
    """50 pages that are used all the time, among 700 used once in a while."""
    cold = np.arange(1000, 1700)
    keys = np.concatenate([np.concatenate([np.arange(50), [page]]) for page in np.tile(cold, 4)])
    simulation = finished(tiers(), [events(keys, FILE_MAPPED)], program("builtin:lru"))
    assert len({page for page in resident_of(simulation)[0] if page < 50}) >= 35


def test_reclaim_for_a_limit_demotes_first_and_evicts_from_the_slowest() -> None:
    memcgs = (Memcg("/"), Memcg("a", 0, max=90))
    simulation = finished(tiers(memcgs=memcgs), [loop(400, 3, FILE_MAPPED)], program("builtin:lru"))
    assert usage(simulation, 1) <= 90
    assert simulation.counters()["evictions"] > 1000
    assert simulation.counters()["pgdemote_direct"] > 0


def test_proactive_reclaim_demotes() -> None:
    """It goes through all nodes, so that a few pages may go all the way down and out."""
    simulation = start(tiers(), [loop(180, 1, FILE_MAPPED)])
    run(simulation)
    assert simulation.reclaim(0, 60) >= 60
    check_sums(simulation)
    assert simulation.counters()["pgdemote_proactive"] >= 60
    assert simulation.counters()["evictions"] <= 32
    assert sum(used(simulation)[1:]) >= 20


def test_without_room_below_reclaim_evicts_but_proactive_reclaim_does_not() -> None:
    """The slower node is full of memory below `min`, which its kswapd cannot take."""
    memcgs = (Memcg("/"), Memcg("a", 0), Memcg("b", 0, min=1000))
    nodes = (Node("fast", 200, (2, 8, 16), demotes_to=1), Node("slow", 100, (2, 8, 16)))
    tasks = (Task("a", 1, start_ns=10**12), Task("b", 2, node=1, bound=True))
    machine = Machine(300, nodes=nodes, memcgs=memcgs, tasks=tasks, swap=NO_SWAP)
    simulation = start(machine, [loop(150, 1), loop(97, 1)])
    run(simulation)
    assert used(simulation) == [150, 97]
    simulation.reclaim(1, 40)
    # What was evicted had been demoted, one page at a time: the fast node evicts nothing itself.
    assert simulation.counters()["evictions"] <= simulation.counters()["pgdemote_proactive"]
    assert used(simulation)[0] >= 150 - simulation.counters()["pgdemote_proactive"]

    simulation = finished(machine, [loop(900, 1), loop(97, 1)])
    assert simulation.counters()["evictions"] > 600


def test_demotion_must_not_go_round() -> None:
    with pytest.raises(ValueError, match="demotion leads back"):
        Machine(20, nodes=(Node("a", 10, demotes_to=1), Node("b", 10, demotes_to=0)))


def test_there_are_at_most_eight_nodes() -> None:
    """A memcg has a place for each where the last walk of its subtree stopped."""
    with pytest.raises(ValueError, match="9 nodes: the most is 8"):
        Machine(90, nodes=tuple(Node(f"n{number}", 10) for number in range(9)))
