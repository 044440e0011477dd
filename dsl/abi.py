"""The `abi`: one table of what a policy and the reclaim core know of each other.

Hooks, kfuncs, context fields, map operations and named constants, with types, nullness, ownership effects, cost
and ranges. Type checker, verifier, interpreter, code generator and `rext list` all read it; the verifier's
soundness rests on it, so each entry is tested against its implementation in `runtime/core/`.

`ABI_HASH` names the table: a policy object built for another one is refused.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from dsl.types import BOOL, FOLIO, I64, KEY, LIST, PAGE_KEY, REFERENCE, U8, U64, VALUE, Type

ABI_VERSION = 2

MAX_FOLIOS = (1 << 32) - 2
"""Folios are numbered in 32 bits; 0 is null."""
MAX_MEMORY_PAGES = MAX_FOLIOS - (1 << 16)
"""The most memory a simulation has: the list heads are numbered with the folios."""
MAX_SCAN = 4096
"""The most folios one call of a hook is asked to look at (kernel: MAX_LRU_BATCH)."""
SHADOW_BITS = 43
"""Bits of a shadow that are the policy's; the core keeps more beside them."""
MAX_SHADOW = (1 << SHADOW_BITS) - 1
MAX_AGE = MAX_SHADOW >> 1
"""Nonresident ages leave a bit of the shadow free."""
MAX_LRUVECS = 1 << 16
MAX_TASKS = 1 << 16
MAX_PRIORITY = 12
"""Reclaim starts at this priority and ends at 0 (kernel: DEF_PRIORITY)."""

# --- limits the verifier enforces -------------------------------------------------------------------------

MAX_INSTRUCTIONS = 25_000
"""Instructions of one policy after inlining."""
MAX_CONSTANT_STEPS = 1_000_000
"""The most a hook may cost apart from what grows with the number of folios (`a` in a + b·n)."""
MAX_STEPS_PER_FOLIO = 4096
"""The most a hook may cost per resident folio (`b` in a + b·n)."""
MAX_REGISTERS = 2 * MAX_INSTRUCTIONS
"""Registers of one policy: locals and temporaries of all hooks after inlining."""
MAX_VERIFIER_STEPS = 100_000
"""What the verifier does for one policy, in instructions looked at, those of a loop again in each round (kernel:
BPF_COMPLEXITY_LIMIT_INSNS)."""
MAX_NESTING = 64
"""Depth of nested control in one function."""
MAX_LISTS = 1024
MAX_INDEXES = 8
"""Bags and heaps of a policy."""
MAX_CURSORS = 16
MAX_MAPS = 32
MAX_PARAMS = 64
MAX_STATE_WORDS = 1 << 16
MAX_FIELD_BYTES = 32
"""Bytes of a policy's own state in each folio."""
MAX_VALUE_BYTES = 256

# --- named constants --------------------------------------------------------------------------------------

CONSTANTS: dict[str, tuple[int, Type, str]] = {
    "ANON": (0, U8, "`ctx.type`: anonymous folios"),
    "FILE": (1, U8, "`ctx.type`: file folios"),
    "INACTIVE": (0, U8, "`xs.mark`: the list holds inactive folios"),
    "ACTIVE": (1, U8, "`xs.mark`: the list holds active folios"),
    "RECLAIM": (0, U8, "`folio_check`: reclaim the folio"),
    "RECLAIM_CLEAN": (1, U8, "`folio_check`: reclaim it only if it is clean"),
    "KEEP": (2, U8, "`folio_check`: it comes back, as it was; overruled when a whole ladder gave nothing"),
    "ACTIVATE": (3, U8, "`folio_check`: it comes back, to be treated as in use; overruled as KEEP is"),
    "KEPT_REFERENCED": (0, U8, "`ctx.reason`: `folio_check` said KEEP"),
    "KEPT_ACTIVATE": (1, U8, "`ctx.reason`: `folio_check` said ACTIVATE"),
    "KEPT_DIRTY": (2, U8, "`ctx.reason`: dirty, and not to be written by reclaim"),
    "KEPT_SURPLUS": (3, U8, "`ctx.reason`: more were proposed than the core wanted"),
    "KEPT_WRITEBACK": (4, U8, "`ctx.reason`: it is being written back, or waits for that"),
    "KEPT_PINNED": (5, U8, "`ctx.reason`: a folio batch holds it"),
    "BY_KSWAPD": (0, U8, "`ctx.reclaimer`: kswapd, for the watermarks of a node"),
    "BY_DIRECT": (1, U8, "`ctx.reclaimer`: a task that needs memory"),
    "BY_PROACTIVE": (2, U8, "`ctx.reclaimer`: whoever wrote to `memory.reclaim`"),
    "BY_WALK": (0, U8, "`ctx.source`: the walk of the page tables found it young"),
    "BY_LOOK_AROUND": (1, U8, "`ctx.source`: it was found beside a folio that was checked"),
    "REFAULT_ACTIVATE": (1, U8, "`refault`, a bit: the folio starts active"),
    "REFAULT_WORKINGSET": (2, U8, "`refault`, a bit: the folio was part of the working set"),
}

