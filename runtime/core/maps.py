"""Maps of a policy: `hash` and `lru_hash`, from a 64-bit key to a value of a few bytes.

An open-addressed index with linear probing and backward-shift deletion finds an entry; the entries of a map stand
on a ring, oldest first: in the order of their insertion (and of `touch`, for `lru_hash`) unless the policy moves one,
so that nothing a policy can see depends on the hash. An entry is named by its first word in `map_entries`: links, key
and value lie side by side. Word `MAP_ENTRY` of a map is the ring's end and holds no key. A reference to a value is its
byte; 0 is null. `runtime/core/arrays.py` has the maps of kind `array`.
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
    MAP_MULTIPLIER,
    MAP_NEXT,
    MAP_NEXT_ENTRY,
    MAP_PREV,
    MAP_SHIFT,
    MAP_STRIDE,
    MAP_VALUE,
)


def map_home(ctx: Context, m: int, key: int) -> int:
    """The index slot, relative to the map's first, at which the probe for `key` begins: the top bits of the product
    (multiplicative hashing), after the key's own high bits were folded into its low ones. A policy that chooses keys
    does not know the multiplier, so that it cannot choose them to meet at one slot: probes stay short."""
    folded = key ^ shift_right_logical(key, 32)
    return shift_right_logical(wrap_mul(folded, ctx.maps[m, MAP_MULTIPLIER]), ctx.maps[m, MAP_SHIFT])


def map_probe(ctx: Context, m: int, key: int) -> int:
    """The slot of `key` relative to the map's first, or, if it is not there, the empty one where it belongs."""
    index = ctx.maps[m, MAP_INDEX]
    mask = ctx.maps[m, MAP_MASK]
    slot = map_home(ctx, m, key)
    while True:
        entry = ctx.map_index[index + slot]
        if entry == 0 or ctx.map_keys[entry + MAP_KEY] == key:
            return slot
        slot = (slot + 1) & mask


def map_entry_at(ctx: Context, m: int, slot: int) -> int:
    """The entry a slot holds; 0 if it is empty."""
    return ctx.map_index[ctx.maps[m, MAP_INDEX] + slot]


def map_link(ctx: Context, entry: int, after: int) -> None:
    """Link an entry into the order, before the entry (or the ring's end) `after`."""
    before = ctx.map_links[after, MAP_PREV]
    ctx.map_links[entry, MAP_PREV] = before
    ctx.map_links[entry, MAP_NEXT] = after
    ctx.map_links[before, MAP_NEXT] = entry
    ctx.map_links[after, MAP_PREV] = entry


def map_unlink(ctx: Context, entry: int) -> None:
    before = ctx.map_links[entry, MAP_PREV]
    after = ctx.map_links[entry, MAP_NEXT]
    ctx.map_links[before, MAP_NEXT] = after
    ctx.map_links[after, MAP_PREV] = before


def map_renew(ctx: Context, m: int, entry: int) -> None:
    """Make an entry the newest."""
    map_unlink(ctx, entry)
    map_link(ctx, entry, ctx.maps[m, MAP_ENTRY])


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
        home = map_home(ctx, m, ctx.map_keys[moved + MAP_KEY])
        if ((probe - home) & mask) >= ((probe - hole) & mask):
            ctx.map_index[index + hole] = moved
            hole = probe
    ctx.map_index[index + hole] = 0


def map_remove(ctx: Context, m: int, entry: int) -> None:
    map_remove_slot(ctx, m, map_probe(ctx, m, ctx.map_keys[entry + MAP_KEY]))


def map_take_entry(ctx: Context, m: int) -> int:
    """An entry that is in no use. The map is not full."""
    entry = ctx.maps[m, MAP_FREE]
    if entry != 0:
        ctx.maps[m, MAP_FREE] = ctx.map_links[entry, MAP_NEXT]
        return entry
    entry = ctx.maps[m, MAP_NEXT_ENTRY]
    ctx.maps[m, MAP_NEXT_ENTRY] = entry + ctx.maps[m, MAP_STRIDE]
    return entry


def map_place(ctx: Context, m: int, slot: int, key: int) -> None:
    """Add a key at the empty slot that its probe ended at, with a value of zeros."""
    entry = map_take_entry(ctx, m)
    for word in range(entry + MAP_VALUE, entry + ctx.maps[m, MAP_STRIDE]):
        ctx.map_values[word] = 0
    ctx.map_keys[entry + MAP_KEY] = key
    ctx.map_index[ctx.maps[m, MAP_INDEX] + slot] = entry
    map_link(ctx, entry, ctx.maps[m, MAP_ENTRY])
    ctx.maps[m, MAP_LEN] += 1


def reference_to(ctx: Context, entry: int) -> int:
    return (entry + MAP_VALUE) * 8


def entry_of(ctx: Context, reference: int) -> int:
    return reference // 8 - MAP_VALUE


def reference_unless_end(ctx: Context, m: int, entry: int) -> int:
    """The reference of an entry; null for the ring's end."""
    return 0 if entry == ctx.maps[m, MAP_ENTRY] else reference_to(ctx, entry)


# --- kfuncs: by key ---------------------------------------------------------------------------------------


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
    return reference_to(ctx, entry)


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
        map_renew(ctx, m, entry)
        return True
    if ctx.maps[m, MAP_CAPACITY] == 0:
        return False
    map_place(ctx, m, slot, key)
    if ctx.maps[m, MAP_LEN] > ctx.maps[m, MAP_CAPACITY]:
        map_remove(ctx, m, ctx.map_links[ctx.maps[m, MAP_ENTRY], MAP_NEXT])
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
    map_renew(ctx, m, entry)
    return True


# --- kfuncs: in order -------------------------------------------------------------------------------------
# A reference is of an entry that is there: the verifier lets none outlive a removal.


def map_oldest(ctx: Context, lruvec: int, m: int) -> int:
    return reference_unless_end(ctx, m, ctx.map_links[ctx.maps[m, MAP_ENTRY], MAP_NEXT])


def map_newest(ctx: Context, lruvec: int, m: int) -> int:
    return reference_unless_end(ctx, m, ctx.map_links[ctx.maps[m, MAP_ENTRY], MAP_PREV])


def map_newer(ctx: Context, lruvec: int, m: int, reference: int) -> int:
    return reference_unless_end(ctx, m, ctx.map_links[entry_of(ctx, reference), MAP_NEXT])


def map_older(ctx: Context, lruvec: int, m: int, reference: int) -> int:
    return reference_unless_end(ctx, m, ctx.map_links[entry_of(ctx, reference), MAP_PREV])


def map_make_newest(ctx: Context, lruvec: int, m: int, reference: int) -> None:
    map_renew(ctx, m, entry_of(ctx, reference))


def map_make_oldest(ctx: Context, lruvec: int, m: int, reference: int) -> None:
    map_unlink(ctx, entry_of(ctx, reference))
    map_link(ctx, entry_of(ctx, reference), ctx.map_links[ctx.maps[m, MAP_ENTRY], MAP_NEXT])


def map_remove_entry(ctx: Context, lruvec: int, m: int, reference: int) -> None:
    map_remove(ctx, m, entry_of(ctx, reference))


def map_pop_oldest(ctx: Context, lruvec: int, m: int) -> bool:
    if ctx.maps[m, MAP_LEN] == 0:
        return False
    map_remove(ctx, m, ctx.map_links[ctx.maps[m, MAP_ENTRY], MAP_NEXT])
    return True


def ref_key(ctx: Context, lruvec: int, m: int, reference: int) -> int:
    return ctx.map_keys[entry_of(ctx, reference) + MAP_KEY]
