"""The layout of the simulation's memory: one place for every column, word and flag.

The whole state of a simulation lies in flat regions (`REGIONS`), each reached through one or more views, so that
plain Python, the interpreter and native code work on the same bytes and a hash over the regions is a hash over
the state. All names here are compile-time constants of the core.
"""

from __future__ import annotations

from dataclasses import dataclass

LATENCY_BUCKETS = 256
"""Of the histogram of a memcg, or a task: four to a power of two of nanoseconds."""

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
    "folios", "page_table", "state", "nodes", "memcgs", "lruvecs", "tasks", "devices", "costs", "batches", "policy",
    "cursors", "params", "maps", "map_index", "map_entries", "bag_folios", "heap_folios", "heap_nodes", "dirty_queue",
    "writeback", "latencies", "task_latencies", "pte_page", "page_slot", "walk_order", "trace_page", "trace_flags",
)  # fmt: skip
"""The regions of a simulation, in the order of their addresses in the native context."""

BELADY_REGIONS: tuple[str, ...] = ("next_use", "farthest", "place", "last_seen")
"""What `runtime/core/belady.py` works on besides the trace; their addresses follow."""

ADDRESSES = (*REGIONS, *BELADY_REGIONS)
"""The words of the native context: the address of each region."""

INPUT_REGIONS = ("costs", "pte_page", "page_slot", "walk_order", "trace_page", "trace_flags")
"""Input, not state: not part of the hash."""

MEMCG_COLUMNS = 128
VIEWS: dict[str, View] = {
    "folios": View("folios", 32, columns="FOLIO_COLUMNS"),
    "field_bytes": View("folios", 8, alias="fields"),
    "page_table": View("page_table", 64, signed=True),
    "state": View("state", 64, signed=True),
    "nodes": View("nodes", 64, signed=True, columns=16),
    "memcgs": View("memcgs", 64, signed=True, columns=MEMCG_COLUMNS),
    "lruvecs": View("lruvecs", 64, signed=True, columns=32),
    "tasks": View("tasks", 64, signed=True, columns=32),
    "devices": View("devices", 64, signed=True, columns=32),
    "costs": View("costs", 64, signed=True),
    "batches": View("batches", 32),
    "policy": View("policy", 64, signed=True),
    "cursors": View("cursors", 32),
    "params": View("params", 64, signed=True),
    "maps": View("maps", 64, signed=True, columns=16),
    "map_index": View("map_index", 32),
    "map_links": View("map_entries", 32, columns=2),
    "map_keys": View("map_entries", 64, signed=True),
    "map_values": View("map_entries", 64, signed=True),
    "bag_folios": View("bag_folios", 32),
    "heap_folios": View("heap_folios", 32),
    "heap_nodes": View("heap_nodes", 64, signed=True, columns=2),
    "dirty_queue": View("dirty_queue", 32),
    "writeback": View("writeback", 64, signed=True, columns=2),
    "latencies": View("latencies", 64, signed=True, columns=LATENCY_BUCKETS),
    "task_latencies": View("task_latencies", 64, signed=True, columns=LATENCY_BUCKETS),
    "pte_page": View("pte_page", 32),
    "page_slot": View("page_slot", 32),
    "walk_order": View("walk_order", 32),
    "trace_page": View("trace_page", 32),
    "trace_flags": View("trace_flags", 8),
    "next_use": View("next_use", 32),
    "farthest": View("farthest", 32, columns=2),
    "place": View("place", 32),
    "last_seen": View("last_seen", 32),
}
"""What the core reads and writes, by the name it has in the core. A policy's own fields and map values are reached
by their declared widths, under the aliases `fields` (from byte `FIELD_BASE` of a row) and `map_values`."""

# --- a folio: one row of `folios` -------------------------------------------------------------------------

FLAGS = 0
PREV = 1
NEXT = 2
PAGE = 3
LIST = 4
"""The list head the folio is linked under; 0 while it is on none."""
LRUVEC = 5
LEN = PAGE
"""In a list head: the number of folios on the list. `FLAGS` of a head says what the list holds: `M_` bits."""

INDEX = LRUVEC
"""In a list head: 0, or which bag (number + 1, doubled) or heap (the same and 1) the list is."""