# --- hooks ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook point.

    `folio` is the ownership of its folio argument (`owned`, `borrowed`) or None if it has none. `result` is the
    type it returns, in [`low`, `high`], and `default` what the core takes when the policy has no such hook or
    returns nothing. `kernel` names the counterpart.
    """

    name: str
    folio: str | None
    result: Type | None
    low: int
    high: int
    default: int
    kernel: str = field(repr=False)
    doc: str = field(repr=False)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the arguments; a policy may leave out the last ones."""
        return ("ctx",) if self.folio is None else ("f", "ctx")


def _hook(
    name: str,
    folio: str | None,
    kernel: str,
    doc: str,
    result: Type | None = None,
    low: int = 0,
    high: int = 0,
    default: int = 0,
) -> Hook:
    return Hook(name, folio, result, low, high, default, kernel, doc)


HOOKS: dict[str, Hook] = {
    h.name: h
    for h in (
        _hook("init", None, "lru_gen_init_lruvec", "The policy is attached to a lruvec; folios there are added later."),
        _hook("exit", None, "lru_gen_exit_memcg", "The policy is detached; the core takes its folios over."),
        _hook("miss", None, "none: not implementable in today's kernel",
              "A page that is not resident was asked for; `ctx.key` names it. Called before room is made."),
        _hook("admit", None, "filemap_add_folio",
              "Whether the page that was asked for, `ctx.key`, enters the cache: 0 or 1. Asked after `miss`, for file"
              " pages that are read or written by system call (in the ideal model: for all). A page that is refused is"
              " read or written past the cache, as direct input and output are.",
              U8, 0, 1, 1),
        _hook("refault", "borrowed", "workingset_refault",
              "A page that was evicted comes back. `ctx.shadow` is what `folio_evicted` left. Returns REFAULT_ bits.",
              U8, 0, 3, 0),
        _hook("folio_added", "owned", "lru_add",
            "A folio joins the lruvec: put it on a list. Without it the core keeps the folio, and proposes it"
            " in its turn."),
        _hook("folio_brought_in", "borrowed", "folio_mark_accessed",
              "The read or write by system call that brought the page in: the kernel marks the folio accessed for it"
              " as for any other. The folio may wait in its batch, so that `folio_added` is yet to come. Not called in"
              " the ideal model."),
        _hook("folio_accessed", "borrowed", "folio_mark_accessed",
              "A folio that was resident was read or written through a system call (in the ideal model: at all)."),
        _hook("folio_activated", "borrowed", "lru_activate",
            "The folio asked for by `f.activate()`, when the batch drains."),
        _hook("reclaim_begin", None, "do_try_to_free_pages", "A reclaim of this lruvec begins."),
        _hook("reclaim_end", None, "snapshot_refaults", "It has ended."),
        _hook("scan_plan", None, "get_scan_count",
              "Once per priority: how many folios to age and to evict of each type, by `ctx.plan_age` and"
              " `ctx.plan_evict`; or how many of any type to look at, by `ctx.plan_scan`, and whether to age, by"
              " `ctx.plan_walk`: then it is asked again after each batch. Without it the core asks for all folios of"
              " the lruvec, shifted right by the priority."),
        _hook("shrink_end", None, "shrink_lruvec", "One pass over this lruvec, at one priority, has ended."),
        _hook("age", None, "shrink_active_list", "Age up to `ctx.nr_to_scan` folios of `ctx.type`; or, after the walk"
              " that `ctx.plan_walk` asked for, begin a generation."),
        _hook("evict_folios", None, "isolate_lru_folios",
              "Look at up to `ctx.nr_to_scan` folios and propose up to `ctx.wanted` of them with `ctx.evict`."),
        _hook("folio_check", "borrowed", "folio_check_references",
              "A proposed folio is about to be reclaimed: RECLAIM, RECLAIM_CLEAN, KEEP or ACTIVATE. `ctx.young`: a"
              " mapping accessed it. Without the hook the core keeps a folio that is young and reclaims all others."
              " KEEP and ACTIVATE are overruled once a whole ladder at full effort gave nothing: no policy can force"
              " the machine out of memory.",
              U8, 0, 3, 0),
        _hook("folio_kept", "owned", "move_folios_to_lru",
              "A proposed folio comes back, for `ctx.reason`. Without it the core calls `folio_added`."),
        _hook("folio_evicted", "borrowed", "workingset_eviction",
              "The folio is reclaimed. Returns the shadow: 43 bits kept for the page until it comes back.",
              U64, 0, MAX_SHADOW, 0),
        _hook("folio_removed", "borrowed", "lruvec_del_folio",
              "The folio leaves for another reason: its page was freed. The core takes it off its list."),
        _hook("folio_moved", "borrowed", "folio_rotate_reclaimable",
              "Reclaim wanted the folio, and its writeback has ended: move it to where it is looked at next."),
        _hook("walk_begin", None, "iterate_mm_list", "A walk of the page tables begins: `ctx.plan_walk` asked for it."),
        _hook("walk_table", None, "walk_pmd_range",
              "Whether the walk, or a look-around, is to visit table `ctx.table`: 0 or 1.", U8, 0, 1, 1),
        _hook("young", "borrowed", "folio_update_gen",
              "The page table entry of a resident folio was found young, and cleared; `ctx.source` says how. With this"
              " hook the core looks around young entries and walks page tables."),
        _hook("walk_table_done", None, "walk_pmd_range",
              "A table was walked, or looked around in: `ctx.ptes_young` of `ctx.ptes_seen` entries were young."),
        _hook("tick", None, "a timer, such as damon's",
              "A stretch of simulated time has passed (`--tick`, 100 ms). Not called in the ideal model, which has no"
              " clock."),
    )
}  # fmt: skip

