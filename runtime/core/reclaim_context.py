"""The kfuncs that show a hook what it is called for and let it answer: `ctx` in the language."""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.folio import task_cpu
from runtime.core.layout import (
    CAPACITY,
    CTX_KEY,
    CTX_NR_TO_SCAN,
    CTX_PTES_SEEN,
    CTX_PTES_YOUNG,
    CTX_REASON,
    CTX_SHADOW,
    CTX_SOURCE,
    CTX_TABLE,
    CTX_TYPE,
    CTX_WANTED,
    CTX_YOUNG,
    DEMOTION_TARGET,
    FASTER_NODE,
    FILE_IS_TINY,
    FORCE_DEACTIVATE,
    GLOBAL_RECLAIM,
    KERNEL,
    LOOKED_AT,
    MAX_PLAN,
    MIN_TTL,
    NOW,
    NR_RECLAIMED,
    NR_SWAP_DEVICES,
    NR_TO_RECLAIM,
    PGACTIVATE,
    PGDEACTIVATE,
    PGREFILL,
    PLAN_AGE,
    PLAN_EVICT,
    PLAN_SCAN,
    PLAN_WALK,
    PRIORITY,
    RECLAIM_ASKED,
    RECLAIM_ASKED_OF,
    RECLAIMER,
    SKIPPED_DEACTIVATE,
)
from runtime.core.memcg import (
    count_event,
    mem_cgroup_swappiness,
    memcg_of,
    memory_limit,
    memory_usage,
    node_of,
    unprotected,
)
from runtime.core.shrink_list import can_demote
from runtime.core.swapfile import swap_left


def nr_pages(ctx: Context, lruvec: int) -> int:
    return ctx.lruvecs[lruvec, CAPACITY]


def ctx_nr_pages(ctx: Context, lruvec: int) -> int:
    return memory_limit(ctx, memcg_of(ctx, lruvec))


def ctx_nr_resident(ctx: Context, lruvec: int) -> int:
    return memory_usage(ctx, memcg_of(ctx, lruvec))


def ctx_nr_to_scan(ctx: Context, lruvec: int) -> int:
    return ctx.state[CTX_NR_TO_SCAN]


def ctx_wanted(ctx: Context, lruvec: int) -> int:
    return ctx.state[CTX_WANTED]


def ctx_type(ctx: Context, lruvec: int) -> int:
    return ctx.state[CTX_TYPE]


def ctx_priority(ctx: Context, lruvec: int) -> int:
    return ctx.state[PRIORITY]


def ctx_kernel(ctx: Context, lruvec: int) -> int:
    return ctx.state[KERNEL]


def ctx_now(ctx: Context, lruvec: int) -> int:
    return ctx.state[NOW]


def ctx_memcg(ctx: Context, lruvec: int) -> int:
    return memcg_of(ctx, lruvec)


def ctx_task(ctx: Context, lruvec: int) -> int:
    return task_cpu(ctx)


def ctx_can_promote(ctx: Context, lruvec: int) -> bool:
    return ctx.nodes[node_of(ctx, lruvec), FASTER_NODE] >= 0


def ctx_min_ttl(ctx: Context, lruvec: int) -> int:
    return ctx.state[MIN_TTL]


def ctx_key(ctx: Context, lruvec: int) -> int:
    return ctx.state[CTX_KEY]


def ctx_shadow(ctx: Context, lruvec: int) -> int:
    return ctx.state[CTX_SHADOW]


def ctx_reason(ctx: Context, lruvec: int) -> int:
    return ctx.state[CTX_REASON]


def ctx_young(ctx: Context, lruvec: int) -> bool:
    return ctx.state[CTX_YOUNG] != 0


def ctx_source(ctx: Context, lruvec: int) -> int:
    return ctx.state[CTX_SOURCE]


def ctx_table(ctx: Context, lruvec: int) -> int:
    return ctx.state[CTX_TABLE]


def ctx_ptes_seen(ctx: Context, lruvec: int) -> int:
    return ctx.state[CTX_PTES_SEEN]


def ctx_ptes_young(ctx: Context, lruvec: int) -> int:
    return ctx.state[CTX_PTES_YOUNG]


# --- what reclaim is like ---------------------------------------------------------------------------------


