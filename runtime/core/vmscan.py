"""Reclaim: one path for every policy (mm/vmscan.c).

`try_to_free_pages`, `try_to_free_mem_cgroup_pages`, `balance_pgdat → do_try_to_free_pages → shrink_node →
shrink_node_memcgs → shrink_lruvec` (`runtime/core/shrink.py`). The core owns the mechanism: whom reclaim is for, the
priority ladder, the walk over the memcgs and their protection, what is tried when nothing came, and the effort a
policy may spend. Which folios, and how many of which type, the hooks say.
"""

from __future__ import annotations

from runtime.core.clock import note_stall, spend
from runtime.core.context import Context, has_hook
from runtime.core.folio import task_cpu
from runtime.core.hooks import EVICT_FOLIOS, FOLIO_CHECK, SCAN_PLAN
from runtime.core.invariant_limits import check_protected, note_protected
from runtime.core.invariants import check_invariants
from runtime.core.layout import (
    ALLOCSTALL,
    ANON,
    ASKED_OF,
    BY_DIRECT,
    BY_KSWAPD,
    BY_PROACTIVE,
    COST_RECLAIM,
    DEF_PRIORITY,
    EFFORT_LEFT,
    EJECTABLE,
    EVENTS_LOW,
    FILE,
    FILE_IS_TINY,
    FORCE_DEACTIVATE,
    FULL_WALK,
    GLOBAL_RECLAIM,
    HOOK_STEPS,
    KSWAPD_FAILURES,
    MAX_RECLAIM_RETRIES,
    MEMCG_RECLAIM_TIME,
    NOW,
    NR_CHARGED,
    NR_ISOLATED,
    NR_NODES,
    NR_RECLAIMED,
    NR_RECLAIMS,
    NR_TO_RECLAIM,
    NR_WRITEBACK,
    OVERRULE,
    PAGEOUTRUN,
    PGSCAN_DIRECT,
    PGSCAN_KSWAPD,
    PGSTEAL_DIRECT,
    PRIORITY,
    PROPOSED_OF,
    RECLAIM_LOW,
    RECLAIM_NODE,
    RECLAIM_POSITION,
    RECLAIM_SWAPPINESS,
    RECLAIM_TIME,
    RECLAIMED_OF,
    RECLAIMER,
    SCAN_BATCH,
    SKIPPED_DEACTIVATE,
    SKIPPED_LOW,
    STATUS,
    STATUS_HOOK,
    STATUS_LRUVEC,
    STATUS_NO_PROGRESS,
    STATUS_OOM,
    SWAP_CLUSTER_MAX,
    TARGET_MEMCG,
    TASK_BOUND,
    TASK_MEMCG,
    TASK_NODE,
    WMARK_HIGH,
)
from runtime.core.memcg import (
    count_event,
    lruvec_of,
    mem_cgroup_below_low,
    mem_cgroup_below_min,
    mem_cgroup_calculate_protection,
    mem_cgroup_swappiness,
    node_of,
    subtree_end,
)
from runtime.core.mmzone import node_free
from runtime.core.shrink import effort, effort_left, effort_of, isolate_folios, shrink_lruvec
from runtime.core.shrink_list import can_reclaim_anon_pages, shrink_folio_list
from runtime.core.swap import lru_add_drain_all
from runtime.core.workingset import snapshot_refaults
from runtime.core.writeback import end_writebacks, wait_for_writeback

# --- whom reclaim is for ----------------------------------------------------------------------------------


def try_to_free_mem_cgroup_pages(ctx: Context, memcg: int, nr_to_reclaim: int, by: int) -> int:
    """Reclaim at least `nr_to_reclaim` folios of a memcg and those below; how many came, 0 if none can be had."""
    if ctx.IDEAL and not has_hook(ctx, 0, SCAN_PLAN):
        ctx.state[NR_RECLAIMS] += 1
        ctx.hooks.reclaim_begin(ctx, 0)
        reclaimed = ask_until_one(ctx, 0)
        # Proactive reclaim may fail: nobody needs the memory.
        if reclaimed == 0 and by != BY_PROACTIVE:
            no_progress(ctx, 0)
        ctx.hooks.reclaim_end(ctx, 0)
        if ctx.CHECKED:
            check_invariants(ctx)
        return reclaimed
    ctx.state[GLOBAL_RECLAIM] = 0
    ctx.state[TARGET_MEMCG] = memcg
    ctx.state[RECLAIM_NODE] = 0 if ctx.SINGLE else ctx.tasks[task_cpu(ctx), TASK_NODE]
    return reclaim(ctx, nr_to_reclaim, by)


