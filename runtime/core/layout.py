"""The layout of the simulation's memory: one place for every column, word and flag.

The whole state of a simulation lies in flat regions (`REGIONS`), each reached through one or more views, so that
plain Python, the interpreter and native code work on the same bytes and a hash over the regions is a hash over
the state. All names here are compile-time constants of the core.
"""

from __future__ import annotations

from dataclasses import dataclass

# --- views ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class View:
    """A typed window on a region: elements of `bits` bits, unsigned unless `signed`.

    `columns` is the number of elements in a row, 0 for a one-dimensional view, or the name of a setting. Views with
    the same `alias` may overlap; views with different ones never touch the same byte, which the code generator
    tells LLVM (TBAA). Empty: the view's own name.
    """

    region: str
    bits: int
    signed: bool = False
    columns: int | str = 0
    alias: str = ""


REGIONS: tuple[str, ...] = (
    "folios", "page_table", "state", "lruvecs", "batches", "policy", "cursors", "params",
    "maps", "map_index", "map_entries", "map_values", "trace_page", "trace_flags",
)  # fmt: skip
"""The regions of a simulation, in the order of their addresses in the native context."""

BELADY_REGIONS: tuple[str, ...] = ("next_use", "farthest", "place", "last_seen")
"""What `runtime/core/belady.py` works on besides the trace; their addresses follow."""

ADDRESSES = (*REGIONS, *BELADY_REGIONS)
"""The words of the native context: the address of each region."""

TRACE_REGIONS = ("trace_page", "trace_flags")
"""Input, not state: not part of the hash."""

VIEWS: dict[str, View] = {
    "folios": View("folios", 32, columns="FOLIO_COLUMNS"),
    "field_bytes": View("folios", 8, alias="fields"),
    "page_table": View("page_table", 64, signed=True),
    "state": View("state", 64, signed=True),
    "lruvecs": View("lruvecs", 64, signed=True, columns=16),
    "batches": View("batches", 32),
    "policy": View("policy", 64, signed=True),
    "cursors": View("cursors", 32),
    "params": View("params", 64, signed=True),
    "maps": View("maps", 64, signed=True, columns=16),
    "map_index": View("map_index", 32),
    "map_keys": View("map_entries", 64, signed=True, columns=2),
    "map_links": View("map_entries", 32, columns=4),
    "map_bytes": View("map_values", 8, alias="map_values"),
    "trace_page": View("trace_page", 32),
    "trace_flags": View("trace_flags", 8),
    "next_use": View("next_use", 32),
    "farthest": View("farthest", 32, columns=2),
    "place": View("place", 32),
    "last_seen": View("last_seen", 32),
}
"""What the core reads and writes, by the name it has in the core. A policy's own fields and map values are reached
by their declared widths, under the aliases `fields` (from byte `FIELD_OFFSET` of a row) and `map_values`."""

# --- a folio: one row of `folios` -------------------------------------------------------------------------

FLAGS = 0
PREV = 1
NEXT = 2
PAGE = 3
LIST = 4
"""The list head the folio is linked under; 0 while it is on none."""
LRUVEC = 5
LEN = PAGE
"""In a list head: the number of folios on the list."""

FIELD_OFFSET = 24
"""A policy's own fields begin at this byte of the row, after the six columns above."""

F_FILE = 1 << 0
F_MAPPED = 1 << 1
F_EXECUTABLE = 1 << 2
F_DIRTY = 1 << 3
F_YOUNG = 1 << 4
F_REFERENCED = 1 << 5
F_ACTIVE = 1 << 6
F_WORKINGSET = 1 << 7
F_ADD_BATCH = 1 << 8
"""Waits in the `lru_add` batch: on no list, in no list's length."""
F_ACTIVATE_BATCH = 1 << 9
REASON_SHIFT = 12
"""Why a candidate comes back (`KEPT_...`), two bits, while it is on the list of the kept."""

# --- list heads: the first rows of `folios` ---------------------------------------------------------------

