"""Tiers and the feedback loop of MGLRU: how often a folio was read, and whether that predicts refaults.

Folios of a generation fall into four tiers by the number of reads through descriptors. For each tier it is counted how
many folios were evicted or protected, and how many came back soon. A tier that comes back more often than the first is
protected; the type that comes back less often is evicted (the PID controller, mm/vmscan.c).

In: reads, evictions, protections and refaults as they happen. Out: the type to evict and the last tier of it that goes.
"""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.layout import ANON, F_REFERENCED, F_WORKINGSET, FILE, FLAGS, MIN_LRU_BATCH
from runtime.core.params import param
from runtime.policies.mglru_state import (
    AVG_REFAULTED,
    AVG_TOTAL,
    EVICTED,
    F_REFS,
    FULL_PROTECTION,
    FULL_REFS,
    MAX_NR_GENS,
    MAX_NR_TIERS,
    MAX_SWAPPINESS,
    MIN_SEQ,
    PROTECTED,
    REFAULTED,
    REFS_MASK,
    REFS_SHIFT,
    SIZES,
    TIERS,
    TYPE_SELECTION,
    add_word,
    is_618,
    set_word,
    word,
)

ALL_TIERS = MAX_NR_TIERS
"""In place of a tier: all of them together."""
MAX_TERM = 1 << 27
"""Above this, both sides of a comparison are halved, so that products stay within 63 bits."""

# --- reads ------------------------------------------------------------------------------------------------


def folio_lru_refs(ctx: Context, lruvec: int, f: int) -> int:
    """`folio_lru_refs`: reads of the folio, 0 to 4. Before 6.14 PG_workingset is one of them, and PG_referenced is
    not."""
    flags = ctx.folios[f, FLAGS]
    bits = flags >> REFS_SHIFT & REFS_MASK
    if not is_618(ctx, lruvec):
        return bits + (1 if flags & F_WORKINGSET else 0)
    return bits + 1 if flags & F_REFERENCED else 0


def tier_of_refs(ctx: Context, lruvec: int, refs: int, workingset: int) -> int:
    """`lru_tier_from_refs`: the logarithm of the reads, rounded up; the working set is in the last tier."""
    if is_618(ctx, lruvec):
        if workingset:
            return MAX_NR_TIERS - 1
        return order_base_2(ctx, refs)
    return order_base_2(ctx, refs + 1)


def order_base_2(ctx: Context, n: int) -> int:
    """The logarithm to base 2, rounded up; 0 for 0."""
    order = 0
    while 1 << order < n:
        order += 1
    return order


def folio_workingset_bit(ctx: Context, f: int) -> int:
    return 1 if ctx.folios[f, FLAGS] & F_WORKINGSET else 0


def folio_lru_tier(ctx: Context, lruvec: int, f: int) -> int:
    return tier_of_refs(ctx, lruvec, folio_lru_refs(ctx, lruvec, f), folio_workingset_bit(ctx, f))


def is_full(ctx: Context, lruvec: int, f: int) -> bool:
    """Whether all bits for reads are set, so that the folio goes to the next generation whatever its tier."""
    if param(ctx, lruvec, FULL_PROTECTION) == 0:
        return False
    refs = folio_lru_refs(ctx, lruvec, f)
    if is_618(ctx, lruvec):
        return refs == FULL_REFS and ctx.folios[f, FLAGS] & F_WORKINGSET != 0
    return refs == FULL_REFS


def lru_gen_inc_refs(ctx: Context, lruvec: int, f: int) -> None:
    """`lru_gen_inc_refs`: one more read: PG_referenced, then the bits, then PG_workingset; before 6.14 PG_workingset
    comes before the bits."""
    flags = ctx.folios[f, FLAGS]
    if flags & F_REFERENCED == 0:
        if is_618(ctx, lruvec):
            flags = flags & ~F_REFS
        ctx.folios[f, FLAGS] = flags | F_REFERENCED
    elif not is_618(ctx, lruvec) and flags & F_WORKINGSET == 0:
        ctx.folios[f, FLAGS] = flags | F_WORKINGSET
    elif flags & F_REFS != F_REFS:
        ctx.folios[f, FLAGS] = flags + (1 << REFS_SHIFT)
    elif flags & F_WORKINGSET == 0:
        ctx.folios[f, FLAGS] = flags | F_WORKINGSET