def try_to_free_pages(ctx: Context, preferred: int, nr_to_reclaim: int) -> int:
    """Direct reclaim for want of memory of the nodes."""
    count_event(ctx, memcg_at_work(ctx), ALLOCSTALL, 1)
    ctx.state[GLOBAL_RECLAIM] = 1
    ctx.state[TARGET_MEMCG] = 0
    ctx.state[RECLAIM_NODE] = preferred
    return reclaim(ctx, nr_to_reclaim, BY_DIRECT)


def memcg_at_work(ctx: Context) -> int:
    """The memcg of the task at work."""
    return 0 if ctx.SINGLE else ctx.tasks[task_cpu(ctx), TASK_MEMCG]


def reclaim(ctx: Context, nr_to_reclaim: int, by: int) -> int:
    """A reclaim by the task at work: charged to its clock, and a stall. Proactive reclaim is nobody's."""
    state = ctx.state
    begin = state[NOW]
    state[RECLAIMER] = by
    state[NR_RECLAIMS] += 1
    spend(ctx, COST_RECLAIM, 1)
    if ctx.CHECKED:
        note_protected(ctx)
    reclaim_begins(ctx)
    reclaimed = climb_until_some(ctx, nr_to_reclaim)
    reclaim_ends(ctx)
    if ctx.CHECKED:
        check_protected(ctx)
        check_invariants(ctx)
    state[RECLAIMER] = BY_DIRECT
    if not ctx.IDEAL and by != BY_PROACTIVE:
        state[RECLAIM_TIME] += state[NOW] - begin
        if not ctx.SINGLE:
            ctx.memcgs[state[TARGET_MEMCG], MEMCG_RECLAIM_TIME] += state[NOW] - begin
        note_stall(ctx, begin)
    return reclaimed


def reclaim_begins(ctx: Context) -> None:
    """Tell the policies of the target."""
    for node in range(1 if ctx.SINGLE else ctx.state[NR_NODES]):
        ctx.hooks.reclaim_begin(ctx, lruvec_of(ctx, ctx.state[TARGET_MEMCG], node))


def reclaim_ends(ctx: Context) -> None:
    for node in range(1 if ctx.SINGLE else ctx.state[NR_NODES]):
        lruvec = lruvec_of(ctx, ctx.state[TARGET_MEMCG], node)
        snapshot_refaults(ctx, lruvec)
        ctx.hooks.reclaim_end(ctx, lruvec)


# --- the ideal model --------------------------------------------------------------------------------------


def ask_until_one(ctx: Context, lruvec: int) -> int:
    """The ideal model, for a policy that makes no plan: none is made for it either, and its `ctx.type` is FILE. It is
    asked again and again until one folio is reclaimed, within its effort; then within as much again, with KEEP
    overruled."""
    most = effort(ctx)
    left = 2 * most
    asked = 0
    proposed = 0
    ctx.state[HOOK_STEPS] = 0
    while left > 0:
        scanned = isolate_folios(ctx, lruvec, FILE, ctx.state[SCAN_BATCH], 1)
        ctx.state[PGSCAN_DIRECT] += scanned
        overrule = 1 if left <= most else 0
        asked += overrule
        proposed += ctx.state[NR_ISOLATED] * overrule
        if shrink_folio_list(ctx, lruvec, 1, overrule) > 0:
            ctx.state[PGSTEAL_DIRECT] += 1
            return 1
        spent = effort_of(ctx, scanned)
        left -= spent if spent > 0 else 1
    ctx.lruvecs[lruvec, EFFORT_LEFT] = left - most
    ctx.lruvecs[lruvec, ASKED_OF] = asked
    ctx.lruvecs[lruvec, PROPOSED_OF] = proposed
    return 0


# --- the priority ladder ----------------------------------------------------------------------------------


