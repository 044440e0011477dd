"""Accesses and faults: the way of an event of the trace into the simulation (mm/filemap.c, mm/memory.c).

A mapped access sets the young bit and nothing else; one by system call marks the folio accessed, unless it reads
the page that the read before it ended in (`filemap_read`; a task has one descriptor). On a miss the order is the
kernel's: make room, take the shadow, refault, add to the lists, read, mark accessed. The ideal model knows hits and
misses only.
"""

from __future__ import annotations

from runtime.core.clock import note_stall, spend, wait_until
from runtime.core.context import Context, has_hook
from runtime.core.folio import folio_alloc, folio_is_file, folio_lruvec, task_cpu
from runtime.core.hooks import ADMIT, MISS, REFAULT
from runtime.core.layout import (
    ANON,
    BYPASSED,
    COST_INSERT,
    COST_IO,
    COST_MAJOR_FAULT,
    COST_MINOR_FAULT,
    CTX_KEY,
    E_EXECUTE,
    E_FILE,
    E_SYSCALL,
    E_WRITE,
    F_DIRTY,
    F_EXECUTABLE,
    F_FAULT,
    F_FILE,
    F_MAPPED,
    F_WORKINGSET,
    F_YOUNG,
    FILE,
    FILES,
    FLAGS,
    FLUSH_AT,
    LAST_READ,
    NOW,
    NR_WRITEBACK,
    PGFAULT,
    PGMAJFAULT,
    PSWPIN,
    READ_TIME,
    REFAULT_TIME,
    REFAULTS,
    SWAPIN_TIME,
    TASK_MEMCG,
    TASK_NODE,
)
from runtime.core.memcg import count_event, lruvec_of, memcg_of, memcg_over_limit, page_counter_charge
from runtime.core.oom import mem_cgroup_out_of_memory
from runtime.core.page_alloc import (
    NO_NODE,
    alloc_pages,
    make_room_ideal,
    try_charge_memcg,
)
from runtime.core.promote import promote_asked
from runtime.core.swap import folio_add_lru, folio_mark_accessed, folio_mark_brought_in
from runtime.core.swapfile import (
    device_read,
    device_write,
    is_synchronous,
    shadow_device,
    swap_free,
    swapcache_flags,
    vm_swap_full,
)
from runtime.core.workingset import workingset_refault
from runtime.core.writeback import flusher_tick, folio_mark_dirty

NO_LRUVEC = -1
PAST_CACHE = -1
"""`fault`: the policy did not admit the page, and the access went past the cache."""

# --- room for a page --------------------------------------------------------------------------------------


def charge_page(ctx: Context) -> int:
    """Room for one page of the task at work: the lruvec it belongs to, or `NO_LRUVEC` if there is none to be had."""
    if ctx.IDEAL:
        return 0 if make_room_ideal(ctx) else NO_LRUVEC
    task = task_cpu(ctx)
    memcg = 0 if ctx.SINGLE else ctx.tasks[task, TASK_MEMCG]
    if not try_charge_memcg(ctx, memcg):
        mem_cgroup_out_of_memory(ctx, memcg_over_limit(ctx, memcg))
        return NO_LRUVEC
    node = alloc_pages(ctx, 0 if ctx.SINGLE else ctx.tasks[task, TASK_NODE])
    if node == NO_NODE:
        mem_cgroup_out_of_memory(ctx, 0)
        return NO_LRUVEC
    return lruvec_of(ctx, memcg, node)


# --- faults -----------------------------------------------------------------------------------------------


def fault(ctx: Context, page: int, flags: int) -> int:
    """A page that is not resident was accessed: `filemap_add_folio`, `do_anonymous_page` or `do_swap_page`. Returns its
    new folio; 0 if no room could be made, `PAST_CACHE` if the page was not admitted."""
    if ctx.IDEAL:
        return fault_ideal(ctx, page, flags)
    if ctx.state[NR_WRITEBACK] > 0 or ctx.state[FLUSH_AT] <= ctx.state[NOW]:
        flusher_tick(ctx)
    ask_before_room(ctx, page)
    if not is_admitted(ctx, page, flags):
        go_past_cache(ctx, page, flags)
        return PAST_CACHE
    lruvec = charge_page(ctx)
    if lruvec == NO_LRUVEC:
        return 0
    left = -ctx.page_table[page] - 1
    f = folio_alloc(ctx, lruvec, page, new_folio_flags(ctx, flags))
    type = folio_is_file(ctx, f)
    page_counter_charge(ctx, lruvec, type, 1)
    ctx.page_table[page] = f
    if left >= 0:
        workingset_refault(ctx, lruvec, f, left)
    folio_add_lru(ctx, lruvec, f)
    bring_in(ctx, lruvec, f, flags, left)
    return f


