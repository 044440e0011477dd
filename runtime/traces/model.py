"""What a trace is: a stream of events, in chunks of columns.

In: nothing. Out: `Chunk` (a run of events), `TraceInfo` (what is known of a trace before it is read), `Reader`
(what each format implements) and `check_chunk`, which every reader's chunks have passed.

An event is an access to a page or, with the flag `FREE` and no other, the end of a page: it was freed just before
the next access. Guaranteed of every chunk: pages are numbered from 0 in the order of their first access, so that
they index arrays of `nr_pages` elements; a freed page has been accessed before; no undefined flag is set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

Pages = npt.NDArray[np.uint32]
Flags = npt.NDArray[np.uint8]
Tenants = npt.NDArray[np.uint16]
Numbers = npt.NDArray[np.uint64]

WRITE = 1
"""The access writes."""
FILE = 2
"""The page belongs to a file; otherwise it is anonymous."""
EXEC = 4
"""An instruction was fetched from the page."""
SYSCALL = 8
"""Made by a read or write system call; otherwise through a mapping."""
FREE = 128
"""Not an access: the page was freed."""

ACCESS_FLAGS = WRITE | FILE | EXEC | SYSCALL
OBJECT_FLAGS = FILE | SYSCALL
"""The flags of an access in a trace that says nothing about them."""

MAX_PAGES = 1 << 32
FILE_KEY = 1 << 63
"""Set in the key of a file's page: `FILE_KEY | file << 28 | page within the file`."""

CLOCK_UNITS = ("unstated", "instructions", "seconds", "nanoseconds")


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """A run of events.

    `nr_pages` counts the distinct pages up to and including this chunk. The other columns are there for the whole
    of a trace or not at all: `tenant`, one per event (memcg, 0 for a free event); `keys`, the original page number
    or object of each page first accessed in this chunk, in that order; `clock`, one for each access whose index in
    the trace (counting accesses only) is a multiple of the trace's `clock_step`.
    """

    page: Pages
    flags: Flags
    nr_pages: int
    tenant: Tenants | None = None
    keys: Numbers | None = None
    clock: Numbers | None = None

    def __len__(self) -> int:
        return len(self.page)

    @property
    def accesses(self) -> int:
        """How many of the events are accesses."""
        return len(self.page) - self.free_events

    @property
    def free_events(self) -> int:
        """How many of the events are not accesses."""
        return int(np.count_nonzero(self.flags & FREE))


@dataclass(frozen=True, slots=True)
class TraceInfo:
    """What is known of a trace before it is read: None where only reading it would tell.

    `page_size` is 0 where pages are objects or blocks of unstated size; `bytes` is the size of the file, 0 for a
    trace that is made up; `source` says in words where the trace is from.
    """

    name: str
    format: str
    accesses: int | None = None
    pages: int | None = None
    free_events: int | None = None
    page_size: int = 0
    bytes: int = 0
    columns: tuple[str, ...] = ()
    clock_step: int = 0
    clock_unit: str = CLOCK_UNITS[0]
    source: str = field(default="")


class Reader(Protocol):
    """A trace in one format. `blocks` may be called again and again and reads from the start each time."""

    @property
    def info(self) -> TraceInfo: ...

    def blocks(self) -> Iterator[Chunk]:
        """The trace in chunks of whatever size suits the format."""
        ...


def check_chunk(chunk: Chunk, seen: int) -> str | None:
    """What is wrong with a chunk that comes after `seen` distinct pages, or None.

    Simulations index arrays with page numbers in native code that checks nothing: this is where it is checked.
    """
    freed = (chunk.flags & FREE) != 0
    if np.any(chunk.flags & (0xFF ^ ACCESS_FLAGS ^ FREE)) or np.any(chunk.flags[freed] != FREE):
        return "undefined flags are set"
    page = chunk.page.astype(np.int64)
    highest = np.maximum.accumulate(np.concatenate((np.array([seen - 1], np.int64), page)))
    if np.any(page > highest[:-1] + (~freed).view(np.int8)):
        return "page numbers are not in the order of first access"
    if int(highest[-1]) + 1 != chunk.nr_pages:
        return f"{chunk.nr_pages} distinct pages are announced, {int(highest[-1]) + 1} were found"
    if chunk.keys is not None and len(chunk.keys) != chunk.nr_pages - seen:
        return f"{len(chunk.keys)} keys for {chunk.nr_pages - seen} new pages"
    return None
