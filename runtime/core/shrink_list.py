"""What becomes of the candidates: `shrink_folio_list` (mm/vmscan.c).

In: the folios that `evict_folios` proposed. Each is reclaimed, demoted to a slower node, or given back to the policy
with the reason. The order of questions is the kernel's: is it under writeback, was it used through a mapping (the rmap
walk is the core's), what does the policy say, is there swap for it, is it dirty.
"""

from __future__ import annotations

from runtime.core.clock import spend, wait_until
from runtime.core.context import Context, has_hook
from runtime.core.folio import folio_free, folio_is_file
from runtime.core.hooks import FOLIO_CHECK, FOLIO_KEPT
from runtime.core.layout import (
    ANON,
    BY_PROACTIVE,
    COST_FREE,
    COST_IO,
    COST_MIGRATE,
    COST_RMAP,
    COST_ROTATE,
    COST_UNMAP,
    CTX_REASON,
    CTX_YOUNG,
    DEMOTION_TARGET,
    EVICTIONS,
    F_ACTIVATE_BATCH,
    F_DIRTY,
    F_FILE,
    F_MAPPED,
    F_RECLAIM,
    F_SWAPCACHE,
    F_WRITEBACK,
    FLAGS,
    ISOLATED_FIRST,
    KEPT_FIRST,
    KSWAPD_WANTED,
    LRUVEC,
    NODE_WANTS_KSWAPD,
    NR_VMSCAN_IMMEDIATE,
    NR_WRITEBACK,
    PAGE,
    PGDEMOTE_KSWAPD,
    PGSTEAL_ANON,
    PSWPOUT,
    REASON_MASK,
    REASON_SHIFT,
    RECLAIMER,
    WMARK_LOW,
    WMARK_MIN,
)
from runtime.core.lists import queue_add, queue_pop
from runtime.core.memcg import count_event, lruvec_of, memcg_of, node_of, page_counter_charge
from runtime.core.mmzone import node_free
from runtime.core.swap import folio_add_lru, lru_add
from runtime.core.swapfile import (
    device_write,
    folio_alloc_swap,
    is_synchronous,
    swap_left,
    swapcache_device,
    swapcache_flags,
)
from runtime.core.walk import folio_referenced
from runtime.core.workingset import workingset_eviction
from runtime.core.writeback import WRITEBACK_SLOTS, start_writeback, wakeup_flusher_threads

RECLAIM = 0
RECLAIM_CLEAN = 1
KEEP = 2
CHECK_ACTIVATE = 3
"""Answers of `folio_check`."""

KEPT_REFERENCED = 0
KEPT_ACTIVATE = 1
KEPT_DIRTY = 2
KEPT_SURPLUS = 3
KEPT_WRITEBACK = 4
KEPT_PINNED = 5
"""Reasons `folio_kept` is called for."""

GOES = -1
"""No reason to keep a candidate."""


def shrink_folio_list(ctx: Context, lruvec: int, wanted: int, overrule: int) -> int:
    """Reclaim the isolated folios that may go and give the others back to the policy. Returns how many went, those that
    were demoted included: `pgsteal` counts both. In the ideal model no more go than are wanted; `overrule` lets the
    policy's KEEP count for nothing."""
    reclaimed = 0
    files = 0
    dirty = 0
    while ctx.state[ISOLATED_FIRST] != 0:
        f = queue_pop(ctx, ISOLATED_FIRST)
        files += folio_is_file(ctx, f)
        if ctx.IDEAL:
            reason = ideal_reason(ctx, lruvec, f, overrule, wanted - reclaimed)
        else:
            reason = reason_to_keep(ctx, lruvec, f, overrule)
        if reason == KEPT_DIRTY:
            dirty += 1
        if reason >= 0:
            ctx.folios[f, FLAGS] |= reason << REASON_SHIFT
            queue_add(ctx, KEPT_FIRST, f)
            continue
        reclaimed += 1
        if not ctx.IDEAL:
            count_event(ctx, memcg_of(ctx, lruvec), PGSTEAL_ANON + folio_is_file(ctx, f), 1)
            if demote_folio(ctx, lruvec, f):
                continue
        reclaim_folio(ctx, lruvec, f)
    if not ctx.IDEAL and dirty > 0 and dirty == files:
        wakeup_flusher_threads(ctx)
    move_kept_folios(ctx, lruvec)
    return reclaimed


