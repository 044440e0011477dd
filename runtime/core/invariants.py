"""What holds whenever no reclaim is under way: checked after every reclaim and at the end of every replay.

Only checked builds (`CHECKED`) have this; any other pays nothing. In: the memory of a simulation. Out: nothing if all
is well, else `STATUS_BROKEN`, with the first invariant that does not hold in `BROKEN` and the folio, page, memcg, node,
lruvec or device in `BROKEN_AT`. Counts are worked out anew from folios, lists and page tables, into words kept for that
(`..._SEEN`), and compared with what the core keeps. Limits, protection and what is left when memory runs out are in
`runtime/core/invariant_limits.py`.
"""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.invariant_indexes import check_index
from runtime.core.invariant_limits import broken, check_limits
from runtime.core.layout import (
    ACTIVATE_BATCH,
    ADD_BATCH,
    BATCH_SIZE,
    BATCH_SLOTS,
    CHARGED_SEEN,
    DEVICE_SEEN,
    DEVICE_USED,
    DIRTY_HEAD,
    DIRTY_MASK,
    DIRTY_TAIL,
    F_ACTIVATE_BATCH,
    F_ADD_BATCH,
    F_DIRTY,
    F_DIRTY_QUEUE,
    F_FILE,
    F_FREE,
    F_MAPPED,
    F_SWAPCACHE,
    F_WRITEBACK,
    F_YOUNG,
    FIRST_FOLIO,
    FLAGS,
    FREE_FOLIO,
    ISOLATED_FIRST,
    KEPT_FIRST,
    LEN,
    LIST,
    LISTED_SEEN,
    LRUVEC,
    NEXT,
    NEXT_FOLIO,
    NODE_SEEN,
    NODE_USAGE,
    NR_ACTIVATE_BATCH,
    NR_ADD_BATCH,
    NR_CHARGED,
    NR_DIRTY,
    NR_FOLIOS,
    NR_MEMCGS,
    NR_NODES,
    NR_PAGE_IDS,
    NR_PROMOTE_BATCH,
    NR_RESIDENT,
    NR_SWAP_DEVICES,
    NR_TASKS,
    NR_WRITEBACK,
    OF_NODE,
    OOM_KILL,
    PAGE,
    PREV,
    REASON_MASK,
    REASON_SHIFT,
    SHADOW_LRUVEC_MASK,
    SHADOW_LRUVEC_SHIFT,
    SHADOW_VALID,
    SWAP_DEVICE_SHIFT,
    SWAP_OF_OWN,
    UNCLAIMED,
    WRITEBACK_HEAD,
    WRITEBACK_TAIL,
)
from runtime.core.memcg import nr_lruvecs
from runtime.core.swapfile import shadow_device, swapcache_device
from runtime.core.walk import page_at, slot_of
from runtime.core.writeback import WRITEBACK_SLOTS

# Which invariant is broken; `BROKEN_AT` of `runtime/core/invariant_limits.py` says of what.
QUEUE_LEFT = 1
LIST_TORN = 2
LIST_LENGTH = 3
LISTS_COUNT = 4
BATCH = 5
BATCH_TWICE = 6
BATCH_COUNT = 7
PLACE = 8
LRUVEC_RANGE = 9
PAGE_TABLE = 10
FOLIO_FLAGS = 11
RESIDENT_COUNT = 12
CHARGED_COUNT = 13
NODE_COUNT = 14
FREE_LIST = 15
SHADOW = 16
SWAP_SLOTS = 17
DIRTY_COUNT = 18
DIRTY_QUEUED = 19
WRITEBACK_COUNT = 20


def nr_tasks(ctx: Context) -> int:
    return 1 if ctx.SINGLE else ctx.state[NR_TASKS]


def check_invariants(ctx: Context) -> None:
    """Check everything."""
    if ctx.state[ISOLATED_FIRST] != 0 or ctx.state[KEPT_FIRST] != 0:
        broken(ctx, QUEUE_LEFT, ctx.state[ISOLATED_FIRST] + ctx.state[KEPT_FIRST])
    forget(ctx)
    for lruvec in range(nr_lruvecs(ctx)):
        check_lists(ctx, lruvec)
    check_batches(ctx)
    check_folios(ctx)
    check_free_folios(ctx)
    check_page_table(ctx)
    check_counts(ctx)
    if not ctx.IDEAL:
        check_swap(ctx)
        check_dirty(ctx)
        check_writeback(ctx)
    check_limits(ctx)


