"""`builtin:lru`: the traditional LRU of Linux 6.18, as hooks of the reclaim core (mm/vmscan.c, mm/workingset.c).

Active and inactive lists, file and anonymous; folios join at the head and are scanned from the tail. Two accesses
by system call activate; a mapped access is found by the scan of the inactive list, which gives one more round
before it activates. A page that returns within the refault distance of the active lists starts active. Written in
the typed subset of the core: it runs as plain Python and is compiled with the core, like it.
"""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.folio import folio_activate, folio_is_file, folio_test_clear_young
from runtime.core.layout import (
    ANON,
    CTX_NR_TO_SCAN,
    CTX_REASON,
    CTX_SHADOW,
    CTX_TYPE,
    CTX_YOUNG,
    F_ACTIVE,
    F_EXECUTABLE,
    F_FILE,
    F_REFERENCED,
    F_WORKINGSET,
    FILE,
    FILE_IS_TINY,
    FIRST_POLICY_LIST,
    FLAGS,
    FORCE_DEACTIVATE,
    LEN,
    PLAN_AGE,
    PLAN_EVICT,
    PREV,
    PRIORITY,
    SWAP_CLUSTER_MAX,
)
from runtime.core.lists import ctx_evict, list_head_row, list_move_head, list_move_tail, list_push_head
from runtime.core.reclaim_context import (
    ctx_can_age_anon,
    ctx_count_activate,
    ctx_count_deactivate,
    ctx_count_refill,
    ctx_global_reclaim,
    ctx_skip_deactivation,
    ctx_swap_left,
    ctx_swappiness,
    ctx_unprotected,
)
from runtime.core.shrink import ctx_cost, lru_note_cost
from runtime.core.shrink_list import (
    CHECK_ACTIVATE,
    KEEP,
    KEPT_ACTIVATE,
    KEPT_DIRTY,
    RECLAIM,
    RECLAIM_CLEAN,
)
from runtime.core.workingset import (
    ACTIVATE,
    WORKINGSET,
    ctx_age_nonresident,
    ctx_eviction_age,
    ctx_refault_distance,
    ctx_refaulted,
    ctx_shadow_size,
    ctx_size,
    ctx_target_size,
    list_mark,
)

INACTIVE = FIRST_POLICY_LIST
"""List numbers: inactive anon, active anon, inactive file, active file, as `enum lru_list` has them."""
ACTIVE_OFFSET = 1
FILE_OFFSET = 2
LISTS = 4
LIST_NAMES = ("inactive anon", "active anon", "inactive file", "active file")
OLDEST_AT_TAIL = True
"""As in the kernel, folios join lists at the head."""

# Words of the policy's state.
MAY_DEACTIVATE = 0
"""and the next word: whether the active list of the type may be scanned in this pass."""
STATE_WORDS = 2

MAX_SWAPPINESS = 200
REFAULT_COST = 32


def init(ctx: Context, lruvec: int) -> None:
    """Say which list holds what."""
    for type in range(2):
        for active in range(2):
            list_mark(ctx, lruvec, lru_list(ctx, lruvec, type, active), type, active)


def lru_list(ctx: Context, lruvec: int, type: int, active: int) -> int:
    return list_head_row(ctx, lruvec, INACTIVE + FILE_OFFSET * type + ACTIVE_OFFSET * active)


def lru_size(ctx: Context, lruvec: int, type: int, active: int) -> int:
    return ctx.folios[lru_list(ctx, lruvec, type, active), LEN]


# --- joining and being used -------------------------------------------------------------------------------


def folio_added(ctx: Context, lruvec: int, f: int) -> None:
    """`lru_add`: the active list if the folio is marked active, else the inactive one."""
    active = 1 if ctx.folios[f, FLAGS] & F_ACTIVE else 0
    list_push_head(ctx, lruvec, lru_list(ctx, lruvec, folio_is_file(ctx, f), active), f)


