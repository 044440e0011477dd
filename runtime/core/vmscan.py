"""Reclaim: one path for every policy (mm/vmscan.c).

`try_to_free_pages → do_try_to_free_pages → shrink_node → shrink_lruvec → (hooks) → shrink_folio_list`. The core
owns the mechanism: the priority ladder, the rounds of 32 over the policy's plan, unmapping, writing back, shadows
and the effort a policy may spend. Which folios, and how many of which type, the hooks say.
"""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.folio import folio_free, folio_is_file, folio_test_clear_young
from runtime.core.layout import (
    ANON,
    ANON_COST,
    CTX_NR_TO_SCAN,
    CTX_REASON,
    CTX_TYPE,
    CTX_WANTED,
    DEF_PRIORITY,
    EFFORT,
    EVICTIONS,
    F_DIRTY,
    FILE,
    FILE_COST,
    FLAGS,
    FORCE_DEACTIVATE,
    IS_KSWAPD,
    ISOLATED_FIRST,
    KEPT_FIRST,
    LEN,
    LOOKED_AT,
    NEXT,
    NR_FOLIOS,
    NR_ISOLATED,
    NR_RECLAIMED,
    NR_RECLAIMS,
    NR_RESIDENT,
    NR_TO_RECLAIM,
    NR_WRITTEN,
    OVERRULE,
    PAGE,
    PGSCAN_ANON,
    PGSCAN_DIRECT,
    PGSCAN_KSWAPD,
    PGSTEAL_ANON,
    PGSTEAL_DIRECT,
    PGSTEAL_KSWAPD,
    PLAN_AGE,
    PLAN_EVICT,
    PRIORITY,
    PSWPOUT,
    REASON_SHIFT,
    SCAN_BATCH,
    SKIPPED_DEACTIVATE,
    SWAP_CLUSTER_MAX,
    UNCLAIMED,
)
from runtime.core.lists import ctx_evict, list_head_row, queue_add, queue_pop
from runtime.core.swap import lru_add, lru_add_drain
from runtime.core.workingset import workingset_eviction

RECLAIM = 0
RECLAIM_CLEAN = 1
KEEP = 2
CHECK_ACTIVATE = 3
"""Answers of `folio_check`."""

KEPT_REFERENCED = 0
KEPT_ACTIVATE = 1
KEPT_DIRTY = 2
KEPT_SURPLUS = 3
"""Reasons `folio_kept` is called for."""

EFFORT_PER_FOLIO = 8
EFFORT_AT_LEAST = 4096
"""What a policy may look at in one reclaim: 8 times the resident folios and 4,096 (design: effort budget)."""


# --- the outer loops --------------------------------------------------------------------------------------


def try_to_free_pages(ctx: Context, lruvec: int, nr_to_reclaim: int, is_kswapd: int) -> int:
    """Reclaim at least `nr_to_reclaim` folios of the lruvec; the number that came, 0 if nothing can be had."""
    ctx.state[NR_RECLAIMS] += 1
    ctx.hooks.reclaim_begin(ctx, lruvec)
    if ctx.IDEAL and not ctx.HAS_SCAN_PLAN:
        reclaimed = ask_until_one(ctx, lruvec)
    else:
        ctx.state[IS_KSWAPD] = is_kswapd
        ctx.state[EFFORT] = EFFORT_PER_FOLIO * ctx.state[NR_RESIDENT] + EFFORT_AT_LEAST
        reclaimed = climb_until_some(ctx, lruvec, nr_to_reclaim)
    ctx.hooks.reclaim_end(ctx, lruvec)
    return reclaimed


def ask_until_one(ctx: Context, lruvec: int) -> int:
    """The ideal model, for a policy that makes no plan: none is made for it either, and its `ctx.type` is FILE. It is
    asked again and again until one folio is reclaimed, within its effort; then within as much again, with KEEP
    overruled."""
    effort = EFFORT_PER_FOLIO * ctx.state[NR_RESIDENT] + EFFORT_AT_LEAST
    left = 2 * effort
    while left > 0:
        scanned = isolate_folios(ctx, lruvec, FILE, ctx.state[SCAN_BATCH], 1)
        ctx.state[PGSCAN_DIRECT] += scanned
        overrule = 1 if left <= effort else 0
        if shrink_folio_list(ctx, lruvec, 1, overrule) > 0:
            ctx.state[PGSTEAL_DIRECT] += 1
            return 1
        left -= scanned if scanned > 0 else 1
    return 0