def forget(ctx: Context) -> None:
    """Begin to count."""
    for lruvec in range(nr_lruvecs(ctx)):
        ctx.lruvecs[lruvec, CHARGED_SEEN] = 0
        ctx.lruvecs[lruvec, CHARGED_SEEN + 1] = 0
        ctx.lruvecs[lruvec, LISTED_SEEN] = 0
    for node in range(ctx.state[NR_NODES]):
        ctx.nodes[node, NODE_SEEN] = 0
    for device in range(ctx.state[NR_SWAP_DEVICES] + 1):
        ctx.devices[device, DEVICE_SEEN] = 0


# --- where folios are -------------------------------------------------------------------------------------


def check_lists(ctx: Context, lruvec: int) -> None:
    """The rings of a lruvec are whole, hold folios that say so, and are as long as their heads say."""
    on_lists = 0
    first = lruvec * ctx.NR_LISTS + UNCLAIMED
    for head in range(first, first + ctx.NR_LISTS):
        before = head
        count = 0
        f = ctx.folios[head, NEXT]
        while f != head and count <= ctx.state[NR_RESIDENT]:
            if ctx.folios[f, LIST] != head or ctx.folios[f, PREV] != before:
                broken(ctx, LIST_TORN, f)
                return
            count += 1
            before = f
            f = ctx.folios[f, NEXT]
        if f != head or ctx.folios[head, PREV] != before:
            broken(ctx, LIST_TORN, head)
            return
        if count != ctx.folios[head, LEN]:
            broken(ctx, LIST_LENGTH, head)
        elif ctx.NR_BAGS + ctx.NR_HEAPS > 0:
            check_index(ctx, head)
        on_lists += count
    ctx.lruvecs[lruvec, LISTED_SEEN] = on_lists
    if not ctx.IDEAL and on_lists != ctx.lruvecs[lruvec, NR_FOLIOS]:
        broken(ctx, LISTS_COUNT, lruvec)


def check_batches(ctx: Context) -> None:
    """Each folio in a batch says so and is in it once. What a hook asked to have promoted is dealt with by now."""
    for cpu in range(nr_tasks(ctx)):
        if ctx.tasks[cpu, NR_PROMOTE_BATCH] != 0:
            broken(ctx, BATCH_COUNT, cpu)
        check_batch(ctx, cpu, ADD_BATCH, ctx.tasks[cpu, NR_ADD_BATCH], F_ADD_BATCH)
        check_batch(ctx, cpu, ACTIVATE_BATCH, ctx.tasks[cpu, NR_ACTIVATE_BATCH], F_ACTIVATE_BATCH)


def check_batch(ctx: Context, cpu: int, batch: int, count: int, mark: int) -> None:
    if count < 0 or count > ctx.state[BATCH_SIZE]:
        broken(ctx, BATCH_COUNT, cpu)
        return
    first = cpu * BATCH_SLOTS + batch
    for i in range(count):
        f = ctx.batches[first + i]
        if ctx.folios[f, FLAGS] & mark == 0 or is_free(ctx, f):
            broken(ctx, BATCH, f)
        for other in range(cpu + 1):
            last = i if other == cpu else in_batch(ctx, other, batch)
            for j in range(last):
                if ctx.batches[other * BATCH_SLOTS + batch + j] == f:
                    broken(ctx, BATCH_TWICE, f)


def in_batch(ctx: Context, cpu: int, batch: int) -> int:
    return ctx.tasks[cpu, NR_ADD_BATCH] if batch == ADD_BATCH else ctx.tasks[cpu, NR_ACTIVATE_BATCH]


def is_free(ctx: Context, f: int) -> bool:
    """The ideal model does not mark free rows: the page that a row names has another entry then."""
    if ctx.IDEAL:
        return ctx.page_table[ctx.folios[f, PAGE]] != f
    return ctx.folios[f, FLAGS] & F_FREE != 0


