"""Shadow entries: what stays of a folio that was reclaimed (mm/workingset.c).

The core stores the shadow, 62 bits, in the page's own page table entry, and gives it back when the page returns.
What it says and what it means is the policy's: `folio_evicted` packs it and `refault` reads it.
"""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.folio import folio_is_file
from runtime.core.layout import (
    CTX_SHADOW,
    F_ACTIVE,
    F_WORKINGSET,
    FLAGS,
    PSWPIN,
    REFAULTS,
    WORKINGSET_ACTIVATE_ANON,
    WORKINGSET_REFAULT_ANON,
    WORKINGSET_RESTORE_ANON,
)

ACTIVATE = 1
WORKINGSET = 2
"""Bits of the `refault` hook's answer: `REFAULT_ACTIVATE`, `REFAULT_WORKINGSET` of the `abi`."""

MAX_SHADOW = (1 << 62) - 1


def workingset_eviction(ctx: Context, lruvec: int, f: int, page: int) -> None:
    """Replace the page's entry by the shadow that the policy leaves."""
    shadow = ctx.hooks.folio_evicted(ctx, lruvec, f)
    ctx.page_table[page] = -(shadow & MAX_SHADOW) - 1


def workingset_refault(ctx: Context, lruvec: int, f: int, shadow: int) -> None:
    """A page with a shadow is back in folio `f`: ask the policy what that means."""
    type = folio_is_file(ctx, f)
    ctx.state[REFAULTS] += 1
    if not ctx.IDEAL:
        ctx.state[WORKINGSET_REFAULT_ANON + type] += 1
        if type == 0:
            ctx.state[PSWPIN] += 1
    ctx.state[CTX_SHADOW] = shadow
    answer = ctx.hooks.refault(ctx, lruvec, f)
    if answer & ACTIVATE:
        ctx.folios[f, FLAGS] |= F_ACTIVE
        ctx.state[WORKINGSET_ACTIVATE_ANON + type] += 1
    if answer & WORKINGSET:
        ctx.folios[f, FLAGS] |= F_WORKINGSET
        ctx.state[WORKINGSET_RESTORE_ANON + type] += 1