FIELD_OFFSET = 24
"""A policy's own fields begin at this byte of the row, after the six columns above (`FIELD_BASE` of a run)."""
POSITION = 6
"""The folio's place in the array of its bag or heap. Where a policy has one, its fields begin 8 bytes later."""
INDEXED_FIELD_OFFSET = 32

F_FILE = 1 << 0
F_MAPPED = 1 << 1
F_EXECUTABLE = 1 << 2
F_DIRTY = 1 << 3
F_YOUNG = 1 << 4
"""The accessed bit of the page table entry that maps the folio: there is one."""
F_REFERENCED = 1 << 5
F_ACTIVE = 1 << 6
F_WORKINGSET = 1 << 7
F_ADD_BATCH = 1 << 8
"""Waits in the `lru_add` batch: on no list, in no list's length."""
F_ACTIVATE_BATCH = 1 << 9
F_WRITEBACK = 1 << 10
F_RECLAIM = 1 << 11
"""To be reclaimed as soon as its writeback ends (PG_reclaim)."""
REASON_SHIFT = 12
"""Why a candidate comes back (`KEPT_...`), three bits, while it is on the list of the kept."""
REASON_MASK = 7
F_FAULT = 1 << 15
"""Brought in by a page fault on a mapping (`lru_gen_in_fault`), until it is put on a list."""
F_POLICY_SHIFT = 16
"""Eight bits for a built-in policy."""
F_SWAPCACHE = 1 << 24
"""Anonymous, with a copy on swap that is still good: it need not be written again."""
F_DIRTY_QUEUE = 1 << 25
"""The row is in the queue of the dirty, which the flusher works off; also of a row that was freed meanwhile."""
F_FREE = 1 << 26
"""A free row."""
SWAP_DEVICE_SHIFT = 27
"""Two bits: the device that holds the copy of a folio in the swap cache."""

# --- list heads: the first rows of `folios` ---------------------------------------------------------------

UNCLAIMED = 1
"""The core's own list: where folios go that no hook puts anywhere, oldest first. Row 0 is the null folio."""
FIRST_POLICY_LIST = 2
"""The lists of the policy."""
IN_CORE_QUEUE = (1 << 32) - 1
"""`LIST` of a candidate that waits in a queue of the core."""
M_ACTIVE = 1
M_FILE = 2
M_MARKED = 4
"""What a policy says its list holds, for sizes by type and activity (`lruvec_page_state`)."""

# --- a page table entry -----------------------------------------------------------------------------------
# 0: never seen (or freed); > 0: the folio; < 0: -(what is left of it) - 1: from the low end, the policy's shadow, the
# lruvec that reclaim was for when it went, the swap device and whether there is a shadow at all.

SHADOW_BITS = 43
SHADOW_LRUVEC_SHIFT = 43
SHADOW_LRUVEC_MASK = (1 << 16) - 1
SHADOW_DEVICE_SHIFT = 59
SHADOW_DEVICE_MASK = 3
SHADOW_VALID = 1 << 61
"""The shadow was left by the policy that is attached now."""

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
ANY = 2
"""A round over folios of both types: `ctx.type` is `FILE` then."""

# --- words of `state` -------------------------------------------------------------------------------------
# Counters of the run first; the kernel's names where the kernel counts the same. A memcg has its own copy of each, at
# the same distance from `MEMCG_COUNTERS`.

ACCESSES = 0
HITS = 1
MISSES = 2
EVICTIONS = 3
REFAULTS = 4
FREES = 5
PGSCAN_KSWAPD = 6
PGSCAN_DIRECT = 7
PGSCAN_PROACTIVE = 8
PGSTEAL_KSWAPD = 9
PGSTEAL_DIRECT = 10
PGSTEAL_PROACTIVE = 11
PGSCAN_ANON = 12
PGSCAN_FILE = 13
PGSTEAL_ANON = 14
PGSTEAL_FILE = 15
PGREFILL = 16
PGACTIVATE = 17
PGDEACTIVATE = 18
PGROTATED = 19
PGFAULT = 20
PGMAJFAULT = 21
PSWPIN = 22
PSWPOUT = 23
NR_DIRTIED = 24
NR_WRITTEN = 25
WORKINGSET_REFAULT_ANON = 26
WORKINGSET_REFAULT_FILE = 27
WORKINGSET_ACTIVATE_ANON = 28
WORKINGSET_ACTIVATE_FILE = 29
WORKINGSET_RESTORE_ANON = 30
WORKINGSET_RESTORE_FILE = 31
PGDEMOTE_KSWAPD = 32
PGDEMOTE_DIRECT = 33
PGDEMOTE_PROACTIVE = 34
PGPROMOTE_SUCCESS = 35
ALLOCSTALL = 36
PAGEOUTRUN = 37
NR_VMSCAN_IMMEDIATE = 38
NR_RECLAIMS = 39
PGAGED = 40
"""Generations begun: calls of `age` after a walk."""
OOM = 41
OOM_KILL = 42
EVENTS_LOW = 43
EVENTS_HIGH = 44
EVENTS_MAX = 45
BYPASSED = 46
"""Misses that the policy did not admit to the cache."""
NR_COUNTERS = 47

