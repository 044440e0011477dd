"""A change of policy: what becomes of the folios of a lruvec (`lru_gen_change_state`, mm/vmscan.c).

The policy that leaves lets go of all its lists: their folios go to the core's own list, oldest first. The policy that
comes is handed them from there, one by one, as if they were added. What waits in a folio batch is on no list: it joins
the policy that is there when the batch drains.
"""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.layout import (
    F_ACTIVE,
    FIRST_POLICY_LIST,
    FLAGS,
    LEN,
    M_ACTIVE,
    M_MARKED,
    NEXT,
    PREV,
    UNCLAIMED,
)
from runtime.core.lists import detach, list_count_move, list_head_row, list_link, list_unlink
from runtime.core.swap import lru_add


def take_over(ctx: Context, lruvec: int, oldest_at_tail: int) -> None:
    """Move the folios of all lists of the policy behind those the core has, list by list as they are declared, those
    that the policy marked active last. Within a list the oldest come first: those at the head, or at the tail. Folios
    of lists that are marked active are active from now on (`lru_gen_del_folio` does that, too); the core's other marks
    stay as they are."""
    first = list_head_row(ctx, lruvec, FIRST_POLICY_LIST)
    for active in range(2):
        for head in range(first, (lruvec + 1) * ctx.NR_LISTS + 1):
            mark = ctx.folios[head, FLAGS] & (M_MARKED | M_ACTIVE)
            if active == (1 if mark == M_MARKED | M_ACTIVE else 0):
                take_list(ctx, lruvec, head, oldest_at_tail, F_ACTIVE if active else 0)


def take_list(ctx: Context, lruvec: int, head: int, oldest_at_tail: int, mark: int) -> None:
    """Move all folios of a list to the core's, with a mark."""
    unclaimed = list_head_row(ctx, lruvec, UNCLAIMED)
    for _ in range(ctx.folios[head, LEN]):
        f = ctx.folios[head, PREV] if oldest_at_tail else ctx.folios[head, NEXT]
        ctx.folios[f, FLAGS] |= mark
        list_unlink(ctx, f)
        list_link(ctx, unclaimed, f, unclaimed)
        list_count_move(ctx, unclaimed, f, 0)


def adopt_all(ctx: Context, lruvec: int) -> int:
    """Hand the folios of the core's list to the policy, oldest first. Returns how many there were."""
    unclaimed = list_head_row(ctx, lruvec, UNCLAIMED)
    count = ctx.folios[unclaimed, LEN]
    for _ in range(count):
        f = ctx.folios[unclaimed, NEXT]
        if f == unclaimed:
            break
        detach(ctx, lruvec, f)
        lru_add(ctx, lruvec, f)
    return count
