"""Lists of folios, cursors on them, and the kfuncs over both.

A list is a ring of `folios` rows closed by a head row, so that no operation branches on an empty list. A folio is
on at most one list, which its `LIST` column names; list lengths are kept in the heads. Cursors are kept valid
here: when the folio a cursor stands on leaves its list, the cursor moves on to the next.
(Structure of `include/linux/list.h` and `lruvec_add_folio` in `include/linux/mm_inline.h`.)
"""

from __future__ import annotations

from runtime.core.bags import bag_enter, bag_leave
from runtime.core.context import Context, prefetch
from runtime.core.folio import folio_is_file
from runtime.core.heaps import heap_enter, heap_head, heap_leave, heap_rekey
from runtime.core.layout import (
    CTX_WANTED,
    IN_CORE_QUEUE,
    INDEX,
    ISOLATED_FIRST,
    LEN,
    LIST,
    LOOKED_AT,
    LOOKED_AT_FILE,
    NEXT,
    NR_FOLIOS,
    NR_ISOLATED,
    NR_PAGE_IDS,
    PAGE,
    PREV,
)


def list_head_row(ctx: Context, lruvec: int, number: int) -> int:
    """The row of the head of list `number` of a lruvec; see `UNCLAIMED` and `FIRST_POLICY_LIST`."""
    return lruvec * ctx.NR_LISTS + number


def list_link(ctx: Context, head: int, f: int, after: int) -> None:
    """Link `f` into the ring of `head`, before the row `after`."""
    before = ctx.folios[after, PREV]
    ctx.folios[f, PREV] = before
    ctx.folios[f, NEXT] = after
    ctx.folios[before, NEXT] = f
    ctx.folios[after, PREV] = f


def list_unlink(ctx: Context, f: int) -> None:
    before = ctx.folios[f, PREV]
    after = ctx.folios[f, NEXT]
    ctx.folios[before, NEXT] = after
    ctx.folios[after, PREV] = before


def index_enter(ctx: Context, head: int, f: int, key: int) -> None:
    """`f` was counted in the length of the list: if that is a bag or a heap, into its array, too."""
    if ctx.NR_BAGS + ctx.NR_HEAPS > 0:
        index = ctx.folios[head, INDEX]
        if ctx.NR_HEAPS > 0 and index & 1:
            heap_enter(ctx, head, f, key)
        elif ctx.NR_BAGS > 0 and index > 0:
            bag_enter(ctx, head, f)


def index_leave(ctx: Context, head: int, f: int) -> None:
    """`f` is about to leave the list, and is counted in its length still: out of its array, if it has one."""
    if ctx.NR_BAGS + ctx.NR_HEAPS > 0:
        index = ctx.folios[head, INDEX]
        if ctx.NR_HEAPS > 0 and index & 1:
            heap_leave(ctx, head, f)
        elif ctx.NR_BAGS > 0 and index > 0:
            bag_leave(ctx, head, f)


def list_add(ctx: Context, head: int, f: int, after: int, key: int) -> None:
    """Put the detached folio `f` on the list of `head`, before the row `after`; `key` is its place in a heap."""
    list_link(ctx, head, f, after)
    ctx.folios[f, LIST] = head
    ctx.folios[head, LEN] += 1
    index_enter(ctx, head, f, key)


def list_del(ctx: Context, f: int) -> None:
    """Take `f` off its list."""
    index_leave(ctx, ctx.folios[f, LIST], f)
    list_unlink(ctx, f)
    ctx.folios[ctx.folios[f, LIST], LEN] -= 1
    ctx.folios[f, LIST] = 0


def list_count_move(ctx: Context, head: int, f: int, key: int) -> None:
    """`f` was linked anew, under `head`. On the list it was on, as is usual, no length changes; counting down and up
    would make each access wait for the one before."""
    old = ctx.folios[f, LIST]
    if old != head:
        index_leave(ctx, old, f)
        ctx.folios[old, LEN] -= 1
        ctx.folios[head, LEN] += 1
        ctx.folios[f, LIST] = head
        index_enter(ctx, head, f, key)


def cursors_leave(ctx: Context, lruvec: int, f: int) -> None:
    """`f` is about to leave its place: cursors that stand on it move on."""
    for c in range(ctx.NR_CURSORS):
        if ctx.cursors[lruvec * ctx.NR_CURSORS + c] == f:
            ctx.cursors[lruvec * ctx.NR_CURSORS + c] = ctx.folios[f, NEXT]


