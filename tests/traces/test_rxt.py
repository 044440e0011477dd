"""The project's own format: what is written is read, and nothing else is."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from trace_samples import chunks, loaded, make_chunk, same, trace_of

from runtime.traces import rxt
from runtime.traces.convert import convert_trace
from runtime.traces.errors import TraceError
from runtime.traces.model import FREE, Chunk
from runtime.traces.opening import open_trace
from runtime.traces.rechunk import rechunk
from runtime.traces.rxt_writer import TraceWriter
from runtime.traces.trace import load

SAMPLE = make_chunk([7, 8, 7, 1 << 63, 8, 9, 7], [0, 1, FREE, 2, 8, 15, 4], tenant=True, step=2)


def written(path: Path, chunk: Chunk = SAMPLE, step: int = 2, source: str = "a test") -> bytes:
    convert_trace(trace_of(chunk, step), str(path), "rxt", source=source)
    return path.read_bytes()


@given(chunks(), st.integers(1, 9))
@settings(max_examples=150, deadline=None)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, sample: tuple[Chunk, int], size: int) -> None:
    chunk, step = sample
    path = tmp_path_factory.mktemp("rxt") / "t.rxt"
    first = written(path, chunk, step)
    trace = open_trace(str(path))
    assert same(load(trace), loaded(chunk, step))
    assert (trace.info.accesses, trace.info.pages, trace.info.free_events) == (
        chunk.accesses,
        chunk.nr_pages,
        chunk.free_events,
    )
    assert [len(part) for part in trace.chunks(size)][:-1] == [size] * ((len(chunk) - 1) // size)
    convert_trace(trace, str(path), "rxt")
    assert path.read_bytes() == first


def test_stored_in_many_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rxt, "CHUNK_EVENTS", 3)
    path = tmp_path / "t.rxt"
    assert written(path).count(rxt.CHUNK_MAGIC) == 3
    assert same(load(open_trace(str(path))), loaded(SAMPLE, 2))


def test_info_is_that_of_the_writer(tmp_path: Path) -> None:
    path = tmp_path / "t.rxt"
    with TraceWriter(
        str(path), columns=("clock", "keys", "tenant"), page_size=512, clock_step=2, source="Größe"
    ) as out:
        for part in rechunk([SAMPLE], 2, 2):
            out.write(part)
        assert not path.exists()
    info = open_trace(str(path)).info
    assert (info.page_size, info.clock_step, info.source) == (512, 2, "Größe")
    assert info.columns == ("tenant", "keys", "clock")
    assert info.bytes == path.stat().st_size


def test_truncation_at_every_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rxt, "CHUNK_EVENTS", 4)
    path = tmp_path / "t.rxt"
    data = written(path)
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(TraceError) as caught:
            load(open_trace(str(path), "rxt"))
        assert caught.value.path == str(path)
        assert 0 <= caught.value.offset <= length


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    path = tmp_path / "t.rxt"
    data = written(path)
    for position in range(len(data)):
        for bit in (1, 8, 128):
            damaged = bytearray(data)
            damaged[position] ^= bit
            path.write_bytes(damaged)
            with pytest.raises(TraceError):
                load(open_trace(str(path), "rxt"))


def test_bytes_after_the_end(tmp_path: Path) -> None:
    path = tmp_path / "t.rxt"
    data = written(path)
    path.write_bytes(data + b"\0")
    with pytest.raises(TraceError, match=f"byte {len(data)}: the file goes on after its end"):
        load(open_trace(str(path)))


def test_unfinished_file_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "t.rxt"
    path.write_bytes(rxt.Header().pack())
    with pytest.raises(TraceError, match="never finished"):
        open_trace(str(path))


def test_writer_leaves_nothing_when_interrupted(tmp_path: Path) -> None:
    path = tmp_path / "t.rxt"
    path.write_bytes(b"what was there")
    with pytest.raises(KeyboardInterrupt), TraceWriter(str(path)):
        raise KeyboardInterrupt
    assert [p.name for p in tmp_path.iterdir()] == ["t.rxt"]
    assert path.read_bytes() == b"what was there"


def test_writer_refuses_what_could_not_be_read(tmp_path: Path) -> None:
    bad = Chunk(np.array([1], np.uint32), np.array([0], np.uint8), 2)
    with pytest.raises(TraceError, match="order of first access"), TraceWriter(str(tmp_path / "t.rxt")) as out:
        out.write(bad)
    with pytest.raises(TraceError, match="has the columns"), TraceWriter(str(tmp_path / "t.rxt")) as out:
        out.write(SAMPLE)
    assert not list(tmp_path.iterdir())


def resealed(header: rxt.ChunkHeader, payload: bytes) -> bytes:
    """A chunk whose checksum is right, whatever it says."""
    bare = replace(header, checksum=0)
    return replace(bare, checksum=zlib.crc32(payload, zlib.crc32(bare.pack()))).pack() + payload


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"events": 0xFFFFFFFF}, "a chunk of 4294967295 events"),
        ({"events": 1 << 22}, "does not unpack to the length"),
        ({"new_pages": 8}, "a chunk of 7 events with 8 new pages"),
        ({"new_pages": 3}, "does not unpack to the length"),
        ({"readings": 1}, "does not unpack to the length"),
        ({"free_events": 0}, "0 free events are announced, 1 were found"),
        ({"sizes": (0xFFFFFFFF,) * 5}, "a column of 28 bytes takes 4294967295 bytes"),
        ({"sizes": (0, 0, 0, 0, 0)}, "a column of 28 bytes takes 0 bytes"),
    ],
)
def test_absurd_chunks_with_right_checksums(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = tmp_path / "t.rxt"
    data = written(path)
    start = data.index(rxt.CHUNK_MAGIC)
    body = start + rxt.CHUNK_HEADER.size
    header = rxt.unpack_chunk_header(data[start:body], rxt.Header(columns=("tenant", "keys", "clock")))
    end = body + sum(header.sizes)
    path.write_bytes(data[:start] + resealed(replace(header, **changes), data[body:end]) + data[end:])
    with pytest.raises(TraceError, match=message) as caught:
        load(open_trace(str(path)))
    assert caught.value.offset == start


def test_page_numbers_are_checked_behind_right_checksums(tmp_path: Path) -> None:
    path = tmp_path / "t.rxt"
    data = written(path, make_chunk([1, 2], [0, 0], named=False), 0)
    start = data.index(rxt.CHUNK_MAGIC)
    wild = Chunk(np.array([0, 77], np.uint32), np.zeros(2, np.uint8), 2)
    chunk = rxt.pack_chunk(wild, 0, zstandard.ZstdCompressor())
    path.write_bytes(data[:start] + chunk + data[-rxt.END.size :])
    with pytest.raises(TraceError, match="not in the order of first access"):
        load(open_trace(str(path)))


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (8, 2, "version 2"),
        (12, 64, "out of its range"),
        (44, 0, "clock step and columns do not agree"),
        (52, 0xFFFFFFFF, "out of its range"),
        (16, 1, "do not add up"),
    ],
)
def test_absurd_headers(tmp_path: Path, offset: int, value: int, message: str) -> None:
    path = tmp_path / "t.rxt"
    data = bytearray(written(path, source=""))
    struct.pack_into("<I", data, offset, value)
    struct.pack_into("<I", data, 60, zlib.crc32(bytes(data[:60]) + bytes(4)))
    if offset != 52:
        text = len("converted from sample (memory)")
        struct.pack_into("<I", data, 60, zlib.crc32(bytes(data[:60]) + bytes(4) + bytes(data[64 : 64 + text])))
    path.write_bytes(data)
    with pytest.raises(TraceError, match=message):
        load(open_trace(str(path)))
