"""Bags: lists that keep their folios in an array, too, so that one can be picked at random.

A folio that joins is appended; where one leaves, the last takes its place (`POSITION` of a folio is its place). So the
order of the array, and with it what a draw gives, depends on nothing but who came and went when.
"""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.layout import INDEX, INDEX_ROOM, LEN, POSITION
from runtime.core.randomness import draw_below


def bag_base(ctx: Context, head: int) -> int:
    """The first place of the array of the bag whose list has this head."""
    return ((ctx.folios[head, INDEX] >> 1) - 1) * ctx.state[INDEX_ROOM]


def bag_enter(ctx: Context, head: int, f: int) -> None:
    """`f` is the last that was counted in the length of the list."""
    place = ctx.folios[head, LEN] - 1
    ctx.bag_folios[bag_base(ctx, head) + place] = f
    ctx.folios[f, POSITION] = place


def bag_leave(ctx: Context, head: int, f: int) -> None:
    """`f` is still counted in the length of the list."""
    base = bag_base(ctx, head)
    place = ctx.folios[f, POSITION]
    last = ctx.bag_folios[base + ctx.folios[head, LEN] - 1]
    ctx.bag_folios[base + place] = last
    ctx.folios[last, POSITION] = place


# --- kfuncs -----------------------------------------------------------------------------------------------


def bag_random(ctx: Context, lruvec: int, head: int) -> int:
    """A folio drawn at random; null, and no draw, if there is none."""
    count = ctx.folios[head, LEN]
    if count == 0:
        return 0
    return ctx.bag_folios[bag_base(ctx, head) + draw_below(ctx, count)]
