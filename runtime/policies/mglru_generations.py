"""Generations of MGLRU: where folios start, how they move on, and how the window of generations moves.

In: folios and the words of `mglru_state`. Guaranteed: `SIZES` counts the folios by the generation that each knows
itself to be in; a type has two to four generations. (include/linux/mm_inline.h and the aging, mm/vmscan.c.)
"""

from __future__ import annotations

from runtime.core.context import Context
from runtime.core.folio import folio_is_file
from runtime.core.layout import (
    ANON,
    F_ACTIVE,
    F_DIRTY,
    F_RECLAIM,
    F_REFERENCED,
    F_SWAPCACHE,
    F_WORKINGSET,
    F_WRITEBACK,
    FILE,
    FLAGS,
    LEN,
    LOOKED_AT,
    PREV,
)
from runtime.core.lists import list_move_tail
from runtime.core.params import param
from runtime.core.reclaim_context import ctx_now
from runtime.core.workingset import list_mark
from runtime.policies.mglru_state import (
    BIRTHS,
    F_COUNTED_ONLY,
    F_GEN,
    F_REFS,
    GEN_SHIFT,
    MAX_NR_GENS,
    MAX_SEQ,
    MIN_NR_GENS,
    MIN_SEQ,
    PLACEMENT,
    PROTECTED,
    SIZES,
    add_word,
    first_type,
    folio_gen,
    gen_list,
    gen_of_seq,
    is_618,
    nr_gens,
    set_word,
    word,
)
from runtime.policies.mglru_tiers import count_tier, folio_lru_tier, is_full, reset_ctrl_pos

# --- placement --------------------------------------------------------------------------------------------


def folio_seq(ctx: Context, lruvec: int, f: int, reclaiming: int) -> int:
    """The generation a folio is put into. `reclaiming`: it is to go next."""
    if is_618(ctx, lruvec):
        return lru_gen_folio_seq(ctx, lruvec, f, reclaiming)
    return folio_seq_612(ctx, lruvec, f, reclaiming)


def cannot_go_yet(ctx: Context, f: int) -> bool:
    """Anonymous and not on swap, or waiting to be written before it is reclaimed."""
    flags = ctx.folios[f, FLAGS]
    if folio_is_file(ctx, f) == ANON and flags & F_SWAPCACHE == 0:
        return True
    return flags & F_RECLAIM != 0 and flags & (F_DIRTY | F_WRITEBACK) != 0


def lru_gen_folio_seq(ctx: Context, lruvec: int, f: int, reclaiming: int) -> int:
    """`lru_gen_folio_seq`: in use (PG_active): the second-youngest generation, or the youngest if it is of the working
    set; read, or cold: the fourth from above, or the third if it is of the working set. Never older than the oldest."""
    max_seq = word(ctx, lruvec, MAX_SEQ)
    min_seq = word(ctx, lruvec, MIN_SEQ + folio_is_file(ctx, f))
    flags = ctx.folios[f, FLAGS]
    workingset = 1 if flags & F_WORKINGSET else 0
    depth = MAX_NR_GENS
    if flags & F_ACTIVE:
        depth = MIN_NR_GENS - workingset
    elif reclaiming == 0:
        if cannot_go_yet(ctx, f):
            depth = MIN_NR_GENS
        elif param(ctx, lruvec, PLACEMENT) != 0:
            depth = MAX_NR_GENS - workingset
        else:
            return second_oldest_of_four(ctx, max_seq, min_seq)
    seq = max_seq - depth + 1
    return seq if seq > min_seq else min_seq


def folio_seq_612(ctx: Context, lruvec: int, f: int, reclaiming: int) -> int:
    """`lru_gen_add_folio` before 6.14: in use: the youngest generation; cannot go yet: the second-youngest; else the
    second-oldest if that leaves two above it, or the oldest."""
    max_seq = word(ctx, lruvec, MAX_SEQ)
    min_seq = word(ctx, lruvec, MIN_SEQ + folio_is_file(ctx, f))
    if ctx.folios[f, FLAGS] & F_ACTIVE:
        return max_seq
    if cannot_go_yet(ctx, f):
        return max_seq - 1
    if reclaiming != 0 or param(ctx, lruvec, PLACEMENT) == 0:
        return min_seq
    return second_oldest_of_four(ctx, max_seq, min_seq)


def second_oldest_of_four(ctx: Context, max_seq: int, min_seq: int) -> int:
    return min_seq if min_seq + MIN_NR_GENS >= max_seq else min_seq + 1


