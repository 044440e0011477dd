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
    ANON_COST,
    CTX_NR_TO_SCAN,
    CTX_REASON,
    CTX_SHADOW,
    CTX_TYPE,
    F_ACTIVE,
    F_EXECUTABLE,
    F_FILE,
    F_REFERENCED,
    F_WORKINGSET,
    FILE,
    FILE_COST,
    FIRST_POLICY_LIST,
    FLAGS,
    FORCE_DEACTIVATE,
    LEN,
    NONRESIDENT_AGE,
    PGACTIVATE,
    PGDEACTIVATE,
    PGREFILL,
    PLAN_AGE,
    PLAN_EVICT,
    PREV,
    PRIORITY,
    SKIPPED_DEACTIVATE,
    SWAP_CLUSTER_MAX,
    SWAPPINESS,
    WORKINGSET_ACTIVATE_ANON,
)
from runtime.core.lists import ctx_evict, list_head_row, list_move_head, list_push_head
from runtime.core.vmscan import (
    CHECK_ACTIVATE,
    KEEP,
    KEPT_ACTIVATE,
    RECLAIM,
    RECLAIM_CLEAN,
    lru_note_cost,
)
from runtime.core.workingset import ACTIVATE, WORKINGSET

INACTIVE = FIRST_POLICY_LIST
"""List numbers: inactive anon, active anon, inactive file, active file, as `enum lru_list` has them."""
ACTIVE_OFFSET = 1
FILE_OFFSET = 2
LISTS = 4

# Words of the policy's state.
REFAULT_SNAPSHOT = 0
"""and the next word: refault activations of anon and file when the last reclaim ended."""
MAY_DEACTIVATE = 2
"""and the next word: whether the active list of the type may be scanned in this pass."""
STATE_WORDS = 4

MAX_SWAPPINESS = 200
REFAULT_COST = 32


def lru_list(ctx: Context, lruvec: int, type: int, active: int) -> int:
    return list_head_row(ctx, lruvec, INACTIVE + FILE_OFFSET * type + ACTIVE_OFFSET * active)


def lru_size(ctx: Context, lruvec: int, type: int, active: int) -> int:
    return ctx.folios[lru_list(ctx, lruvec, type, active), LEN]


# --- joining and being used -------------------------------------------------------------------------------


def folio_added(ctx: Context, lruvec: int, f: int) -> None:
    """`lru_add`: the active list if the folio is marked active, else the inactive one."""
    active = 1 if ctx.folios[f, FLAGS] & F_ACTIVE else 0
    list_push_head(ctx, lruvec, lru_list(ctx, lruvec, folio_is_file(ctx, f), active), f)


def folio_accessed(ctx: Context, lruvec: int, f: int) -> None:
    """`folio_mark_accessed`: the first access marks the folio referenced, a second one activates it."""
    flags = ctx.folios[f, FLAGS]
    if flags & F_REFERENCED == 0:
        ctx.folios[f, FLAGS] = flags | F_REFERENCED
    elif flags & F_ACTIVE == 0:
        ctx.folios[f, FLAGS] = flags & ~F_REFERENCED
        folio_activate(ctx, lruvec, f)
        ctx.lruvecs[lruvec, NONRESIDENT_AGE] += 1


def folio_activated(ctx: Context, lruvec: int, f: int) -> None:
    """`lru_activate`: from the inactive list to the active one."""
    if ctx.folios[f, FLAGS] & F_ACTIVE:
        return
    ctx.folios[f, FLAGS] |= F_ACTIVE
    ctx.state[PGACTIVATE] += 1
    list_move_head(ctx, lruvec, lru_list(ctx, lruvec, folio_is_file(ctx, f), 1), f)


# --- shadows ----------------------------------------------------------------------------------------------


