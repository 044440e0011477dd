"""Memory of the nodes: watermarks, kswapd, and charging a page (mm/page_alloc.c, mm/memcontrol.c).

A page is charged to the task's memcg and taken from a node: its own, or the next that has more free than its low
watermark. If none has, every kswapd is woken; if none has more than its min watermark, the task reclaims itself.
kswapd runs to its end at once, beside the task, which does not wait for it.
"""

from __future__ import annotations

from runtime.core.clock import note_stall
from runtime.core.context import Context
from runtime.core.folio import task_cpu
from runtime.core.layout import (
    BY_DIRECT,
    CHARGE_STOCK,
    EVENTS_HIGH,
    EVENTS_MAX,
    HIGH_DELAY,
    KSWAPD_FAILURES,
    KSWAPD_WANTED,
    MAX_RECLAIM_RETRIES,
    MEMCG_CHARGE_BATCH,
    MEMORY_HIGH,
    MEMORY_USAGE,
    NODE_WANTS_KSWAPD,
    NOW,
    NR_NODES,
    NR_PAGES,
    NR_RESIDENT,
    PARENT,
    STATUS,
    SWAP_CLUSTER_MAX,
    TASK_BOUND,
    THROTTLE_TIME,
    WMARK_HIGH,
    WMARK_LOW,
    WMARK_MIN,
)
from runtime.core.memcg import count_event, memcg_over_limit
from runtime.core.mmzone import node_free
from runtime.core.vmscan import balance_pgdat, pgdat_balanced, try_to_free_mem_cgroup_pages, try_to_free_pages

NO_NODE = -1
MAX_HIGH_DELAY = 2_000_000_000
"""The most a charge above `memory.high` is held up (MEMCG_MAX_HIGH_DELAY_JIFFIES)."""
LEAST_HIGH_DELAY = 10_000_000
"""Shorter delays are not worth the sleep."""
MEMCG_DELAY_PRECISION_SHIFT = 20
MEMCG_DELAY_SCALING_SHIFT = 14


# --- charging ---------------------------------------------------------------------------------------------


def try_charge_memcg(ctx: Context, memcg: int) -> bool:
    """Make room for one page under the limits of the memcg and all above it; whether there is."""
    retries = MAX_RECLAIM_RETRIES
    while retries >= 0 and ctx.state[STATUS] == 0:
        over = memcg_over_limit(ctx, memcg)
        if over < 0:
            return True
        count_event(ctx, over, EVENTS_MAX, 1)
        if try_to_free_mem_cgroup_pages(ctx, over, SWAP_CLUSTER_MAX, BY_DIRECT) == 0:
            if ctx.SINGLE:
                return False
            retries -= 1
    return memcg_over_limit(ctx, memcg) < 0


def mem_cgroup_handle_over_high(ctx: Context, memcg: int) -> None:
    """`mem_cgroup_handle_over_high`. A task charges 64 pages at a time and uses them up; above `memory.high` it then
    reclaims as many, and if that was not enough it sleeps."""
    task = task_cpu(ctx)
    if ctx.tasks[task, CHARGE_STOCK] > 0:
        ctx.tasks[task, CHARGE_STOCK] -= 1
        return
    ctx.tasks[task, CHARGE_STOCK] = MEMCG_CHARGE_BATCH - 1
    delay = reclaim_until_no_delay(ctx, memcg)
    begin = ctx.state[NOW]
    ctx.state[NOW] += delay
    ctx.state[THROTTLE_TIME] += delay
    note_stall(ctx, begin)
    ctx.memcgs[memcg, HIGH_DELAY] += delay


def reclaim_until_no_delay(ctx: Context, memcg: int) -> int:
    """Reclaim above `high` until what is left of it is worth no sleep, or nothing comes; the sleep, in nanoseconds."""
    retries = MAX_RECLAIM_RETRIES
    count = MEMCG_CHARGE_BATCH
    delay = LEAST_HIGH_DELAY + 1
    while delay > LEAST_HIGH_DELAY and retries >= 0 and ctx.state[STATUS] == 0:
        if reclaim_high(ctx, memcg, count) == 0:
            retries -= 1
        delay = calculate_high_delay(ctx, mem_find_max_overage(ctx, memcg))
        count = SWAP_CLUSTER_MAX
    return delay if delay > LEAST_HIGH_DELAY else 0


def reclaim_high(ctx: Context, memcg: int, count: int) -> int:
    """`reclaim_high`: of the memcg and those above it, where they exceed `high`."""
    reclaimed = 0
    at = memcg
    while at > 0:
        if pages_over_high(ctx, at) > 0:
            count_event(ctx, at, EVENTS_HIGH, 1)
            reclaimed += try_to_free_mem_cgroup_pages(ctx, at, count, BY_DIRECT)
        at = ctx.memcgs[at, PARENT]
    return reclaimed


