"""Opening, loading, cutting and reading ahead."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trace_samples import MemoryReader, chunks, loaded, make_chunk, same, trace_of

from runtime.traces.errors import TraceError
from runtime.traces.model import FREE, Chunk, check_chunk
from runtime.traces.opening import bundled_names, open_trace
from runtime.traces.prefetch import Prefetch
from runtime.traces.rechunk import rechunk
from runtime.traces.summary import summarise
from runtime.traces.trace import Trace, load

BUNDLED = {
    "mem_gcc": (2_075_175, 20_068, 155, 2411),
    "mem_rg": (2_060_739, 33_301, 23, 378),
    "mem_sqlite": (2_303_356, 15_433, 1091, 1286),
}


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_traces(name: str) -> None:
    trace = open_trace(name)
    accesses, pages, frees, once = BUNDLED[name]
    assert (trace.info.accesses, trace.info.pages, trace.info.free_events) == (accesses, pages, frees)
    found = summarise(trace)
    assert (found.accesses, found.pages, found.free_events, found.pages_seen_once) == (accesses, pages, frees, once)
    assert trace.info.columns == ("keys", "clock")
    assert "Valgrind" in trace.info.source


def test_bundled_names() -> None:
    assert bundled_names() == tuple(BUNDLED)


@given(chunks(), st.integers(1, 9), st.integers(1, 9))
@settings(deadline=None)
def test_cutting_changes_nothing(sample: tuple[Chunk, int], one: int, two: int) -> None:
    chunk, step = sample
    seen = 0
    for part in rechunk(rechunk([chunk], one, step), two, step):
        assert check_chunk(part, seen) is None
        seen = part.nr_pages
    parts = list(rechunk([chunk], one, step))
    pieces = Trace(MemoryReader(parts, trace_of(chunk, step).info))
    assert same(load(pieces), loaded(chunk, step))


@given(chunks(), st.integers(1, 70), st.integers(1, 9))
@settings(deadline=None)
def test_first_accesses(sample: tuple[Chunk, int], limit: int, size: int) -> None:
    chunk, step = sample
    trace, whole = trace_of(chunk, step), loaded(chunk, step)
    short = whole.first(limit)
    assert short.accesses == min(limit, chunk.accesses)
    assert same(load(trace, limit), short)
    assert same(load(trace.first(limit)), short)
    if limit <= chunk.accesses:
        assert short.flags[-1] != FREE
    assert np.array_equal(short.page, chunk.page[: len(short.page)])
    assert sum(part.accesses for part in trace.first(limit).first(limit + 5).chunks(size)) == short.accesses
    assert sum(len(part) for part in short.chunks(size)) == len(short.page)


def test_first_of_nothing() -> None:
    trace = open_trace("loop:accesses=10")
    with pytest.raises(ValueError, match="at least one"):
        trace.first(0)
    with pytest.raises(ValueError, match="at least one"):
        load(trace).first(0)


def test_limits_are_not_announced_as_totals() -> None:
    info = open_trace("mem_gcc").first(1000).info
    assert (info.accesses, info.pages) == (None, None)
    short = load(open_trace("mem_gcc"), 1000)
    assert (short.info.accesses, short.info.pages) == (1000, short.nr_pages)


def test_a_trace_can_be_read_twice_at_once() -> None:
    trace = open_trace("zipf:pages=1K,accesses=200K")
    for one, other in zip(trace.chunks(5000), trace.chunks(5000), strict=True):
        assert np.array_equal(one.page, other.page)


def test_empty_trace() -> None:
    nothing = make_chunk([], [])
    with pytest.raises(TraceError, match="sample: byte 0: holds no accesses"):
        load(trace_of(nothing))


@pytest.mark.parametrize(
    ("chunk", "message"),
    [
        (Chunk(np.array([0], np.uint32), np.array([16], np.uint8), 1), "undefined flags"),
        (Chunk(np.array([0, 0], np.uint32), np.array([0, FREE | 1], np.uint8), 1), "undefined flags"),
        (Chunk(np.array([1], np.uint32), np.array([0], np.uint8), 2), "order of first access"),
        (Chunk(np.array([0], np.uint32), np.array([FREE], np.uint8), 1), "order of first access"),
        (Chunk(np.array([0], np.uint32), np.array([0], np.uint8), 2), "2 distinct pages are announced, 1 were"),
        (Chunk(np.array([0], np.uint32), np.array([0], np.uint8), 1, keys=np.zeros(2, np.uint64)), "2 keys for 1"),
    ],
)
def test_check_chunk(chunk: Chunk, message: str) -> None:
    assert message in (check_chunk(chunk, 0) or "")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("mem_gc", "mem_gc: no such file, nor a trace of that name; did you mean `mem_gcc`"),
        ("zipff", "did you mean `zipf`"),
        ("xyzzy", "traces by name are mem_gcc, mem_rg, mem_sqlite, zipf"),
        ("./nowhere.rxt", "nowhere.rxt: no such file"),
        ("thing:pages=1", "made-up traces are zipf"),
        ("/", "is not a regular file|Is a directory"),
    ],
)
def test_unknown_traces(spec: str, message: str) -> None:
    with pytest.raises(TraceError, match=message):
        open_trace(spec)


def test_a_path_is_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mem_gcc").write_text("1\n2\n")
    monkeypatch.chdir(tmp_path)
    assert load(open_trace("./mem_gcc")).accesses == 2
    assert load(open_trace("mem_gcc", "txt")).accesses == 2
    assert open_trace("mem_gcc").info.accesses == 2_075_175


class Source:
    """Items that can be watched being made."""

    def __init__(self, count: int, failure: BaseException | None = None) -> None:
        self.made = 0
        self.closed_in: str | None = None
        self._count = count
        self._failure = failure

    def __iter__(self) -> Iterator[int]:
        try:
            for item in range(self._count):
                self.made += 1
                yield item
            if self._failure is not None:
                raise self._failure
        finally:
            self.closed_in = threading.current_thread().name


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "trace prefetch"]


@pytest.mark.parametrize("depth", [1, 3, 100])
def test_prefetch_gives_everything_in_order(depth: int) -> None:
    with Prefetch(Source(50), depth) as ahead:
        assert list(ahead) == list(range(50))
        assert next(ahead, None) is None
    assert not threads()


def test_prefetch_passes_on_what_goes_wrong() -> None:
    failure = TraceError("t", 7, "broken")
    with Prefetch(Source(3, failure)) as ahead:
        assert [next(ahead) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(TraceError) as caught:
            next(ahead)
        assert caught.value is failure
        assert list(ahead) == []


def test_prefetch_stops_early() -> None:
    source = Source(10**9)
    with pytest.raises(KeyboardInterrupt), Prefetch(source, 2) as ahead:
        assert next(ahead) == 0
        raise KeyboardInterrupt
    assert source.made <= 4
    assert source.closed_in == "trace prefetch"
    assert not threads()
    ahead.close()
    assert list(ahead) == []


def test_prefetch_of_a_trace() -> None:
    trace = open_trace("zipf:pages=1K,accesses=100K")
    with Prefetch(trace.chunks(1000)) as ahead:
        pages = np.concatenate([chunk.page for chunk in ahead])
    assert np.array_equal(pages, load(trace).page)