def folio_evicted(ctx: Context, lruvec: int, f: int) -> int:
    """`workingset_eviction`: the nonresident age, before it grows by this folio, and the workingset bit."""
    age = ctx.lruvecs[lruvec, NONRESIDENT_AGE]
    ctx.lruvecs[lruvec, NONRESIDENT_AGE] = age + 1
    workingset = 1 if ctx.folios[f, FLAGS] & F_WORKINGSET else 0
    return age * 2 + workingset


def refault(ctx: Context, lruvec: int, f: int) -> int:
    """`workingset_test_recent` and `workingset_refault`: active, if the folio would have stayed resident had its
    inactive list been longer by what the other lists hold. Anonymous folios count, for swap never runs out."""
    shadow = ctx.state[CTX_SHADOW]
    type = folio_is_file(ctx, f)
    distance = ctx.lruvecs[lruvec, NONRESIDENT_AGE] - (shadow >> 1)
    other = FILE if type == ANON else ANON
    workingset_size = lru_size(ctx, lruvec, FILE, 1) + lru_size(ctx, lruvec, ANON, 1) + lru_size(ctx, lruvec, other, 0)
    if distance > workingset_size:
        return 0
    ctx.lruvecs[lruvec, NONRESIDENT_AGE] += 1
    if shadow & 1 == 0:
        return ACTIVATE
    lru_note_cost(ctx, lruvec, type, REFAULT_COST)
    return ACTIVATE | WORKINGSET


# --- the plan of a pass -----------------------------------------------------------------------------------


def reclaim_end(ctx: Context, lruvec: int) -> None:
    """`snapshot_refaults`."""
    for type in range(2):
        ctx.policy[REFAULT_SNAPSHOT + type] = ctx.state[WORKINGSET_ACTIVATE_ANON + type]


def int_sqrt(ctx: Context, n: int) -> int:
    """The largest integer whose square is at most `n`."""
    root = 0
    while (root + 1) * (root + 1) <= n:
        root += 1
    return root


def inactive_is_low(ctx: Context, lruvec: int, type: int) -> bool:
    """`inactive_is_low`: less than 1 : sqrt(10 · GiB) of the type is inactive."""
    inactive = lru_size(ctx, lruvec, type, 0)
    active = lru_size(ctx, lruvec, type, 1)
    gigabytes = (inactive + active) >> 18
    ratio = 1
    if gigabytes > 0:
        ratio = int_sqrt(ctx, 10 * gigabytes)
    return inactive * ratio < active


def scan_plan(ctx: Context, lruvec: int) -> None:
    """`prepare_scan_control` and `get_scan_count`."""
    for type in range(2):
        refaulted = ctx.state[WORKINGSET_ACTIVATE_ANON + type] != ctx.policy[REFAULT_SNAPSHOT + type]
        forced = ctx.state[FORCE_DEACTIVATE] != 0
        may = 1 if forced or refaulted or inactive_is_low(ctx, lruvec, type) else 0
        ctx.policy[MAY_DEACTIVATE + type] = may
    priority = ctx.state[PRIORITY]
    swappiness = ctx.state[SWAPPINESS]
    trim = lru_size(ctx, lruvec, FILE, 0) >> priority > 0 and ctx.policy[MAY_DEACTIVATE + FILE] == 0
    if swappiness == 0:
        plan_type(ctx, lruvec, FILE, 1, 1)
    elif priority == 0:
        plan_type(ctx, lruvec, ANON, 1, 1)
        plan_type(ctx, lruvec, FILE, 1, 1)
    elif trim:
        plan_type(ctx, lruvec, FILE, 1, 1)
    else:
        plan_by_cost(ctx, lruvec, swappiness)


def plan_by_cost(ctx: Context, lruvec: int, swappiness: int) -> None:
    """`calculate_pressure_balance`: the share of a type falls with what reclaiming it cost lately."""
    anon_cost = ctx.lruvecs[lruvec, ANON_COST]
    file_cost = ctx.lruvecs[lruvec, FILE_COST]
    total = anon_cost + file_cost
    anon_cost += total
    file_cost += total
    total = anon_cost + file_cost
    anon_share = swappiness * (total + 1) // (anon_cost + 1)
    file_share = (MAX_SWAPPINESS - swappiness) * (total + 1) // (file_cost + 1)
    plan_type(ctx, lruvec, ANON, anon_share, anon_share + file_share)
    plan_type(ctx, lruvec, FILE, file_share, anon_share + file_share)


