"""The entry points of the core: attach a policy, replay a stretch of a trace.

`replay` runs the events [`first`, `last`) of the chunk in `trace_page` and `trace_flags` and returns the number of
the event it stopped before: `last`, unless `STATUS` says that the run cannot go on.
"""

from __future__ import annotations

from runtime.core.context import Context, prefetch
from runtime.core.layout import ACCESSES, CTX_WANTED, E_FREE, HITS, MISSES
from runtime.core.memory import LRUVEC_OF_ALL, fault, free_page, touch
from runtime.core.swap import folio_mark_accessed


def attach(ctx: Context) -> int:
    """Call the policy's `init` for the lruvec."""
    ctx.state[CTX_WANTED] = 1
    ctx.hooks.init(ctx, LRUVEC_OF_ALL)
    return 0


PAGE_TABLE_AHEAD = 24
FOLIO_AHEAD = 12
"""Events between the request for an entry of the page table, or a folio, and its use: measured, not critical."""


def replay(ctx: Context, first: int, last: int) -> int:
    hits = 0
    misses = 0
    stopped = last
    for i in range(first, last):
        if i + PAGE_TABLE_AHEAD < last:
            prefetch(ctx.page_table, ctx.trace_page[i + PAGE_TABLE_AHEAD])
            if ctx.HAS_FOLIO_ACCESSED or not ctx.IDEAL:
                prefetch(ctx.folios, ctx.page_table[ctx.trace_page[i + FOLIO_AHEAD]])
        page = ctx.trace_page[i]
        flags = ctx.trace_flags[i]
        if flags & E_FREE:
            if not ctx.IDEAL:
                free_page(ctx, page)
            continue
        f = ctx.page_table[page]
        if f > 0:
            hits += 1
            if ctx.IDEAL:
                folio_mark_accessed(ctx, LRUVEC_OF_ALL, f)
            else:
                touch(ctx, f, page, flags)
            continue
        misses += 1
        f = fault(ctx, page, flags)
        if f == 0:
            stopped = i
            misses -= 1
            break
        if not ctx.IDEAL:
            touch(ctx, f, page, flags)
    ctx.state[HITS] += hits
    ctx.state[MISSES] += misses
    ctx.state[ACCESSES] += hits + misses
    return stopped
