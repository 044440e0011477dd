"""Invariants of memcgs and nodes: limits hold, protection is kept, memory runs out only when nothing can be reclaimed.

In: the memory of a simulation in a checked build. Out: nothing, or `STATUS_BROKEN` (`broken`). `note_protected` is
called when a reclaim begins and `check_protected` when it ends.
"""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.folio import task_cpu
from runtime.core.layout import (
    BROKEN,
    BROKEN_AT,
    DEVICE_PAGES,
    DEVICE_USED,
    EVICTIONS,
    F_DIRTY,
    F_FILE,
    F_FREE,
    F_WRITEBACK,
    FIRST_FOLIO,
    FLAGS,
    GLOBAL_RECLAIM,
    LRUVEC,
    MEMCG_COUNTERS,
    MEMORY_MAX,
    MEMORY_MIN,
    MEMORY_USAGE,
    MIN_LRU_BATCH,
    NEXT_FOLIO,
    NODE_PAGES,
    NODE_USAGE,
    NR_CHARGED,
    NR_MEMCGS,
    NR_NODES,
    NR_PAGES,
    NR_RESIDENT,
    NR_SWAP_DEVICES,
    OF_NODE,
    PARENT,
    PGDEMOTE_KSWAPD,
    RECLAIMED_SEEN,
    STATUS,
    STATUS_BROKEN,
    SWAP_MAX,
    SWAP_OF_OWN,
    SWAP_USAGE,
    TARGET_MEMCG,
    TASK_BOUND,
    TASK_NODE,
)
from runtime.core.memcg import (
    lruvec_of,
    mem_cgroup_below_min,
    mem_cgroup_swappiness,
    memcg_of,
    protected_usage,
    siblings_protected,
    subtree_end,
)
from runtime.core.swapfile import swap_left

LIMIT = 32
NODE_LIMIT = 33
SWAP_LIMIT = 34
USAGE_COUNT = 35
PROTECTION = 36
OOM_TOO_EARLY = 37
"""Which invariant is broken; those of `runtime/core/invariants.py` have lower numbers."""

UNPROTECTED = -1


def broken(ctx: Context, invariant: int, at: int) -> None:
    """The run is over: something of ours is wrong. The first that was found counts."""
    if ctx.state[STATUS] != STATUS_BROKEN:
        ctx.state[STATUS] = STATUS_BROKEN
        ctx.state[BROKEN] = invariant
        ctx.state[BROKEN_AT] = at


# --- limits -----------------------------------------------------------------------------------------------


def check_limits(ctx: Context) -> None:
    """No memcg, node or device holds more than it may, and memcgs are charged what their lruvecs are."""
    if ctx.state[NR_RESIDENT] > ctx.state[NR_PAGES]:
        broken(ctx, LIMIT, 0)
    for device in range(1, ctx.state[NR_SWAP_DEVICES] + 1):
        if ctx.devices[device, DEVICE_USED] < 0 or ctx.devices[device, DEVICE_USED] > ctx.devices[device, DEVICE_PAGES]:
            broken(ctx, SWAP_LIMIT, device)
    if ctx.SINGLE:
        return
    for node in range(ctx.state[NR_NODES]):
        if ctx.nodes[node, NODE_USAGE] > ctx.nodes[node, NODE_PAGES]:
            broken(ctx, NODE_LIMIT, node)
    for memcg in range(ctx.state[NR_MEMCGS]):
        if ctx.memcgs[memcg, MEMORY_USAGE] > ctx.memcgs[memcg, MEMORY_MAX]:
            broken(ctx, LIMIT, memcg)
        if ctx.memcgs[memcg, SWAP_USAGE] > ctx.memcgs[memcg, SWAP_MAX]:
            broken(ctx, SWAP_LIMIT, memcg)
        check_usage(ctx, memcg)


