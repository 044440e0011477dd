"""One lruvec at one priority: the policy's plan, and the rounds over it (`shrink_lruvec`, mm/vmscan.c).

A policy plans per type, as the traditional LRU does, and the core goes through the plan in rounds of 32; or it says how
many folios of any type to look at, as MGLRU does, and is asked again after each batch. In both cases candidates come
from `evict_folios` and go through the same `shrink_folio_list`.

In: a lruvec, and the reclaim under way in `state`. Out: `NR_RECLAIMED`, larger by what came. Guaranteed: a policy is
asked no more once its effort is spent, and every candidate is gone or back with the policy afterwards.
"""

from __future__ import annotations

from runtime.core.clock import spend
from runtime.core.context import Context, has_hook
from runtime.core.folio import folio_is_file
from runtime.core.hooks import FOLIO_ADDED, SCAN_PLAN
from runtime.core.layout import (
    ANON,
    ANON_COST,
    ANY,
    ASKED_OF,
    BY_DIRECT,
    BY_KSWAPD,
    COST_SCAN,
    CTX_NR_TO_SCAN,
    CTX_TYPE,
    CTX_WANTED,
    DEF_PRIORITY,
    EFFORT_AT_LEAST,
    EFFORT_LEFT,
    EFFORT_OF,
    EFFORT_PER_FOLIO,
    FILE,
    FILE_COST,
    GLOBAL_RECLAIM,
    HOOK_STEPS,
    ISOLATED_FIRST,
    KERNEL,
    LEN,
    LOOKED_AT,
    LOOKED_AT_FILE,
    MAX_SCAN,
    MIN_LRU_BATCH,
    NEXT,
    NR_FOLIOS,
    NR_ISOLATED,
    NR_RECLAIMED,
    NR_RECLAIMS,
    NR_RESIDENT,
    NR_TO_RECLAIM,
    OVERRULE,
    PGAGED,
    PGREFILL,
    PGSCAN_ANON,
    PGSCAN_FILE,
    PGSCAN_KSWAPD,
    PGSTEAL_KSWAPD,
    PLAN_AGE,
    PLAN_EVICT,
    PLAN_SCAN,
    PLAN_WALK,
    PRIORITY,
    PROPOSED_OF,
    PSWPOUT,
    RECLAIMED_OF,
    RECLAIMER,
    SWAP_CLUSTER_MAX,
    TARGET_MEMCG,
    UNCLAIMED,
    WMARK_HIGH,
)
from runtime.core.lists import ctx_evict, list_head_row
from runtime.core.memcg import count_event, lruvec_of, memcg_of, node_of, parent_lruvec, subtree_end
from runtime.core.mmzone import node_free
from runtime.core.shrink_list import shrink_folio_list
from runtime.core.swap import lru_add_drain
from runtime.core.walk import walk_page_tables

# --- effort -----------------------------------------------------------------------------------------------

STEPS_PER_FOLIO = 256
"""Instructions a policy may run for each folio it looks at; those of the shipped programs run fewer."""
WALKS_PER_RESIDENT = 8
"""A walk of the page tables counts as looking at one in so many of the resident folios: it is bounded by the pages of
the trace, not by what is resident, and the effort of a reclaim leaves room for several."""


def effort(ctx: Context) -> int:
    """Folios a policy may look at in one reclaim."""
    return ctx.state[EFFORT_PER_FOLIO] * ctx.state[NR_RESIDENT] + ctx.state[EFFORT_AT_LEAST]


def effort_left(ctx: Context, lruvec: int) -> int:
    """Folios the policy of a lruvec may still look at in the reclaim under way."""
    if ctx.lruvecs[lruvec, EFFORT_OF] != ctx.state[NR_RECLAIMS]:
        ctx.lruvecs[lruvec, EFFORT_OF] = ctx.state[NR_RECLAIMS]
        ctx.lruvecs[lruvec, EFFORT_LEFT] = effort(ctx)
        ctx.lruvecs[lruvec, RECLAIMED_OF] = 0
        ctx.lruvecs[lruvec, ASKED_OF] = 0
        ctx.lruvecs[lruvec, PROPOSED_OF] = 0
    return ctx.lruvecs[lruvec, EFFORT_LEFT]