def climb_until_some(ctx: Context, nr_to_reclaim: int) -> int:
    """`do_try_to_free_pages`, and what is tried if nothing came: the whole tree, forced deactivation, memory below its
    `low`; then KEEP is overruled and the policies have their effort once more: one that kept everything must not have
    spent it on that."""
    state = ctx.state
    reclaimed = 0
    state[RECLAIM_LOW] = 0
    state[FORCE_DEACTIVATE] = 0
    state[OVERRULE] = 0
    state[FULL_WALK] = 0
    for attempt in range(5):
        if attempt == 1:
            if ctx.SINGLE:
                continue
            state[FULL_WALK] = 1
        if attempt == 2:
            if state[SKIPPED_DEACTIVATE] == 0:
                continue
            state[FORCE_DEACTIVATE] = 1
        if attempt == 3:
            if state[SKIPPED_LOW] == 0:
                continue
            state[FORCE_DEACTIVATE] = 0
            state[RECLAIM_LOW] = 1
        if attempt == 4:
            # Proactive reclaim may fail: nobody needs the memory.
            if state[RECLAIMER] == BY_PROACTIVE or not can_reclaim(ctx):
                break
            lru_add_drain_all(ctx)
            state[FORCE_DEACTIVATE] = 1
            state[OVERRULE] = 1
            state[NR_RECLAIMS] += 1
        reclaimed = do_try_to_free_pages(ctx, nr_to_reclaim)
        if reclaimed > 0:
            break
    if state[OVERRULE] != 0 and reclaimed == 0:
        reclaimed = use_up_effort(ctx, nr_to_reclaim)
    state[OVERRULE] = 0
    state[FORCE_DEACTIVATE] = 0
    return reclaimed


def do_try_to_free_pages(ctx: Context, nr_to_reclaim: int) -> int:
    """The priority ladder: the whole of a lruvec is planned for at priority 0, 1/4096 of it at 12."""
    state = ctx.state
    state[NR_TO_RECLAIM] = nr_to_reclaim
    state[NR_RECLAIMED] = 0
    state[SKIPPED_DEACTIVATE] = 0
    state[SKIPPED_LOW] = 0
    for step in range(DEF_PRIORITY + 1):
        state[PRIORITY] = DEF_PRIORITY - step
        shrink_zones(ctx)
        if state[NR_RECLAIMED] >= nr_to_reclaim:
            break
        if not ctx.IDEAL and state[NR_RECLAIMED] == 0 and state[NR_WRITEBACK] > 0 and step > 1:
            wait_for_writeback(ctx)
    return state[NR_RECLAIMED]


def shrink_zones(ctx: Context) -> None:
    """Each node, the preferred one first; only that one if it is its memory that a task is bound to and wants."""
    if ctx.SINGLE:
        shrink_node(ctx, 0)
        return
    count = ctx.state[NR_NODES]
    for i in range(1 if wants_one_node(ctx) else count):
        node = ctx.state[RECLAIM_NODE] + i
        shrink_node(ctx, node if node < count else node - count)


def wants_one_node(ctx: Context) -> bool:
    """Whether reclaim is for a task that is bound to the node it wants memory of."""
    if ctx.SINGLE:
        return False
    return ctx.state[GLOBAL_RECLAIM] != 0 and ctx.tasks[task_cpu(ctx), TASK_BOUND] != 0


def shrink_node(ctx: Context, node: int) -> None:
    """`shrink_node`: see whether files alone can still help, then the memcgs of the target."""
    if not ctx.IDEAL:
        end_writebacks(ctx)
        ctx.state[FILE_IS_TINY] = 1 if ctx.state[GLOBAL_RECLAIM] != 0 and file_is_tiny(ctx, node) else 0
    before = ctx.state[NR_RECLAIMED]
    shrink_node_memcgs(ctx, node)
    if ctx.state[NR_RECLAIMED] != before:
        ctx.nodes[node, KSWAPD_FAILURES] = 0


def file_is_tiny(ctx: Context, node: int) -> bool:
    """File pages and free ones together do not reach the high watermark (`prepare_scan_control`)."""
    files = 0
    for memcg in range(subtree_end(ctx, 0)):
        files += ctx.lruvecs[lruvec_of(ctx, memcg, node), NR_CHARGED + FILE]
    return files + node_free(ctx, node) <= ctx.nodes[node, WMARK_HIGH]


def shrink_node_memcgs(ctx: Context, node: int) -> None:
    """`shrink_node_memcgs`: the memcgs below the target, in preorder. A task's reclaim stops when it has enough, and
    the next one goes on from there (`mem_cgroup_iter` with a cookie); kswapd and a second attempt see them all."""
    if ctx.SINGLE:
        shrink_lruvec(ctx, 0)
        return
    state = ctx.state
    target = state[TARGET_MEMCG]
    end = subtree_end(ctx, target)
    partial = state[RECLAIMER] != BY_KSWAPD and state[FULL_WALK] == 0
    at = target
    if partial and ctx.memcgs[target, RECLAIM_POSITION + node] > target:
        at = ctx.memcgs[target, RECLAIM_POSITION + node]
        for above in range(target, at):
            mem_cgroup_calculate_protection(ctx, target, above)
    while at < end:
        shrink_memcg(ctx, at, node)
        at += 1
        if partial and state[NR_RECLAIMED] >= state[NR_TO_RECLAIM]:
            break
    if partial:
        ctx.memcgs[target, RECLAIM_POSITION + node] = at if at < end else 0


