"""The memory of a simulation: allocation, and what it holds before anything runs.

In: the attached policies with their params, and the `Machine`. Out: the regions of `runtime/core/layout.py` as flat
arrays. `AttachError` if a policy's maps are too large for the memory its memcg has.
"""

from __future__ import annotations

import contextlib
import mmap
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from dsl import ir
from runtime.core import layout as core
from runtime.core.writeback import DIRTY_WRITEBACK_INTERVAL, WRITEBACK_SLOTS
from runtime.costs import Device
from runtime.jit.module import Attachable, Builtin, hook_bits, layout_of, layouts_of
from runtime.machine import EFFORT_AT_LEAST, UNLIMITED, Machine
from runtime.map_sizes import MapPlace, place_maps, words_of
from runtime.policy_layout import PolicyLayout

FIRST_PAGE_ROOM = 1 << 16
PAGE_TABLE_ENTRY_BYTES = 8
HUGE_PAGE = 2 << 20

GOLDEN_RATIO = -7046029254386353131
"""2**64 divided by the golden ratio, as a signed number (Knuth, The Art of Computer Programming 6.4): it spreads pages
well, which are numbered by the core."""
SECRET = secrets.randbits(63) | 1
"""The multiplier for keys that a policy computes. Nothing but the time that a probe takes depends on it."""

Regions = dict[str, Any]


@dataclass(frozen=True)
class Attachment:
    """A policy and the values of its params that differ from their defaults, as attached to a memcg. `key` names the
    policy in the cache of native code; without one its code is not kept."""

    policy: Attachable
    params: Mapping[str, int] = field(default_factory=dict)
    key: str = ""

    def values(self) -> list[int]:
        """The values of all params, in the order of their declaration."""
        return param_values(self.policy, self.params)


def param_values(policy: Attachable, params: Mapping[str, int]) -> list[int]:
    """The values of a policy's params, in the order of their declaration: those given, else the defaults."""
    return [params.get(p.name, p.default) for p in policy.params]


def map_places(policy: Attachable, values: Sequence[int], nr_pages: int) -> list[MapPlace]:
    """The sizes of a policy's maps with these values of its params. `AttachError` if they are too large."""
    maps = policy.maps if isinstance(policy, ir.Policy) else ()
    return place_maps(maps, layout_of(policy).value_stride, nr_pages, values)


def zeroed(size: int) -> Any:
    """An array of at least `size` zero bytes that take memory only when they are touched. Where the system can, large
    ones lie on huge pages: the page table is read at random, and address translation would cost as much as the read."""
    try:
        pages = mmap.mmap(-1, max(size, mmap.PAGESIZE))
    except OSError as error:
        raise MemoryError(f"{size:,} bytes: {error.strerror}") from None
    if size >= HUGE_PAGE and hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):
            pages.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(pages, "u1")[: max(size, 16)]


@dataclass(frozen=True)
class Lineup:
    """The policies of a simulation, each once, and who has which. `of_memcg[m]` is the attachment of memcg `m`."""

    of_memcg: tuple[Attachment, ...]

    @property
    def policies(self) -> tuple[Attachable, ...]:
        unique: dict[int, Attachable] = {id(a.policy): a.policy for a in self.of_memcg}
        return tuple(unique.values())

    def number(self, memcg: int) -> int:
        """The number of the memcg's policy among `policies`."""
        wanted = self.of_memcg[memcg].policy
        return next(n for n, policy in enumerate(self.policies) if policy is wanted)

    @property
    def layouts(self) -> tuple[PolicyLayout, ...]:
        return layouts_of(self.policies)


def allocate(lineup: Lineup, machine: Machine) -> Regions:
    """All regions, initialised. The trace and the page tables come later."""
    return _Allocation(lineup, machine).regions


