"""Memory cgroups: the tree, its counters, limits and protection (mm/memcontrol.c, mm/page_counter.c).

Memcgs are numbered in preorder, so that a subtree is a range of numbers; memcg 0 is the top. A lruvec is a memcg on a
node: number `memcg * NR_NODES + node`. A run of one memcg, one task and one node (`SINGLE`) keeps its usage in
`NR_RESIDENT` and its limit in `NR_PAGES` and pays for none of the tree. Guaranteed: a memcg is charged what its own
lruvecs and those of all memcgs below it are.
"""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.layout import (
    EFFECTIVE_LOW,
    EFFECTIVE_MIN,
    HAS_PROTECTION,
    MEMCG_COUNTERS,
    MEMCG_SWAPPINESS,
    MEMORY_LOW,
    MEMORY_MAX,
    MEMORY_MIN,
    MEMORY_USAGE,
    NODE_USAGE,
    NR_CHARGED,
    NR_MEMCGS,
    NR_NODES,
    NR_PAGES,
    NR_RESIDENT,
    OF_MEMCG,
    OF_NODE,
    PARENT,
    RECLAIM_LOW,
    RECLAIM_SWAPPINESS,
    SKIPPED_LOW,
    SUBTREE_END,
    SWAP_CLUSTER_MAX,
    SWAPPINESS,
    TARGET_MEMCG,
)

# --- the tree ---------------------------------------------------------------------------------------------


def memcg_of(ctx: Context, lruvec: int) -> int:
    return 0 if ctx.SINGLE else ctx.lruvecs[lruvec, OF_MEMCG]


def node_of(ctx: Context, lruvec: int) -> int:
    return 0 if ctx.SINGLE else ctx.lruvecs[lruvec, OF_NODE]


def lruvec_of(ctx: Context, memcg: int, node: int) -> int:
    """`mem_cgroup_lruvec`."""
    return 0 if ctx.SINGLE else memcg * ctx.state[NR_NODES] + node


def nr_lruvecs(ctx: Context) -> int:
    return 1 if ctx.SINGLE else ctx.state[NR_MEMCGS] * ctx.state[NR_NODES]


def parent_lruvec(ctx: Context, lruvec: int) -> int:
    """The lruvec of the parent memcg on the same node; -1 above the top."""
    if ctx.SINGLE:
        return -1
    parent = ctx.memcgs[ctx.lruvecs[lruvec, OF_MEMCG], PARENT]
    return -1 if parent < 0 else lruvec_of(ctx, parent, ctx.lruvecs[lruvec, OF_NODE])


def subtree_end(ctx: Context, memcg: int) -> int:
    return 1 if ctx.SINGLE else ctx.memcgs[memcg, SUBTREE_END]


def count_event(ctx: Context, memcg: int, counter: int, n: int) -> None:
    """`count_memcg_events`: for the run and, where there are several, for the memcg."""
    ctx.state[counter] += n
    if not ctx.SINGLE:
        ctx.memcgs[memcg, MEMCG_COUNTERS + counter] += n


def lruvec_stat_add(ctx: Context, lruvec: int, word: int, n: int) -> None:
    """Add to a word of a lruvec and of all above it, as hierarchical counters do (`mod_lruvec_state`)."""
    at = lruvec
    while at >= 0:
        ctx.lruvecs[at, word] += n
        at = parent_lruvec(ctx, at)


# --- usage and limits -------------------------------------------------------------------------------------


def page_counter_charge(ctx: Context, lruvec: int, type: int, n: int) -> None:
    """Charge `n` pages (or, negative, take them back) to the lruvec's node, its memcg and
    all above it."""
    ctx.state[NR_RESIDENT] += n
    if ctx.IDEAL:
        return
    ctx.lruvecs[lruvec, NR_CHARGED + type] += n
    if ctx.SINGLE:
        return
    ctx.nodes[ctx.lruvecs[lruvec, OF_NODE], NODE_USAGE] += n
    memcg = ctx.lruvecs[lruvec, OF_MEMCG]
    while memcg >= 0:
        ctx.memcgs[memcg, MEMORY_USAGE] += n
        memcg = ctx.memcgs[memcg, PARENT]


def memory_usage(ctx: Context, memcg: int) -> int:
    return ctx.state[NR_RESIDENT] if ctx.SINGLE else ctx.memcgs[memcg, MEMORY_USAGE]


def memory_limit(ctx: Context, memcg: int) -> int:
    """The least `max` of the memcg and of those above it, at most all memory there is."""
    limit = ctx.state[NR_PAGES]
    if ctx.SINGLE:
        return limit
    at = memcg
    while at >= 0:
        if ctx.memcgs[at, MEMORY_MAX] < limit:
            limit = ctx.memcgs[at, MEMORY_MAX]
        at = ctx.memcgs[at, PARENT]
    return limit


