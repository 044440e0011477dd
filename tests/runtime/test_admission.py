"""The hook `admit`: pages that go past the cache."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.core import layout as core
from runtime.costs import ZRAM, Costs, Device
from runtime.machine import Machine, Memcg, SwapDevice, Task
from runtime.simulation import Simulation
from tests.runtime.policies import check_invariants, compiled, events, simulate
from tests.runtime.tree_samples import ANON, FILE_MAPPED, FILE_READ, check_sums, finished, loop

BASE = """policy filter; list queue;
hook folio_added(f) { queue.push_tail(f); }
hook evict_folios(ctx) { scan f in queue limit ctx.nr_to_scan { ctx.evict(f); } }
"""
NOTHING = compiled(BASE + "hook admit(ctx) { return 0; }")
SECOND_READ = compiled(
    BASE
    + """map seen: lru_hash<page_key>[1000];
hook admit(ctx) { if seen.contains(ctx.key) { return 1; } seen.insert(ctx.key); return 0; }"""
)
READ_NS, WRITE_NS = 70_000, 30_000
FILES = Device("files", READ_NS, WRITE_NS, 4)
KINDS = ("python", "O3", "interpreted")


def counters(simulation: Simulation) -> dict[str, int]:
    check_invariants(simulation)
    return simulation.counters()


@pytest.mark.parametrize("ideal", [False, True], ids=["kernel", "ideal"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_refused_takes_no_memory_and_counts_as_a_miss(ideal: bool, kind: str) -> None:
    found = counters(simulate(NOTHING, events([*range(30)] * 2), Machine(10, ideal), kind))
    assert (found["accesses"], found["misses"], found["bypassed"]) == (60, 60, 60)
    assert found["evictions"] == found["refaults"] == found["reclaims"] == 0


@pytest.mark.parametrize("ideal", [False, True], ids=["kernel", "ideal"])
def test_pages_may_be_admitted_at_their_second_read(ideal: bool) -> None:
    digests = set()
    for kind in KINDS:
        simulation = simulate(SECOND_READ, events([*range(30)] * 4), Machine(40, ideal), kind)
        found = counters(simulation)
        assert (found["misses"], found["bypassed"], simulation.resident) == (60, 30, 30)
        digests.add(simulation.digest())
    assert len(digests) == 1


def test_only_files_read_or_written_by_system_call_are_asked_for() -> None:
    for flags, bypassed in ((FILE_READ, 20), (FILE_READ | core.E_WRITE, 20), (FILE_MAPPED, 0), (ANON, 0)):
        assert counters(simulate(NOTHING, events([*range(20)], flags), Machine(50)))["bypassed"] == bypassed


def test_a_page_past_the_cache_costs_what_its_device_takes() -> None:
    costs = Costs()
    for flags, device_ns in ((FILE_READ, READ_NS), (FILE_READ | core.E_WRITE, WRITE_NS)):
        simulation = simulate(NOTHING, events([1, 2, 3], flags), Machine(10, files=FILES))
        assert simulation.state[core.NOW] == 3 * (costs.access + costs.syscall + costs.io + device_ns)
        devices = simulation.table("devices")
        assert devices[core.FILES, core.DEVICE_READS] + devices[core.FILES, core.DEVICE_WRITES] == 3
        assert simulation.state[core.STALL_SOME] == simulation.state[core.REFAULT_TIME] == 0
        assert simulation.state[core.NR_DIRTY] == 0


def test_a_resident_page_is_not_asked_for_and_an_evicted_one_is_lost_time() -> None:
    text = BASE + "state open: bool = true; state calls: u64;"
    text += "hook admit(ctx) { calls += 1; if calls > 40 { open = false; } return open as u8; }"
    trace = events([*range(40), *range(39, 30, -1), *range(5)])
    simulation = simulate(compiled(text), trace, Machine(34, files=FILES))
    found = counters(simulation)
    assert found["bypassed"] == found["misses"] - 40
    assert found["hits"] > 0 < found["bypassed"]
    assert simulation.state[core.REFAULT_TIME] == found["bypassed"] * (READ_NS + Costs().io)


def test_the_policy_of_the_memcg_decides_and_tasks_are_told_apart() -> None:
    """Task 1 may not use the cache; one policy for two memcgs, and one that knows the task's number."""
    by_task = compiled(BASE + "hook admit(ctx) { return (ctx.task != 1) as u8; }")
    by_memcg = compiled(BASE + "hook admit(ctx) { return (ctx.memcg == 1) as u8; }")
    memcgs = (Memcg("/"), Memcg("a", 0), Memcg("b", 0))
    for policy in (by_task, by_memcg):
        machine = Machine(400, memcgs=memcgs, tasks=(Task("t", 1), Task("u", 2)))
        simulation = finished(machine, [loop(50, 2), loop(60, 2)], policy)
        check_sums(simulation)
        assert [simulation.memcg_counters(m)["bypassed"] for m in range(3)] == [0, 0, 120]
        assert simulation.table("tasks")[:, core.TASK_HITS].tolist() == [50, 0]
        assert simulation.resident == 50


def test_a_folio_knows_the_task_whose_batch_it_was_in() -> None:
    """The batches of all tasks are drained at once where a page is freed; each folio is its own task's."""
    text = "policy owners; list queue; state of_task: u64[3];"
    text += "hook folio_added(f, ctx) { if ctx.task < 3 { of_task[ctx.task] += 1; } queue.push_tail(f); }"
    text += "hook evict_folios(ctx) { scan f in queue limit 32 { ctx.evict(f); } }"
    reads = [events(np.arange(n), FILE_READ) for n in (5, 7)]
    freed = events([0, 0], [FILE_READ, core.E_FREE])
    machine = Machine(100, tasks=(Task("a"), Task("b"), Task("c", start_ns=10**9)))
    simulation = finished(machine, [*reads, freed], compiled(text))
    assert simulation.regions["policy"].view("<i8")[:3].tolist() == [5, 7, 1]


def test_a_run_with_everything_refused_keeps_its_invariants() -> None:
    machine = Machine(60, memcgs=(Memcg("/"), Memcg("a", 0, max=20)), tasks=(Task("t", 1),), swap=(SwapDevice(ZRAM),))
    simulation = finished(machine, [loop(90, 3, FILE_READ | core.E_WRITE)], NOTHING)
    assert simulation.counters()["bypassed"] == 270
    assert simulation.resident == 0
