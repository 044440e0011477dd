"""What `builtin:mglru` keeps: its params, its words per lruvec, its bits in a folio.

Generations are numbered by `seq`, which only grows; the lists are a window of four on them, `seq` modulo 4. A folio
knows its generation by itself (`F_GEN`), for a walk of the page tables changes that without touching the lists: the
folio is moved when eviction comes to it. So sizes are counted per generation, apart from the lengths of the lists
(`lru_gen_folio`, include/linux/mmzone.h).
"""

from __future__ import annotations

from collections.abc import Sequence

from runtime.core.context import Context
from runtime.core.layout import ANON, F_POLICY_SHIFT, FILE, FIRST_POLICY_LIST, FLAGS, MIN_LRU_BATCH
from runtime.core.lists import list_head_row
from runtime.core.params import param
from runtime.core.reclaim_context import ctx_kernel, ctx_swap_left, ctx_swappiness
from runtime.policies.params import BuiltinParam

MIN_NR_GENS = 2
MAX_NR_GENS = 4
MAX_NR_TIERS = 4
FULL_REFS = 4
"""Reads that a folio can tell apart, the one that PG_referenced stands for included (`BIT(LRU_REFS_WIDTH)`)."""
MAX_SWAPPINESS = 200

# --- params -----------------------------------------------------------------------------------------------

VERSION = 0
WALK = 1
LOOK_AROUND = 2
BLOOM = 3
TIERS = 4
PLACEMENT = 5
FULL_PROTECTION = 6
TYPE_SELECTION = 7
MIN_TTL = 8

PARAMS: tuple[BuiltinParam, ...] = (
    BuiltinParam(
        "version", 0, 0, 618, "the kernel whose MGLRU this is: 618, 612 or 601; 0: that of the machine",
        (0, 601, 612, 618),
    ),
    BuiltinParam("walk", 1, 0, 1, "aging walks the page tables; 0: only eviction finds out what was used"),
    BuiltinParam("look_around", 1, 0, 1, "a young page table entry makes eviction look at its neighbours"),
    BuiltinParam("bloom", 1, 0, 1, "walks visit only page tables that were dense lately; 0: all"),
    BuiltinParam("tiers", 1, 0, 1, "tiers that refault more than the first are protected from eviction"),
    BuiltinParam(
        "placement", 1, 0, 1,
        "where a read page starts: 1: where the version puts it; 0: where the other code does, 6.18 in the"
        " second-oldest generation if there are four, 6.12 and 6.1 in the oldest",
    ),
    BuiltinParam("full_protection", 1, 0, 1, "folios with all reference bits set are protected whatever their tier"),
    BuiltinParam(
        "type_selection", 1, 0, 1,
        "refaults decide between anonymous and file folios; 0: their sizes, weighed by swappiness",
    ),
    BuiltinParam("min_ttl", 1, 0, 1, "kswapd leaves working sets younger than the machine's `min_ttl` alone"),
)  # fmt: skip

# --- words of the state -----------------------------------------------------------------------------------

MAX_SEQ = 0
MIN_SEQ = 1
"""and the next word: the oldest generation of anonymous and of file folios."""
KERNEL_VERSION = 3
SIZES = 4
"""and the words after it: folios by generation and type."""
BIRTHS = 12
"""and the words after it: when each generation began."""
REFAULTED = 16
EVICTED = 24
PROTECTED = 32
"""Since the oldest generation of the type is the oldest, by type and tier; likewise:"""
AVG_REFAULTED = 40
AVG_TOTAL = 48
"""Moving averages over the generations before."""
ASKED = 56
"""How often a plan was asked for in this pass."""
PASS_MAX_SEQ = 57
"""The youngest generation when the pass began."""
SWAPPED = 58
"""Whether anonymous folios were scanned in this pass."""
WALKED = 59
"""Whether there was a walk in this pass, after which a look-around moves folios as a walk does."""
FILTER_IN_USE = 60
"""and the next word: whether the filter was ever begun. One that was not has everything."""
FILTERS = 64
FILTER_WORDS = 1024
"""32,768 bits (BLOOM_FILTER_SHIFT), 32 to a word."""
STATE_WORDS = FILTERS + 2 * FILTER_WORDS