def ctx_swappiness(ctx: Context, lruvec: int) -> int:
    return mem_cgroup_swappiness(ctx, memcg_of(ctx, lruvec))


def ctx_swap_left(ctx: Context, lruvec: int) -> int:
    """`mem_cgroup_get_nr_swap_pages`; as much as there can be where anonymous folios are demoted instead."""
    return MAX_PLAN if can_demote(ctx, lruvec) else swap_left(ctx, memcg_of(ctx, lruvec))


def ctx_can_age_anon(ctx: Context, lruvec: int) -> bool:
    """`can_age_anon_pages`."""
    return ctx.state[NR_SWAP_DEVICES] > 0 or ctx.nodes[node_of(ctx, lruvec), DEMOTION_TARGET] >= 0


def ctx_global_reclaim(ctx: Context, lruvec: int) -> bool:
    return ctx.state[GLOBAL_RECLAIM] != 0


def ctx_file_is_tiny(ctx: Context, lruvec: int) -> bool:
    return ctx.state[FILE_IS_TINY] != 0


def ctx_force_deactivate(ctx: Context, lruvec: int) -> bool:
    return ctx.state[FORCE_DEACTIVATE] != 0


def ctx_unprotected(ctx: Context, lruvec: int, count: int) -> int:
    return unprotected(ctx, lruvec, most_planned(ctx, count))


# --- answers ----------------------------------------------------------------------------------------------


def ctx_plan_evict(ctx: Context, lruvec: int, type: int, count: int) -> None:
    ctx.lruvecs[lruvec, PLAN_EVICT + type] = most_planned(ctx, count)


def ctx_plan_age(ctx: Context, lruvec: int, type: int, count: int) -> None:
    ctx.lruvecs[lruvec, PLAN_AGE + type] = most_planned(ctx, count)


def ctx_plan_scan(ctx: Context, lruvec: int, count: int) -> None:
    ctx.lruvecs[lruvec, PLAN_SCAN] = most_planned(ctx, count)


def ctx_plan_walk(ctx: Context, lruvec: int) -> None:
    ctx.lruvecs[lruvec, PLAN_WALK] = 1


def ctx_reclaim(ctx: Context, lruvec: int, count: int) -> None:
    ctx.state[RECLAIM_ASKED] = most_planned(ctx, count)
    ctx.state[RECLAIM_ASKED_OF] = lruvec


def most_planned(ctx: Context, count: int) -> int:
    """A policy may ask for any number of 64 bits, which is negative here from 2**63 on. No plan is larger than the
    largest memory, so that the arithmetic over plans cannot overflow."""
    return MAX_PLAN if count < 0 or count > MAX_PLAN else count


def ctx_skip_deactivation(ctx: Context, lruvec: int) -> None:
    """`sc->skipped_deactivate`."""
    ctx.state[SKIPPED_DEACTIVATE] = 1


def ctx_count_refill(ctx: Context, lruvec: int, count: int) -> None:
    count_event(ctx, memcg_of(ctx, lruvec), PGREFILL, most_planned(ctx, count))


def ctx_count_activate(ctx: Context, lruvec: int, count: int) -> None:
    count_event(ctx, memcg_of(ctx, lruvec), PGACTIVATE, most_planned(ctx, count))


def ctx_count_deactivate(ctx: Context, lruvec: int, count: int) -> None:
    count_event(ctx, memcg_of(ctx, lruvec), PGDEACTIVATE, most_planned(ctx, count))


def ctx_looked_at(ctx: Context, lruvec: int, count: int) -> None:
    """How many folios this call of `evict_folios` looked at, where the policy knows better than the core's count of
    what it was handed; 0 ends the pass. Kept as -(count) - 1."""
    ctx.state[LOOKED_AT] = -most_planned(ctx, count) - 1


def ctx_reclaimer(ctx: Context, lruvec: int) -> int:
    """Who reclaims: `BY_KSWAPD`, `BY_DIRECT` or `BY_PROACTIVE`."""
    return ctx.state[RECLAIMER]


def ctx_reclaimed(ctx: Context, lruvec: int) -> int:
    """Folios that the reclaim under way has got so far."""
    return ctx.state[NR_RECLAIMED]


def ctx_to_reclaim(ctx: Context, lruvec: int) -> int:
    """Folios that the reclaim under way wants."""
    return ctx.state[NR_TO_RECLAIM]