def plan_type(ctx: Context, lruvec: int, type: int, share: int, whole: int) -> None:
    """Plan this priority's part of both lists of a type, times `share` / `whole`."""
    priority = ctx.state[PRIORITY]
    ctx.lruvecs[lruvec, PLAN_EVICT + type] = (lru_size(ctx, lruvec, type, 0) >> priority) * share // whole
    ctx.lruvecs[lruvec, PLAN_AGE + type] = (lru_size(ctx, lruvec, type, 1) >> priority) * share // whole


# --- scanning ---------------------------------------------------------------------------------------------


def age(ctx: Context, lruvec: int) -> None:
    """`shrink_list` on an active list: skipped unless deactivation is allowed for the type."""
    type = ctx.state[CTX_TYPE]
    if ctx.policy[MAY_DEACTIVATE + type] == 0:
        ctx.state[SKIPPED_DEACTIVATE] = 1
        return
    shrink_active_list(ctx, lruvec, type, ctx.state[CTX_NR_TO_SCAN])


def shrink_end(ctx: Context, lruvec: int) -> None:
    """The end of `shrink_lruvec`: keep some anonymous folios inactive, so that they can be found unreferenced."""
    if inactive_is_low(ctx, lruvec, ANON):
        shrink_active_list(ctx, lruvec, ANON, SWAP_CLUSTER_MAX)


def shrink_active_list(ctx: Context, lruvec: int, type: int, count: int) -> None:
    """`shrink_active_list`: from the tail of the active list to the head of the inactive one. Only executable file
    folios that were used stay active. PG_referenced is kept: one more read may reactivate."""
    active = lru_list(ctx, lruvec, type, 1)
    inactive = lru_list(ctx, lruvec, type, 0)
    size = ctx.folios[active, LEN]
    rotated = 0
    for _ in range(count if count < size else size):
        f = ctx.folios[active, PREV]
        ctx.state[PGREFILL] += 1
        young = folio_test_clear_young(ctx, lruvec, f)
        flags = ctx.folios[f, FLAGS]
        if young and flags & F_EXECUTABLE and flags & F_FILE:
            rotated += 1
            list_move_head(ctx, lruvec, active, f)
            continue
        ctx.folios[f, FLAGS] = flags & ~F_ACTIVE | F_WORKINGSET
        ctx.state[PGDEACTIVATE] += 1
        list_move_head(ctx, lruvec, inactive, f)
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
    young = folio_test_clear_young(ctx, lruvec, f)
    flags = ctx.folios[f, FLAGS]
    referenced = flags & F_REFERENCED
    ctx.folios[f, FLAGS] = flags & ~F_REFERENCED
    if young:
        ctx.folios[f, FLAGS] = flags | F_REFERENCED
        if referenced or (flags & F_EXECUTABLE and flags & F_FILE):
            return CHECK_ACTIVATE
        return KEEP
    if referenced and flags & F_FILE:
        return RECLAIM_CLEAN
    return RECLAIM


def folio_kept(ctx: Context, lruvec: int, f: int) -> None:
    """`move_folios_to_lru`: back to the head of its list, or activated."""
    active = 0
    if ctx.state[CTX_REASON] == KEPT_ACTIVATE:
        active = 1
        ctx.folios[f, FLAGS] |= F_ACTIVE
        ctx.state[PGACTIVATE] += 1
        ctx.lruvecs[lruvec, NONRESIDENT_AGE] += 1
    list_push_head(ctx, lruvec, lru_list(ctx, lruvec, folio_is_file(ctx, f), active), f)
