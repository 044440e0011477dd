"""The entry points of the core: attach policies, replay a stretch of a trace, reclaim on request.

`replay` runs the events [`first`, `last`) of the chunk in `trace_page` and `trace_flags` for the one task there is, and
returns the number of the event it stopped before: `last`, unless `STATUS` says why it stopped. `replay_tasks` runs
the events of several tasks, each from its own stretch, always for the task whose clock is behind all others.
"""

from __future__ import annotations

from runtime.core.clock import note_latency, note_task_latency
from runtime.core.context import Context, has_hook, prefetch
from runtime.core.folio import folio_lruvec
from runtime.core.hooks import FOLIO_ACCESSED, TICK
from runtime.core.invariants import check_invariants
from runtime.core.layout import (
    ACCESSES,
    COST_ACCESS,
    COST_SYSCALL,
    CTX_WANTED,
    E_FREE,
    E_SYSCALL,
    ENDED,
    EVENT_END,
    EVENT_NEXT,
    HITS,
    KSWAPD_WANTED,
    MISSES,
    NODE_ACCESS_NS,
    NOW,
    NR_TASKS,
    OF_NODE,
    RECLAIM_ASKED,
    STATUS,
    STATUS_EVENTS,
    TASK,
    TASK_ACCESSES,
    TASK_CLOCK,
    TASK_ENDED,
    TASK_HITS,
    TASK_MEMCG,
    THINK_TIME,
    TICK_AT,
)
from runtime.core.memcg import count_event
from runtime.core.memory import fault, fault_on_resident, is_quick_hit, touch
from runtime.core.page_alloc import mem_cgroup_handle_over_high, run_kswapds
from runtime.core.swap import folio_mark_accessed
from runtime.core.takeover import adopt_all, take_over
from runtime.core.tick import reclaim_asked, run_ticks
from runtime.core.truncate import free_page
from runtime.core.vmscan import user_proactive_reclaim


def attach(ctx: Context, lruvec: int) -> int:
    """Call `init` of the policy attached to a lruvec."""
    ctx.state[CTX_WANTED] = 1
    ctx.hooks.init(ctx, lruvec)
    return 0


def detach(ctx: Context, lruvec: int, oldest_at_tail: int) -> int:
    """Call `exit` of the policy attached to a lruvec; then the core takes its folios over."""
    ctx.hooks.exit(ctx, lruvec)
    take_over(ctx, lruvec, oldest_at_tail)
    return 0


def adopt(ctx: Context, lruvec: int) -> int:
    """Hand the folios that the core took over to the policy of their lruvec. How many."""
    return adopt_all(ctx, lruvec)


def reclaim_pages(ctx: Context, memcg: int, count: int, swappiness: int) -> int:
    """`memory.reclaim`."""
    reclaimed = user_proactive_reclaim(ctx, memcg, count, swappiness)
    if not ctx.SINGLE:
        run_kswapds(ctx)
    return reclaimed


# --- one task ---------------------------------------------------------------------------------------------

PAGE_TABLE_AHEAD = 24
FOLIO_AHEAD = 12
"""Events between the request for an entry of the page table, or a folio, and its use: measured, not critical."""