def shrink_memcg(ctx: Context, memcg: int, node: int) -> None:
    """One memcg on a node, unless its protection covers all it has."""
    state = ctx.state
    lruvec = lruvec_of(ctx, memcg, node)
    mem_cgroup_calculate_protection(ctx, state[TARGET_MEMCG], memcg)
    if ctx.lruvecs[lruvec, NR_CHARGED + ANON] + ctx.lruvecs[lruvec, NR_CHARGED + FILE] == 0:
        return
    if mem_cgroup_below_min(ctx, memcg):
        return
    if mem_cgroup_below_low(ctx, memcg):
        if state[RECLAIM_LOW] == 0:
            state[SKIPPED_LOW] = 1
            return
        count_event(ctx, memcg, EVENTS_LOW, 1)
    before = state[NR_RECLAIMED]
    shrink_lruvec(ctx, lruvec)
    ctx.lruvecs[lruvec, RECLAIMED_OF] += state[NR_RECLAIMED] - before


# --- kswapd -----------------------------------------------------------------------------------------------


def balance_pgdat(ctx: Context, node: int) -> None:
    """`balance_pgdat`: reclaim from a node until its high watermark is met. Pressure rises unless a pass looked at as
    many folios as are wanted; below priority 1 it begins anew, until that has given nothing."""
    state = ctx.state
    count_event(ctx, 0, PAGEOUTRUN, 1)
    state[RECLAIMER] = BY_KSWAPD
    spend(ctx, COST_RECLAIM, 1)
    state[GLOBAL_RECLAIM] = 1
    state[TARGET_MEMCG] = 0
    state[RECLAIM_NODE] = node
    state[NR_RECLAIMS] += 1
    state[RECLAIM_LOW] = 0
    state[NR_RECLAIMED] = 0
    high = ctx.nodes[node, WMARK_HIGH]
    state[NR_TO_RECLAIM] = high if high > SWAP_CLUSTER_MAX else SWAP_CLUSTER_MAX
    if ctx.CHECKED:
        note_protected(ctx)
    lruvec = lruvec_of(ctx, 0, node)
    ctx.hooks.reclaim_begin(ctx, lruvec)
    while not pgdat_balanced(ctx, node):
        before = state[NR_RECLAIMED]
        climb_for_node(ctx, node)
        if state[NR_RECLAIMED] == before and (state[SKIPPED_LOW] == 0 or state[RECLAIM_LOW] != 0):
            break
        state[RECLAIM_LOW] = state[SKIPPED_LOW]
        state[NR_RECLAIMS] += 1
    if not pgdat_balanced(ctx, node):
        ctx.nodes[node, KSWAPD_FAILURES] += 1
    snapshot_refaults(ctx, lruvec)
    ctx.hooks.reclaim_end(ctx, lruvec)
    state[RECLAIMER] = BY_DIRECT
    state[RECLAIM_LOW] = 0
    if ctx.CHECKED:
        check_protected(ctx)
        check_invariants(ctx)


def climb_for_node(ctx: Context, node: int) -> None:
    """The passes of `balance_pgdat` from the first priority to 1."""
    state = ctx.state
    state[SKIPPED_LOW] = 0
    state[PRIORITY] = DEF_PRIORITY
    while state[PRIORITY] >= 1 and not pgdat_balanced(ctx, node):
        reclaimed = state[NR_RECLAIMED]
        scanned = state[PGSCAN_KSWAPD]
        shrink_node(ctx, node)
        if state[NR_RECLAIMED] == reclaimed or state[PGSCAN_KSWAPD] - scanned < state[NR_TO_RECLAIM]:
            state[PRIORITY] -= 1


def pgdat_balanced(ctx: Context, node: int) -> bool:
    """`pgdat_balanced`: more pages are free than the high watermark (`__zone_watermark_ok` is strict)."""
    return node_free(ctx, node) > ctx.nodes[node, WMARK_HIGH]


# --- when nothing comes -----------------------------------------------------------------------------------


def can_reclaim(ctx: Context) -> bool:
    """Whether the target holds anything that could go: file pages, or anonymous ones and swap for them."""
    if ctx.IDEAL:
        return True
    target = ctx.state[TARGET_MEMCG]
    for memcg in range(target, subtree_end(ctx, target)):
        for node in range(1 if ctx.SINGLE else ctx.state[NR_NODES]):
            if can_give(ctx, memcg, lruvec_of(ctx, memcg, node)):
                return True
    return False