COUNTERS: dict[str, int] = {
    "accesses": ACCESSES,
    "hits": HITS,
    "misses": MISSES,
    "evictions": EVICTIONS,
    "refaults": REFAULTS,
    "frees": FREES,
    "pgscan_kswapd": PGSCAN_KSWAPD,
    "pgscan_direct": PGSCAN_DIRECT,
    "pgscan_proactive": PGSCAN_PROACTIVE,
    "pgsteal_kswapd": PGSTEAL_KSWAPD,
    "pgsteal_direct": PGSTEAL_DIRECT,
    "pgsteal_proactive": PGSTEAL_PROACTIVE,
    "pgscan_anon": PGSCAN_ANON,
    "pgscan_file": PGSCAN_FILE,
    "pgsteal_anon": PGSTEAL_ANON,
    "pgsteal_file": PGSTEAL_FILE,
    "pgrefill": PGREFILL,
    "pgactivate": PGACTIVATE,
    "pgdeactivate": PGDEACTIVATE,
    "pgrotated": PGROTATED,
    "pgfault": PGFAULT,
    "pgmajfault": PGMAJFAULT,
    "pswpin": PSWPIN,
    "pswpout": PSWPOUT,
    "nr_dirtied": NR_DIRTIED,
    "nr_written": NR_WRITTEN,
    "workingset_refault_anon": WORKINGSET_REFAULT_ANON,
    "workingset_refault_file": WORKINGSET_REFAULT_FILE,
    "workingset_activate_anon": WORKINGSET_ACTIVATE_ANON,
    "workingset_activate_file": WORKINGSET_ACTIVATE_FILE,
    "workingset_restore_anon": WORKINGSET_RESTORE_ANON,
    "workingset_restore_file": WORKINGSET_RESTORE_FILE,
    "pgdemote_kswapd": PGDEMOTE_KSWAPD,
    "pgdemote_direct": PGDEMOTE_DIRECT,
    "pgdemote_proactive": PGDEMOTE_PROACTIVE,
    "pgpromote_success": PGPROMOTE_SUCCESS,
    "allocstall": ALLOCSTALL,
    "pageoutrun": PAGEOUTRUN,
    "nr_vmscan_immediate_reclaim": NR_VMSCAN_IMMEDIATE,
    "reclaims": NR_RECLAIMS,
    "aged": PGAGED,
    "oom": OOM,
    "oom_kill": OOM_KILL,
    "low_events": EVENTS_LOW,
    "high_events": EVENTS_HIGH,
    "max_events": EVENTS_MAX,
    "bypassed": BYPASSED,
}
"""What a run reports, by name."""

