"""Writes traces in other people's formats.

In: a trace and a path. Out: the file, complete or not at all, and what went by. Objects are the original keys where
the trace has them, else page numbers. Times are the clock where there is a reading for each access and it fits, else
the number of the access, from 0; sizes are the page size, or 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from runtime.traces.flag_letters import words_of
from runtime.traces.model import FREE, OBJECT_FLAGS, Chunk, Numbers
from runtime.traces.next_access import NextAccesses, next_accesses
from runtime.traces.oracle import RECORD
from runtime.traces.rxt_writer import complete_file
from runtime.traces.trace import Trace

Progress = Callable[[int, int | None], None]
"""Told from time to time how many accesses are done, and of how many, if that is known."""

_LATEST_RECORD = 1 << 32


@dataclass(slots=True)
class Totals:
    """What has gone by. `plain`: all accesses are as in a trace without flags; `latest`: the highest clock reading;
    `keys`: the original keys of the pages, in order of first access."""

    accesses: int = 0
    pages: int = 0
    free_events: int = 0
    plain: bool = True
    latest: int = 0
    keys: list[Numbers] = field(default_factory=list)

    @property
    def reborn(self) -> int:
        """Pages with the key of an earlier one: freed and used again, which a format of keys cannot tell apart."""
        return self.pages - len(np.unique(np.concatenate(self.keys))) if self.keys else 0

    def add(self, chunk: Chunk) -> None:
        """Count a chunk."""
        self.free_events += chunk.free_events
        self.accesses += chunk.accesses
        self.pages = chunk.nr_pages
        self.plain = self.plain and bool(np.all((chunk.flags == OBJECT_FLAGS) | (chunk.flags == FREE)))
        if chunk.keys is not None:
            self.keys.append(chunk.keys)
        if chunk.clock is not None:
            self.latest = max(self.latest, int(chunk.clock.max(initial=0)))


@dataclass(frozen=True, slots=True)
class _Rows:
    """A run of accesses, in columns."""

    times: Numbers
    keys: Numbers
    following: NextAccesses
    words: list[str]


def write_text(trace: Trace, path: str, tell: Progress) -> Totals:
    """One key a line, with flags where they are not the usual."""
    totals = Totals()
    with complete_file(path) as file:
        for chunk, keys in _with_keys(trace):
            plain = (chunk.flags == OBJECT_FLAGS).tolist()
            words = zip(keys.tolist(), words_of(chunk.flags), plain, strict=True)
            file.write("".join([f"{key}\n" if usual else f"{key} {word}\n" for key, word, usual in words]).encode())
            totals.add(chunk)
            tell(totals.accesses, trace.info.accesses)
    return totals


def write_records(trace: Trace, path: str, tell: Progress) -> Totals:
    """oracleGeneral."""
    size = trace.info.page_size or 1

    def head(totals: Totals) -> bytes:
        return b""

    def body(rows: _Rows, totals: Totals) -> bytes:
        records = np.zeros(len(rows.keys), RECORD)
        records["time"] = np.minimum(rows.times, _LATEST_RECORD - 1)
        records["object"] = rows.keys
        records["size"] = size
        records["next"] = rows.following
        return records.tobytes()

    return _write_objects(trace, path, tell, _LATEST_RECORD, head, body)


def write_rows(trace: Trace, path: str, tell: Progress) -> Totals:
    """csv, with a column for flags if any are not the usual."""
    size = trace.info.page_size or 1

    def head(totals: Totals) -> bytes:
        return b"time,object,size,next\n" if totals.plain else b"time,object,size,next,flags\n"

    def body(rows: _Rows, totals: Totals) -> bytes:
        columns = zip(rows.times.tolist(), rows.keys.tolist(), rows.following.tolist(), rows.words, strict=True)
        if totals.plain:
            return "".join([f"{time},{key},{size},{after}\n" for time, key, after, _ in columns]).encode()
        return "".join([f"{time},{key},{size},{after},{word}\n" for time, key, after, word in columns]).encode()

    return _write_objects(trace, path, tell, 1 << 64, head, body)


def _write_objects(
    trace: Trace,
    path: str,
    tell: Progress,
    latest: int,
    head: Callable[[Totals], bytes],
    body: Callable[[_Rows, Totals], bytes],
) -> Totals:
    """Go through the trace twice: for the next accesses, then to write. Times are clock readings below `latest`."""
    known = trace.info.accesses
    totals = Totals()

    def observe(chunk: Chunk) -> None:
        totals.add(chunk)
        tell(totals.accesses // 2, known)

    with next_accesses(trace, observe) as following, complete_file(path) as file:
        file.write(head(totals))
        timed = trace.info.clock_step == 1 and totals.latest < latest
        start = 0
        for chunk, keys in _with_keys(trace):
            accessed = (chunk.flags & FREE) == 0
            stop = start + int(np.count_nonzero(accessed))
            times = chunk.clock if timed else None
            if times is None:
                times = np.arange(start, stop, dtype=np.uint64)
            rows = _Rows(times, keys[accessed], following[start:stop], words_of(chunk.flags[accessed]))
            file.write(body(rows, totals))
            start = stop
            tell((totals.accesses + start) // 2, known)
    return totals


def _with_keys(trace: Trace) -> Iterator[tuple[Chunk, Numbers]]:
    """Each chunk with the key of each event."""
    known = np.zeros(0, np.uint64)
    for chunk in trace.chunks():
        if chunk.keys is None:
            yield chunk, chunk.page.astype(np.uint64)
            continue
        if len(known) < chunk.nr_pages:
            known = np.concatenate((known, np.zeros(chunk.nr_pages, np.uint64)))
        known[chunk.nr_pages - len(chunk.keys) : chunk.nr_pages] = chunk.keys
        yield chunk, known[chunk.page]