def can_give(ctx: Context, memcg: int, lruvec: int) -> bool:
    """Whether a lruvec holds anything that could go. With swappiness 0 that is files alone. A task that is bound to its
    node cannot do with the memory of another."""
    if mem_cgroup_below_min(ctx, memcg):
        return False
    if wants_one_node(ctx) and node_of(ctx, lruvec) != ctx.state[RECLAIM_NODE]:
        return False
    if ctx.lruvecs[lruvec, NR_CHARGED + FILE] > 0:
        return True
    if mem_cgroup_swappiness(ctx, memcg) == 0:
        return False
    return ctx.lruvecs[lruvec, NR_CHARGED + ANON] > 0 and can_reclaim_anon_pages(ctx, lruvec)


def use_up_effort(ctx: Context, nr_to_reclaim: int) -> int:
    """A ladder with KEEP overruled gave nothing though there was something to have: climb on as long as the policy to
    blame looks at folios, within its effort. It is ejected if none comes."""
    reclaimed = 0
    while reclaimed == 0:
        lruvec = policy_to_blame(ctx)
        if lruvec < 0:
            break
        left = effort_left(ctx, lruvec)
        if left > 0:
            reclaimed = do_try_to_free_pages(ctx, nr_to_reclaim)
        if reclaimed == 0 and effort_left(ctx, lruvec) == left:
            no_progress(ctx, lruvec)
            break
    return reclaimed


def policy_to_blame(ctx: Context) -> int:
    """The lruvec whose policy gave nothing: first one whose effort is used up, else the first that has something to
    give; -1 if there is none. No built-in policy is to blame: where that finds nothing, the kernel would find nothing,
    either."""
    if ctx.SINGLE:
        return 0 if ctx.IDEAL or ctx.lruvecs[0, EJECTABLE] != 0 else -1
    target = ctx.state[TARGET_MEMCG]
    found = -1
    for memcg in range(target, subtree_end(ctx, target)):
        for node in range(ctx.state[NR_NODES]):
            lruvec = lruvec_of(ctx, memcg, node)
            if ctx.lruvecs[lruvec, EJECTABLE] == 0 or not can_give(ctx, memcg, lruvec):
                continue
            if effort_left(ctx, lruvec) <= 0:
                return lruvec
            if found < 0:
                found = lruvec
    return found


def no_progress(ctx: Context, lruvec: int) -> None:
    """The policy of the lruvec is to be ejected, unless it is built in. The ideal model has no other way out then."""
    state = ctx.state
    if state[STATUS] != 0:
        return
    if ctx.lruvecs[lruvec, EJECTABLE] == 0:
        if ctx.IDEAL:
            state[STATUS] = STATUS_OOM
        return
    state[STATUS] = STATUS_NO_PROGRESS
    state[STATUS_LRUVEC] = lruvec
    state[STATUS_HOOK] = EVICT_FOLIOS
    if ctx.lruvecs[lruvec, ASKED_OF] == 0 and has_hook(ctx, lruvec, SCAN_PLAN):
        state[STATUS_HOOK] = SCAN_PLAN
    elif ctx.lruvecs[lruvec, PROPOSED_OF] > 0 and has_hook(ctx, lruvec, FOLIO_CHECK):
        state[STATUS_HOOK] = FOLIO_CHECK


# --- proactive reclaim ------------------------------------------------------------------------------------


def user_proactive_reclaim(ctx: Context, memcg: int, nr_to_reclaim: int, swappiness: int) -> int:
    """`memory.reclaim`: take so many pages from a memcg though it has room; what came. `swappiness` -1: its own."""
    state = ctx.state
    state[RECLAIM_SWAPPINESS] = swappiness
    reclaimed = 0
    retries = 0
    while reclaimed < nr_to_reclaim and retries < MAX_RECLAIM_RETRIES and state[STATUS] == 0:
        if retries == MAX_RECLAIM_RETRIES - 1:
            lru_add_drain_all(ctx)
        batch = (nr_to_reclaim - reclaimed) // 4
        batch = batch if batch > SWAP_CLUSTER_MAX else SWAP_CLUSTER_MAX
        got = try_to_free_mem_cgroup_pages(ctx, memcg, batch, BY_PROACTIVE)
        reclaimed += got
        if got == 0:
            retries += 1
    state[RECLAIM_SWAPPINESS] = -1
    return reclaimed
