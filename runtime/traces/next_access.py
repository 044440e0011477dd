"""When each access's page is accessed next, for formats that store it.

In: a trace. Out: for each access, the number of the next access to its page (counted from 1, as libCacheSim does), or
-1. The numbers lie in a temporary file, so that a trace larger than memory can be converted.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from runtime.traces.model import FREE, Chunk, Pages
from runtime.traces.trace import Trace

NextAccesses = npt.NDArray[np.int64]

_INITIAL = 1 << 16


@contextmanager
def next_accesses(trace: Trace, observe: Callable[[Chunk], None]) -> Iterator[NextAccesses]:
    """The next access of each access; `observe` sees each chunk as it goes by."""
    with tempfile.TemporaryFile() as file:

        def room(accesses: int) -> NextAccesses:
            file.truncate(accesses * 8)
            return np.memmap(file, np.int64, "r+", shape=(accesses,))

        table = room(_INITIAL)
        last = np.zeros(0, np.int64)
        done = 0
        for chunk in trace.chunks():
            page = chunk.page[(chunk.flags & FREE) == 0]
            if done + len(page) > len(table):
                table = room(2 * (done + len(page)))
            last = np.concatenate((last, np.full(chunk.nr_pages - len(last), -1, np.int64)))
            _follow(table, last, page, done)
            done += len(page)
            observe(chunk)
        yield table[:done]


def _follow(table: NextAccesses, last: NextAccesses, page: Pages, start: int) -> None:
    """Enter the accesses from number `start` on; `last` is the last access of each page so far, or -1."""
    order = np.argsort(page, kind="stable")
    ordered = page[order]
    again = np.flatnonzero(ordered[1:] == ordered[:-1]) + 1
    following = np.full(len(page), -1, np.int64)
    following[order[again - 1]] = start + order[again] + 1
    table[start : start + len(page)] = following
    first = np.delete(order, again)
    earlier = last[page[first]]
    table[earlier[earlier >= 0]] = start + first[earlier >= 0] + 1
    last[ordered] = start + order
