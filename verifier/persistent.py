"""An array whose old versions stay valid: states fork at every branch and meet again, and mostly agree.

In: indices from 0 and values. Out: `PersistentArray`, immutable; `set` copies a path of a tree of 32-fold nodes and
shares the rest. `merge` and `differences` skip what two versions share, so their cost follows what was changed since
the versions parted, not the size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_BITS = 5
_WIDTH = 1 << _BITS
_LOW = _WIDTH - 1

_Tree = list[Any]
"""A leaf holds values, an inner node trees or None; `shift` above the leaves says which."""


class PersistentArray(Generic[T]):
    """Unbounded; what was never set is `default`."""

    __slots__ = ("_default", "_root", "_shift")

    def __init__(self, default: T, root: _Tree | None = None, shift: int = 0) -> None:
        self._default = default
        self._root: _Tree = [default] * _WIDTH if root is None else root
        self._shift = shift

    def __getitem__(self, index: int) -> T:
        shift = self._shift
        if index >> shift >= _WIDTH:
            return self._default
        tree: _Tree | None = self._root
        while shift:
            assert tree is not None
            tree = tree[(index >> shift) & _LOW]
            if tree is None:
                return self._default
            shift -= _BITS
        assert tree is not None
        value: T = tree[index & _LOW]
        return value

    def set(self, index: int, value: T) -> PersistentArray[T]:
        root, shift = self._grown(index)
        root = root.copy()
        tree = root
        at = shift
        while at:
            place = (index >> at) & _LOW
            at -= _BITS
            below = tree[place]
            tree[place] = below = ([None if at else self._default] * _WIDTH) if below is None else below.copy()
            tree = below
        tree[index & _LOW] = value
        return PersistentArray(self._default, root, shift)

    def merge(self, other: PersistentArray[T], combine: Callable[[int, T, T], T]) -> PersistentArray[T]:
        """The array with `combine(index, mine, theirs)`, called in order of index, where the two differ."""
        shift = max(self._shift, other._shift)
        mine, theirs = self._raised(shift), other._raised(shift)
        return PersistentArray(self._default, self._merge(mine, theirs, shift, 0, combine), shift)

    def differences(self, other: PersistentArray[T]) -> Iterator[tuple[int, T, T]]:
        """The indices where the two differ, in order, with both values."""
        found: list[tuple[int, T, T]] = []

        def note(index: int, mine: T, theirs: T) -> T:
            found.append((index, mine, theirs))
            return mine

        self.merge(other, note)
        return iter(found)

    def _grown(self, index: int) -> tuple[_Tree, int]:
        root, shift = self._root, self._shift
        while index >> shift >= _WIDTH:
            root = [root] + [None] * (_WIDTH - 1)
            shift += _BITS
        return root, shift

    def _raised(self, shift: int) -> _Tree:
        root = self._root
        for _ in range((shift - self._shift) // _BITS):
            root = [root] + [None] * (_WIDTH - 1)
        return root

    def _merge(
        self, mine: _Tree | None, theirs: _Tree | None, shift: int, base: int, combine: Callable[[int, T, T], T]
    ) -> _Tree | None:
        if mine is theirs:
            return mine
        empty: _Tree = [None if shift else self._default] * _WIDTH
        left, right = mine or empty, theirs or empty
        merged = left
        for place in range(_WIDTH):
            a, b = left[place], right[place]
            if a is b or (not shift and a == b):
                continue
            index = base | place << shift
            c: Any = self._merge(a, b, shift - _BITS, index, combine) if shift else combine(index, a, b)
            if c is not a:
                if merged is left:
                    merged = left.copy()
                merged[place] = c
        return merged
