"""Foreign formats: each is read rightly, found out from its content, and refused with a place when damaged."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from trace_samples import chunks, loaded, make_chunk, same, write_pgt1

from runtime.traces.detect import detect
from runtime.traces.errors import TraceError
from runtime.traces.flag_letters import flags_of, word_of
from runtime.traces.lines import key_of
from runtime.traces.model import ACCESS_FLAGS, EXEC, FILE, FILE_KEY, FREE, OBJECT_FLAGS, SYSCALL, WRITE, Chunk
from runtime.traces.opening import open_trace
from runtime.traces.oracle import RECORD
from runtime.traces.trace import LoadedTrace, load

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}


def read(path: Path, content: bytes | str, format: str | None = None) -> LoadedTrace:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load(open_trace(str(path), format))


def keys_of(trace: LoadedTrace) -> list[int]:
    assert trace.keys is not None
    return list(map(int, trace.keys[trace.page]))


def oracle_bytes(keys: list[int], times: list[int] | None = None) -> bytes:
    records = np.zeros(len(keys), RECORD)
    records["object"] = keys
    records["time"] = times or range(len(keys))
    records["size"] = 1
    records["next"] = -1
    return records.tobytes()


@given(chunks())
@settings(max_examples=60, deadline=None)
def test_pgt1(tmp_path_factory: pytest.TempPathFactory, sample: tuple[Chunk, int]) -> None:
    chunk, step = sample
    path = tmp_path_factory.mktemp("pgt1") / "t.pgt"
    write_pgt1(path, chunk, step)
    assert detect(str(path)) == "pgt1"
    trace = open_trace(str(path))
    assert same(load(trace), loaded(chunk, step))
    assert (trace.info.accesses, trace.info.free_events) == (chunk.accesses, chunk.free_events)


SAMPLE = make_chunk([7, 8, 7, 1 << 63, 8, 7], [0, 1, FREE, 2, 8, FREE], tenant=True, step=2)


@pytest.mark.parametrize("suffix", PACKERS)
def test_packed_and_truncated_pgt1(tmp_path: Path, suffix: str) -> None:
    data = PACKERS[suffix](write_pgt1(tmp_path / "t.pgt", SAMPLE, 2))
    path = tmp_path / f"t.pgt{suffix}"
    assert same(read(path, data), loaded(SAMPLE, 2))
    for length in range(len(data)):
        with pytest.raises(TraceError):
            read(path, data[:length], "pgt1")


def test_plain_pgt1_truncated(tmp_path: Path) -> None:
    path = tmp_path / "t.pgt"
    data = write_pgt1(path, SAMPLE, 2)
    for length in range(len(data)):
        with pytest.raises(TraceError):
            read(path, data[:length], "pgt1")
    with pytest.raises(TraceError, match=f"byte {len(data)}: {len(data) + 1} bytes long; its header says {len(data)}"):
        read(path, data + b"\0")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "version 1"),
        ({"accesses": 1 << 60}, "is read up to"),
        ({"mask": 64}, "contradicts itself"),
        ({"step": 0}, "contradicts itself"),
        ({"frees": 0}, "contradicts itself"),
        ({"pages": 9}, "contradicts itself"),
        ({"pages": 2}, "its header says"),
    ],
)
def test_absurd_pgt1(tmp_path: Path, changes: dict[str, int], message: str) -> None:
    path = tmp_path / "t.pgt"
    write_pgt1(path, SAMPLE, 2, **changes)
    with pytest.raises(TraceError, match=message):
        load(open_trace(str(path), "pgt1"))


def test_pgt1_pages_and_flags_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "t.pgt"
    data = bytearray(write_pgt1(path, make_chunk([1, 2], [0, 0], named=False)))
    for position, value in ((68, 9), (72, 16), (72, FREE)):
        damaged = bytearray(data)
        damaged[position] = value
        with pytest.raises(TraceError, match=r"order of first access|undefined flags"):
            read(path, bytes(damaged))


@given(st.lists(st.integers(0, (1 << 64) - 1), min_size=1, max_size=50))
@settings(max_examples=30, deadline=None)
def test_oracle(tmp_path_factory: pytest.TempPathFactory, keys: list[int]) -> None:
    path = tmp_path_factory.mktemp("oracle") / "t"
    trace = read(path, oracle_bytes(keys))
    assert trace.info.format == "oracle"
    assert keys_of(trace) == keys
    assert trace.clock is not None
    assert trace.clock.tolist() == list(range(len(keys)))
    assert set(trace.flags.tolist()) == {OBJECT_FLAGS}


def test_packed_and_truncated_oracle(tmp_path: Path) -> None:
    keys = [1 << 60, 2, 1 << 60, 3]
    data = oracle_bytes(keys)
    path = tmp_path / "t.oracleGeneral.bin"
    with pytest.raises(TraceError, match="byte 72: the file ends inside a record"):
        read(path, data[:-1])
    for suffix, pack in PACKERS.items():
        packed = tmp_path / f"t.oracleGeneral{suffix}"
        assert keys_of(read(packed, pack(data))) == keys
        with pytest.raises(TraceError, match="unpacked byte 72: the file ends inside a record"):
            read(packed, pack(data[:-1]))
    whole = PACKERS[".zst"](data)
    for length in range(4, len(whole)):
        with pytest.raises(TraceError):
            read(tmp_path / "t.zst", whole[:length], "oracle")


def test_zstd_frames_one_after_the_other(tmp_path: Path) -> None:
    pack = PACKERS[".zst"]
    skipped = (0x184D2A53).to_bytes(4, "little") + (5).to_bytes(4, "little")
    content = pack(b"1\n2\n") + skipped + b"12345" + zstandard.ZstdCompressor().compress(b"3\n" * 300_000)
    trace = read(tmp_path / "t.zst", content)
    assert (trace.accesses, trace.nr_pages) == (300_002, 3)
    with pytest.raises(TraceError, match="is to be skipped"):
        read(tmp_path / "t.zst", pack(b"1\n") + skipped + b"123")


def test_damaged_packing(tmp_path: Path) -> None:
    for suffix, pack in PACKERS.items():
        data = bytearray(pack(b"".join(b"%d\n" % (i * i) for i in range(300))))
        data[len(data) // 2] ^= 0x55
        with pytest.raises(TraceError, match=r"damaged|ends inside"):
            read(tmp_path / f"t.txt{suffix}", bytes(data))


def test_zstd_that_wants_too_much_memory(tmp_path: Path) -> None:
    frame = b"\x28\xb5\x2f\xfd" + bytes([0b0000_0000, 31 - 10 << 3]) + b"\x01\x00\x00"
    with pytest.raises(TraceError, match="needs 2147483648 bytes of memory"):
        read(tmp_path / "t.zst", frame)


def test_text(tmp_path: Path) -> None:
    content = "# a comment\n10\n\n0x0a\r\nfile name\n10 w\nblue\n18446744073709551616 r\n10 d\nnever d\n11 xam\n"
    content = content.replace("file name", "red")
    trace = read(tmp_path / "t.txt", content)
    assert trace.info.format == "txt"
    assert trace.page.tolist() == [0, 0, 1, 0, 2, 3, 0, 4]
    assert trace.flags.tolist() == [10, 10, 10, 11, 10, 10, FREE, EXEC]
    assert trace.keys is not None
    assert trace.keys[[0, 4]].tolist() == [10, 11]
    assert int(trace.keys[1]) == key_of(b"red")


@pytest.mark.parametrize(
    ("content", "offset", "message"),
    [
        ("1\n22 q\n", 2, "`q` does not say how the page is accessed; try r or w"),
        ("1\n\n333 r w\n", 3, "3 words on a line"),
        ("1\n2\n\0", 4, "a zero byte"),
        ("1\n" + "x" * 70_000, 2, "a line of more than 65536 bytes"),
        ("", 0, "the file is empty"),
        ("\n\n", 0, "holds no accesses"),
        ("1 d\n", 0, "holds no accesses"),
    ],
)
def test_text_errors(tmp_path: Path, content: str, offset: int, message: str) -> None:
    path = tmp_path / "t.txt"
    with pytest.raises(TraceError, match=message) as caught:
        read(path, content, "txt" if content else None)
    assert (caught.value.path, caught.value.offset) == (str(path), offset)


def test_text_of_many_blocks(tmp_path: Path) -> None:
    keys = [(i * 7919) % 5000 for i in range(80_000)]
    trace = read(tmp_path / "t.txt", "\n".join(map(str, keys)))
    assert keys_of(trace) == keys


def test_flag_letters() -> None:
    for flags in (*range(ACCESS_FLAGS + 1), FREE):
        assert flags_of(word_of(flags)) == flags
    assert flags_of("W") == flags_of("write") == flags_of("SET") == WRITE | FILE | SYSCALL
    assert flags_of("r") == OBJECT_FLAGS
    assert flags_of("a") == 0
    assert flags_of("x") == FILE | EXEC
    assert all(flags_of(word) is None for word in ("", "rw", "fa", "sm", "rr", "z", "dw"))


CSV = {
    "libcachesim": ("time,object,size,next\n5,70,1,3\n6,80,1,-1\n6,70,1,-1\n", None),
    "headerless": ("5,70,1,3\n6,80,1,-1\n6,70,1,-1\n", None),
    "other order": ("ts;size;obj_id\n5;1;70\n6;1;80\n6;1;70\n", None),
    "by number": ("70|x|5\n80|x|6.9\n70|x|6", "csv:object=1,time=3"),
    "by name": ("who,when\n70,5\n80,6\n70,6\n", "csv:object=who,time=when,header=yes"),
    "quoted": ('"time","object"\r\n"5","70"\r\n\r\n 6 , 80\r\n6,70\r\n', None),
    "spaces": ("5 70\n6 80\n6 70\n", "csv:delimiter=space,header=no"),
    "tabs": ("5\t70\t1\n6\t80\t1\n6\t70\t1\n", None),
    "uneven": ("5,70\n6,80,1\n6,70,1,2\n", None),
}


@pytest.mark.parametrize("name", CSV)
def test_csv(tmp_path: Path, name: str) -> None:
    content, format = CSV[name]
    trace = read(tmp_path / "t", content, format)
    assert trace.info.format == "csv"
    assert keys_of(trace) == [70, 80, 70]
    assert trace.clock is not None
    assert trace.clock.tolist() == [5, 6, 6]


def test_csv_flags_and_tenants(tmp_path: Path) -> None:
    trace = read(
        tmp_path / "t.csv", "op,key,tenant\nget,a,1\nset,b,2\ndelete,c,2\ndelete,a,1\nraf,a,3\n".replace("raf", "am")
    )
    assert trace.page.tolist() == [0, 1, 0, 0]
    assert trace.flags.tolist() == [OBJECT_FLAGS, OBJECT_FLAGS | WRITE, FREE, 0]
    assert trace.tenant is not None
    assert trace.tenant.tolist() == [1, 2, 0, 3]
    assert trace.clock is None


def test_csv_of_one_column_with_empty_lines(tmp_path: Path) -> None:
    trace = read(tmp_path / "t.csv", "\n5\n\n6\n5\n")
    assert keys_of(trace) == [5, 6, 5]


def test_csv_of_many_blocks(tmp_path: Path) -> None:
    keys = [(1 << 63) + (i * 7919) % 5000 for i in range(40_000)]
    rows = "".join(f"{i},{key},1,-1\n" for i, key in enumerate(keys))
    path = tmp_path / "t.csv"
    assert keys_of(read(path, "time,object,size,next\n" + rows)) == keys
    with pytest.raises(TraceError, match="2 columns where 3 are needed") as caught:
        read(path, rows + "1,2\n", "csv:object=3")
    assert caught.value.offset == len(rows)


@pytest.mark.parametrize(
    ("content", "format", "offset", "message"),
    [
        ("1,5\n2\n", "csv", 4, "1 columns where 2 are needed"),
        ("1,5\nx,6\n", "csv", 4, "`x` is not a time"),
        ("1,5\n-2,6\n", "csv", 4, "`-2` is not a time"),
        ("1,5\nnan,6\n", "csv", 4, "`nan` is not a time"),
        ("1,5\n2,\n", "csv", 4, "no object"),
        ("key,tenant\n1,65536\n", "csv", 11, "is not a tenant"),
        ("key,op\n1,get\n2,fly\n", "csv", 13, "`fly` does not say"),
        ("a,b\n1,2\n", "csv:object=c,header=yes", 0, "no column is called `c`"),
        ("time,size\n1,2\n", "csv", 0, "no column holds the object"),
        ("1,2\n", "csv:object=0", 0, "columns are numbered from 1"),
        ("1,2\n", "csv:objct=1", 4, "unknown option `objct`; did you mean `object`"),
        ("1,2\n", "csv:time=1,header=maybe", 11, "header is yes or no"),
        ("1,2\n", "csv:delimiter=,", 4, "`delimiter` needs a value"),
        ("1,2\n", "csv:delimiter=x", 4, "delimiter `x`"),
        ("1,2\n", "cvs", 0, "unknown format `cvs`; did you mean `csv`"),
        ("1,2\n", "txt:object=1", 0, "has no options"),
    ],
)
def test_csv_errors(tmp_path: Path, content: str, format: str, offset: int, message: str) -> None:
    with pytest.raises(TraceError, match=message) as caught:
        read(tmp_path / "t.csv", content, format)
    assert caught.value.offset == offset


MSR_LINE = "128166372003061629,hm,{},{},{},{},413\n"


def test_msr(tmp_path: Path) -> None:
    rows = [(0, "Read", 4096, 4096), (1, "Write", 8191, 2), (0, "read", 0, 8192), (0, "Read", 5000, 0)]
    trace = read(tmp_path / "t.csv", "".join(MSR_LINE.format(*row) for row in rows))
    assert trace.info.format == "msr"
    disk = FILE_KEY | 1 << 40
    assert keys_of(trace) == [FILE_KEY | 1, disk | 1, disk | 2, FILE_KEY, FILE_KEY | 1, FILE_KEY | 1]
    assert [bool(flags & WRITE) for flags in trace.flags] == [False, True, True, False, False, False]
    assert trace.clock is not None
    assert int(trace.clock[0]) == 12816637200306162900
    with pytest.raises(TraceError, match="not a line of an MSR"):
        read(tmp_path / "t.csv", MSR_LINE.format(0, "Read", 0, 1) + "1,2,3\n")
    with pytest.raises(TraceError, match="a request of 4000000000 bytes at 0"):
        read(tmp_path / "t.csv", MSR_LINE.format(0, "Read", 0, 4_000_000_000))


@given(
    st.sampled_from(
        (b"", b"PGT1\1\0\0\0", b"\x89RXT\r\n\x1a\n\1\0\0\0", b"\x28\xb5\x2f\xfd", b"\x1f\x8b\x08", b"1,2\n")
    ),
    st.one_of(st.binary(max_size=200), st.text('019,;\t"\r\n rwx#-.e', max_size=80).map(str.encode)),
    st.sampled_from((None, "rxt", "pgt1", "oracle", "csv", "msr", "txt")),
)
@settings(max_examples=400, deadline=None)
def test_whatever_bytes_give_a_trace_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, start: bytes, rest: bytes, format: str | None
) -> None:
    path = tmp_path_factory.getbasetemp() / "whatever"
    try:
        assert read(path, start + rest, format).accesses > 0
    except TraceError as error:
        assert error.path == str(path)
        assert error.offset >= 0


@pytest.mark.parametrize("suffix", PACKERS)
def test_flipped_bytes_of_packed_files(tmp_path: Path, suffix: str) -> None:
    data = PACKERS[suffix](write_pgt1(tmp_path / "t.pgt", SAMPLE, 2))
    whole = loaded(SAMPLE, 2)
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 0x10
        try:
            assert same(read(tmp_path / "t", bytes(damaged), "pgt1"), whole)
        except TraceError as error:
            assert error.path == str(tmp_path / "t")


def test_formats_are_told_by_content(tmp_path: Path) -> None:
    def told(name: str, content: bytes) -> str:
        (tmp_path / name).write_bytes(content)
        return detect(str(tmp_path / name))

    assert told("a.csv", b"PGT1" + bytes(60)) == "pgt1"
    assert told("b.txt", oracle_bytes([1, 2, 3])) == "oracle"
    assert told("c.oracleGeneral.zst", PACKERS[".zst"](oracle_bytes([1, 2], [9, 5]))) == "oracle"
    assert told("d.bin", b"# x\n1,2\n") == "csv"
    assert told("e", b"1\n2\n") == "txt"
    assert told("f.csv.gz", gzip.compress(b"1\n2\n")) == "csv"
    assert told("g", b"5\tw\n") == "txt"
    with pytest.raises(TraceError, match="the format is not known; `rext trace convert` takes --trace-format"):
        told("h.txt", oracle_bytes([1, 2], [9, 5]))
    with pytest.raises(TraceError, match="packed with gzip; unpack it"):
        told("i.rxt.gz", gzip.compress(b"\x89RXT\r\n\x1a\n"))