def nr_folios_add(ctx: Context, lruvec: int, count: int) -> None:
    """Count the folios on the lruvec's lists; in the ideal model nothing asks."""
    if not ctx.IDEAL:
        ctx.lruvecs[lruvec, NR_FOLIOS] += count


def on_list(ctx: Context, lruvec: int, f: int) -> bool:
    """Whether the folio is linked on a list of this lruvec."""
    head = ctx.folios[f, LIST]
    return head > lruvec * ctx.NR_LISTS and head <= (lruvec + 1) * ctx.NR_LISTS


def queue_add(ctx: Context, queue: int, f: int) -> None:
    """Append the detached folio `f` to the core's queue whose first and last are words `queue` and `queue` + 1."""
    ctx.folios[f, LIST] = IN_CORE_QUEUE
    ctx.folios[f, NEXT] = 0
    if ctx.state[queue] == 0:
        ctx.state[queue] = f
    else:
        ctx.folios[ctx.state[queue + 1], NEXT] = f
    ctx.state[queue + 1] = f


def queue_pop(ctx: Context, queue: int) -> int:
    """Take the first folio of a queue of the core that is not empty; it is detached then."""
    f = ctx.state[queue]
    ctx.state[queue] = ctx.folios[f, NEXT]
    ctx.folios[f, LIST] = 0
    return f


def note_looked_at(ctx: Context, f: int) -> None:
    """The policy is handed a folio to look at."""
    ctx.state[LOOKED_AT] += 1
    if not ctx.IDEAL:
        ctx.state[LOOKED_AT_FILE] += folio_is_file(ctx, f)


# --- kfuncs: lists ----------------------------------------------------------------------------------------
# The verifier proves that a pushed folio is in the policy's hand, but not that no other register names it: after
# `let a = q.head; let b = q.pop_head(); ctx.evict(a);` the folio of `b` is isolated. So a push leaves a folio that
# is on a list where it is: it is not lost, and no list is harmed.


def list_len(ctx: Context, lruvec: int, head: int) -> int:
    return ctx.folios[head, LEN]


def list_head(ctx: Context, lruvec: int, head: int) -> int:
    f = ctx.folios[head, NEXT]
    return 0 if f == head else f


def list_tail(ctx: Context, lruvec: int, head: int) -> int:
    f = ctx.folios[head, PREV]
    return 0 if f == head else f


def list_next(ctx: Context, lruvec: int, head: int, f: int) -> int:
    if ctx.folios[f, LIST] != head:
        return 0
    after = ctx.folios[f, NEXT]
    return 0 if after == head else after


def list_prev(ctx: Context, lruvec: int, head: int, f: int) -> int:
    if ctx.folios[f, LIST] != head:
        return 0
    before = ctx.folios[f, PREV]
    return 0 if before == head else before


def list_holds(ctx: Context, lruvec: int, head: int, f: int) -> bool:
    return ctx.folios[f, LIST] == head


def list_push_head(ctx: Context, lruvec: int, head: int, f: int) -> None:
    if ctx.folios[f, LIST] != 0:
        return
    nr_folios_add(ctx, lruvec, 1)
    list_add(ctx, head, f, ctx.folios[head, NEXT], 0)


def list_push_tail(ctx: Context, lruvec: int, head: int, f: int) -> None:
    if ctx.folios[f, LIST] != 0:
        return
    nr_folios_add(ctx, lruvec, 1)
    list_add(ctx, head, f, head, 0)


def list_pop_head(ctx: Context, lruvec: int, head: int) -> int:
    f = ctx.folios[head, NEXT]
    if f == head:
        return 0
    detach(ctx, lruvec, f)
    note_looked_at(ctx, f)
    return f


def list_pop_tail(ctx: Context, lruvec: int, head: int) -> int:
    f = ctx.folios[head, PREV]
    if f == head:
        return 0
    detach(ctx, lruvec, f)
    note_looked_at(ctx, f)
    return f


def detach(ctx: Context, lruvec: int, f: int) -> None:
    """Take `f` out of the lists, into a hook's or the core's hand."""
    nr_folios_add(ctx, lruvec, -1)
    cursors_leave(ctx, lruvec, f)
    list_del(ctx, f)


def list_move_head(ctx: Context, lruvec: int, head: int, f: int) -> bool:
    if not on_list(ctx, lruvec, f):
        return False
    cursors_leave(ctx, lruvec, f)
    list_unlink(ctx, f)
    list_link(ctx, head, f, ctx.folios[head, NEXT])
    list_count_move(ctx, head, f, 0)
    return True