LISTS = MAX_NR_GENS * 2

# --- bits of a folio --------------------------------------------------------------------------------------

REFS_SHIFT = F_POLICY_SHIFT
REFS_MASK = 3
F_REFS = REFS_MASK << REFS_SHIFT
"""Reads after the one that PG_referenced stands for (`LRU_REFS_MASK`)."""
GEN_SHIFT = F_POLICY_SHIFT + 2
F_GEN = 7 << GEN_SHIFT
"""The generation's number modulo 4, plus one; 0: on no list (`LRU_GEN_MASK`)."""
F_COUNTED_ONLY = 1 << (F_POLICY_SHIFT + 5)
"""The refault counted as an activation, but the folio does not start active (before 6.14)."""
FOLIO_BYTES = 1
"""What these bits take, rounded up."""


def list_sizes(words: Sequence[int]) -> dict[str, int]:
    """Folios by generation and type, from the words of the state, the youngest generation first: for samples."""
    max_seq = words[MAX_SEQ]
    ages = {0: " (youngest)", MAX_NR_GENS - 1: " (oldest)"}
    return {
        f"{name} gen {depth}{ages.get(depth, '')}": words[SIZES + (max_seq - depth) % MAX_NR_GENS * 2 + type]
        for type, name in ((FILE, "file"), (ANON, "anon"))
        for depth in range(MAX_NR_GENS)
    }


def word(ctx: Context, lruvec: int, number: int) -> int:
    """A word of the state."""
    return ctx.policy[lruvec * ctx.STATE_STRIDE + number]


def set_word(ctx: Context, lruvec: int, number: int, value: int) -> None:
    ctx.policy[lruvec * ctx.STATE_STRIDE + number] = value


def add_word(ctx: Context, lruvec: int, number: int, value: int) -> None:
    ctx.policy[lruvec * ctx.STATE_STRIDE + number] += value


def resolved_version(ctx: Context, lruvec: int) -> int:
    """The version asked for; those between the three are like the older one."""
    version = param(ctx, lruvec, VERSION)
    if version == 0:
        version = ctx_kernel(ctx, lruvec)
    if version >= 618:
        return 618
    return 612 if version >= 612 else 601


def is_618(ctx: Context, lruvec: int) -> bool:
    return word(ctx, lruvec, KERNEL_VERSION) == 618


def gen_list(ctx: Context, lruvec: int, gen: int, type: int) -> int:
    """The head of the list of a generation (its number modulo 4) and type."""
    return list_head_row(ctx, lruvec, FIRST_POLICY_LIST + gen * 2 + type)


def gen_of_seq(ctx: Context, seq: int) -> int:
    """`lru_gen_from_seq`."""
    return seq & (MAX_NR_GENS - 1)


def folio_gen(ctx: Context, f: int) -> int:
    """`folio_lru_gen`: the generation modulo 4; -1 if the folio is on no list."""
    return ((ctx.folios[f, FLAGS] & F_GEN) >> GEN_SHIFT) - 1


def nr_gens(ctx: Context, lruvec: int, type: int) -> int:
    """`get_nr_gens`."""
    return word(ctx, lruvec, MAX_SEQ) - word(ctx, lruvec, MIN_SEQ + type) + 1


def swappiness_of(ctx: Context, lruvec: int) -> int:
    """`get_swappiness`: 0 where there is no swap to speak of."""
    if ctx_swap_left(ctx, lruvec) < MIN_LRU_BATCH:
        return 0
    return ctx_swappiness(ctx, lruvec)


def first_type(ctx: Context, swappiness: int) -> int:
    """`min_type`: anonymous folios can be evicted unless swappiness is 0."""
    return 0 if swappiness else FILE


def evictable_min_seq(ctx: Context, lruvec: int, swappiness: int) -> int:
    """The oldest generation of the types that can be evicted. Before 6.14: that of the first such type, which is never
    younger than the other's."""
    seq = word(ctx, lruvec, MIN_SEQ + first_type(ctx, swappiness))
    file_seq = word(ctx, lruvec, MIN_SEQ + FILE)
    if is_618(ctx, lruvec) and file_seq < seq:
        return file_seq
    return seq
