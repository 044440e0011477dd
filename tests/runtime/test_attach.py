"""Policies are attached, replaced and detached during a run, and nothing is lost."""

from __future__ import annotations

import functools
import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.attach import detach_policy, replace_policy
from runtime.core import layout as core
from runtime.jit.module import Attachable
from runtime.machine import Machine
from runtime.map_sizes import AttachError
from runtime.policies import lru
from runtime.regions import Attachment
from runtime.simulation import Simulation
from tests.runtime.attaching import (
    FILE_READ,
    attached,
    give_events,
    linker,
    lists_of,
    mixed,
    run_on,
    run_tasks,
    shadows,
    two_memcgs,
)
from tests.runtime.policies import ALL, EVERYTHING, check_invariants, compiled, events, program

POLICIES = (*ALL, "builtin:mglru")
MODELS = pytest.mark.parametrize("ideal", [False, True], ids=["kernel", "ideal"])

KIND = "O0"
"""Optimisation takes most of the time of a test."""
LINK = linker(KIND)

WIDE = """
policy wide;
list gen[7];
cursor hand on gen[3];
state seen: u64[40];
folio { a: u64, b: u32, c: u8 }
map m: lru_hash<page_key, u64>[nr_pages];
hook init(ctx) { seen[0] = 77; }
hook folio_added(f) { f.a = 1; f.b = 2; f.c = 3; if m.insert(f.key) { seen[1] += 1; } gen[1].push_tail(f); }
hook evict_folios(ctx) {
    scan f in gen[1] limit ctx.nr_to_scan { f.a += 1; if f.a > 3 { ctx.evict(f); } else { gen[2].move_tail(f); } }
    scan f in gen[2] limit ctx.nr_to_scan { ctx.evict(f); }
}
"""


@functools.cache
def policy_of(name: str) -> Attachable:
    written = {"wide": WIDE, "everything": EVERYTHING}
    return compiled(written[name]) if name in written else program(name)


def resident_pages(simulation: Simulation) -> list[int]:
    return np.flatnonzero(simulation.regions["page_table"].view("<i8") > 0).tolist()


def marks(simulation: Simulation) -> dict[int, int]:
    """The flags that are the core's, by page."""
    folios = simulation.regions["folios"].view("<u4").reshape(-1, simulation.layout.folio_columns)
    table = simulation.regions["page_table"].view("<i8")
    ours = ~(255 << core.F_POLICY_SHIFT | core.F_ACTIVE)
    return {page: int(folios[table[page], core.FLAGS]) & ours for page in resident_pages(simulation)}


# --- nothing is lost --------------------------------------------------------------------------------------


@MODELS
@pytest.mark.parametrize("new", [*POLICIES, "wide"])
@pytest.mark.parametrize("old", ["fifo", "s3fifo", "builtin:lru", "builtin:mglru", "wide"])
def test_every_folio_changes_hands(old: str, new: str, ideal: bool) -> None:
    trace, machine = mixed(3000, 300), Machine(80, ideal)
    simulation = attached(policy_of(old), machine, KIND)
    simulation.run(trace, 0, 1500)
    before, pages, flags = simulation.counters(), resident_pages(simulation), marks(simulation)
    waiting = int(simulation.table("tasks")[0, core.NR_ADD_BATCH])
    assert len(pages) > 50
    replace_policy(simulation, 0, Attachment(policy_of(new)), LINK)
    check_invariants(simulation)
    after = simulation.counters()
    assert {n: v for n, v in after.items() if n != "pgactivate"} == {
        n: v for n, v in before.items() if n != "pgactivate"
    }
    assert resident_pages(simulation) == pages
    if new not in ("builtin:mglru", "builtin:lru"):
        assert marks(simulation) == flags
    assert 1 not in lists_of(simulation), "the new policy has them all"
    assert sum(len(on) for on in lists_of(simulation).values()) == len(pages) - waiting
    assert shadows(simulation) == 0
    simulation.run(trace, 1500)
    assert not simulation.stopped
    check_invariants(simulation)
    assert simulation.counters()["accesses"] == np.count_nonzero(trace.flags != core.E_FREE)


@MODELS
def test_executors_agree_on_a_change(ideal: bool) -> None:
    trace, machine = mixed(700, 90, seed=5), Machine(40, ideal)
    digests = set()
    for kind in ("python", "interpreted", "O0", "O3"):
        simulation = attached(program("s3fifo"), machine, kind)
        for name, (first, last) in zip(
            ("wide", "builtin:mglru", "sieve", "builtin:lru"), itertools.pairwise((0, 150, 300, 450, 600)), strict=True
        ):
            simulation.run(trace, first, last)
            replace_policy(simulation, 0, Attachment(policy_of(name)), linker(kind))
        simulation.run(trace, 600)
        check_invariants(simulation)
        digests.add(simulation.digest())
    assert len(digests) == 1