# --- on and off the lists ---------------------------------------------------------------------------------


def size_word(ctx: Context, gen: int, type: int) -> int:
    return SIZES + gen * 2 + type


def enter_gen(ctx: Context, lruvec: int, f: int, reclaiming: int) -> int:
    """Give a folio that has no generation the one it belongs to; the head of its list."""
    type = folio_is_file(ctx, f)
    gen = gen_of_seq(ctx, folio_seq(ctx, lruvec, f, reclaiming))
    ctx.folios[f, FLAGS] = ctx.folios[f, FLAGS] & ~(F_GEN | F_ACTIVE | F_COUNTED_ONLY) | (gen + 1) << GEN_SHIFT
    add_word(ctx, lruvec, size_word(ctx, gen, type), 1)
    return gen_list(ctx, lruvec, gen, type)


def lru_gen_del_folio(ctx: Context, lruvec: int, f: int) -> None:
    """`lru_gen_del_folio`: the folio is about to leave its list."""
    gen = folio_gen(ctx, f)
    if gen >= 0:
        add_word(ctx, lruvec, size_word(ctx, gen, folio_is_file(ctx, f)), -1)
        ctx.folios[f, FLAGS] &= ~F_GEN


# --- from one generation to another -----------------------------------------------------------------------


def folio_set_gen(ctx: Context, lruvec: int, f: int, gen: int) -> None:
    """Note the folio's generation, `gen` modulo 4; the list it is on stays."""
    type = folio_is_file(ctx, f)
    add_word(ctx, lruvec, size_word(ctx, folio_gen(ctx, f), type), -1)
    add_word(ctx, lruvec, size_word(ctx, gen, type), 1)
    ctx.folios[f, FLAGS] = ctx.folios[f, FLAGS] & ~F_GEN | (gen + 1) << GEN_SHIFT


def folio_update_gen(ctx: Context, lruvec: int, f: int) -> None:
    """`folio_update_gen`: a walk found the folio young: into the youngest generation. Since 6.14 only if it was
    referenced or of the working set before; the first time it is marked referenced."""
    flags = ctx.folios[f, FLAGS]
    if folio_gen(ctx, f) < 0:
        return
    if not is_618(ctx, lruvec):
        ctx.folios[f, FLAGS] = flags & ~(F_REFS | F_REFERENCED | F_WORKINGSET)
    elif flags & (F_REFERENCED | F_WORKINGSET) == 0:
        ctx.folios[f, FLAGS] = flags & ~F_REFS | F_REFERENCED
        return
    else:
        ctx.folios[f, FLAGS] = flags & ~(F_REFS | F_REFERENCED) | F_WORKINGSET
    folio_set_gen(ctx, lruvec, f, gen_of_seq(ctx, word(ctx, lruvec, MAX_SEQ)))


def lru_gen_set_refs(ctx: Context, f: int) -> bool:
    """`lru_gen_set_refs`, since 6.14: eviction found the folio young; whether it is to be activated. The first time it
    is only marked referenced."""
    flags = ctx.folios[f, FLAGS]
    if flags & (F_REFERENCED | F_WORKINGSET) == 0:
        ctx.folios[f, FLAGS] = flags & ~F_REFS | F_REFERENCED
        return False
    ctx.folios[f, FLAGS] = flags & ~(F_REFS | F_REFERENCED) | F_WORKINGSET
    return True


def folio_inc_gen(ctx: Context, lruvec: int, f: int, reclaiming: int) -> int:
    """`folio_inc_gen`: from the oldest generation to the next, unless a walk has put it elsewhere. Its reads count
    anew; before 6.14 it leaves the working set, too. Returns the generation, modulo 4."""
    type = folio_is_file(ctx, f)
    oldest = gen_of_seq(ctx, word(ctx, lruvec, MIN_SEQ + type))
    gen = folio_gen(ctx, f)
    if gen != oldest:
        return gen
    flags = ctx.folios[f, FLAGS] & ~(F_REFS | F_REFERENCED)
    if not is_618(ctx, lruvec):
        flags &= ~F_WORKINGSET
    if reclaiming:
        flags |= F_RECLAIM
    ctx.folios[f, FLAGS] = flags
    gen = gen_of_seq(ctx, oldest + 1)
    folio_set_gen(ctx, lruvec, f, gen)
    return gen


# --- the window -------------------------------------------------------------------------------------------