class _Allocation:
    """Allocates and initialises regions."""

    def __init__(self, lineup: Lineup, machine: Machine) -> None:
        self._lineup, self._machine = lineup, machine
        self._layout = lineup.layouts[0]
        self._values = [attachment.values() for attachment in lineup.of_memcg]
        nodes = range(len(machine.all_nodes))
        self._lruvecs = [(m, n) for m in range(len(machine.all_memcgs)) for n in nodes]
        self._places = [self._maps_of(memcg) for memcg, _ in self._lruvecs]
        self._heads = self._layout.nr_lists * len(self._lruvecs) + 1
        self.regions: Regions = {name: zeroed(size) for name, size in self._sizes().items()}
        self._state()
        self._folio_heads()
        self._tables()
        self._policies()
        self._maps()
        self._devices()

    def _maps_of(self, memcg: int) -> list[MapPlace]:
        policy = self._lineup.of_memcg[memcg].policy
        return map_places(policy, self._values[memcg], self._machine.memcg_pages(memcg))

    def _sizes(self) -> dict[str, int]:
        machine, layout = self._machine, self._layout
        lruvecs, tasks = len(self._lruvecs), len(machine.all_tasks)
        places = [place for of_lruvec in self._places for place in of_lruvec]
        pages = sum(node.nr_pages for node in machine.all_nodes)
        return {
            "folios": (self._heads + pages + 1) * layout.folio_bytes,
            "page_table": FIRST_PAGE_ROOM * PAGE_TABLE_ENTRY_BYTES,
            "state": core.STATE_WORDS * 8,
            "nodes": len(machine.all_nodes) * 16 * 8,
            "memcgs": len(machine.all_memcgs) * core.MEMCG_COLUMNS * 8,
            "lruvecs": lruvecs * 32 * 8,
            "tasks": tasks * 32 * 8,
            "devices": (1 + core.MAX_SWAP_DEVICES) * 32 * 8,
            "costs": core.NR_COSTS * 8,
            "batches": tasks * core.BATCH_SLOTS * 4,
            "policy": layout.state_stride * lruvecs * 8,
            "cursors": layout.nr_cursors * lruvecs * 4,
            "params": self._param_stride() * lruvecs * 8,
            "maps": max(len(places), 1) * 16 * 8,
            "map_index": sum(p.slots for p in places) * 4,
            "map_entries": (words_of(places) + 1) * 8,
            "bag_folios": lruvecs * layout.nr_bags * self._index_room() * 4,
            "heap_folios": lruvecs * layout.nr_heaps * self._index_room() * 4 + 16,
            "heap_nodes": lruvecs * layout.nr_heaps * self._index_room() * 16 + 64,
            "dirty_queue": 4 * (1 if machine.ideal else dirty_places(pages)),
            "writeback": 16 * (1 if machine.ideal else WRITEBACK_SLOTS),
            "latencies": len(machine.all_memcgs) * core.LATENCY_BUCKETS * 8,
            "task_latencies": tasks * core.LATENCY_BUCKETS * 8,
            "pte_page": 4,
            "page_slot": 4,
            "walk_order": 4,
        }

    def _index_room(self) -> int:
        """Places of a bag or a heap."""
        return index_room(sum(node.nr_pages for node in self._machine.all_nodes))

    def _param_stride(self) -> int:
        return max(1, *(len(values) for values in self._values))

    def _state(self) -> None:
        state, machine = self.regions["state"].view("<i8"), self._machine
        state[core.NR_PAGES] = machine.nr_pages
        state[core.NEXT_FOLIO] = state[core.FIRST_FOLIO] = self._heads
        state[core.PRIORITY] = core.DEF_PRIORITY
        state[core.SWAPPINESS] = machine.swappiness
        state[core.SCAN_BATCH] = machine.scan_batch
        state[core.RANDOM] = machine.seed
        state[core.INDEX_ROOM] = self._index_room()
        state[core.RECLAIMER] = core.BY_DIRECT
        state[core.RECLAIM_SWAPPINESS] = -1
        state[core.KERNEL] = machine.kernel
        state[core.BATCH_SIZE] = 15 if machine.kernel == 601 else core.FOLIO_BATCH_SIZE
        state[core.NR_NODES] = len(machine.all_nodes)
        state[core.NR_MEMCGS] = len(machine.all_memcgs)
        state[core.NR_TASKS] = len(machine.all_tasks)
        state[core.NR_SWAP_DEVICES] = len(machine.swap)
        state[core.VMA_PAGES] = machine.vma_pages
        state[core.MIN_TTL] = machine.min_ttl_ns
        state[core.TICK_AT] = state[core.TICK_EVERY] = machine.tick_ns
        if any(memcg.low or memcg.min for memcg in machine.all_memcgs):
            state[core.HAS_PROTECTION] = 2 if machine.recursive_protection else 1
        state[core.EFFORT_PER_FOLIO], state[core.EFFORT_AT_LEAST] = machine.effort, EFFORT_AT_LEAST
        state[core.FLUSH_AT] = DIRTY_WRITEBACK_INTERVAL
        state[core.DIRTY_MASK] = len(self.regions["dirty_queue"]) // 4 - 1 if not machine.ideal else 0
        for number, cost in enumerate(fields(machine.costs)):
            self.regions["costs"].view("<i8")[number] = getattr(machine.costs, cost.name)

    def _folio_heads(self) -> None:
        folios = self.regions["folios"].view("<u4").reshape(-1, self._layout.folio_columns)
        for head in range(1, self._heads):
            folios[head, core.PREV] = folios[head, core.NEXT] = head
        for lruvec, (memcg, _) in enumerate(self._lruvecs):
            layout = self._lineup.layouts[self._lineup.number(memcg)]
            first = lruvec * layout.nr_lists
            for number, row in enumerate(layout.bag_list):
                folios[first + row, core.INDEX] = 2 * (lruvec * layout.nr_bags + number + 1)
            for number, row in enumerate(layout.heap_list):
                folios[first + row, core.INDEX] = 2 * (lruvec * layout.nr_heaps + number + 1) + 1

    def _tables(self) -> None:
        machine = self._machine
        nodes = self.regions["nodes"].view("<i8").reshape(-1, 16)
        for number, node in enumerate(machine.all_nodes):
            row = nodes[number]
            row[core.NODE_PAGES] = node.nr_pages
            row[core.WMARK_MIN : core.WMARK_HIGH + 1] = node.watermarks
            row[core.DEMOTION_TARGET] = node.demotes_to
            row[core.NODE_ACCESS_NS] = node.access_ns
            faster = (n for n, other in enumerate(machine.all_nodes) if other.demotes_to == number)
            row[core.FASTER_NODE] = next(faster, -1)
        memcgs = self.regions["memcgs"].view("<i8").reshape(-1, core.MEMCG_COLUMNS)
        parents = [memcg.parent for memcg in machine.all_memcgs]
        for number, memcg in enumerate(machine.all_memcgs):
            row = memcgs[number]
            row[core.PARENT], row[core.SUBTREE_END] = memcg.parent, subtree_end(parents, number)
            row[core.MEMORY_MAX], row[core.MEMORY_HIGH] = memcg.max, memcg.high
            row[core.MEMORY_LOW], row[core.MEMORY_MIN] = memcg.low, memcg.min
            row[core.SWAP_MAX], row[core.MEMCG_SWAPPINESS] = memcg.swap_max, memcg.swappiness
        tasks = self.regions["tasks"].view("<i8").reshape(-1, 32)
        for number, task in enumerate(machine.all_tasks):
            tasks[number, core.TASK_MEMCG], tasks[number, core.TASK_NODE] = task.memcg, task.node
            tasks[number, core.THINK_TIME], tasks[number, core.TASK_CLOCK] = task.think_ns, task.start_ns
            tasks[number, core.TASK_BOUND] = task.bound

    def _policies(self) -> None:
        lruvecs = self.regions["lruvecs"].view("<i8").reshape(-1, 32)
        params = self.regions["params"].view("<i8").reshape(len(self._lruvecs), -1)
        first_map = 0
        for number, (memcg, node) in enumerate(self._lruvecs):
            row, policy = lruvecs[number], self._lineup.of_memcg[memcg].policy
            row[core.OF_MEMCG], row[core.OF_NODE] = memcg, node
            row[core.OPS], row[core.HOOKS] = self._lineup.number(memcg), hook_bits(policy)
            row[core.EJECTABLE] = not isinstance(policy, Builtin)
            row[core.CAPACITY] = self._machine.memcg_pages(memcg)
            row[core.FIRST_MAP] = first_map
            first_map += len(self._places[number])
            values = [signed(value) for value in self._values[memcg]]
            params[number, : len(values)] = values
            self._policy_state(number, memcg)

    def _policy_state(self, lruvec: int, memcg: int) -> None:
        policy, layout = self._lineup.of_memcg[memcg].policy, self._lineup.layouts[self._lineup.number(memcg)]
        cursors = self.regions["cursors"].view("<u4")
        for number, head in enumerate(layout.cursor_list):
            cursors[lruvec * layout.nr_cursors + number + 1] = lruvec * layout.nr_lists + head
        if isinstance(policy, ir.Policy):
            words = self.regions["policy"].view("<i8")[lruvec * layout.state_stride :]
            for declared, first in zip(policy.states, layout.state_words, strict=True):
                words[first : first + declared.length] = signed(declared.initial)

    def _maps(self) -> None:
        headers = self.regions["maps"].view("<i8").reshape(-1, 16)
        links = self.regions["map_entries"].view("<u4").reshape(-1, 2)
        index, entry = 0, 1
        for number, place in enumerate(place for of_lruvec in self._places for place in of_lruvec):
            row = headers[number]
            row[core.MAP_ENTRY], row[core.MAP_CAPACITY] = entry, place.capacity
            if place.is_array:
                row[core.MAP_STRIDE] = place.stride
                row[core.MAP_ONES] = repeated(1, place.stride)
                row[core.MAP_HALVES] = repeated((1 << (8 * place.stride - 1)) - 1, place.stride)
            else:
                row[core.MAP_INDEX], row[core.MAP_MASK] = index, place.slots - 1
                row[core.MAP_SHIFT] = 64 - (place.slots.bit_length() - 1)
                row[core.MAP_MULTIPLIER] = GOLDEN_RATIO if place.of_pages else SECRET
                row[core.MAP_STRIDE] = place.entry_words
                row[core.MAP_NEXT_ENTRY] = entry + place.entry_words
                links[entry, core.MAP_PREV] = links[entry, core.MAP_NEXT] = entry
            index += place.slots
            entry += place.words

    def _devices(self) -> None:
        devices = self.regions["devices"].view("<i8").reshape(-1, 32)
        self._device(devices[core.FILES], self._machine.files, UNLIMITED)
        for number, swap in enumerate(self._machine.swap, 1):
            self._device(devices[number], swap.device, swap.nr_pages)

    @staticmethod
    def _device(row: Any, device: Device, nr_pages: int) -> None:
        row[core.DEVICE_PAGES] = nr_pages
        row[core.DEVICE_READ_NS], row[core.DEVICE_WRITE_NS] = device.read_ns, device.write_ns
        row[core.DEVICE_QUEUES] = min(device.queues, core.MAX_QUEUES)
        row[core.DEVICE_SYNCHRONOUS] = device.synchronous


def index_room(nr_pages: int) -> int:
    """Places of a bag or a heap: one for every folio there can be and some to spare, a multiple of 4."""
    return (nr_pages + 8) // 4 * 4


def repeated(value: int, size: int) -> int:
    """`value` in each of the elements of `size` bytes of a word; 0 where they do not fill one."""
    if size not in (1, 2, 4, 8):
        return 0
    return signed(sum(value << shift for shift in range(0, 64, 8 * size)))


def dirty_places(nr_pages: int) -> int:
    """Places of the queue of the dirty: a power of two, one for each row of a folio at least."""
    return 1 << nr_pages.bit_length()


def subtree_end(parents: Sequence[int], memcg: int) -> int:
    """The number after the last memcg below `memcg`, of memcgs in preorder."""
    end = memcg + 1
    while end < len(parents) and parents[end] >= memcg:
        end += 1
    return end


def signed(value: int) -> int:
    """An unsigned 64-bit number as the signed one of the same bits."""
    return value - (1 << 64) if value >= 1 << 63 else value
