"""Promotion: what a policy asks to have moved from a slow node to the one that demotes to it."""

from __future__ import annotations

import numpy as np
import pytest

from dsl.ir import Policy
from runtime.core import layout as core
from runtime.costs import Costs
from runtime.machine import Machine, Memcg, Node, Task
from runtime.simulation import Simulation
from tests.runtime.attaching import attached, give_events
from tests.runtime.policies import compiled, events, program, simulate
from tests.runtime.tree_samples import (
    FILE_MAPPED,
    FILE_READ,
    NO_SWAP,
    check_sums,
    finished,
    loop,
    random_mix,
    resident_of,
    run,
    start,
)

BASE = """policy promoter; list queue;
hook folio_added(f) { queue.push_tail(f); }
hook folio_kept(f) { queue.push_tail(f); }
hook evict_folios(ctx) { scan f in queue limit ctx.nr_to_scan { ctx.evict(f); } }
"""
ON_ACCESS = compiled(BASE + "hook folio_accessed(f) { queue.move_tail(f); f.promote(); }")
ON_TICK = compiled(BASE + "hook tick(ctx) { if ctx.can_promote { scan f in queue limit 16 { f.promote(); } } }")
WALKS = compiled(
    BASE
    + """hook scan_plan(ctx) { ctx.plan_walk(); ctx.plan_scan(queue.len >> ctx.priority as u64); }
hook young(f) { queue.move_tail(f); f.promote(); }"""
)


def tiers(**more: int) -> Machine:
    """Pages come from the fast node first, and go down from there; the task is bound to it."""
    nodes = (Node("fast", 100, (2, 8, 16), demotes_to=1), Node("slow", 300, (2, 8, 16), access_ns=300))
    return Machine(400, nodes=nodes, memcgs=(Memcg("/"), Memcg("a", 0)), tasks=(Task("t", 1, bound=True),), **more)


def promoted(simulation: Simulation) -> int:
    return simulation.counters()["pgpromote_success"]


def reads_of(pages: range, hot: range, times: int) -> list[int]:
    """All pages once, then some of them again and again."""
    return [*pages, *list(hot) * times]


def test_a_page_that_is_read_comes_up() -> None:
    trace = events(reads_of(range(200), range(10), 3), FILE_READ)
    simulation = start(tiers(), [trace], ON_ACCESS)
    run(simulation, 200)
    before = resident_of(simulation)
    assert set(range(10)) <= set(before[3]), "demoted"
    run(simulation)
    check_sums(simulation)
    assert set(range(10)) <= {*resident_of(simulation)[2]}
    assert promoted(simulation) >= 10
    assert simulation.counters()["evictions"] == 0
    assert simulation.memcg_counters(1)["pgpromote_success"] == promoted(simulation)


def test_it_costs_a_migration_and_the_task_waits_for_it() -> None:
    """Without pressure: 40 pages on the slow node, and room on the fast one."""
    nodes = (Node("fast", 100, (2, 8, 16), demotes_to=1), Node("slow", 100, (2, 8, 16), access_ns=300))
    machine = Machine(200, nodes=nodes, tasks=(Task("t", node=1, bound=True),))
    trace = events([*range(40), *range(40), *range(40)], FILE_READ)
    clocks = []
    for policy in (program("fifo"), ON_ACCESS):
        simulation = start(machine, [trace], policy)
        run(simulation, 80)
        begin = int(simulation.table("tasks")[0, core.TASK_CLOCK])
        assert promoted(simulation) == (40 if policy is ON_ACCESS else 0)
        run(simulation)
        clocks.append((begin, int(simulation.table("tasks")[0, core.TASK_CLOCK]) - begin))
    # All come up at their second read: the first brings them in.
    assert clocks[0][1] - clocks[1][1] == 40 * 300, "memory of the fast node is faster"
    assert clocks[1][0] - clocks[0][0] == 40 * Costs().migrate - 40 * 300


def test_without_room_above_the_high_watermark_kswapd_makes_some() -> None:
    """Both nodes are full of what is read in turn: pages change places, and none is lost."""
    simulation = finished(tiers(), [loop(250, 6)], ON_ACCESS)
    counters = simulation.counters()
    assert (counters["misses"], counters["evictions"]) == (250, 0)
    assert promoted(simulation) > 500
    assert counters["pgdemote_kswapd"] == promoted(simulation) + len(resident_of(simulation)[3])


def test_no_kswapd_no_room_no_promotion() -> None:
    nodes = (Node("fast", 100, demotes_to=1), Node("slow", 300))
    machine = Machine(400, nodes=nodes, tasks=(Task("t"),), swap=NO_SWAP)
    simulation = finished(machine, [loop(300, 3)], ON_ACCESS)
    assert promoted(simulation) == 0
    assert simulation.counters()["misses"] == 300


def test_a_tick_promotes_too_and_takes_no_task_s_time() -> None:
    simulation = finished(tiers(tick_ns=100_000), [loop(150, 20)], ON_TICK)
    assert promoted(simulation) > 100
    assert simulation.state[core.PROACTIVE_TIME] >= promoted(simulation) * Costs().migrate


def test_young_pages_come_up_from_a_walk() -> None:
    trace = random_mix(5, 30_000, 420)
    simulation = finished(tiers(), [events(trace.page, FILE_MAPPED)], WALKS)
    assert promoted(simulation) > 30


def test_alone_and_in_the_ideal_model_nothing_happens() -> None:
    trace = events([*range(20)] * 3, FILE_READ)
    for machine in (Machine(30), Machine(30, True)):
        simulation = simulate(ON_ACCESS, trace, machine)
        assert promoted(simulation) == 0
        assert simulation.counters()["hits"] == 40


@pytest.mark.parametrize("policy", [ON_ACCESS, ON_TICK, WALKS], ids=["access", "tick", "walk"])
def test_executors_agree(policy: Policy) -> None:
    machine = tiers(tick_ns=200_000)
    keys = np.random.default_rng(3).zipf(1.2, 1500) % 330
    trace = events(keys, np.where(keys % 2 == 0, FILE_READ, FILE_MAPPED))
    digests = set()
    for kind in ("python", "O1", "interpreted"):
        simulation = attached(policy, machine, kind)
        give_events(simulation, [trace])
        while run(simulation, 300) == 300:
            check_sums(simulation)
        digests.add(simulation.digest())
    assert len(digests) == 1