def list_move_tail(ctx: Context, lruvec: int, head: int, f: int) -> bool:
    if not on_list(ctx, lruvec, f):
        return False
    cursors_leave(ctx, lruvec, f)
    list_unlink(ctx, f)
    list_link(ctx, head, f, head)
    list_count_move(ctx, head, f, 0)
    return True


def heap_push(ctx: Context, lruvec: int, head: int, f: int, key: int) -> None:
    if ctx.folios[f, LIST] != 0:
        return
    nr_folios_add(ctx, lruvec, 1)
    list_add(ctx, head, f, head, key)


def heap_pop_head(ctx: Context, lruvec: int, head: int) -> int:
    f = heap_head(ctx, lruvec, head)
    if f == 0:
        return 0
    detach(ctx, lruvec, f)
    note_looked_at(ctx, f)
    return f


def heap_move(ctx: Context, lruvec: int, head: int, f: int, key: int) -> bool:
    """Behind all others in the list, and where its key belongs in the heap."""
    if not on_list(ctx, lruvec, f):
        return False
    cursors_leave(ctx, lruvec, f)
    list_unlink(ctx, f)
    list_link(ctx, head, f, head)
    if ctx.folios[f, LIST] == head:
        heap_rekey(ctx, head, f, key)
    else:
        list_count_move(ctx, head, f, key)
    return True


def resident_folio(ctx: Context, lruvec: int, page: int) -> int:
    """The folio of a page, if it is on a list of this lruvec. The name of a page that was never given is that of
    page 0."""
    if page < 0 or page >= ctx.state[NR_PAGE_IDS]:
        return 0
    f = ctx.page_table[page]
    if f <= 0 or not on_list(ctx, lruvec, f):
        return 0
    return f


def ctx_evict(ctx: Context, lruvec: int, f: int) -> bool:
    """Into the queue of the isolated: a folio in the policy's hand always, one on its lists while more are wanted."""
    if ctx.folios[f, LIST] != 0:
        if not on_list(ctx, lruvec, f) or ctx.state[CTX_WANTED] == 0:
            return False
        # The one behind it is likely the next to go, on whichever side that is, and its page table entry was not
        # touched for long.
        prefetch(ctx.page_table, ctx.folios[ctx.folios[f, NEXT], PAGE])
        if not ctx.IDEAL:
            prefetch(ctx.page_table, ctx.folios[ctx.folios[f, PREV], PAGE])
        detach(ctx, lruvec, f)
    if ctx.state[CTX_WANTED] > 0:
        ctx.state[CTX_WANTED] -= 1
    ctx.state[NR_ISOLATED] += 1
    queue_add(ctx, ISOLATED_FIRST, f)
    return True


# --- scans and cursors ------------------------------------------------------------------------------------
# A cursor holds the folio to visit next, or the list's head when it is past the end.


def scan_begin(ctx: Context, lruvec: int, head: int) -> None:
    """Put the hidden cursor of `scan` on the first folio of the list."""
    ctx.cursors[lruvec * ctx.NR_CURSORS] = ctx.folios[head, NEXT]


def scan_next(ctx: Context, lruvec: int, head: int) -> int:
    """The folio under the hidden cursor, which moves on; null at the end or when no more is wanted."""
    f = ctx.cursors[lruvec * ctx.NR_CURSORS]
    if f == head or ctx.state[CTX_WANTED] == 0:
        return 0
    ctx.cursors[lruvec * ctx.NR_CURSORS] = ctx.folios[f, NEXT]
    note_looked_at(ctx, f)
    return f


def cursor_next(ctx: Context, lruvec: int, cursor: int, head: int) -> int:
    """The folio under a cursor, which moves on; past the end it goes on at the head. Null when the list is empty or
    no more is wanted."""
    if ctx.state[CTX_WANTED] == 0:
        return 0
    f = ctx.cursors[lruvec * ctx.NR_CURSORS + cursor]
    if f == head:
        f = ctx.folios[head, NEXT]
        if f == head:
            return 0
    ctx.cursors[lruvec * ctx.NR_CURSORS + cursor] = ctx.folios[f, NEXT]
    note_looked_at(ctx, f)
    return f


def cursor_reset(ctx: Context, lruvec: int, cursor: int, head: int) -> None:
    """Put a cursor past the end, from where the next visit begins at the head."""
    ctx.cursors[lruvec * ctx.NR_CURSORS + cursor] = head
