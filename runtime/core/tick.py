"""The hook `tick`: a timer for policies, on the virtual clock.

It is called for every lruvec whose policy has it, every `TICK_EVERY` nanoseconds: before the first event that begins
then or later, once however many were missed. What it does takes no task's time, as that of a kernel thread on a CPU of
its own (`kdamond`). Reclaim that it asks for, and promotions, are done when it has returned.
"""

from __future__ import annotations

from runtime.core.context import Context, has_hook
from runtime.core.hooks import TICK
from runtime.core.layout import (
    BY_DIRECT,
    BY_PROACTIVE,
    NOW,
    RECLAIM_ASKED,
    RECLAIM_ASKED_OF,
    RECLAIMER,
    STATUS,
    TICK_AT,
    TICK_EVERY,
)
from runtime.core.memcg import memcg_of, nr_lruvecs
from runtime.core.page_alloc import run_kswapds
from runtime.core.promote import promote_asked
from runtime.core.shrink import begin_looking, spend_on_looking
from runtime.core.vmscan import try_to_free_mem_cgroup_pages, user_proactive_reclaim


def run_ticks(ctx: Context) -> None:
    """The time of a tick has come."""
    late = ctx.state[NOW] - ctx.state[TICK_AT]
    every = ctx.state[TICK_EVERY]
    ctx.state[TICK_AT] += (late // every + 1) * every
    for lruvec in range(nr_lruvecs(ctx)):
        if has_hook(ctx, lruvec, TICK):
            tick(ctx, lruvec)
    if not ctx.SINGLE:
        run_kswapds(ctx)


def tick(ctx: Context, lruvec: int) -> None:
    """One lruvec."""
    ctx.state[RECLAIM_ASKED] = 0
    ctx.state[RECLAIMER] = BY_PROACTIVE
    before = begin_looking(ctx)
    ctx.hooks.tick(ctx, lruvec)
    spend_on_looking(ctx, before)
    promote_asked(ctx, lruvec)
    ctx.state[RECLAIMER] = BY_DIRECT
    reclaim_asked(ctx)


def reclaim_asked(ctx: Context) -> None:
    """A hook has returned: the reclaim that it asked for by `ctx.reclaim`."""
    count = ctx.state[RECLAIM_ASKED]
    if count == 0:
        return
    ctx.state[RECLAIM_ASKED] = 0
    memcg = memcg_of(ctx, ctx.state[RECLAIM_ASKED_OF])
    if ctx.IDEAL:
        came = 1
        while count > 0 and came > 0 and ctx.state[STATUS] == 0:
            came = try_to_free_mem_cgroup_pages(ctx, memcg, 1, BY_PROACTIVE)
            count -= came
    else:
        user_proactive_reclaim(ctx, memcg, count, -1)
