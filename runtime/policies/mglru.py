"""`builtin:mglru`: the multi-generational LRU of Linux 6.18, 6.12 and 6.1, as hooks of the reclaim core (mm/vmscan.c).

Folios live in two to four generations per type; aging begins a generation and brings what page tables say was used
into it, eviction takes from the oldest. What was read through descriptors stays where it is and is told apart by tiers;
tiers that refault more than the first are moved on instead of evicted. Written in the typed subset of the core: it runs
as plain Python and is compiled with the core, like it. `PARAMS` switch each mechanism off by itself.
"""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.folio import folio_activate, folio_is_file
from runtime.core.layout import (
    ANON,
    BY_KSWAPD,
    BY_LOOK_AROUND,
    BY_PROACTIVE,
    F_ACTIVE,
    F_DIRTY,
    F_EXECUTABLE,
    F_FAULT,
    F_FILE,
    F_RECLAIM,
    F_REFERENCED,
    F_WORKINGSET,
    F_WRITEBACK,
    FILE,
    FLAGS,
)
from runtime.core.lists import list_move_head, list_move_tail, list_push_head
from runtime.core.params import param
from runtime.core.reclaim_context import (
    ctx_count_activate,
    ctx_looked_at,
    ctx_now,
    ctx_ptes_seen,
    ctx_ptes_young,
    ctx_reason,
    ctx_reclaimer,
    ctx_source,
    ctx_table,
    ctx_young,
)
from runtime.core.shrink_list import CHECK_ACTIVATE, KEEP, KEPT_ACTIVATE, RECLAIM
from runtime.policies import mglru_state
from runtime.policies.mglru_bloom import reset_bloom_filter, suitable_to_scan, test_bloom_filter, update_bloom_filter
from runtime.policies.mglru_eviction import isolate_folios
from runtime.policies.mglru_generations import (
    enter_gen,
    folio_seq,
    folio_update_gen,
    inc_max_seq,
    lru_gen_del_folio,
    lru_gen_set_refs,
    mark_lists,
    try_to_inc_min_seq,
)
from runtime.policies.mglru_plan import get_nr_to_scan, has_cold_folios
from runtime.policies.mglru_shadow import lru_gen_eviction, lru_gen_refault
from runtime.policies.mglru_state import (
    ASKED,
    BIRTHS,
    BLOOM,
    F_COUNTED_ONLY,
    F_REFS,
    KERNEL_VERSION,
    LOOK_AROUND,
    MAX_NR_GENS,
    MAX_SEQ,
    MIN_NR_GENS,
    MIN_SEQ,
    SWAPPED,
    WALK,
    WALKED,
    folio_gen,
    gen_of_seq,
    is_618,
    nr_gens,
    resolved_version,
    set_word,
    swappiness_of,
    word,
)
from runtime.policies.mglru_tiers import lru_gen_inc_refs

LISTS = mglru_state.LISTS
OLDEST_AT_TAIL = True
STATE_WORDS = mglru_state.STATE_WORDS
FOLIO_BYTES = mglru_state.FOLIO_BYTES
PARAMS = mglru_state.PARAMS
list_sizes = mglru_state.list_sizes

FIRST_MAX_SEQ = MIN_NR_GENS + 1
"""The youngest generation of a new lruvec, whose oldest is 0."""


def init(ctx: Context, lruvec: int) -> None:
    """`lru_gen_init_lruvec`."""
    for number in range(STATE_WORDS):
        set_word(ctx, lruvec, number, 0)
    set_word(ctx, lruvec, KERNEL_VERSION, resolved_version(ctx, lruvec))
    set_word(ctx, lruvec, MAX_SEQ, FIRST_MAX_SEQ)
    for gen in range(MAX_NR_GENS):
        set_word(ctx, lruvec, BIRTHS + gen, ctx_now(ctx, lruvec))
    mark_lists(ctx, lruvec)


# --- joining, leaving and being used ----------------------------------------------------------------------