# The machine.
NR_PAGES = 64
"""The memory limit, in pages, of a machine of one memcg."""
NR_RESIDENT = 65
NEXT_FOLIO = 66
"""Folios from this row on were never used."""
FREE_FOLIO = 67
"""The first of the folios that were used and freed, linked by `NEXT`; 0: none."""
SCAN_BATCH = 68
"""Folios one call of `evict_folios` may look at, in the ideal model."""
STATUS = 69
"""0 while the run may go on, else a `STATUS_` value."""
STATUS_LRUVEC = 70
"""The lruvec whose policy the status is about."""
STATUS_HOOK = 71
"""The number of the hook that was at work (`runtime/core/hooks.py`)."""
KERNEL = 72
"""The kernel that is simulated: 601, 612 or 618."""
BATCH_SIZE = 73
"""Folios in a batch: 31 since 6.9 (`PAGEVEC_SIZE`), 15 before."""
NR_NODES = 74
NR_MEMCGS = 75
NR_TASKS = 76
HAS_PROTECTION = 78
"""0: no memcg has `min` or `low`; 1: some has; 2: and what it leaves unclaimed protects those below it
(`memory_recursiveprot`)."""
TASK = 79
"""The task at work: whose CPU's batches, whose clock."""
VMA_PAGES = 80
"""1: each page is a mapping of its own; 0: the pages of one kind in a page table are one mapping."""
NR_SWAP_DEVICES = 81
KSWAPD_WANTED = 82
"""Whether a node's kswapd was woken and has not run yet."""
EFFORT_PER_FOLIO = 83
EFFORT_AT_LEAST = 84
"""What a policy may look at in one reclaim: this many times the resident folios, and this many besides."""
MIN_TTL = 85
"""Nanoseconds for which a working set is protected from reclaim (`/sys/kernel/mm/lru_gen/min_ttl_ms`)."""
NR_PAGE_IDS = 86
"""Pages that the trace has named so far."""
HAS_WALKS = 87
"""Whether the page tables of the trace are there (`pte_page`)."""
FIRST_FOLIO = 88
"""The first row of a folio: the heads of lists come before."""
SWAPPINESS = 89

INDEX_ROOM = 90
"""Places of each bag and heap: one for every folio there can be, a multiple of 4."""
HEAP_CLOCK = 91
"""Pushes and moves of all heaps so far."""
RANDOM = 92
"""The state of the random numbers."""

# The reclaim under way (`struct scan_control`).
PRIORITY = 96
NR_TO_RECLAIM = 97
NR_RECLAIMED = 98
RECLAIMER = 99
"""Who reclaims: `BY_KSWAPD`, `BY_DIRECT` or `BY_PROACTIVE`."""
FORCE_DEACTIVATE = 100
SKIPPED_DEACTIVATE = 101
OVERRULE = 102
"""A whole ladder freed nothing: the policy's KEEP counts no more."""
FULL_WALK = 103
"""The next walk of the tree goes through all of it (`memcg_full_walk`)."""
TARGET_MEMCG = 104
"""The memcg reclaim is for; 0 if it is for the node as a whole."""
GLOBAL_RECLAIM = 105
"""1: for want of memory of a node; 0: for a memcg's limit (`cgroup_reclaim`)."""
RECLAIM_LOW = 106
"""`memory.low` is disregarded (`memcg_low_reclaim`)."""
SKIPPED_LOW = 107
RECLAIM_SWAPPINESS = 109
"""Swappiness asked for by proactive reclaim, or -1."""
RECLAIM_NODE = 110
FILE_IS_TINY = 111
"""So few file pages are left on the node that only anonymous ones can help (`sc->file_is_tiny`)."""
BROKEN = 114
"""The invariant that a checked build found broken."""
BROKEN_AT = 115
"""The folio, page, memcg, node, lruvec or device it found that of."""

# Arguments of the hook under way: what `ctx` shows.
CTX_NR_TO_SCAN = 128
CTX_WANTED = 129
"""1 outside of `evict_folios`, so that a `scan` in another hook does not end for want of demand."""
CTX_TYPE = 130
CTX_SHADOW = 131
CTX_REASON = 132
CTX_KEY = 133
LOOKED_AT = 134
"""Folios handed to the policy by `scan` and `pop` in this call."""
LOOKED_AT_FILE = 141
"""The file folios among them."""
CTX_YOUNG = 135
"""1 if the page table entry of the folio in `folio_check` was young."""
CTX_SOURCE = 136
"""How a young entry was found: `BY_WALK` or `BY_LOOK_AROUND`."""
CTX_TABLE = 137
CTX_PTES_SEEN = 138
CTX_PTES_YOUNG = 139
CTX_SHADOW_LRUVEC = 140
"""The lruvec that reclaim was for when the shadow was left; in `folio_evicted`, is for now."""

# Candidates on their way: two queues linked by `NEXT`, the last folio of each in the word after the first.
ISOLATED_FIRST = 144
NR_ISOLATED = 146
KEPT_FIRST = 147