# --- may it go? -------------------------------------------------------------------------------------------


def ideal_reason(ctx: Context, lruvec: int, f: int, overrule: int, wanted: int) -> int:
    """The reason for which a candidate comes back in the ideal model, or `GOES`: what the policy says, and whether more
    are `wanted`."""
    reason = GOES
    if has_hook(ctx, lruvec, FOLIO_CHECK):
        ctx.state[CTX_YOUNG] = 0
        reason = reason_of(ctx, ctx.hooks.folio_check(ctx, lruvec, f))
    if overrule != 0:
        reason = GOES
    return KEPT_SURPLUS if wanted <= 0 else reason


def reason_of(ctx: Context, verdict: int) -> int:
    if verdict == CHECK_ACTIVATE:
        return KEPT_ACTIVATE
    return KEPT_REFERENCED if verdict == KEEP else GOES


def reason_to_keep(ctx: Context, lruvec: int, f: int, overrule: int) -> int:
    """The reason for which a candidate comes back in the kernel model, or `GOES`: then it is unmapped, clean, and on
    swap if it is anonymous."""
    flags = ctx.folios[f, FLAGS]
    if flags & F_WRITEBACK:
        ctx.folios[f, FLAGS] = flags | F_RECLAIM
        return KEPT_ACTIVATE
    young = False
    if flags & F_MAPPED:
        spend(ctx, COST_RMAP, 1)
        young = folio_referenced(ctx, lruvec, f)
    verdict = KEEP if young else RECLAIM
    if has_hook(ctx, lruvec, FOLIO_CHECK):
        ctx.state[CTX_YOUNG] = 1 if young else 0
        verdict = ctx.hooks.folio_check(ctx, lruvec, f)
    reason = GOES if overrule != 0 else reason_of(ctx, verdict)
    if reason != GOES:
        return reason
    flags = ctx.folios[f, FLAGS]
    if flags & F_ACTIVATE_BATCH:
        return KEPT_PINNED
    if can_demote(ctx, lruvec):
        if room_to_demote(ctx, lruvec):
            return GOES
        if ctx.state[RECLAIMER] == BY_PROACTIVE:
            return KEPT_PINNED
    if flags & F_FILE == 0 and flags & F_SWAPCACHE == 0 and not add_to_swap(ctx, lruvec, f):
        return KEPT_ACTIVATE
    try_to_unmap(ctx, f)
    if ctx.folios[f, FLAGS] & F_DIRTY == 0:
        return GOES
    return pageout(ctx, lruvec, f, verdict)


def try_to_unmap(ctx: Context, f: int) -> None:
    """`try_to_unmap`: should the folio be kept after all, the next mapped access to it faults."""
    if ctx.folios[f, FLAGS] & F_MAPPED:
        ctx.folios[f, FLAGS] &= ~F_MAPPED
        spend(ctx, COST_UNMAP, 1)


def add_to_swap(ctx: Context, lruvec: int, f: int) -> bool:
    """Give an anonymous folio a slot on swap, to which it is to be written."""
    device = folio_alloc_swap(ctx, memcg_of(ctx, lruvec))
    if device == 0:
        return False
    ctx.folios[f, FLAGS] |= swapcache_flags(ctx, device) | F_DIRTY
    return True


def pageout(ctx: Context, lruvec: int, f: int, verdict: int) -> int:
    """`pageout`: write a dirty folio to swap. A synchronous device has it at once; else it stays until the write is
    done. Dirty file folios are the flusher's: reclaim only asks that they go as soon as they are clean."""
    flags = ctx.folios[f, FLAGS]
    if flags & F_FILE:
        ctx.folios[f, FLAGS] = flags | F_RECLAIM
        count_event(ctx, memcg_of(ctx, lruvec), NR_VMSCAN_IMMEDIATE, 1)
        return KEPT_DIRTY
    if verdict == RECLAIM_CLEAN:
        return KEPT_DIRTY
    device = swapcache_device(ctx, f)
    if not is_synchronous(ctx, device) and ctx.state[NR_WRITEBACK] >= WRITEBACK_SLOTS:
        return KEPT_WRITEBACK
    count_event(ctx, memcg_of(ctx, lruvec), PSWPOUT, 1)
    if is_synchronous(ctx, device):
        ctx.folios[f, FLAGS] = flags & ~F_DIRTY
        wait_until(ctx, device_write(ctx, device))
        return GOES
    ctx.folios[f, FLAGS] = flags | F_RECLAIM
    spend(ctx, COST_IO, 1)
    start_writeback(ctx, f, device)
    return KEPT_WRITEBACK