def inc_min_seq(ctx: Context, lruvec: int, type: int, swappiness: int) -> None:
    """`inc_min_seq`: give up the oldest generation of a type: its folios go to the tail of the next. A type that cannot
    be evicted now leaves them where they are, so that they come out in the youngest."""
    head = gen_list(ctx, lruvec, gen_of_seq(ctx, word(ctx, lruvec, MIN_SEQ + type)), type)
    evictable = type == FILE or swappiness != 0
    while evictable and ctx.folios[head, LEN] > 0:
        f = ctx.folios[head, PREV]
        ctx.state[LOOKED_AT] += 1
        tier = folio_lru_tier(ctx, lruvec, f)
        counts = is_618(ctx, lruvec) and not is_full(ctx, lruvec, f)
        gen = folio_inc_gen(ctx, lruvec, f, 0)
        list_move_tail(ctx, lruvec, gen_list(ctx, lruvec, gen, type), f)
        if counts:
            count_tier(ctx, lruvec, PROTECTED, type, tier)
    reset_ctrl_pos(ctx, lruvec, type)
    add_word(ctx, lruvec, MIN_SEQ + type, 1)


def oldest_populated(ctx: Context, lruvec: int, type: int) -> int:
    """The oldest generation of a type with anything on its list, but not one of the two youngest."""
    seq = word(ctx, lruvec, MIN_SEQ + type)
    max_seq = word(ctx, lruvec, MAX_SEQ)
    while seq + MIN_NR_GENS <= max_seq and ctx.folios[gen_list(ctx, lruvec, gen_of_seq(ctx, seq), type), LEN] == 0:
        seq += 1
    return seq


def try_to_inc_min_seq(ctx: Context, lruvec: int, swappiness: int) -> int:
    """`try_to_inc_min_seq`: pass over generations that are used up; 1 if there were any. The two types keep in touch:
    the one ahead waits for the other."""
    anon_seq = word(ctx, lruvec, MIN_SEQ + ANON)
    if first_type(ctx, swappiness) == ANON:
        anon_seq = oldest_populated(ctx, lruvec, ANON)
    file_seq = oldest_populated(ctx, lruvec, FILE)
    if is_618(ctx, lruvec):
        middle = word(ctx, lruvec, MAX_SEQ) - MIN_NR_GENS
        if swappiness != 0 and anon_seq > middle and file_seq < middle:
            anon_seq = middle
        elif swappiness != 0 and file_seq > middle and anon_seq < middle:
            file_seq = middle
    elif swappiness != 0:
        anon_seq = anon_seq if anon_seq < file_seq else file_seq
        now = word(ctx, lruvec, MIN_SEQ + FILE)
        file_seq = anon_seq if anon_seq > now else now
    changed = set_min_seq(ctx, lruvec, FILE, file_seq)
    if first_type(ctx, swappiness) == ANON and set_min_seq(ctx, lruvec, ANON, anon_seq) != 0:
        changed = 1
    return changed


def set_min_seq(ctx: Context, lruvec: int, type: int, seq: int) -> int:
    """Make `seq` the oldest generation of a type if it is another; 1 if it is."""
    now = word(ctx, lruvec, MIN_SEQ + type)
    if seq <= now:
        return 0
    reset_ctrl_pos(ctx, lruvec, type)
    set_word(ctx, lruvec, MIN_SEQ + type, seq)
    return 1


def inc_max_seq(ctx: Context, lruvec: int, swappiness: int) -> None:
    """`inc_max_seq`: begin a generation; a type that has four gives up its oldest first."""
    for type in range(2):
        if nr_gens(ctx, lruvec, type) == MAX_NR_GENS:
            inc_min_seq(ctx, lruvec, type, swappiness)
    add_word(ctx, lruvec, MAX_SEQ, 1)
    set_word(ctx, lruvec, BIRTHS + gen_of_seq(ctx, word(ctx, lruvec, MAX_SEQ)), ctx_now(ctx, lruvec))
    mark_lists(ctx, lruvec)


def mark_lists(ctx: Context, lruvec: int) -> None:
    """`lru_gen_is_active`: for the counters of the traditional LRU the two youngest generations are active."""
    max_seq = word(ctx, lruvec, MAX_SEQ)
    for depth in range(MAX_NR_GENS):
        gen = gen_of_seq(ctx, max_seq - depth)
        for type in range(2):
            list_mark(ctx, lruvec, gen_list(ctx, lruvec, gen, type), type, 1 if depth < MIN_NR_GENS else 0)