@pytest.mark.parametrize("ideal", [False, True], ids=["kernel", "ideal"])
def test_the_lru_in_place_of_itself_finds_its_lists_as_they_were(ideal: bool) -> None:
    trace, machine = mixed(4000, 300), Machine(80, ideal)
    simulation = attached(program("builtin:lru"), machine)
    simulation.run(trace, 0, 2500)
    lists, had = lists_of(simulation), shadows(simulation)
    assert len(lists) >= 3 and had > 20
    detach_policy(simulation, 0, LINK)
    assert lists_of(simulation) == lists
    assert shadows(simulation) == 0


@pytest.mark.parametrize("name", ["fifo", "strict_lru"])
def test_one_list_keeps_its_order(name: str) -> None:
    simulation = attached(program(name), Machine(80, True))
    simulation.run(mixed(2000, 300))
    (order,) = lists_of(simulation).values()
    for other in ("strict_lru", "fifo", name):
        replace_policy(simulation, 0, Attachment(program(other)), LINK)
        (after,) = lists_of(simulation).values()
        assert after == order


def test_what_was_active_comes_last_and_stays_active() -> None:
    """The lists of the LRU become one, its active ones last; back with the LRU what was active is so again."""
    trace = mixed(4000, 300)
    simulation = attached(program("builtin:lru"), Machine(80))
    simulation.run(trace, 0, 2500)
    first = lru.INACTIVE
    before = lists_of(simulation)
    replace_policy(simulation, 0, Attachment(program("fifo")), LINK)
    oldest_first = [page for number in (0, 2, 1, 3) for page in reversed(before.get(first + number, []))]
    (after,) = lists_of(simulation).values()
    assert after == oldest_first
    detach_policy(simulation, 0, LINK)
    for number in range(4):
        assert lists_of(simulation).get(first + number) == before.get(first + number)


def test_what_the_core_holds_joins_a_policy_that_takes_it() -> None:
    hookless = compiled("policy none; hook evict_folios(ctx) { }")
    simulation = attached(hookless, Machine(50))
    simulation.run(events(np.arange(45)))
    assert lists_of(simulation) == {core.UNCLAIMED: list(range(31))}
    replace_policy(simulation, 0, Attachment(program("fifo")), LINK)
    assert lists_of(simulation) == {core.FIRST_POLICY_LIST: list(range(31))}
    replace_policy(simulation, 0, Attachment(hookless), LINK)
    assert lists_of(simulation) == {core.UNCLAIMED: list(range(31))}
    check_invariants(simulation)


def test_a_policy_begins_with_nothing_but_its_folios() -> None:
    simulation = attached(compiled(WIDE), Machine(60))
    simulation.run(mixed(1000, 200))
    simulation.regions["policy"].view("<i8")[5] = 99
    replace_policy(simulation, 0, Attachment(compiled(WIDE.replace("wide", "again"))), LINK)
    state = simulation.regions["policy"].view("<i8")
    listed = sum(len(pages) for pages in lists_of(simulation).values())
    assert (state[0], state[1], state[5]) == (77, listed, 0)
    assert simulation.regions["maps"].view("<i8")[core.MAP_LEN] == listed
    check_invariants(simulation)


def test_other_params_take_effect() -> None:
    simulation = attached(program("s3fifo"), Machine(60, True))
    trace = mixed(4000, 300)
    simulation.run(trace, 0, 2000)
    replace_policy(simulation, 0, Attachment(program("s3fifo"), {"small_percent": 40}), LINK)
    assert simulation.regions["params"].view("<i8")[0] == 40
    simulation.run(trace, 2000)
    check_invariants(simulation)


def test_a_policy_that_does_not_fit_changes_nothing() -> None:
    simulation = attached(program("sieve"), Machine(60))
    trace = mixed(2000, 200)
    simulation.run(trace, 0, 1000)
    before = simulation.digest()
    large = compiled("policy large; map m: hash<u64, u64>[nr_pages * 10000000];")
    with pytest.raises(AttachError, match="`m`"):
        replace_policy(simulation, 0, Attachment(large), LINK)
    assert simulation.digest() == before
    simulation.run(trace, 1000)
    check_invariants(simulation)


def test_exit_is_called_once_and_before_the_folios_go() -> None:
    leaving = compiled(
        "policy leaving; list queue; list other; hook folio_added(f) { queue.push_tail(f); }"
        "hook exit(ctx) { let f = queue.tail; if f != null { queue.move_head(f); } }"
    )
    simulation = attached(leaving, Machine(50, True))
    simulation.run(events(np.arange(10)))
    replace_policy(simulation, 0, Attachment(program("fifo")), LINK)
    assert lists_of(simulation) == {core.FIRST_POLICY_LIST: [9, *range(9)]}


