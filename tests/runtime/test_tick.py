"""The hook `tick`: when it is called, what it costs, and the reclaim that it asks for."""

from __future__ import annotations

import pytest

from runtime.core import layout as core
from runtime.costs import Costs, Device
from runtime.machine import Machine, Memcg, Task
from runtime.simulation import Simulation
from tests.runtime.attaching import attached, give_events
from tests.runtime.policies import Events, check_invariants, compiled, events, simulate
from tests.runtime.tree_samples import FILE_MAPPED, FILE_READ, counter, finished, loop, run

BASE = """policy clockwork; list queue; state calls: u64; state last: u64;
hook folio_added(f) { queue.push_tail(f); }
hook evict_folios(ctx) { scan f in queue limit ctx.nr_to_scan { ctx.evict(f); } }
"""
COUNTS = compiled(BASE + "hook tick(ctx) { calls += 1; last = ctx.now; }")
RECLAIMS = compiled(BASE + "hook tick(ctx) { calls += 1; ctx.reclaim(7); }")
LOOKS = compiled(BASE + "hook tick(ctx) { scan f in queue limit 10 { if f.dirty { calls += 1; } } }")
US = 1_000
QUICK = Device("quick", 1_000, 1_000, 1)
KINDS = ("python", "O3", "interpreted")


def words(simulation: Simulation, count: int = 2) -> list[int]:
    return [int(word) for word in simulation.regions["policy"].view("<i8")[:count]]


def reads(times: int) -> Events:
    """Many reads of one page: hits, but for the first."""
    return events([1] * times, FILE_READ)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_called_while_all_accesses_hit(kind: str) -> None:
    """A hit takes 1.2 us of simulated time: some 300 of them 360 us, and the miss before."""
    simulation = simulate(COUNTS, reads(300), Machine(10, tick_ns=20 * US, files=QUICK), kind)
    calls, last = words(simulation)
    now = int(simulation.state[core.NOW])
    assert calls == (now - Costs().access - Costs().syscall) // (20 * US)
    assert 0 <= last % (20 * US) <= Costs().access + Costs().syscall


def test_how_the_trace_is_cut_does_not_matter() -> None:
    trace, machine = loop(90, 5), Machine(60, tick_ns=50 * US, files=QUICK)
    whole = simulate(RECLAIMS, trace, machine)
    cut = simulate(RECLAIMS, trace.first(0), machine)
    at = 0
    while at < len(trace.page):
        at = cut.run(trace, at, min(at + 7, len(trace.page)))
    assert whole.counters() == cut.counters()
    assert whole.digest() == cut.digest()


def test_ticks_that_were_missed_come_as_one() -> None:
    """Each read takes 100 us."""
    machine = Machine(200, tick_ns=10 * US, files=Device("slow", 100 * US, 100 * US, 1))
    assert words(simulate(COUNTS, events(range(50)), machine), 1) == [49]


def test_the_ideal_model_has_no_clock() -> None:
    assert words(simulate(COUNTS, reads(5000), Machine(10, True, tick_ns=1)), 1) == [0]


def test_it_takes_no_task_s_time() -> None:
    quiet, busy = (simulate(policy, loop(40, 10), Machine(60, tick_ns=10 * US)) for policy in (COUNTS, LOOKS))
    assert quiet.state[core.NOW] == busy.state[core.NOW]
    assert quiet.state[core.PROACTIVE_TIME] == 0
    scanned, rest = divmod(int(busy.state[core.PROACTIVE_TIME]), Costs().scan)
    assert scanned > 80 and rest == 0


@pytest.mark.parametrize("kind", KINDS)
def test_reclaim_is_done_when_it_has_returned(kind: str) -> None:
    simulation = simulate(RECLAIMS, events([*range(40), *[39] * 60], FILE_READ), Machine(50, tick_ns=40 * US), kind)
    check_invariants(simulation)
    found = simulation.counters()
    assert found["pgsteal_proactive"] >= 7
    assert found["pgsteal_proactive"] == found["evictions"]
    assert simulation.state[core.RECLAIM_TIME] == 0 < simulation.state[core.PROACTIVE_TIME]


def test_each_memcg_has_its_own() -> None:
    """It is called for every lruvec, and reclaims from its own memcg."""
    text = BASE + "hook tick(ctx) { calls += 1; if ctx.memcg == 1 { ctx.reclaim(5); } }"
    memcgs = (Memcg("/"), Memcg("a", 0), Memcg("b", 0))
    machine = Machine(900, tick_ns=50 * US, memcgs=memcgs, tasks=(Task("t", 1), Task("u", 2)), files=QUICK)
    simulation = finished(machine, [loop(200, 4), loop(200, 4)], compiled(text))
    stride = simulation.layout.state_stride
    calls = simulation.regions["policy"].view("<i8")[: 3 * stride : stride].tolist()
    assert calls[0] == calls[1] == calls[2] > 20
    assert counter(simulation, 1, "pgsteal_proactive") > 60
    assert counter(simulation, 2, "pgsteal_proactive") == 0


def test_native_code_ticks_as_python_does_in_a_tree() -> None:
    machine = Machine(300, tick_ns=30 * US, memcgs=(Memcg("/"), Memcg("a", 0)), tasks=(Task("t", 1), Task("u", 0)))
    digests = set()
    for kind in ("python", "O3"):
        simulation = attached(RECLAIMS, machine, kind)
        give_events(simulation, [loop(120, 3, FILE_MAPPED), loop(90, 3)])
        run(simulation)
        digests.add(simulation.digest())
    assert len(digests) == 1