def replay(ctx: Context, first: int, last: int) -> int:
    """Run the events [`first`, `last`); the number of the one it stopped before. Quick hits are counted in registers,
    and their time passes before the next event that takes longer."""
    hits = 0
    misses = 0
    calls = 0
    timed_hits = 0
    timed_calls = 0
    slow_hits = 0
    stopped = last
    for i in range(first, last):
        if i + PAGE_TABLE_AHEAD < last:
            look_ahead(ctx, i)
        if ctx.RECLAIMS_ON_ACCESS and ctx.state[RECLAIM_ASKED] != 0:
            reclaim_asked(ctx)
            if ctx.state[STATUS] != 0:
                stopped = i
                break
        page = ctx.trace_page[i]
        flags = ctx.trace_flags[i]
        if not ctx.IDEAL and has_hook(ctx, 0, TICK):
            pass_time(ctx, hits - timed_hits, (calls - timed_calls) // E_SYSCALL)
            timed_hits = hits
            timed_calls = calls
            if ctx.state[NOW] >= ctx.state[TICK_AT]:
                run_ticks(ctx)
                if ctx.state[STATUS] != 0:
                    stopped = i
                    break
        if flags & E_FREE:
            if not ctx.IDEAL:
                pass_time(ctx, hits - timed_hits, (calls - timed_calls) // E_SYSCALL)
                timed_hits = hits
                timed_calls = calls
                free_page(ctx, page)
            continue
        f = ctx.page_table[page]
        if f > 0 and ctx.IDEAL:
            hits += 1
            folio_mark_accessed(ctx, 0, f)
            continue
        if f > 0 and is_quick_hit(ctx, f, flags):
            hits += 1
            calls += flags & E_SYSCALL
            touch(ctx, f, page, flags, 0)
            continue
        if not ctx.IDEAL:
            pass_time(ctx, hits - timed_hits, (calls - timed_calls) // E_SYSCALL)
            timed_hits = hits
            timed_calls = calls
        if f > 0:
            slow_hits += 1
            slow_hit(ctx, f, page, flags)
            continue
        misses += 1
        f = miss(ctx, page, flags)
        if f == 0:
            stopped = i
            misses -= 1
            break
        if ctx.state[STATUS] != 0:
            stopped = i + 1
            break
    if not ctx.IDEAL:
        pass_time(ctx, hits - timed_hits, (calls - timed_calls) // E_SYSCALL)
        note_hits(ctx, hits, calls // E_SYSCALL)
    count_accesses(ctx, hits + slow_hits, misses)
    if ctx.CHECKED:
        check_invariants(ctx)
    return stopped


def look_ahead(ctx: Context, i: int) -> None:
    """Ask for what events to come will need."""
    prefetch(ctx.page_table, ctx.trace_page[i + PAGE_TABLE_AHEAD])
    if has_hook(ctx, 0, FOLIO_ACCESSED) or not ctx.IDEAL:
        prefetch(ctx.folios, ctx.page_table[ctx.trace_page[i + FOLIO_AHEAD]])


def count_accesses(ctx: Context, hits: int, misses: int) -> None:
    ctx.state[HITS] += hits
    ctx.state[MISSES] += misses
    ctx.state[ACCESSES] += hits + misses


def miss(ctx: Context, page: int, flags: int) -> int:
    """A miss, and how long it took. Returns what `fault` does: the folio, if there is one."""
    if ctx.IDEAL:
        return fault(ctx, page, flags)
    begin = ctx.state[NOW]
    f = fault(ctx, page, flags)
    if f > 0:
        touch(ctx, f, page, flags, 1)
    if f != 0:
        ctx.state[NOW] += access_time(ctx, 0, flags)
        note_latency(ctx, 0, ctx.state[NOW] - begin - ctx.tasks[0, THINK_TIME], 1)
    return f


def slow_hit(ctx: Context, f: int, page: int, flags: int) -> None:
    """A hit that may take longer than the access itself."""
    begin = ctx.state[NOW]
    fault_on_resident(ctx, f, flags)
    touch(ctx, f, page, flags, 0)
    ctx.state[NOW] += access_time(ctx, 0, flags)
    note_latency(ctx, 0, ctx.state[NOW] - begin - ctx.tasks[0, THINK_TIME], 1)


def access_time(ctx: Context, task: int, flags: int) -> int:
    """What an access takes if it is a hit, the task's own work included."""
    time = ctx.costs[COST_ACCESS] + ctx.tasks[task, THINK_TIME]
    return time + ctx.costs[COST_SYSCALL] if flags & E_SYSCALL else time


def pass_time(ctx: Context, hits: int, calls: int) -> None:
    """Let the time of hits pass that the clock does not have yet."""
    ctx.state[NOW] += hits * (ctx.costs[COST_ACCESS] + ctx.tasks[0, THINK_TIME]) + calls * ctx.costs[COST_SYSCALL]


def note_hits(ctx: Context, hits: int, calls: int) -> None:
    """Quick hits take one of two times."""
    note_latency(ctx, 0, ctx.costs[COST_ACCESS], hits - calls)
    note_latency(ctx, 0, ctx.costs[COST_ACCESS] + ctx.costs[COST_SYSCALL], calls)


# --- several tasks ----------------------------------------------------------------------------------------


def replay_tasks(ctx: Context, most: int, until: int) -> int:
    """Run up to `most` events, those that begin before the time `until`. Returns how many were run; `STATUS` says why
    it stopped early."""
    done = 0
    while done < most and ctx.state[STATUS] == 0:
        task = next_task(ctx)
        if task < 0 or ctx.tasks[task, TASK_CLOCK] >= until:
            break
        if ctx.tasks[task, EVENT_NEXT] == ctx.tasks[task, EVENT_END]:
            if ctx.tasks[task, TASK_ENDED] == 0:
                ctx.state[STATUS] = STATUS_EVENTS
            else:
                ctx.tasks[task, TASK_ENDED] = ENDED
            continue
        ctx.state[TASK] = task
        ctx.state[NOW] = ctx.tasks[task, TASK_CLOCK]
        if ctx.HOOKS_ANY >> TICK & 1 != 0 and ctx.state[NOW] >= ctx.state[TICK_AT]:
            run_ticks(ctx)
            continue
        if run_event(ctx, task, ctx.tasks[task, EVENT_NEXT]):
            ctx.tasks[task, EVENT_NEXT] += 1
            done += 1
        if ctx.RECLAIMS_ON_ACCESS:
            reclaim_asked(ctx)
        ctx.tasks[task, TASK_CLOCK] = ctx.state[NOW]
    if ctx.CHECKED:
        check_invariants(ctx)
    return done


def next_task(ctx: Context) -> int:
    """The task whose clock is behind all others; -1 if none runs."""
    best = -1
    for task in range(ctx.state[NR_TASKS]):
        if ctx.tasks[task, TASK_ENDED] == ENDED:
            continue
        if best < 0 or ctx.tasks[task, TASK_CLOCK] < ctx.tasks[best, TASK_CLOCK]:
            best = task
    return best


def run_event(ctx: Context, task: int, i: int) -> bool:
    """Run one event of a task; false if no room could be made for it, so that it is to be tried again. What waits until
    the access is done may take the very page again: reclaim above `memory.high`, and kswapd, which a promotion may have
    woken."""
    page = ctx.trace_page[i]
    flags = ctx.trace_flags[i]
    if flags & E_FREE:
        free_page(ctx, page)
        return True
    memcg = ctx.tasks[task, TASK_MEMCG]
    begin = ctx.state[NOW]
    f = ctx.page_table[page]
    was_hit = f > 0
    if was_hit:
        fault_on_resident(ctx, f, flags)
    else:
        f = fault(ctx, page, flags)
        if f == 0:
            return False
    if f > 0:
        touch(ctx, f, page, flags, 0 if was_hit else 1)
        node = ctx.lruvecs[folio_lruvec(ctx, f), OF_NODE]
        ctx.state[NOW] += ctx.nodes[node, NODE_ACCESS_NS]
    ctx.state[NOW] += access_time(ctx, task, flags)
    if f > 0 and not was_hit:
        mem_cgroup_handle_over_high(ctx, memcg)
    if ctx.state[KSWAPD_WANTED] != 0:
        run_kswapds(ctx)
    time = ctx.state[NOW] - begin - ctx.tasks[task, THINK_TIME]
    note_latency(ctx, memcg, time, 1)
    note_task_latency(ctx, task, time)
    count_event(ctx, memcg, ACCESSES, 1)
    count_event(ctx, memcg, HITS if was_hit else MISSES, 1)
    ctx.tasks[task, TASK_ACCESSES] += 1
    ctx.tasks[task, TASK_HITS] += 1 if was_hit else 0
    return True