# --- counting ---------------------------------------------------------------------------------------------


def tier_word(ctx: Context, type: int, tier: int) -> int:
    return type * MAX_NR_TIERS + tier


def count_tier(ctx: Context, lruvec: int, counts: int, type: int, tier: int) -> None:
    """Add one to `REFAULTED`, `EVICTED` or `PROTECTED` of a tier."""
    add_word(ctx, lruvec, counts + tier_word(ctx, type, tier), 1)


def reset_ctrl_pos(ctx: Context, lruvec: int, type: int) -> None:
    """`reset_ctrl_pos`: the oldest generation of the type is another: fold its counts into the averages."""
    for tier in range(MAX_NR_TIERS):
        at = tier_word(ctx, type, tier)
        refaulted = word(ctx, lruvec, AVG_REFAULTED + at) + word(ctx, lruvec, REFAULTED + at)
        total = word(ctx, lruvec, AVG_TOTAL + at) + word(ctx, lruvec, PROTECTED + at) + word(ctx, lruvec, EVICTED + at)
        set_word(ctx, lruvec, AVG_REFAULTED + at, refaulted >> 1)
        set_word(ctx, lruvec, AVG_TOTAL + at, total >> 1)
        set_word(ctx, lruvec, REFAULTED + at, 0)
        set_word(ctx, lruvec, EVICTED + at, 0)
        set_word(ctx, lruvec, PROTECTED + at, 0)


def refaulted_of(ctx: Context, lruvec: int, type: int, tier: int) -> int:
    """`read_ctrl_pos`: refaults of a tier, or of `ALL_TIERS`."""
    if tier < ALL_TIERS:
        at = tier_word(ctx, type, tier)
        return word(ctx, lruvec, AVG_REFAULTED + at) + word(ctx, lruvec, REFAULTED + at)
    total = 0
    for each in range(MAX_NR_TIERS):
        at = tier_word(ctx, type, each)
        total += word(ctx, lruvec, AVG_REFAULTED + at) + word(ctx, lruvec, REFAULTED + at)
    return total


def total_of(ctx: Context, lruvec: int, type: int, tier: int) -> int:
    """`read_ctrl_pos`: evictions and protections of a tier, or of `ALL_TIERS`."""
    if tier < ALL_TIERS:
        at = tier_word(ctx, type, tier)
        return word(ctx, lruvec, AVG_TOTAL + at) + word(ctx, lruvec, PROTECTED + at) + word(ctx, lruvec, EVICTED + at)
    total = 0
    for each in range(MAX_NR_TIERS):
        at = tier_word(ctx, type, each)
        total += word(ctx, lruvec, AVG_TOTAL + at) + word(ctx, lruvec, PROTECTED + at) + word(ctx, lruvec, EVICTED + at)
    return total


# --- deciding ---------------------------------------------------------------------------------------------


def refaults_no_more(
    ctx: Context, lruvec: int, type: int, tier: int, gain: int, other: int, other_tier: int, other_gain: int
) -> bool:
    """`positive_ctrl_err`: whether a tier of a type has few refaults, or a share of them that is not above that of the
    set point (`other`, `other_tier`), each share divided by its gain."""
    refaulted = refaulted_of(ctx, lruvec, type, tier)
    if refaulted < MIN_LRU_BATCH:
        return True
    total = total_of(ctx, lruvec, type, tier)
    other_refaulted = refaulted_of(ctx, lruvec, other, other_tier) + 1
    other_total = total_of(ctx, lruvec, other, other_tier) + MIN_LRU_BATCH
    while refaulted >= MAX_TERM or total >= MAX_TERM or other_refaulted >= MAX_TERM or other_total >= MAX_TERM:
        refaulted >>= 1
        total >>= 1
        other_refaulted >>= 1
        other_total >>= 1
    return refaulted * other_total * other_gain <= other_refaulted * total * gain


