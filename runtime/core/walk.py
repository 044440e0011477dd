"""Page tables: the rmap walk of one folio with its look-around, and the walk of all a memcg has mapped (mm/vmscan.c).

A task has one address space; its pages lie in tables of 512 entries, in the order of their addresses. A mapped folio
has one entry, whose accessed bit is `F_YOUNG`. A policy with the hook `young` hears of young entries that were found
and cleared beside the one that was looked for; `walk_table` decides which tables a walk visits.
Guaranteed: a young bit that a policy is told of is cleared.
"""

from __future__ import annotations

from runtime.core.clock import spend
from runtime.core.context import Context, has_hook, prefetch
from runtime.core.folio import folio_is_file, task_cpu
from runtime.core.hooks import FOLIO_ACTIVATED, WALK_TABLE, YOUNG
from runtime.core.layout import (
    BATCH_SIZE,
    BY_LOOK_AROUND,
    BY_WALK,
    COST_PTE,
    COST_YOUNG,
    CTX_PTES_SEEN,
    CTX_PTES_YOUNG,
    CTX_SOURCE,
    CTX_TABLE,
    F_MAPPED,
    F_YOUNG,
    FIRST_TABLE,
    FLAGS,
    HAS_WALKS,
    NR_ACTIVATE_BATCH,
    NR_PAGE_IDS,
    NR_TABLES,
    NR_TASKS,
    PAGE,
    PTES_PER_TABLE,
    TASK_MEMCG,
    VMA_PAGES,
)
from runtime.core.lists import on_list
from runtime.core.memcg import memcg_of
from runtime.core.promote import promote_asked
from runtime.core.swap import activate_batch_drain

LOOK_AROUND_PTES = 64
"""Entries around a young one that are looked at, at most (BITS_PER_LONG)."""


def page_at(ctx: Context, slot: int) -> int:
    """The page whose entry is at a slot of the page tables, plus one; 0: a hole."""
    if ctx.ADDRESSED:
        return ctx.pte_page[slot]
    return slot + 1 if slot < ctx.state[NR_PAGE_IDS] else 0


def slot_of(ctx: Context, page: int) -> int:
    return ctx.page_slot[page] if ctx.ADDRESSED else page


def folio_row(ctx: Context, slot: int) -> int:
    """The entry of the page at a slot: a folio if it is above 0."""
    page = page_at(ctx, slot)
    return ctx.page_table[page - 1] if page != 0 else 0


def folio_at(ctx: Context, slot: int) -> int:
    """The resident folio that is mapped at a slot; 0: none."""
    f = folio_row(ctx, slot)
    return f if f > 0 and ctx.folios[f, FLAGS] & F_MAPPED != 0 else 0


def clear_young(ctx: Context, lruvec: int, f: int) -> int:
    """`ptep_clear_young_notify`, for a folio on a list of the lruvec (`get_pfn_folio`): clear the entry's young bit and
    tell the policy if it was set: 1, else 0. The policy may ask for activation, as for an access by system call."""
    flags = ctx.folios[f, FLAGS]
    if flags & F_YOUNG == 0 or not on_list(ctx, lruvec, f):
        return 0
    ctx.folios[f, FLAGS] = flags & ~F_YOUNG
    spend(ctx, COST_YOUNG, 1)
    ctx.hooks.young(ctx, lruvec, f)
    promote_asked(ctx, lruvec)
    if has_hook(ctx, lruvec, FOLIO_ACTIVATED):
        cpu = task_cpu(ctx)
        if ctx.tasks[cpu, NR_ACTIVATE_BATCH] == ctx.state[BATCH_SIZE]:
            activate_batch_drain(ctx, cpu)
    return 1


def table_done(ctx: Context, lruvec: int, table: int, seen: int, young: int) -> None:
    ctx.state[CTX_TABLE] = table
    ctx.state[CTX_PTES_SEEN] = seen
    ctx.state[CTX_PTES_YOUNG] = young
    ctx.hooks.walk_table_done(ctx, lruvec)


# --- one folio --------------------------------------------------------------------------------------------


def folio_referenced(ctx: Context, lruvec: int, f: int) -> bool:
    """`folio_referenced`: whether a mapping accessed the folio since it was last asked. With the hook `young` the
    entries around a young one are looked at, too."""
    flags = ctx.folios[f, FLAGS]
    if flags & F_YOUNG == 0:
        return False
    ctx.folios[f, FLAGS] = flags & ~F_YOUNG
    if has_hook(ctx, lruvec, YOUNG) and ctx.state[HAS_WALKS] != 0:
        lru_gen_look_around(ctx, lruvec, f)
    return True