UNCLAIMED = 1
"""The core's own list: where folios go that no hook puts anywhere, oldest first. Row 0 is the null folio."""
FIRST_POLICY_LIST = 2
"""The lists of the policy."""
IN_CORE_QUEUE = (1 << 32) - 1
"""`LIST` of a candidate that waits in a queue of the core."""

# --- a page table entry -----------------------------------------------------------------------------------
# 0: never seen (or freed); > 0: the folio; < 0: -(shadow) - 1.

# --- events of a trace: the flags of runtime/traces/model.py ----------------------------------------------

E_WRITE = 1
E_FILE = 2
E_EXECUTE = 4
E_SYSCALL = 8
E_FREE = 128

# --- kinds of folios --------------------------------------------------------------------------------------
# What is kept per kind lies side by side in this order.

ANON = 0
FILE = 1

# --- words of `state` -------------------------------------------------------------------------------------
# Counters of the run first; the kernel's names where the kernel counts the same.

ACCESSES = 0
HITS = 1
MISSES = 2
EVICTIONS = 3
REFAULTS = 4
FREES = 5
PGSCAN_KSWAPD = 6
PGSCAN_DIRECT = 7
PGSTEAL_KSWAPD = 8
PGSTEAL_DIRECT = 9
PGSCAN_ANON = 10
PGSCAN_FILE = 11
PGSTEAL_ANON = 12
PGSTEAL_FILE = 13
PGREFILL = 14
PGACTIVATE = 15
PGDEACTIVATE = 16
PGMAJFAULT = 17
PSWPIN = 18
PSWPOUT = 19
NR_WRITTEN = 20
WORKINGSET_REFAULT_ANON = 21
WORKINGSET_REFAULT_FILE = 22
WORKINGSET_ACTIVATE_ANON = 23
WORKINGSET_ACTIVATE_FILE = 24
WORKINGSET_RESTORE_ANON = 25
WORKINGSET_RESTORE_FILE = 26
NR_RECLAIMS = 27

COUNTERS: dict[str, int] = {
    "accesses": ACCESSES,
    "hits": HITS,
    "misses": MISSES,
    "evictions": EVICTIONS,
    "refaults": REFAULTS,
    "frees": FREES,
    "pgscan_kswapd": PGSCAN_KSWAPD,
    "pgscan_direct": PGSCAN_DIRECT,
    "pgsteal_kswapd": PGSTEAL_KSWAPD,
    "pgsteal_direct": PGSTEAL_DIRECT,
    "pgscan_anon": PGSCAN_ANON,
    "pgscan_file": PGSCAN_FILE,
    "pgsteal_anon": PGSTEAL_ANON,
    "pgsteal_file": PGSTEAL_FILE,
    "pgrefill": PGREFILL,
    "pgactivate": PGACTIVATE,
    "pgdeactivate": PGDEACTIVATE,
    "pgmajfault": PGMAJFAULT,
    "pswpin": PSWPIN,
    "pswpout": PSWPOUT,
    "nr_written": NR_WRITTEN,
    "workingset_refault_anon": WORKINGSET_REFAULT_ANON,
    "workingset_refault_file": WORKINGSET_REFAULT_FILE,
    "workingset_activate_anon": WORKINGSET_ACTIVATE_ANON,
    "workingset_activate_file": WORKINGSET_ACTIVATE_FILE,
    "workingset_restore_anon": WORKINGSET_RESTORE_ANON,
    "workingset_restore_file": WORKINGSET_RESTORE_FILE,
    "reclaims": NR_RECLAIMS,
}
"""What a run reports, by name."""