def memcg_over_limit(ctx: Context, memcg: int) -> int:
    """The first memcg from `memcg` upwards that has no room for one page more under its `max`; -1: none."""
    if ctx.SINGLE:
        return 0 if ctx.state[NR_RESIDENT] >= ctx.state[NR_PAGES] else -1
    at = memcg
    while at >= 0 and ctx.memcgs[at, MEMORY_USAGE] < ctx.memcgs[at, MEMORY_MAX]:
        at = ctx.memcgs[at, PARENT]
    return at


def mem_cgroup_swappiness(ctx: Context, memcg: int) -> int:
    """The swappiness of the reclaim under way for a memcg: proactive reclaim may bring its own."""
    asked = ctx.state[RECLAIM_SWAPPINESS]
    if asked >= 0:
        return asked
    return ctx.state[SWAPPINESS] if ctx.SINGLE else ctx.memcgs[memcg, MEMCG_SWAPPINESS]


# --- protection -------------------------------------------------------------------------------------------


def protected_usage(ctx: Context, memcg: int, word: int) -> int:
    """What of a memcg's usage its `min` or `low` covers."""
    usage = ctx.memcgs[memcg, MEMORY_USAGE]
    setting = ctx.memcgs[memcg, word]
    return usage if usage < setting else setting


def siblings_protected(ctx: Context, parent: int, word: int) -> int:
    """What the children of `parent` claim together."""
    total = 0
    child = parent + 1
    while child < ctx.memcgs[parent, SUBTREE_END]:
        total += protected_usage(ctx, child, word)
        child = ctx.memcgs[child, SUBTREE_END]
    return total


def effective_protection(ctx: Context, root: int, memcg: int, setting: int, effective: int) -> int:
    """`effective_protection`: what a memcg claims, cut in proportion where siblings claim more than their parent has.
    Where they claim less, the rest goes to what each has beyond its claim, if protection is recursive. Right below the
    root of reclaim a memcg has what it claims."""
    protected = protected_usage(ctx, memcg, setting)
    parent = ctx.memcgs[memcg, PARENT]
    if parent < 0 or parent == root:
        return protected
    claimed = siblings_protected(ctx, parent, setting)
    available = ctx.memcgs[parent, effective]
    if claimed > available:
        return protected * available // claimed
    beyond = ctx.memcgs[memcg, MEMORY_USAGE] - protected
    all_beyond = ctx.memcgs[parent, MEMORY_USAGE] - claimed
    if ctx.state[HAS_PROTECTION] == 2 and available > claimed and all_beyond > 0 and beyond > 0:
        protected += (available - claimed) * beyond // all_beyond
    return protected


def mem_cgroup_calculate_protection(ctx: Context, root: int, memcg: int) -> None:
    """Find what of `memcg` is protected from reclaim for `root`. Parents before children: preorder."""
    if ctx.SINGLE or ctx.state[HAS_PROTECTION] == 0:
        return
    if memcg == root:
        ctx.memcgs[memcg, EFFECTIVE_MIN] = 0
        ctx.memcgs[memcg, EFFECTIVE_LOW] = 0
        return
    ctx.memcgs[memcg, EFFECTIVE_MIN] = effective_protection(ctx, root, memcg, MEMORY_MIN, EFFECTIVE_MIN)
    ctx.memcgs[memcg, EFFECTIVE_LOW] = effective_protection(ctx, root, memcg, MEMORY_LOW, EFFECTIVE_LOW)


def mem_cgroup_below_min(ctx: Context, memcg: int) -> bool:
    if ctx.SINGLE or ctx.state[HAS_PROTECTION] == 0 or memcg == ctx.state[TARGET_MEMCG]:
        return False
    return ctx.memcgs[memcg, EFFECTIVE_MIN] >= ctx.memcgs[memcg, MEMORY_USAGE]


def mem_cgroup_below_low(ctx: Context, memcg: int) -> bool:
    if ctx.SINGLE or ctx.state[HAS_PROTECTION] == 0 or memcg == ctx.state[TARGET_MEMCG]:
        return False
    return ctx.memcgs[memcg, EFFECTIVE_LOW] >= ctx.memcgs[memcg, MEMORY_USAGE]


def unprotected(ctx: Context, lruvec: int, size: int) -> int:
    """`apply_proportional_protection`: of `size` folios of the lruvec, those that may be scanned. The part that
    protection covers of the memcg's usage is left out, but at least a cluster is scanned."""
    if ctx.SINGLE or ctx.state[HAS_PROTECTION] == 0:
        return size
    memcg = ctx.lruvecs[lruvec, OF_MEMCG]
    if memcg == ctx.state[TARGET_MEMCG]:
        return size
    protection = ctx.memcgs[memcg, EFFECTIVE_MIN]
    if ctx.state[RECLAIM_LOW] == 0 and ctx.memcgs[memcg, EFFECTIVE_LOW] > protection:
        protection = ctx.memcgs[memcg, EFFECTIVE_LOW]
        ctx.state[SKIPPED_LOW] = 1
    if protection == 0:
        return size
    usage = ctx.memcgs[memcg, MEMORY_USAGE]
    usage = usage if usage > protection else protection
    left = size - size * protection // (usage + 1)
    return left if left > SWAP_CLUSTER_MAX else SWAP_CLUSTER_MAX
