"""Reads PGT1 files, plain or packed.

PGT1 is a 64-byte header and whole columns one after the other, little-endian:

    header  4s "PGT1" · u32 version (1) · u64 accesses · u32 distinct pages · u32 columns (1 tenant, 2 orig, 4 clock,
            8 free) · u32 page size · u32 clock step · u64 free events · zeros
    columns page u32 · flags u8 · tenant u16 · orig u64 per page · clock u64 per step · free_at u32, free_page u32

In: such a file. Out: its events, with the frees where they belong between the accesses. Since the columns lie one
after the other, the file is read whole; its length must be what the header says, to the byte.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from runtime.traces.errors import TraceError
from runtime.traces.model import CLOCK_UNITS, FREE, Chunk, TraceInfo, check_chunk
from runtime.traces.unpack import ByteStream

FORMAT = "pgt1"
MAGIC = b"PGT1"

_HEADER = struct.Struct("<4sIQIIIIQ")
_HEADER_BYTES = 64
_TENANT, _ORIG, _CLOCK, _FREE = 1, 2, 4, 8
_MOST_EVENTS = 1 << 28


class Pgt1Reader:
    """A trace in PGT1."""

    def __init__(self, path: str, name: str) -> None:
        self._path = path
        with ByteStream(path) as stream:
            header = self._header(stream)
            size = os.fstat(stream.file.fileno()).st_size
            expected = _HEADER_BYTES + sum(kind.itemsize * count for _, kind, count in self._layout())
            if stream.packing is None and size != expected:
                raise TraceError(path, min(size, expected), f"{size} bytes long; its header says {expected}")
        accesses, pages, mask, page_size, step, frees = header
        self.info = TraceInfo(
            name=name,
            format=FORMAT,
            accesses=accesses,
            pages=pages,
            free_events=frees,
            page_size=page_size,
            bytes=size,
            columns=tuple(n for n, bit in (("tenant", _TENANT), ("keys", _ORIG), ("clock", _CLOCK)) if mask & bit),
            clock_step=step,
            clock_unit=CLOCK_UNITS[1 if mask & _CLOCK else 0],
        )

    def blocks(self) -> Iterator[Chunk]:
        """The whole trace as one chunk."""
        with ByteStream(self._path) as stream:
            self._header(stream)
            columns = {name: self._column(stream, kind, count) for name, kind, count in self._layout()}
            if stream.read(1):
                raise stream.error(stream.position - 1, "the file goes on after its columns")
        chunk = _interleaved(columns, self._pages)
        wrong = check_chunk(chunk, 0)
        if wrong is None and np.any(columns["flags"].astype(np.uint8) & FREE):
            wrong = "undefined flags are set"
        if wrong:
            raise TraceError(self._path, _HEADER_BYTES, wrong)
        yield chunk

    def _header(self, stream: ByteStream) -> tuple[int, int, int, int, int, int]:
        data = stream.read(_HEADER_BYTES)
        if len(data) < _HEADER_BYTES:
            raise stream.error(len(data), "the file ends inside its header")
        magic, version, accesses, pages, mask, page_size, step, frees = _HEADER.unpack_from(data)
        if magic != MAGIC or version != 1:
            raise stream.error(0, "does not begin as a PGT1 file, version 1, does")
        if max(accesses, frees) > _MOST_EVENTS:
            raise stream.error(8, f"{accesses} accesses and {frees} frees: this format is read up to {_MOST_EVENTS}")
        if mask > 15 or pages > accesses or (step > 0) != bool(mask & _CLOCK) or (frees > 0) != bool(mask & _FREE):
            raise stream.error(16, "the header contradicts itself")
        if any(data[_HEADER.size :]):
            raise stream.error(_HEADER.size, "the header does not end in zeros")
        self._accesses, self._pages, self._mask, self._step, self._frees = accesses, pages, mask, step, frees
        return accesses, pages, mask, page_size, step, frees

    def _layout(self) -> list[tuple[str, np.dtype[np.generic], int]]:
        readings = -(-self._accesses // self._step) if self._step else 0
        every = [
            ("page", "<u4", self._accesses, True),
            ("flags", "u1", self._accesses, True),
            ("tenant", "<u2", self._accesses, bool(self._mask & _TENANT)),
            ("orig", "<u8", self._pages, bool(self._mask & _ORIG)),
            ("clock", "<u8", readings, bool(self._mask & _CLOCK)),
            ("free_at", "<u4", self._frees, bool(self._mask & _FREE)),
            ("free_page", "<u4", self._frees, bool(self._mask & _FREE)),
        ]
        return [(name, np.dtype(kind), count) for name, kind, count, present in every if present]

    def _column(self, stream: ByteStream, kind: np.dtype[np.generic], count: int) -> npt.NDArray[np.generic]:
        data = stream.read(kind.itemsize * count)
        if len(data) < kind.itemsize * count:
            raise stream.error(stream.position, "the file ends inside a column: it was truncated")
        return np.frombuffer(data, kind).astype(kind.newbyteorder("="), copy=False)


def _interleaved(columns: dict[str, npt.NDArray[np.generic]], pages: int) -> Chunk:
    """The columns as one run of events: each free comes just before the access it names."""
    page, flags = columns["page"].astype(np.uint32), columns["flags"].astype(np.uint8)
    tenant, keys, clock = columns.get("tenant"), columns.get("orig"), columns.get("clock")
    if "free_at" in columns:
        before, freed = columns["free_at"].astype(np.int64), columns["free_page"].astype(np.uint32)
        order = np.argsort(before, kind="stable")
        at = np.minimum(before[order], len(page))
        page = np.insert(page, at, freed[order])
        flags = np.insert(flags, at, np.uint8(FREE))
        tenant = None if tenant is None else np.insert(tenant, at, np.uint16(0))
    return Chunk(
        page,
        flags,
        pages,
        None if tenant is None else tenant.astype(np.uint16),
        None if keys is None else keys.astype(np.uint64),
        None if clock is None else clock.astype(np.uint64),
    )
