"""Pages that go for good: unmapped, truncated, or their task killed (mm/truncate.c, mm/memory.c)."""

from __future__ import annotations

from runtime.core.clock import spend
from runtime.core.context import Context
from runtime.core.folio import folio_free, folio_is_file, folio_lruvec, task_cpu
from runtime.core.layout import COST_FREE, F_ACTIVATE_BATCH, F_ADD_BATCH, FLAGS, FREES, LIST, TASK_MEMCG
from runtime.core.lists import detach
from runtime.core.memcg import count_event, memcg_of, page_counter_charge
from runtime.core.swap import lru_add_drain_all
from runtime.core.swapfile import delete_from_swap_cache, shadow_device, swap_free
from runtime.core.writeback import folio_cancel_dirty, folio_wait_writeback


def free_page(ctx: Context, page: int) -> None:
    """The page was unmapped or truncated: its folio goes without a trace, and so does what was left of it."""
    f = ctx.page_table[page]
    memcg = 0 if ctx.SINGLE else ctx.tasks[task_cpu(ctx), TASK_MEMCG]
    count_event(ctx, memcg, FREES, 1)
    if f < 0:
        left = -f - 1
        if shadow_device(ctx, left) != 0:
            swap_free(ctx, memcg, shadow_device(ctx, left))
    elif f > 0:
        free_folio(ctx, f)
        spend(ctx, COST_FREE, 1)
    ctx.page_table[page] = 0


def free_folio(ctx: Context, f: int) -> None:
    """Take a resident folio out of the simulation; its page table entry is the caller's."""
    if ctx.folios[f, FLAGS] & (F_ADD_BATCH | F_ACTIVATE_BATCH):
        lru_add_drain_all(ctx)
    folio_wait_writeback(ctx, f)
    lruvec = folio_lruvec(ctx, f)
    ctx.hooks.folio_removed(ctx, lruvec, f)
    if ctx.folios[f, LIST] != 0:
        detach(ctx, lruvec, f)
    folio_cancel_dirty(ctx, f)
    delete_from_swap_cache(ctx, memcg_of(ctx, lruvec), f)
    page_counter_charge(ctx, lruvec, folio_is_file(ctx, f), -1)
    folio_free(ctx, f)
