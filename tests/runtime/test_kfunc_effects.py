"""What the kfuncs of the reclaim context and of folios' marks do, each by itself, in a tree of memcgs."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from dsl import abi
from dsl.types import BOOL, FOLIO, LIST
from runtime.core import layout as core
from runtime.core.context import Context
from runtime.core.folio import folio_alloc
from runtime.core.kfuncs import implementation
from runtime.executors import PythonExecutor
from runtime.jit.module import Module, Variant, settings_of
from runtime.machine import Machine, Memcg, Task
from runtime.regions import Attachment
from runtime.simulation import Simulation
from tests.runtime.policies import compiled, context_of, lines_of

POLICY = """policy bench; list some[4]; list other; map seen: lru_hash<page_key>[4];
hook folio_added(f) { some[0].push_tail(f); }
hook evict_folios(ctx) { scan f in some[0] limit 8 { ctx.evict(f); } }"""
TREE = (Memcg("root"), Memcg("a", parent=0), Memcg("a/b", parent=1), Memcg("c", parent=0))
ROOT, A, B, C = range(4)
"""Memcgs and, with one node, their lruvecs."""
FOLIOS = 6
WIDE = (0, 1, 1 << 20, (1 << 63) - 1, -1, -(1 << 63))
"""Counts as the core sees them: those of 2^63 and more are negative."""


@functools.cache
def regions() -> tuple[Simulation, dict[str, Any]]:
    policy = compiled(POLICY)
    machine = Machine(4000, memcgs=TREE, tasks=(Task("t", B),))
    module = Module((policy,), settings_of((policy,), Variant(False, False)))
    simulation = Simulation(Attachment(policy, {}), machine, PythonExecutor(module))
    return simulation, {name: region.copy() for name, region in simulation.regions.items()}


@pytest.fixture
def ctx() -> Context:
    """A tree in which nothing has happened; three folios of `a` and three of `a/b` are on their lists 0."""
    simulation, start = regions()
    for name, region in start.items():
        simulation.regions[name][:] = region
    context = context_of(simulation)
    for number in range(FOLIOS):
        lruvec = A if number < FOLIOS // 2 else B
        f = folio_alloc(context, lruvec, number, core.F_FILE)
        context.page_table[number] = f
        call(context, "list_push_tail", head(context, lruvec, 0), f, lruvec=lruvec)
    context.state[core.TARGET_MEMCG] = A
    return context


def call(ctx: Context, kfunc: str, *args: int, lruvec: int = B) -> Any:
    return implementation(kfunc)(ctx, lruvec, *args)


def head(ctx: Context, lruvec: int, number: int) -> int:
    return lruvec * ctx.NR_LISTS + core.FIRST_POLICY_LIST + number


def mark_all(ctx: Context) -> None:
    """List 0 of every lruvec holds active file folios, list 1 inactive anonymous ones."""
    for lruvec in range(len(TREE)):
        call(ctx, "list_mark", head(ctx, lruvec, 0), core.FILE, 1, lruvec=lruvec)
        call(ctx, "list_mark", head(ctx, lruvec, 1), core.ANON, 0, lruvec=lruvec)


# --- folios -----------------------------------------------------------------------------------------------

MARKS = {
    "accessed": core.F_REFERENCED,
    "active": core.F_ACTIVE,
    "workingset": core.F_WORKINGSET,
    "reclaim": core.F_RECLAIM,
}


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_is_set_and_cleared_and_nothing_else_changes(ctx: Context, mark: str) -> None:
    f = ctx.page_table[0]
    for before in (0, core.F_FILE | core.F_DIRTY, (1 << 32) - 1):
        for on in (1, 0):
            ctx.folios[f, core.FLAGS] = before
            call(ctx, f"folio_set_{mark}", f, on)
            assert ctx.folios[f, core.FLAGS] == (before | MARKS[mark] if on else before & ~MARKS[mark])
            assert call(ctx, f"folio_{mark}", f) == bool(on)


FLAGS = {
    "file": core.F_FILE, "mapped": core.F_MAPPED, "executable": core.F_EXECUTABLE, "dirty": core.F_DIRTY,
    "accessed": core.F_REFERENCED, "active": core.F_ACTIVE, "workingset": core.F_WORKINGSET,
    "writeback": core.F_WRITEBACK,
    "reclaim": core.F_RECLAIM, "swapcache": core.F_SWAPCACHE, "faulted": core.F_FAULT,
}  # fmt: skip


def test_each_flag_is_its_own(ctx: Context) -> None:
    flags = {k.member for k in abi.KFUNCS.values() if k.receiver == "folio" and k.is_property and k.result == BOOL}
    assert flags == set(FLAGS)
    f = ctx.page_table[0]
    for name, bit in FLAGS.items():
        ctx.folios[f, core.FLAGS] = bit
        assert {n for n in FLAGS if call(ctx, f"folio_{n}", f)} == {name}


# --- sizes ------------------------------------------------------------------------------------------------


def test_sizes_are_those_of_marked_lists_here_and_below(ctx: Context) -> None:
    assert call(ctx, "ctx_size", core.FILE, 1) == 0
    mark_all(ctx)
    assert [call(ctx, "ctx_size", core.FILE, 1, lruvec=lruvec) for lruvec in (ROOT, A, B, C)] == [6, 6, 3, 0]
    assert call(ctx, "ctx_size", core.FILE, 0, lruvec=ROOT) == call(ctx, "ctx_size", core.ANON, 1, lruvec=ROOT) == 0
    call(ctx, "list_move_tail", head(ctx, B, 1), ctx.page_table[5])
    assert call(ctx, "ctx_size", core.ANON, 0, lruvec=A) == 1
    call(ctx, "list_mark", head(ctx, B, 1), core.FILE, 1)
    assert call(ctx, "ctx_size", core.FILE, 1, lruvec=ROOT) == 6


def test_sizes_of_the_target_and_of_the_shadow(ctx: Context) -> None:
    mark_all(ctx)
    for target, size in ((ROOT, 6), (A, 6), (B, 3), (C, 0)):
        ctx.state[core.TARGET_MEMCG] = target
        assert call(ctx, "ctx_target_size", core.FILE, 1) == size
        ctx.state[core.CTX_SHADOW_LRUVEC] = target
        assert call(ctx, "ctx_shadow_size", core.FILE, 1) == size


# --- nonresident ages -------------------------------------------------------------------------------------


def ages(ctx: Context) -> list[int]:
    return [ctx.lruvecs[lruvec, core.NONRESIDENT_AGE] for lruvec in (ROOT, A, B, C)]


def test_an_activation_ages_the_lruvec_and_those_above(ctx: Context) -> None:
    call(ctx, "ctx_age_nonresident")
    assert ages(ctx) == [1, 1, 1, 0]


def test_an_eviction_takes_the_age_of_the_target_and_adds_to_it(ctx: Context) -> None:
    ctx.state[core.CTX_SHADOW_LRUVEC] = A
    ctx.lruvecs[A, core.NONRESIDENT_AGE] = 41
    assert call(ctx, "ctx_eviction_age") == 41
    assert ages(ctx) == [1, 42, 0, 0]
    assert call(ctx, "ctx_refault_distance", 41) == 1
    ctx.lruvecs[A, core.NONRESIDENT_AGE] = abi.MAX_AGE
    assert call(ctx, "ctx_eviction_age") == abi.MAX_AGE
    assert call(ctx, "ctx_eviction_age") == 0, "ages wrap"
    assert call(ctx, "ctx_refault_distance", abi.MAX_AGE) == 2
    for age in WIDE:
        assert 0 <= call(ctx, "ctx_refault_distance", age) <= abi.MAX_AGE


def test_refaults_are_new_since_the_last_reclaim_of_the_target(ctx: Context) -> None:
    for type in (core.ANON, core.FILE):
        assert not call(ctx, "ctx_refaulted", type)
        ctx.lruvecs[A, core.ACTIVATIONS + type] = 3
        assert call(ctx, "ctx_refaulted", type)
        ctx.lruvecs[A, core.ACTIVATIONS_SNAPSHOT + type] = 3
        assert not call(ctx, "ctx_refaulted", type)


# --- costs ------------------------------------------------------------------------------------------------


def test_costs_are_noted_here_and_above_and_halved_when_they_outgrow_the_lists(ctx: Context) -> None:
    for lruvec in (ROOT, A, B):
        ctx.lruvecs[lruvec, core.NR_FOLIOS] = 400
    call(ctx, "ctx_note_cost", core.FILE, 90)
    assert call(ctx, "ctx_cost", core.FILE) == ctx.lruvecs[B, core.FILE_COST] // 1
    assert [ctx.lruvecs[lruvec, core.FILE_COST] for lruvec in (ROOT, A, B, C)] == [90, 90, 90, 0]
    call(ctx, "ctx_note_cost", core.ANON, 30)
    assert [ctx.lruvecs[B, core.ANON_COST], ctx.lruvecs[B, core.FILE_COST]] == [15, 45], "more than 400 / 4"
    assert [ctx.lruvecs[ROOT, core.ANON_COST], ctx.lruvecs[ROOT, core.FILE_COST]] == [30, 90]
    call(ctx, "ctx_note_cost", core.FILE, 0)
    assert ctx.lruvecs[B, core.FILE_COST] == 45


def test_costs_stay_in_their_range(ctx: Context) -> None:
    for cost in WIDE:
        for type in (core.ANON, core.FILE):
            for _ in range(70):
                call(ctx, "ctx_note_cost", type, cost)
            assert 0 <= call(ctx, "ctx_cost", type) <= abi.KFUNCS["ctx_cost"].high


# --- plans and answers ------------------------------------------------------------------------------------


def test_plans_are_what_was_said_but_no_more_than_there_can_be(ctx: Context) -> None:
    for count in WIDE:
        planned = count if 0 <= count <= abi.MAX_FOLIOS else abi.MAX_FOLIOS
        for type in (core.ANON, core.FILE):
            call(ctx, "ctx_plan_evict", type, count)
            call(ctx, "ctx_plan_age", type, count)
            assert ctx.lruvecs[B, core.PLAN_EVICT + type] == ctx.lruvecs[B, core.PLAN_AGE + type] == planned
        call(ctx, "ctx_plan_scan", count)
        assert ctx.lruvecs[B, core.PLAN_SCAN] == planned
        call(ctx, "ctx_looked_at", count)
        assert -ctx.state[core.LOOKED_AT] - 1 == planned
    assert ctx.lruvecs[B, core.PLAN_WALK] == 0
    call(ctx, "ctx_plan_walk")
    assert ctx.lruvecs[B, core.PLAN_WALK] == 1
    call(ctx, "ctx_skip_deactivation")
    assert ctx.state[core.SKIPPED_DEACTIVATE] == 1


def test_what_is_protected_is_left_out(ctx: Context) -> None:
    assert call(ctx, "ctx_unprotected", 1000) == 1000
    ctx.state[core.HAS_PROTECTION] = 1
    ctx.memcgs[B, core.MEMORY_USAGE] = 999
    ctx.memcgs[B, core.EFFECTIVE_MIN] = 250
    assert call(ctx, "ctx_unprotected", 1000) == 750
    assert call(ctx, "ctx_unprotected", 10) == core.SWAP_CLUSTER_MAX, "at least a round"
    for count in WIDE:
        assert 0 <= call(ctx, "ctx_unprotected", count) <= abi.KFUNCS["ctx_unprotected"].high


EVENTS = {"refill": core.PGREFILL, "activate": core.PGACTIVATE, "deactivate": core.PGDEACTIVATE}


@pytest.mark.parametrize("event", EVENTS)
def test_events_count_for_the_run_and_the_memcg(ctx: Context, event: str) -> None:
    for count in (0, 3, 4):
        call(ctx, f"ctx_count_{event}", count)
    counted = {word for word in range(core.NR_COUNTERS) if ctx.state[word]}
    assert counted == {EVENTS[event]}
    assert ctx.state[EVENTS[event]] == ctx.memcgs[B, core.MEMCG_COUNTERS + EVENTS[event]] == 7


# --- what `ctx` shows -------------------------------------------------------------------------------------

WORDS: dict[str, tuple[int, ...]] = {
    "nr_to_scan": (core.CTX_NR_TO_SCAN, 0, abi.MAX_SCAN), "wanted": (core.CTX_WANTED, 0, abi.MAX_SCAN),
    "type": (core.CTX_TYPE, 0, 1), "priority": (core.PRIORITY, 0, 12), "kernel": (core.KERNEL, 601, 612, 618),
    "now": (core.NOW, 0, 1 << 62), "min_ttl": (core.MIN_TTL, 0, 1 << 62), "reclaimer": (core.RECLAIMER, 0, 1, 2),
    "reclaimed": (core.NR_RECLAIMED, 0, 77), "to_reclaim": (core.NR_TO_RECLAIM, 1, 32),
    "source": (core.CTX_SOURCE, 0, 1), "table": (core.CTX_TABLE, 0, 1 << 23), "ptes_seen": (core.CTX_PTES_SEEN, 0, 512),
    "ptes_young": (core.CTX_PTES_YOUNG, 0, 512), "shadow": (core.CTX_SHADOW, 0, abi.MAX_SHADOW),
    "reason": (core.CTX_REASON, 0, 5), "young": (core.CTX_YOUNG, 0, 1),
    "global_reclaim": (core.GLOBAL_RECLAIM, 0, 1), "file_is_tiny": (core.FILE_IS_TINY, 0, 1),
    "force_deactivate": (core.FORCE_DEACTIVATE, 0, 1), "key": (core.CTX_KEY, 0, 9),
}  # fmt: skip
OF_THE_MEMCG = {
    "nr_pages", "nr_resident", "swappiness", "swap_left", "can_age_anon", "lruvec", "memcg", "task", "can_promote",
}  # fmt: skip


def test_ctx_shows_the_word_it_should(ctx: Context) -> None:
    shown = {k.member for k in abi.KFUNCS.values() if k.receiver == "ctx" and k.is_property}
    assert shown == set(WORDS) | OF_THE_MEMCG
    for name, (word, *values) in WORDS.items():
        kfunc = abi.KFUNCS[f"ctx_{name}"]
        for value in values:
            ctx.state[word] = value
            assert call(ctx, kfunc.name) == value
            assert name == "key" or kfunc.low <= value <= kfunc.high
        ctx.state[word] = 0
    assert call(ctx, "ctx_lruvec") == call(ctx, "ctx_memcg") == B


def test_limits_usage_and_swap_are_the_memcgs(ctx: Context) -> None:
    ctx.memcgs[A, core.MEMORY_MAX] = 300
    ctx.memcgs[B, core.MEMORY_MAX] = 500
    assert call(ctx, "ctx_nr_pages") == 300, "the least above counts"
    ctx.memcgs[B, core.MEMORY_USAGE] = 44
    assert call(ctx, "ctx_nr_resident") == 44
    ctx.memcgs[B, core.MEMCG_SWAPPINESS] = 13
    assert call(ctx, "ctx_swappiness") == 13
    ctx.state[core.RECLAIM_SWAPPINESS] = 0
    assert call(ctx, "ctx_swappiness") == 0, "proactive reclaim brings its own"
    ctx.memcgs[A, core.SWAP_MAX] = 20
    ctx.memcgs[A, core.SWAP_USAGE] = 19
    assert call(ctx, "ctx_swap_left") == 1


def test_anonymous_folios_can_be_aged_while_there_is_swap_or_a_slower_node(ctx: Context) -> None:
    ctx.memcgs[A, core.SWAP_MAX] = ctx.memcgs[A, core.SWAP_USAGE] = 5
    assert call(ctx, "ctx_swap_left") == 0 and call(ctx, "ctx_can_age_anon"), "full or not"
    ctx.state[core.NR_SWAP_DEVICES] = 0
    assert not call(ctx, "ctx_can_age_anon")
    ctx.nodes[0, core.DEMOTION_TARGET] = 0
    assert call(ctx, "ctx_can_age_anon")


def test_the_task_at_work_and_the_node_above_are_shown(ctx: Context) -> None:
    ctx.state[core.TASK] = 5
    assert call(ctx, "ctx_task") == 5
    ctx.state[core.TASK] = 0
    assert not call(ctx, "ctx_can_promote")
    ctx.nodes[0, core.FASTER_NODE] = 0
    assert call(ctx, "ctx_can_promote")


def test_the_last_request_to_reclaim_counts(ctx: Context) -> None:
    for count in WIDE:
        call(ctx, "ctx_reclaim", count)
        assert ctx.state[core.RECLAIM_ASKED_OF] == B
        assert ctx.state[core.RECLAIM_ASKED] == (count if 0 <= count <= abi.MAX_FOLIOS else abi.MAX_FOLIOS)


def test_wishes_to_promote_wait_until_the_hook_has_returned(ctx: Context) -> None:
    f = ctx.page_table[5]
    call(ctx, "folio_promote", f)
    assert ctx.tasks[0, core.NR_PROMOTE_BATCH] == 0, "no node demotes to this one"
    ctx.nodes[0, core.FASTER_NODE] = 0
    for _ in range(2 * core.PROMOTE_BATCH_SIZE):
        call(ctx, "folio_promote", f)
    assert ctx.tasks[0, core.NR_PROMOTE_BATCH] == core.PROMOTE_BATCH_SIZE
    assert not abi.KFUNCS["folio_promote"].pure
    assert ctx.folios[f, core.LRUVEC] == B


# --- steps ------------------------------------------------------------------------------------------------

LINES_PER_STEP = 4
"""Lines of Python that a step may stand for: one of them is a few instructions, a call and its checks more."""


def test_steps_say_what_a_kfunc_costs(ctx: Context) -> None:
    """Within a factor, in a small tree: `a + b·n` means something only if a kfunc has no hidden loop over folios."""
    mark_all(ctx)
    given = {LIST: head(ctx, B, 0), FOLIO: ctx.page_table[5], BOOL: 1}
    for kfunc in abi.KFUNCS.values():
        if kfunc.receiver in ("map", "ref", "cursor", "bag", "heap"):
            continue
        args = [given.get(a.type, 1) for a in kfunc.args]
        lines = lines_of(functools.partial(implementation(kfunc.name), ctx, B, *args))
        assert lines <= LINES_PER_STEP * kfunc.steps, (kfunc.name, lines)
        f = ctx.page_table[5]
        if ctx.folios[f, core.LIST] == 0:
            call(ctx, "list_push_tail", head(ctx, B, 0), f)