def climb_until_some(ctx: Context, lruvec: int, nr_to_reclaim: int) -> int:
    """The priority ladder; if nothing came, once more with forced deactivation, and then with KEEP overruled. For the
    last the policy has its whole effort again: one that kept everything must not have spent it on that."""
    state = ctx.state
    reclaimed = 0
    for attempt in range(3):
        state[FORCE_DEACTIVATE] = 1 if attempt > 0 else 0
        state[OVERRULE] = 1 if attempt > 1 else 0
        if attempt == 1 and state[SKIPPED_DEACTIVATE] == 0:
            continue
        if attempt > 1:
            state[EFFORT] = EFFORT_PER_FOLIO * state[NR_RESIDENT] + EFFORT_AT_LEAST
        reclaimed = do_try_to_free_pages(ctx, lruvec, nr_to_reclaim)
        if reclaimed > 0:
            break
    return reclaimed


def do_try_to_free_pages(ctx: Context, lruvec: int, nr_to_reclaim: int) -> int:
    """The priority ladder: the whole lruvec is planned for at priority 0, 1/4096 of it at 12."""
    ctx.state[NR_TO_RECLAIM] = nr_to_reclaim
    ctx.state[NR_RECLAIMED] = 0
    ctx.state[SKIPPED_DEACTIVATE] = 0
    for step in range(DEF_PRIORITY + 1):
        ctx.state[PRIORITY] = DEF_PRIORITY - step
        shrink_node(ctx, lruvec)
        if ctx.state[NR_RECLAIMED] >= nr_to_reclaim or ctx.state[EFFORT] <= 0:
            break
    return ctx.state[NR_RECLAIMED]


def shrink_node(ctx: Context, lruvec: int) -> None:
    """`shrink_node`: the lruvecs of a node, of which there is one."""
    shrink_lruvec(ctx, lruvec)


def make_plan(ctx: Context, lruvec: int) -> None:
    """What to look at in this pass, per type. Without a plan of the policy's: at this priority's share of all folios,
    at least one round."""
    for type in range(2):
        ctx.lruvecs[lruvec, PLAN_EVICT + type] = 0
        ctx.lruvecs[lruvec, PLAN_AGE + type] = 0
    if ctx.HAS_SCAN_PLAN:
        ctx.hooks.scan_plan(ctx, lruvec)
        return
    plan = ctx.lruvecs[lruvec, NR_FOLIOS] >> ctx.state[PRIORITY]
    if plan < SWAP_CLUSTER_MAX:
        plan = SWAP_CLUSTER_MAX
    ctx.lruvecs[lruvec, PLAN_EVICT + FILE] = plan


def shrink_lruvec(ctx: Context, lruvec: int) -> None:
    """`shrink_lruvec`: rounds of up to 32 over the plan, evicting before aging, anonymous before file. Once enough is
    reclaimed, the type with less left is dropped and the other cut to the same completed share."""
    lru_add_drain(ctx, lruvec)
    make_plan(ctx, lruvec)
    anon_target = plan_left(ctx, lruvec, ANON) + 1
    file_target = plan_left(ctx, lruvec, FILE) + 1
    anon_evict_target = ctx.lruvecs[lruvec, PLAN_EVICT + ANON]
    file_evict_target = ctx.lruvecs[lruvec, PLAN_EVICT + FILE]
    anon_age_target = ctx.lruvecs[lruvec, PLAN_AGE + ANON]
    file_age_target = ctx.lruvecs[lruvec, PLAN_AGE + FILE]
    before = ctx.state[NR_RECLAIMED]
    adjusted = 0
    while plan_wants_eviction(ctx, lruvec) and ctx.state[EFFORT] > 0:
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
    ctx.hooks.shrink_end(ctx, lruvec)


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
    ctx.state[EFFORT] -= count
    ctx.hooks.age(ctx, lruvec)


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


def evict_folios(ctx: Context, lruvec: int, type: int, count: int, wanted: int) -> None:
    """Ask for candidates, reclaim what may go, and account for both."""
    state = ctx.state
    scanned = isolate_folios(ctx, lruvec, type, count, wanted)
    isolated = state[NR_ISOLATED]
    state[EFFORT] -= scanned if scanned > 0 else 1
    state[PGSCAN_KSWAPD + 1 - state[IS_KSWAPD]] += scanned
    state[PGSCAN_ANON + type] += scanned
    if isolated == 0:
        return
    written = state[NR_WRITTEN] + state[PSWPOUT]
    reclaimed = shrink_folio_list(ctx, lruvec, wanted, state[OVERRULE])
    written = state[NR_WRITTEN] + state[PSWPOUT] - written
    state[NR_RECLAIMED] += reclaimed
    state[PGSTEAL_KSWAPD + 1 - state[IS_KSWAPD]] += reclaimed
    lru_note_cost(ctx, lruvec, type, SWAP_CLUSTER_MAX * written + isolated - reclaimed)