def folio_added(ctx: Context, lruvec: int, f: int) -> None:
    """`folio_add_lru` and `lru_add`: what a fault brought in is in use."""
    flags = ctx.folios[f, FLAGS]
    if flags & F_FAULT:
        ctx.folios[f, FLAGS] = flags | F_ACTIVE
    elif flags & F_COUNTED_ONLY:
        ctx.folios[f, FLAGS] = flags & ~F_ACTIVE
    list_push_head(ctx, lruvec, enter_gen(ctx, lruvec, f, 0), f)


def folio_brought_in(ctx: Context, lruvec: int, f: int) -> None:
    """To the kernel an access as any other."""
    folio_accessed(ctx, lruvec, f)


def folio_accessed(ctx: Context, lruvec: int, f: int) -> None:
    """`folio_mark_accessed`: counted in the folio, which stays where it is."""
    lru_gen_inc_refs(ctx, lruvec, f)


def folio_activated(ctx: Context, lruvec: int, f: int) -> None:
    """`lru_activate`: a look-around found it young; among those in use."""
    lru_gen_del_folio(ctx, lruvec, f)
    ctx.folios[f, FLAGS] |= F_ACTIVE
    ctx_count_activate(ctx, lruvec, 1)
    list_move_head(ctx, lruvec, enter_gen(ctx, lruvec, f, 0), f)


def folio_moved(ctx: Context, lruvec: int, f: int) -> None:
    """`lru_move_tail`: its writeback has ended, it is to go next."""
    lru_gen_del_folio(ctx, lruvec, f)
    ctx.folios[f, FLAGS] &= ~F_ACTIVE
    list_move_tail(ctx, lruvec, enter_gen(ctx, lruvec, f, 1), f)


def folio_removed(ctx: Context, lruvec: int, f: int) -> None:
    lru_gen_del_folio(ctx, lruvec, f)


# --- shadows and the plan --------------------------------------------------------------------------------


def folio_evicted(ctx: Context, lruvec: int, f: int) -> int:
    return lru_gen_eviction(ctx, lruvec, f)


def refault(ctx: Context, lruvec: int, f: int) -> int:
    return lru_gen_refault(ctx, lruvec, f)


def scan_plan(ctx: Context, lruvec: int) -> None:
    get_nr_to_scan(ctx, lruvec)


def shrink_end(ctx: Context, lruvec: int) -> None:
    """A pass has ended."""
    set_word(ctx, lruvec, ASKED, 0)
    set_word(ctx, lruvec, SWAPPED, 0)
    set_word(ctx, lruvec, WALKED, 0)


# --- aging ------------------------------------------------------------------------------------------------


def age(ctx: Context, lruvec: int) -> None:
    """`try_to_inc_max_seq`, after its walk: begin a generation."""
    set_word(ctx, lruvec, WALKED, 1)
    inc_max_seq(ctx, lruvec, swappiness_of(ctx, lruvec))


def walk_begin(ctx: Context, lruvec: int) -> None:
    """`iterate_mm_list`: begin the filter of the next walk."""
    if param(ctx, lruvec, WALK) != 0:
        reset_bloom_filter(ctx, lruvec, word(ctx, lruvec, MAX_SEQ) + 1)


def walk_table(ctx: Context, lruvec: int) -> int:
    """`walk_pmd_range`: visit what was dense in the last round, or for eviction since. A look-around is always
    wanted."""
    if ctx_source(ctx, lruvec) == BY_LOOK_AROUND:
        return param(ctx, lruvec, LOOK_AROUND)
    if param(ctx, lruvec, WALK) == 0:
        return 0
    if param(ctx, lruvec, BLOOM) == 0:
        return 1
    return 1 if test_bloom_filter(ctx, lruvec, word(ctx, lruvec, MAX_SEQ), ctx_table(ctx, lruvec)) else 0


def young(ctx: Context, lruvec: int, f: int) -> None:
    """`walk_update_folio`: a walk moves the folio to the youngest generation; a look-around asks for its activation,
    unless it may move it as a walk does."""
    if ctx_source(ctx, lruvec) != BY_LOOK_AROUND or has_mm_walk(ctx, lruvec):
        folio_update_gen(ctx, lruvec, f)
        return
    if is_618(ctx, lruvec) and not lru_gen_set_refs(ctx, f):
        return
    if folio_gen(ctx, f) != gen_of_seq(ctx, word(ctx, lruvec, MAX_SEQ)):
        folio_activate(ctx, lruvec, f)