def folio_brought_in(ctx: Context, lruvec: int, f: int) -> None:
    """To the kernel an access as any other."""
    folio_accessed(ctx, lruvec, f)


def folio_accessed(ctx: Context, lruvec: int, f: int) -> None:
    """`folio_mark_accessed`: the first access marks the folio referenced, a second one activates it."""
    flags = ctx.folios[f, FLAGS]
    if flags & F_REFERENCED == 0:
        ctx.folios[f, FLAGS] = flags | F_REFERENCED
    elif flags & F_ACTIVE == 0:
        ctx.folios[f, FLAGS] = flags & ~F_REFERENCED
        folio_activate(ctx, lruvec, f)
        ctx_age_nonresident(ctx, lruvec)


def folio_activated(ctx: Context, lruvec: int, f: int) -> None:
    """`lru_activate`: from the inactive list to the active one."""
    if ctx.folios[f, FLAGS] & F_ACTIVE:
        return
    ctx.folios[f, FLAGS] |= F_ACTIVE
    ctx_count_activate(ctx, lruvec, 1)
    list_move_head(ctx, lruvec, lru_list(ctx, lruvec, folio_is_file(ctx, f), 1), f)


def folio_moved(ctx: Context, lruvec: int, f: int) -> None:
    """`lru_move_tail`: to the end of the inactive list, where it is scanned next."""
    ctx.folios[f, FLAGS] &= ~F_ACTIVE
    list_move_tail(ctx, lruvec, lru_list(ctx, lruvec, folio_is_file(ctx, f), 0), f)


# --- shadows ----------------------------------------------------------------------------------------------


def folio_evicted(ctx: Context, lruvec: int, f: int) -> int:
    """`workingset_eviction`: the nonresident age, before it grows by this folio, and the workingset bit."""
    workingset = 1 if ctx.folios[f, FLAGS] & F_WORKINGSET else 0
    return ctx_eviction_age(ctx, lruvec) * 2 + workingset


def refault(ctx: Context, lruvec: int, f: int) -> int:
    """`workingset_test_recent` and `workingset_refault`: active, if the folio would have stayed resident had its
    inactive list been longer by what the other lists hold. Anonymous folios count while there is swap for them."""
    shadow = ctx.state[CTX_SHADOW]
    type = folio_is_file(ctx, f)
    workingset_size = ctx_shadow_size(ctx, lruvec, FILE, 1)
    if type == ANON:
        workingset_size += ctx_shadow_size(ctx, lruvec, FILE, 0)
    if ctx_swap_left(ctx, lruvec) > 0:
        workingset_size += ctx_shadow_size(ctx, lruvec, ANON, 1)
        if type == FILE:
            workingset_size += ctx_shadow_size(ctx, lruvec, ANON, 0)
    if ctx_refault_distance(ctx, lruvec, shadow >> 1) > workingset_size:
        return 0
    ctx_age_nonresident(ctx, lruvec)
    if shadow & 1 == 0:
        return ACTIVATE
    lru_note_cost(ctx, lruvec, type, REFAULT_COST)
    return ACTIVATE | WORKINGSET


# --- the plan of a pass -----------------------------------------------------------------------------------


def int_sqrt(ctx: Context, n: int) -> int:
    """The largest integer whose square is at most `n`."""
    root = 0
    while (root + 1) * (root + 1) <= n:
        root += 1
    return root


def inactive_is_low(ctx: Context, inactive: int, active: int) -> bool:
    """`inactive_is_low`: less than 1 : sqrt(10 · GiB) of a type is inactive."""
    gigabytes = (inactive + active) >> 18
    ratio = 1
    if gigabytes > 0:
        ratio = int_sqrt(ctx, 10 * gigabytes)
    return inactive * ratio < active