def check_usage(ctx: Context, memcg: int) -> None:
    """What is charged to a memcg is what is charged to the lruvecs of it and of all below it."""
    usage = 0
    swap = 0
    for below in range(memcg, subtree_end(ctx, memcg)):
        for node in range(ctx.state[NR_NODES]):
            lruvec = lruvec_of(ctx, below, node)
            usage += ctx.lruvecs[lruvec, NR_CHARGED] + ctx.lruvecs[lruvec, NR_CHARGED + 1]
        for device in range(ctx.state[NR_SWAP_DEVICES]):
            if ctx.memcgs[below, SWAP_OF_OWN + device] < 0:
                broken(ctx, USAGE_COUNT, below)
            swap += ctx.memcgs[below, SWAP_OF_OWN + device]
    if usage != ctx.memcgs[memcg, MEMORY_USAGE] or swap != ctx.memcgs[memcg, SWAP_USAGE]:
        broken(ctx, USAGE_COUNT, memcg)


# --- protection -------------------------------------------------------------------------------------------


def note_protected(ctx: Context) -> None:
    """A reclaim begins: note, for each memcg that it must leave alone, what it was robbed of so far."""
    if ctx.SINGLE:
        return
    for memcg in range(ctx.state[NR_MEMCGS]):
        ctx.memcgs[memcg, RECLAIMED_SEEN] = UNPROTECTED
        if is_guaranteed(ctx, memcg):
            ctx.memcgs[memcg, RECLAIMED_SEEN] = taken_from(ctx, memcg)


def check_protected(ctx: Context) -> None:
    """A reclaim has ended: nothing was taken from those."""
    if ctx.SINGLE:
        return
    for memcg in range(ctx.state[NR_MEMCGS]):
        before = ctx.memcgs[memcg, RECLAIMED_SEEN]
        if before != UNPROTECTED and before != taken_from(ctx, memcg):
            broken(ctx, PROTECTION, memcg)


def taken_from(ctx: Context, memcg: int) -> int:
    taken = ctx.memcgs[memcg, MEMCG_COUNTERS + EVICTIONS]
    for by in range(3):
        taken += ctx.memcgs[memcg, MEMCG_COUNTERS + PGDEMOTE_KSWAPD + by]
    return taken


def is_guaranteed(ctx: Context, memcg: int) -> bool:
    """Whether `min` covers all of a memcg below the target of reclaim: it uses no more, and no memcg between it and the
    target has to share out less than those below it claim. As only others are reclaimed from, that stays so."""
    target = ctx.state[TARGET_MEMCG]
    if memcg <= target or memcg >= subtree_end(ctx, target):
        return False
    if ctx.memcgs[memcg, MEMORY_USAGE] > ctx.memcgs[memcg, MEMORY_MIN]:
        return False
    at = ctx.memcgs[memcg, PARENT]
    while at > target:
        if siblings_protected(ctx, at, MEMORY_MIN) > protected_usage(ctx, at, MEMORY_MIN):
            return False
        at = ctx.memcgs[at, PARENT]
    return True


# --- out of memory ----------------------------------------------------------------------------------------


def check_nothing_to_reclaim(ctx: Context, memcg: int) -> None:
    """Memory has run out for `memcg`: none of its folios, or of those below it, could have been reclaimed."""
    bound = not ctx.SINGLE and ctx.state[GLOBAL_RECLAIM] != 0 and ctx.tasks[task_cpu(ctx), TASK_BOUND] != 0
    for f in range(ctx.state[FIRST_FOLIO], ctx.state[NEXT_FOLIO]):
        if ctx.folios[f, FLAGS] & (F_FREE | F_WRITEBACK):
            continue
        lruvec = ctx.folios[f, LRUVEC]
        of = memcg_of(ctx, lruvec)
        if of < memcg or of >= subtree_end(ctx, memcg) or mem_cgroup_below_min(ctx, of):
            continue
        if bound and ctx.lruvecs[lruvec, OF_NODE] != ctx.tasks[task_cpu(ctx), TASK_NODE]:
            continue
        if can_go(ctx, f, of):
            broken(ctx, OOM_TOO_EARLY, f)


def can_go(ctx: Context, f: int, memcg: int) -> bool:
    """A clean file folio can; an anonymous one if there is swap for it. The kernel swaps nothing for a limit where
    swappiness is 0, and with MGLRU nothing if fewer slots than a batch are left (`get_swappiness`)."""
    flags = ctx.folios[f, FLAGS]
    if flags & F_FILE:
        return flags & F_DIRTY == 0
    if mem_cgroup_swappiness(ctx, memcg) == 0:
        return False
    return swap_left(ctx, memcg) >= MIN_LRU_BATCH
