"""The project's own trace format, `.rxt`: its layout, and the two directions of each part.

In: chunks and totals, or bytes. Out: bytes, or chunks and totals. All numbers are little-endian.

    file    header, source text (UTF-8), chunks, end
    header  8s magic · u32 version · u32 columns (1 tenant, 2 keys, 4 clock) · u64 accesses · u64 free events ·
            u64 distinct pages · u32 page size (0: unstated) · u32 clock step · u32 clock unit (index in
            model.CLOCK_UNITS) · u32 bytes of source text · u32 0 · u32 CRC-32 of the header (this field 0) and text
    chunk   4s "CHNK" · u32 events · u32 free events among them · u32 pages first seen here · u32 clock readings ·
            u32 bytes of each column as stored: page, flags, tenant, keys, clock (0: absent) · u32 CRC-32 of the
            chunk (this field 0), then the columns, each one zstd frame
    end     4s "REND" · u32 chunks · u64 events · u32 CRC-32 of the 16 bytes before

    page    the low 16 bits of all page numbers, then the high 16 bits of all
    flags   u8 per event, as in model.py
    tenant  u16 per event
    keys    u64 per page first seen here, each as the difference from the one before (first: from 0), modulo 2^64
    clock   u64 per reading, as differences likewise; a reading belongs to each access whose index in the trace is a
            multiple of the clock step

The file is written as a stream; while that is going on, the header's totals are all ones. A reader meets every byte
under a checksum, and every length is limited before anything of that length is read.
Splitting the page numbers into halves gave the smallest files of what was tried (docs/trace-format.md).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace

import numpy as np
import zstandard

from runtime.traces.model import CLOCK_UNITS, Chunk, Numbers, Pages

MAGIC = b"\x89RXT\r\n\x1a\n"
VERSION = 1
CHUNK_MAGIC = b"CHNK"
END_MAGIC = b"REND"

HEADER = struct.Struct("<8sIIQQQIIIIII")
CHUNK_HEADER = struct.Struct("<4sIIIIIIIIII")
END = struct.Struct("<4sIQI")

CHUNK_EVENTS = 1 << 20
"""Events of a chunk as written; a reader takes `MOST_EVENTS`."""
MOST_EVENTS = 1 << 22
MOST_SOURCE_BYTES = 1 << 16
UNFINISHED = (1 << 64) - 1

COLUMNS = {"tenant": 1, "keys": 2, "clock": 4}


class Malformed(Exception):
    """What the bytes cannot mean; the reader adds file and offset."""


@dataclass(frozen=True, slots=True)
class Header:
    """What stands at the start of a file."""

    columns: tuple[str, ...] = ()
    page_size: int = 0
    clock_step: int = 0
    clock_unit: str = CLOCK_UNITS[0]
    source: str = ""
    accesses: int = UNFINISHED
    free_events: int = UNFINISHED
    pages: int = UNFINISHED

    def pack(self) -> bytes:
        """The header and the source text."""
        text = self.source.encode()
        mask = sum(COLUMNS[name] for name in self.columns)
        totals = (self.accesses, self.free_events, self.pages)
        clock = (self.clock_step, CLOCK_UNITS.index(self.clock_unit))
        fields = (MAGIC, VERSION, mask, *totals, self.page_size, *clock, len(text), 0)
        checksum = zlib.crc32(text, zlib.crc32(HEADER.pack(*fields, 0)))
        return HEADER.pack(*fields, checksum) + text


@dataclass(frozen=True, slots=True)
class ChunkHeader:
    """What stands before a chunk's columns. `sizes` are those of the five columns as stored."""

    events: int
    free_events: int
    new_pages: int
    readings: int
    sizes: tuple[int, ...]
    checksum: int = 0

    def pack(self) -> bytes:
        """The header as stored."""
        counts = (self.events, self.free_events, self.new_pages, self.readings)
        return CHUNK_HEADER.pack(CHUNK_MAGIC, *counts, *self.sizes, self.checksum)


def unpack_header(data: bytes) -> tuple[Header, int, int]:
    """The header without its source text, the text's length and the checksum over both."""
    magic, version, mask, accesses, frees, pages, page_size, step, unit, length, spare, checksum = HEADER.unpack(data)
    if magic != MAGIC:
        raise Malformed("does not begin as a .rxt file does")
    if version != VERSION:
        raise Malformed(f"version {version} of the format; this reads version {VERSION}")
    if mask > sum(COLUMNS.values()) or unit >= len(CLOCK_UNITS) or length > MOST_SOURCE_BYTES or spare:
        raise Malformed("the header is damaged: a field is out of its range")
    columns = tuple(name for name, bit in COLUMNS.items() if mask & bit)
    if ("clock" in columns) != (step > 0):
        raise Malformed("the header is damaged: clock step and columns do not agree")
    return Header(columns, page_size, step, CLOCK_UNITS[unit], "", accesses, frees, pages), length, checksum