def get_tier_idx(ctx: Context, lruvec: int, type: int) -> int:
    """`get_tier_idx`: the last tier that is evicted. A tier must refault clearly more than the first to be protected:
    by 3 to 2, before 6.14 by 2 to 1."""
    if param(ctx, lruvec, TIERS) == 0:
        return MAX_NR_TIERS - 1
    gain = 3 if is_618(ctx, lruvec) else 2
    tier = 1
    while tier < MAX_NR_TIERS and refaults_no_more(ctx, lruvec, type, tier, gain, type, 0, gain - 1):
        tier += 1
    return tier - 1


def gain_of_type(ctx: Context, type: int, swappiness: int) -> int:
    return swappiness if type == ANON else MAX_SWAPPINESS - swappiness


def type_by_refaults(ctx: Context, lruvec: int, swappiness: int, tier: int) -> int:
    """The type to evict by refaults, each weighed by swappiness: FILE unless its share is above that of ANON."""
    file_gain = gain_of_type(ctx, FILE, swappiness)
    return FILE if refaults_no_more(ctx, lruvec, FILE, tier, file_gain, ANON, tier, swappiness) else ANON


def get_type_to_scan(ctx: Context, lruvec: int, swappiness: int) -> int:
    """`get_type_to_scan`, with what `isolate_folios` decides before it: the type to evict first. Before 6.14 an older
    oldest generation of anonymous folios goes first, and only the first tiers are compared."""
    if swappiness == 0:
        return FILE
    if not is_618(ctx, lruvec) and word(ctx, lruvec, MIN_SEQ + ANON) < word(ctx, lruvec, MIN_SEQ + FILE):
        return ANON
    if swappiness == 1:
        return FILE
    if swappiness >= MAX_SWAPPINESS:
        return ANON
    if param(ctx, lruvec, TYPE_SELECTION) == 0:
        return larger_type(ctx, lruvec, swappiness)
    return type_by_refaults(ctx, lruvec, swappiness, ALL_TIERS if is_618(ctx, lruvec) else 0)


def larger_type(ctx: Context, lruvec: int, swappiness: int) -> int:
    """The type of which there is more, weighed by swappiness."""
    anon = 0
    file = 0
    for gen in range(MAX_NR_GENS):
        anon += word(ctx, lruvec, SIZES + gen * 2 + ANON)
        file += word(ctx, lruvec, SIZES + gen * 2 + FILE)
    return ANON if anon * swappiness > file * (MAX_SWAPPINESS - swappiness) else FILE


def tier_limit(ctx: Context, lruvec: int, type: int, swappiness: int) -> int:
    """The last tier of `type` to evict when it is the type of choice. Before 6.14, where refaults chose it, its tiers
    are compared with the first one of the other type."""
    if is_618(ctx, lruvec) or param(ctx, lruvec, TIERS) == 0 or not refaults_chose(ctx, lruvec, swappiness):
        return get_tier_idx(ctx, lruvec, type)
    other = FILE - type
    gain = gain_of_type(ctx, type, swappiness)
    other_gain = gain_of_type(ctx, other, swappiness)
    tier = 1
    while tier < MAX_NR_TIERS and refaults_no_more(ctx, lruvec, type, tier, gain, other, 0, other_gain):
        tier += 1
    return tier - 1


def refaults_chose(ctx: Context, lruvec: int, swappiness: int) -> bool:
    """Whether `get_type_to_scan` went by refaults, before 6.14."""
    if swappiness <= 1 or swappiness >= MAX_SWAPPINESS or param(ctx, lruvec, TYPE_SELECTION) == 0:
        return False
    return word(ctx, lruvec, MIN_SEQ + ANON) >= word(ctx, lruvec, MIN_SEQ + FILE)