# The machine.
NR_PAGES = 40
"""The memory limit, in pages."""
NR_RESIDENT = 41
NEXT_FOLIO = 42
"""Folios from this row on were never used."""
FREE_FOLIO = 43
"""The first of the folios that were used and freed, linked by `NEXT`; 0: none."""
WMARK_MIN = 44
WMARK_LOW = 45
WMARK_HIGH = 46
SWAPPINESS = 47
SCAN_BATCH = 48
"""Folios one call of `evict_folios` may look at."""
STATUS = 49
"""0 while the run may go on, else a `STATUS_` value."""
LAST_READ = 50
"""The page of the last read through the descriptor, plus one (`prev_pos` of `filemap_read`)."""
NR_ADD_BATCH = 51
NR_ACTIVATE_BATCH = 52
CAPACITY = 53
"""The memory limit at attach: what sizes of maps were computed from."""

# The reclaim under way (`struct scan_control`).
PRIORITY = 60
NR_TO_RECLAIM = 61
NR_RECLAIMED = 62
IS_KSWAPD = 63
FORCE_DEACTIVATE = 64
SKIPPED_DEACTIVATE = 65
OVERRULE = 66
"""A whole ladder freed nothing: the policy's KEEP counts no more."""
EFFORT = 67
"""Folios the policy may still look at in this reclaim."""

# Arguments of the hook under way: what `ctx` shows.
CTX_NR_TO_SCAN = 70
CTX_WANTED = 71
"""1 outside of `evict_folios`, so that a `scan` in another hook does not end for want of demand."""
CTX_TYPE = 72
CTX_SHADOW = 73
CTX_REASON = 74
CTX_KEY = 75
LOOKED_AT = 76
"""Folios handed to the policy by `scan` and `pop` in this call."""

# Candidates on their way: two queues linked by `NEXT`, the last folio of each in the word after the first.
ISOLATED_FIRST = 80
NR_ISOLATED = 82
KEPT_FIRST = 83

STATE_WORDS = 96

STATUS_RUNNING = 0
STATUS_NO_PROGRESS = 1
"""A reclaim used up its effort, or a whole ladder at full force, and freed nothing."""

# --- words of a row of `lruvecs` --------------------------------------------------------------------------

NONRESIDENT_AGE = 0
ANON_COST = 1
FILE_COST = 2
PLAN_EVICT = 3
"""and the next word: planned evictions of anonymous and file folios."""
PLAN_AGE = 5
"""and the next word: planned aging, likewise."""
NR_FOLIOS = 7
"""Folios on the lists of the lruvec."""

# --- a row of `maps` --------------------------------------------------------------------------------------

MAP_INDEX = 0
"""First slot in `map_index`."""
MAP_MASK = 1
"""Slots in the index less one (a power of two less one)."""
MAP_ENTRY = 2
"""First row in `map_entries`: the ring's end, which holds no key."""
MAP_CAPACITY = 3
MAP_LEN = 4
MAP_FREE = 5
"""The first entry that was used and freed, linked by `MAP_NEXT`; 0: none."""
MAP_NEXT_ENTRY = 6
"""Entries from this one on were never used."""
MAP_VALUE = 7
"""Byte of the sentinel's value in `map_values`."""
MAP_STRIDE = 8
"""Bytes of a value; 0 for a set."""
MAP_SHIFT = 9
"""64 less the bits of a slot number."""

# A row of `map_entries`, 16 bytes: the key in the first half, the links in the second.

MAP_KEY = 0
"""Column of `map_keys`."""
MAP_PREV = 2
MAP_NEXT = 3
"""Columns of `map_links`."""

# --- constants of the kernel ------------------------------------------------------------------------------

SWAP_CLUSTER_MAX = 32
"""Folios per round of reclaim (include/linux/swap.h)."""
DEF_PRIORITY = 12
"""Priority a reclaim starts at (include/linux/mmzone.h)."""
FOLIO_BATCH_SIZE = 31
"""Folios in a batch (include/linux/pagevec.h)."""
MAX_PLAN = (1 << 32) - 2
"""The most folios of one kind a plan asks for: as many as there can be (`MAX_FOLIOS` of the `abi`)."""

ADD_BATCH = 0
ACTIVATE_BATCH = 32
"""First slots of the two folio batches in `batches`."""
BATCH_SLOTS = 64
