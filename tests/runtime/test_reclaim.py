"""The reclaim core keeps its promises whatever a policy does, and decides what the kernel decides."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from dsl import ir
from runtime.core import layout as core
from runtime.jit.module import Attachable
from runtime.machine import Machine
from runtime.policies import lru
from runtime.regions import Attachment
from runtime.simulation import Simulation
from tests.runtime.policies import (
    ALL,
    Events,
    check_invariants,
    compiled,
    events,
    executor,
    program,
    simulate,
)

FILE_READ = core.E_FILE | core.E_SYSCALL
FILE_MAPPED = core.E_FILE
ANON = 0
EXECUTED = core.E_FILE | core.E_EXECUTE
WATERMARKS = ((0, 0, 0), (4, 10, 20), (0, 3, 30))


def mixed(count: int, pages: int, seed: int = 3) -> Events:
    """Accesses of all kinds, and every now and then a page that was used is freed."""
    chance = np.random.default_rng(seed)
    keys = chance.zipf(1.2, count) % pages
    page_flags = chance.choice([FILE_READ, FILE_MAPPED, ANON, EXECUTED], pages)
    trace = events(keys, 0)
    flags = page_flags[keys].astype("u1") | chance.choice([0, 0, core.E_WRITE], count).astype("u1")
    freed = chance.random(count) < 0.06
    freed[: count // 10] = False
    page = np.where(freed, chance.integers(0, int(trace.page[: count // 10].max()) + 1, count), trace.page)
    return Events(page.astype("u4"), np.where(freed, core.E_FREE, flags).astype("u1"), trace.nr_pages)


def run_in_pieces(policy: Attachable, trace: Events, machine: Machine, pieces: int = 8) -> Simulation:
    """Run a trace a piece at a time, with the invariants checked after each."""
    simulation = simulate(policy, trace.first(0), machine)
    bounds = np.linspace(0, len(trace.page), pieces + 1).astype(int)
    for first, last in itertools.pairwise(bounds):
        simulation.run(trace, int(first), int(last))
        check_invariants(simulation)
        assert simulation.resident <= machine.nr_pages
        if simulation.stopped:
            break
    return simulation


# --- memory and watermarks --------------------------------------------------------------------------------


@pytest.mark.parametrize("watermarks", WATERMARKS, ids=str)
@pytest.mark.parametrize("name", ALL)
def test_the_limit_is_never_exceeded(name: str, watermarks: tuple[int, int, int]) -> None:
    simulation = run_in_pieces(program(name), mixed(6000, 500), Machine(90, watermarks=watermarks))
    counters = simulation.counters()
    assert not simulation.stopped
    assert counters["evictions"] > 300 and counters["frees"] > 100 and counters["refaults"] > 50
    assert counters["evictions"] == counters["pgsteal_kswapd"] + counters["pgsteal_direct"]
    assert counters["evictions"] == counters["pgsteal_anon"] + counters["pgsteal_file"]
    assert counters["pgscan_kswapd"] + counters["pgscan_direct"] == counters["pgscan_anon"] + counters["pgscan_file"]
    assert counters["refaults"] == counters["workingset_refault_anon"] + counters["workingset_refault_file"]
    assert counters["pswpin"] == counters["workingset_refault_anon"] <= counters["pswpout"] == counters["pgsteal_anon"]
    assert (counters["pgscan_kswapd"] > 0) == (counters["pgsteal_kswapd"] > 0) == (watermarks[1] > 0)


@pytest.mark.parametrize("name", ALL)
def test_the_ideal_model_fills_memory_and_keeps_it_full(name: str) -> None:
    trace = events(np.random.default_rng(4).integers(0, 300, 3000))
    simulation = run_in_pieces(program(name), trace, Machine(70, True))
    counters = simulation.counters()
    assert simulation.resident == 70
    assert counters["misses"] - counters["evictions"] == 70
    assert counters["pgscan_kswapd"] == 0


def test_kswapd_keeps_the_high_watermark() -> None:
    """A miss that finds no more pages free than the low watermark frees until there are more than the high one
    (`__zone_watermark_ok`); the task never reclaims."""
    machine = Machine(100, watermarks=(2, 10, 25))
    simulation = simulate(program("fifo"), events([0]), machine)
    least = 100
    for page in range(1, 400):
        simulation.run(events(np.arange(page + 1)), page, page + 1)
        least = min(least, 100 - simulation.resident)
    assert least == 10
    assert simulation.counters()["pgsteal_direct"] == 0
    # A high watermark that takes two clusters: 190 pages leave 10 free, and 74 is more than 70.
    twice = simulate(program("fifo"), events(np.arange(192)), Machine(200, watermarks=(2, 10, 70)))
    assert twice.counters()["pgsteal_kswapd"] == 2 * core.SWAP_CLUSTER_MAX
    assert 200 - twice.resident == 72


def test_direct_reclaim_starts_at_the_min_watermark_and_takes_a_cluster() -> None:
    simulation = simulate(program("fifo"), events(np.arange(80)), Machine(100, watermarks=(20, 20, 20)))
    assert simulation.counters()["evictions"] == 0
    simulation.run(events(np.arange(81)), 80, 81)
    assert simulation.counters()["pgsteal_direct"] == core.SWAP_CLUSTER_MAX
    assert simulation.resident == 81 - core.SWAP_CLUSTER_MAX


# --- frees ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_a_freed_page_leaves_nothing(name: str) -> None:
    trace = events([0, 1, 2, 1, 0, 1], [ANON, ANON, ANON, core.E_FREE, ANON, ANON])
    simulation = simulate(program(name), trace, Machine(10))
    check_invariants(simulation)
    counters = simulation.counters()
    assert (counters["hits"], counters["misses"], counters["frees"], counters["refaults"]) == (1, 4, 1, 0)


def test_freeing_takes_the_shadow_too_and_freeing_twice_is_nothing() -> None:
    keys = [*range(6), 0, 0, 0]
    flags = [FILE_READ] * 6 + [core.E_FREE, core.E_FREE, FILE_READ]
    simulation = simulate(program("fifo"), events(keys, flags), Machine(3))
    assert simulation.counters()["refaults"] == 0
    assert simulation.counters()["frees"] == 2
    flags[6] = flags[7] = FILE_READ
    assert simulate(program("fifo"), events(keys, flags), Machine(3)).counters()["refaults"] == 1


def test_the_ideal_model_frees_nothing() -> None:
    trace = events([0, 1, 0, 0], [FILE_READ, FILE_READ, core.E_FREE, FILE_READ])
    assert simulate(program("fifo"), trace, Machine(5, True)).counters()["hits"] == 1


# --- what builtin:lru decides -----------------------------------------------------------------------------


def list_of(simulation: Simulation, page: int) -> tuple[str, bool]:
    """The type and activity of the list of builtin:lru a page is on."""
    folios = simulation.regions["folios"].view("<u4").reshape(-1, simulation.layout.folio_columns)
    number = int(folios[simulation.regions["page_table"].view("<i8")[page], core.LIST]) - lru.INACTIVE
    return ("anon", "file")[number // lru.FILE_OFFSET], bool(number % lru.FILE_OFFSET)


def fillers(first: int, count: int) -> list[int]:
    return list(range(first, first + count))


def run_lru(keys: list[int], flags: int | list[int], nr_pages: int) -> Simulation:
    simulation = simulate(program("builtin:lru"), events(keys, flags), Machine(nr_pages))
    check_invariants(simulation)
    return simulation


def test_two_reads_activate_once_the_folio_is_on_a_list() -> None:
    """31 folios fill the batch that puts them on lists; 31 activations fill the other. The repeated reads are not in
    a row, which would count as one."""
    keys = [*range(31), *range(31), *range(31)]
    simulation = run_lru(keys, FILE_READ, 100)
    assert simulation.counters()["pgactivate"] == 31
    assert all(list_of(simulation, page) == ("file", True) for page in range(31))
    once = run_lru(keys[:31], FILE_READ, 100)
    assert all(list_of(once, page) == ("file", False) for page in range(31))


def test_reads_in_a_row_of_one_page_count_once() -> None:
    keys = [page for page in range(31) for _ in range(4)]
    simulation = run_lru(keys, FILE_READ, 100)
    assert simulation.counters()["pgactivate"] == 0
    assert not any(list_of(simulation, page)[1] for page in range(31))


def test_writes_in_a_row_count_each() -> None:
    """The second marks the folio active while it still waits in the batch."""
    keys = [page for page in range(31) for _ in range(2)]
    simulation = run_lru(keys, FILE_READ | core.E_WRITE, 100)
    assert all(list_of(simulation, page)[1] for page in range(30))


def test_a_write_is_no_read_in_a_row() -> None:
    """`prev_pos` is the reader's: a read after a write of the page marks it, a read after another's write does not."""
    write = FILE_READ | core.E_WRITE
    after_write = run_lru([page for page in range(31) for _ in range(2)], [write, FILE_READ] * 31, 100)
    assert all(list_of(after_write, page)[1] for page in range(30))
    keys = [key for page in range(15) for key in (page, 100, page)]
    between = run_lru([*keys, *range(200, 216)], [FILE_READ, write, FILE_READ] * 15 + [FILE_READ] * 16, 100)
    assert not any(list_of(between, page)[1] for page in (0, 2, 3, 4))


def test_mapped_accesses_activate_nobody_before_a_scan() -> None:
    keys = [*range(31), *range(31), *range(31)]
    simulation = run_lru(keys, FILE_MAPPED, 100)
    assert simulation.counters()["pgactivate"] == 0
    assert not any(list_of(simulation, page)[1] for page in range(31))


def refault_after(others: int) -> Simulation:
    """31 pages are active when memory of 64 pages is full; then a cluster of 32 is evicted, page 62 last of all. It
    comes back after `others` pages more, and 30 new ones fill the batch it waits in."""
    keys = [*(list(range(31)) * 3), *fillers(31, 33), *fillers(1000, others + 1), 62, *fillers(2000, 30)]
    return run_lru(keys, FILE_READ, 64)


def test_a_refault_within_the_distance_starts_active() -> None:
    near = refault_after(0)
    assert near.counters()["refaults"] == near.counters()["workingset_activate_file"] == 1
    assert list_of(near, 62) == ("file", True)
    far = refault_after(500)
    assert far.counters()["refaults"] == 1
    assert far.counters()["workingset_activate_file"] == 0


def test_the_farther_a_refault_the_less_it_activates() -> None:
    activated = [refault_after(others).counters()["workingset_activate_file"] for others in range(0, 100, 3)]
    assert activated == sorted(activated, reverse=True)
    assert (activated[0], activated[-1]) == (1, 0)


def test_executable_pages_in_use_stay_active() -> None:
    """Mapped executable file pages that are used between reclaims outlive a flood of pages used once."""

    def misses(flags: int) -> int:
        hot = list(range(20))
        keys, kinds = [], []
        for flood in range(60):
            keys += hot + fillers(1000 + 20 * flood, 20)
            kinds += [flags] * 20 + [FILE_READ] * 20
        return run_lru(keys, kinds, 100).counters()["misses"] - 60 * 20

    assert misses(EXECUTED) == 20
    once = run_lru([*range(20), *fillers(1000, 600)], [EXECUTED] * 20 + [FILE_READ] * 600, 100)
    assert once.counters()["pgactivate"] == 20, "an executable page that is young when it is scanned is activated"


def test_executable_pages_in_use_are_not_deactivated() -> None:
    """62 pages are read until they are active, then used through a mapping; a flood asks for deactivation."""

    def left_active(flags: int) -> tuple[int, dict[str, int]]:
        keys = [*(list(range(62)) * 4), *fillers(1000, 39)]
        simulation = run_lru(keys, [FILE_READ] * 186 + [flags] * 62 + [FILE_READ] * 39, 100)
        table = simulation.regions["page_table"].view("<i8")
        active = sum(table[page] > 0 and list_of(simulation, page)[1] for page in range(62))
        return active, simulation.counters()

    executed, of_executed = left_active(EXECUTED)
    mapped, of_mapped = left_active(FILE_MAPPED)
    assert of_mapped["pgrefill"] == of_mapped["pgdeactivate"] > 0
    assert of_executed["pgrefill"] > of_executed["pgdeactivate"]
    assert executed > mapped


def test_mapped_pages_used_once_get_one_more_round() -> None:
    simulation = run_lru(fillers(0, 100), FILE_MAPPED, 64)
    counters = simulation.counters()
    assert counters["pgactivate"] == 0
    assert counters["pgscan_direct"] > counters["pgsteal_direct"] > 0
    read = run_lru(fillers(0, 100), FILE_READ, 64).counters()
    assert read["pgscan_direct"] == read["pgsteal_direct"]


def test_without_swappiness_anonymous_memory_stays() -> None:
    keys = [*range(30), *fillers(100, 400)]
    flags = [ANON] * 30 + [FILE_READ] * 400
    simulation = simulate(program("builtin:lru"), events(keys, flags), Machine(80, swappiness=0))
    assert simulation.counters()["pgsteal_anon"] == 0
    only = simulate(program("builtin:lru"), events(fillers(0, 81), ANON), Machine(80, swappiness=0))
    assert only.stopped, "with nothing but anonymous memory there is nothing to reclaim"
    check_invariants(only)


def test_proactive_reclaim_may_bring_its_own_swappiness() -> None:
    """More is asked for than there are file pages."""
    flags = [ANON, FILE_READ] * 150
    stolen = []
    for swappiness in (-1, 0, 200):
        simulation = simulate(program("builtin:lru"), events(range(300), flags), Machine(400, swappiness=0))
        simulation.reclaim(0, 200, swappiness)
        stolen.append(simulation.counters()["pgsteal_anon"])
    assert stolen[0] == stolen[1] == 0 and stolen[2] >= 50


# --- what the core does with answers ----------------------------------------------------------------------

QUEUE = """
policy queue;
list queue;
state reasons: u64[6];
hook folio_added(f) { queue.push_tail(f); }
hook evict_folios(ctx) { scan f in queue limit ctx.nr_to_scan { ctx.evict(f); } }
"""
KEPT = "hook folio_kept(f, ctx) { reasons[ctx.reason] += 1; queue.push_tail(f); }"


def reasons_of(simulation: Simulation) -> list[int]:
    return [int(w) for w in simulation.regions["policy"].view("<i8")[:6]]


def test_only_clean_pages_go_with_reclaim_clean() -> None:
    policy = compiled(QUEUE + KEPT + "hook folio_check(f) { return RECLAIM_CLEAN; }")
    trace = events(np.arange(200), [FILE_READ | (core.E_WRITE if i < 5 else 0) for i in range(200)])
    simulation = run_in_pieces(policy, trace, Machine(60))
    counters = simulation.counters()
    assert not simulation.stopped
    assert counters["nr_written"] == 0, "a tenth of memory may be dirty before the flusher wakes"
    assert reasons_of(simulation)[2] >= 5
    assert counters["nr_vmscan_immediate_reclaim"] == reasons_of(simulation)[2]
    table = simulation.regions["page_table"].view("<i8")
    assert all(table[page] > 0 for page in range(5))


def test_dirty_pages_alone_are_written_by_the_flusher() -> None:
    policy = compiled(QUEUE + KEPT + "hook folio_check(f) { return RECLAIM_CLEAN; }")
    simulation = run_in_pieces(policy, events(np.arange(200), FILE_READ | core.E_WRITE), Machine(60))
    assert not simulation.stopped
    counters = simulation.counters()
    assert counters["misses"] == counters["nr_dirtied"] == 200 >= counters["nr_written"] >= counters["evictions"] > 100


@pytest.mark.parametrize(("answer", "reason"), [("KEEP", 0), ("ACTIVATE", 1)])
@pytest.mark.parametrize("ideal", [False, True], ids=["kernel", "ideal"])
def test_keeping_everything_is_overruled_in_the_end(answer: str, reason: int, ideal: bool) -> None:
    policy = compiled(QUEUE + KEPT + f"hook folio_check(f) {{ return {answer}; }}")
    simulation = run_in_pieces(policy, events(np.arange(150)), Machine(40, ideal))
    assert not simulation.stopped
    assert simulation.counters()["misses"] == 150
    kept = reasons_of(simulation)
    assert kept[reason] > 0
    assert sum(kept) == kept[reason]


PLANS = """
policy plans;
list queue;
param anon: u64 = 0 in 0..=0xffff_ffff_ffff_ffff;
param file: u64 = 32 in 0..=0xffff_ffff_ffff_ffff;
param age_anon: u64 = 0 in 0..=0xffff_ffff_ffff_ffff;
param age_file: u64 = 0 in 0..=0xffff_ffff_ffff_ffff;
state most: u64;
hook folio_added(f) { queue.push_tail(f); }
hook scan_plan(ctx) {
    ctx.plan_evict(ANON, anon);
    ctx.plan_evict(FILE, file);
    ctx.plan_age(ANON, age_anon);
    ctx.plan_age(FILE, age_file);
}
hook age(ctx) { most = max(most, ctx.nr_to_scan); }
hook evict_folios(ctx) { most = max(most, ctx.nr_to_scan); scan f in queue limit ctx.nr_to_scan { ctx.evict(f); } }
hook folio_check(f) { return CHECK; }
"""
HUGE = (1 << 62, 1 << 63, (1 << 63) - 1, (1 << 64) - 1)


@pytest.mark.parametrize("ideal", [False, True], ids=["kernel", "ideal"])
@pytest.mark.parametrize("plan", ["anon", "file", "age_anon", "age_file"])
def test_no_plan_is_too_large(plan: str, ideal: bool) -> None:
    """`ctx.nr_to_scan` stays within what the `abi` says, and all executors agree."""
    policy = compiled(PLANS.replace("CHECK", "RECLAIM"))
    trace = events(np.arange(70), core.E_FILE)
    for huge in HUGE:
        params = {"file": huge - 1 if plan == "anon" else 32} | {plan: huge}
        digests = set()
        for kind in ("python", "O0", "O3"):
            simulation = simulate(policy, trace, Machine(30, ideal), kind, params)
            assert not simulation.stopped
            assert reasons_of(simulation)[0] == 32
            digests.add(simulation.digest())
        assert len(digests) == 1


def test_who_plans_much_and_keeps_everything_is_overruled_too() -> None:
    simulation = simulate(
        compiled(PLANS.replace("CHECK", "KEEP")), events(np.arange(70)), Machine(30), "O3", {"file": 1 << 40}
    )
    assert not simulation.stopped
    assert simulation.counters()["misses"] == 70
    check_invariants(simulation)


def test_who_plans_nothing_is_stopped() -> None:
    simulation = run_in_pieces(
        compiled(PLANS.replace("CHECK", "RECLAIM").replace("= 32 in", "= 0 in")), events(np.arange(70)), Machine(30)
    )
    assert simulation.stopped


# --- policies that misbehave ------------------------------------------------------------------------------

HOARD = "policy hoard; list queue; hook folio_added(f) { queue.push_tail(f); }"
NEVER = {
    "no hook": HOARD,
    "an empty hook": HOARD + "hook evict_folios(ctx) { }",
    "one that only looks": HOARD
    + "hook evict_folios(ctx) { scan f in queue limit ctx.nr_to_scan { queue.move_tail(f); } }",
    "pops and pushes": HOARD
    + "hook evict_folios(ctx) { loop up to 50 { let f = queue.pop_head(); if f != null { queue.push_tail(f); } } }",
}


@pytest.mark.parametrize("ideal", [False, True], ids=["kernel", "ideal"])
@pytest.mark.parametrize("kind", NEVER)
def test_who_never_proposes_is_stopped_and_loses_nothing(kind: str, ideal: bool) -> None:
    simulation = run_in_pieces(compiled(NEVER[kind]), events(np.arange(80)), Machine(25, ideal))
    assert simulation.stopped
    counters = simulation.counters()
    assert simulation.resident == 25
    assert (counters["accesses"], counters["misses"], counters["evictions"]) == (25, 25, 0)
    assert simulation.run(events(np.arange(80)), 25, 25) == 25


def test_kswapd_that_frees_nothing_stops_nobody() -> None:
    """The run goes on while pages are free; it ends when the task itself finds nothing to reclaim."""
    simulation = simulate(compiled(HOARD), events(np.arange(80)), Machine(25, watermarks=(2, 8, 12)))
    assert simulation.stopped
    assert simulation.counters()["accesses"] == simulation.resident == 23


def test_a_stopped_run_says_before_which_event() -> None:
    policy = compiled(HOARD)
    simulation = Simulation(Attachment(policy), Machine(4, True), executor("python", policy, True))
    assert simulation.run(events([0, 1, 0, 2, 3, 1, 4, 5])) == 6
    assert simulation.counters()["accesses"] == 6


EVICT_OLDEST = "hook evict_folios(ctx) { scan f in queue limit ctx.nr_to_scan { ctx.evict(f); } }"
SURVIVORS = {
    "newest first": """hook evict_folios(ctx) {
        loop up to ctx.nr_to_scan { let f = queue.tail; if f != null { ctx.evict(f); } }
    }""",
    "more than wanted": """hook evict_folios(ctx) {
        loop up to 40 { let f = queue.pop_head(); if f != null { ctx.evict(f); } }
    }""",
    "asks for the same one again": """hook evict_folios(ctx) {
        let f = queue.head;
        if f != null { loop up to 9 { ctx.evict(f); } }
    }""",
    "proposes what it holds under another name": """hook evict_folios(ctx) {
        let a = queue.head;
        let b = queue.pop_head();
        if a != null { ctx.evict(a); }
        if b != null { queue.push_tail(b); }
    }""",
    "proposes both names": """hook evict_folios(ctx) {
        let a = queue.tail;
        let b = queue.pop_tail();
        if b != null { ctx.evict(b); }
        if a != null { ctx.evict(a); queue.move_tail(a); queue.move_head(a); }
    }""",
    "pushes, then proposes": """hook evict_folios(ctx) {
        let a = queue.head;
        let b = queue.pop_head();
        if b != null { other.push_head(b); }
        if a != null { queue.move_tail(a); other.move_head(a); ctx.evict(a); }
        let c = other.head;
        if c != null { queue.move_head(c); }
    }""",
    "moves in folio_check": EVICT_OLDEST
    + """
    hook folio_check(f) {
        queue.move_tail(f);
        other.move_head(f);
        let g = queue.pop_tail();
        if g != null { queue.push_head(g); }
        return RECLAIM;
    }""",
    "moves what was evicted or removed": EVICT_OLDEST
    + """
    hook folio_evicted(f) { queue.move_tail(f); other.move_head(f); return 0x7ff_ffff_ffff; }
    hook folio_removed(f) { other.move_tail(f); }
    hook refault(f) { queue.move_tail(f); return 3; }""",
    "asks for activation and forgets it": EVICT_OLDEST
    + """
    hook folio_accessed(f) { f.activate(); queue.move_head(f); }""",
    "answers activation": EVICT_OLDEST
    + """
    hook folio_accessed(f) { f.activate(); }
    hook folio_activated(f) { other.move_tail(f); let g = other.pop_head(); if g != null { queue.push_tail(g); } }""",
}


@pytest.mark.parametrize("ideal", [False, True], ids=["kernel", "ideal"])
@pytest.mark.parametrize("kind", SURVIVORS)
def test_no_folio_is_lost(kind: str, ideal: bool) -> None:
    policy: ir.Policy = compiled(HOARD.replace("list queue;", "list queue; list other;") + SURVIVORS[kind])
    trace = mixed(900, 120, seed=8)
    simulation = run_in_pieces(policy, trace, Machine(40, ideal), pieces=3)
    counters = simulation.counters()
    assert not simulation.stopped
    assert counters["accesses"] == int(np.count_nonzero(trace.flags != core.E_FREE))
    assert counters["evictions"] > 50
    plain = simulate(policy, trace, Machine(40, ideal), "python")
    assert plain.digest() == simulation.digest()


def test_the_surplus_comes_back() -> None:
    text = "hook evict_folios(ctx) { loop up to 10 { let f = queue.pop_head(); if f != null { ctx.evict(f); } } }"
    policy = compiled(HOARD + "state reasons: u64[6];" + text + KEPT)
    simulation = run_in_pieces(policy, events(np.arange(30)), Machine(20, True))
    assert simulation.counters()["misses"] == 30
    assert reasons_of(simulation) == [0, 0, 0, 10 * 9, 0, 0]


@pytest.mark.parametrize("name", ALL)
def test_shipped_policies_find_files_among_anonymous_folios_without_swap(name: str) -> None:
    """What cannot go comes back. SIEVE's hand met it again and again, and S3-FIFO's small queue held nothing else."""
    chance = np.random.default_rng(7)
    keys = chance.zipf(1.2, 20_000) % 900
    flags = chance.choice([FILE_READ, FILE_MAPPED, ANON], 900, p=[0.35, 0.4, 0.25])
    trace = events(keys, flags[keys].astype("u1"))
    simulation = simulate(program(name), trace, Machine(400, swap=()))
    assert simulation.status == core.STATUS_RUNNING
    assert simulation.counters()["pgsteal_file"] > 300
    assert simulation.counters()["pgsteal_anon"] == 0
