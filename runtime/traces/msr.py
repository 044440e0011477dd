"""Reads the block traces of MSR Cambridge, plain or packed.

In: lines `Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime`: time in 100 ns, type Read or Write, offset
and size in bytes. Out: accesses to pages of 4096 bytes, one for each page that a request touches, keyed as pages of
files are, each disk being a file; the clock in nanoseconds.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import numpy as np

from runtime.traces.keyed import KeyedEvents
from runtime.traces.lines import LineBlock, line_blocks
from runtime.traces.model import CLOCK_UNITS, FILE_KEY, OBJECT_FLAGS, WRITE, Chunk, TraceInfo
from runtime.traces.unpack import ByteStream

FORMAT = "msr"
PAGE_SIZE = 4096

_LINE = re.compile(rb"(\d{1,19}),[^,]*,(\d{1,3}),(read|write),(\d{1,16}),(\d{1,10}),-?\d*\s*", re.IGNORECASE)
_DISK_SHIFT = 40
_LARGEST_REQUEST = 1 << 30
_MOST_PAGES = 1 << 20
"""Pages of one chunk: requests are cut into runs so that large ones do not add up."""


class MsrReader:
    """A block trace of MSR Cambridge."""

    def __init__(self, path: str, name: str) -> None:
        self._path = path
        with ByteStream(path) as stream:
            size = os.fstat(stream.file.fileno()).st_size
        self.info = TraceInfo(
            name=name,
            format=FORMAT,
            free_events=0,
            page_size=PAGE_SIZE,
            bytes=size,
            columns=("keys", "clock"),
            clock_step=1,
            clock_unit=CLOCK_UNITS[3],
        )

    def blocks(self) -> Iterator[Chunk]:
        """Chunks as they are read."""
        with ByteStream(self._path) as stream:
            events = KeyedEvents(stream)
            for block in line_blocks(stream):
                requests: list[tuple[int, int, int, int]] = []
                held = 0
                for request in _requests(block, stream):
                    requests.append(request)
                    held += request[2]
                    if held >= _MOST_PAGES:
                        yield _chunk(events, requests)
                        requests, held = [], 0
                if requests:
                    yield _chunk(events, requests)


def looks_like_msr(line: bytes) -> bool:
    """Whether a file's first line is one of these traces'."""
    return _LINE.fullmatch(line) is not None


def _requests(block: LineBlock, stream: ByteStream) -> Iterator[tuple[int, int, int, int]]:
    """Time, first key, number of pages and flags of each request."""
    for index, line in enumerate(block.lines):
        match = _LINE.fullmatch(line)
        if match is None:
            if line.strip():
                raise stream.error(block.offset_of(index), "not a line of an MSR block trace")
            continue
        time, disk, kind, offset, size = match.groups()
        length = max(int(size), 1)
        first = int(offset) // PAGE_SIZE
        if length > _LARGEST_REQUEST or first >> _DISK_SHIFT:
            raise stream.error(block.offset_of(index), f"a request of {length} bytes at {int(offset)}")
        pages = (int(offset) + length - 1) // PAGE_SIZE - first + 1
        flags = OBJECT_FLAGS | (WRITE if kind.lower() == b"write" else 0)
        yield int(time), FILE_KEY | int(disk) << _DISK_SHIFT | first, pages, flags


def _chunk(events: KeyedEvents, requests: list[tuple[int, int, int, int]]) -> Chunk:
    time, first, pages, flags = (np.array(column, np.uint64) for column in zip(*requests, strict=True))
    count = pages.astype(np.int64)
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    keys = np.repeat(first, count) + within.astype(np.uint64)
    clock = np.repeat(time * np.uint64(100), count)
    return events.chunk(keys, np.repeat(flags, count).astype(np.uint8), clock)
