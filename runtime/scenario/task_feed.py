"""The events of several tasks, each from a trace of its own, as `replay_tasks` takes them.

In: a simulation of several tasks and, for each, its chunks in order. Out: stretches of events in the regions
`trace_page` and `trace_flags`: each task has a place of its own there, which is filled again when the task has used it
up. Pages of a trace are numbered from 0 in the order of first use; here each new page of any task gets the next number
of all, and the addresses of its trace are mapped into the task's address space. A trace is read a chunk at a time, so
that it may be larger than memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any

import numpy as np

from runtime.core import layout as core
from runtime.simulation import Simulation
from runtime.traces.model import MAX_PAGES, Chunk, Numbers
from runtime.traces.prefetch import Prefetch
from runtime.traces.trace import Trace

STRETCH = 1 << 15
"""Events of a task in its place at most."""


class TooManyPages(Exception):
    """The tasks together use more pages than there are numbers for."""


class PageNumbers:
    """The numbers that a task's pages have in the simulation, by their numbers in its trace."""

    def __init__(self) -> None:
        self._numbers: Any = np.zeros(1 << 10, np.uint32)
        self.count = 0

    def add(self, first: int, count: int) -> None:
        """The next `count` pages of the trace have the numbers from `first` on."""
        if self.count + count > len(self._numbers):
            grown = np.zeros(2 * (self.count + count), np.uint32)
            grown[: self.count] = self._numbers[: self.count]
            self._numbers = grown
        self._numbers[self.count : self.count + count] = np.arange(first, first + count, dtype=np.uint32)
        self.count += count

    def of(self, pages: Any) -> Any:
        return self._numbers[pages]


def passes(trace: Trace, repeat: int) -> Iterator[Chunk]:
    """The chunks of a trace, so many times over."""
    for _ in range(repeat):
        yield from trace.chunks(STRETCH)


class TaskFeed:
    """Feeds a simulation; a context manager, for the traces are read ahead in threads of their own."""

    def __init__(self, simulation: Simulation, streams: Sequence[Iterator[Chunk]]) -> None:
        """`streams[t]`: the chunks of task `t`, of at most `STRETCH` events each."""
        self._simulation = simulation
        self._streams = [Prefetch(stream, 2) for stream in streams]
        self._numbers = [PageNumbers() for _ in streams]
        self._next_page = 0
        self._page: Any = np.zeros(len(streams) * STRETCH, np.uint32)
        self._flags: Any = np.zeros(len(streams) * STRETCH, np.uint8)

    def __enter__(self) -> TaskFeed:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for stream in self._streams:
            stream.close()

    def bring(self) -> None:
        """Make the stretches part of the simulation's memory: once, and when that was laid out anew."""
        self._simulation.regions["trace_page"] = self._page.view("u1")
        self._simulation.regions["trace_flags"] = self._flags

    def refill(self) -> None:
        """Give every task that has used up its events the next ones; note of those without more that they end."""
        self.bring()
        for task in range(len(self._streams)):
            row = self._simulation.table("tasks")[task]
            if row[core.EVENT_NEXT] == row[core.EVENT_END] and row[core.TASK_ENDED] == 0:
                chunk = next(self._streams[task], None)
                if chunk is None:
                    row[core.TASK_ENDED] = 1
                else:
                    self._place(task, chunk)

    def _place(self, task: int, chunk: Chunk) -> None:
        new = chunk.nr_pages - self._numbers[task].count
        if new > 0:
            self._add_pages(task, new, chunk.keys)
        begin = task * STRETCH
        end = begin + len(chunk)
        self._page[begin:end] = self._numbers[task].of(chunk.page)
        self._flags[begin:end] = chunk.flags
        row = self._simulation.table("tasks")[task]
        row[core.EVENT_NEXT], row[core.EVENT_END] = begin, end

    def _add_pages(self, task: int, count: int, keys: Numbers | None) -> None:
        first = self._next_page
        if first + count >= MAX_PAGES:
            raise TooManyPages(f"the tasks use more than {MAX_PAGES:,} pages")
        seen = self._numbers[task].count
        addresses = np.arange(seen, seen + count, dtype=np.uint64) if keys is None else keys
        self._numbers[task].add(first, count)
        self._next_page = first + count
        self._simulation.map_pages(task, first, first + count, addresses)
