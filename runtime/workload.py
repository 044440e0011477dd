"""Traces made ready for many simulations.

In: the names of traces. Out: a `Workload` per trace: its accesses and distinct pages are known, and its events lie in
memory, shared by all simulations, as long as all of them together take no more than a part of the machine's memory;
the others are read again by each simulation. Every trace is read once to its end here, so that a damaged one is found
before anything runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from runtime.host import HostMemoryError, available_memory
from runtime.opt import Future
from runtime.traces.model import Chunk
from runtime.traces.opening import open_trace
from runtime.traces.rechunk import joined
from runtime.traces.trace import LoadedTrace, Trace

BYTES_PER_EVENT = 5
BYTES_PER_PAGE = 8
"""Of its key, which is its address."""
SHARE_OF_MEMORY = 4
"""Loaded traces take at most one part in this many of the memory available."""

Loading = Callable[[str, int, int | None], None]
"""Told the name of a trace, how many of its accesses have been read, and of how many, if that is known."""


class Cancelled(Exception):
    """The user did not want to wait."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A trace that was read once."""

    events: Trace | LoadedTrace
    accesses: int
    pages: int
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    _future: list[Future] = field(default_factory=list, repr=False, compare=False)

    @property
    def name(self) -> str:
        return self.events.info.name

    @property
    def page_size(self) -> int:
        """Bytes of a page, 0 if the trace does not say."""
        return self.events.info.page_size

    def future(self) -> Future:
        """What `opt` needs, made once. It takes the whole trace in memory."""
        if not isinstance(self.events, LoadedTrace):
            raise HostMemoryError(f"{self.name}: too large to be held in memory, as `opt` needs it")
        with self._lock:
            if not self._future:
                self._future.append(Future(self.events.page, self.events.flags, self.pages))
            return self._future[0]


def open_workloads(
    names: Sequence[str], limit: int | None, loading: Loading, cancelled: threading.Event
) -> list[Workload]:
    """Read the traces, each up to `limit` accesses. Raises `TraceError`, or `Cancelled`."""
    traces = [open_trace(name) for name in names]
    room = available_memory() // SHARE_OF_MEMORY
    workloads = []
    for trace in traces:
        workload = _read(trace if limit is None else trace.first(limit), room, loading, cancelled)
        if isinstance(workload.events, LoadedTrace):
            room -= _size(len(workload.events.page), workload.pages)
        workloads.append(workload)
    return workloads


def _read(trace: Trace, room: int, loading: Loading, cancelled: threading.Event) -> Workload:
    kept: list[Chunk] | None = []
    accesses = events = pages = 0
    for chunk in trace.chunks():
        if cancelled.is_set():
            raise Cancelled
        accesses += chunk.accesses
        events += len(chunk)
        pages = chunk.nr_pages
        if kept is not None:
            kept.append(Chunk(chunk.page, chunk.flags, chunk.nr_pages, keys=chunk.keys))
            # Joining the chunks takes their room a second time, for a moment.
            if 2 * _size(events, pages) > room:
                kept = None
        loading(trace.info.name, accesses, trace.info.accesses)
    if kept is None:
        return Workload(trace, accesses, pages)
    info = replace(trace.info, accesses=accesses, pages=pages, free_events=events - accesses)
    page, flags = (np.concatenate([getattr(chunk, column) for chunk in kept]) for column in ("page", "flags"))
    keys = joined([chunk.keys for chunk in kept])
    return Workload(LoadedTrace(info, page, flags, pages, accesses, keys=keys), accesses, pages)


def _size(events: int, pages: int) -> int:
    """Bytes a trace takes in memory."""
    return events * BYTES_PER_EVENT + pages * BYTES_PER_PAGE