def first_lruvec(ctx: Context) -> int:
    """The lruvec that the pages of the task at work go to first."""
    if ctx.SINGLE:
        return 0
    task = task_cpu(ctx)
    return lruvec_of(ctx, ctx.tasks[task, TASK_MEMCG], ctx.tasks[task, TASK_NODE])


def ask_before_room(ctx: Context, page: int) -> None:
    """The hook `miss`."""
    lruvec = first_lruvec(ctx)
    if has_hook(ctx, lruvec, MISS):
        ctx.state[CTX_KEY] = page
        ctx.hooks.miss(ctx, lruvec)


def is_admitted(ctx: Context, page: int, flags: int) -> bool:
    """The hook `admit`. What is mapped, and anonymous memory, there is no way around."""
    if not ctx.IDEAL and flags & (E_FILE | E_SYSCALL) != E_FILE | E_SYSCALL:
        return True
    lruvec = first_lruvec(ctx)
    if not has_hook(ctx, lruvec, ADMIT):
        return True
    ctx.state[CTX_KEY] = page
    return ctx.hooks.admit(ctx, lruvec) != 0


def go_past_cache(ctx: Context, page: int, flags: int) -> None:
    """Read or write the page on its device, as direct input and output do. It takes no memory, so waiting for it is no
    stall; but it is lost for want of memory if the page was evicted before."""
    count_event(ctx, 0 if ctx.SINGLE else ctx.tasks[task_cpu(ctx), TASK_MEMCG], BYPASSED, 1)
    begin = ctx.state[NOW]
    if flags & E_WRITE:
        spend(ctx, COST_IO, 1)
        wait_until(ctx, device_write(ctx, FILES))
        return
    wait_until(ctx, device_read(ctx, FILES))
    ctx.state[READ_TIME] += ctx.state[NOW] - begin
    if ctx.page_table[page] < 0:
        ctx.state[REFAULT_TIME] += ctx.state[NOW] - begin


def fault_ideal(ctx: Context, page: int, flags: int) -> int:
    """A miss of the ideal model."""
    ask_before_room(ctx, page)
    if not is_admitted(ctx, page, flags):
        ctx.state[BYPASSED] += 1
        return PAST_CACHE
    if charge_page(ctx) == NO_LRUVEC:
        return 0
    left = -ctx.page_table[page] - 1
    f = folio_alloc(ctx, 0, page, F_FILE if flags & E_FILE else 0)
    page_counter_charge(ctx, 0, FILE, 1)
    ctx.page_table[page] = f
    if not has_hook(ctx, 0, REFAULT):
        # Only counted, and without a branch: which misses come back is as hard to predict as which accesses miss.
        ctx.state[REFAULTS] += 1 if left >= 0 else 0
    elif left >= 0:
        workingset_refault(ctx, 0, f, left)
    folio_add_lru(ctx, 0, f)
    return f


def new_folio_flags(ctx: Context, flags: int) -> int:
    """The flags of a folio brought in by an access with these event flags, in the kernel model. Anonymous memory is
    dirty from the start."""
    result = F_FILE if flags & E_FILE else F_DIRTY
    if flags & E_SYSCALL == 0:
        result |= F_MAPPED | F_FAULT
    return result


def bring_in(ctx: Context, lruvec: int, f: int, flags: int, left: int) -> None:
    """Fill the new folio: read it from its file or from swap, or clear it. What a system call writes is not read."""
    memcg = memcg_of(ctx, lruvec)
    type = folio_is_file(ctx, f)
    if flags & E_SYSCALL == 0:
        count_event(ctx, memcg, PGFAULT, 1)
    if type == ANON and left < 0:
        spend(ctx, COST_MINOR_FAULT, 1)
        return
    if flags & E_SYSCALL:
        spend(ctx, COST_INSERT, 1)
        if type == FILE and flags & E_WRITE:
            return
    else:
        count_event(ctx, memcg, PGMAJFAULT, 1)
        spend(ctx, COST_MAJOR_FAULT, 1)
    read_folio(ctx, lruvec, f, flags, left)