# --- other memcgs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("stays", ["s3fifo", "sieve", "wide", "builtin:lru", "builtin:mglru"])
def test_other_memcgs_do_not_notice(stays: str) -> None:
    """Maps, cursors, fields, state and shadows of the policy that stays are what they were: it decides as it would have
    without the change next door."""
    reads = [events(np.random.default_rng(seed).zipf(1.1, 4000) % 400, FILE_READ) for seed in (1, 2)]
    results = []
    for changes in ([], ["wide", "fifo", "builtin:mglru", "clock", "builtin:lru"]):
        simulation = attached([program("builtin:lru"), program("clock"), policy_of(stays)], two_memcgs(), checked=True)
        give_events(simulation, reads)
        for name in [*changes, *[""] * (5 - len(changes))]:
            run_tasks(simulation, 1200)
            if name:
                kept = shadows(simulation, reads[0].nr_pages)
                replace_policy(simulation, 1, Attachment(policy_of(name)), LINK)
                assert shadows(simulation, 0, reads[0].nr_pages) == 0
                assert shadows(simulation, reads[0].nr_pages) == kept
        run_tasks(simulation, 1 << 40)
        results.append((simulation.memcg_counters(2), lists_of(simulation, 2)))
        assert simulation.memcg_counters(2)["evictions"] > 500
    times = {"nr_reclaims"}
    first, second = ({n: v for n, v in counters.items() if n not in times} for counters, _ in results)
    assert first == second
    assert list(results[0][1].values()) == list(results[1][1].values())


def test_a_policy_of_two_memcgs_leaves_one() -> None:
    simulation = attached(program("sieve"), two_memcgs(), checked=True)
    give_events(simulation, [mixed(2000, 200, seed) for seed in (1, 2)])
    run_tasks(simulation, 2000)
    replace_policy(simulation, 1, Attachment(compiled(WIDE)), LINK)
    assert [len(simulation.lineup.policies), simulation.lineup.number(0), simulation.lineup.number(2)] == [2, 0, 0]
    run_tasks(simulation, 1 << 40)
    assert simulation.memcg_counters(2)["evictions"] > 100 < simulation.memcg_counters(1)["evictions"]


# --- any sequence -----------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(st.integers(0, 250), st.sampled_from([*POLICIES, "wide", "everything", "", "itself"]), st.integers(0, 2)),
    max_size=8,
)


@settings(max_examples=40, deadline=None)
@given(STEPS, st.booleans(), st.integers(0, 1 << 20))
def test_any_sequence_of_changes_keeps_everything(steps: list[tuple[int, str, int]], ideal: bool, seed: int) -> None:
    trace = mixed(2000, 150, seed)
    simulation = attached(program("clock"), Machine(50, ideal, watermarks=(0, 4, 8)), checked=True)
    at = 0
    for count, name, _ in steps:
        run_on(simulation, trace, KIND, at, at + count)
        at += count
        change(simulation, 0, name)
        check_invariants(simulation)
    run_on(simulation, trace, KIND, at)
    check_invariants(simulation)
    assert simulation.counters()["accesses"] == np.count_nonzero(trace.flags != core.E_FREE)


def change(simulation: Simulation, memcg: int, name: str) -> None:
    """Another policy; "": none; `itself`: the same again, whose folios stay where they are in sum."""
    pages = resident_pages(simulation)
    if name == "itself":
        same = simulation.lineup.of_memcg[memcg]
        replace_policy(simulation, memcg, replace(same, params=dict(same.params)), LINK)
    elif name:
        replace_policy(simulation, memcg, Attachment(policy_of(name)), LINK)
    else:
        detach_policy(simulation, memcg, LINK)
    assert resident_pages(simulation) == pages


FEW = st.lists(
    st.tuples(st.integers(0, 600), st.sampled_from(["wide", "everything", "s3fifo", "", "itself"]), st.integers(0, 2)),
    max_size=6,
)


@settings(max_examples=30, deadline=None)
@given(FEW, st.integers(0, 1 << 20), st.integers(0, 30))
def test_any_sequence_in_a_tree(steps: list[tuple[int, str, int]], seed: int, protected: int) -> None:
    simulation = attached(program("builtin:lru"), two_memcgs(40, protected), checked=True)
    give_events(simulation, [mixed(1500, 150, seed), mixed(1500, 150, seed + 1)])
    for count, name, memcg in steps:
        run_tasks(simulation, count)
        change(simulation, memcg, name)
        simulation.reclaim(memcg, 5)
    run_tasks(simulation, 1 << 40)
    assert simulation.counters()["hits"] + simulation.counters()["misses"] == simulation.counters()["accesses"] > 2000
