"""Dirty file folios and writeback (mm/page-writeback.c, fs/fs-writeback.c, `folio_end_writeback`).

Dirtied folios queue in the order they were dirtied. The flusher writes them when they are more than a tenth of
memory, when reclaim meets nothing but dirty folios, and every five seconds those that have been dirty for thirty; at
a fifth of memory whoever dirties more waits. A folio under writeback stays on its list; when its write is done, it is
rotated to where it is reclaimed next if reclaim had wanted it. Guaranteed: a dirty file folio is in the queue until it
is written or freed.
"""

from __future__ import annotations

from runtime.core.clock import wait_until
from runtime.core.context import Context, has_hook
from runtime.core.folio import folio_lruvec
from runtime.core.hooks import FOLIO_MOVED
from runtime.core.layout import (
    DIRTY_HEAD,
    DIRTY_MASK,
    DIRTY_TAIL,
    F_DIRTY,
    F_DIRTY_QUEUE,
    F_FILE,
    F_FREE,
    F_RECLAIM,
    F_WRITEBACK,
    FILES,
    FLAGS,
    FLUSH_AT,
    FLUSH_MARK,
    FLUSH_MARKS,
    NOW,
    NR_DIRTIED,
    NR_DIRTY,
    NR_PAGES,
    NR_WRITEBACK,
    NR_WRITTEN,
    PGROTATED,
    THROTTLE_TIME,
    WRITEBACK_HEAD,
    WRITEBACK_TAIL,
)
from runtime.core.lists import on_list
from runtime.core.memcg import count_event, memcg_of
from runtime.core.swapfile import device_write

WRITEBACK_SLOTS = 4096
"""Writes that may be under way at a time."""
DIRTY_BACKGROUND_RATIO = 10
DIRTY_RATIO = 20
"""Per cent of memory (`vm.dirty_background_ratio`, `vm.dirty_ratio`)."""
DIRTY_WRITEBACK_INTERVAL = 5_000_000_000
"""Nanoseconds between two wake-ups of the flusher (`vm.dirty_writeback_centisecs`); `FLUSH_MARKS` of them make the
thirty seconds of `vm.dirty_expire_centisecs`."""


def folio_mark_dirty(ctx: Context, f: int) -> None:
    """A file folio is written to: from clean to dirty it joins the queue, unless its row is there from before."""
    flags = ctx.folios[f, FLAGS]
    if flags & F_DIRTY:
        return
    ctx.folios[f, FLAGS] = flags | F_DIRTY | F_DIRTY_QUEUE
    ctx.state[NR_DIRTY] += 1
    count_event(ctx, memcg_of(ctx, folio_lruvec(ctx, f)), NR_DIRTIED, 1)
    if flags & F_DIRTY_QUEUE == 0:
        queue_dirty(ctx, f)
    balance_dirty_pages(ctx)


def queue_dirty(ctx: Context, f: int) -> None:
    """Put a row at the end of the queue of the dirty."""
    tail = ctx.state[DIRTY_TAIL]
    ctx.dirty_queue[tail & ctx.state[DIRTY_MASK]] = f
    ctx.state[DIRTY_TAIL] = tail + 1


