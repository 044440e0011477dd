"""The virtual clock: what things cost, whom they hold up, and how long accesses take.

Each task has a clock, `NOW` while it is at work; the work of kswapd, and of whoever asks for proactive reclaim, runs
beside the tasks and is only added up. Costs are nanoseconds in `costs`, which `runtime/costs.py` fills and gives the
sources of. Time that a task loses to want of memory (reclaim, waiting for pages of the working set) is a stall, as
`psi_memstall_enter` and `psi_memstall_leave` mark it. Guaranteed: no clock goes back.
"""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.layout import (
    BY_DIRECT,
    BY_KSWAPD,
    DEVICE_BUSY,
    DEVICE_FREE_AT,
    DEVICE_QUEUED,
    DEVICE_QUEUES,
    DEVICE_SYNCHRONOUS,
    KSWAPD_TIME,
    LATENCY_BUCKETS,
    LATENCY_MAX,
    MEMCG_STALL,
    NOW,
    PARENT,
    PROACTIVE_TIME,
    RECLAIMER,
    STALL_FULL,
    STALL_SOME,
    TASK,
    TASK_LATENCY_MAX,
    TASK_MEMCG,
    TASK_STALLED,
)
from runtime.core.psi import add_stall, add_wait


def spend(ctx: Context, cost: int, times: int) -> None:
    """Whoever is at work does something of this cost so many times."""
    if not ctx.IDEAL:
        spend_time(ctx, ctx.costs[cost] * times)


def spend_time(ctx: Context, time: int) -> None:
    """Whoever is at work, the task, kswapd or the one that asked for proactive reclaim, is busy for `time`."""
    by = ctx.state[RECLAIMER]
    if by == BY_DIRECT:
        ctx.state[NOW] += time
    elif by == BY_KSWAPD:
        ctx.state[KSWAPD_TIME] += time
    else:
        ctx.state[PROACTIVE_TIME] += time


def wait_until(ctx: Context, time: int) -> None:
    """The task sleeps until `time`; what runs beside the tasks does not hold anybody up."""
    now = ctx.state[NOW]
    if ctx.state[RECLAIMER] != BY_DIRECT or now >= time:
        return
    ctx.state[NOW] = time
    if not ctx.SINGLE:
        add_wait(ctx, ctx.state[TASK], now, time)


def device_request(ctx: Context, device: int, service: int) -> int:
    """A request of `service` nanoseconds; when it will be done. A synchronous device is the CPU's own work. Any other
    takes it into the queue that is free first."""
    ctx.devices[device, DEVICE_BUSY] += service
    if ctx.devices[device, DEVICE_SYNCHRONOUS] != 0:
        spend_time(ctx, service)
        return ctx.state[NOW]
    now = ctx.state[NOW]
    best = DEVICE_FREE_AT
    for queue in range(DEVICE_FREE_AT, DEVICE_FREE_AT + ctx.devices[device, DEVICE_QUEUES]):
        if ctx.devices[device, queue] < ctx.devices[device, best]:
            best = queue
        if ctx.devices[device, best] <= now:
            break
    begin = ctx.devices[device, best]
    if begin < now:
        begin = now
    ctx.devices[device, DEVICE_QUEUED] += begin - now
    ctx.devices[device, best] = begin + service
    return begin + service


# --- stalls -----------------------------------------------------------------------------------------------


def note_stall(ctx: Context, begin: int) -> None:
    """The task at work was stalled for memory from `begin` until now."""
    if ctx.IDEAL:
        return
    now = ctx.state[NOW]
    if now <= begin:
        return
    if ctx.SINGLE:
        ctx.state[STALL_SOME] += now - begin
        ctx.state[STALL_FULL] += now - begin
        return
    task = ctx.state[TASK]
    add_stall(ctx, task, begin, now)
    ctx.tasks[task, TASK_STALLED] += now - begin
    memcg = ctx.tasks[task, TASK_MEMCG]
    while memcg >= 0:
        ctx.memcgs[memcg, MEMCG_STALL] += now - begin
        memcg = ctx.memcgs[memcg, PARENT]


# --- latencies --------------------------------------------------------------------------------------------


def latency_bucket(ctx: Context, time: int) -> int:
    """The bucket of a duration: four to each power of two of nanoseconds, exact below 8."""
    if time < 8:
        return time
    power = 0
    rest = time
    # By halves, not bit by bit: a miss asks for it.
    if rest >= 1 << 34:
        rest >>= 32
        power = 32
    if rest >= 1 << 18:
        rest >>= 16
        power += 16
    if rest >= 1 << 10:
        rest >>= 8
        power += 8
    if rest >= 1 << 6:
        rest >>= 4
        power += 4
    if rest >= 1 << 4:
        rest >>= 2
        power += 2
    if rest >= 1 << 3:
        rest >>= 1
        power += 1
    bucket = 4 * power + rest
    return bucket if bucket < LATENCY_BUCKETS else LATENCY_BUCKETS - 1


def note_latency(ctx: Context, memcg: int, time: int, times: int) -> None:
    """So many accesses of a memcg took `time` each."""
    if times == 0:
        return
    ctx.latencies[memcg, latency_bucket(ctx, time)] += times
    if ctx.memcgs[memcg, LATENCY_MAX] < time:
        ctx.memcgs[memcg, LATENCY_MAX] = time


def note_task_latency(ctx: Context, task: int, time: int) -> None:
    """An access of one of several tasks took `time`."""
    ctx.task_latencies[task, latency_bucket(ctx, time)] += 1
    if ctx.tasks[task, TASK_LATENCY_MAX] < time:
        ctx.tasks[task, TASK_LATENCY_MAX] = time