# Dirty folios and those under writeback: first and next places of two rings.
DIRTY_MASK = 151
"""Places in the queue of the dirty, less one."""
DIRTY_HEAD = 152
DIRTY_TAIL = 153
NR_DIRTY = 154
"""Dirty file folios that are not under writeback."""
WRITEBACK_HEAD = 155
WRITEBACK_TAIL = 156
NR_WRITEBACK = 157
FLUSH_AT = 158
"""When the flusher wakes next."""
FLUSH_MARK = 176
"""and the words after it, `FLUSH_MARKS` in all: where the queue of the dirty ended at its last wake-ups."""
FLUSH_MARKS = 6

# Time, in nanoseconds.
NOW = 160
"""The clock of the task at work."""
KSWAPD_TIME = 161
RECLAIM_TIME = 162
"""Of the tasks, in direct reclaim."""
STALL_SOME = 163
STALL_FULL = 164
"""Pressure of the one task there is; of several tasks: `MEMCG_SOME`, `MEMCG_FULL`."""
SWAPIN_TIME = 166
READ_TIME = 167
"""Waiting for pages to be read: from swap, from files."""
THROTTLE_TIME = 168
"""Waiting because too many pages are dirty, or because of `memory.high`."""
REFAULT_TIME = 169
"""Waiting for pages to be read that had been resident before."""
PROACTIVE_TIME = 170
"""Of whoever asks for proactive reclaim, which is no task of the machine; of the hook `tick`, too."""
TICK_AT = 171
"""When the hook `tick` is called next."""
TICK_EVERY = 172
RECLAIM_ASKED = 173
"""Folios that a hook asked to have reclaimed,"""
RECLAIM_ASKED_OF = 174
"""and the lruvec that it was called for."""

HOOK_STEPS = 184
"""Instructions that hooks of policies from outside ran lately (`runtime/jit/metering.py`)."""

STATE_WORDS = 192

STATUS_RUNNING = 0
STATUS_NO_PROGRESS = 1
"""A reclaim used up its effort, or a whole ladder at full force, and freed nothing."""
STATUS_OOM = 2
"""Nothing can be reclaimed and the built-in rules leave nothing to kill."""
STATUS_EVENTS = 3
"""A task has no events left in its stretch of the trace: more are needed before it can go on."""
STATUS_BROKEN = 4
"""A checked build found an invariant broken: a defect of ours (`runtime/core/invariants.py`)."""

BY_KSWAPD = 0
BY_DIRECT = 1
BY_PROACTIVE = 2

BY_WALK = 0
BY_LOOK_AROUND = 1

ENDED = 2
"""`TASK_ENDED` of a task that runs no more: its events are done, or it was killed."""

# --- words of a row of `nodes` ----------------------------------------------------------------------------

NODE_PAGES = 0
NODE_USAGE = 1
WMARK_MIN = 2
"""Free pages; likewise the next two."""
WMARK_LOW = 3
WMARK_HIGH = 4
DEMOTION_TARGET = 5
"""The node that takes what this one demotes; -1: none."""
KSWAPD_FAILURES = 6
NODE_WANTS_KSWAPD = 7
NODE_ACCESS_NS = 8
"""What an access to memory of this node takes longer than on the fastest."""
FASTER_NODE = 9
"""The first node that demotes to this one; -1: none."""
NODE_SEEN = 15
"""Usage as a checked build counts it."""

# --- words of a row of `memcgs` ---------------------------------------------------------------------------

PARENT = 0
"""-1 for memcg 0, the top of the tree."""
SUBTREE_END = 1
"""Memcgs are numbered in preorder: those below `m` are `m` + 1 up to this, exclusive."""
MEMORY_MAX = 2
MEMORY_HIGH = 3
MEMORY_LOW = 4
MEMORY_MIN = 5
MEMORY_USAGE = 6
SWAP_MAX = 7
SWAP_USAGE = 8
MEMCG_SWAPPINESS = 9
EFFECTIVE_MIN = 10
EFFECTIVE_LOW = 11
OOM_KILLED = 12
MEMCG_STALL = 13
"""Nanoseconds its tasks, and those below, stalled for memory."""
MEMCG_RECLAIM_TIME = 14
HIGH_DELAY = 15
MEMCG_SOME = 32
MEMCG_FULL = 33
"""Pressure stall information: how long at least one task here or below was stalled; how long none did useful work."""
PSI_SETTLED = 34
"""Until when these two are worked out; what the tasks have done since is pending."""
PSI_PENDING = 35
"""The end of the last stall that is pending here or below."""
LATENCY_MAX = 36
"""The longest access of its tasks."""
RECLAIM_POSITION = 16
"""and the words after it, one per node: where the last partial walk of the subtree stopped (`mem_cgroup_iter`)."""
MAX_NODES = 8
SWAP_OF_OWN = 24
"""and the words after it, one per swap device: slots of its own pages, without those of the memcgs below."""
MAX_SWAP_DEVICES = 3
RECLAIMED_SEEN = 40
"""In a checked build: what had been reclaimed of a protected memcg when the reclaim under way began, else -1."""
MEMCG_COUNTERS = 64

