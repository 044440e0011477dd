"""Writes `.rxt` files as a stream.

In: chunks of any size, in order. Out: a file, which appears under its name only when it is complete. Memory is that
of one stored chunk. The chunks are checked as a reader would: nothing is written that could not be read.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO

import zstandard

from runtime.traces import rxt
from runtime.traces.errors import TraceError
from runtime.traces.model import CLOCK_UNITS, Chunk, check_chunk
from runtime.traces.rechunk import Rechunker

DEFAULT_LEVEL = 12


@contextmanager
def complete_file(path: str) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` when the block ends well, and vanishes when it does not."""
    partial = f"{path}.part{os.getpid()}"
    try:
        with open(partial, "xb") as file:
            yield file
        os.replace(partial, path)
    except OSError as error:
        raise TraceError(path, 0, f"cannot be written: {error.strerror}") from error
    finally:
        if os.path.exists(partial):
            os.unlink(partial)


class TraceWriter:
    """Writes a trace; a context manager.

    `columns` names the optional columns that the chunks have. Leaving the block completes the file; leaving it by
    an exception leaves no file.
    """

    def __init__(
        self,
        path: str,
        *,
        columns: tuple[str, ...] = (),
        page_size: int = 0,
        clock_step: int = 0,
        clock_unit: str = CLOCK_UNITS[0],
        source: str = "",
        level: int = DEFAULT_LEVEL,
    ) -> None:
        known = tuple(name for name in rxt.COLUMNS if name in columns)
        text = source.encode()[: rxt.MOST_SOURCE_BYTES].decode(errors="ignore")
        self._path = path
        self._header = rxt.Header(known, page_size, clock_step, clock_unit, text)
        self._compressor = zstandard.ZstdCompressor(level=level)
        self._rechunker = Rechunker(rxt.CHUNK_EVENTS, clock_step)
        self._context = complete_file(path)
        self._chunks = self._events = self._accesses = self._pages = 0

    def __enter__(self) -> TraceWriter:
        self._file = self._context.__enter__()
        self._file.write(self._header.pack())
        return self

    def write(self, chunk: Chunk) -> None:
        """Add a chunk."""
        for full in self._rechunker.push(chunk):
            self._store(full)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if kind is None:
                self._finish()
        except BaseException as failure:
            self._context.__exit__(type(failure), failure, failure.__traceback__)
            raise
        self._context.__exit__(kind, error, error.__traceback__ if error else None)

    def _finish(self) -> None:
        for last in self._rechunker.flush():
            self._store(last)
        end = rxt.END.pack(rxt.END_MAGIC, self._chunks, self._events, 0)[:-4]
        self._file.write(end + zlib.crc32(end).to_bytes(4, "little"))
        totals = (self._accesses, self._events - self._accesses, self._pages)
        self._header = replace(self._header, accesses=totals[0], free_events=totals[1], pages=totals[2])
        self._file.seek(0)
        self._file.write(self._header.pack())

    def _store(self, chunk: Chunk) -> None:
        present = tuple(name for name in rxt.COLUMNS if getattr(chunk, name) is not None)
        wrong = check_chunk(chunk, self._pages)
        if present != self._header.columns:
            wrong = f"a chunk has the columns {present}, the trace {self._header.columns}"
        if wrong:
            raise TraceError(self._path, self._file.tell(), f"cannot be written: {wrong}")
        self._file.write(rxt.pack_chunk(chunk, self._pages, self._compressor))
        self._chunks += 1
        self._events += len(chunk)
        self._accesses += chunk.accesses
        self._pages = chunk.nr_pages
