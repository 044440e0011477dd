"""The folio batches and `folio_mark_accessed`: the way of a folio onto the lists (mm/swap.c).

In the kernel model a new folio waits in the `lru_add` batch of 31, on no list, until the batch is full or reclaim
drains it; where it starts is decided then, from its flags then. The ideal model has no batches.
"""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.layout import (
    ACTIVATE_BATCH,
    ADD_BATCH,
    F_ACTIVATE_BATCH,
    F_ADD_BATCH,
    FLAGS,
    FOLIO_BATCH_SIZE,
    LIST,
    NR_ACTIVATE_BATCH,
    NR_ADD_BATCH,
    UNCLAIMED,
)
from runtime.core.lists import list_head_row, list_push_tail


def folio_add_lru(ctx: Context, lruvec: int, f: int) -> None:
    """`folio_add_lru`: hand a new folio to the policy, through the batch."""
    if ctx.IDEAL:
        lru_add(ctx, lruvec, f)
        return
    ctx.folios[f, FLAGS] |= F_ADD_BATCH
    n = ctx.state[NR_ADD_BATCH]
    ctx.batches[ADD_BATCH + n] = f
    ctx.state[NR_ADD_BATCH] = n + 1
    if n + 1 == FOLIO_BATCH_SIZE:
        add_batch_drain(ctx, lruvec)


def lru_add(ctx: Context, lruvec: int, f: int) -> None:
    """`lru_add`: the policy puts the folio on a list; without the hook the core keeps it."""
    if ctx.HAS_FOLIO_ADDED:
        ctx.hooks.folio_added(ctx, lruvec, f)
    else:
        list_push_tail(ctx, lruvec, list_head_row(ctx, lruvec, UNCLAIMED), f)


def add_batch_drain(ctx: Context, lruvec: int) -> None:
    """`folio_batch_move_lru(fbatch, lru_add)`."""
    n = ctx.state[NR_ADD_BATCH]
    ctx.state[NR_ADD_BATCH] = 0
    for i in range(n):
        f = ctx.batches[ADD_BATCH + i]
        ctx.folios[f, FLAGS] &= ~F_ADD_BATCH
        lru_add(ctx, lruvec, f)


def activate_batch_drain(ctx: Context, lruvec: int) -> None:
    """`lru_activate` for every folio of the batch that is still on a list."""
    n = ctx.state[NR_ACTIVATE_BATCH]
    ctx.state[NR_ACTIVATE_BATCH] = 0
    for i in range(n):
        f = ctx.batches[ACTIVATE_BATCH + i]
        ctx.folios[f, FLAGS] &= ~F_ACTIVATE_BATCH
        if ctx.folios[f, LIST] != 0:
            ctx.hooks.folio_activated(ctx, lruvec, f)


def folio_mark_accessed(ctx: Context, lruvec: int, f: int) -> None:
    """`folio_mark_accessed`: an access by system call. The policy decides; it may ask for activation."""
    ctx.hooks.folio_accessed(ctx, lruvec, f)
    if ctx.HAS_FOLIO_ACTIVATED:
        waiting = ctx.state[NR_ACTIVATE_BATCH]
        if waiting == FOLIO_BATCH_SIZE or (ctx.IDEAL and waiting > 0):
            activate_batch_drain(ctx, lruvec)


def lru_add_drain(ctx: Context, lruvec: int) -> None:
    """`lru_add_drain`: empty both batches. Reclaim begins with it, so no candidate waits in one."""
    add_batch_drain(ctx, lruvec)
    activate_batch_drain(ctx, lruvec)
