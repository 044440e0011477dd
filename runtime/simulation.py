"""One simulation: its memory, and running events of a trace through it.

In: a policy (verified, or built in), params, the size of memory and the model. Out: counters, and the memory itself.
`Simulation` allocates the regions of `runtime/core/layout.py` as flat arrays and runs chunks through an executor
(`runtime/executors.py`). All executors work on the same bytes; `digest` is their hash.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from dsl import abi, ir
from runtime.core import layout as core
from runtime.jit.module import Attachable, layout_of
from runtime.map_sizes import MapPlace, place_maps
from runtime.policy_layout import PolicyLayout

DTYPES = {(8, False): "u1", (32, False): "<u4", (64, True): "<i8"}
FIRST_PAGE_ROOM = 1 << 16
PAGE_TABLE_ENTRY_BYTES = 8
HUGE_PAGE = 2 << 20


class Chunk(Protocol):
    """A stretch of a trace: see `runtime/traces/model.py`."""

    @property
    def page(self) -> np.ndarray[Any, np.dtype[np.uint32]]: ...
    @property
    def flags(self) -> np.ndarray[Any, np.dtype[np.uint8]]: ...
    @property
    def nr_pages(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Machine:
    """What a policy runs on: `nr_pages` of memory, the model, and the settings of reclaim.

    `watermarks` are free pages (min, low, high): at min the task reclaims, below low kswapd does, up to high.
    `scan_batch`: folios one call of `evict_folios` may look at (ideal model; the kernel's rounds have 32).
    """

    nr_pages: int
    ideal: bool = False
    swappiness: int = 60
    watermarks: tuple[int, int, int] = (0, 0, 0)
    scan_batch: int = 32

    def __post_init__(self) -> None:
        low, high = 1, abi.MAX_MEMORY_PAGES
        if not low <= self.nr_pages <= high:
            raise ValueError(f"memory of {self.nr_pages:,} pages is out of range {low}..={high}")
        if not 1 <= self.scan_batch <= abi.MAX_SCAN:
            raise ValueError(f"a scan batch of {self.scan_batch:,} is out of range 1..={abi.MAX_SCAN}")
        if not 0 <= self.swappiness <= 200:
            raise ValueError(f"swappiness {self.swappiness} is out of range 0..=200")
        least, less, more = self.watermarks
        if not 0 <= least <= less <= more < self.nr_pages:
            raise ValueError(f"watermarks {self.watermarks} are not 0 <= min <= low <= high < {self.nr_pages:,} pages")


def param_values(policy: Attachable, params: Mapping[str, int]) -> list[int]:
    """The values of a policy's params, in the order of their declaration: those given, else the defaults."""
    declared = policy.params if isinstance(policy, ir.Policy) else ()
    return [params.get(p.name, p.default) for p in declared]


def map_places(policy: Attachable, values: Sequence[int], nr_pages: int) -> list[MapPlace]:
    """The sizes of a policy's maps with these values of its params. `AttachError` if they are too large."""
    maps = policy.maps if isinstance(policy, ir.Policy) else ()
    return place_maps(maps, layout_of(policy).value_stride, nr_pages, values)


class Executor(Protocol):
    """Runs the entry points of the core over the memory of a simulation."""

    def attach(self, simulation: Simulation) -> None: ...
    def replay(self, simulation: Simulation, first: int, last: int) -> int: ...


def zeroed(size: int) -> Any:
    """An array of at least `size` zero bytes that take memory only when they are touched. Where the system can, large
    ones lie on huge pages: the page table is read at random, and address translation would cost as much as the read."""
    pages = mmap.mmap(-1, max(size, mmap.PAGESIZE))
    if size >= HUGE_PAGE and hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):
            pages.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(pages, "u1")[: max(size, 16)]


