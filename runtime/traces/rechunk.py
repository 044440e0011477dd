"""Chunks of one size from chunks of another.

In: chunks in order, and the size wanted. Out: the same events in chunks of exactly that many, but for the last.
All columns are cut at the same events: the keys where the page count crosses, the clock where its accesses do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from runtime.traces.model import FREE, Chunk

_Element = TypeVar("_Element", bound=np.generic)


class Rechunker:
    """Takes chunks of any size and gives them back in the size wanted."""

    def __init__(self, size: int, clock_step: int) -> None:
        self._size = size
        self._step = clock_step
        self._parts: list[Chunk] = []
        self._held = 0
        self._accesses = 0
        self._pages = 0

    def push(self, chunk: Chunk) -> Iterator[Chunk]:
        """Add a chunk; yields what is full."""
        rest = chunk
        while self._held + len(rest) >= self._size:
            head, rest = self._split(rest, self._size - self._held)
            yield self._join(head)
        if len(rest):
            self._parts.append(rest)
            self._held += len(rest)

    def flush(self) -> Iterator[Chunk]:
        """Yields what is left, if anything is."""
        if self._parts:
            yield self._join(self._parts.pop())

    def _join(self, last: Chunk) -> Chunk:
        parts, self._parts, self._held = [*self._parts, last], [], 0
        whole = parts[0] if len(parts) == 1 else _concatenated(parts)
        self._accesses += whole.accesses if self._step else 0
        self._pages = whole.nr_pages
        return whole

    def _split(self, chunk: Chunk, at: int) -> tuple[Chunk, Chunk]:
        pages = self._parts[-1].nr_pages if self._parts else self._pages
        accesses = self._accesses + sum(part.accesses for part in self._parts) if self._step else 0
        return cut(chunk, at, pages, accesses, self._step)


def rechunk(chunks: Iterable[Chunk], size: int, clock_step: int) -> Iterator[Chunk]:
    """The events of `chunks` in chunks of `size`."""
    rechunker = Rechunker(size, clock_step)
    for chunk in chunks:
        yield from rechunker.push(chunk)
    yield from rechunker.flush()


def first_accesses(chunks: Iterable[Chunk], limit: int, clock_step: int) -> Iterator[Chunk]:
    """The events up to and including the access number `limit`, counted from 1."""
    accesses = pages = 0
    for chunk in chunks:
        if accesses + chunk.accesses >= limit:
            order = np.cumsum((chunk.flags & FREE) == 0)
            events = int(np.searchsorted(order, limit - accesses)) + 1
            yield cut(chunk, events, pages, accesses, clock_step)[0]
            return
        accesses += chunk.accesses
        pages = chunk.nr_pages
        yield chunk


def cut(chunk: Chunk, at: int, pages: int, accesses: int, clock_step: int) -> tuple[Chunk, Chunk]:
    """The first `at` events and the others, of a chunk that comes after so many distinct pages and accesses."""
    seen = max(pages, int(chunk.page[:at].max(initial=0)) + 1) if at else pages
    new, readings = seen - pages, 0
    if chunk.clock is not None:
        stop = accesses + at - int(np.count_nonzero(chunk.flags[:at] & FREE))
        readings = samples_between(accesses, stop, clock_step)
    tenant, keys, clock = chunk.tenant, chunk.keys, chunk.clock
    head = Chunk(
        chunk.page[:at],
        chunk.flags[:at],
        seen,
        None if tenant is None else tenant[:at],
        None if keys is None else keys[:new],
        None if clock is None else clock[:readings],
    )
    tail = Chunk(
        chunk.page[at:],
        chunk.flags[at:],
        chunk.nr_pages,
        None if tenant is None else tenant[at:],
        None if keys is None else keys[new:],
        None if clock is None else clock[readings:],
    )
    return head, tail


def samples_between(start: int, stop: int, step: int) -> int:
    """How many multiples of `step` lie in `start`..`stop`."""
    return -(-stop // step) - -(-start // step)


def _concatenated(parts: list[Chunk]) -> Chunk:
    return Chunk(
        np.concatenate([part.page for part in parts]),
        np.concatenate([part.flags for part in parts]),
        parts[-1].nr_pages,
        joined([part.tenant for part in parts]),
        joined([part.keys for part in parts]),
        joined([part.clock for part in parts]),
    )


def joined(columns: list[npt.NDArray[_Element] | None]) -> npt.NDArray[_Element] | None:
    """The pieces of a column as one array, or None where the trace does not have the column."""
    present = [column for column in columns if column is not None]
    return np.concatenate(present) if present else None
