"""Heaps: lists that keep their folios in order of a key, too, the least first.

A heap of four children to a node (Johnson, "Priority queues with update", 1975) in an array: the children of a node
fill one cache line, and a folio whose key grows, as use counts do, is near the leaves and moves little. Keys are
unsigned; a node holds them with the sign bit turned, so that they compare as signed numbers. Equal keys are in the
order in which they were pushed or moved, which `HEAP_TURN` numbers: the order is total, and what a policy sees does not
depend on the shape of the heap. The list itself is in the order of pushes and moves.
"""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.layout import (
    HEAP_CLOCK,
    HEAP_KEY,
    HEAP_TURN,
    INDEX,
    INDEX_ROOM,
    LEN,
    LIST,
    POSITION,
)

SIGN = -(1 << 63)
FIRST_CHILDREN = 3
"""The top stands before a place that is a multiple of four, so that children do: 64 bytes."""


def heap_base(ctx: Context, head: int) -> int:
    """The place of the top of the heap whose list has this head."""
    return ((ctx.folios[head, INDEX] >> 1) - 1) * ctx.state[INDEX_ROOM] + FIRST_CHILDREN


def heap_set(ctx: Context, base: int, place: int, f: int, key: int, turn: int) -> None:
    ctx.heap_nodes[base + place, HEAP_KEY] = key
    ctx.heap_nodes[base + place, HEAP_TURN] = turn
    ctx.heap_folios[base + place] = f
    ctx.folios[f, POSITION] = place


def heap_shift(ctx: Context, base: int, source: int, place: int) -> None:
    """Move the node at `source` to `place`."""
    f = ctx.heap_folios[base + source]
    heap_set(ctx, base, place, f, ctx.heap_nodes[base + source, HEAP_KEY], ctx.heap_nodes[base + source, HEAP_TURN])


def comes_before(ctx: Context, key: int, turn: int, node: int) -> bool:
    """Whether a key comes before that of a node."""
    other = ctx.heap_nodes[node, HEAP_KEY]
    if key != other:
        return key < other
    return turn < ctx.heap_nodes[node, HEAP_TURN]


def heap_up(ctx: Context, base: int, place: int, f: int, key: int, turn: int) -> None:
    """Put a folio at `place` or above it, where its key belongs."""
    while place > 0:
        parent = (place - 1) >> 2
        if not comes_before(ctx, key, turn, base + parent):
            break
        heap_shift(ctx, base, parent, place)
        place = parent
    heap_set(ctx, base, place, f, key, turn)


def first_child(ctx: Context, base: int, child: int, count: int) -> int:
    """Of the up to four children from `child` on, the one that comes first."""
    best = child
    key = ctx.heap_nodes[base + child, HEAP_KEY]
    turn = ctx.heap_nodes[base + child, HEAP_TURN]
    last = child + 4
    if last > count:
        last = count
    for other in range(child + 1, last):
        if not comes_before(ctx, key, turn, base + other):
            best = other
            key = ctx.heap_nodes[base + other, HEAP_KEY]
            turn = ctx.heap_nodes[base + other, HEAP_TURN]
    return best


def heap_down(ctx: Context, base: int, place: int, f: int, key: int, turn: int, count: int) -> None:
    """Put a folio at `place` or below it, where its key belongs."""
    while place * 4 + 1 < count:
        child = first_child(ctx, base, place * 4 + 1, count)
        if comes_before(ctx, key, turn, base + child):
            break
        heap_shift(ctx, base, child, place)
        place = child
    heap_set(ctx, base, place, f, key, turn)


def next_turn(ctx: Context) -> int:
    ctx.state[HEAP_CLOCK] += 1
    return ctx.state[HEAP_CLOCK]


def heap_enter(ctx: Context, head: int, f: int, key: int) -> None:
    """`f` is the last that was counted in the length of the list."""
    heap_up(ctx, heap_base(ctx, head), ctx.folios[head, LEN] - 1, f, key ^ SIGN, next_turn(ctx))


def heap_leave(ctx: Context, head: int, f: int) -> None:
    """`f` is still counted in the length of the list. The last node takes its place."""
    base = heap_base(ctx, head)
    count = ctx.folios[head, LEN] - 1
    place = ctx.folios[f, POSITION]
    last = ctx.heap_folios[base + count]
    if last == f:
        return
    key = ctx.heap_nodes[base + count, HEAP_KEY]
    turn = ctx.heap_nodes[base + count, HEAP_TURN]
    if place > 0 and comes_before(ctx, key, turn, base + ((place - 1) >> 2)):
        heap_up(ctx, base, place, last, key, turn)
    else:
        heap_down(ctx, base, place, last, key, turn, count)


def heap_rekey(ctx: Context, head: int, f: int, key: int) -> None:
    """Give a folio of the heap another key, or the same in its turn."""
    base = heap_base(ctx, head)
    place = ctx.folios[f, POSITION]
    turn = next_turn(ctx)
    if key ^ SIGN < ctx.heap_nodes[base + place, HEAP_KEY]:
        heap_up(ctx, base, place, f, key ^ SIGN, turn)
    else:
        heap_down(ctx, base, place, f, key ^ SIGN, turn, ctx.folios[head, LEN])


# --- kfuncs -----------------------------------------------------------------------------------------------


def heap_head(ctx: Context, lruvec: int, head: int) -> int:
    return 0 if ctx.folios[head, LEN] == 0 else ctx.heap_folios[heap_base(ctx, head)]


def heap_key_of(ctx: Context, lruvec: int, head: int, f: int) -> int:
    if ctx.folios[f, LIST] != head:
        return 0
    return ctx.heap_nodes[heap_base(ctx, head) + ctx.folios[f, POSITION], HEAP_KEY] ^ SIGN
