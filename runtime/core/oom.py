"""Out of memory: what happens when nothing can be reclaimed (mm/oom_kill.c).

The tasks of the memcg that uses most, within the one whose limit was hit, are killed together (`memory.oom.group`):
their pages and what they have on swap are freed, their events no longer run. A task whose events have all run is idle,
and may be killed, too. With no other task to go on, the run ends. If a policy is to blame, it is ejected instead, and
the access is tried again.

In: the memcg under whose limit there is no room. Out: room, or a `STATUS_` that ends the run.
"""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.invariant_limits import check_nothing_to_reclaim
from runtime.core.layout import (
    ANON,
    ENDED,
    F_FREE,
    FILE,
    FIRST_FOLIO,
    FLAGS,
    LRUVEC,
    NEXT_FOLIO,
    NR_CHARGED,
    NR_NODES,
    NR_SWAP_DEVICES,
    NR_TASKS,
    OF_MEMCG,
    OOM,
    OOM_KILL,
    OOM_KILLED,
    PAGE,
    STATUS,
    STATUS_OOM,
    SUBTREE_END,
    SWAP_OF_OWN,
    TASK_ENDED,
    TASK_KILLED,
    TASK_MEMCG,
)
from runtime.core.memcg import count_event, lruvec_of
from runtime.core.swapfile import swap_free
from runtime.core.truncate import free_folio

NONE = -1


def mem_cgroup_out_of_memory(ctx: Context, memcg: int) -> None:
    """No room for a page under the limit of `memcg` (0: on no node). Nothing is done if a policy was found to blame."""
    if ctx.state[STATUS] != 0:
        return
    if ctx.CHECKED:
        check_nothing_to_reclaim(ctx, memcg)
    count_event(ctx, memcg, OOM, 1)
    if ctx.SINGLE:
        ctx.state[STATUS] = STATUS_OOM
        return
    victim = oom_victim(ctx, memcg)
    if victim == NONE:
        ctx.state[STATUS] = STATUS_OOM
        return
    count_event(ctx, victim, OOM_KILL, 1)
    ctx.memcgs[victim, OOM_KILLED] = 1
    running = 0
    for task in range(ctx.state[NR_TASKS]):
        if ctx.tasks[task, TASK_ENDED] == ENDED:
            continue
        if ctx.tasks[task, TASK_MEMCG] == victim:
            ctx.tasks[task, TASK_ENDED] = ENDED
            ctx.tasks[task, TASK_KILLED] = 1
        else:
            running += 1
    free_all_of(ctx, victim)
    if running == 0:
        ctx.state[STATUS] = STATUS_OOM


def oom_victim(ctx: Context, memcg: int) -> int:
    """The memcg at or below `memcg` that has most, in memory and on swap, of those with tasks not yet killed."""
    victim = NONE
    for task in range(ctx.state[NR_TASKS]):
        of = ctx.tasks[task, TASK_MEMCG]
        if ctx.memcgs[of, OOM_KILLED] != 0 or of < memcg or of >= ctx.memcgs[memcg, SUBTREE_END]:
            continue
        if victim == NONE or badness(ctx, of) > badness(ctx, victim):
            victim = of
    return victim


def badness(ctx: Context, memcg: int) -> int:
    """`oom_badness`: resident pages and slots on swap, those of memcgs below left out."""
    points = 0
    for node in range(ctx.state[NR_NODES]):
        lruvec = lruvec_of(ctx, memcg, node)
        points += ctx.lruvecs[lruvec, NR_CHARGED + ANON] + ctx.lruvecs[lruvec, NR_CHARGED + FILE]
    for device in range(ctx.state[NR_SWAP_DEVICES]):
        points += ctx.memcgs[memcg, SWAP_OF_OWN + device]
    return points


def free_all_of(ctx: Context, memcg: int) -> None:
    """Free every folio charged to the memcg, and the slots of swap it has."""
    for f in range(ctx.state[FIRST_FOLIO], ctx.state[NEXT_FOLIO]):
        if ctx.folios[f, FLAGS] & F_FREE == 0 and ctx.lruvecs[ctx.folios[f, LRUVEC], OF_MEMCG] == memcg:
            page = ctx.folios[f, PAGE]
            free_folio(ctx, f)
            ctx.page_table[page] = 0
    for device in range(1, ctx.state[NR_SWAP_DEVICES] + 1):
        while ctx.memcgs[memcg, SWAP_OF_OWN + device - 1] > 0:
            swap_free(ctx, memcg, device)