def pages_over_high(ctx: Context, memcg: int) -> int:
    """By how much a memcg exceeds `high`, what the task at work has charged ahead included."""
    charged = ctx.memcgs[memcg, MEMORY_USAGE] + ctx.tasks[task_cpu(ctx), CHARGE_STOCK]
    return charged - ctx.memcgs[memcg, MEMORY_HIGH]


def mem_find_max_overage(ctx: Context, memcg: int) -> int:
    """`mem_find_max_overage`: the largest excess of the memcg and those above it, in parts of 2**20 of `high`."""
    most = 0
    at = memcg
    while at > 0:
        over = pages_over_high(ctx, at)
        if over > 0:
            high = ctx.memcgs[at, MEMORY_HIGH]
            overage = (over << MEMCG_DELAY_PRECISION_SHIFT) // (high if high > 0 else 1)
            most = overage if overage > most else most
        at = ctx.memcgs[at, PARENT]
    return most


def calculate_high_delay(ctx: Context, overage: int) -> int:
    """`calculate_high_delay`, for a full batch of charges: the square of the excess, times 64 seconds."""
    capped = overage if overage < 1 << 24 else 1 << 24
    square = capped * capped >> MEMCG_DELAY_PRECISION_SHIFT
    delay = square * 1_000_000 >> MEMCG_DELAY_SCALING_SHIFT
    delay *= 1_000
    return delay if delay < MAX_HIGH_DELAY else MAX_HIGH_DELAY


# --- nodes ------------------------------------------------------------------------------------------------


def node_above(ctx: Context, preferred: int, word: int) -> int:
    """The first node, from the preferred one on, with more free pages than a watermark; `NO_NODE`: none."""
    count = 1 if ctx.SINGLE else ctx.state[NR_NODES]
    for i in range(1 if is_bound(ctx) else count):
        node = preferred + i
        if node >= count:
            node -= count
        if node_free(ctx, node) > ctx.nodes[node, word]:
            return node
    return NO_NODE


def alloc_pages(ctx: Context, preferred: int) -> int:
    """`get_page_from_freelist` and `__alloc_pages_slowpath`: the node a page is taken from; `NO_NODE`: none."""
    node = node_above(ctx, preferred, WMARK_LOW)
    if node != NO_NODE:
        return node
    wake_all_kswapds(ctx, preferred)
    run_kswapds(ctx)
    node = node_above(ctx, preferred, WMARK_MIN)
    retries = MAX_RECLAIM_RETRIES
    while node == NO_NODE and retries >= 0 and ctx.state[STATUS] == 0:
        if try_to_free_pages(ctx, preferred, SWAP_CLUSTER_MAX) == 0:
            if ctx.SINGLE:
                break
            retries -= 1
        node = node_above(ctx, preferred, WMARK_MIN)
    return node


def is_bound(ctx: Context) -> bool:
    """Whether the task at work may use its own node only."""
    return False if ctx.SINGLE else ctx.tasks[task_cpu(ctx), TASK_BOUND] != 0


def wake_all_kswapds(ctx: Context, preferred: int) -> None:
    """`wake_all_kswapds`: those of the nodes that the task may use."""
    for node in range(1 if ctx.SINGLE else ctx.state[NR_NODES]):
        if node == preferred or not is_bound(ctx):
            ctx.nodes[node, NODE_WANTS_KSWAPD] = 1
    ctx.state[KSWAPD_WANTED] = 1


def has_kswapd(ctx: Context, node: int) -> bool:
    """A node whose watermarks are all the same leaves no room for kswapd: its tasks reclaim themselves."""
    return ctx.nodes[node, WMARK_HIGH] > ctx.nodes[node, WMARK_MIN]


def run_kswapds(ctx: Context) -> None:
    """Let every kswapd that was woken run. One that demotes may wake that of the slower node: those come last."""
    count = 1 if ctx.SINGLE else ctx.state[NR_NODES]
    for _ in range(count):
        if ctx.state[KSWAPD_WANTED] == 0:
            break
        ctx.state[KSWAPD_WANTED] = 0
        for node in range(count):
            if ctx.nodes[node, NODE_WANTS_KSWAPD] != 0:
                ctx.nodes[node, NODE_WANTS_KSWAPD] = 0
                hopeless = ctx.nodes[node, KSWAPD_FAILURES] >= MAX_RECLAIM_RETRIES
                if has_kswapd(ctx, node) and not pgdat_balanced(ctx, node) and not hopeless:
                    balance_pgdat(ctx, node)


def make_room_ideal(ctx: Context) -> bool:
    """The ideal model: room for one page, by reclaiming one at the moment it is needed."""
    return ctx.state[NR_RESIDENT] < ctx.state[NR_PAGES] or try_to_free_mem_cgroup_pages(ctx, 0, 1, BY_DIRECT) > 0
