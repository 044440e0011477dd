"""Folios: allocation, and the kfuncs that read or mark one.

A row of `folios` is free, or charged and named by the page table entry of its page. Free rows that were used form
a stack; rows never used are taken in order, so that memory is touched only as the simulation grows.
"""

from __future__ import annotations

from runtime.core.clock import spend
from runtime.core.context import Context, has_hook
from runtime.core.hooks import FOLIO_ACTIVATED
from runtime.core.layout import (
    ACTIVATE_BATCH,
    BATCH_SIZE,
    BATCH_SLOTS,
    COST_RMAP,
    F_ACTIVATE_BATCH,
    F_ACTIVE,
    F_ADD_BATCH,
    F_DIRTY,
    F_DIRTY_QUEUE,
    F_EXECUTABLE,
    F_FAULT,
    F_FILE,
    F_FREE,
    F_MAPPED,
    F_RECLAIM,
    F_REFERENCED,
    F_SWAPCACHE,
    F_WORKINGSET,
    F_WRITEBACK,
    F_YOUNG,
    FLAGS,
    FREE_FOLIO,
    LIST,
    LRUVEC,
    NEXT,
    NEXT_FOLIO,
    NR_ACTIVATE_BATCH,
    PAGE,
    TASK,
)


def folio_alloc(ctx: Context, lruvec: int, page: int, flags: int) -> int:
    """A folio for `page`: on no list, its policy fields zero. The caller charges it."""
    f = ctx.state[FREE_FOLIO]
    if f != 0:
        ctx.state[FREE_FOLIO] = ctx.folios[f, NEXT]
        if not ctx.IDEAL:
            flags |= ctx.folios[f, FLAGS] & F_DIRTY_QUEUE
    else:
        f = ctx.state[NEXT_FOLIO]
        ctx.state[NEXT_FOLIO] = f + 1
    ctx.folios[f, FLAGS] = flags
    ctx.folios[f, PAGE] = page
    ctx.folios[f, LIST] = 0
    ctx.folios[f, LRUVEC] = lruvec
    first = f * ctx.FOLIO_COLUMNS * 4 + ctx.FIELD_BASE
    for i in range(ctx.FIELD_BYTES):
        ctx.field_bytes[first + i] = 0
    return f


def folio_free(ctx: Context, f: int) -> None:
    """Give back a folio that is on no list and in no batch, whose page table entry is already another."""
    if not ctx.IDEAL:
        ctx.folios[f, FLAGS] = ctx.folios[f, FLAGS] & F_DIRTY_QUEUE | F_FREE
    ctx.folios[f, NEXT] = ctx.state[FREE_FOLIO]
    ctx.state[FREE_FOLIO] = f


def folio_is_file(ctx: Context, f: int) -> int:
    """1 for a file folio, 0 for an anonymous one: `FILE` and `ANON` of the `abi`."""
    return ctx.folios[f, FLAGS] & F_FILE


def folio_lruvec(ctx: Context, f: int) -> int:
    return 0 if ctx.SINGLE else ctx.folios[f, LRUVEC]


def task_cpu(ctx: Context) -> int:
    """The task at work, which is also the number of its CPU."""
    return 0 if ctx.SINGLE else ctx.state[TASK]


# --- kfuncs -----------------------------------------------------------------------------------------------


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


def folio_writeback(ctx: Context, lruvec: int, f: int) -> bool:
    return ctx.folios[f, FLAGS] & F_WRITEBACK != 0


def folio_reclaim(ctx: Context, lruvec: int, f: int) -> bool:
    return ctx.folios[f, FLAGS] & F_RECLAIM != 0


def folio_swapcache(ctx: Context, lruvec: int, f: int) -> bool:
    return ctx.folios[f, FLAGS] & F_SWAPCACHE != 0


def folio_faulted(ctx: Context, lruvec: int, f: int) -> bool:
    return ctx.folios[f, FLAGS] & F_FAULT != 0


def folio_accessed(ctx: Context, lruvec: int, f: int) -> bool:
    return ctx.folios[f, FLAGS] & F_REFERENCED != 0


def folio_active(ctx: Context, lruvec: int, f: int) -> bool:
    return ctx.folios[f, FLAGS] & F_ACTIVE != 0


def folio_workingset(ctx: Context, lruvec: int, f: int) -> bool:
    return ctx.folios[f, FLAGS] & F_WORKINGSET != 0


def folio_set_accessed(ctx: Context, lruvec: int, f: int, on: int) -> None:
    flags = ctx.folios[f, FLAGS]
    ctx.folios[f, FLAGS] = flags | F_REFERENCED if on else flags & ~F_REFERENCED


def folio_set_active(ctx: Context, lruvec: int, f: int, on: int) -> None:
    flags = ctx.folios[f, FLAGS]
    ctx.folios[f, FLAGS] = flags | F_ACTIVE if on else flags & ~F_ACTIVE


def folio_set_workingset(ctx: Context, lruvec: int, f: int, on: int) -> None:
    flags = ctx.folios[f, FLAGS]
    ctx.folios[f, FLAGS] = flags | F_WORKINGSET if on else flags & ~F_WORKINGSET


def folio_set_reclaim(ctx: Context, lruvec: int, f: int, on: int) -> None:
    flags = ctx.folios[f, FLAGS]
    ctx.folios[f, FLAGS] = flags | F_RECLAIM if on else flags & ~F_RECLAIM


def folio_test_clear_young(ctx: Context, lruvec: int, f: int) -> bool:
    """Whether a mapping accessed the folio since the last call. The ideal model has no mappings."""
    if ctx.IDEAL:
        return False
    flags = ctx.folios[f, FLAGS]
    if flags & F_MAPPED:
        spend(ctx, COST_RMAP, 1)
    if flags & F_YOUNG == 0:
        return False
    ctx.folios[f, FLAGS] = flags & ~F_YOUNG
    return True


def folio_activate(ctx: Context, lruvec: int, f: int) -> None:
    """`folio_activate`: into the activate batch of the CPU at work. The core drains it when it is full, after the hook
    has returned, for a kfunc never calls a hook; a full batch takes no more."""
    flags = ctx.folios[f, FLAGS]
    if flags & F_ADD_BATCH:
        ctx.folios[f, FLAGS] = flags | F_ACTIVE
        return
    if ctx.IDEAL and not has_hook(ctx, lruvec, FOLIO_ACTIVATED):
        return
    cpu = task_cpu(ctx)
    n = ctx.tasks[cpu, NR_ACTIVATE_BATCH]
    if flags & F_ACTIVATE_BATCH or n == ctx.state[BATCH_SIZE]:
        return
    ctx.folios[f, FLAGS] = flags | F_ACTIVATE_BATCH
    ctx.batches[cpu * BATCH_SLOTS + ACTIVATE_BATCH + n] = f
    ctx.tasks[cpu, NR_ACTIVATE_BATCH] = n + 1