def effort_of(ctx: Context, looked_at: int) -> int:
    """What a policy did lately, in folios looked at: it says how many it was, but is charged for what its hooks ran if
    that is more."""
    by_steps = ctx.state[HOOK_STEPS] // STEPS_PER_FOLIO
    ctx.state[HOOK_STEPS] = 0
    return by_steps if by_steps > looked_at else looked_at


def spend_effort(ctx: Context, lruvec: int, looked_at: int) -> None:
    count = effort_of(ctx, looked_at)
    ctx.lruvecs[lruvec, EFFORT_LEFT] -= count if count > 0 else 1


def begin_looking(ctx: Context) -> int:
    """Before a hook that may go through a list other than for eviction: what `spend_on_looking` is told after it."""
    ctx.state[LOOKED_AT] = 0
    return ctx.state[PGREFILL]


def spend_on_looking(ctx: Context, refilled: int) -> None:
    """The time of the folios that a hook went through: those it was handed, or those it counted as `pgrefill`."""
    looked_at = ctx.state[LOOKED_AT]
    refilled = ctx.state[PGREFILL] - refilled
    if looked_at < refilled:
        looked_at = refilled
    if looked_at > 0:
        spend(ctx, COST_SCAN, looked_at)


# --- the plan ---------------------------------------------------------------------------------------------


def make_plan(ctx: Context, lruvec: int) -> None:
    """What to look at in this pass. Without a plan of the policy's: file and anonymous folios alike, at this priority's
    share of all folios, at least one round."""
    ctx.lruvecs[lruvec, PLAN_SCAN] = 0
    ctx.lruvecs[lruvec, PLAN_WALK] = 0
    for type in range(2):
        ctx.lruvecs[lruvec, PLAN_EVICT + type] = 0
        ctx.lruvecs[lruvec, PLAN_AGE + type] = 0
    if has_hook(ctx, lruvec, SCAN_PLAN):
        ctx.hooks.scan_plan(ctx, lruvec)
        return
    plan = ctx.lruvecs[lruvec, NR_FOLIOS] >> ctx.state[PRIORITY]
    if plan < SWAP_CLUSTER_MAX:
        plan = SWAP_CLUSTER_MAX
    ctx.lruvecs[lruvec, PLAN_EVICT + FILE] = plan


def shrink_lruvec(ctx: Context, lruvec: int) -> None:
    """`shrink_lruvec`."""
    lru_add_drain(ctx)
    effort_left(ctx, lruvec)
    ctx.state[HOOK_STEPS] = 0
    make_plan(ctx, lruvec)
    if ctx.lruvecs[lruvec, PLAN_SCAN] > 0 or ctx.lruvecs[lruvec, PLAN_WALK] != 0:
        shrink_as_planned_whole(ctx, lruvec)
    else:
        shrink_by_type(ctx, lruvec)
    before = begin_looking(ctx)
    ctx.hooks.shrink_end(ctx, lruvec)
    ctx.lruvecs[lruvec, EFFORT_LEFT] -= effort_of(ctx, 0)
    spend_on_looking(ctx, before)


# --- planned as a whole -----------------------------------------------------------------------------------


def shrink_as_planned_whole(ctx: Context, lruvec: int) -> None:
    """`try_to_shrink_lruvec`: batches of up to `MAX_SCAN` until as many were looked at as the plan says by then, the
    policy finds nothing, or reclaim for a node has enough. A plan to age comes first, and ends the pass if there is no
    plan to scan beside it."""
    scanned = 0
    while effort_left(ctx, lruvec) > 0:
        if ctx.lruvecs[lruvec, PLAN_WALK] != 0:
            age_by_walk(ctx, lruvec)
        plan = ctx.lruvecs[lruvec, PLAN_SCAN]
        if plan == 0:
            break
        count = plan if plan < MAX_SCAN else MAX_SCAN
        wanted = MAX_SCAN
        if ctx.IDEAL:
            wanted = ctx.state[NR_TO_RECLAIM] - ctx.state[NR_RECLAIMED]
        looked_at = evict_folios(ctx, lruvec, ANY, count, wanted)
        scanned += looked_at
        if looked_at == 0 or scanned >= plan or has_enough(ctx, lruvec):
            break
        make_plan(ctx, lruvec)


