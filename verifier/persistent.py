"""An array of which versions part and meet again: states fork at every branch, and mostly agree where paths meet.

In: indices from 0 and values. Out: `PersistentArray`. A version is changed in place, and `fork` makes another that
starts out equal: both go on sharing rows of 32 values until either writes to one. `merge` and `differences` pass over
the rows that two versions still share, so their cost follows what was written since the versions parted; that of
`fork` is a copy of the table of rows, which is so small that it is never felt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import compress, count
from operator import is_not, ne
from typing import Generic, TypeVar

T = TypeVar("T")

BITS = 5
_WIDTH = 1 << BITS
LOW = _WIDTH - 1
_NONE: frozenset[int] = frozenset()


class PersistentArray(Generic[T]):
    """Unbounded, with room for `size` from the start; what was never set is `default`."""

    __slots__ = ("_blank", "_mine", "default", "rows")

    def __init__(self, default: T, size: int = 0) -> None:
        self.default = default
        self._blank = [default] * _WIDTH
        """The row of what was never set, shared by all versions."""
        self.rows: list[list[T]] = [self._blank] * -(-size // _WIDTH)
        """For readers in a hurry: the value of index i is in row `i >> BITS` at `i & LOW`."""
        self._mine: frozenset[int] | set[int] = _NONE
        """The rows that no other version shares."""

    def fork(self) -> PersistentArray[T]:
        other = PersistentArray.__new__(PersistentArray)
        other.default = self.default
        other._blank = self._blank
        other.rows = self.rows.copy()
        other._mine = self._mine = _NONE
        return other

    def __getitem__(self, index: int) -> T:
        row = index >> BITS
        return self.rows[row][index & LOW] if row < len(self.rows) else self.default

    def __setitem__(self, index: int, value: T) -> None:
        row = index >> BITS
        if row not in self._mine:
            self._own(row)
        self.rows[row][index & LOW] = value

    def _own(self, row: int) -> None:
        rows = self.rows
        if row >= len(rows):
            rows += [self._blank] * (row + 1 - len(rows))
        rows[row] = rows[row].copy()
        if isinstance(self._mine, set):
            self._mine.add(row)
        else:
            self._mine = {row}

    def values(self) -> Iterator[T]:
        """All that was set, and some defaults."""
        for row in self.rows:
            if row is not self._blank:
                yield from row

    def merge(self, other: PersistentArray[T], combine: Callable[[int, T, T], T]) -> PersistentArray[T]:
        """The array with `combine(index, mine, theirs)`, called in order of index, where the two differ."""
        merged = self.fork()
        for index, mine, theirs in self.differences(other):
            value = combine(index, mine, theirs)
            if value is not mine:
                merged[index] = value
        return merged

    def differences(self, other: PersistentArray[T]) -> list[tuple[int, T, T]]:
        """The indices where the two differ, in order, with both values."""
        rows, others = self.rows, other.rows
        short = len(rows) - len(others)
        if short:
            rows = rows + [self._blank] * -short
            others = others + [self._blank] * short
        found: list[tuple[int, T, T]] = []
        for row in compress(count(), map(is_not, rows, others)):
            left, right = rows[row], others[row]
            for place in compress(count(), map(ne, left, right)):
                found.append((row << BITS | place, left[place], right[place]))
        return found
