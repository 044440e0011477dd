"""A trace as simulations use it.

In: a reader. Out: `Trace`, chunks of one size from anything that can be read, as often as wanted; and `LoadedTrace`,
the same events in memory, for many simulations of one trace. A trace without accesses is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from runtime.traces.errors import TraceError
from runtime.traces.model import Chunk, Flags, Numbers, Pages, Reader, Tenants, TraceInfo
from runtime.traces.rechunk import first_accesses, joined, rechunk

CHUNK_EVENTS = 1 << 18


class Trace:
    """A stream of events. `limit`, if given, is how many accesses are used, from the start."""

    def __init__(self, reader: Reader, limit: int | None = None) -> None:
        self._reader = reader
        self._limit = limit
        info = reader.info
        if info.accesses == 0:
            raise _holds_none(info.name)
        if limit is not None and (info.accesses is None or limit < info.accesses):
            info = replace(info, accesses=None, pages=None, free_events=None)
        self.info = info

    def first(self, accesses: int) -> Trace:
        """The trace up to and including this many accesses."""
        if accesses < 1:
            raise ValueError("a trace has at least one access")
        return Trace(self._reader, accesses if self._limit is None else min(accesses, self._limit))

    def chunks(self, size: int = CHUNK_EVENTS) -> Iterator[Chunk]:
        """The events, `size` at a time. Each call reads the trace from its start."""
        blocks = self._reader.blocks()
        if self._limit is not None:
            blocks = first_accesses(blocks, self._limit, self.info.clock_step)
        accesses = 0
        for chunk in rechunk(blocks, size, self.info.clock_step):
            accesses += chunk.accesses
            yield chunk
        if accesses == 0:
            raise _holds_none(self.info.name)


@dataclass(frozen=True, slots=True, eq=False)
class LoadedTrace:
    """All events of a trace, in memory; the columns are those of a chunk."""

    info: TraceInfo
    page: Pages
    flags: Flags
    nr_pages: int
    accesses: int
    tenant: Tenants | None = None
    keys: Numbers | None = None
    clock: Numbers | None = None

    def chunks(self, size: int = CHUNK_EVENTS) -> Iterator[Chunk]:
        """The events, `size` at a time, without copying."""
        return rechunk([self._whole()], size, self.info.clock_step)

    def first(self, accesses: int) -> LoadedTrace:
        """The trace up to and including this many accesses, without copying."""
        if accesses < 1:
            raise ValueError("a trace has at least one access")
        if accesses >= self.accesses:
            return self
        return _loaded(self.info, next(first_accesses([self._whole()], accesses, self.info.clock_step)))

    def _whole(self) -> Chunk:
        return Chunk(self.page, self.flags, self.nr_pages, self.tenant, self.keys, self.clock)


def load(trace: Trace, accesses: int | None = None) -> LoadedTrace:
    """Read a trace into memory, up to and including this many accesses."""
    chunks = list((trace if accesses is None else trace.first(accesses)).chunks())
    whole = Chunk(
        np.concatenate([chunk.page for chunk in chunks]),
        np.concatenate([chunk.flags for chunk in chunks]),
        chunks[-1].nr_pages,
        joined([chunk.tenant for chunk in chunks]),
        joined([chunk.keys for chunk in chunks]),
        joined([chunk.clock for chunk in chunks]),
    )
    return _loaded(trace.info, whole)


def _loaded(info: TraceInfo, whole: Chunk) -> LoadedTrace:
    info = replace(info, accesses=whole.accesses, pages=whole.nr_pages, free_events=whole.free_events)
    columns = (whole.tenant, whole.keys, whole.clock)
    return LoadedTrace(info, whole.page, whole.flags, whole.nr_pages, whole.accesses, *columns)


def _holds_none(name: str) -> TraceError:
    return TraceError(name, 0, "holds no accesses")