def check_folios(ctx: Context) -> None:
    """Every folio is in one place, charged once, and what its page table entry names."""
    resident = 0
    adding = 0
    activating = 0
    for f in range(ctx.state[FIRST_FOLIO], ctx.state[NEXT_FOLIO]):
        if is_free(ctx, f):
            continue
        resident += 1
        flags = ctx.folios[f, FLAGS]
        adding += 1 if flags & F_ADD_BATCH else 0
        activating += 1 if flags & F_ACTIVATE_BATCH else 0
        check_folio(ctx, f, flags)
    for cpu in range(nr_tasks(ctx)):
        adding -= ctx.tasks[cpu, NR_ADD_BATCH]
        activating -= ctx.tasks[cpu, NR_ACTIVATE_BATCH]
    if adding != 0 or activating != 0:
        broken(ctx, BATCH_COUNT, adding if adding != 0 else activating)
    if resident != ctx.state[NR_RESIDENT]:
        broken(ctx, RESIDENT_COUNT, resident)


def check_folio(ctx: Context, f: int, flags: int) -> None:
    page = ctx.folios[f, PAGE]
    if page >= ctx.state[NR_PAGE_IDS] or ctx.page_table[page] != f:
        broken(ctx, PAGE_TABLE, f)
        return
    lruvec = ctx.folios[f, LRUVEC]
    if lruvec >= nr_lruvecs(ctx):
        broken(ctx, LRUVEC_RANGE, f)
        return
    head = ctx.folios[f, LIST]
    places = 1 if flags & F_ADD_BATCH else 0
    if head > lruvec * ctx.NR_LISTS and head <= (lruvec + 1) * ctx.NR_LISTS:
        places += 1
    elif head != 0:
        places = 0
    if places != 1:
        broken(ctx, PLACE, f)
    ctx.lruvecs[lruvec, CHARGED_SEEN + (flags & F_FILE)] += 1
    if not ctx.SINGLE:
        ctx.nodes[ctx.lruvecs[lruvec, OF_NODE], NODE_SEEN] += 1
    if flags & REASON_MASK << REASON_SHIFT or (flags & F_YOUNG and flags & F_MAPPED == 0):
        broken(ctx, FOLIO_FLAGS, f)
    if flags & F_SWAPCACHE:
        check_device(ctx, swapcache_device(ctx, f), FOLIO_FLAGS, f)
    elif flags >> SWAP_DEVICE_SHIFT & 3 or flags & (F_FILE | F_SWAPCACHE) == F_FILE | F_SWAPCACHE:
        broken(ctx, FOLIO_FLAGS, f)


def check_device(ctx: Context, device: int, invariant: int, at: int) -> None:
    """A slot on the device is taken: there must be such a device."""
    if device < 1 or device > ctx.state[NR_SWAP_DEVICES]:
        broken(ctx, invariant, at)
        return
    ctx.devices[device, DEVICE_SEEN] += 1


def check_free_folios(ctx: Context) -> None:
    """The rows that are not resident are on the list of the free, each once."""
    free = 0
    f = ctx.state[FREE_FOLIO]
    rows = ctx.state[NEXT_FOLIO] - ctx.state[FIRST_FOLIO]
    while f != 0 and free <= rows:
        if f < ctx.state[FIRST_FOLIO] or f >= ctx.state[NEXT_FOLIO] or not is_free(ctx, f):
            broken(ctx, FREE_LIST, f)
            return
        free += 1
        f = ctx.folios[f, NEXT]
    if free + ctx.state[NR_RESIDENT] != rows:
        broken(ctx, FREE_LIST, free)


# --- page tables and shadows ------------------------------------------------------------------------------


def check_page_table(ctx: Context) -> None:
    """Entries name resident folios of their page, or hold shadows within bounds."""
    named = 0
    for page in range(ctx.state[NR_PAGE_IDS]):
        entry = ctx.page_table[page]
        if entry > 0:
            named += 1
            out_of_range = entry < ctx.state[FIRST_FOLIO] or entry >= ctx.state[NEXT_FOLIO]
            if out_of_range or ctx.folios[entry, PAGE] != page or page_at(ctx, slot_of(ctx, page)) != page + 1:
                broken(ctx, PAGE_TABLE, page)
        elif entry < 0:
            check_shadow(ctx, page, -entry - 1)
    if named != ctx.state[NR_RESIDENT]:
        broken(ctx, PAGE_TABLE, named)


