"""Shadow entries: what stays of a folio that was reclaimed (mm/workingset.c).

The core keeps what is left in the page's own page table entry and gives it back when the page returns: the policy's
shadow, which `folio_evicted` packs and `refault` reads; the lruvec that reclaim was for; the swap device that has the
page. It also keeps what refault distances are measured with: each lruvec's nonresident age, which grows with every
eviction and activation there and below, and sizes by type and activity. Guaranteed: a policy sees the shadows that it
left itself, as it left them, and no others.
"""

from __future__ import annotations

from runtime.core.context import Context, has_hook
from runtime.core.folio import folio_is_file
from runtime.core.hooks import REFAULT
from runtime.core.layout import (
    ACTIVATIONS,
    ACTIVATIONS_SNAPSHOT,
    CTX_SHADOW,
    CTX_SHADOW_LRUVEC,
    F_ACTIVE,
    F_WORKINGSET,
    FIRST_POLICY_LIST,
    FLAGS,
    LEN,
    M_ACTIVE,
    M_FILE,
    M_MARKED,
    NONRESIDENT_AGE,
    REFAULTS,
    SHADOW_BITS,
    SHADOW_DEVICE_SHIFT,
    SHADOW_LRUVEC_MASK,
    SHADOW_LRUVEC_SHIFT,
    SHADOW_VALID,
    TARGET_MEMCG,
    WORKINGSET_ACTIVATE_ANON,
    WORKINGSET_REFAULT_ANON,
    WORKINGSET_RESTORE_ANON,
)
from runtime.core.memcg import (
    count_event,
    lruvec_of,
    lruvec_stat_add,
    memcg_of,
    node_of,
    subtree_end,
)

ACTIVATE = 1
WORKINGSET = 2
"""Bits of the `refault` hook's answer: `REFAULT_ACTIVATE`, `REFAULT_WORKINGSET` of the `abi`."""

MAX_SHADOW = (1 << SHADOW_BITS) - 1
AGE_MASK = MAX_SHADOW >> 1
"""Ages wrap at one bit less than a shadow has: it holds the workingset bit, too (`EVICTION_MASK`)."""


def target_lruvec(ctx: Context, lruvec: int) -> int:
    """The lruvec that the reclaim under way is for, on the node of `lruvec`."""
    if ctx.SINGLE:
        return 0
    return lruvec_of(ctx, ctx.state[TARGET_MEMCG], node_of(ctx, lruvec))


def workingset_eviction(ctx: Context, lruvec: int, f: int, page: int, device: int) -> None:
    """Replace the page's entry by what is left of it: `device` says where on swap it is."""
    target = target_lruvec(ctx, lruvec)
    ctx.state[CTX_SHADOW_LRUVEC] = target
    shadow = ctx.hooks.folio_evicted(ctx, lruvec, f) & MAX_SHADOW
    left = shadow | target << SHADOW_LRUVEC_SHIFT | device << SHADOW_DEVICE_SHIFT | SHADOW_VALID
    ctx.page_table[page] = -left - 1


def workingset_refault(ctx: Context, lruvec: int, f: int, left: int) -> None:
    """A page that left `left` behind is back in folio `f`: ask the policy what that means."""
    type = folio_is_file(ctx, f)
    memcg = memcg_of(ctx, lruvec)
    count_event(ctx, memcg, REFAULTS, 1)
    if not ctx.IDEAL:
        count_event(ctx, memcg, WORKINGSET_REFAULT_ANON + type, 1)
    if left & SHADOW_VALID == 0 or not has_hook(ctx, lruvec, REFAULT):
        return
    ctx.state[CTX_SHADOW] = left & MAX_SHADOW
    ctx.state[CTX_SHADOW_LRUVEC] = left >> SHADOW_LRUVEC_SHIFT & SHADOW_LRUVEC_MASK
    answer = ctx.hooks.refault(ctx, lruvec, f)
    if answer & ACTIVATE:
        ctx.folios[f, FLAGS] |= F_ACTIVE
        count_event(ctx, memcg, WORKINGSET_ACTIVATE_ANON + type, 1)
        lruvec_stat_add(ctx, lruvec, ACTIVATIONS + type, 1)
    if answer & WORKINGSET:
        ctx.folios[f, FLAGS] |= F_WORKINGSET
        count_event(ctx, memcg, WORKINGSET_RESTORE_ANON + type, 1)