def read_folio(ctx: Context, lruvec: int, f: int, flags: int, left: int) -> None:
    """Wait for the folio to be read. That is a stall if it is of the working set (`folio_wait_bit_common`,
    `swap_read_folio`), as `refault` says; of a policy that does not answer, if the folio was evicted before."""
    begin = ctx.state[NOW]
    if folio_is_file(ctx, f) == FILE:
        wait_until(ctx, device_read(ctx, FILES))
        ctx.state[READ_TIME] += ctx.state[NOW] - begin
    else:
        swap_read_folio(ctx, memcg_of(ctx, lruvec), f, shadow_device(ctx, left), flags)
        ctx.state[SWAPIN_TIME] += ctx.state[NOW] - begin
    if left < 0:
        return
    ctx.state[REFAULT_TIME] += ctx.state[NOW] - begin
    if not has_hook(ctx, lruvec, REFAULT) or ctx.folios[f, FLAGS] & F_WORKINGSET != 0:
        note_stall(ctx, begin)


def swap_read_folio(ctx: Context, memcg: int, f: int, device: int, flags: int) -> None:
    """`do_swap_page`. The slot is freed where it is of no more use: read from a synchronous device, about to be written
    to, or wanted by others."""
    if device == 0:
        return
    count_event(ctx, memcg, PSWPIN, 1)
    wait_until(ctx, device_read(ctx, device))
    if is_synchronous(ctx, device) or flags & E_WRITE or vm_swap_full(ctx):
        swap_free(ctx, memcg, device)
    else:
        ctx.folios[f, FLAGS] = ctx.folios[f, FLAGS] & ~F_DIRTY | swapcache_flags(ctx, device)


# --- accesses ---------------------------------------------------------------------------------------------


def is_quick_hit(ctx: Context, f: int, flags: int) -> bool:
    """Whether an access to a resident folio takes no more than the access itself: it faults on nothing and makes no
    clean file folio dirty, which may have to wait."""
    marks = ctx.folios[f, FLAGS]
    if flags & E_SYSCALL == 0 and marks & F_MAPPED == 0:
        return False
    return flags & (E_WRITE | E_FILE) != E_WRITE | E_FILE or marks & F_DIRTY != 0


def fault_on_resident(ctx: Context, f: int, flags: int) -> None:
    """The minor fault of a mapped access to a folio that is not mapped yet, or no more; or that writes to a clean file
    folio, which is mapped read-only so that this is noticed (`do_page_mkwrite`)."""
    if flags & E_SYSCALL:
        return
    marks = ctx.folios[f, FLAGS]
    dirties = flags & E_WRITE != 0 and marks & F_FILE != 0 and marks & F_DIRTY == 0
    if marks & F_MAPPED == 0 or dirties:
        count_event(ctx, memcg_of(ctx, folio_lruvec(ctx, f)), PGFAULT, 1)
        spend(ctx, COST_MINOR_FAULT, 1)


def touch(ctx: Context, f: int, page: int, flags: int, brought_in: int) -> None:
    """What an access does to a resident folio in the kernel model; `brought_in`: it has brought the folio in."""
    if flags & E_WRITE:
        if flags & E_FILE:
            folio_mark_dirty(ctx, f)
        else:
            ctx.folios[f, FLAGS] |= F_DIRTY
    if flags & E_SYSCALL:
        if flags & E_WRITE == 0:
            task = task_cpu(ctx)
            if ctx.tasks[task, LAST_READ] == page + 1:
                return
            ctx.tasks[task, LAST_READ] = page + 1
        lruvec = folio_lruvec(ctx, f)
        if brought_in:
            folio_mark_brought_in(ctx, lruvec, f)
        else:
            folio_mark_accessed(ctx, lruvec, f)
        promote_asked(ctx, lruvec)
        return
    marks = F_YOUNG | F_MAPPED
    if flags & E_EXECUTE:
        marks |= F_EXECUTABLE
    ctx.folios[f, FLAGS] |= marks
