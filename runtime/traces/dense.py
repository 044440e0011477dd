"""Keys of any kind to page numbers in the order of first appearance.

In: 64-bit keys, a chunk at a time. Out: page numbers from 0, equal for equal keys, and the keys newly seen. The
result depends on nothing but the sequence of keys: not on chunk sizes, nor on how the keys are stored.

Small keys index a table directly. The first key too large for that moves everything to a hash table with open
addressing, probed a whole chunk at a time: each round settles all keys that sit in the slot looked at.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from runtime.traces.model import FREE, MAX_PAGES, Flags, Numbers, Pages

DIRECT_LIMIT = 1 << 24
"""Keys below this index a table (64 MiB at most)."""

_UNSEEN = np.uint32(0xFFFFFFFF)
_INITIAL_SLOTS = 1 << 12


class TooManyPages(Exception):
    """More distinct keys than page numbers have room for."""


class DenseMapper:
    """Numbers keys in the order in which they first appear."""

    def __init__(self) -> None:
        self.nr_pages = 0
        self._table: _DirectTable | _HashTable = _DirectTable()

    def map(self, keys: Numbers) -> tuple[Pages, Numbers]:
        """Page numbers of `keys`, and those of the keys that had never been seen, in order."""
        pages = self.find(keys)
        missing = np.flatnonzero(pages == _UNSEEN)
        if not len(missing):
            return pages, keys[:0]
        distinct, first, which = np.unique(keys[missing], return_index=True, return_inverse=True)
        order = np.argsort(first)
        numbers = np.empty(len(distinct), np.uint32)
        if self.nr_pages + len(distinct) >= MAX_PAGES:
            raise TooManyPages
        numbers[order] = np.arange(self.nr_pages, self.nr_pages + len(distinct), dtype=np.uint32)
        pages[missing] = numbers[which]
        new = distinct[order]
        self._table.add(new, self.nr_pages)
        self.nr_pages += len(new)
        return pages, new

    def find(self, keys: Numbers) -> Pages:
        """Page numbers of `keys`; 2^32 - 1 for those never seen."""
        if isinstance(self._table, _DirectTable) and len(keys) and int(keys.max()) >= DIRECT_LIMIT:
            hashed = _HashTable()
            hashed.add(self._table.keys(self.nr_pages), 0)
            self._table = hashed
        return self._table.find(keys)

    def map_events(self, keys: Numbers, flags: Flags) -> tuple[npt.NDArray[np.intp], Pages, Numbers]:
        """As `map`, for accesses mixed with frees: which events to keep, their page numbers, and the new keys.

        A free of a page that has not been accessed before is dropped: it says nothing about what follows.
        """
        freed = (flags & FREE) != 0
        if not freed.any():
            pages, new = self.map(keys)
            return np.arange(len(keys), dtype=np.intp), pages, new
        before = self.nr_pages
        accessed, new = self.map(keys[~freed])
        pages = np.empty(len(keys), np.uint32)
        pages[~freed] = accessed
        pages[freed] = self.find(keys[freed])
        highest = np.where(freed, before - 1, pages.astype(np.int64))
        seen = np.maximum.accumulate(np.maximum(highest, before - 1))
        kept = np.flatnonzero(pages.astype(np.int64) <= seen)
        return kept, pages[kept], new


class _DirectTable:
    """`_pages[key]`, grown by doubling."""

    def __init__(self) -> None:
        self._pages = np.full(_INITIAL_SLOTS, _UNSEEN, np.uint32)

    def find(self, keys: Numbers) -> Pages:
        self._reach(int(keys.max(initial=0)))
        pages: Pages = self._pages[keys]
        return pages

    def add(self, keys: Numbers, first_page: int) -> None:
        self._reach(int(keys.max(initial=0)))
        self._pages[keys] = np.arange(first_page, first_page + len(keys), dtype=np.uint32)

    def keys(self, nr_pages: int) -> Numbers:
        """All keys, by page."""
        keys = np.empty(nr_pages, np.uint64)
        present = np.flatnonzero(self._pages != _UNSEEN)
        keys[self._pages[present]] = present
        return keys

    def _reach(self, key: int) -> None:
        if key >= len(self._pages):
            grown = np.full(1 << key.bit_length(), _UNSEEN, np.uint32)
            grown[: len(self._pages)] = self._pages
            self._pages = grown


class _HashTable:
    """Open addressing with linear probing; at most half of the slots are taken."""

    def __init__(self) -> None:
        self._count = 0
        self._resize(_INITIAL_SLOTS)

    def _resize(self, slots: int) -> None:
        self._mask = np.uint64(slots - 1)
        self._slot_pages = np.full(slots, _UNSEEN, np.uint32)
        self._slot_keys = np.zeros(slots, np.uint64)

    def find(self, keys: Numbers) -> Pages:
        slot = mix(keys) & self._mask
        pages: Pages = self._slot_pages[slot]
        open_ = np.flatnonzero((pages != _UNSEEN) & (self._slot_keys[slot] != keys))
        while len(open_):
            slot_of_open = (slot[open_] + np.uint64(1)) & self._mask
            slot[open_] = slot_of_open
            found = self._slot_pages[slot_of_open]
            pages[open_] = found
            open_ = open_[(found != _UNSEEN) & (self._slot_keys[slot_of_open] != keys[open_])]
        return pages

    def add(self, keys: Numbers, first_page: int) -> None:
        """Add distinct keys, none of which is present."""
        if 2 * (self._count + len(keys)) > len(self._slot_keys):
            self._grow(2 * (self._count + len(keys)))
        self._place(keys, np.arange(first_page, first_page + len(keys), dtype=np.uint32))
        self._count += len(keys)

    def _grow(self, least: int) -> None:
        taken = self._slot_pages != _UNSEEN
        keys, pages = self._slot_keys[taken], self._slot_pages[taken]
        self._resize(1 << least.bit_length())
        self._place(keys, pages)

    def _place(self, keys: Numbers, pages: Pages) -> None:
        slot = mix(keys) & self._mask
        while len(keys):
            free = self._slot_pages[slot] == _UNSEEN
            self._slot_pages[slot[free]] = pages[free]
            # Of several keys that wanted one free slot, one has got it; the others go on as if it had been taken.
            lost = self._slot_pages[slot] != pages
            won = ~lost
            self._slot_keys[slot[won]] = keys[won]
            keys, pages = keys[lost], pages[lost]
            slot = (slot[lost] + np.uint64(1)) & self._mask


def mix(keys: Numbers) -> Numbers:
    """A fixed scrambling of 64 bits (the finaliser of SplitMix64)."""
    mixed = keys + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