def has_mm_walk(ctx: Context, lruvec: int) -> bool:
    """`set_mm_walk`: whether the reclaimer has what a walk needs: kswapd and proactive reclaim do, a task in 6.1 once
    it has aged."""
    reclaimer = ctx_reclaimer(ctx, lruvec)
    if reclaimer == BY_KSWAPD:
        return True
    if word(ctx, lruvec, KERNEL_VERSION) == 601:
        return word(ctx, lruvec, WALKED) != 0
    return reclaimer == BY_PROACTIVE


def walk_table_done(ctx: Context, lruvec: int) -> None:
    """Dense tables go into the filter: of the next walk, or, if eviction found them, of this generation's. Of the
    three, 6.1 alone takes a mapping of a single page for a sign that its table is dense."""
    seen = ctx_ptes_seen(ctx, lruvec)
    seq = word(ctx, lruvec, MAX_SEQ)
    if ctx_source(ctx, lruvec) != BY_LOOK_AROUND:
        seq += 1
    elif seen == 1 and word(ctx, lruvec, KERNEL_VERSION) >= 612:
        return
    if suitable_to_scan(ctx, seen, ctx_ptes_young(ctx, lruvec)):
        update_bloom_filter(ctx, lruvec, seq, ctx_table(ctx, lruvec))


# --- eviction ---------------------------------------------------------------------------------------------


def evict_folios(ctx: Context, lruvec: int) -> None:
    """`evict_folios`, up to `shrink_folio_list`: isolate, then pass over generations that are used up."""
    swappiness = swappiness_of(ctx, lruvec)
    scanned = isolate_folios(ctx, lruvec, swappiness)
    scanned += try_to_inc_min_seq(ctx, lruvec, swappiness)
    if is_618(ctx, lruvec):
        if not has_cold_folios(ctx, lruvec, swappiness):
            scanned = 0
    elif nr_gens(ctx, lruvec, FILE if swappiness == 0 else ANON) == MIN_NR_GENS:
        scanned = 0
    ctx_looked_at(ctx, lruvec, scanned)


def folio_check(ctx: Context, lruvec: int, f: int) -> int:
    """`lru_gen_folio_check_references`: young folios stay: activated if they were referenced or of the working set,
    else kept. Before 6.14 `folio_check_references` as for the traditional LRU; executable ones are activated."""
    if not ctx_young(ctx, lruvec):
        return RECLAIM
    if is_618(ctx, lruvec):
        return CHECK_ACTIVATE if lru_gen_set_refs(ctx, f) else KEEP
    flags = ctx.folios[f, FLAGS]
    ctx.folios[f, FLAGS] = flags | F_REFERENCED
    return CHECK_ACTIVATE if flags & F_EXECUTABLE != 0 and flags & F_FILE != 0 else KEEP


def folio_kept(ctx: Context, lruvec: int, f: int) -> None:
    """The end of `evict_folios`: what came back does not join the oldest generation; if that is its place, it counts as
    in use. Before 6.14 it does unless it waits for writeback."""
    if ctx_reason(ctx, lruvec) == KEPT_ACTIVATE:
        ctx.folios[f, FLAGS] |= F_ACTIVE
        ctx_count_activate(ctx, lruvec, 1)
    flags = ctx.folios[f, FLAGS]
    if is_618(ctx, lruvec):
        if folio_seq(ctx, lruvec, f, 0) == word(ctx, lruvec, MIN_SEQ + folio_is_file(ctx, f)):
            ctx.folios[f, FLAGS] = flags & ~(F_REFS | F_REFERENCED) | F_ACTIVE
    elif flags & F_RECLAIM == 0 or flags & (F_DIRTY | F_WRITEBACK) == 0:
        ctx.folios[f, FLAGS] = flags & ~(F_REFS | F_REFERENCED | F_WORKINGSET) | F_ACTIVE
    elif flags & F_WORKINGSET:
        ctx.folios[f, FLAGS] = flags | F_REFERENCED
    list_push_head(ctx, lruvec, enter_gen(ctx, lruvec, f, 0), f)