def may_deactivate(ctx: Context, lruvec: int, type: int) -> bool:
    """`prepare_scan_control`, of the lruvec that reclaim is for: its refaults were activated since the last reclaim,
    or few of its folios are inactive, or nothing else has helped."""
    if ctx.state[FORCE_DEACTIVATE] != 0 or ctx_refaulted(ctx, lruvec, type):
        return True
    inactive = ctx_target_size(ctx, lruvec, type, 0)
    return inactive_is_low(ctx, inactive, ctx_target_size(ctx, lruvec, type, 1))


def scan_plan(ctx: Context, lruvec: int) -> None:
    """`prepare_scan_control` and `get_scan_count`."""
    first = lruvec * ctx.STATE_STRIDE + MAY_DEACTIVATE
    for type in range(2):
        ctx.policy[first + type] = 1 if may_deactivate(ctx, lruvec, type) else 0
    priority = ctx.state[PRIORITY]
    swappiness = ctx_swappiness(ctx, lruvec)
    trim = ctx_target_size(ctx, lruvec, FILE, 0) >> priority > 0 and ctx.policy[first + FILE] == 0
    if ctx_swap_left(ctx, lruvec) == 0 or (swappiness == 0 and not ctx_global_reclaim(ctx, lruvec)):
        plan_type(ctx, lruvec, FILE, 1, 1)
    elif priority == 0 and swappiness != 0:
        plan_type(ctx, lruvec, ANON, 1, 1)
        plan_type(ctx, lruvec, FILE, 1, 1)
    elif ctx.state[FILE_IS_TINY] != 0 and only_anon_helps(ctx, lruvec):
        plan_type(ctx, lruvec, ANON, 1, 1)
    elif trim:
        plan_type(ctx, lruvec, FILE, 1, 1)
    else:
        plan_by_cost(ctx, lruvec, swappiness)


def only_anon_helps(ctx: Context, lruvec: int) -> bool:
    """The rest of `sc->file_is_tiny`: anonymous folios are there to scan, and their active list need not be touched."""
    if ctx.policy[lruvec * ctx.STATE_STRIDE + MAY_DEACTIVATE + ANON] != 0:
        return False
    return ctx_target_size(ctx, lruvec, ANON, 0) >> ctx.state[PRIORITY] > 0


def plan_by_cost(ctx: Context, lruvec: int, swappiness: int) -> None:
    """`calculate_pressure_balance`: the share of a type falls with what reclaiming it cost lately."""
    anon_cost = ctx_cost(ctx, lruvec, ANON)
    file_cost = ctx_cost(ctx, lruvec, FILE)
    total = anon_cost + file_cost
    anon_cost += total
    file_cost += total
    total = anon_cost + file_cost
    anon_share = swappiness * (total + 1) // (anon_cost + 1)
    file_share = (MAX_SWAPPINESS - swappiness) * (total + 1) // (file_cost + 1)
    plan_type(ctx, lruvec, ANON, anon_share, anon_share + file_share)
    plan_type(ctx, lruvec, FILE, file_share, anon_share + file_share)


def plan_type(ctx: Context, lruvec: int, type: int, share: int, whole: int) -> None:
    """Plan this priority's part of both lists of a type, less what is protected, times `share` / `whole`."""
    priority = ctx.state[PRIORITY]
    inactive = ctx_unprotected(ctx, lruvec, lru_size(ctx, lruvec, type, 0))
    active = ctx_unprotected(ctx, lruvec, lru_size(ctx, lruvec, type, 1))
    ctx.lruvecs[lruvec, PLAN_EVICT + type] = (inactive >> priority) * share // whole
    ctx.lruvecs[lruvec, PLAN_AGE + type] = (active >> priority) * share // whole


# --- scanning ---------------------------------------------------------------------------------------------


