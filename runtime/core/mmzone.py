"""Free memory of a node (include/linux/mmzone.h, mm/vmstat.c)."""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.layout import NODE_PAGES, NODE_USAGE, NR_RESIDENT


def node_free(ctx: Context, node: int) -> int:
    """Pages of a node that nothing is in."""
    used = ctx.state[NR_RESIDENT] if ctx.SINGLE else ctx.nodes[node, NODE_USAGE]
    return ctx.nodes[node, NODE_PAGES] - used
