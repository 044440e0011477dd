"""Reads `.rxt` files as a stream.

In: a file in the layout of rxt.py. Out: its chunks, each checked in full before it is handed out. Memory is that of
one chunk, whatever the file says. What follows from the chunks must agree with the header, and nothing may follow
the end: a truncated, lengthened or altered file is a `TraceError`.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from runtime.traces import rxt
from runtime.traces.errors import TraceError
from runtime.traces.model import Chunk, TraceInfo, check_chunk
from runtime.traces.rechunk import samples_between
from runtime.traces.unpack import open_regular

FORMAT = "rxt"


class RxtReader:
    """A trace in the project's own format."""

    def __init__(self, path: str, name: str) -> None:
        self._path = path
        with open_regular(path) as file:
            self._header = self._read_header(file)
            size = os.fstat(file.fileno()).st_size
        header = self._header
        self.info = TraceInfo(
            name=name,
            format=FORMAT,
            accesses=header.accesses,
            pages=header.pages,
            free_events=header.free_events,
            page_size=header.page_size,
            bytes=size,
            columns=header.columns,
            clock_step=header.clock_step,
            clock_unit=header.clock_unit,
            source=header.source,
        )

    def blocks(self) -> Iterator[Chunk]:
        """The chunks as they are stored."""
        with open_regular(self._path) as file:
            if self._read_header(file) != self._header:
                raise TraceError(self._path, 0, "the file has changed since it was opened")
            chunks = events = accesses = pages = 0
            while (start := file.tell()) >= 0:
                begin = file.read(4)
                if begin == rxt.END_MAGIC:
                    break
                chunk = self._read_chunk(file, start, begin, pages, accesses)
                chunks += 1
                events += len(chunk)
                accesses += chunk.accesses
                pages = chunk.nr_pages
                yield chunk
            self._read_end(file, start, chunks, events)
            if (accesses, pages) != (self._header.accesses, self._header.pages):
                raise TraceError(self._path, start, "the chunks do not add up to what the header says")

    def _read_header(self, file: BinaryIO) -> rxt.Header:
        try:
            data = self._exactly(file, rxt.HEADER.size)
            header, length, checksum = rxt.unpack_header(data)
            source = rxt.check_header(data, self._exactly(file, length), checksum)
        except rxt.Malformed as error:
            raise TraceError(self._path, 0, str(error)) from error
        if header.accesses == rxt.UNFINISHED:
            raise TraceError(self._path, 16, "the file was never finished: whatever wrote it was interrupted")
        return replace(header, source=source)

    def _read_chunk(self, file: BinaryIO, start: int, begin: bytes, pages: int, accesses: int) -> Chunk:
        try:
            rest = self._exactly(file, rxt.CHUNK_HEADER.size - len(begin))
            header = rxt.unpack_chunk_header(begin + rest, self._header)
            chunk = rxt.unpack_chunk(header, self._exactly(file, sum(header.sizes)), pages)
        except rxt.Malformed as error:
            raise TraceError(self._path, start, str(error)) from error
        wrong = check_chunk(chunk, pages)
        if chunk.clock is not None:
            expected = samples_between(accesses, accesses + chunk.accesses, self._header.clock_step)
            if len(chunk.clock) != expected:
                wrong = f"{len(chunk.clock)} clock readings where {expected} belong"
        if wrong:
            raise TraceError(self._path, start, wrong)
        return chunk

    def _read_end(self, file: BinaryIO, start: int, chunks: int, events: int) -> None:
        data = rxt.END_MAGIC + self._exactly(file, rxt.END.size - len(rxt.END_MAGIC))
        if zlib.crc32(data[:-4]).to_bytes(4, "little") != data[-4:]:
            raise TraceError(self._path, start, "the end is damaged: its checksum is wrong")
        if rxt.END.unpack(data)[1:3] != (chunks, events):
            raise TraceError(self._path, start, f"{chunks} chunks of {events} events in all are not what the end says")
        if file.read(1):
            raise TraceError(self._path, file.tell() - 1, "the file goes on after its end")

    def _exactly(self, file: BinaryIO, count: int) -> bytes:
        data = file.read(count)
        if len(data) < count:
            raise TraceError(self._path, file.tell(), "the file ends too early: it was truncated")
        return data