# --- words of a row of `tasks` ----------------------------------------------------------------------------

TASK_MEMCG = 0
TASK_NODE = 1
TASK_CLOCK = 2
LAST_READ = 3
"""The page of the last read through the descriptor, plus one (`prev_pos` of `filemap_read`)."""
EVENT_NEXT = 4
EVENT_END = 5
TASK_ENDED = 6
"""1 when its trace has no more events than those in its stretch, `ENDED` when they are done or it was killed."""
PENDING_OF = 7
"""When the access began whose stalls and waits are pending (`PENDING_STALLS`)."""
NR_ADD_BATCH = 9
NR_ACTIVATE_BATCH = 10
FIRST_TABLE = 11
"""In `walk_order`: its page tables, by address."""
NR_TABLES = 12
THINK_TIME = 13
"""What an access takes apart from memory management, in nanoseconds."""
TASK_STALLED = 14
TASK_ACCESSES = 15
TASK_BOUND = 16
"""1: its pages come from its own node only (`MPOL_BIND`)."""
CHARGE_STOCK = 17
"""Pages it may still charge before `memory.high` is looked at again (`memcg_stock`)."""
TASK_HITS = 18
TASK_KILLED = 19
NR_PROMOTE_BATCH = 20
"""Folios that the hook under way asked to have promoted."""
TASK_LATENCY_MAX = 21
"""Its longest access."""
PENDING_STALLS = 24
"""and the three words after it: begin and end of two stalls of the last access that had any; both 0: none."""
PENDING_WAIT = 28
"""and the next word: begin and end of its wait for a device."""

# --- words of a row of `devices` --------------------------------------------------------------------------

DEVICE_PAGES = 0
"""Slots of a swap device; -1 for the device of files."""
DEVICE_USED = 1
DEVICE_READ_NS = 2
DEVICE_WRITE_NS = 3
DEVICE_QUEUES = 4
"""Requests that it serves at a time, at most 16."""
DEVICE_SYNCHRONOUS = 5
"""Swapped in without the swap cache, written without waiting (`SWP_SYNCHRONOUS_IO`: zram)."""
DEVICE_READS = 6
DEVICE_WRITES = 7
DEVICE_BUSY = 8
"""Nanoseconds of service so far."""
DEVICE_QUEUED = 9
"""Nanoseconds that requests waited for their turn."""
DEVICE_SEEN = 15
"""Slots taken as a checked build counts them."""
DEVICE_FREE_AT = 16
"""and the words after it, one per queue: when it is done with what it has."""
MAX_QUEUES = 16
FILES = 0
"""The device of files comes first, swap devices in the order of their priority after it."""

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
PLAN_SCAN = 8
"""Folios of any type to look at in this pass."""
PLAN_WALK = 9
"""1: the policy asked for a walk of the page tables and for `age`."""
ACTIVATIONS = 10
"""and the next word: refaults that were activated, here and below, by type."""
ACTIVATIONS_SNAPSHOT = 12
"""and the next word: what they were when the last reclaim of this lruvec as a target ended."""
OPS = 14
"""The number of the attached policy."""
CAPACITY = 15
"""The memory limit at attach: what sizes of maps were computed from."""
OF_MEMCG = 16
OF_NODE = 17
HOOKS = 18
"""The hooks the attached policy has, a bit each (`runtime/core/hooks.py`)."""
FIRST_MAP = 19
"""The row in `maps` of the policy's first map."""
NR_CHARGED = 20
"""and the next word: resident anonymous and file folios, on lists or not."""
EFFORT_LEFT = 22
"""Folios the policy may still look at in the reclaim number `EFFORT_OF`."""
EFFORT_OF = 23
RECLAIMED_OF = 24
"""What this lruvec gave in that reclaim."""
EJECTABLE = 25
"""1 if the policy came from outside; a built-in one is part of the core: when it finds nothing, memory has run out."""
ASKED_OF = 26
"""Calls of `evict_folios` in that reclaim."""
PROPOSED_OF = 27
"""Folios proposed in them."""
CHARGED_SEEN = 28
"""and the next word: resident anonymous and file folios, as a checked build counts them."""
LISTED_SEEN = 30
"""Folios on lists, likewise."""