def check_header(data: bytes, text: bytes, checksum: int) -> str:
    """The source text, if header and text are what was written."""
    if zlib.crc32(text, zlib.crc32(data[:-4] + bytes(4))) != checksum:
        raise Malformed("the header is damaged: its checksum is wrong")
    return text.decode("utf-8", "replace")


def unpack_chunk_header(data: bytes, header: Header) -> ChunkHeader:
    """The lengths of a chunk, all within limits."""
    magic, events, frees, new_pages, readings, *rest = CHUNK_HEADER.unpack(data)
    if magic != CHUNK_MAGIC:
        raise Malformed("neither a chunk nor the end begins here")
    chunk = ChunkHeader(events, frees, new_pages, readings, tuple(rest[:5]), rest[5])
    if not 0 < events <= MOST_EVENTS or max(frees, new_pages, readings) > events:
        raise Malformed(f"a chunk of {events} events with {new_pages} new pages and {readings} clock readings")
    for size, length, present in zip(chunk.sizes, column_lengths(chunk), _present(header), strict=True):
        if size > length + length // 64 + 1024 or (size > 0) != present:
            raise Malformed(f"a column of {length} bytes takes {size} bytes")
    return chunk


def column_lengths(chunk: ChunkHeader) -> tuple[int, ...]:
    """The lengths of the columns when unpacked, in bytes."""
    return 4 * chunk.events, chunk.events, 2 * chunk.events, 8 * chunk.new_pages, 8 * chunk.readings


def _present(header: Header) -> tuple[bool, ...]:
    return (True, True, *(name in header.columns for name in COLUMNS))


def pack_chunk(chunk: Chunk, seen: int, compressor: zstandard.ZstdCompressor) -> bytes:
    """A chunk that comes after `seen` distinct pages, as stored."""
    columns = (
        _halves(chunk.page),
        chunk.flags.tobytes(),
        None if chunk.tenant is None else chunk.tenant.astype("<u2").tobytes(),
        None if chunk.keys is None else _differences(chunk.keys),
        None if chunk.clock is None else _differences(chunk.clock),
    )
    stored = [b"" if column is None else compressor.compress(column) for column in columns]
    readings = 0 if chunk.clock is None else len(chunk.clock)
    sizes = tuple(len(column) for column in stored)
    header = ChunkHeader(len(chunk), chunk.free_events, chunk.nr_pages - seen, readings, sizes)
    payload = b"".join(stored)
    return replace(header, checksum=zlib.crc32(payload, zlib.crc32(header.pack()))).pack() + payload


def unpack_chunk(header: ChunkHeader, payload: bytes, seen: int) -> Chunk:
    """The chunk whose columns are `payload`. Its page numbers are yet to be checked."""
    if zlib.crc32(payload, zlib.crc32(replace(header, checksum=0).pack())) != header.checksum:
        raise Malformed("the chunk is damaged: its checksum is wrong")
    columns: list[bytes | None] = []
    start = 0
    for size, length in zip(header.sizes, column_lengths(header), strict=True):
        columns.append(_unpacked(payload[start : start + size], length) if size else None)
        start += size
    page, flags, tenant, keys, clock = columns
    assert page is not None and flags is not None
    chunk = Chunk(
        _from_halves(page),
        np.frombuffer(flags, np.uint8),
        seen + header.new_pages,
        None if tenant is None else np.frombuffer(tenant, "<u2").astype(np.uint16, copy=False),
        None if keys is None else _sums(keys),
        None if clock is None else _sums(clock),
    )
    if chunk.free_events != header.free_events:
        raise Malformed(f"{header.free_events} free events are announced, {chunk.free_events} were found")
    return chunk


def _unpacked(data: bytes, length: int) -> bytes:
    try:
        if zstandard.get_frame_parameters(data).content_size != length:
            raise Malformed("a column does not unpack to the length announced")
        return zstandard.ZstdDecompressor().decompress(data)
    except zstandard.ZstdError as error:
        raise Malformed(f"a column does not unpack: {error}") from error


def _halves(page: Pages) -> bytes:
    return (page & np.uint32(0xFFFF)).astype("<u2").tobytes() + (page >> np.uint32(16)).astype("<u2").tobytes()


def _from_halves(data: bytes) -> Pages:
    low, high = np.frombuffer(data, "<u2").reshape(2, -1).astype(np.uint32)
    pages: Pages = low | (high << np.uint32(16))
    return pages


def _differences(numbers: Numbers) -> bytes:
    return np.diff(numbers, prepend=np.zeros(1, np.uint64)).astype("<u8").tobytes()


def _sums(data: bytes) -> Numbers:
    return np.cumsum(np.frombuffer(data, "<u8"), dtype=np.uint64)
