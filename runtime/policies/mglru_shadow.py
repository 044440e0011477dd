"""Shadows of MGLRU: what stays of a folio that was evicted, and what it is worth when the page returns (the part of
mm/workingset.c that is for it).

In: a folio that goes, or one that is back and its shadow. Out: the 43 bits of the shadow, or the answer of `refault`.
"""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.folio import folio_is_file
from runtime.core.layout import F_FAULT, FLAGS
from runtime.core.reclaim_context import ctx_shadow
from runtime.core.workingset import ACTIVATE, WORKINGSET, ctx_lruvec
from runtime.policies.mglru_state import (
    EVICTED,
    F_COUNTED_ONLY,
    F_REFS,
    FULL_REFS,
    KERNEL_VERSION,
    MAX_NR_GENS,
    MAX_SEQ,
    MIN_SEQ,
    REFAULTED,
    REFS_MASK,
    REFS_SHIFT,
    is_618,
    word,
)
from runtime.policies.mglru_tiers import count_tier, folio_lru_refs, folio_lru_tier, folio_workingset_bit, tier_of_refs

# Shadows, from the low end: the workingset bit, reads, the lruvec, the oldest generation.
SHADOW_REFS_SHIFT = 1
SHADOW_LRUVEC_SHIFT = 3
SHADOW_LRUVEC_MASK = (1 << 16) - 1
SHADOW_SEQ_SHIFT = 19
SHADOW_SEQ_MASK = (1 << 24) - 1


def lru_gen_eviction(ctx: Context, lruvec: int, f: int) -> int:
    """`lru_gen_eviction`: the oldest generation, the reads less one, and whether it was of the working set (before
    6.14: whether there were any reads)."""
    type = folio_is_file(ctx, f)
    refs = folio_lru_refs(ctx, lruvec, f)
    workingset = folio_workingset_bit(ctx, f)
    if not is_618(ctx, lruvec):
        workingset = 1 if refs > 0 else 0
    count_tier(ctx, lruvec, EVICTED, type, folio_lru_tier(ctx, lruvec, f))
    seq = word(ctx, lruvec, MIN_SEQ + type) & SHADOW_SEQ_MASK
    rest = refs - 1 if refs > 0 else 0
    return (
        seq << SHADOW_SEQ_SHIFT
        | ctx_lruvec(ctx, lruvec) << SHADOW_LRUVEC_SHIFT
        | rest << SHADOW_REFS_SHIFT
        | workingset
    )


def is_recent(ctx: Context, lruvec: int, type: int, seq: int) -> bool:
    """`lru_gen_test_recent`: evicted within the last four generations, before 6.14 from the one that is the oldest
    now."""
    if not is_618(ctx, lruvec):
        return seq == word(ctx, lruvec, MIN_SEQ + type) & SHADOW_SEQ_MASK
    distance = (word(ctx, lruvec, MAX_SEQ) - seq) & SHADOW_SEQ_MASK
    return distance < MAX_NR_GENS or distance > SHADOW_SEQ_MASK + 1 - MAX_NR_GENS


def lru_gen_refault(ctx: Context, lruvec: int, f: int) -> int:
    """`lru_gen_refault`: a recent refault counts for its tier and gives the folio back what it had: its place in the
    working set, or its reads."""
    shadow = ctx_shadow(ctx, lruvec)
    type = folio_is_file(ctx, f)
    if shadow >> SHADOW_LRUVEC_SHIFT & SHADOW_LRUVEC_MASK != ctx_lruvec(ctx, lruvec):
        return 0
    if not is_recent(ctx, lruvec, type, shadow >> SHADOW_SEQ_SHIFT & SHADOW_SEQ_MASK):
        return 0
    bits = shadow >> SHADOW_REFS_SHIFT & REFS_MASK
    workingset = shadow & 1
    faulted = 1 if ctx.folios[f, FLAGS] & F_FAULT else 0
    if not is_618(ctx, lruvec):
        return refault_612(ctx, lruvec, f, bits + workingset, faulted)
    count_tier(ctx, lruvec, REFAULTED, type, tier_of_refs(ctx, lruvec, bits + 1, workingset))
    answer = ACTIVATE if faulted else 0
    if workingset:
        return answer | WORKINGSET
    ctx.folios[f, FLAGS] = ctx.folios[f, FLAGS] & ~F_REFS | bits << REFS_SHIFT
    return answer


def refault_612(ctx: Context, lruvec: int, f: int, refs: int, faulted: int) -> int:
    """`lru_gen_refault` before 6.14: every recent refault counts as an activation (6.1: none), though only faulted
    folios start active. What a fault brought in, or was read often, gets all its bits for reads."""
    count_tier(ctx, lruvec, REFAULTED, folio_is_file(ctx, f), tier_of_refs(ctx, lruvec, refs, 0))
    answer = 0
    if word(ctx, lruvec, KERNEL_VERSION) == 612:
        answer = ACTIVATE
        ctx.folios[f, FLAGS] |= F_COUNTED_ONLY
    if faulted or refs >= FULL_REFS - 1:
        ctx.folios[f, FLAGS] |= F_REFS
        return answer | WORKINGSET
    return answer
