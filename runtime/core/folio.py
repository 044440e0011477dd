"""Folios: allocation, the kfuncs that read or mark one, and those that read `ctx`.

A row of `folios` is free, or charged and named by the page table entry of its page. Free rows that were used form
a stack; rows never used are taken in order, so that memory is touched only as the simulation grows.
"""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.layout import (
    ACTIVATE_BATCH,
    CAPACITY,
    CTX_KEY,
    CTX_NR_TO_SCAN,
    CTX_REASON,
    CTX_SHADOW,
    CTX_TYPE,
    CTX_WANTED,
    F_ACTIVATE_BATCH,
    F_ACTIVE,
    F_ADD_BATCH,
    F_DIRTY,
    F_EXECUTABLE,
    F_FILE,
    F_MAPPED,
    F_WORKINGSET,
    F_YOUNG,
    FIELD_OFFSET,
    FLAGS,
    FOLIO_BATCH_SIZE,
    FREE_FOLIO,
    LIST,
    LRUVEC,
    MAX_PLAN,
    NEXT,
    NEXT_FOLIO,
    NR_ACTIVATE_BATCH,
    NR_PAGES,
    NR_RESIDENT,
    PAGE,
    PLAN_AGE,
    PLAN_EVICT,
    PRIORITY,
    SWAPPINESS,
)


def folio_alloc(ctx: Context, lruvec: int, page: int, flags: int) -> int:
    """Charge a folio for `page`: on no list, its policy fields zero."""
    f = ctx.state[FREE_FOLIO]
    if f != 0:
        ctx.state[FREE_FOLIO] = ctx.folios[f, NEXT]
    else:
        f = ctx.state[NEXT_FOLIO]
        ctx.state[NEXT_FOLIO] = f + 1
    ctx.folios[f, FLAGS] = flags
    ctx.folios[f, PAGE] = page
    ctx.folios[f, LIST] = 0
    ctx.folios[f, LRUVEC] = lruvec
    first = f * ctx.FOLIO_COLUMNS * 4 + FIELD_OFFSET
    for i in range(ctx.FIELD_BYTES):
        ctx.field_bytes[first + i] = 0
    ctx.state[NR_RESIDENT] += 1
    return f


def folio_free(ctx: Context, f: int) -> None:
    """Give back a folio that is on no list and in no batch, whose page table entry is already another."""
    ctx.folios[f, NEXT] = ctx.state[FREE_FOLIO]
    ctx.state[FREE_FOLIO] = f
    ctx.state[NR_RESIDENT] -= 1


def folio_is_file(ctx: Context, f: int) -> int:
    """1 for a file folio, 0 for an anonymous one: `FILE` and `ANON` of the `abi`."""
    return ctx.folios[f, FLAGS] & F_FILE


# --- kfuncs: folios ---------------------------------------------------------------------------------------


def folio_key(ctx: Context, lruvec: int, f: int) -> int:
    return ctx.folios[f, PAGE]


def folio_file(ctx: Context, lruvec: int, f: int) -> bool:
    return ctx.folios[f, FLAGS] & F_FILE != 0


def folio_mapped(ctx: Context, lruvec: int, f: int) -> bool:
    return ctx.folios[f, FLAGS] & F_MAPPED != 0


def folio_executable(ctx: Context, lruvec: int, f: int) -> bool:
    return ctx.folios[f, FLAGS] & F_EXECUTABLE != 0


def folio_dirty(ctx: Context, lruvec: int, f: int) -> bool:
    return ctx.folios[f, FLAGS] & F_DIRTY != 0


def folio_active(ctx: Context, lruvec: int, f: int) -> bool:
    return ctx.folios[f, FLAGS] & F_ACTIVE != 0


def folio_workingset(ctx: Context, lruvec: int, f: int) -> bool:
    return ctx.folios[f, FLAGS] & F_WORKINGSET != 0


def folio_test_clear_young(ctx: Context, lruvec: int, f: int) -> bool:
    """`folio_referenced`: whether a mapping accessed the folio since the last call. The ideal model has no mappings."""
    if ctx.IDEAL:
        return False
    flags = ctx.folios[f, FLAGS]
    if flags & F_YOUNG == 0:
        return False
    ctx.folios[f, FLAGS] = flags & ~F_YOUNG
    return True


def folio_activate(ctx: Context, lruvec: int, f: int) -> None:
    """`folio_activate`: into the activate batch. The core drains it when it is full, after the hook has returned, for
    a kfunc never calls a hook; a full batch takes no more."""
    flags = ctx.folios[f, FLAGS]
    if flags & F_ADD_BATCH:
        ctx.folios[f, FLAGS] = flags | F_ACTIVE
        return
    n = ctx.state[NR_ACTIVATE_BATCH]
    if flags & F_ACTIVATE_BATCH or n == FOLIO_BATCH_SIZE:
        return
    ctx.folios[f, FLAGS] = flags | F_ACTIVATE_BATCH
    ctx.batches[ACTIVATE_BATCH + n] = f
    ctx.state[NR_ACTIVATE_BATCH] = n + 1


# --- kfuncs: context --------------------------------------------------------------------------------------


def nr_pages(ctx: Context, lruvec: int) -> int:
    return ctx.state[CAPACITY]


def ctx_nr_pages(ctx: Context, lruvec: int) -> int:
    return ctx.state[NR_PAGES]


def ctx_nr_resident(ctx: Context, lruvec: int) -> int:
    return ctx.state[NR_RESIDENT]


def ctx_nr_to_scan(ctx: Context, lruvec: int) -> int:
    return ctx.state[CTX_NR_TO_SCAN]


def ctx_wanted(ctx: Context, lruvec: int) -> int:
    return ctx.state[CTX_WANTED]


def ctx_type(ctx: Context, lruvec: int) -> int:
    return ctx.state[CTX_TYPE]


def ctx_priority(ctx: Context, lruvec: int) -> int:
    return ctx.state[PRIORITY]


def ctx_swappiness(ctx: Context, lruvec: int) -> int:
    return ctx.state[SWAPPINESS]


def ctx_key(ctx: Context, lruvec: int) -> int:
    return ctx.state[CTX_KEY]


def ctx_shadow(ctx: Context, lruvec: int) -> int:
    return ctx.state[CTX_SHADOW]


def ctx_reason(ctx: Context, lruvec: int) -> int:
    return ctx.state[CTX_REASON]


def ctx_plan_evict(ctx: Context, lruvec: int, type: int, count: int) -> None:
    ctx.lruvecs[lruvec, PLAN_EVICT + type] = most_planned(ctx, count)


def ctx_plan_age(ctx: Context, lruvec: int, type: int, count: int) -> None:
    ctx.lruvecs[lruvec, PLAN_AGE + type] = most_planned(ctx, count)


def most_planned(ctx: Context, count: int) -> int:
    """A policy may ask for any number of 64 bits, which is negative here from 2**63 on. No plan is larger than the
    largest memory, so that the arithmetic over plans cannot overflow."""
    return MAX_PLAN if count < 0 or count > MAX_PLAN else count
