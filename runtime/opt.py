"""`opt`: the offline optimum, as the bound of every comparison.

In: all accesses of a trace, in memory, and the size of memory. Out: the misses of the policy that evicts the page whose
next use is farthest away. It sees accesses only: what is freed, written or mapped makes no difference. It needs the
whole future, so a trace is prepared once (`Future`) and replayed for as many sizes as wanted.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from runtime.core.layout import ADDRESSES
from runtime.jit.engine import NativeCode
from runtime.jit.module import opt_module
from runtime.program import opt_code
from runtime.traces.model import FREE

FIND_NEXT_USES, COUNT_MISSES = opt_module().symbols
STEP = 1 << 18
"""Accesses between two calls of `goes_on`."""
BYTES_PER_ACCESS = 8
"""Memory of a `Future`: the pages and their next uses."""


@functools.cache
def _code() -> NativeCode:
    return opt_code()


class Future:
    """The accesses of a trace, each with the next use of its page."""

    def __init__(self, page: Any, flags: Any, nr_pages: int) -> None:
        accesses = page[(flags & FREE) == 0] if np.any(flags & FREE) else page
        self.nr_pages = nr_pages
        self.page = np.ascontiguousarray(accesses, "<u4")
        self.next_use = np.empty(len(self.page), "<u4")
        last_seen = np.full(nr_pages, len(self.page), "<u4")
        context = _context(trace_page=self.page, next_use=self.next_use, last_seen=last_seen)
        _code().call(FIND_NEXT_USES, context.ctypes.data, len(self.page))

    def misses(self, capacity: int, goes_on: Callable[[int, int], bool]) -> tuple[int, int]:
        """Replay with room for `capacity` pages: (accesses, misses). `goes_on` is called with both as it proceeds and
        ends the replay early by returning False."""
        farthest = np.zeros((min(capacity, self.nr_pages) + 1, 2), "<u4")
        place = np.zeros(self.nr_pages, "<u4")
        context = _context(trace_page=self.page, next_use=self.next_use, farthest=farthest, place=place)
        code = _code()
        done = misses = 0
        while done < len(self.page):
            last = min(done + STEP, len(self.page))
            resident = min(misses, capacity)
            misses += code.call(COUNT_MISSES, context.ctypes.data, done, last, resident, capacity)
            done = last
            if not goes_on(done, misses):
                break
        return done, misses


def _context(**regions: Any) -> Any:
    """The native context of these arrays; they must outlive its use."""
    return np.array([regions[n].ctypes.data if n in regions else 0 for n in ADDRESSES], "<u8")
