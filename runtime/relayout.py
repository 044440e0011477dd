"""The memory of a simulation laid out anew, for policies other than those it was laid out for.

In: a simulation whose leaving policies have let go of their folios, the line-up to come and fresh memory for it. Out:
that memory, holding all the old one did: folios in their lists, batches and queues, page tables, the core's tables, and
lists, cursors, state and maps of the policies that stay. Rows of list heads come before those of folios, so a folio's
number changes when the number of heads does: everything that names one is renamed. No loop over folios in Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from runtime.core import layout as core
from runtime.jit.module import layout_of
from runtime.regions import Lineup, Regions
from runtime.simulation import Simulation

BLOCK = 1 << 20
"""Rows worked on at a time: what is computed on the way takes no more memory than these need."""
POLICY_BITS = 255 << core.F_POLICY_SHIFT

REPLACED = (
    "folios", "policy", "cursors", "params", "maps", "map_index", "map_entries", "bag_folios", "heap_folios",
    "heap_nodes",
)  # fmt: skip
"""Regions whose layout depends on the policies; all others stay where they are."""
PLANS = (core.PLAN_EVICT, core.PLAN_EVICT + 1, core.PLAN_AGE, core.PLAN_AGE + 1, core.PLAN_SCAN, core.PLAN_WALK)

Array = np.ndarray[Any, Any]


def blocks(first: int, end: int) -> Iterator[slice]:
    """[`first`, `end`) in stretches."""
    for at in range(first, end, BLOCK):
        yield slice(at, min(at + BLOCK, end))


class Relayout:
    """One move from the layout of a simulation to that of `lineup`, with the policies of the memcgs `changed` new."""

    def __init__(self, simulation: Simulation, lineup: Lineup, fresh: Regions, changed: frozenset[int]) -> None:
        self._simulation, self._changed = simulation, changed
        self._before, self._after = simulation.lineup, lineup
        self._old, self._new = simulation.regions, fresh
        nodes, lruvecs = len(simulation.machine.all_nodes), simulation.machine.nr_lruvecs
        self._memcg_of = [lruvec // nodes for lruvec in range(lruvecs)]
        self._kept = np.array([memcg not in changed for memcg in self._memcg_of])
        self._old_first = self._before.layouts[0].nr_lists * lruvecs + 1
        self._new_first = lineup.layouts[0].nr_lists * lruvecs + 1
        self._shift = self._new_first - self._old_first
        self._heads = self._renamed_heads()

    def moved(self) -> Regions:
        """The memory in its new layout. The old one is of no use afterwards: parts of it are in the new one."""
        self._move_heads()
        self._move_folios()
        self._move_policies()
        self._move_indexes()
        self._move_maps()
        self._move_lruvecs()
        self._rename_in_pages()
        self._rename_in_queues()
        self._rename_in_state()
        return {name: self._new[name] if name in REPLACED else region for name, region in self._old.items()}

    # --- names of rows -------------------------------------------------------------------------------------

    def _renamed_heads(self) -> Array:
        """The new row of each old list head: of the core's own list and of those of policies that stay; else 0."""
        old, new = self._before.layouts[0].nr_lists, self._after.layouts[0].nr_lists
        names = np.zeros(self._old_first, "<u4")
        for lruvec, memcg in enumerate(self._memcg_of):
            own = layout_of(self._before.of_memcg[memcg].policy).nr_lists if self._kept[lruvec] else core.UNCLAIMED
            names[lruvec * old + 1 : lruvec * old + own + 1] = np.arange(lruvec * new + 1, lruvec * new + own + 1)
        return names

    def _renamed(self, rows: Array) -> Array:
        """The new names of rows; 0 stays 0."""
        heads = self._heads[np.minimum(rows, self._old_first - 1)]
        return np.where(rows < self._old_first, heads, self._shifted(rows))

    def _shifted(self, folios: Array) -> Array:
        """The new names of folios; 0 stays 0."""
        shift = np.array(self._shift).astype(folios.dtype)  # of unsigned numbers: modulo their range, as the sum is
        return np.where(folios == 0, folios, folios + shift)

    # --- folios --------------------------------------------------------------------------------------------

    def _rows(self) -> tuple[Array, Array]:
        """`folios`, before and after."""
        old, new = self._before.layouts[0].folio_columns, self._after.layouts[0].folio_columns
        before, after = self._old["folios"].view("<u4"), self._new["folios"].view("<u4")
        return (
            before[: len(before) // old * old].reshape(-1, old),
            after[: len(after) // new * new].reshape(-1, new),
        )

    def _move_heads(self) -> None:
        before, after = self._rows()
        old = np.flatnonzero(self._heads)
        new = self._heads[old]
        for column in (core.FLAGS, core.LEN, core.LIST):
            after[new, column] = before[old, column]
        for column in (core.PREV, core.NEXT):
            after[new, column] = self._renamed(before[old, column])

    def _move_folios(self) -> None:
        """All rows ever used. What a policy that leaves kept with a folio is left behind."""
        before, after = self._rows()
        old, new = (lineup.layouts[0].field_base // 4 for lineup in (self._before, self._after))
        width = min(before.shape[1] - old, after.shape[1] - new)
        indexed = min(old, new) > core.POSITION
        for rows in blocks(self._old_first, int(self._state[core.NEXT_FOLIO])):
            source = before[rows]
            target = after[rows.start + self._shift : rows.stop + self._shift]
            stays = self._kept[source[:, core.LRUVEC]]
            flags = source[:, core.FLAGS]
            target[:, core.FLAGS] = np.where(stays, flags, flags & np.uint32(~POLICY_BITS & 0xFFFFFFFF))
            for column in (core.PAGE, core.LRUVEC):
                target[:, column] = source[:, column]
            for column in (core.PREV, core.NEXT, core.LIST):
                target[:, column] = self._renamed(source[:, column])
            if indexed:
                target[stays, core.POSITION] = source[stays, core.POSITION]
            target[stays, new : new + width] = source[stays, old : old + width]

    # --- what policies keep --------------------------------------------------------------------------------

    def _move_policies(self) -> None:
        """State and cursors of the policies that stay; the params are there already."""
        old, new = self._before.layouts[0], self._after.layouts[0]
        state, moved_state = self._old["policy"].view("<i8"), self._new["policy"].view("<i8")
        cursors, moved_cursors = self._old["cursors"].view("<u4"), self._new["cursors"].view("<u4")
        for lruvec in np.flatnonzero(self._kept).tolist():
            own = layout_of(self._before.of_memcg[self._memcg_of[lruvec]].policy)
            at, to = lruvec * old.state_stride, lruvec * new.state_stride
            moved_state[to : to + own.state_stride] = state[at : at + own.state_stride]
            at, to = lruvec * old.nr_cursors, lruvec * new.nr_cursors
            moved_cursors[to : to + own.nr_cursors] = self._renamed(cursors[at : at + own.nr_cursors])

    def _move_indexes(self) -> None:
        """The arrays of bags and heaps, which name folios."""
        old, new = self._before.layouts[0], self._after.layouts[0]
        room = int(self._state[core.INDEX_ROOM])
        for lruvec in np.flatnonzero(self._kept).tolist():
            own = layout_of(self._before.of_memcg[self._memcg_of[lruvec]].policy)
            for name, count, before, after in (
                ("bag_folios", own.nr_bags, old.nr_bags, new.nr_bags),
                ("heap_folios", own.nr_heaps, old.nr_heaps, new.nr_heaps),
            ):
                at, to, size = lruvec * before * room, lruvec * after * room, count * room
                source, target = self._old[name].view("<u4"), self._new[name].view("<u4")
                target[to : to + size] = self._shifted(source[at : at + size])
            at, to, size = lruvec * old.nr_heaps * room, lruvec * new.nr_heaps * room, own.nr_heaps * room
            nodes, moved_nodes = self._old["heap_nodes"].view("<i8"), self._new["heap_nodes"].view("<i8")
            moved_nodes[2 * to : 2 * (to + size)] = nodes[2 * at : 2 * (at + size)]

    def _move_maps(self) -> None:
        headers, moved_headers = (side["maps"].view("<i8").reshape(-1, 16) for side in (self._old, self._new))
        lruvecs, moved_lruvecs = (side["lruvecs"].view("<i8").reshape(-1, 32) for side in (self._old, self._new))
        for lruvec in np.flatnonzero(self._kept).tolist():
            policy = self._before.of_memcg[self._memcg_of[lruvec]].policy
            first, moved_first = (int(rows[lruvec, core.FIRST_MAP]) for rows in (lruvecs, moved_lruvecs))
            for number in range(len(layout_of(policy).value_stride)):
                self._move_map(headers[first + number], moved_headers[moved_first + number])

    def _move_map(self, old: Array, new: Array) -> None:
        """One map: the elements of an array, or index and entries, which are named by their places. Those change."""
        shift = int(new[core.MAP_ENTRY] - old[core.MAP_ENTRY])
        words, moved_words = (side["map_entries"].view("<i8") for side in (self._old, self._new))
        begin = int(old[core.MAP_ENTRY])
        if old[core.MAP_NEXT_ENTRY] == 0:
            end = begin + (int(old[core.MAP_CAPACITY] * old[core.MAP_STRIDE]) + 7) // 8
            moved_words[begin + shift : end + shift] = words[begin:end]
            return
        end, stride = int(old[core.MAP_NEXT_ENTRY]), int(old[core.MAP_STRIDE])

        def renamed(entries: Array) -> Array:
            return np.where(entries == 0, 0, entries.astype(np.int64) + shift)

        for word in (core.MAP_FREE, core.MAP_NEXT_ENTRY):
            new[word] = renamed(old[word])
        new[core.MAP_LEN] = old[core.MAP_LEN]
        slots = int(old[core.MAP_MASK]) + 1
        index, moved_index = self._old["map_index"].view("<u4"), self._new["map_index"].view("<u4")
        at, to = int(old[core.MAP_INDEX]), int(new[core.MAP_INDEX])
        moved_index[to : to + slots] = renamed(index[at : at + slots])
        moved_words[begin + shift : end + shift] = words[begin:end]
        links, moved_links = (side["map_entries"].view("<u4").reshape(-1, 2) for side in (self._old, self._new))
        for column in (core.MAP_PREV, core.MAP_NEXT):
            moved_links[begin + shift : end + shift : stride, column] = renamed(links[begin:end:stride, column])

    # --- the core's own ------------------------------------------------------------------------------------

    @property
    def _state(self) -> Array:
        state: Array = self._old["state"].view("<i8")
        return state

    def _move_lruvecs(self) -> None:
        """What the core knows of the policies; the rest of the rows stays."""
        old, new = (side["lruvecs"].view("<i8").reshape(-1, 32) for side in (self._old, self._new))
        for word in (core.OPS, core.HOOKS, core.FIRST_MAP, core.EJECTABLE):
            old[:, word] = new[:, word]
        for word in PLANS:
            old[~self._kept, word] = 0

    def _rename_in_pages(self) -> None:
        """Page table entries: folios, and the shadows that policies that leave have left, which are void now."""
        table = self._old["page_table"].view("<i8")
        for pages in blocks(0, int(self._state[core.NR_PAGE_IDS])):
            entries = table[pages]
            table[pages] = np.where(entries > 0, entries + self._shift, entries)
        tasks = self._simulation.machine.all_tasks
        first = 0
        for task, end in self._simulation.page_owners:
            if tasks[task].memcg in self._changed:
                for pages in blocks(first, end):
                    entries = table[pages]
                    shadows = (entries < 0) & ((-entries - 1) & core.SHADOW_VALID != 0)
                    table[pages] = np.where(shadows, entries + core.SHADOW_VALID, entries)
            first = end

    def _rename_in_queues(self) -> None:
        """Batches, the queue of the dirty and the ring of writeback."""
        batches, dirty = self._old["batches"].view("<u4"), self._old["dirty_queue"].view("<u4")
        batches[:] = self._shifted(batches)
        for places in blocks(0, len(dirty)):
            dirty[places] = self._shifted(dirty[places])
        writeback = self._old["writeback"].view("<i8").reshape(-1, 2)
        writeback[:, 0] = self._shifted(writeback[:, 0])

    def _rename_in_state(self) -> None:
        state = self._state
        for word in (core.FREE_FOLIO, core.NEXT_FOLIO, core.FIRST_FOLIO):
            state[word] = self._shifted(state[word])
        for word in (core.ISOLATED_FIRST, core.KEPT_FIRST):
            state[word : word + 2] = 0
