"""One cell of a comparison: its row, its progress, and how it ends early."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from runtime.map_sizes import AttachError
from runtime.opt import Future
from runtime.program import load_program
from runtime.run import FINISHED, INTERRUPTED, STOPPED, run_opt, run_program
from runtime.simulation import Machine
from runtime.traces import load, open_trace
from runtime.traces.model import Chunk, TraceInfo
from tests.runtime.policies import program, simulate

ZIPF = "zipf:pages=500,accesses=20K,write=0.2,mapped=0.3,anon=0.3"


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REXT_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@dataclass
class Pieces:
    """A trace in chunks of a size, which may be damaged after some."""

    name: str
    size: int
    fails_after: int = 1 << 60

    @property
    def info(self) -> TraceInfo:
        return open_trace(self.name).info

    def chunks(self, size: int = 0) -> Iterator[Chunk]:
        for number, chunk in enumerate(open_trace(self.name).chunks(self.size)):
            if number == self.fails_after:
                raise ValueError("damaged")
            yield chunk


def nothing(_: int) -> None:
    pass


@pytest.mark.parametrize("ideal", [False, True], ids=["kernel", "ideal"])
@pytest.mark.parametrize("name", ["clock", "builtin:lru"])
def test_a_row_says_what_the_simulation_counted(name: str, ideal: bool) -> None:
    trace, machine = Pieces(ZIPF, 1500), Machine(100, ideal, watermarks=(1, 4, 8))
    done: list[int] = []
    row = run_program(load_program(name), trace, machine, done.append, threading.Event())
    simulation = simulate(program(name), load(open_trace(ZIPF)), machine)  # type: ignore[arg-type]
    assert row.counters == simulation.counters()
    assert (row.policy, row.trace, row.memory_pages, row.status, row.message) == (name, ZIPF, 100, FINISHED, "")
    assert row.model == ("ideal" if ideal else "kernel")
    assert (row.accesses, row.hits + row.misses) == (20_000, 20_000)
    assert row.scanned == row.counters["pgscan_kswapd"] + row.counters["pgscan_direct"] >= row.evictions > 0
    assert (row.hits, row.misses, row.evictions, row.refaults) == tuple(
        row.counters[n] for n in ("hits", "misses", "evictions", "refaults")
    )
    assert row.hit_ratio == row.hits / 20_000 and row.miss_ratio == row.misses / 20_000
    assert sum(done) == 20_000 and len(done) == 14
    assert row.cpu_s > 0 and row.accesses_per_cpu_s == row.accesses / row.cpu_s


def test_chunks_make_no_difference() -> None:
    rows = [
        run_program(load_program("s3fifo"), Pieces(ZIPF, size), Machine(60, True), nothing, threading.Event())
        for size in (20_000, 777)
    ]
    assert rows[0].counters == rows[1].counters


def test_cancelling_keeps_what_there_is() -> None:
    cancelled = threading.Event()
    done: list[int] = []

    def progress(count: int) -> None:
        done.append(count)
        if len(done) == 3:
            cancelled.set()

    row = run_program(load_program("fifo"), Pieces(ZIPF, 1000), Machine(50, True), progress, cancelled)
    assert (row.status, row.accesses, sum(done)) == (INTERRUPTED, 3000, 3000)
    first = simulate(program("fifo"), load(open_trace(ZIPF).first(3000)), Machine(50, True))  # type: ignore[arg-type]
    assert row.counters == first.counters()


def test_cancelled_before_it_began() -> None:
    cancelled = threading.Event()
    cancelled.set()
    row = run_program(load_program("fifo"), Pieces(ZIPF, 1000), Machine(50), nothing, cancelled)
    assert (row.status, row.accesses, row.hit_ratio, row.miss_ratio) == (INTERRUPTED, 0, 0.0, 0.0)
    assert row.accesses_per_cpu_s == 0.0


def test_a_policy_without_progress_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "hoard.rx"
    path.write_text("policy hoard; list queue; hook folio_added(f) { queue.push_tail(f); }")
    row = run_program(load_program(str(path)), Pieces(ZIPF, 5000), Machine(64, True), nothing, threading.Event())
    assert row.status == STOPPED
    assert (row.misses, row.evictions) == (64, 0)
    assert 64 <= row.accesses < 5000
    assert f"at access {row.accesses:,}, with 64 resident" in row.message
    assert str(path) in row.message


def test_a_policy_that_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "large.rx"
    path.write_text(
        "policy large; list queue; hook folio_added(f) { queue.push_tail(f); }"
        " map m: hash<u64, u64>[nr_pages * 1000000];"
    )
    with pytest.raises(AttachError, match="`m`"):
        run_program(load_program(str(path)), Pieces(ZIPF, 5000), Machine(1000), nothing, threading.Event())


def test_a_trace_that_is_damaged_is_not_taken_for_its_end() -> None:
    with pytest.raises(ValueError, match="damaged"):
        run_program(load_program("fifo"), Pieces(ZIPF, 1000, 4), Machine(50), nothing, threading.Event())


def test_the_row_of_opt() -> None:
    loaded = load(open_trace(ZIPF))
    future = Future(loaded.page, loaded.flags, loaded.nr_pages)
    done: list[int] = []
    row = run_opt(future, loaded, Machine(50, True), done.append, threading.Event())
    assert (row.policy, row.status, row.accesses, sum(done)) == ("opt", FINISHED, 20_000, 20_000)
    assert row.hits + row.misses == 20_000
    assert row.evictions == row.misses - 50
    assert row.refaults == row.misses - loaded.nr_pages
    lru = run_program(load_program("strict_lru"), loaded, Machine(50, True), nothing, threading.Event())
    assert row.misses < lru.misses


def test_opt_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.opt.STEP", 1000)
    loaded = load(open_trace(ZIPF))
    cancelled = threading.Event()
    cancelled.set()
    row = run_opt(Future(loaded.page, loaded.flags, loaded.nr_pages), loaded, Machine(50), nothing, cancelled)
    assert (row.status, row.accesses) == (INTERRUPTED, 1000)


def test_pages_beyond_the_first_room_of_the_table() -> None:
    """More pages than the page table holds at first: it grows between chunks and keeps what it knew."""
    count = 70_000
    row = run_program(
        load_program("fifo"),
        Pieces(f"loop:pages={count},accesses={2 * count}", 9999),
        Machine(count),
        nothing,
        threading.Event(),
    )
    assert (row.misses, row.hits) == (count, count)
    assert np.isclose(row.hit_ratio, 0.5)