# --- maps -------------------------------------------------------------------------------------------------

MAPS: dict[str, tuple[str, str]] = {
    "hash": ("hash<KEY, VALUE>[size]", "Entries by key. Insertion into a full map is refused. Without VALUE a set."),
    "lru_hash": ("lru_hash<KEY, VALUE>[size]",
        "Likewise, but a full map drops its oldest entry. `insert` and `touch` make an entry the newest, `lookup` does"
        " not."),
    "array": ("array<u64, VALUE>[size]", "Elements by number, all there from the start, and zero."),
}  # fmt: skip
"""How each kind of map is written, and what it does."""

# --- kfuncs -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Arg:
    """An argument. Its type may be that of the map's key, of its element's value, or a reference into it, alive and not
    null. `ownership` of a folio: `borrow` (owned or borrowed, unchanged), `consume` (must be owned, gone afterwards),
    `propose` (owned: gone afterwards; borrowed: unchanged). An integer lies in [`low`, `high`] where these are given:
    the verifier demands it."""

    name: str
    type: Type
    ownership: str = ""
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Kfunc:
    """A function of the core that policies call.

    `name` is its spelling in the IR and of the core function; `receiver` (`list`, `bag`, `heap`, `cursor`, `map`,
    `ref`, `folio`, `ctx`, None) and `member` its spelling in the language; a `property` is written without parentheses.
    `args` include the receiver, unless that is `ctx`, a bag, heap, map or cursor (those are named by the call's
    `table`; that of a `ref` is its map). `result` None: nothing. A folio result is `owned` or `borrowed` and may be
    null, as may a reference. Integer results lie in [`low`, `high`]. `hooks`: where it may be called, empty for
    everywhere. `kinds`: of which maps. `of_counters`: of maps whose only field is an unsigned integer. `clears_refs`:
    references into its map die. `steps`: cost, in units of one IR instruction, and `steps_per_element` what each
    element of the map adds. `pure`: reads only.
    """

    name: str
    receiver: str | None
    member: str
    is_property: bool
    args: tuple[Arg, ...]
    result: Type | None
    doc: str = field(repr=False)
    low: int = 0
    high: int = 0
    ownership: str = ""
    hooks: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    of_counters: bool = False
    clears_refs: bool = False
    steps: int = 4
    steps_per_element: int = 0
    pure: bool = False


_L = Arg("list", LIST)
_F = Arg("folio", FOLIO, "borrow")
_OWN = Arg("folio", FOLIO, "consume")
_KEY = Arg("key", KEY)
_REF = Arg("entry", REFERENCE)
_RANK = Arg("key", U64)
_TYPE = Arg("type", U8, low=0, high=1)
_ACTIVE = Arg("active", U8, low=0, high=1)
_COUNT = Arg("count", U64)
_MAPS = ("hash", "lru_hash")
_ANY_MAP = (*_MAPS, "array")


