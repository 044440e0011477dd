"""How much memory the maps of a policy take on a given machine.

In: the declared maps, the number of pages and the values of the params. Out: a `MapPlace` per map. Sizes are known
only here, at attach: `AttachError` is the class of errors of what this machine, or this setting of the params, makes
too large or meaningless.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dsl import abi, ir
from dsl.types import PAGE_KEY

BYTES_PER_PAGE = 64
BYTES_AT_LEAST = 64 << 20
"""All maps of a policy together may take this many bytes per page of memory and this many besides."""

ENTRY_BYTES = 16
"""Links and key of an entry."""
MAX_WORDS = (1 << 32) - 1
"""Entries are named by the number of their first word, in 32 bits."""


class AttachError(Exception):
    """The policy is sound but cannot be attached here: its name, what is too large or too small, and the limit."""


@dataclass(frozen=True, slots=True)
class MapPlace:
    """A map of a `capacity` of entries or elements whose values take `stride` bytes. `slots` of the index are a power
    of two, a quarter of them used at most; an array has none. `of_pages`: its keys are names of pages."""

    capacity: int
    slots: int
    stride: int
    of_pages: bool

    @property
    def is_array(self) -> bool:
        return self.slots == 0

    @property
    def entry_words(self) -> int:
        return (ENTRY_BYTES + self.stride) // 8

    @property
    def words(self) -> int:
        """Words of `map_entries`: those of an array's elements, or of the entries, the ring's end and one to spare."""
        if self.is_array:
            return (self.capacity * self.stride + 7) // 8
        return (self.capacity + 2) * self.entry_words

    @property
    def bytes(self) -> int:
        return self.slots * 4 + self.words * 8


def evaluate(size: ir.Size, nr_pages: int, params: Sequence[int]) -> int:
    """The value of a capacity: postfix, unbounded integers, `-` stops at 0, division by zero gives 0."""
    stack: list[int] = []
    for token in size:
        if isinstance(token, int):
            stack.append(token)
        elif token == "nr_pages":
            stack.append(nr_pages)
        elif token.startswith("param:"):
            stack.append(params[int(token.removeprefix("param:"))])
        else:
            right, left = stack.pop(), stack.pop()
            stack.append(_apply(token, left, right))
    return stack.pop()


def _apply(operator: str, left: int, right: int) -> int:
    if operator in "/%" and right == 0:
        return 0 if operator == "/" else left
    return {
        "+": lambda: left + right,
        "-": lambda: max(left - right, 0),
        "*": lambda: left * right,
        "/": lambda: left // right,
        "%": lambda: left % right,
        "min": lambda: min(left, right),
        "max": lambda: max(left, right),
    }[operator]()


def _slots(capacity: int) -> int:
    slots = 4
    while slots < 4 * capacity:
        slots *= 2
    return slots


def place_maps(maps: Sequence[ir.Map], strides: Sequence[int], nr_pages: int, params: Sequence[int]) -> list[MapPlace]:
    """Size every map. `AttachError` if one has more entries than there can be folios, or all take too much."""
    places = []
    for declared, stride in zip(maps, strides, strict=True):
        capacity = evaluate(declared.capacity, nr_pages, params)
        if capacity > abi.MAX_FOLIOS:
            size = f"{capacity:,}" if capacity.bit_length() <= 64 else f"over 2^{capacity.bit_length() - 1}"
            raise AttachError(f"map `{declared.name}` would have {size} entries; the most is {abi.MAX_FOLIOS:,}")
        slots = 0 if declared.kind == "array" else _slots(capacity)
        places.append(MapPlace(capacity, slots, stride, declared.key == PAGE_KEY))
    total, limit = sum(p.bytes for p in places), BYTES_PER_PAGE * nr_pages + BYTES_AT_LEAST
    if total > limit:
        largest = max(range(len(places)), key=lambda i: places[i].bytes)
        raise AttachError(
            f"the maps would take {total:,} bytes, of which `{maps[largest].name}` {places[largest].bytes:,};"
            f" with {nr_pages:,} pages the limit is {limit:,}"
        )
    return places


def words_of(places: Iterable[MapPlace]) -> int:
    """Words of `map_entries` of all maps of a simulation together. `AttachError` if they cannot be numbered."""
    words = sum(place.words for place in places)
    if words > MAX_WORDS:
        raise AttachError(f"the maps would have {words:,} words of entries; the most is {MAX_WORDS:,}")
    return words