def has_enough(ctx: Context, lruvec: int) -> bool:
    """`should_abort_scan`: reclaim for a node stops at what it wants, kswapd also once the node has more free than its
    high watermark and a batch (since 6.12); for a memcg the plan is completed."""
    if ctx.IDEAL:
        return ctx.state[NR_RECLAIMED] >= ctx.state[NR_TO_RECLAIM]
    if ctx.state[GLOBAL_RECLAIM] == 0:
        return False
    if ctx.state[NR_RECLAIMED] >= ctx.state[NR_TO_RECLAIM]:
        return True
    if ctx.state[RECLAIMER] != BY_KSWAPD or ctx.state[KERNEL] < 612:
        return False
    node = node_of(ctx, lruvec)
    return node_free(ctx, node) > ctx.nodes[node, WMARK_HIGH] + MIN_LRU_BATCH


def age_by_walk(ctx: Context, lruvec: int) -> None:
    """`try_to_inc_max_seq`: walk the page tables of the memcg, then let the policy begin a generation."""
    spend_effort(ctx, lruvec, ctx.state[NR_RESIDENT] // WALKS_PER_RESIDENT)
    walk_page_tables(ctx, lruvec)
    ctx.state[CTX_TYPE] = FILE
    ctx.state[CTX_NR_TO_SCAN] = MAX_SCAN
    count_event(ctx, memcg_of(ctx, lruvec), PGAGED, 1)
    before = begin_looking(ctx)
    ctx.hooks.age(ctx, lruvec)
    spend_on_looking(ctx, before)


# --- planned by type --------------------------------------------------------------------------------------


def shrink_by_type(ctx: Context, lruvec: int) -> None:
    """Rounds of up to 32 over the plan, evicting before aging, anonymous before file. Once enough is reclaimed, the
    type with less left is dropped and the other cut to the same completed share. Direct reclaim for a node completes
    its first pass as planned."""
    anon_target = plan_left(ctx, lruvec, ANON) + 1
    file_target = plan_left(ctx, lruvec, FILE) + 1
    anon_evict_target = ctx.lruvecs[lruvec, PLAN_EVICT + ANON]
    file_evict_target = ctx.lruvecs[lruvec, PLAN_EVICT + FILE]
    anon_age_target = ctx.lruvecs[lruvec, PLAN_AGE + ANON]
    file_age_target = ctx.lruvecs[lruvec, PLAN_AGE + FILE]
    before = ctx.state[NR_RECLAIMED]
    adjusted = 1 if completes_plan(ctx) else 0
    while plan_wants_eviction(ctx, lruvec) and effort_left(ctx, lruvec) > 0:
        for type in range(2):
            evict_round(ctx, lruvec, type)
            age_round(ctx, lruvec, type)
        if ctx.state[NR_RECLAIMED] - before < ctx.state[NR_TO_RECLAIM] or adjusted != 0:
            continue
        anon_left = plan_left(ctx, lruvec, ANON)
        file_left = plan_left(ctx, lruvec, FILE)
        if anon_left == 0 or file_left == 0:
            break
        if file_left > anon_left:
            percentage = anon_left * 100 // anon_target
            drop_plan(ctx, lruvec, ANON)
            cut_plan(ctx, lruvec, FILE, file_evict_target, file_age_target, percentage)
        else:
            percentage = file_left * 100 // file_target
            drop_plan(ctx, lruvec, FILE)
            cut_plan(ctx, lruvec, ANON, anon_evict_target, anon_age_target, percentage)
        adjusted = 1


def completes_plan(ctx: Context) -> bool:
    """Direct reclaim for a node at the first priority."""
    if ctx.IDEAL or ctx.state[GLOBAL_RECLAIM] == 0 or ctx.state[RECLAIMER] != BY_DIRECT:
        return False
    return ctx.state[PRIORITY] == DEF_PRIORITY


def plan_left(ctx: Context, lruvec: int, type: int) -> int:
    return ctx.lruvecs[lruvec, PLAN_EVICT + type] + ctx.lruvecs[lruvec, PLAN_AGE + type]


def plan_wants_eviction(ctx: Context, lruvec: int) -> bool:
    """The kernel goes on while inactive anonymous, active file or inactive file folios are left in the plan: aging of
    anonymous folios alone does not keep it going."""
    if ctx.IDEAL and ctx.state[NR_RECLAIMED] >= ctx.state[NR_TO_RECLAIM]:
        return False
    return ctx.lruvecs[lruvec, PLAN_EVICT + ANON] > 0 or plan_left(ctx, lruvec, FILE) > 0


def drop_plan(ctx: Context, lruvec: int, type: int) -> None:
    ctx.lruvecs[lruvec, PLAN_EVICT + type] = 0
    ctx.lruvecs[lruvec, PLAN_AGE + type] = 0


def cut_plan(ctx: Context, lruvec: int, type: int, evict_target: int, age_target: int, percentage: int) -> None:
    """Leave of a type's plan what brings it to the share that the other type has completed (100 - `percentage`)."""
    cut_word(ctx, lruvec, PLAN_EVICT + type, evict_target, percentage)
    cut_word(ctx, lruvec, PLAN_AGE + type, age_target, percentage)


def cut_word(ctx: Context, lruvec: int, word: int, target: int, percentage: int) -> None:
    done = target - ctx.lruvecs[lruvec, word]
    left = target * (100 - percentage) // 100
    ctx.lruvecs[lruvec, word] = left - (done if done < left else left)


# --- one round --------------------------------------------------------------------------------------------


def age_round(ctx: Context, lruvec: int, type: int) -> None:
    """`shrink_list` on an active list: up to 32 of the planned folios."""
    planned = ctx.lruvecs[lruvec, PLAN_AGE + type]
    if planned == 0:
        return
    count = planned if planned < SWAP_CLUSTER_MAX else SWAP_CLUSTER_MAX
    ctx.lruvecs[lruvec, PLAN_AGE + type] = planned - count
    ctx.state[CTX_NR_TO_SCAN] = count
    ctx.state[CTX_TYPE] = type
    spend_effort(ctx, lruvec, count)
    before = begin_looking(ctx)
    ctx.hooks.age(ctx, lruvec)
    spend_on_looking(ctx, before)


def evict_round(ctx: Context, lruvec: int, type: int) -> None:
    """`shrink_inactive_list`: ask the policy for candidates among up to 32 folios, then reclaim them."""
    planned = ctx.lruvecs[lruvec, PLAN_EVICT + type]
    if planned == 0:
        return
    count = planned if planned < SWAP_CLUSTER_MAX else SWAP_CLUSTER_MAX
    wanted = count
    if ctx.IDEAL:
        wanted = ctx.state[NR_TO_RECLAIM] - ctx.state[NR_RECLAIMED]
    ctx.lruvecs[lruvec, PLAN_EVICT + type] = planned - count
    if wanted > 0:
        evict_folios(ctx, lruvec, type, count, wanted)


def evict_folios(ctx: Context, lruvec: int, type: int, count: int, wanted: int) -> int:
    """Ask for candidates, reclaim what may go, and account for both. Returns the folios looked at."""
    state = ctx.state
    memcg = memcg_of(ctx, lruvec)
    scanned = isolate_folios(ctx, lruvec, type, count, wanted)
    isolated = state[NR_ISOLATED]
    spend_effort(ctx, lruvec, scanned)
    ctx.lruvecs[lruvec, ASKED_OF] += 1
    ctx.lruvecs[lruvec, PROPOSED_OF] += isolated
    spend(ctx, COST_SCAN, scanned)
    count_scanned(ctx, memcg, 1 if type == ANY else 0)
    if isolated == 0:
        return scanned
    written = state[PSWPOUT]
    reclaimed = shrink_folio_list(ctx, lruvec, wanted, state[OVERRULE])
    written = state[PSWPOUT] - written
    state[NR_RECLAIMED] += reclaimed
    count_event(ctx, memcg, PGSTEAL_KSWAPD + state[RECLAIMER], reclaimed)
    if type != ANY:
        lru_note_cost(ctx, lruvec, type, SWAP_CLUSTER_MAX * written + isolated - reclaimed)
    return scanned


def count_scanned(ctx: Context, memcg: int, only_isolated: int) -> None:
    """`pgscan`, by the folios' own types: those the policy was handed to look at, or, if they are more, those it
    proposed. Of a round over both types the kernel counts only what was isolated (`scan_folios`)."""
    state = ctx.state
    files = 0
    f = state[ISOLATED_FIRST]
    while f != 0:
        files += folio_is_file(ctx, f)
        f = ctx.folios[f, NEXT]
    anon = state[NR_ISOLATED] - files
    if only_isolated == 0 and state[LOOKED_AT] >= 0:
        looked_at_anon = state[LOOKED_AT] - state[LOOKED_AT_FILE]
        anon = looked_at_anon if looked_at_anon > anon else anon
        files = state[LOOKED_AT_FILE] if state[LOOKED_AT_FILE] > files else files
    count_event(ctx, memcg, PGSCAN_KSWAPD + state[RECLAIMER], anon + files)
    count_event(ctx, memcg, PGSCAN_ANON, anon)
    count_event(ctx, memcg, PGSCAN_FILE, files)


def isolate_folios(ctx: Context, lruvec: int, type: int, count: int, wanted: int) -> int:
    """One call of `evict_folios`: up to `wanted` candidates, and more that the policy had in its hand, wait in the
    queue of the isolated afterwards. Returns the folios that were looked at."""
    state = ctx.state
    state[CTX_NR_TO_SCAN] = count
    state[CTX_WANTED] = wanted
    state[CTX_TYPE] = FILE if type == ANY else type
    state[LOOKED_AT] = 0
    state[LOOKED_AT_FILE] = 0
    state[NR_ISOLATED] = 0
    ctx.hooks.evict_folios(ctx, lruvec)
    if not has_hook(ctx, lruvec, FOLIO_ADDED):
        isolate_unclaimed(ctx, lruvec)
    state[CTX_WANTED] = 1
    scanned = state[LOOKED_AT]
    if scanned < 0:
        return -scanned - 1
    return scanned if scanned > state[NR_ISOLATED] else state[NR_ISOLATED]


def isolate_unclaimed(ctx: Context, lruvec: int) -> None:
    """Propose what no hook ever put on a list, oldest first, so that it is not lost."""
    unclaimed = list_head_row(ctx, lruvec, UNCLAIMED)
    while ctx.state[CTX_WANTED] > 0 and ctx.folios[unclaimed, LEN] > 0:
        ctx_evict(ctx, lruvec, ctx.folios[unclaimed, NEXT])


# --- costs ------------------------------------------------------------------------------------------------


def lru_note_cost(ctx: Context, lruvec: int, type: int, cost: int) -> None:
    """`lru_note_cost`: what reclaim of this type cost lately, for the lruvec and all above it; both halve, once a call,
    when together they outgrow a quarter of the folios there."""
    if ctx.IDEAL or cost == 0:
        return
    at = lruvec
    while at >= 0:
        ctx.lruvecs[at, ANON_COST + type] += cost
        if ctx.lruvecs[at, ANON_COST] + ctx.lruvecs[at, FILE_COST] > folios_below(ctx, at) >> 2:
            ctx.lruvecs[at, ANON_COST] >>= 1
            ctx.lruvecs[at, FILE_COST] >>= 1
        at = parent_lruvec(ctx, at)


def folios_below(ctx: Context, lruvec: int) -> int:
    """Folios on the lists of the lruvec and of those below it."""
    if ctx.SINGLE:
        return ctx.lruvecs[lruvec, NR_FOLIOS]
    memcg = memcg_of(ctx, lruvec)
    node = node_of(ctx, lruvec)
    total = 0
    for at in range(memcg, subtree_end(ctx, memcg)):
        total += ctx.lruvecs[lruvec_of(ctx, at, node), NR_FOLIOS]
    return total


def ctx_note_cost(ctx: Context, lruvec: int, type: int, cost: int) -> None:
    """The kfunc; a cost is at most what one call could have caused."""
    lru_note_cost(ctx, lruvec, type, cost if cost >= 0 and cost < 1 << 32 else 1 << 32)


def ctx_cost(ctx: Context, lruvec: int, type: int) -> int:
    """The cost of the lruvec that reclaim is for."""
    from_lruvec = lruvec
    if not ctx.SINGLE:
        from_lruvec = lruvec_of(ctx, ctx.state[TARGET_MEMCG], node_of(ctx, lruvec))
    return ctx.lruvecs[from_lruvec, ANON_COST + type]