def balance_dirty_pages(ctx: Context) -> None:
    """Start the flusher above the background threshold; above the limit, wait for what it writes."""
    state = ctx.state
    memory = state[NR_PAGES]
    if state[NR_DIRTY] * 100 > memory * DIRTY_BACKGROUND_RATIO:
        write_dirty(ctx, state[DIRTY_TAIL], memory * DIRTY_BACKGROUND_RATIO // 100)
    begin = state[NOW]
    while (state[NR_DIRTY] + state[NR_WRITEBACK]) * 100 > memory * DIRTY_RATIO and state[NR_WRITEBACK] > 0:
        wait_for_writeback(ctx)
    state[THROTTLE_TIME] += state[NOW] - begin


def folio_cancel_dirty(ctx: Context, f: int) -> None:
    """A dirty file folio goes without being written: truncated."""
    flags = ctx.folios[f, FLAGS]
    if flags & F_DIRTY and flags & F_FILE:
        ctx.folios[f, FLAGS] = flags & ~F_DIRTY
        ctx.state[NR_DIRTY] -= 1


# --- the flusher ------------------------------------------------------------------------------------------


def flusher_tick(ctx: Context) -> None:
    """Wake the flusher if its time has come, and finish the writes that are done."""
    end_writebacks(ctx)
    while ctx.state[FLUSH_AT] <= ctx.state[NOW]:
        oldest = ctx.state[FLUSH_MARK]
        for i in range(FLUSH_MARKS - 1):
            ctx.state[FLUSH_MARK + i] = ctx.state[FLUSH_MARK + i + 1]
        ctx.state[FLUSH_MARK + FLUSH_MARKS - 1] = ctx.state[DIRTY_TAIL]
        ctx.state[FLUSH_AT] += DIRTY_WRITEBACK_INTERVAL
        write_dirty(ctx, oldest, 0)


def write_dirty(ctx: Context, until: int, enough: int) -> None:
    """Write folios of the queue up to place `until`, as long as more than `enough` are dirty and there is room for
    more writes."""
    state = ctx.state
    while state[DIRTY_HEAD] < until and state[NR_DIRTY] > enough and state[NR_WRITEBACK] < WRITEBACK_SLOTS:
        f = ctx.dirty_queue[state[DIRTY_HEAD] & state[DIRTY_MASK]]
        state[DIRTY_HEAD] += 1
        flags = ctx.folios[f, FLAGS]
        if flags & (F_FREE | F_DIRTY | F_FILE) != F_DIRTY | F_FILE:
            ctx.folios[f, FLAGS] = flags & ~F_DIRTY_QUEUE
        elif flags & F_WRITEBACK:
            # Written to while it is being written: its turn comes again.
            queue_dirty(ctx, f)
        else:
            ctx.folios[f, FLAGS] = flags & ~F_DIRTY_QUEUE
            state[NR_DIRTY] -= 1
            count_event(ctx, memcg_of(ctx, folio_lruvec(ctx, f)), NR_WRITTEN, 1)
            start_writeback(ctx, f, FILES)


def wakeup_flusher_threads(ctx: Context) -> None:
    """Reclaim met dirty folios only: write all there are."""
    write_dirty(ctx, ctx.state[DIRTY_TAIL], 0)


# --- writeback --------------------------------------------------------------------------------------------


def start_writeback(ctx: Context, f: int, device: int) -> None:
    """Write a folio to a device; it is clean from now on and under writeback until that is done."""
    ctx.folios[f, FLAGS] = ctx.folios[f, FLAGS] & ~F_DIRTY | F_WRITEBACK
    tail = ctx.state[WRITEBACK_TAIL]
    place = tail & (WRITEBACK_SLOTS - 1)
    ctx.writeback[place, 0] = f
    ctx.writeback[place, 1] = device_write(ctx, device)
    ctx.state[WRITEBACK_TAIL] = tail + 1
    ctx.state[NR_WRITEBACK] += 1


def end_writebacks(ctx: Context) -> None:
    """Finish, in the order they were begun, the writes that are done by now."""
    while ctx.state[NR_WRITEBACK] > 0:
        place = ctx.state[WRITEBACK_HEAD] & (WRITEBACK_SLOTS - 1)
        if ctx.writeback[place, 1] > ctx.state[NOW]:
            break
        finish_oldest_writeback(ctx)


def finish_oldest_writeback(ctx: Context) -> None:
    """`folio_end_writeback`, for the folio whose write was begun first."""
    f = ctx.writeback[ctx.state[WRITEBACK_HEAD] & (WRITEBACK_SLOTS - 1), 0]
    ctx.state[WRITEBACK_HEAD] += 1
    ctx.state[NR_WRITEBACK] -= 1
    flags = ctx.folios[f, FLAGS]
    ctx.folios[f, FLAGS] = flags & ~(F_WRITEBACK | F_RECLAIM)
    lruvec = folio_lruvec(ctx, f)
    if flags & F_RECLAIM and flags & F_DIRTY == 0 and on_list(ctx, lruvec, f):
        count_event(ctx, memcg_of(ctx, lruvec), PGROTATED, 1)
        if has_hook(ctx, lruvec, FOLIO_MOVED):
            ctx.hooks.folio_moved(ctx, lruvec, f)


def wait_for_writeback(ctx: Context) -> None:
    """Wait until the oldest write is done. There must be one."""
    wait_until(ctx, ctx.writeback[ctx.state[WRITEBACK_HEAD] & (WRITEBACK_SLOTS - 1), 1])
    finish_oldest_writeback(ctx)
    end_writebacks(ctx)


def folio_wait_writeback(ctx: Context, f: int) -> None:
    """Wait until the folio is under writeback no more."""
    while ctx.folios[f, FLAGS] & F_WRITEBACK:
        wait_for_writeback(ctx)