def _flag(member: str, doc: str) -> Kfunc:
    return Kfunc(f"folio_{member}", "folio", member, True, (_F,), BOOL, doc, 0, 1, steps=2, pure=True)


def _ctx(member: str, type: Type, low: int, high: int, doc: str, *hooks: str, steps: int = 1) -> Kfunc:
    return Kfunc(f"ctx_{member}", "ctx", member, True, (), type, doc, low, high, hooks=hooks, steps=steps, pure=True)


KFUNCS: dict[str, Kfunc] = {
    k.name: k
    for k in (
        # lists: oldest at the head by convention of the shipped programs
        Kfunc("list_len", "list", "len", True, (_L,), U64, "Folios on the list.", 0, MAX_FOLIOS, steps=2, pure=True),
        Kfunc("list_head", "list", "head", True, (_L,), FOLIO,
            "The first folio, or null.", ownership="borrowed", steps=2, pure=True),
        Kfunc("list_tail", "list", "tail", True, (_L,), FOLIO,
            "The last folio, or null.", ownership="borrowed", steps=2, pure=True),
        Kfunc("list_next", "list", "next", False, (_L, _F), FOLIO,
            "The folio after `folio` on this list; null at the end or if it is not on it."
            , ownership="borrowed", steps=3, pure=True),
        Kfunc("list_prev", "list", "prev", False, (_L, _F), FOLIO,
            "The folio before `folio` on this list; null at the end or if it is not on it."
            , ownership="borrowed", steps=3, pure=True),
        Kfunc("list_holds", "list", "holds", False, (_L, _F), BOOL,
            "Whether the folio is on this list.", 0, 1, steps=2, pure=True),
        Kfunc("list_push_head", "list", "push_head", False, (_L, _OWN), None, "Put an owned folio first.", steps=6),
        Kfunc("list_push_tail", "list", "push_tail", False, (_L, _OWN), None, "Put an owned folio last.", steps=6),
        Kfunc("list_pop_head", "list", "pop_head", False, (_L,), FOLIO,
            "Take the first folio off the list; null if it is empty.", ownership="owned", steps=8),
        Kfunc("list_pop_tail", "list", "pop_tail", False, (_L,), FOLIO,
            "Take the last folio off the list; null if it is empty.", ownership="owned", steps=8),
        Kfunc("list_move_head", "list", "move_head", False, (_L, _F), BOOL,
            "Move a folio that is on a list, the core's own included, to the head of this one; false if it is on "
            "none.", 0, 1, steps=12),
        Kfunc("list_move_tail", "list", "move_tail", False, (_L, _F), BOOL,
            "Move a folio that is on a list, the core's own included, to the tail of this one; false if it is on "
            "none.", 0, 1, steps=12),
        Kfunc("list_mark", "list", "mark", False, (_L, _TYPE, _ACTIVE), None,
            "Say what the list holds, for sizes by type and activity.", steps=2),
        # bags: besides what a list has
        Kfunc("bag_random", "bag", "random", False, (), FOLIO,
            "A folio of the bag, drawn at random; null if it is empty.", ownership="borrowed", steps=16),
        # heaps
        Kfunc("heap_len", "heap", "len", True, (), U64, "Folios on the heap.", 0, MAX_FOLIOS, steps=2, pure=True),
        Kfunc("heap_head", "heap", "head", True, (), FOLIO,
            "The folio with the least key, or null. Of equal keys it is the one pushed or moved first.",
            ownership="borrowed", steps=3, pure=True),
        Kfunc("heap_oldest", "heap", "oldest", True, (), FOLIO,
            "The folio that was pushed or moved the longest time ago, or null.",
            ownership="borrowed", steps=2, pure=True),
        Kfunc("heap_newest", "heap", "newest", True, (), FOLIO,
            "The folio that was pushed or moved last, or null.", ownership="borrowed", steps=2, pure=True),
        Kfunc("heap_holds", "heap", "holds", False, (_F,), BOOL,
            "Whether the folio is on this heap.", 0, 1, steps=2, pure=True),
        Kfunc("heap_key_of", "heap", "key_of", False, (_F,), U64,
            "The folio's key; 0 if it is not on this heap.", 0, (1 << 64) - 1, steps=4, pure=True),
        Kfunc("heap_push", "heap", "push", False, (_OWN, _RANK), None, "Put an owned folio on the heap.", steps=64),
        Kfunc("heap_move", "heap", "move", False, (_F, _RANK), BOOL,
            "Move a folio that is on a list, bag or heap to this one, or give it a new key; false if it is on none.",
            0, 1, steps=96),
        Kfunc("heap_pop_head", "heap", "pop_head", False, (), FOLIO,
            "Take the folio with the least key off the heap; null if it is empty.", ownership="owned", steps=64),
        Kfunc("heap_mark", "heap", "mark", False, (_TYPE, _ACTIVE), None,
            "Say what the heap holds, for sizes by type and activity.", steps=2),
        # cursors
        Kfunc("cursor_reset", "cursor", "reset", False, (), None,
            "Put the cursor back to the head of its list.", steps=2),
        # folios
        Kfunc("folio_key", "folio", "key", True, (_F,), PAGE_KEY,
            "Names the folio's page, also after it was evicted.", steps=2, pure=True),
        _flag("file", "Backed by a file; anonymous otherwise."),
        _flag("mapped", "Mapped: accessed through a mapping since it was brought in, or since reclaim unmapped it."),
        _flag("executable", "Mapped executable: an instruction was fetched from it."),
        _flag("dirty", "Written since it was last clean."),
        _flag("accessed", "The core's mark of a first use (PG_referenced): the policy sets it."),
        _flag("active",
            "The core's active mark: `refault` asked for it, or `f.activate()` before the folio was added."),
        _flag("workingset", "The core's workingset mark: set when `refault` asked for it."),
        _flag("writeback", "Being written back."),
        _flag("reclaim", "To be reclaimed as soon as its writeback ends (PG_reclaim)."),
        _flag("swapcache", "Anonymous, with a copy on swap that is still good."),
        _flag("faulted", "Brought in by a page fault on a mapping and not on a list since."),
        Kfunc("folio_set_accessed", "folio", "set_accessed", False, (_F, Arg("on", BOOL)), None,
            "Set or clear the core's mark of a first use.", steps=2),
        Kfunc("folio_set_active", "folio", "set_active", False, (_F, Arg("on", BOOL)), None,
            "Set or clear the core's active mark.", steps=2),
        Kfunc("folio_set_workingset", "folio", "set_workingset", False, (_F, Arg("on", BOOL)), None,
            "Set or clear the core's workingset mark.", steps=2),
        Kfunc("folio_set_reclaim", "folio", "set_reclaim", False, (_F, Arg("on", BOOL)), None,
            "Set or clear the core's reclaim mark.", steps=2),
        Kfunc("folio_test_clear_young", "folio", "test_clear_young", False, (_F,), BOOL,
            "Whether it was accessed through a mapping since the last call; clears the young bit (an rmap "
            "walk). Always false in the ideal model.", 0, 1, steps=8),
        Kfunc("folio_activate", "folio", "activate", False, (_F,), None,
            "Ask for `folio_activated` when the batch drains; a folio not yet added is marked active instead.",
            hooks=("folio_brought_in", "folio_accessed", "young"), steps=8),
        Kfunc("folio_promote", "folio", "promote", False, (_F,), None,
            "Ask for the folio to be moved to the node that demotes to its own; done when the hook has returned, if"
            " more than the high watermark is free there, else kswapd is woken there. Without such a node, nothing.",
            hooks=("folio_accessed", "young", "tick"), steps=8),
        # the machine
        Kfunc("nr_pages", None, "nr_pages", True, (), U64,
            "The memory limit when the policy was attached, in pages: what `nr_pages` means in the size of a "
            "map too.", 1, MAX_FOLIOS, steps=1, pure=True),
        Kfunc("resident_folio", None, "resident", False, (Arg("key", PAGE_KEY),), FOLIO,
            "The folio of a page, if it is on a list of this lruvec; or null.",
            ownership="borrowed", steps=4, pure=True),
        Kfunc("next_random", None, "random", False, (), U64,
            "A random number of 64 bits. Runs with one `--seed` draw the same numbers.", 0, (1 << 64) - 1, steps=8),
        Kfunc("hash_of_key", None, "hash", False, (Arg("key", PAGE_KEY), Arg("seed", U64)), U64,
            "A hash of a page's name, another one for each seed.", 0, (1 << 64) - 1, steps=8, pure=True),
        Kfunc("power_of_two", None, "pow2", False, (Arg("x", I64),), U64,
            "2 to the power of `x`, both in 1 / 2^32; at most 2^63 - 1.", 0, (1 << 63) - 1, steps=96, pure=True),
        Kfunc("floor_log2", None, "log2", False, (Arg("x", U64),), U64,
            "The logarithm to base 2, rounded down; 0 for 0.", 0, 63, steps=24, pure=True),
        # context
        _ctx("nr_pages", U64, 1, MAX_FOLIOS, "The memory limit now, in pages.", steps=8),
        _ctx("nr_resident", U64, 0, MAX_FOLIOS, "Folios charged now."),
        _ctx("nr_to_scan", U64, 0, MAX_SCAN,
            "The most folios to look at in this call: up to 4,096 after `ctx.plan_scan`, up to 32 in rounds by type.",
            "evict_folios", "age"),
        _ctx("wanted", U64, 0, MAX_SCAN, "How many more folios `ctx.evict` will take.", "evict_folios"),
        _ctx("type", U8, 0, 1,
            "ANON or FILE: which the core's plan is at. A policy that keeps both on one list ignores it."
            , "evict_folios", "age"),
        _ctx("priority", U8, 0, MAX_PRIORITY,
            "12 at first, 0 when reclaim is desperate."
            , "scan_plan", "age", "evict_folios", "folio_check", "folio_kept"),
        _ctx("swappiness", U64, 0, 200, "The share of anonymous memory in reclaim: 0 none, 100 even, 200 all.",
            "scan_plan", "age", "evict_folios", steps=2),
        _ctx("swap_left", U64, 0, MAX_FOLIOS, "Free slots on swap that the memcg may take.",
            "scan_plan", "age", "evict_folios", "refault", "shrink_end", steps=16),
        _ctx("reclaimer", U8, 0, 2, "Who reclaims: BY_KSWAPD, BY_DIRECT or BY_PROACTIVE.",
            "scan_plan", "age", "evict_folios", "folio_check", "folio_kept", "walk_begin", "walk_table", "young"),
        _ctx("reclaimed", U64, 0, (1 << 63) - 1, "Folios that this reclaim has got so far.",
            "scan_plan", "age", "evict_folios"),
        _ctx("to_reclaim", U64, 0, (1 << 63) - 1, "Folios that it wants.", "scan_plan", "age", "evict_folios"),
        _ctx("can_age_anon", BOOL, 0, 1,
            "Whether aging anonymous folios has a use: there is swap, full or not, or a slower node that takes them.",
            "scan_plan", "age", "shrink_end"),
        _ctx("global_reclaim", BOOL, 0, 1, "Reclaim is for want of memory of a node, not for the limit of a memcg.",
            "scan_plan", "age", "evict_folios"),
        _ctx("file_is_tiny", BOOL, 0, 1, "Hardly any file pages are left on the node.", "scan_plan"),
        _ctx("force_deactivate", BOOL, 0, 1, "A whole ladder gave nothing though aging was skipped.", "scan_plan"),
        _ctx("kernel", U64, 601, 618, "The kernel that is simulated: 601, 612 or 618."),
        _ctx("now", U64, 0, (1 << 63) - 1, "The virtual clock, in nanoseconds."),
        _ctx("min_ttl", U64, 0, (1 << 63) - 1, "For how long a working set is protected, in nanoseconds."),
        _ctx("lruvec", U64, 0, MAX_LRUVECS - 1, "The number of this lruvec."),
        _ctx("memcg", U64, 0, MAX_LRUVECS - 1, "The number of the memcg whose lruvec this is; 0 is the root.", steps=2),
        _ctx("task", U64, 0, MAX_TASKS - 1,
            "The number of the task at work; 0 if there is only one. In `folio_added` and `folio_activated` the one in"
            " whose batch the folio waited.",
            "miss", "admit", "refault", "folio_brought_in", "folio_added", "folio_accessed", "folio_activated"),
        _ctx("can_promote", BOOL, 0, 1, "There is a node that demotes to this one, so that `f.promote()` may move"
            " folios there.", steps=3),
        _ctx("source", U8, 0, 1, "What looks at page tables: BY_WALK or BY_LOOK_AROUND.",
            "walk_table", "young", "walk_table_done"),
        _ctx("table", U64, 0, MAX_FOLIOS, "The number of a table of 512 entries.", "walk_table", "walk_table_done"),
        _ctx("ptes_seen", U64, 0, 512, "Entries looked at.", "walk_table_done"),
        _ctx("ptes_young", U64, 0, 512, "Those that were young.", "walk_table_done"),
        _ctx("young", BOOL, 0, 1, "A mapping accessed the folio since it was last checked.", "folio_check"),
        _ctx("key", PAGE_KEY, 0, 0, "The page that was asked for.", "miss", "admit"),
        _ctx("shadow", U64, 0, MAX_SHADOW, "What `folio_evicted` returned for this page.", "refault"),
        _ctx("reason", U8, 0, 5, "Why the folio came back: KEPT_...", "folio_kept"),
        Kfunc("ctx_evict", "ctx", "evict", False, (Arg("folio", FOLIO, "propose"),), BOOL,
            "Propose a folio. An owned one is taken, unless it was proposed before by another name; for a "
            "borrowed one false if it is on no list or no more are wanted.", 0, 1, hooks=("evict_folios",), steps=12),
        Kfunc("ctx_reclaim", "ctx", "reclaim", False, (_COUNT,), None,
            "Ask for proactive reclaim of `count` folios of this memcg and those below it: when `tick` has returned, or"
            " after the access. Of several requests the last counts.",
            hooks=("tick", "folio_accessed"), steps=2),
        Kfunc("ctx_looked_at", "ctx", "looked_at", False, (_COUNT,), None,
            "Say how many folios this call looked at, where the core would count others; after 0 it asks no more.",
            hooks=("evict_folios",), steps=2),
        Kfunc("ctx_plan_evict", "ctx", "plan_evict", False, (_TYPE, Arg("count", U64)), None,
            "Plan to look at `count` folios of `type` for eviction.", hooks=("scan_plan",), steps=2),
        Kfunc("ctx_plan_age", "ctx", "plan_age", False, (_TYPE, Arg("count", U64)), None,
            "Plan to age `count` folios of `type`.", hooks=("scan_plan",), steps=2),
        Kfunc("ctx_plan_scan", "ctx", "plan_scan", False, (_COUNT,), None,
            "Plan to look at `count` folios of any type.", hooks=("scan_plan",), steps=2),
        Kfunc("ctx_plan_walk", "ctx", "plan_walk", False, (), None,
            "Ask for a walk of the page tables and then for `age`.", hooks=("scan_plan",), steps=2),
        Kfunc("ctx_unprotected", "ctx", "unprotected", False, (_COUNT,), U64,
            "Of `count` folios of this lruvec, those that `memory.min` and `memory.low` leave to scan.",
            0, MAX_FOLIOS, hooks=("scan_plan",), steps=12, pure=True),
        Kfunc("ctx_skip_deactivation", "ctx", "skip_deactivation", False, (), None,
            "Aging was skipped, so that the core may come back and force it.", hooks=("age", "scan_plan"), steps=1),
        # what is known of the working set
        Kfunc("ctx_size", "ctx", "size", False, (_TYPE, _ACTIVE), U64,
            "Folios on lists marked so, of this lruvec and those below it.", 0, MAX_FOLIOS, steps=64, pure=True),
        Kfunc("ctx_target_size", "ctx", "target_size", False, (_TYPE, _ACTIVE), U64,
            "Likewise of the lruvec that reclaim is for.", 0, MAX_FOLIOS, steps=64, pure=True,
            hooks=("scan_plan", "age", "shrink_end")),
        Kfunc("ctx_shadow_size", "ctx", "shadow_size", False, (_TYPE, _ACTIVE), U64,
            "Likewise of the lruvec that reclaim was for when the page left.", 0, MAX_FOLIOS, steps=64, pure=True,
            hooks=("refault",)),
        Kfunc("ctx_refaulted", "ctx", "refaulted", False, (_TYPE,), BOOL,
            "Whether refaults were activated in the lruvec that reclaim is for, since the last reclaim of it.", 0, 1,
            hooks=("scan_plan",), steps=4, pure=True),
        Kfunc("ctx_age_nonresident", "ctx", "age_nonresident", False, (), None,
            "Age what was evicted from this lruvec by one folio (`workingset_age_nonresident`).",
            hooks=("refault", "folio_brought_in", "folio_accessed", "folio_kept"), steps=16),
        Kfunc("ctx_eviction_age", "ctx", "eviction_age", False, (), U64,
            "The age of the lruvec that reclaim is for, which then grows by one folio (`workingset_eviction`).",
            0, MAX_AGE, hooks=("folio_evicted",), steps=16),
        Kfunc("ctx_refault_distance", "ctx", "refault_distance", False, (Arg("age", U64),), U64,
            "What the lruvec that reclaim was for has aged since it had this age.", 0, MAX_AGE,
            hooks=("refault",), steps=4, pure=True),
        Kfunc("ctx_note_cost", "ctx", "note_cost", False, (_TYPE, Arg("cost", U64)), None,
            "What reclaim of this type cost without gain (`lru_note_cost`).",
            hooks=("refault", "age", "shrink_end"), steps=32),
        Kfunc("ctx_cost", "ctx", "cost", False, (_TYPE,), U64,
            "What reclaim of this type cost lately, of the lruvec that reclaim is for.", 0, MAX_FOLIOS * 64,
            hooks=("scan_plan",), steps=4, pure=True),
        Kfunc("ctx_count_refill", "ctx", "count_refill", False, (_COUNT,), None,
            "Count folios that aging looked at (`pgrefill`).", steps=4),
        Kfunc("ctx_count_activate", "ctx", "count_activate", False, (_COUNT,), None,
            "Count folios that became active (`pgactivate`).", steps=4),
        Kfunc("ctx_count_deactivate", "ctx", "count_deactivate", False, (_COUNT,), None,
            "Count folios that became inactive (`pgdeactivate`).", steps=4),
        # maps
        Kfunc("map_len", "map", "len", True, (), U64,
            "Entries in the map.", 0, MAX_FOLIOS, kinds=_MAPS, steps=2, pure=True),
        Kfunc("map_capacity", "map", "capacity", True, (), U64,
            "The most entries it can hold; the elements of an `array`.",
            0, MAX_FOLIOS, kinds=_ANY_MAP, steps=2, pure=True),
        Kfunc("map_contains", "map", "contains", False, (_KEY,), BOOL,
            "Whether the key is there.", 0, 1, kinds=_MAPS, steps=16, pure=True),
        Kfunc("map_lookup", "map", "lookup", False, (_KEY,), None,
            "A reference to the key's value, or null. Of an `array`, null for an index past its end.", kinds=_ANY_MAP,
            steps=16, ownership="ref", pure=True),
        Kfunc("map_insert", "map", "insert", False, (_KEY,), BOOL,
            "Add the key with a value of zeros, or keep the value it has. Into a full `hash`: false. A full "
            "`lru_hash` drops its oldest entry; a key that is there becomes the newest."
            , 0, 1, kinds=_MAPS, clears_refs=True, steps=40),
        Kfunc("map_delete", "map", "delete", False, (_KEY,), BOOL,
            "Remove the key; whether it was there.", 0, 1, kinds=_MAPS, clears_refs=True, steps=40),
        Kfunc("map_touch", "map", "touch", False, (_KEY,), BOOL,
            "Make the key the newest entry; whether it was there.", 0, 1, kinds=("lru_hash",), steps=24),
        # maps: entries in their order
        Kfunc("map_oldest", "map", "oldest", True, (), None,
            "The oldest entry, or null.", kinds=_MAPS, steps=3, ownership="ref", pure=True),
        Kfunc("map_newest", "map", "newest", True, (), None,
            "The newest entry, or null.", kinds=_MAPS, steps=3, ownership="ref", pure=True),
        Kfunc("map_newer", "map", "newer", False, (_REF,), None,
            "The entry that is next newer, or null.", kinds=_MAPS, steps=3, ownership="ref", pure=True),
        Kfunc("map_older", "map", "older", False, (_REF,), None,
            "The entry that is next older, or null.", kinds=_MAPS, steps=3, ownership="ref", pure=True),
        Kfunc("map_make_newest", "map", "make_newest", False, (_REF,), None,
            "Make it the newest entry.", kinds=_MAPS, steps=8),
        Kfunc("map_make_oldest", "map", "make_oldest", False, (_REF,), None,
            "Make it the oldest entry.", kinds=_MAPS, steps=8),
        Kfunc("map_remove_entry", "map", "remove", False, (_REF,), None,
            "Remove the entry.", kinds=_MAPS, clears_refs=True, steps=40),
        Kfunc("map_pop_oldest", "map", "pop_oldest", False, (), BOOL,
            "Remove the oldest entry; whether there was one.", 0, 1, kinds=_MAPS, clears_refs=True, steps=40),
        Kfunc("ref_key", "ref", "key", True, (_REF,), KEY,
            "The key of the entry.", kinds=_MAPS, steps=2, pure=True),
        # maps: all elements of an array
        Kfunc("map_fill", "map", "fill", False, (Arg("value", VALUE),), None,
            "Set every element to a value.", kinds=("array",), of_counters=True, steps=8, steps_per_element=1),
        Kfunc("map_halve", "map", "halve", False, (), None,
            "Halve every element, rounding down.", kinds=("array",), of_counters=True, steps=8, steps_per_element=1),
    )
}  # fmt: skip


def members(receiver: str | None) -> dict[str, Kfunc]:
    """The kfuncs of a receiver, by the name they have in the language."""
    return {k.member: k for k in KFUNCS.values() if k.receiver == receiver}


def _fingerprint() -> str:
    """A hash of all that has a meaning: descriptions, which `repr` leaves out, may be reworded."""
    lines = [f"abi {ABI_VERSION}"]
    lines += [repr(h) for h in HOOKS.values()]
    lines += [repr(k) for k in KFUNCS.values()]
    lines += [repr((name, value, type)) for name, (value, type, _) in CONSTANTS.items()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


ABI_HASH = _fingerprint()
