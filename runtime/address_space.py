"""Where pages are mapped: the tables that a page-table walk goes through.

In: the original keys of pages, as they appear in a trace, and the tasks they belong to. Out: the regions `pte_page`
(by slot: the page there, plus one), `page_slot` (by page) and `walk_order` (the tables of each task by address). A
table has 512 slots; neighbouring keys are neighbours.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from runtime.core.layout import PTES_PER_TABLE

_SHIFT = np.uint64(PTES_PER_TABLE.bit_length() - 1)
_MASK = np.uint64(PTES_PER_TABLE - 1)

Array = np.ndarray[Any, Any]


class AddressSpace:
    """The page tables of all tasks. Regions grow; what they hold stays."""

    def __init__(self, nr_tasks: int) -> None:
        self._tables: list[dict[int, int]] = [{} for _ in range(nr_tasks)]
        self._count = 0
        self.pte_page: Array = np.zeros(PTES_PER_TABLE, "<u4")
        self.page_slot: Array = np.zeros(PTES_PER_TABLE, "<u4")
        self.walk_order: Array = np.zeros(1, "<u4")

    def add(self, task: int, first_page: int, keys: Array) -> None:
        """Map the pages from `first_page` on, by their keys, into the address space of a task."""
        if not len(keys):
            return
        tables = self._tables[task]
        numbers, which = np.unique(keys >> _SHIFT, return_inverse=True)
        for number in numbers.tolist():
            if number not in tables:
                tables[number] = self._count
                self._count += 1
        table = np.fromiter((tables[n] for n in numbers.tolist()), np.int64, len(numbers))[which]
        slots = table * PTES_PER_TABLE + (keys & _MASK).astype(np.int64)
        pages = np.arange(first_page, first_page + len(keys))
        self.pte_page = _reach(self.pte_page, self._count * PTES_PER_TABLE)
        self.page_slot = _reach(self.page_slot, first_page + len(keys))
        self.pte_page[slots] = pages + 1
        self.page_slot[pages] = slots

    def order(self) -> list[tuple[int, int]]:
        """Bring `walk_order` up to date: the first place and the number of tables of each task."""
        places: list[tuple[int, int]] = []
        order: list[int] = []
        for tables in self._tables:
            places.append((len(order), len(tables)))
            order += [tables[number] for number in sorted(tables)]
        self.walk_order = np.array(order or [0], "<u4")
        return places


def _reach(region: Array, length: int) -> Array:
    if length <= len(region):
        return region
    grown = np.zeros(max(length, 2 * len(region)), region.dtype)
    grown[: len(region)] = region
    return grown