def age(ctx: Context, lruvec: int) -> None:
    """`shrink_list` on an active list: skipped unless deactivation is allowed for the type."""
    type = ctx.state[CTX_TYPE]
    if ctx.policy[lruvec * ctx.STATE_STRIDE + MAY_DEACTIVATE + type] == 0:
        ctx_skip_deactivation(ctx, lruvec)
        return
    shrink_active_list(ctx, lruvec, type, ctx.state[CTX_NR_TO_SCAN])


def shrink_end(ctx: Context, lruvec: int) -> None:
    """The end of `shrink_lruvec`: keep some anonymous folios inactive, so that they can be found unreferenced."""
    if not ctx_can_age_anon(ctx, lruvec):
        return
    if inactive_is_low(ctx, ctx_size(ctx, lruvec, ANON, 0), ctx_size(ctx, lruvec, ANON, 1)):
        shrink_active_list(ctx, lruvec, ANON, SWAP_CLUSTER_MAX)


def shrink_active_list(ctx: Context, lruvec: int, type: int, count: int) -> None:
    """`shrink_active_list`: from the tail of the active list to the head of the inactive one. Only executable file
    folios that were used stay active. PG_referenced is kept: one more read may reactivate."""
    active = lru_list(ctx, lruvec, type, 1)
    inactive = lru_list(ctx, lruvec, type, 0)
    size = ctx.folios[active, LEN]
    rotated = 0
    deactivated = 0
    for _ in range(count if count < size else size):
        f = ctx.folios[active, PREV]
        young = folio_test_clear_young(ctx, lruvec, f)
        flags = ctx.folios[f, FLAGS]
        if young and flags & F_EXECUTABLE and flags & F_FILE:
            rotated += 1
            list_move_head(ctx, lruvec, active, f)
            continue
        ctx.folios[f, FLAGS] = flags & ~F_ACTIVE | F_WORKINGSET
        deactivated += 1
        list_move_head(ctx, lruvec, inactive, f)
    ctx_count_refill(ctx, lruvec, rotated + deactivated)
    ctx_count_deactivate(ctx, lruvec, deactivated)
    lru_note_cost(ctx, lruvec, type, rotated)


def evict_folios(ctx: Context, lruvec: int) -> None:
    """`isolate_lru_folios`: from the tail of the inactive list of the type."""
    type = ctx.state[CTX_TYPE]
    inactive = lru_list(ctx, lruvec, type, 0)
    for _ in range(ctx.state[CTX_NR_TO_SCAN]):
        f = ctx.folios[inactive, PREV]
        if f == inactive:
            break
        if not ctx_evict(ctx, lruvec, f):
            break


def folio_check(ctx: Context, lruvec: int, f: int) -> int:
    """`folio_check_references`: a mapped folio used once gets another round, used twice or executable it is activated.
    References by system call alone save nothing here: `folio_accessed` has seen them."""
    flags = ctx.folios[f, FLAGS]
    referenced = flags & F_REFERENCED
    ctx.folios[f, FLAGS] = flags & ~F_REFERENCED
    if ctx.state[CTX_YOUNG] != 0:
        ctx.folios[f, FLAGS] = flags | F_REFERENCED
        if referenced or (flags & F_EXECUTABLE and flags & F_FILE):
            return CHECK_ACTIVATE
        return KEEP
    if referenced and flags & F_FILE:
        return RECLAIM_CLEAN
    return RECLAIM


def folio_kept(ctx: Context, lruvec: int, f: int) -> None:
    """`move_folios_to_lru`: back to the head of its list, or activated: in use, dirty, or without room on swap."""
    reason = ctx.state[CTX_REASON]
    active = 1 if reason == KEPT_ACTIVATE else 0
    if reason == KEPT_DIRTY:
        active = 1
    if active:
        ctx.folios[f, FLAGS] |= F_ACTIVE
        ctx_count_activate(ctx, lruvec, 1)
        ctx_age_nonresident(ctx, lruvec)
    list_push_head(ctx, lruvec, lru_list(ctx, lruvec, folio_is_file(ctx, f), active), f)