def snapshot_refaults(ctx: Context, lruvec: int) -> None:
    """`snapshot_refaults`: a reclaim of the target `lruvec` has ended."""
    for type in range(2):
        ctx.lruvecs[lruvec, ACTIVATIONS_SNAPSHOT + type] = ctx.lruvecs[lruvec, ACTIVATIONS + type]


# --- sizes ------------------------------------------------------------------------------------------------


def lru_size(ctx: Context, lruvec: int, type: int, active: int) -> int:
    """Folios of the lruvec on lists that its policy marked so."""
    mark = M_MARKED
    if type:
        mark |= M_FILE
    if active:
        mark |= M_ACTIVE
    first = lruvec * ctx.NR_LISTS + FIRST_POLICY_LIST
    size = 0
    for head in range(first, (lruvec + 1) * ctx.NR_LISTS + 1):
        if ctx.folios[head, FLAGS] == mark:
            size += ctx.folios[head, LEN]
    return size


def lruvec_page_state(ctx: Context, lruvec: int, type: int, active: int) -> int:
    """`lruvec_page_state`: the size of the lruvec and of all below it."""
    if ctx.SINGLE:
        return lru_size(ctx, lruvec, type, active)
    memcg = memcg_of(ctx, lruvec)
    node = node_of(ctx, lruvec)
    size = 0
    for at in range(memcg, subtree_end(ctx, memcg)):
        size += lru_size(ctx, lruvec_of(ctx, at, node), type, active)
    return size


# --- kfuncs -----------------------------------------------------------------------------------------------


def list_mark(ctx: Context, lruvec: int, head: int, type: int, active: int) -> None:
    """Say what the list holds."""
    mark = M_MARKED
    if type:
        mark |= M_FILE
    if active:
        mark |= M_ACTIVE
    ctx.folios[head, FLAGS] = mark


def ctx_size(ctx: Context, lruvec: int, type: int, active: int) -> int:
    return lruvec_page_state(ctx, lruvec, type, active)


def ctx_target_size(ctx: Context, lruvec: int, type: int, active: int) -> int:
    return lruvec_page_state(ctx, target_lruvec(ctx, lruvec), type, active)


def ctx_shadow_size(ctx: Context, lruvec: int, type: int, active: int) -> int:
    return lruvec_page_state(ctx, ctx.state[CTX_SHADOW_LRUVEC], type, active)


def ctx_refaulted(ctx: Context, lruvec: int, type: int) -> bool:
    target = target_lruvec(ctx, lruvec)
    return ctx.lruvecs[target, ACTIVATIONS + type] != ctx.lruvecs[target, ACTIVATIONS_SNAPSHOT + type]


def ctx_age_nonresident(ctx: Context, lruvec: int) -> None:
    """`workingset_age_nonresident`."""
    lruvec_stat_add(ctx, lruvec, NONRESIDENT_AGE, 1)


def ctx_eviction_age(ctx: Context, lruvec: int) -> int:
    """`workingset_eviction`: the age of the lruvec that reclaim is for, before it grows by this folio."""
    target = ctx.state[CTX_SHADOW_LRUVEC]
    age = ctx.lruvecs[target, NONRESIDENT_AGE]
    lruvec_stat_add(ctx, target, NONRESIDENT_AGE, 1)
    return age & AGE_MASK


def ctx_refault_distance(ctx: Context, lruvec: int, age: int) -> int:
    """`workingset_test_recent`: what the lruvec that the shadow names has aged since; ages wrap."""
    return (ctx.lruvecs[ctx.state[CTX_SHADOW_LRUVEC], NONRESIDENT_AGE] - age) & AGE_MASK


def ctx_lruvec(ctx: Context, lruvec: int) -> int:
    return lruvec
