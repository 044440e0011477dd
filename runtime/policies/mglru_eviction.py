"""Eviction of MGLRU: what in the oldest generations goes, and what is left for later (the eviction, mm/vmscan.c).

In: the lists, and how many folios `evict_folios` may look at. Out: candidates, and how many were looked at. Guaranteed:
one of the two youngest generations is never evicted from.
"""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.folio import folio_is_file
from runtime.core.layout import (
    ANON,
    F_DIRTY,
    F_RECLAIM,
    F_REFERENCED,
    F_WORKINGSET,
    F_WRITEBACK,
    FILE,
    FLAGS,
    LEN,
    MAX_SCAN,
    MIN_LRU_BATCH,
    PREV,
)
from runtime.core.lists import ctx_evict, list_move_head, list_move_tail
from runtime.core.reclaim_context import ctx_count_refill, ctx_nr_to_scan, ctx_wanted
from runtime.policies.mglru_generations import folio_inc_gen, lru_gen_del_folio
from runtime.policies.mglru_state import (
    F_REFS,
    MIN_NR_GENS,
    MIN_SEQ,
    PROTECTED,
    SWAPPED,
    folio_gen,
    gen_list,
    gen_of_seq,
    is_618,
    nr_gens,
    set_word,
    word,
)
from runtime.policies.mglru_tiers import (
    count_tier,
    folio_lru_tier,
    get_tier_idx,
    get_type_to_scan,
    is_full,
    tier_limit,
)


def sort_folio(ctx: Context, lruvec: int, f: int, limit: int) -> bool:
    """`sort_folio`: move the folio on if it is not to be evicted now: a walk has promoted it, its tier is above
    `limit`, all its bits for reads are set, or it must be written first. Whether it was moved."""
    type = folio_is_file(ctx, f)
    gen = folio_gen(ctx, f)
    if gen != gen_of_seq(ctx, word(ctx, lruvec, MIN_SEQ + type)):
        list_move_head(ctx, lruvec, gen_list(ctx, lruvec, gen, type), f)
        return True
    full = 1 if is_full(ctx, lruvec, f) else 0
    tier = folio_lru_tier(ctx, lruvec, f)
    if full or tier > limit:
        protect_folio(ctx, lruvec, f, type, tier, full)
        return True
    flags = ctx.folios[f, FLAGS]
    if flags & F_WRITEBACK or (type == FILE and flags & F_DIRTY):
        gen = folio_inc_gen(ctx, lruvec, f, 1)
        list_move_head(ctx, lruvec, gen_list(ctx, lruvec, gen, type), f)
        return True
    return False


def protect_folio(ctx: Context, lruvec: int, f: int, type: int, tier: int, full: int) -> None:
    """To the head of the next generation, counted for its tier unless it was full; before 6.14 to the tail, counted
    always."""
    gen = folio_inc_gen(ctx, lruvec, f, 0)
    head = gen_list(ctx, lruvec, gen, type)
    if is_618(ctx, lruvec):
        list_move_head(ctx, lruvec, head, f)
        if full:
            return
    else:
        list_move_tail(ctx, lruvec, head, f)
    count_tier(ctx, lruvec, PROTECTED, type, tier)


def isolate_folio(ctx: Context, lruvec: int, head: int) -> None:
    """`isolate_folio`: propose the last folio of a list. Bits for reads count only beside PG_referenced; before 6.14
    that is cleared, and without it the folio is not of the working set either."""
    f = ctx.folios[head, PREV]
    lru_gen_del_folio(ctx, lruvec, f)
    flags = ctx.folios[f, FLAGS] & ~F_RECLAIM
    if flags & F_REFERENCED == 0:
        flags &= ~F_REFS
        if not is_618(ctx, lruvec):
            flags &= ~F_WORKINGSET
    if not is_618(ctx, lruvec):
        flags &= ~F_REFERENCED
    ctx.folios[f, FLAGS] = flags
    ctx_evict(ctx, lruvec, f)


def scan_folios(ctx: Context, lruvec: int, type: int, limit: int) -> int:
    """`scan_folios`: go through the oldest generation of a type from its tail, until 64 are isolated or as many looked
    at as were asked for; before 6.17 up to 4,096 whatever was asked for. How many were looked at; 0 if none was
    isolated and the list is at its end, or if only two generations are left."""
    if nr_gens(ctx, lruvec, type) == MIN_NR_GENS:
        return 0
    head = gen_list(ctx, lruvec, gen_of_seq(ctx, word(ctx, lruvec, MIN_SEQ + type)), type)
    remaining = ctx_nr_to_scan(ctx, lruvec) if is_618(ctx, lruvec) else MAX_SCAN
    wanted = ctx_wanted(ctx, lruvec)
    most = wanted if wanted < MIN_LRU_BATCH else MIN_LRU_BATCH
    scanned = 0
    isolated = 0
    while remaining > 0 and isolated < most and ctx.folios[head, LEN] > 0:
        scanned += 1
        remaining -= 1
        if not sort_folio(ctx, lruvec, ctx.folios[head, PREV], limit):
            isolate_folio(ctx, lruvec, head)
            isolated += 1
    ctx_count_refill(ctx, lruvec, scanned - isolated)
    if isolated > 0 and type == ANON:
        set_word(ctx, lruvec, SWAPPED, 1)
    return scanned if isolated > 0 or remaining == 0 else 0


def isolate_folios(ctx: Context, lruvec: int, swappiness: int) -> int:
    """`isolate_folios`: of the type of choice, or of the other if that yields nothing. How many were looked at."""
    type = get_type_to_scan(ctx, lruvec, swappiness)
    scanned = scan_folios(ctx, lruvec, type, tier_limit(ctx, lruvec, type, swappiness))
    if scanned > 0 or swappiness == 0:
        return scanned
    other = FILE - type
    return scan_folios(ctx, lruvec, other, get_tier_idx(ctx, lruvec, other))
