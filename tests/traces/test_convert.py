"""Converting and summing up: nothing changes but what is said to be lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trace_samples import chunks, loaded, make_chunk, same, trace_of

from runtime.traces import commands
from runtime.traces.convert import convert_trace
from runtime.traces.errors import TraceError
from runtime.traces.model import FILE, FREE, OBJECT_FLAGS, Chunk
from runtime.traces.opening import open_trace
from runtime.traces.oracle import RECORD
from runtime.traces.rxt_writer import TraceWriter
from runtime.traces.summary import summarise
from runtime.traces.trace import load

SAMPLE = make_chunk([7, 8, 7, 9, 8, 7], [0, 1, FREE, 15, 10, 6], tenant=True, step=2)


@given(chunks(tenants=False))
@settings(max_examples=60, deadline=None)
def test_text_keeps_all_events(tmp_path_factory: pytest.TempPathFactory, sample: tuple[Chunk, int]) -> None:
    chunk, step = sample
    path = str(tmp_path_factory.mktemp("txt") / "t.txt")
    convert_trace(trace_of(chunk, step), path)
    read = load(open_trace(path, "txt"))
    assert same(read, loaded(chunk, step), ("keys",) if chunk.keys is not None else ())


@given(chunks(tenants=False))
@settings(max_examples=60, deadline=None)
def test_csv_keeps_all_accesses(tmp_path_factory: pytest.TempPathFactory, sample: tuple[Chunk, int]) -> None:
    chunk, step = sample
    path = str(tmp_path_factory.mktemp("csv") / "t.csv")
    convert_trace(trace_of(chunk, step), path)
    read = load(open_trace(path))
    accessed = chunk.flags != FREE
    assert np.array_equal(read.page, chunk.page[accessed])
    assert np.array_equal(read.flags, chunk.flags[accessed])
    assert read.clock is not None
    times = chunk.clock if step == 1 else None
    assert np.array_equal(read.clock, np.arange(accessed.sum()) if times is None else times)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.integers(1, 20))
@settings(deadline=None)
def test_next_accesses(tmp_path_factory: pytest.TempPathFactory, keys: list[int], size: int) -> None:
    path = tmp_path_factory.mktemp("oracle") / "t.oracleGeneral"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("runtime.traces.next_access._INITIAL", 8)
        patch.setattr("runtime.traces.trace.Trace.chunks.__defaults__", (size,))
        convert_trace(trace_of(make_chunk(keys, [OBJECT_FLAGS] * len(keys))), str(path))
    records = np.frombuffer(path.read_bytes(), RECORD)
    assert records["object"].tolist() == keys
    expected = [next((j + 1 for j in range(i + 1, len(keys)) if keys[j] == key), -1) for i, key in enumerate(keys)]
    assert records["next"].tolist() == expected
    assert set(records["size"].tolist()) == {4096}


@pytest.mark.parametrize("name", ["t.oracleGeneral", "t.csv", "t.txt"])
def test_to_rxt_and_back_is_the_same_file(tmp_path: Path, name: str) -> None:
    first, middle, last = tmp_path / name, tmp_path / "m.rxt", tmp_path / f"again.{name}"
    plain = tmp_path / "plain.txt"
    commands.synth("zipf:pages=50,accesses=400,seed=3", str(plain))
    commands.convert(str(plain), str(first))
    trace = load(open_trace(str(first)))
    commands.convert(str(first), str(middle))
    commands.convert(str(middle), str(last))
    assert same(load(open_trace(str(middle))), trace)
    assert last.read_bytes() == first.read_bytes()


def test_what_is_lost_is_said(tmp_path: Path) -> None:
    lost = {}
    for suffix in ("rxt", "txt", "csv", "oracleGeneral"):
        done = convert_trace(trace_of(SAMPLE, 2), str(tmp_path / f"t.{suffix}"))
        assert (done.accesses, done.pages, done.free_events) == (5, 3, 1)
        lost[suffix] = done.lost
    assert lost["rxt"] == ()
    assert lost["txt"] == ("tenants", "clock")
    assert lost["csv"] == ("1 free events", "tenants", "clock")
    assert lost["oracleGeneral"] == ("1 free events", "flags", "tenants", "clock")


def test_clock_too_large_for_a_record(tmp_path: Path) -> None:
    trace = trace_of(make_chunk([1, 2, 1], [OBJECT_FLAGS] * 3, step=1), 1)
    path = tmp_path / "t.oracleGeneral"
    assert convert_trace(trace, str(path)).lost == ("clock",)
    assert np.frombuffer(path.read_bytes(), RECORD)["time"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", ["t.rxt", "t.csv", "t.txt", "t.oracleGeneral"])
def test_progress_ends_at_the_total(tmp_path: Path, name: str) -> None:
    calls: list[tuple[int, int | None]] = []
    commands.convert("loop:pages=9,accesses=300K", str(tmp_path / name), progress=lambda *now: calls.append(now))
    assert calls == sorted(calls)
    assert calls[-1] == (300_000, 300_000)


@pytest.mark.parametrize(
    ("out", "format", "message"),
    [
        ("t.foo", None, "the extension names no format; there are rxt"),
        ("t.csv", "cvs", "the format `cvs` cannot be written; did you mean `csv`"),
        ("t.csv.gz", None, "`.gz` cannot be written"),
        ("no/such/t.rxt", None, "cannot be written: No such file"),
        ("", None, "is a directory"),
    ],
)
def test_output_errors(tmp_path: Path, out: str, format: str | None, message: str) -> None:
    with pytest.raises(TraceError, match=message):
        commands.convert("loop:accesses=10", str(tmp_path / out), format)
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_from_a_damaged_trace(tmp_path: Path) -> None:
    source = tmp_path / "t.csv"
    source.write_text("1,5\n2\n")
    for name in ("o.rxt", "o.csv", "o.txt", "o.bin"):
        with pytest.raises(TraceError, match="1 columns"):
            commands.convert(str(source), str(tmp_path / name))
    assert list(tmp_path.iterdir()) == [source]


def test_synth_takes_only_made_up_traces(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="does not describe a made-up trace"):
        commands.synth("mem_gcc", str(tmp_path / "t.rxt"))


def test_summary() -> None:
    found = summarise(trace_of(SAMPLE, 2))
    assert (found.accesses, found.reads, found.writes) == (5, 3, 2)
    assert (found.file, found.anon, found.mapped, found.syscall, found.exec) == (3, 2, 3, 2, 2)
    assert (found.pages, found.pages_seen_once, found.free_events, found.tenants) == (3, 1, 1, 3)
    assert (found.name, found.format, found.page_size, found.bytes) == ("sample", "memory", 4096, 0)
    assert found.share(found.writes) == 0.4


def test_summary_over_many_chunks() -> None:
    found = commands.info("mix:zipf(pages=40K)+0.01*scan,accesses=600K,write=0.5")
    trace = load(open_trace(found.name))
    counts = np.bincount(trace.page)
    assert found.pages == len(counts)
    assert found.pages_seen_once == np.count_nonzero(counts == 1)
    assert found.reads + found.writes == 600_000


def test_lists() -> None:
    assert [info.name for info in commands.list_bundled()] == ["mem_gcc", "mem_rg", "mem_sqlite"]
    shapes = commands.list_synthetic()
    assert set(shapes) == {"zipf", "uniform", "loop", "scan", "phases"}
    assert {"pages", "alpha", "accesses", "seed", "write"} <= set(shapes["zipf"][1])


def test_pages_used_again_after_they_were_freed_are_told(tmp_path: Path) -> None:
    """A format of keys makes one page of them: counts on the two files differ, and the user must hear it."""
    source = tmp_path / "reborn.rxt"
    with TraceWriter(str(source), columns=("keys",), page_size=4096) as writer:
        page, flags = np.array([0, 0, 1, 1], np.uint32), np.array([FILE, FREE, FILE, FILE], np.uint8)
        writer.write(Chunk(page, flags, 2, keys=np.array([7, 7], np.uint64)))
    converted = convert_trace(open_trace(str(source)), str(tmp_path / "reborn.txt"))
    assert "which pages were freed and used again (1)" in converted.lost
