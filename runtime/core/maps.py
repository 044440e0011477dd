"""Maps of a policy: `hash` and `lru_hash`, from a 64-bit key to a value of a few bytes.

An open-addressed index with linear probing and backward-shift deletion finds an entry; the entries of a map stand
on a ring in the order of their insertion (and of `touch`, for `lru_hash`), oldest first, so that nothing a policy
can see depends on the hash. Entry number `MAP_ENTRY` of a map is the ring's end and holds no key. A reference to a
value is its byte in `map_values`; 0 is null.
"""

from __future__ import annotations

from runtime.core.context import Context, shift_right_logical, wrap_mul
from runtime.core.layout import (
    MAP_CAPACITY,
    MAP_ENTRY,
    MAP_FREE,
    MAP_INDEX,
    MAP_KEY,
    MAP_LEN,
    MAP_MASK,
    MAP_NEXT,
    MAP_NEXT_ENTRY,
    MAP_PREV,
    MAP_SHIFT,
    MAP_STRIDE,
    MAP_VALUE,
)

HASH_MULTIPLIER = -7046029254386353131
"""2**64 divided by the golden ratio, as a signed number (Knuth, The Art of Computer Programming 6.4)."""


def map_home(ctx: Context, m: int, key: int) -> int:
    """The index slot, relative to the map's first, at which the probe for `key` begins: the top bits of the product
    (multiplicative hashing), after the key's own high bits were folded into its low ones."""
    return shift_right_logical(wrap_mul(key ^ shift_right_logical(key, 32), HASH_MULTIPLIER), ctx.maps[m, MAP_SHIFT])


def map_probe(ctx: Context, m: int, key: int) -> int:
    """The slot of `key` relative to the map's first, or, if it is not there, the empty one where it belongs."""
    index = ctx.maps[m, MAP_INDEX]
    mask = ctx.maps[m, MAP_MASK]
    slot = map_home(ctx, m, key)
    while True:
        entry = ctx.map_index[index + slot]
        if entry == 0 or ctx.map_keys[entry, MAP_KEY] == key:
            return slot
        slot = (slot + 1) & mask


def map_entry_at(ctx: Context, m: int, slot: int) -> int:
    """The entry a slot holds; 0 if it is empty."""
    return ctx.map_index[ctx.maps[m, MAP_INDEX] + slot]


def map_link_newest(ctx: Context, m: int, entry: int) -> None:
    end = ctx.maps[m, MAP_ENTRY]
    last = ctx.map_links[end, MAP_PREV]
    ctx.map_links[entry, MAP_PREV] = last
    ctx.map_links[entry, MAP_NEXT] = end
    ctx.map_links[last, MAP_NEXT] = entry
    ctx.map_links[end, MAP_PREV] = entry


def map_unlink(ctx: Context, entry: int) -> None:
    before = ctx.map_links[entry, MAP_PREV]
    after = ctx.map_links[entry, MAP_NEXT]
    ctx.map_links[before, MAP_NEXT] = after
    ctx.map_links[after, MAP_PREV] = before


def map_remove_slot(ctx: Context, m: int, slot: int) -> None:
    """Take the entry at `slot` out of index and order, and free it. Entries that probed past it shift back, so that
    an empty slot always ends a probe."""
    index = ctx.maps[m, MAP_INDEX]
    mask = ctx.maps[m, MAP_MASK]
    entry = ctx.map_index[index + slot]
    map_unlink(ctx, entry)
    ctx.map_links[entry, MAP_NEXT] = ctx.maps[m, MAP_FREE]
    ctx.maps[m, MAP_FREE] = entry
    ctx.maps[m, MAP_LEN] -= 1
    hole = slot
    probe = slot
    while True:
        probe = (probe + 1) & mask
        moved = ctx.map_index[index + probe]
        if moved == 0:
            break
        home = map_home(ctx, m, ctx.map_keys[moved, MAP_KEY])
        if ((probe - home) & mask) >= ((probe - hole) & mask):
            ctx.map_index[index + hole] = moved
            hole = probe
    ctx.map_index[index + hole] = 0