# --- where it goes ----------------------------------------------------------------------------------------


def reclaim_folio(ctx: Context, lruvec: int, f: int) -> None:
    """`__remove_mapping`: leave in the page's entry what is kept of it, and free the folio."""
    type = folio_is_file(ctx, f)
    memcg = memcg_of(ctx, lruvec)
    count_event(ctx, memcg, EVICTIONS, 1)
    device = 0
    if not ctx.IDEAL:
        spend(ctx, COST_FREE, 1)
        if type == ANON:
            device = swapcache_device(ctx, f)
    workingset_eviction(ctx, lruvec, f, ctx.folios[f, PAGE], device)
    page_counter_charge(ctx, lruvec, type, -1)
    folio_free(ctx, f)


def can_demote(ctx: Context, lruvec: int) -> bool:
    """Whether reclaim moves folios of this lruvec to a slower node, be it for want of memory or for a memcg's limit:
    what is coldest of all is on the slowest node then."""
    return False if ctx.SINGLE else ctx.nodes[node_of(ctx, lruvec), DEMOTION_TARGET] >= 0


def room_to_demote(ctx: Context, lruvec: int) -> bool:
    """`alloc_demote_folio`: whether the slower node takes one more. Its kswapd is woken at its low watermark; at min it
    takes none, and the folio is reclaimed here, unless reclaim is proactive."""
    target = ctx.nodes[node_of(ctx, lruvec), DEMOTION_TARGET]
    free = node_free(ctx, target)
    if free <= ctx.nodes[target, WMARK_LOW]:
        ctx.nodes[target, NODE_WANTS_KSWAPD] = 1
        ctx.state[KSWAPD_WANTED] = 1
    return free > ctx.nodes[target, WMARK_MIN]


def can_reclaim_anon_pages(ctx: Context, lruvec: int) -> bool:
    """`can_reclaim_anon_pages`: there is swap for anonymous folios of the lruvec, or a slower node that takes them."""
    if can_demote(ctx, lruvec) and room_to_demote(ctx, lruvec):
        return True
    return swap_left(ctx, memcg_of(ctx, lruvec)) > 0


def demote_folio(ctx: Context, lruvec: int, f: int) -> bool:
    """`demote_folio_list`: move the folio to the slower node, where the lruvec's policy takes it; whether it was."""
    if not can_demote(ctx, lruvec) or not room_to_demote(ctx, lruvec):
        return False
    type = folio_is_file(ctx, f)
    memcg = memcg_of(ctx, lruvec)
    slower = lruvec_of(ctx, memcg, ctx.nodes[node_of(ctx, lruvec), DEMOTION_TARGET])
    page_counter_charge(ctx, lruvec, type, -1)
    page_counter_charge(ctx, slower, type, 1)
    ctx.folios[f, LRUVEC] = slower
    count_event(ctx, memcg, PGDEMOTE_KSWAPD + ctx.state[RECLAIMER], 1)
    spend(ctx, COST_MIGRATE, 1)
    folio_add_lru(ctx, slower, f)
    return True


def move_kept_folios(ctx: Context, lruvec: int) -> None:
    """`move_folios_to_lru`: give the kept candidates back to the policy, in the order they were looked at."""
    while ctx.state[KEPT_FIRST] != 0:
        f = queue_pop(ctx, KEPT_FIRST)
        flags = ctx.folios[f, FLAGS]
        ctx.folios[f, FLAGS] = flags & ~(REASON_MASK << REASON_SHIFT)
        spend(ctx, COST_ROTATE, 1)
        if has_hook(ctx, lruvec, FOLIO_KEPT):
            ctx.state[CTX_REASON] = flags >> REASON_SHIFT & REASON_MASK
            ctx.hooks.folio_kept(ctx, lruvec, f)
        else:
            lru_add(ctx, lruvec, f)
