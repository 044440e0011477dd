"""One simulation: its memory, and running events of a trace through it.

In: the policies that are attached, the machine and an executor. Out: counters, and the memory itself. `Simulation` runs
chunks through an executor (`runtime/executors.py`); all executors work on the same bytes, and `digest` is their hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from runtime.address_space import AddressSpace
from runtime.core import layout as core
from runtime.core.hooks import YOUNG
from runtime.invariant_error import InvariantError
from runtime.jit.module import Attachable, Variant, hook_bits
from runtime.machine import Machine
from runtime.policy_layout import PolicyLayout
from runtime.regions import PAGE_TABLE_ENTRY_BYTES, Attachment, Lineup, Regions, allocate, zeroed

DTYPES = {(8, False): "u1", (32, False): "<u4", (64, True): "<i8"}


class Chunk(Protocol):
    """A stretch of a trace: see `runtime/traces/model.py`."""

    @property
    def page(self) -> np.ndarray[Any, np.dtype[np.uint32]]: ...
    @property
    def flags(self) -> np.ndarray[Any, np.dtype[np.uint8]]: ...
    @property
    def nr_pages(self) -> int: ...
    @property
    def keys(self) -> np.ndarray[Any, np.dtype[np.uint64]] | None: ...


class Executor(Protocol):
    """Runs the entry points of the core over the memory of a simulation."""

    def call(self, simulation: Simulation, entry: str, *args: int) -> int: ...


def walks_page_tables(policies: Sequence[Attachable]) -> bool:
    """Whether any of the policies hears of young page table entries."""
    return any(hook_bits(policy) >> YOUNG & 1 for policy in policies)


class Simulation:
    """The memory of one run. Not shared between threads while it runs."""

    def __init__(
        self,
        attached: Attachment | Sequence[Attachment],
        machine: Machine,
        executor: Executor,
        addressed: bool = False,
        checked: bool = False,
    ) -> None:
        """`attached`: a policy for every memcg, or one for each, in order. `addressed`, `checked`: as the core was
        compiled."""
        one = [attached] * len(machine.all_memcgs) if isinstance(attached, Attachment) else attached
        self.lineup = Lineup(tuple(one))
        self.machine = machine
        self.addressed, self.checked = addressed, checked
        self._executor = executor
        self.regions: Regions = allocate(self.lineup, machine)
        self._space = AddressSpace(len(machine.all_tasks)) if addressed else None
        self._pages_seen = 0
        self.page_owners: list[tuple[int, int]] = []
        for lruvec in range(machine.nr_lruvecs):
            executor.call(self, "attach", lruvec)

    @property
    def layout(self) -> PolicyLayout:
        """What all policies of the simulation agree on: strides."""
        return self.lineup.layouts[0]

    @property
    def variant(self) -> Variant:
        return Variant(self.machine.ideal, self.machine.single, self.addressed, self.checked)

    @property
    def state(self) -> Any:
        """The words of `state` (i64)."""
        return self.regions["state"].view("<i8")

    def table(self, name: str) -> Any:
        """A table of words: `nodes`, `memcgs`, `lruvecs`, `tasks`, `devices`, `latencies`,
        `task_latencies`."""
        columns = core.VIEWS[name].columns
        assert isinstance(columns, int)
        return self.regions[name].view("<i8").reshape(-1, columns)

    def _room_for(self, nr_pages: int) -> None:
        """Let the page table hold `nr_pages` entries: it doubles, so that a stream of new pages costs little."""
        have = len(self.regions["page_table"]) // PAGE_TABLE_ENTRY_BYTES
        if nr_pages <= have:
            return
        grown = zeroed(max(nr_pages, 2 * have) * PAGE_TABLE_ENTRY_BYTES)
        grown[: have * PAGE_TABLE_ENTRY_BYTES] = self.regions["page_table"]
        self.regions["page_table"] = grown

    def exchange(self, lineup: Lineup, regions: Regions, executor: Executor) -> None:
        """Go on with other policies, on memory laid out for them, in code made of them (`runtime/attach.py`)."""
        self.lineup, self.regions, self._executor = lineup, regions, executor

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

    def load(self, chunk: Chunk) -> None:
        """Make the chunk what `replay` runs over: the one task's events, and the addresses of pages it names first."""
        self._room_for(chunk.nr_pages)
        self.regions["trace_page"] = np.ascontiguousarray(chunk.page, "<u4").view("u1")
        self.regions["trace_flags"] = np.ascontiguousarray(chunk.flags, "u1")
        if chunk.nr_pages > self._pages_seen:
            self.map_pages(0, self._pages_seen, chunk.nr_pages, chunk.keys)

    def map_pages(self, task: int, first_page: int, end: int, keys: Any) -> None:
        """Pages [`first_page`, `end`) belong to a task; `keys` are their addresses, None: their numbers are. Pages are
        mapped in the order of their numbers: `page_owners` has the task and the end of each stretch."""
        self._room_for(end)
        self.page_owners.append((task, end))
        self._pages_seen = end
        self.state[core.NR_PAGE_IDS] = end
        self.state[core.HAS_WALKS] = 1
        tasks = self.table("tasks")
        if self._space is None:
            tasks[0, core.NR_TABLES] = -(-end // core.PTES_PER_TABLE)
            return
        addresses = np.arange(first_page, end, dtype=np.uint64) if keys is None else keys
        self._space.add(task, first_page, addresses[: end - first_page])
        for number, (first, count) in enumerate(self._space.order()):
            tasks[number, core.FIRST_TABLE], tasks[number, core.NR_TABLES] = first, count
        for name in ("pte_page", "page_slot", "walk_order"):
            self.regions[name] = getattr(self._space, name).view("u1")

    def run(self, chunk: Chunk, first: int = 0, last: int | None = None) -> int:
        """Run the events [`first`, `last`) of a chunk; the number of the event it stopped before. Stops early only if
        the run cannot go on as it is (`status`)."""
        end = len(chunk.page) if last is None else last
        self.load(chunk)
        return self.call("replay", first, end)

    def call(self, entry: str, *args: int) -> int:
        """Call an entry point of the core (`runtime/core/replay.py`). `InvariantError` if a checked build finds one of
        its invariants broken."""
        result = self._executor.call(self, entry, *args)
        if self.status == core.STATUS_BROKEN:
            raise InvariantError(int(self.state[core.BROKEN]), int(self.state[core.BROKEN_AT]))
        return result

    def reclaim(self, memcg: int, nr_pages: int, swappiness: int = -1) -> int:
        """`memory.reclaim`: take pages from a memcg although it has room. How many came."""
        return self.call("reclaim_pages", memcg, nr_pages, swappiness)

    @property
    def status(self) -> int:
        """0, or why the run stopped: `STATUS_` of the layout."""
        return int(self.state[core.STATUS])

    @property
    def stopped(self) -> bool:
        return self.status != core.STATUS_RUNNING

    @property
    def resident(self) -> int:
        """Folios charged now."""
        return int(self.state[core.NR_RESIDENT])

    def counters(self) -> dict[str, int]:
        state = self.state
        return {name: int(state[word]) for name, word in core.COUNTERS.items()}

    def memcg_counters(self, memcg: int) -> dict[str, int]:
        """The counters of one memcg of several."""
        row = self.table("memcgs")[memcg]
        return {name: int(row[core.MEMCG_COUNTERS + word]) for name, word in core.COUNTERS.items()}

    def digest(self) -> str:
        """A hash over all memory of the simulation but its input."""
        whole = hashlib.blake2b(digest_size=16)
        for name in core.REGIONS:
            if name not in core.INPUT_REGIONS:
                whole.update(self.regions[name].tobytes())
        return whole.hexdigest()