class Simulation:
    """The memory of one run. Not shared between threads while it runs."""

    def __init__(self, policy: Attachable, params: Mapping[str, int], machine: Machine, executor: Executor) -> None:
        self.policy = policy
        self.machine = machine
        self.layout: PolicyLayout = layout_of(policy)
        self._executor = executor
        self.regions: dict[str, Any] = {}
        self._allocate(params)
        executor.attach(self)

    # --- memory --------------------------------------------------------------------------------------------

    def _allocate(self, params: Mapping[str, int]) -> None:
        values = param_values(self.policy, params)
        places = map_places(self.policy, values, self.machine.nr_pages)
        heads = self.layout.nr_lists + 1
        rows = heads + self.machine.nr_pages + 1
        sizes = {
            "folios": rows * self.layout.folio_bytes,
            "page_table": FIRST_PAGE_ROOM * PAGE_TABLE_ENTRY_BYTES,
            "state": core.STATE_WORDS * 8,
            "lruvecs": 16 * 8,
            "batches": core.BATCH_SLOTS * 4,
            "policy": self.layout.state_stride * 8,
            "cursors": self.layout.nr_cursors * 4,
            "params": len(values) * 8,
            "maps": max(len(places), 1) * 16 * 8,
            "map_index": sum(p.slots for p in places) * 4,
            "map_entries": (sum(p.entries for p in places) + 1) * 16,
            "map_values": 8 + sum(p.entries * p.stride for p in places),
        }
        for name, size in sizes.items():
            self.regions[name] = zeroed(size)
        self._initialise(values, places, heads)

    def _initialise(self, values: list[int], places: list[MapPlace], heads: int) -> None:
        folios = self.regions["folios"].view("<u4").reshape(-1, self.layout.folio_columns)
        for head in range(1, heads):
            folios[head, core.PREV] = folios[head, core.NEXT] = head
        state = self.state
        state[core.NR_PAGES] = state[core.CAPACITY] = self.machine.nr_pages
        state[core.NEXT_FOLIO] = heads
        state[core.PRIORITY] = core.DEF_PRIORITY
        state[core.SWAPPINESS] = self.machine.swappiness
        state[core.SCAN_BATCH] = self.machine.scan_batch
        state[core.WMARK_MIN], state[core.WMARK_LOW], state[core.WMARK_HIGH] = self.machine.watermarks
        if values:
            self.regions["params"].view("<i8")[:] = [_signed(v) for v in values]
        cursors = self.regions["cursors"].view("<u4")
        for number, head in enumerate(self.layout.cursor_list):
            cursors[number + 1] = head
        if isinstance(self.policy, ir.Policy):
            words = self.regions["policy"].view("<i8")
            for declared, first in zip(self.policy.states, self.layout.state_words, strict=True):
                words[first : first + declared.length] = _signed(declared.initial)
        self._initialise_maps(places)

    def _initialise_maps(self, places: list[MapPlace]) -> None:
        headers = self.regions["maps"].view("<i8").reshape(-1, 16)
        links = self.regions["map_entries"].view("<u4").reshape(-1, 4)
        index, entry, value = 0, 1, 8
        for number, place in enumerate(places):
            row = headers[number]
            row[core.MAP_INDEX], row[core.MAP_MASK] = index, place.slots - 1
            row[core.MAP_SHIFT] = 64 - (place.slots.bit_length() - 1)
            row[core.MAP_ENTRY], row[core.MAP_NEXT_ENTRY] = entry, entry + 1
            row[core.MAP_CAPACITY] = place.capacity
            row[core.MAP_VALUE], row[core.MAP_STRIDE] = value, place.stride
            links[entry, core.MAP_PREV] = links[entry, core.MAP_NEXT] = entry
            index += place.slots
            entry += place.entries
            value += place.entries * place.stride

    @property
    def state(self) -> Any:
        """The words of `state` (i64)."""
        return self.regions["state"].view("<i8")

    def _room_for(self, nr_pages: int) -> None:
        """Let the page table hold `nr_pages` entries: it doubles, so that a stream of new pages costs little."""
        have = len(self.regions["page_table"]) // PAGE_TABLE_ENTRY_BYTES
        if nr_pages <= have:
            return
        grown = zeroed(max(nr_pages, 2 * have) * PAGE_TABLE_ENTRY_BYTES)
        grown[: have * PAGE_TABLE_ENTRY_BYTES] = self.regions["page_table"]
        self.regions["page_table"] = grown

    # --- what executors work on ----------------------------------------------------------------------------

    def addresses(self) -> Any:
        """The native context: the address of every region, in the order of `REGIONS`."""
        return np.array([self.regions[r].ctypes.data for r in core.REGIONS if r in self.regions], "<u8")

    def views(self) -> dict[str, memoryview]:
        """The views of the core as memoryviews, which check bounds and ranges."""
        result: dict[str, memoryview] = {}
        for name, view in core.VIEWS.items():
            if view.region in self.regions:
                flat = memoryview(self.regions[view.region].view(DTYPES[view.bits, view.signed]))
                columns = self.layout.folio_columns if view.columns == "FOLIO_COLUMNS" else int(view.columns)
                if columns:
                    usable = flat[: len(flat) // columns * columns].cast("B")
                    flat = usable.cast(flat.format, [len(flat) // columns, columns])  # type: ignore[call-overload]
                result[name] = flat
        return result

    # --- running -------------------------------------------------------------------------------------------

    def run(self, chunk: Chunk, first: int = 0, last: int | None = None) -> int:
        """Run the events [`first`, `last`) of a chunk; the number of the event it stopped before. Stops early only if
        the policy made no progress (`stopped`)."""
        end = len(chunk.page) if last is None else last
        self._room_for(chunk.nr_pages)
        self.regions["trace_page"] = np.ascontiguousarray(chunk.page, "<u4").view("u1")
        self.regions["trace_flags"] = np.ascontiguousarray(chunk.flags, "u1")
        return self._executor.replay(self, first, end)

    @property
    def stopped(self) -> bool:
        return bool(self.state[core.STATUS] != core.STATUS_RUNNING)

    @property
    def resident(self) -> int:
        """Folios charged now."""
        return int(self.state[core.NR_RESIDENT])

    def counters(self) -> dict[str, int]:
        state = self.state
        return {name: int(state[word]) for name, word in core.COUNTERS.items()}

    def digest(self) -> str:
        """A hash over all memory of the simulation but the trace it reads."""
        whole = hashlib.blake2b(digest_size=16)
        for name in core.REGIONS:
            if name not in core.TRACE_REGIONS:
                whole.update(self.regions[name].tobytes())
        return whole.hexdigest()


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value