def check_shadow(ctx: Context, page: int, left: int) -> None:
    if left >= SHADOW_VALID * 2 or left >> SHADOW_LRUVEC_SHIFT & SHADOW_LRUVEC_MASK >= nr_lruvecs(ctx):
        broken(ctx, SHADOW, page)
    if shadow_device(ctx, left) != 0:
        check_device(ctx, shadow_device(ctx, left), SHADOW, page)


# --- counts -----------------------------------------------------------------------------------------------


def check_counts(ctx: Context) -> None:
    """What is charged to lruvecs and nodes."""
    if ctx.IDEAL:
        return
    for lruvec in range(nr_lruvecs(ctx)):
        for type in range(2):
            if ctx.lruvecs[lruvec, CHARGED_SEEN + type] != ctx.lruvecs[lruvec, NR_CHARGED + type]:
                broken(ctx, CHARGED_COUNT, lruvec)
    if ctx.SINGLE:
        return
    for node in range(ctx.state[NR_NODES]):
        if ctx.nodes[node, NODE_SEEN] != ctx.nodes[node, NODE_USAGE]:
            broken(ctx, NODE_COUNT, node)


def check_swap(ctx: Context) -> None:
    """Slots taken: those of pages on swap and those of folios in the swap cache. What a killed task had on swap is
    given back, but its page table stays as it was: nobody reads it."""
    for device in range(1, ctx.state[NR_SWAP_DEVICES] + 1):
        used = ctx.devices[device, DEVICE_USED]
        seen = ctx.devices[device, DEVICE_SEEN]
        if used > seen or (used < seen and ctx.state[OOM_KILL] == 0):
            broken(ctx, SWAP_SLOTS, device)
        if not ctx.SINGLE:
            for memcg in range(ctx.state[NR_MEMCGS]):
                used -= ctx.memcgs[memcg, SWAP_OF_OWN + device - 1]
            if used != 0:
                broken(ctx, SWAP_SLOTS, device)


def check_dirty(ctx: Context) -> None:
    """Dirty file folios: as many as counted, each in the queue, which holds rows that say so, each once."""
    dirty = 0
    queued = 0
    for f in range(ctx.state[FIRST_FOLIO], ctx.state[NEXT_FOLIO]):
        flags = ctx.folios[f, FLAGS]
        if flags & F_DIRTY_QUEUE:
            queued += 1
        if flags & (F_FREE | F_FILE | F_DIRTY) == F_FILE | F_DIRTY:
            dirty += 1
            if flags & F_DIRTY_QUEUE == 0:
                broken(ctx, DIRTY_QUEUED, f)
    if dirty != ctx.state[NR_DIRTY]:
        broken(ctx, DIRTY_COUNT, dirty)
    if queued != ctx.state[DIRTY_TAIL] - ctx.state[DIRTY_HEAD]:
        broken(ctx, DIRTY_QUEUED, queued)
    for place in range(ctx.state[DIRTY_HEAD], ctx.state[DIRTY_TAIL]):
        f = ctx.dirty_queue[place & ctx.state[DIRTY_MASK]]
        if ctx.folios[f, FLAGS] & F_DIRTY_QUEUE == 0:
            broken(ctx, DIRTY_QUEUED, f)


def check_writeback(ctx: Context) -> None:
    """Folios under writeback are resident and in the ring, each once."""
    under = 0
    for f in range(ctx.state[FIRST_FOLIO], ctx.state[NEXT_FOLIO]):
        if ctx.folios[f, FLAGS] & F_WRITEBACK:
            under += 1
    if under != ctx.state[NR_WRITEBACK] or under != ctx.state[WRITEBACK_TAIL] - ctx.state[WRITEBACK_HEAD]:
        broken(ctx, WRITEBACK_COUNT, under)
    for place in range(ctx.state[WRITEBACK_HEAD], ctx.state[WRITEBACK_TAIL]):
        f = ctx.writeback[place & (WRITEBACK_SLOTS - 1), 0]
        if ctx.folios[f, FLAGS] & (F_WRITEBACK | F_FREE) != F_WRITEBACK:
            broken(ctx, WRITEBACK_COUNT, f)
