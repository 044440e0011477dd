"""Accesses and faults: the way of an event of the trace into the simulation (mm/filemap.c, mm/memory.c).

A mapped access sets the young bit and nothing else; one by system call marks the folio accessed, unless it reads
the page that the read before it ended in (`filemap_read`; there is one descriptor). On a miss the order is the
kernel's: make room, take the shadow, refault, add to the lists, mark accessed. The ideal model knows hits and misses
only.
"""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.folio import folio_alloc, folio_free
from runtime.core.layout import (
    CTX_KEY,
    E_EXECUTE,
    E_FILE,
    E_SYSCALL,
    E_WRITE,
    F_DIRTY,
    F_EXECUTABLE,
    F_FILE,
    F_MAPPED,
    F_YOUNG,
    FLAGS,
    FREES,
    LAST_READ,
    LIST,
    NR_PAGES,
    NR_RESIDENT,
    PGMAJFAULT,
    REFAULTS,
    STATUS,
    STATUS_NO_PROGRESS,
    SWAP_CLUSTER_MAX,
    WMARK_HIGH,
    WMARK_LOW,
    WMARK_MIN,
)
from runtime.core.lists import detach
from runtime.core.swap import folio_add_lru, folio_mark_accessed, lru_add_drain
from runtime.core.vmscan import try_to_free_pages
from runtime.core.workingset import workingset_refault

LRUVEC_OF_ALL = 0
"""The one lruvec there is."""


def make_room(ctx: Context) -> bool:
    """Make one page free; whether there is one. Below the low watermark kswapd reclaims up to the high one; at the min
    watermark the task itself reclaims (`SWAP_CLUSTER_MAX` pages, or just the one in the ideal model)."""
    state = ctx.state
    if ctx.IDEAL:
        return state[NR_RESIDENT] < state[NR_PAGES] or try_to_free_pages(ctx, LRUVEC_OF_ALL, 1, 0) > 0
    if state[NR_PAGES] - state[NR_RESIDENT] < state[WMARK_LOW]:
        balance_pgdat(ctx)
    if state[NR_PAGES] - state[NR_RESIDENT] > state[WMARK_MIN]:
        return True
    return try_to_free_pages(ctx, LRUVEC_OF_ALL, SWAP_CLUSTER_MAX, 0) > 0


def balance_pgdat(ctx: Context) -> None:
    """kswapd: reclaim until the high watermark is met, or nothing comes. It runs to its end while the task waits."""
    state = ctx.state
    while state[NR_PAGES] - state[NR_RESIDENT] < state[WMARK_HIGH]:
        if try_to_free_pages(ctx, LRUVEC_OF_ALL, SWAP_CLUSTER_MAX, 1) == 0:
            break


def fault(ctx: Context, page: int, flags: int) -> int:
    """A page that is not resident was accessed: `filemap_add_folio`, `do_anonymous_page` or `do_swap_page`. Returns its
    new folio; 0 if no room could be made."""
    if ctx.HAS_MISS:
        ctx.state[CTX_KEY] = page
        ctx.hooks.miss(ctx, LRUVEC_OF_ALL)
    if not make_room(ctx):
        ctx.state[STATUS] = STATUS_NO_PROGRESS
        return 0
    shadow = -ctx.page_table[page] - 1
    f = folio_alloc(ctx, LRUVEC_OF_ALL, page, new_folio_flags(ctx, flags))
    ctx.page_table[page] = f
    if ctx.IDEAL and not ctx.HAS_REFAULT:
        # Only counted, and without a branch: which misses come back is as hard to predict as which accesses miss.
        ctx.state[REFAULTS] += 1 if shadow >= 0 else 0
    elif shadow >= 0:
        workingset_refault(ctx, LRUVEC_OF_ALL, f, shadow)
    if not ctx.IDEAL and (shadow >= 0 or flags & E_FILE) and flags & E_SYSCALL == 0:
        ctx.state[PGMAJFAULT] += 1
    folio_add_lru(ctx, LRUVEC_OF_ALL, f)
    return f


def new_folio_flags(ctx: Context, flags: int) -> int:
    """The flags of a folio brought in by an access with these event flags. A first touch through a mapping leaves the
    young bit set; anonymous memory is dirty from the start."""
    if ctx.IDEAL:
        return F_FILE if flags & E_FILE else 0
    result = F_FILE if flags & E_FILE else F_DIRTY
    if flags & E_SYSCALL == 0:
        result |= F_MAPPED
    return result


def touch(ctx: Context, f: int, page: int, flags: int) -> None:
    """What an access does to a resident folio in the kernel model."""
    marks = F_DIRTY if flags & E_WRITE else 0
    if flags & E_SYSCALL:
        if marks:
            ctx.folios[f, FLAGS] |= marks
        if flags & E_WRITE == 0:
            if ctx.state[LAST_READ] == page + 1:
                return
            ctx.state[LAST_READ] = page + 1
        folio_mark_accessed(ctx, LRUVEC_OF_ALL, f)
        return
    if flags & E_EXECUTE:
        marks |= F_EXECUTABLE
    ctx.folios[f, FLAGS] |= marks | F_YOUNG | F_MAPPED


def free_page(ctx: Context, page: int) -> None:
    """The page was unmapped or truncated: its folio goes without a trace, and so does a shadow."""
    f = ctx.page_table[page]
    ctx.page_table[page] = 0
    ctx.state[FREES] += 1
    if f <= 0:
        return
    lru_add_drain(ctx, LRUVEC_OF_ALL)
    ctx.hooks.folio_removed(ctx, LRUVEC_OF_ALL, f)
    if ctx.folios[f, LIST] != 0:
        detach(ctx, LRUVEC_OF_ALL, f)
    folio_free(ctx, f)
