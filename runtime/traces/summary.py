"""What a trace is made of.

In: a trace. Out: `TraceSummary`, counts found by reading all of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime.traces.model import EXEC, FILE, FREE, SYSCALL, WRITE, TraceInfo
from runtime.traces.trace import Trace


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """Counts over a trace: of accesses where nothing else is said."""

    info: TraceInfo
    accesses: int
    reads: int
    writes: int
    file: int
    anon: int
    mapped: int
    syscall: int
    exec: int
    pages: int
    pages_seen_once: int
    free_events: int
    tenants: int

    @property
    def name(self) -> str:
        """The trace, as the user named it."""
        return self.info.name

    @property
    def format(self) -> str:
        """The format it was read in."""
        return self.info.format

    @property
    def page_size(self) -> int:
        """Bytes of a page, 0 if unstated."""
        return self.info.page_size

    @property
    def bytes(self) -> int:
        """Bytes of the file, 0 if there is none."""
        return self.info.bytes

    def share(self, count: int) -> float:
        """A count of accesses as a share of all."""
        return count / self.accesses


def summarise(trace: Trace) -> TraceSummary:
    """Read the whole trace and count."""
    by_flags = np.zeros(256, np.int64)
    by_page = np.zeros(0, np.uint8)
    tenants = np.zeros(1 << 16, np.bool_)
    for chunk in trace.chunks():
        by_flags += np.bincount(chunk.flags, minlength=256)
        accessed = (chunk.flags & FREE) == 0
        if len(by_page) < chunk.nr_pages:
            by_page = np.concatenate((by_page, np.zeros(chunk.nr_pages, np.uint8)))
        counts = np.bincount(chunk.page[accessed], minlength=chunk.nr_pages)
        by_page[: chunk.nr_pages] = np.minimum(by_page[: chunk.nr_pages] + np.minimum(counts, 2), 2)
        if chunk.tenant is not None:
            tenants[chunk.tenant[accessed]] = True
        pages = chunk.nr_pages

    def with_flag(flag: int) -> int:
        return int(sum(by_flags[value] for value in range(FREE) if value & flag))

    accesses = int(by_flags[:FREE].sum())
    return TraceSummary(
        info=trace.info,
        accesses=accesses,
        reads=accesses - with_flag(WRITE),
        writes=with_flag(WRITE),
        file=with_flag(FILE),
        anon=accesses - with_flag(FILE),
        mapped=accesses - with_flag(SYSCALL),
        syscall=with_flag(SYSCALL),
        exec=with_flag(EXEC),
        pages=pages,
        pages_seen_once=int(np.count_nonzero(by_page == 1)),
        free_events=int(by_flags[FREE]),
        tenants=max(1, int(np.count_nonzero(tenants))),
    )