def map_value_of(ctx: Context, m: int, entry: int) -> int:
    return ctx.maps[m, MAP_VALUE] + (entry - ctx.maps[m, MAP_ENTRY]) * ctx.maps[m, MAP_STRIDE]


def map_take_entry(ctx: Context, m: int) -> int:
    """An entry that is in no use. The map is not full."""
    entry = ctx.maps[m, MAP_FREE]
    if entry != 0:
        ctx.maps[m, MAP_FREE] = ctx.map_links[entry, MAP_NEXT]
        return entry
    entry = ctx.maps[m, MAP_NEXT_ENTRY]
    ctx.maps[m, MAP_NEXT_ENTRY] = entry + 1
    return entry


def map_place(ctx: Context, m: int, slot: int, key: int) -> None:
    """Add a key at the empty slot that its probe ended at, with a value of zeros."""
    entry = map_take_entry(ctx, m)
    value = map_value_of(ctx, m, entry)
    for i in range(ctx.maps[m, MAP_STRIDE]):
        ctx.map_bytes[value + i] = 0
    ctx.map_keys[entry, MAP_KEY] = key
    ctx.map_index[ctx.maps[m, MAP_INDEX] + slot] = entry
    map_link_newest(ctx, m, entry)
    ctx.maps[m, MAP_LEN] += 1


# --- kfuncs -----------------------------------------------------------------------------------------------


def map_len(ctx: Context, lruvec: int, m: int) -> int:
    return ctx.maps[m, MAP_LEN]


def map_capacity(ctx: Context, lruvec: int, m: int) -> int:
    return ctx.maps[m, MAP_CAPACITY]


def map_contains(ctx: Context, lruvec: int, m: int, key: int) -> bool:
    return map_entry_at(ctx, m, map_probe(ctx, m, key)) != 0


def map_lookup(ctx: Context, lruvec: int, m: int, key: int) -> int:
    entry = map_entry_at(ctx, m, map_probe(ctx, m, key))
    if entry == 0:
        return 0
    return map_value_of(ctx, m, entry)


def hash_insert(ctx: Context, lruvec: int, m: int, key: int) -> bool:
    slot = map_probe(ctx, m, key)
    if map_entry_at(ctx, m, slot) != 0:
        return True
    if ctx.maps[m, MAP_LEN] == ctx.maps[m, MAP_CAPACITY]:
        return False
    map_place(ctx, m, slot, key)
    return True


def lru_hash_insert(ctx: Context, lruvec: int, m: int, key: int) -> bool:
    """The new key goes in before the oldest goes out, so that its probe is made once: a map has one entry to spare."""
    slot = map_probe(ctx, m, key)
    entry = map_entry_at(ctx, m, slot)
    if entry != 0:
        map_unlink(ctx, entry)
        map_link_newest(ctx, m, entry)
        return True
    if ctx.maps[m, MAP_CAPACITY] == 0:
        return False
    map_place(ctx, m, slot, key)
    if ctx.maps[m, MAP_LEN] > ctx.maps[m, MAP_CAPACITY]:
        oldest = ctx.map_links[ctx.maps[m, MAP_ENTRY], MAP_NEXT]
        map_remove_slot(ctx, m, map_probe(ctx, m, ctx.map_keys[oldest, MAP_KEY]))
    return True


def map_delete(ctx: Context, lruvec: int, m: int, key: int) -> bool:
    slot = map_probe(ctx, m, key)
    if map_entry_at(ctx, m, slot) == 0:
        return False
    map_remove_slot(ctx, m, slot)
    return True


def map_touch(ctx: Context, lruvec: int, m: int, key: int) -> bool:
    entry = map_entry_at(ctx, m, map_probe(ctx, m, key))
    if entry == 0:
        return False
    map_unlink(ctx, entry)
    map_link_newest(ctx, m, entry)
    return True
