"""Promotion: folios of a slow node that turned hot move to a faster one (`migrate_misplaced_folio`, mm/migrate.c).

The reverse of demotion: a policy asks for it in a hook, by `f.promote()`, and the core does it when the hook has
returned, for it hands the folio to the policy of the other lruvec, which is a hook, too. The faster node must have more
free than its high watermark (`migrate_balanced_pgdat`); if it has not, its kswapd is woken, which demotes what is cold
there, and the folio stays until it is asked for again. Guaranteed: a folio that is not moved stays where it is.
"""

from __future__ import annotations

from runtime.core.clock import spend
from runtime.core.context import Context
from runtime.core.folio import folio_is_file, task_cpu
from runtime.core.layout import (
    BATCH_SLOTS,
    COST_MIGRATE,
    F_ACTIVATE_BATCH,
    F_WRITEBACK,
    FASTER_NODE,
    FLAGS,
    KSWAPD_WANTED,
    LRUVEC,
    NODE_WANTS_KSWAPD,
    NR_PROMOTE_BATCH,
    PGPROMOTE_SUCCESS,
    PROMOTE_BATCH,
    PROMOTE_BATCH_SIZE,
    WMARK_HIGH,
)
from runtime.core.lists import detach, on_list
from runtime.core.memcg import count_event, lruvec_of, memcg_of, node_of, page_counter_charge
from runtime.core.mmzone import node_free
from runtime.core.swap import folio_add_lru


def folio_promote(ctx: Context, lruvec: int, f: int) -> None:
    """The kfunc: note the wish."""
    if ctx.SINGLE or ctx.nodes[node_of(ctx, lruvec), FASTER_NODE] < 0:
        return
    cpu = task_cpu(ctx)
    n = ctx.tasks[cpu, NR_PROMOTE_BATCH]
    if n == PROMOTE_BATCH_SIZE:
        return
    ctx.batches[cpu * BATCH_SLOTS + PROMOTE_BATCH + n] = f
    ctx.tasks[cpu, NR_PROMOTE_BATCH] = n + 1


def promote_asked(ctx: Context, lruvec: int) -> None:
    """A hook of the lruvec has returned: promote what it asked for."""
    if ctx.SINGLE:
        return
    cpu = task_cpu(ctx)
    n = ctx.tasks[cpu, NR_PROMOTE_BATCH]
    if n == 0:
        return
    ctx.tasks[cpu, NR_PROMOTE_BATCH] = 0
    for i in range(n):
        promote_folio(ctx, lruvec, ctx.batches[cpu * BATCH_SLOTS + PROMOTE_BATCH + i])


def promote_folio(ctx: Context, lruvec: int, f: int) -> None:
    """Move a folio to the faster node, where the lruvec's policy takes it. Not one that is off its list, is held by a
    batch or is being written back."""
    if not on_list(ctx, lruvec, f) or ctx.folios[f, FLAGS] & (F_ACTIVATE_BATCH | F_WRITEBACK) != 0:
        return
    node = ctx.nodes[node_of(ctx, lruvec), FASTER_NODE]
    if node_free(ctx, node) <= ctx.nodes[node, WMARK_HIGH]:
        ctx.nodes[node, NODE_WANTS_KSWAPD] = 1
        ctx.state[KSWAPD_WANTED] = 1
        return
    type = folio_is_file(ctx, f)
    memcg = memcg_of(ctx, lruvec)
    faster = lruvec_of(ctx, memcg, node)
    detach(ctx, lruvec, f)
    page_counter_charge(ctx, lruvec, type, -1)
    page_counter_charge(ctx, faster, type, 1)
    ctx.folios[f, LRUVEC] = faster
    count_event(ctx, memcg, PGPROMOTE_SUCCESS, 1)
    spend(ctx, COST_MIGRATE, 1)
    folio_add_lru(ctx, faster, f)
