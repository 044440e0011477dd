"""The plan of a pass of MGLRU: how much to look at, and when to age first (`try_to_shrink_lruvec`, mm/vmscan.c).

In: the window of generations, sizes and the priority. Out: `ctx_plan_scan`, `ctx_plan_walk`, or neither, which ends the
pass.
"""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.layout import BY_KSWAPD, DEF_PRIORITY
from runtime.core.params import param
from runtime.core.reclaim_context import (
    ctx_min_ttl,
    ctx_now,
    ctx_plan_scan,
    ctx_plan_walk,
    ctx_priority,
    ctx_reclaimed,
    ctx_reclaimer,
    ctx_to_reclaim,
    ctx_unprotected,
)
from runtime.policies.mglru_state import (
    ASKED,
    BIRTHS,
    KERNEL_VERSION,
    MAX_NR_GENS,
    MAX_SEQ,
    MIN_NR_GENS,
    MIN_SEQ,
    MIN_TTL,
    PASS_MAX_SEQ,
    SIZES,
    SWAPPED,
    add_word,
    evictable_min_seq,
    first_type,
    gen_of_seq,
    is_618,
    set_word,
    swappiness_of,
    word,
)


def evictable_size(ctx: Context, lruvec: int, swappiness: int) -> int:
    size = 0
    for type in range(first_type(ctx, swappiness), 2):
        for gen in range(MAX_NR_GENS):
            size += word(ctx, lruvec, SIZES + gen * 2 + type)
    return size


def size_of_seq(ctx: Context, lruvec: int, swappiness: int, seq: int) -> int:
    """Folios of one generation, of the types that can be evicted and have it."""
    size = 0
    for type in range(first_type(ctx, swappiness), 2):
        if word(ctx, lruvec, MIN_SEQ + type) <= seq:
            size += word(ctx, lruvec, SIZES + gen_of_seq(ctx, seq) * 2 + type)
    return size


def has_cold_folios(ctx: Context, lruvec: int, swappiness: int) -> bool:
    """Whether more than the two youngest generations are left, so that eviction is possible."""
    return evictable_min_seq(ctx, lruvec, swappiness) + MIN_NR_GENS <= word(ctx, lruvec, MAX_SEQ)


def should_run_aging(ctx: Context, lruvec: int, swappiness: int) -> bool:
    """`should_run_aging`: aging is due when three generations are left. Before 6.14 then only if the youngest holds
    more than half of the folios or the oldest of the three less than a quarter, so that they are spread evenly."""
    if not has_cold_folios(ctx, lruvec, swappiness):
        return True
    max_seq = word(ctx, lruvec, MAX_SEQ)
    if evictable_min_seq(ctx, lruvec, swappiness) + MIN_NR_GENS < max_seq:
        return False
    if is_618(ctx, lruvec):
        return True
    total = evictable_size(ctx, lruvec, swappiness)
    young = size_of_seq(ctx, lruvec, swappiness, max_seq)
    old = size_of_seq(ctx, lruvec, swappiness, max_seq - MIN_NR_GENS)
    return young * MIN_NR_GENS > total or old * (MIN_NR_GENS + 2) < total


def get_nr_to_scan(ctx: Context, lruvec: int) -> None:
    """`get_nr_to_scan`: this priority's part of all folios; when aging is due, age instead and leave, but not yet at
    the first priority."""
    swappiness = swappiness_of(ctx, lruvec)
    by_kswapd = ctx_reclaimer(ctx, lruvec) == BY_KSWAPD
    if by_kswapd and is_too_young(ctx, lruvec, swappiness):
        return
    if word(ctx, lruvec, KERNEL_VERSION) == 601 and not by_kswapd:
        get_nr_to_scan_601(ctx, lruvec, swappiness)
        return
    priority = ctx_priority(ctx, lruvec)
    if should_run_aging(ctx, lruvec, swappiness) and priority != DEF_PRIORITY:
        ctx_plan_walk(ctx, lruvec)
    elif has_cold_folios(ctx, lruvec, swappiness):
        plan_size(ctx, lruvec, swappiness, priority)


def plan_size(ctx: Context, lruvec: int, swappiness: int, priority: int) -> None:
    ctx_plan_scan(ctx, lruvec, ctx_unprotected(ctx, lruvec, evictable_size(ctx, lruvec, swappiness)) >> priority)


def get_nr_to_scan_601(ctx: Context, lruvec: int, swappiness: int) -> None:
    """`get_nr_to_scan` and `should_abort_scan` of 6.1: a task that ages goes on scanning, but it ages a memcg only once
    in a pass, and stops at what it wants once it has swapped."""
    max_seq = word(ctx, lruvec, MAX_SEQ)
    if word(ctx, lruvec, ASKED) == 0:
        set_word(ctx, lruvec, PASS_MAX_SEQ, max_seq)
    has_enough = word(ctx, lruvec, SWAPPED) != 0 and ctx_reclaimed(ctx, lruvec) >= ctx_to_reclaim(ctx, lruvec)
    if max_seq - word(ctx, lruvec, PASS_MAX_SEQ) > 1 or has_enough:
        return
    add_word(ctx, lruvec, ASKED, 1)
    priority = ctx_priority(ctx, lruvec)
    if should_run_aging(ctx, lruvec, swappiness) and priority != DEF_PRIORITY:
        ctx_plan_walk(ctx, lruvec)
        plan_size(ctx, lruvec, swappiness, priority)
    elif has_cold_folios(ctx, lruvec, swappiness):
        plan_size(ctx, lruvec, swappiness, priority)


def is_too_young(ctx: Context, lruvec: int, swappiness: int) -> bool:
    """`lruvec_is_reclaimable`: whether the oldest generation is younger than `min_ttl`."""
    ttl = ctx_min_ttl(ctx, lruvec)
    if ttl == 0 or param(ctx, lruvec, MIN_TTL) == 0:
        return False
    birth = word(ctx, lruvec, BIRTHS + gen_of_seq(ctx, evictable_min_seq(ctx, lruvec, swappiness)))
    return ctx_now(ctx, lruvec) - birth < ttl
