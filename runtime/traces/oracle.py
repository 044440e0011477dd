"""Reads libCacheSim's oracleGeneral files, plain or packed.

In: records of 24 bytes: u32 time in seconds, u64 object, u32 size, i64 next access (-1: none). Out: accesses by
object; sizes are not kept, since a page is a page, nor the next access, which simulations find themselves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np

from runtime.traces.errors import TraceError
from runtime.traces.keyed import KeyedEvents
from runtime.traces.model import CLOCK_UNITS, Chunk, TraceInfo
from runtime.traces.unpack import ByteStream

FORMAT = "oracle"
RECORD = np.dtype([("time", "<u4"), ("object", "<u8"), ("size", "<u4"), ("next", "<i8")])

_BLOCK_RECORDS = 1 << 17


class OracleReader:
    """A trace in oracleGeneral."""

    def __init__(self, path: str, name: str) -> None:
        self._path = path
        with ByteStream(path) as stream:
            size = os.fstat(stream.file.fileno()).st_size
            plain = stream.packing is None
        if plain and size % RECORD.itemsize:
            start = size - size % RECORD.itemsize
            raise TraceError(path, start, f"the file ends inside a record: records have {RECORD.itemsize} bytes")
        self.info = TraceInfo(
            name=name,
            format=FORMAT,
            accesses=size // RECORD.itemsize if plain else None,
            free_events=0,
            bytes=size,
            columns=("keys", "clock"),
            clock_step=1,
            clock_unit=CLOCK_UNITS[2],
        )

    def blocks(self) -> Iterator[Chunk]:
        """Chunks as they are read."""
        with ByteStream(self._path) as stream:
            events = KeyedEvents(stream)
            while data := stream.read(_BLOCK_RECORDS * RECORD.itemsize):
                if partial := len(data) % RECORD.itemsize:
                    raise stream.error(stream.position - partial, "the file ends inside a record")
                records = np.frombuffer(data, RECORD)
                clock = records["time"].astype(np.uint64)
                yield events.chunk(np.ascontiguousarray(records["object"], np.uint64), clock=clock)


def looks_like_records(data: bytes) -> bool:
    """Whether a file that begins so may be oracleGeneral: times ascend, and a next access comes later."""
    records = np.frombuffer(data[: len(data) - len(data) % RECORD.itemsize], RECORD)
    if not len(records):
        return False
    ascending = np.all(np.diff(records["time"].astype(np.int64)) >= 0)
    index = np.arange(len(records))
    following = records["next"]
    sensible = (following == -1) | (following == np.iinfo(np.int64).max) | (following > index)
    return bool(ascending and np.all(sensible))
