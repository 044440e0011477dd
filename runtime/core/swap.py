"""The folio batches and `folio_mark_accessed`: the way of a folio onto the lists (mm/swap.c).

In the kernel model a new folio waits in the `lru_add` batch of its CPU, on no list, until the batch is full or reclaim
on that CPU drains it; where it starts is decided then, from its flags then. The ideal model has no batches.
"""

from __future__ import annotations

from runtime.core.context import Context, has_hook
from runtime.core.folio import folio_lruvec, task_cpu
from runtime.core.hooks import FOLIO_ACTIVATED, FOLIO_ADDED
from runtime.core.layout import (
    ACTIVATE_BATCH,
    ADD_BATCH,
    BATCH_SIZE,
    BATCH_SLOTS,
    F_ACTIVATE_BATCH,
    F_ADD_BATCH,
    F_FAULT,
    FLAGS,
    NR_ACTIVATE_BATCH,
    NR_ADD_BATCH,
    NR_TASKS,
    TASK,
    UNCLAIMED,
)
from runtime.core.lists import list_head_row, list_push_tail, on_list


def folio_add_lru(ctx: Context, lruvec: int, f: int) -> None:
    """`folio_add_lru`: hand a new folio to the policy, through the batch."""
    if ctx.IDEAL:
        lru_add(ctx, lruvec, f)
        return
    cpu = task_cpu(ctx)
    ctx.folios[f, FLAGS] |= F_ADD_BATCH
    n = ctx.tasks[cpu, NR_ADD_BATCH]
    ctx.batches[cpu * BATCH_SLOTS + ADD_BATCH + n] = f
    ctx.tasks[cpu, NR_ADD_BATCH] = n + 1
    if n + 1 == ctx.state[BATCH_SIZE]:
        add_batch_drain(ctx, cpu)


def lru_add(ctx: Context, lruvec: int, f: int) -> None:
    """`lru_add`: the policy puts the folio on a list; without the hook the core keeps it."""
    if has_hook(ctx, lruvec, FOLIO_ADDED):
        ctx.hooks.folio_added(ctx, lruvec, f)
    else:
        list_push_tail(ctx, lruvec, list_head_row(ctx, lruvec, UNCLAIMED), f)


def add_batch_drain(ctx: Context, cpu: int) -> None:
    """`folio_batch_move_lru(fbatch, lru_add)`."""
    n = ctx.tasks[cpu, NR_ADD_BATCH]
    ctx.tasks[cpu, NR_ADD_BATCH] = 0
    for i in range(n):
        f = ctx.batches[cpu * BATCH_SLOTS + ADD_BATCH + i]
        ctx.folios[f, FLAGS] &= ~F_ADD_BATCH
        lru_add(ctx, folio_lruvec(ctx, f), f)
        ctx.folios[f, FLAGS] &= ~F_FAULT


def activate_batch_drain(ctx: Context, cpu: int) -> None:
    """`lru_activate` for every folio of the batch that is still on a list."""
    n = ctx.tasks[cpu, NR_ACTIVATE_BATCH]
    ctx.tasks[cpu, NR_ACTIVATE_BATCH] = 0
    for i in range(n):
        f = ctx.batches[cpu * BATCH_SLOTS + ACTIVATE_BATCH + i]
        ctx.folios[f, FLAGS] &= ~F_ACTIVATE_BATCH
        if on_list(ctx, folio_lruvec(ctx, f), f):
            ctx.hooks.folio_activated(ctx, folio_lruvec(ctx, f), f)


def folio_mark_accessed(ctx: Context, lruvec: int, f: int) -> None:
    """`folio_mark_accessed`: an access by system call. The policy decides; it may ask for activation."""
    ctx.hooks.folio_accessed(ctx, lruvec, f)
    drain_full_batch(ctx, lruvec)


def folio_mark_brought_in(ctx: Context, lruvec: int, f: int) -> None:
    """`folio_mark_accessed`, for the very access that brought the page in."""
    ctx.hooks.folio_brought_in(ctx, lruvec, f)
    drain_full_batch(ctx, lruvec)


def drain_full_batch(ctx: Context, lruvec: int) -> None:
    """A hook of the lruvec may have asked for an activation."""
    if has_hook(ctx, lruvec, FOLIO_ACTIVATED):
        cpu = task_cpu(ctx)
        waiting = ctx.tasks[cpu, NR_ACTIVATE_BATCH]
        if waiting == ctx.state[BATCH_SIZE] or (ctx.IDEAL and waiting > 0):
            activate_batch_drain(ctx, cpu)


def lru_add_drain(ctx: Context) -> None:
    """`lru_add_drain`: empty the batches of the CPU at work. Reclaim begins with it."""
    cpu = task_cpu(ctx)
    add_batch_drain(ctx, cpu)
    activate_batch_drain(ctx, cpu)


def lru_add_drain_all(ctx: Context) -> None:
    """`lru_add_drain_all`: the batches of all CPUs, each drained by its own: hooks see whose folios they are."""
    if ctx.SINGLE:
        lru_add_drain(ctx)
        return
    at_work = ctx.state[TASK]
    for cpu in range(ctx.state[NR_TASKS]):
        ctx.state[TASK] = cpu
        lru_add_drain(ctx)
    ctx.state[TASK] = at_work
