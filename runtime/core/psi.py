"""Pressure stall information of several tasks (kernel/sched/psi.c): `some` and `full`, for each memcg.

`some` is the time in which at least one task of a memcg, or below it, is stalled for want of memory; `full` that part
of it in which none of them does useful work: a task that waits for a device is no more productive than a stalled one,
one that has ended does not count. Accesses of several tasks overlap, and the core runs them one after the other. So
the stalls of a task's last access are kept pending until the task begins its next: it is then behind all others, what
all of them did up to now is known, and the time up to now is worked out, exactly.

In: stalls and waits, as `runtime/core/clock.py` notes them. Out: `MEMCG_SOME` and `MEMCG_FULL`, up to `PSI_SETTLED`.
"""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.layout import (
    ENDED,
    MEMCG_FULL,
    MEMCG_SOME,
    NR_TASKS,
    PARENT,
    PENDING_OF,
    PENDING_STALLS,
    PENDING_WAIT,
    PSI_PENDING,
    PSI_SETTLED,
    SUBTREE_END,
    TASK_CLOCK,
    TASK_ENDED,
    TASK_MEMCG,
)

NOT_THERE = 0
STALLED = 1
WAITS = 2
RUNS = 3
"""What a task of a memcg does at a moment."""


# --- what an access had -----------------------------------------------------------------------------------


def add_stall(ctx: Context, task: int, begin: int, end: int) -> None:
    """The task at work was stalled from `begin` to `end`. An access has at most two stalls apart from each other, for
    reclaim and for its page; what touches the one before is one with it."""
    begin_access(ctx, task)
    at = PENDING_STALLS
    if ctx.tasks[task, at + 1] != 0 and ctx.tasks[task, at + 1] < begin:
        at += 2
    if ctx.tasks[task, at + 1] == 0:
        ctx.tasks[task, at] = begin
    ctx.tasks[task, at + 1] = end
    memcg = ctx.tasks[task, TASK_MEMCG]
    while memcg >= 0:
        if ctx.memcgs[memcg, PSI_PENDING] < end:
            ctx.memcgs[memcg, PSI_PENDING] = end
        memcg = ctx.memcgs[memcg, PARENT]


def add_wait(ctx: Context, task: int, begin: int, end: int) -> None:
    """The task at work waited for a device. The last wait of an access is kept; earlier ones are stalls."""
    begin_access(ctx, task)
    if ctx.tasks[task, PENDING_WAIT + 1] != begin:
        ctx.tasks[task, PENDING_WAIT] = begin
    ctx.tasks[task, PENDING_WAIT + 1] = end


def begin_access(ctx: Context, task: int) -> None:
    """If what is pending is of an earlier access of the task, settle it: the task is behind all others now."""
    now = ctx.tasks[task, TASK_CLOCK]
    if ctx.tasks[task, PENDING_OF] == now:
        return
    ctx.tasks[task, PENDING_OF] = now
    memcg = ctx.tasks[task, TASK_MEMCG]
    while memcg >= 0:
        settle(ctx, memcg, now)
        memcg = ctx.memcgs[memcg, PARENT]
    for word in range(PENDING_STALLS, PENDING_WAIT + 2):
        ctx.tasks[task, word] = 0


# --- some and full ----------------------------------------------------------------------------------------


def settle(ctx: Context, memcg: int, until: int) -> None:
    """Work out the pressure of a memcg up to the time `until`, from what is pending of its tasks."""
    at = ctx.memcgs[memcg, PSI_SETTLED]
    while at < until and at < ctx.memcgs[memcg, PSI_PENDING]:
        end = until
        stalled = 0
        running = 0
        for task in range(ctx.state[NR_TASKS]):
            doing = doing_at(ctx, memcg, task, at)
            if doing == STALLED:
                stalled += 1
            if doing == RUNS:
                running += 1
            if doing != NOT_THERE:
                end = next_change(ctx, task, at, end)
        if stalled > 0:
            ctx.memcgs[memcg, MEMCG_SOME] += end - at
            if running == 0:
                ctx.memcgs[memcg, MEMCG_FULL] += end - at
        at = end
    if ctx.memcgs[memcg, PSI_SETTLED] < until:
        ctx.memcgs[memcg, PSI_SETTLED] = until


def doing_at(ctx: Context, memcg: int, task: int, at: int) -> int:
    """What a task does at a moment, if it is of the memcg or below."""
    of = ctx.tasks[task, TASK_MEMCG]
    if of < memcg or of >= ctx.memcgs[memcg, SUBTREE_END]:
        return NOT_THERE
    if ctx.tasks[task, TASK_ENDED] == ENDED and ctx.tasks[task, TASK_CLOCK] <= at:
        return NOT_THERE
    if within(ctx, task, PENDING_STALLS, at) or within(ctx, task, PENDING_STALLS + 2, at):
        return STALLED
    return WAITS if within(ctx, task, PENDING_WAIT, at) else RUNS


def within(ctx: Context, task: int, word: int, at: int) -> bool:
    return ctx.tasks[task, word] <= at and at < ctx.tasks[task, word + 1]


def next_change(ctx: Context, task: int, at: int, end: int) -> int:
    """When the task begins to do something else, at the latest `end`."""
    for word in range(PENDING_STALLS, PENDING_WAIT + 2):
        time = ctx.tasks[task, word]
        if at < time and time < end:
            end = time
    if ctx.tasks[task, TASK_ENDED] == ENDED:
        time = ctx.tasks[task, TASK_CLOCK]
        if at < time and time < end:
            end = time
    return end