# --- nanoseconds in `costs`: what one of each takes (runtime/costs.py says where the figures are from) -----

COST_ACCESS = 0
COST_SYSCALL = 1
COST_MINOR_FAULT = 2
COST_MAJOR_FAULT = 3
COST_SCAN = 4
COST_RMAP = 5
COST_UNMAP = 6
COST_ROTATE = 7
COST_PTE = 8
COST_RECLAIM = 9
COST_FREE = 10
COST_MIGRATE = 11
COST_INSERT = 12
COST_IO = 13
COST_YOUNG = 14
NR_COSTS = 16

# --- a row of `maps` --------------------------------------------------------------------------------------

MAP_INDEX = 0
"""First slot in `map_index`."""
MAP_MASK = 1
"""Slots in the index less one (a power of two less one)."""
MAP_ENTRY = 2
"""First word in `map_entries`: the ring's end, which holds no key; of an `array` its first element."""
MAP_CAPACITY = 3
MAP_LEN = 4
MAP_FREE = 5
"""The first entry that was used and freed, linked by `MAP_NEXT`; 0: none."""
MAP_NEXT_ENTRY = 6
"""Entries from this one on were never used."""
MAP_STRIDE = 7
"""Words of an entry; of an `array` the bytes of an element."""
MAP_HALVES = 8
MAP_ONES = 9
"""Of an `array`: the bits that halving leaves in a word, and the number 1 in every element of one."""
MAP_SHIFT = 10
"""64 less the bits of a slot number."""
MAP_MULTIPLIER = 11
"""Of the hash of a key: an odd number."""

# --- an entry of a map, named by its first word in `map_entries` ------------------------------------------
# Links, key, value. A reference is the value's byte.

MAP_PREV = 0
MAP_NEXT = 1
"""Columns of `map_links`, which names the first word of an entry."""
MAP_KEY = 1
"""Words from the first to the key,"""
MAP_VALUE = 2
"""and to the value."""

# --- a node of a heap: one row of `heap_nodes` ------------------------------------------------------------

HEAP_KEY = 0
"""The key as a signed number of the same order."""
HEAP_TURN = 1
"""Grows with every push and move: of equal keys the earliest comes first."""

# --- constants of the kernel ------------------------------------------------------------------------------

SWAP_CLUSTER_MAX = 32
"""Folios per round of reclaim (include/linux/swap.h)."""
DEF_PRIORITY = 12
"""Priority a reclaim starts at (include/linux/mmzone.h)."""
FOLIO_BATCH_SIZE = 31
"""The most folios in a batch (include/linux/pagevec.h)."""
MEMCG_CHARGE_BATCH = 64
"""Pages reclaimed at a time above `memory.high` (include/linux/memcontrol.h)."""
MAX_RECLAIM_RETRIES = 16
"""Reclaims that a charge or an allocation tries before memory has run out (mm/internal.h)."""
MAX_SCAN = 4096
"""The most folios one call of `evict_folios` is asked to look at (MAX_LRU_BATCH)."""
MIN_LRU_BATCH = 64
"""Folios that make a batch of MGLRU's, and slots that make swap worth its while to it (include/linux/mmzone.h)."""
PTES_PER_TABLE = 512
MAX_PLAN = (1 << 32) - 2
"""The most folios of one kind a plan asks for: as many as there can be (`MAX_FOLIOS` of the `abi`)."""

ADD_BATCH = 0
ACTIVATE_BATCH = 32
PROMOTE_BATCH = 64
"""First slots of the folio batches of a CPU in `batches`."""
PROMOTE_BATCH_SIZE = 31
"""The most folios that one call of a hook has promoted."""
BATCH_SLOTS = 96
"""Slots of a CPU."""