def isolate_folios(ctx: Context, lruvec: int, type: int, count: int, wanted: int) -> int:
    """One call of `evict_folios`: up to `wanted` candidates, and more that the policy had in its hand, wait in the
    queue of the isolated afterwards. Returns the folios that were looked at."""
    state = ctx.state
    state[CTX_NR_TO_SCAN] = count
    state[CTX_WANTED] = wanted
    state[CTX_TYPE] = type
    state[LOOKED_AT] = 0
    state[NR_ISOLATED] = 0
    ctx.hooks.evict_folios(ctx, lruvec)
    if not ctx.HAS_FOLIO_ADDED:
        isolate_unclaimed(ctx, lruvec)
    state[CTX_WANTED] = 1
    scanned = state[LOOKED_AT]
    return scanned if scanned > state[NR_ISOLATED] else state[NR_ISOLATED]


def isolate_unclaimed(ctx: Context, lruvec: int) -> None:
    """Propose what no hook ever put on a list, oldest first, so that it is not lost."""
    unclaimed = list_head_row(ctx, lruvec, UNCLAIMED)
    while ctx.state[CTX_WANTED] > 0 and ctx.folios[unclaimed, LEN] > 0:
        ctx_evict(ctx, lruvec, ctx.folios[unclaimed, NEXT])


# --- candidates -------------------------------------------------------------------------------------------


def shrink_folio_list(ctx: Context, lruvec: int, wanted: int, overrule: int) -> int:
    """Reclaim the isolated folios that may go and give the others back to the policy. Returns how many went. In the
    ideal model no more go than are wanted; `overrule` lets KEEP count for nothing."""
    reclaimed = 0
    while ctx.state[ISOLATED_FIRST] != 0:
        f = queue_pop(ctx, ISOLATED_FIRST)
        reason = candidate_kept(ctx, lruvec, f, overrule)
        if ctx.IDEAL and reclaimed >= wanted:
            reason = KEPT_SURPLUS
        if reason >= 0:
            ctx.folios[f, FLAGS] |= reason << REASON_SHIFT
            queue_add(ctx, KEPT_FIRST, f)
        else:
            reclaim_folio(ctx, lruvec, f)
            reclaimed += 1
    move_kept_folios(ctx, lruvec)
    return reclaimed


def candidate_kept(ctx: Context, lruvec: int, f: int, overrule: int) -> int:
    """The reason for which a candidate comes back, or -1 if it may go."""
    verdict = RECLAIM
    if ctx.HAS_FOLIO_CHECK:
        verdict = ctx.hooks.folio_check(ctx, lruvec, f)
    elif folio_test_clear_young(ctx, lruvec, f):
        verdict = KEEP
    if overrule != 0:
        return -1
    if verdict == RECLAIM_CLEAN and ctx.folios[f, FLAGS] & F_DIRTY != 0:
        return KEPT_DIRTY
    if verdict == CHECK_ACTIVATE:
        return KEPT_ACTIVATE
    return KEPT_REFERENCED if verdict == KEEP else -1


def reclaim_folio(ctx: Context, lruvec: int, f: int) -> None:
    """`pageout` and `__remove_mapping`: write the folio back if need be, leave a shadow and free it."""
    if not ctx.IDEAL:
        pageout(ctx, f)
    ctx.state[EVICTIONS] += 1
    workingset_eviction(ctx, lruvec, f, ctx.folios[f, PAGE])
    folio_free(ctx, f)


def pageout(ctx: Context, f: int) -> None:
    """Anonymous folios go to swap, dirty ones to their file; both take them at once."""
    flags = ctx.folios[f, FLAGS]
    type = folio_is_file(ctx, f)
    ctx.state[PGSTEAL_ANON + type] += 1
    if type == FILE and flags & F_DIRTY == 0:
        return
    ctx.state[NR_WRITTEN if type == FILE else PSWPOUT] += 1


def move_kept_folios(ctx: Context, lruvec: int) -> None:
    """`move_folios_to_lru`: give the kept candidates back to the policy, in the order they were looked at."""
    while ctx.state[KEPT_FIRST] != 0:
        f = queue_pop(ctx, KEPT_FIRST)
        flags = ctx.folios[f, FLAGS]
        reason = flags >> REASON_SHIFT & 3
        ctx.folios[f, FLAGS] = flags & ~(3 << REASON_SHIFT)
        if ctx.HAS_FOLIO_KEPT:
            ctx.state[CTX_REASON] = reason
            ctx.hooks.folio_kept(ctx, lruvec, f)
        else:
            lru_add(ctx, lruvec, f)


def lru_note_cost(ctx: Context, lruvec: int, type: int, cost: int) -> None:
    """`lru_note_cost`: what reclaim of this type cost lately; both halve, once a call, when together they outgrow a
    quarter of the lruvec."""
    if ctx.IDEAL or cost == 0:
        return
    ctx.lruvecs[lruvec, ANON_COST + type] += cost
    if ctx.lruvecs[lruvec, ANON_COST] + ctx.lruvecs[lruvec, FILE_COST] > ctx.lruvecs[lruvec, NR_FOLIOS] >> 2:
        ctx.lruvecs[lruvec, ANON_COST] >>= 1
        ctx.lruvecs[lruvec, FILE_COST] >>= 1
