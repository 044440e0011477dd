"""What the `abi` promises of kfuncs, said a second time from the core's side: ranges to their ends, and places.

`test_kfuncs.py` looks at what calls on a bench give; here is what no bench shows: the greatest number that there can
be, and the hooks in which the core has set what a kfunc reads, or acts upon what it leaves.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from dsl import abi, ir
from dsl.ir_text import parse_policy
from dsl.source import NOWHERE
from dsl.types import FOLIO, LIST, REFERENCE, ref
from runtime.core import layout as core
from runtime.core import shrink_list, workingset
from runtime.core.kfuncs import implementation
from runtime.core.randomness import GOLDEN_GAMMA
from tests.runtime.test_kfuncs import BAG, HEAP, LISTS, MAPS, in_hand, made_bench, resident
from verifier.structure import check_structure

WORD = (1 << 63) - 1
"""The greatest number in a word of the core, which is signed."""
U64 = (1 << 64) - 1
FOLIOS = core.MAX_PLAN
"""As many folios as there can be."""
ENDS: dict[str, tuple[int, int]] = {
    "list_len": (0, FOLIOS), "heap_len": (0, FOLIOS), "map_len": (0, FOLIOS), "map_capacity": (0, FOLIOS),
    "nr_pages": (1, FOLIOS), "ctx_nr_pages": (1, FOLIOS), "ctx_nr_resident": (0, FOLIOS),
    "heap_key_of": (0, U64), "next_random": (0, U64), "hash_of_key": (0, U64),
    "power_of_two": (0, WORD), "floor_log2": (0, 63),
    "ctx_nr_to_scan": (0, core.MAX_SCAN), "ctx_wanted": (0, core.MAX_SCAN), "ctx_type": (core.ANON, core.FILE),
    "ctx_priority": (0, core.DEF_PRIORITY), "ctx_swappiness": (0, 200), "ctx_swap_left": (0, FOLIOS),
    "ctx_reclaimer": (core.BY_KSWAPD, core.BY_PROACTIVE), "ctx_reclaimed": (0, WORD), "ctx_to_reclaim": (0, WORD),
    "ctx_kernel": (601, 618), "ctx_now": (0, WORD), "ctx_min_ttl": (0, WORD),
    "ctx_lruvec": (0, core.SHADOW_LRUVEC_MASK), "ctx_memcg": (0, core.SHADOW_LRUVEC_MASK), "ctx_task": (0, 65535),
    "ctx_source": (core.BY_WALK, core.BY_LOOK_AROUND), "ctx_table": (0, FOLIOS),
    "ctx_ptes_seen": (0, core.PTES_PER_TABLE), "ctx_ptes_young": (0, core.PTES_PER_TABLE),
    "ctx_shadow": (0, workingset.MAX_SHADOW), "ctx_reason": (0, shrink_list.KEPT_PINNED),
    "ctx_unprotected": (0, FOLIOS), "ctx_size": (0, FOLIOS), "ctx_target_size": (0, FOLIOS),
    "ctx_shadow_size": (0, FOLIOS), "ctx_eviction_age": (0, workingset.AGE_MASK),
    "ctx_refault_distance": (0, workingset.AGE_MASK), "ctx_cost": (0, 64 * FOLIOS),
}  # fmt: skip
"""Of each kfunc that gives a number the least and the greatest that the core may give."""

PLAN, BATCH, ALL_OF_RECLAIM = ("scan_plan",), ("evict_folios",), ("scan_plan", "age", "evict_folios")
PLACES: dict[tuple[str, ...], tuple[str, ...]] = {
    # what the core sets for the hook that it calls next
    ("age", "evict_folios"): ("ctx_nr_to_scan", "ctx_type"),
    BATCH: ("ctx_wanted", "ctx_evict", "ctx_looked_at"),
    ("admit", "miss"): ("ctx_key",),
    ("folio_check",): ("ctx_young",),
    ("folio_kept",): ("ctx_reason",),
    ("walk_table", "walk_table_done"): ("ctx_table",),
    ("walk_table", "walk_table_done", "young"): ("ctx_source",),
    ("walk_table_done",): ("ctx_ptes_seen", "ctx_ptes_young"),
    # the shadow, and the lruvec that it names, are there while a page comes back; to leave one, while it goes
    ("refault",): ("ctx_shadow", "ctx_shadow_size", "ctx_refault_distance"),
    ("folio_evicted",): ("ctx_eviction_age",),
    # the task at work; not when a batch of all tasks, or reclaim by nobody, is at work
    ("admit", "folio_accessed", "folio_activated", "folio_added", "folio_brought_in", "miss", "refault"): ("ctx_task",),
    # what a reclaim that goes on is about
    ALL_OF_RECLAIM: ("ctx_swappiness", "ctx_reclaimed", "ctx_to_reclaim", "ctx_global_reclaim"),
    (*ALL_OF_RECLAIM, "folio_check", "folio_kept"): ("ctx_priority",),
    (*ALL_OF_RECLAIM, "folio_check", "folio_kept", "walk_begin", "walk_table", "young"): ("ctx_reclaimer",),
    (*ALL_OF_RECLAIM, "refault", "shrink_end"): ("ctx_swap_left",),
    ("age", "scan_plan", "shrink_end"): ("ctx_can_age_anon", "ctx_target_size"),
    # a plan is read when `scan_plan` has returned
    PLAN: (
        "ctx_file_is_tiny", "ctx_force_deactivate", "ctx_plan_evict", "ctx_plan_age", "ctx_plan_scan", "ctx_plan_walk",
        "ctx_unprotected", "ctx_refaulted", "ctx_cost",
    ),
    ("age", "scan_plan"): ("ctx_skip_deactivation",),
    # what `workingset.c` and `swap.c` do at these places
    ("age", "refault", "shrink_end"): ("ctx_note_cost",),
    ("folio_accessed", "folio_brought_in", "folio_kept", "refault"): ("ctx_age_nonresident",),
    # the core looks for wishes when these have returned; and the folio stays where it is
    ("folio_accessed", "folio_brought_in", "young"): ("folio_activate",),
    ("folio_accessed", "tick", "young"): ("folio_promote",),
    ("folio_accessed", "tick"): ("ctx_reclaim",),
}  # fmt: skip
"""Which kfuncs may be called in these hooks only."""

KINDS_OF = {
    "map_capacity": ("hash", "lru_hash", "array"), "map_lookup": ("hash", "lru_hash", "array"),
    "map_touch": ("lru_hash",), "map_fill": ("array",), "map_halve": ("array",),
}  # fmt: skip
"""Which kinds of maps a kfunc works on, where it is not the two with keys."""


# --- ranges -----------------------------------------------------------------------------------------------


def test_ranges_end_where_those_of_the_core_do() -> None:
    assert {k.name: (k.low, k.high) for k in abi.KFUNCS.values() if k.result and k.result.is_integer} == ENDS


@pytest.mark.parametrize("name", [k.name for k in abi.KFUNCS.values() if k.receiver in ("map", "ref")])
def test_a_kfunc_works_on_the_maps_that_have_what_it_asks_for(name: str) -> None:
    assert set(abi.KFUNCS[name].kinds) == set(KINDS_OF.get(name, ("hash", "lru_hash")))


def test_what_is_empty_has_no_length() -> None:
    ctx = made_bench().reset()
    for head in LISTS:
        while implementation("list_pop_head")(ctx, 0, head):
            pass
        assert implementation("list_len")(ctx, 0, head) == 0
    while implementation("heap_pop_head")(ctx, 0, HEAP):
        pass
    assert implementation("heap_len")(ctx, 0, HEAP) == 0
    for kind in ("hash", "lru_hash"):
        while implementation("map_pop_oldest", kind)(ctx, 0, MAPS[kind]):
            pass
        assert implementation("map_len", kind)(ctx, 0, MAPS[kind]) == 0


def test_a_random_number_may_be_0() -> None:
    ctx = made_bench().reset()
    ctx.state[core.RANDOM] = -GOLDEN_GAMMA
    assert implementation("next_random")(ctx, 0) == 0


# --- ownership and effects --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [k.name for k in abi.KFUNCS.values() if any(a.type == FOLIO for a in k.args)])
def test_only_who_owns_a_folio_gives_it_away(name: str) -> None:
    """What is on a list when it is lent stays on one; what is in the hand is there afterwards, unless it is taken."""
    kfunc, function, bench = abi.KFUNCS[name], implementation(name), made_bench()
    (given,) = (arg.ownership for arg in kfunc.args if arg.type == FOLIO)
    for f in in_hand(bench.reset()):
        ctx = bench.reset()
        function(ctx, 0, *arguments_with(kfunc, f))
        taken = ctx.folios[f, core.LIST] != 0
        assert taken == (given == "consume") or given == "propose"
    if given != "consume":
        lent = [f for f in resident(bench.reset()) if ctx.folios[f, core.LIST] >= core.FIRST_POLICY_LIST]
        for f in lent:
            ctx = bench.reset()
            function(ctx, 0, *arguments_with(kfunc, f))
            assert ctx.folios[f, core.LIST] != 0


def arguments_with(kfunc: abi.Kfunc, f: int) -> list[int]:
    receiver = {"bag": [BAG], "heap": [HEAP]}.get(kfunc.receiver or "", [])
    return receiver + [f if a.type == FOLIO else LISTS[0] if a.type == LIST else 1 for a in kfunc.args]


def test_a_cursor_is_put_back() -> None:
    bench = made_bench()
    ctx = bench.reset()
    ctx.cursors[1] = resident(ctx)[0]
    before = bench.simulation.digest()
    implementation("cursor_reset")(ctx, 0, 1, core.FIRST_POLICY_LIST)
    assert ctx.cursors[1] == core.FIRST_POLICY_LIST
    assert before != bench.simulation.digest() and not abi.KFUNCS["cursor_reset"].pure


# --- places -----------------------------------------------------------------------------------------------

TABLES = parse_policy(
    "policy p list l bag b heap h cursor c on l map m0: hash<page_key> {n: u32} [4]"
    " map m1: lru_hash<page_key> {n: u32} [4] map m2: array<u64> {n: u32} [4]"
)
KINDS = ("hash", "lru_hash", "array")


def calling(kfunc: abi.Kfunc, hook: abi.Hook) -> ir.Policy:
    """A policy whose only instruction is a call, well formed but for where it stands."""
    table = {"bag": 1, "heap": 2, "cursor": 0}.get(kfunc.receiver or "", -1)
    table = KINDS.index(kfunc.kinds[-1]) if kfunc.kinds else table
    registers, arguments = [ir.Reg(0, LIST), ir.Reg(1, FOLIO)], []
    for arg in kfunc.args:
        meant = ir.meant(ref(table) if arg.type == REFERENCE else arg.type, table, TABLES.maps)
        held = next((register for register in registers if register.type == meant), None)
        if held is None and meant.name == "ref":
            held = ir.Reg(len(registers), meant)
            registers.append(held)
        arguments.append(held or ir.Const(meant.minimum, meant))
    call = ir.Call(None, kfunc.name, table, tuple(arguments), NOWHERE)
    function = ir.Function(hook.name, (), hook.result, tuple(registers), (call,), NOWHERE)
    return replace(TABLES, hooks=(function,))


@pytest.mark.parametrize("name", abi.KFUNCS)
def test_a_kfunc_is_called_where_the_core_serves_it_and_nowhere_else(name: str) -> None:
    places = next((where for where, names in PLACES.items() if name in names), tuple(abi.HOOKS))
    passes = []
    for hook in abi.HOOKS.values():
        faults = check_structure(calling(abi.KFUNCS[name], hook)).found
        assert {fault.code for fault in faults} <= {"kfunc-not-allowed-here"}, faults
        if not faults:
            passes.append(hook.name)
    assert sorted(passes) == sorted(places)


@pytest.mark.parametrize("name", ["map_fill", "map_halve"])
@pytest.mark.parametrize(("value", "fits"), [("n: u32", True), ("n: u32, o: u32", False), ("n: page_key", False)])
def test_only_arrays_of_one_counter_are_changed_as_a_whole(name: str, value: str, fits: bool) -> None:
    call = f"call {name} m({'0:u32' if name == 'map_fill' else ''})"
    policy = parse_policy(f"policy p map m: array<u64> {{{value}}} [4] hook age() {{ {call} }}")
    assert bool(check_structure(policy).found) == (not fits)
