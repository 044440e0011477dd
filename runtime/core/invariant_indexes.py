"""What holds of bags and heaps whenever no reclaim is under way: a part of `runtime/core/invariants.py`.

In: a list head. Out: nothing, or the first invariant that does not hold: the array of a bag or a heap has the folios of
the list, each at the place that it says, and no node of a heap comes before its parent.
"""

from __future__ import annotations

from runtime.core.bags import bag_base
from runtime.core.context import Context
from runtime.core.heaps import comes_before, heap_base
from runtime.core.invariant_limits import broken
from runtime.core.layout import HEAP_KEY, HEAP_TURN, INDEX, LEN, LIST, NEXT, POSITION

INDEX_PLACE = 48
HEAP_ORDER = 49


def check_index(ctx: Context, head: int) -> None:
    """The index of a list, if it has one. The list is a ring whose length is right."""
    if ctx.folios[head, INDEX] == 0:
        return
    f = ctx.folios[head, NEXT]
    for _ in range(ctx.folios[head, LEN]):
        place = ctx.folios[f, POSITION]
        if place >= ctx.folios[head, LEN] or indexed_at(ctx, head, place) != f:
            broken(ctx, INDEX_PLACE, f)
            return
        f = ctx.folios[f, NEXT]
    if ctx.folios[head, INDEX] & 1:
        check_order(ctx, head)


def indexed_at(ctx: Context, head: int, place: int) -> int:
    """The folio at a place of the array."""
    if ctx.folios[head, INDEX] & 1:
        return ctx.heap_folios[heap_base(ctx, head) + place]
    return ctx.bag_folios[bag_base(ctx, head) + place]


def check_order(ctx: Context, head: int) -> None:
    base = heap_base(ctx, head)
    for place in range(1, ctx.folios[head, LEN]):
        key = ctx.heap_nodes[base + place, HEAP_KEY]
        turn = ctx.heap_nodes[base + place, HEAP_TURN]
        f = ctx.heap_folios[base + place]
        if ctx.folios[f, LIST] != head or comes_before(ctx, key, turn, base + ((place - 1) >> 2)):
            broken(ctx, HEAP_ORDER, f)