def lru_gen_look_around(ctx: Context, lruvec: int, f: int) -> None:
    """Look at the 64 entries around the young one of `f`, within its table and its mapping, if the policy wants that
    (`walk_table` with this source). A mapping of a single page has no neighbours; the policy hears of the one entry."""
    at = slot_of(ctx, ctx.folios[f, PAGE])
    table = at // PTES_PER_TABLE
    ctx.state[CTX_SOURCE] = BY_LOOK_AROUND
    ctx.state[CTX_TABLE] = table
    if has_hook(ctx, lruvec, WALK_TABLE) and ctx.hooks.walk_table(ctx, lruvec) == 0:
        return
    if ctx.state[VMA_PAGES] == 1:
        table_done(ctx, lruvec, table, 1, 1)
        return
    first = window_begin(ctx, at)
    prefetch_slots(ctx, first, first + LOOK_AROUND_PTES)
    type = folio_is_file(ctx, f)
    seen = 0
    young = 1
    for slot in range(first, first + LOOK_AROUND_PTES):
        if folio_row(ctx, slot) == 0:
            continue
        g = folio_at(ctx, slot)
        if g != 0 and folio_is_file(ctx, g) != type:
            continue
        seen += 1
        if g != 0:
            young += clear_young(ctx, lruvec, g)
    spend(ctx, COST_PTE, LOOK_AROUND_PTES)
    table_done(ctx, lruvec, table, seen, young)


def prefetch_slots(ctx: Context, first: int, end: int) -> None:
    """Neighbours by address lie anywhere in the page table and among the folios: ask for them all at once."""
    for slot in range(first, end):
        page = page_at(ctx, slot)
        if page != 0:
            prefetch(ctx.page_table, page - 1)
    for slot in range(first, end):
        f = folio_row(ctx, slot)
        if f > 0:
            prefetch(ctx.folios, f)


def window_begin(ctx: Context, at: int) -> int:
    """The first slot of the window around slot `at`: centred, but within the table."""
    first = at - LOOK_AROUND_PTES // 2
    lowest = at // PTES_PER_TABLE * PTES_PER_TABLE
    highest = lowest + PTES_PER_TABLE - LOOK_AROUND_PTES
    if first < lowest:
        return lowest
    return first if first < highest else highest


# --- all of a memcg ---------------------------------------------------------------------------------------


def walk_page_tables(ctx: Context, lruvec: int) -> None:
    """`iterate_mm_list` and `walk_mm`: the tables of every task of the memcg that the policy wants visited."""
    if not has_hook(ctx, lruvec, YOUNG) or ctx.state[HAS_WALKS] == 0:
        return
    ctx.hooks.walk_begin(ctx, lruvec)
    memcg = memcg_of(ctx, lruvec)
    for task in range(1 if ctx.SINGLE else ctx.state[NR_TASKS]):
        if ctx.SINGLE or ctx.tasks[task, TASK_MEMCG] == memcg:
            walk_mm(ctx, lruvec, task)


def walk_mm(ctx: Context, lruvec: int, task: int) -> None:
    first = ctx.tasks[task, FIRST_TABLE]
    for i in range(ctx.tasks[task, NR_TABLES]):
        table = ctx.walk_order[first + i] if ctx.ADDRESSED else i
        ctx.state[CTX_SOURCE] = BY_WALK
        ctx.state[CTX_TABLE] = table
        if has_hook(ctx, lruvec, WALK_TABLE) and ctx.hooks.walk_table(ctx, lruvec) == 0:
            continue
        walk_pte_range(ctx, lruvec, table)


def walk_pte_range(ctx: Context, lruvec: int, table: int) -> None:
    """Clear the young bits of one table. Where no page was used yet nothing is mapped: such entries do not count, and a
    table of nothing else does not exist yet. (Pages that the stretch of the trace in memory only names are not known to
    the kernel: how long stretches are must not matter.)"""
    ctx.state[CTX_SOURCE] = BY_WALK
    seen = 0
    young = 0
    for slot in range(table * PTES_PER_TABLE, (table + 1) * PTES_PER_TABLE):
        if folio_row(ctx, slot) == 0:
            continue
        seen += 1
        f = folio_at(ctx, slot)
        if f != 0:
            young += clear_young(ctx, lruvec, f)
    if seen > 0:
        spend(ctx, COST_PTE, PTES_PER_TABLE)
        table_done(ctx, lruvec, table, seen, young)
