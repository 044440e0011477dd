"""`Context`: what every function of the core takes as its first argument.

In plain Python it is an object whose views are memoryviews over the simulation's regions, whose upper-case
attributes are the settings of the run, and whose `hooks` call the policy. In native code it is a pointer to the
regions' addresses; the settings are constants and the hooks direct calls. The core cannot tell the difference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from runtime.core.layout import HOOKS

CoreCallable = Callable[..., Any]
"""A function of the core: `(ctx, ...)`, of integers and to an integer, a bool or nothing."""


class Column(Protocol):
    """A one-dimensional view of integers. Storing a value that does not fit raises."""

    def __getitem__(self, index: int, /) -> int: ...
    def __setitem__(self, index: int, value: int, /) -> None: ...


class Table(Protocol):
    """A two-dimensional view: `table[row, column]`."""

    def __getitem__(self, index: tuple[int, int], /) -> int: ...
    def __setitem__(self, index: tuple[int, int], value: int, /) -> None: ...


class Hooks(Protocol):
    """The hooks of the attached policies, in the order and with the arguments of the `abi`."""

    def init(self, ctx: Context, lruvec: int) -> None: ...
    def exit(self, ctx: Context, lruvec: int) -> None: ...
    def miss(self, ctx: Context, lruvec: int) -> None: ...
    def admit(self, ctx: Context, lruvec: int) -> int: ...
    def refault(self, ctx: Context, lruvec: int, f: int) -> int: ...
    def folio_added(self, ctx: Context, lruvec: int, f: int) -> None: ...
    def folio_brought_in(self, ctx: Context, lruvec: int, f: int) -> None: ...
    def folio_accessed(self, ctx: Context, lruvec: int, f: int) -> None: ...
    def folio_activated(self, ctx: Context, lruvec: int, f: int) -> None: ...
    def reclaim_begin(self, ctx: Context, lruvec: int) -> None: ...
    def reclaim_end(self, ctx: Context, lruvec: int) -> None: ...
    def scan_plan(self, ctx: Context, lruvec: int) -> None: ...
    def shrink_end(self, ctx: Context, lruvec: int) -> None: ...
    def age(self, ctx: Context, lruvec: int) -> None: ...
    def evict_folios(self, ctx: Context, lruvec: int) -> None: ...
    def folio_check(self, ctx: Context, lruvec: int, f: int) -> int: ...
    def folio_kept(self, ctx: Context, lruvec: int, f: int) -> None: ...
    def folio_evicted(self, ctx: Context, lruvec: int, f: int) -> int: ...
    def folio_removed(self, ctx: Context, lruvec: int, f: int) -> None: ...
    def folio_moved(self, ctx: Context, lruvec: int, f: int) -> None: ...
    def walk_begin(self, ctx: Context, lruvec: int) -> None: ...
    def walk_table(self, ctx: Context, lruvec: int) -> int: ...
    def young(self, ctx: Context, lruvec: int, f: int) -> None: ...
    def walk_table_done(self, ctx: Context, lruvec: int) -> None: ...
    def tick(self, ctx: Context, lruvec: int) -> None: ...


class Context:
    """The views, settings and hooks of one simulation. See `runtime/core/layout.py` for the views."""

    folios: Table
    field_bytes: Column
    page_table: Column
    state: Column
    nodes: Table
    memcgs: Table
    lruvecs: Table
    tasks: Table
    devices: Table
    costs: Column
    batches: Column
    policy: Column
    cursors: Column
    params: Column
    maps: Table
    map_index: Column
    map_links: Table
    map_keys: Column
    map_values: Column
    bag_folios: Column
    heap_folios: Column
    heap_nodes: Table
    dirty_queue: Column
    writeback: Table
    latencies: Table
    task_latencies: Table
    pte_page: Column
    page_slot: Column
    walk_order: Column
    trace_page: Column
    trace_flags: Column
    next_use: Column
    farthest: Table
    place: Column
    last_seen: Column

    IDEAL: bool
    """Exact capacity, one folio reclaimed when it is needed, every access a read by system call."""
    SINGLE: bool
    """One memcg, one node, one task: what the tree would cost is left out."""
    ADDRESSED: bool
    """Pages have addresses of their own, in `page_slot`; else a page's number is its address."""
    CHECKED: bool
    """The invariants are checked after every reclaim (`runtime/core/invariants.py`)."""
    RECLAIMS_ON_ACCESS: bool
    """Some policy may ask for reclaim in `folio_accessed`: it is done before the next access."""
    NR_LISTS: int
    """List heads of a lruvec, those of the core included; likewise the next ones: the most any policy needs."""
    NR_CURSORS: int
    """Cursors of a lruvec; 0 is the hidden one of `scan`, so at least 1 if a policy scans."""
    NR_BAGS: int
    """Bags of a lruvec, and heaps."""
    NR_HEAPS: int
    FOLIO_COLUMNS: int
    """32-bit columns of a row of `folios`."""
    FIELD_BASE: int
    """The byte of a row at which those fields begin."""
    FIELD_BYTES: int
    """Bytes of the policies' own fields in each folio."""
    STATE_STRIDE: int
    """Words of policy state per lruvec."""
    NR_PARAMS: int
    """Words of params per lruvec."""
    HOOKS_ALL: int
    """The hooks that every attached policy has, a bit each; an absent hook costs nothing and does nothing."""
    HOOKS_ANY: int
    """Those that any has."""

    hooks: Hooks

    def __init__(self, views: dict[str, Any], settings: dict[str, int]) -> None:
        for name, value in {**views, **settings}.items():
            setattr(self, name, value)


def has_hook(ctx: Context, lruvec: int, hook: int) -> bool:
    """Whether the policy of a lruvec has the hook number `hook`, a constant. Decided when the core is compiled, unless
    some policies of the run have it and some have not."""
    if ctx.HOOKS_ALL >> hook & 1:
        return True
    return ctx.HOOKS_ANY >> hook & 1 != 0 and ctx.lruvecs[lruvec, HOOKS] >> hook & 1 != 0


def wrap_mul(a: int, b: int) -> int:
    """`a * b` modulo 2**64, as a signed 64-bit number: the only multiplication of the core that may wrap."""
    return ((a * b + (1 << 63)) & ((1 << 64) - 1)) - (1 << 63)


def wrap_add(a: int, b: int) -> int:
    """`a + b` modulo 2**64, as a signed 64-bit number: the only addition of the core that may wrap."""
    return ((a + b + (1 << 63)) & ((1 << 64) - 1)) - (1 << 63)


def shift_right_logical(a: int, count: int) -> int:
    """`a` as an unsigned 64-bit number, shifted right by `count` in [1, 63]."""
    return (a & ((1 << 64) - 1)) >> count


def prefetch(view: Column | Table, row: int) -> None:
    """Ask for the element or row of a view that will be needed soon. Only native code does; any row may be given."""
