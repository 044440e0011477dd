"""The Bloom filters of MGLRU: which page tables are worth a walk.

Two filters take turns: a walk visits the page tables that are in the one of its generation, and puts those that it
found dense into the other, which the next walk uses. Eviction adds to the current one what it finds dense when it
looks around (`lru_gen_mm_state`, mm/vmscan.c).
"""

from __future__ import annotations

from runtime.core.context import Context, shift_right_logical, wrap_mul
from runtime.policies.mglru_state import FILTER_IN_USE, FILTER_WORDS, FILTERS, set_word, word

GOLDEN_RATIO_64 = 0x61C8864680B583EB
"""include/linux/hash.h."""
KEY_BITS = 15
KEY_MASK = (1 << KEY_BITS) - 1
PTES_PER_CACHE_LINE = 8


def table_hash(ctx: Context, table: int) -> int:
    """Two keys of 15 bits side by side (`get_item_key`)."""
    return shift_right_logical(wrap_mul(table + 1, GOLDEN_RATIO_64), 64 - 2 * KEY_BITS)


def filter_word(ctx: Context, seq: int, key: int) -> int:
    """The word that holds bit `key` of the filter of generation `seq`."""
    return FILTERS + (seq & 1) * FILTER_WORDS + (key >> 5)


def has_key(ctx: Context, lruvec: int, seq: int, key: int) -> bool:
    return word(ctx, lruvec, filter_word(ctx, seq, key)) >> (key & 31) & 1 != 0


def add_key(ctx: Context, lruvec: int, seq: int, key: int) -> None:
    at = filter_word(ctx, seq, key)
    set_word(ctx, lruvec, at, word(ctx, lruvec, at) | 1 << (key & 31))


def test_bloom_filter(ctx: Context, lruvec: int, seq: int, table: int) -> bool:
    """Whether the filter of `seq` may hold the table. One that was never begun holds all."""
    if word(ctx, lruvec, FILTER_IN_USE + (seq & 1)) == 0:
        return True
    hash = table_hash(ctx, table)
    return has_key(ctx, lruvec, seq, hash & KEY_MASK) and has_key(ctx, lruvec, seq, hash >> KEY_BITS)


def update_bloom_filter(ctx: Context, lruvec: int, seq: int, table: int) -> None:
    """Put the table into the filter of `seq`."""
    if word(ctx, lruvec, FILTER_IN_USE + (seq & 1)) == 0:
        return
    hash = table_hash(ctx, table)
    add_key(ctx, lruvec, seq, hash & KEY_MASK)
    add_key(ctx, lruvec, seq, hash >> KEY_BITS)


def reset_bloom_filter(ctx: Context, lruvec: int, seq: int) -> None:
    """Begin the filter of `seq` anew."""
    set_word(ctx, lruvec, FILTER_IN_USE + (seq & 1), 1)
    for i in range(FILTER_WORDS):
        set_word(ctx, lruvec, FILTERS + (seq & 1) * FILTER_WORDS + i, 0)


def suitable_to_scan(ctx: Context, total: int, young: int) -> bool:
    """One young entry per cache line, on average, is worth a visit."""
    return young * PTES_PER_CACHE_LINE >= total
