"""One cell of a comparison: its row, its progress, and how it ends early."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from runtime.machine import Machine
from runtime.map_sizes import AttachError
from runtime.opt import Future
from runtime.program import ProgramError, load_program
from runtime.row import EJECTED, FINISHED, INTERRUPTED, OUT_OF_MEMORY
from runtime.run import run_opt, run_program
from runtime.switches import Switch, load_switch
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


def hoard(tmp_path: Path) -> str:
    path = tmp_path / "hoard.rx"
    path.write_text("policy hoard;\nlist queue;\nhook folio_added(f) { queue.push_tail(f); }")
    return str(path)


@pytest.mark.parametrize("ideal", [False, True], ids=["kernel", "ideal"])
def test_a_policy_without_progress_is_ejected_and_the_run_goes_on(tmp_path: Path, ideal: bool) -> None:
    spec = hoard(tmp_path)
    row = run_program(load_program(spec), Pieces(ZIPF, 5000), Machine(64, ideal), nothing, threading.Event())
    assert (row.status, row.accesses, row.hits + row.misses) == (EJECTED, 20_000, 20_000)
    assert row.evictions == row.misses - 64 if ideal else row.evictions > 1000
    (ejection,) = row.ejections
    assert (ejection.policy, ejection.hook, ejection.line) == (spec, "evict_folios", 0)
    assert ejection.counters["misses"] == ejection.resident == 64
    assert row.message == ejection.summary
    assert f"{spec} was ejected before access {ejection.access:,}: it has no hook evict_folios" in row.message


def test_an_ejected_run_goes_on_as_the_built_in_lru(tmp_path: Path) -> None:
    """The trace is cut where the policy stood still: the LRU that adopts what is resident takes it from there."""
    trace, machine = Pieces("loop:pages=300,accesses=5000", 777), Machine(64, True)
    row = run_program(load_program(hoard(tmp_path)), trace, machine, nothing, threading.Event())
    change = [load_switch("64:detach")]
    switched = run_program(load_program("fifo"), trace, machine, nothing, threading.Event(), change)
    assert switched.status == FINISHED and switched.ejections == ()
    assert (row.hits, row.misses, row.evictions) == (switched.hits, switched.misses, switched.evictions)


def test_a_run_out_of_memory_ends(tmp_path: Path) -> None:
    trace, machine = Pieces("loop:pages=300,accesses=5000,anon=1", 1000), Machine(64, swap=())
    for spec in ("builtin:lru", "builtin:mglru", "clock", hoard(tmp_path)):
        row = run_program(load_program(spec), trace, machine, nothing, threading.Event())
        assert (row.status, row.accesses, row.ejections) == (OUT_OF_MEMORY, 64, ())
        assert "out of memory at access 64: of 64 resident folios none can be reclaimed" in row.message


# --- switches ---------------------------------------------------------------------------------------------


def switches(*texts: str) -> list[Switch]:
    return [load_switch(text) for text in texts]


def test_switches_are_made_before_their_access_whatever_the_chunks() -> None:
    changes = switches("3000:builtin:lru", "0:sieve", "12345:s3fifo:small_percent=20", "12346:clock", "99999:fifo")
    rows = [
        run_program(load_program("fifo"), Pieces(ZIPF, size), Machine(60), nothing, threading.Event(), changes)
        for size in (20_000, 777, 3000)
    ]
    assert rows[0].counters == rows[1].counters == rows[2].counters
    assert rows[0].switches == ("0:sieve", "3000:builtin:lru", "12345:s3fifo:small_percent=20", "12346:clock")
    assert rows[0].never_switched == ("99999:fifo",)
    at_once = switches("0:sieve")
    only = run_program(load_program("fifo"), Pieces(ZIPF, 999), Machine(60), nothing, threading.Event(), at_once)
    first = run_program(load_program("sieve"), Pieces(ZIPF, 999), Machine(60), nothing, threading.Event())
    assert first.counters == only.counters


def test_two_switches_of_a_memcg_at_one_access_are_refused() -> None:
    twice = switches("9:sieve", "9:clock")
    with pytest.raises(ProgramError, match="switch 9:clock: at this access there is already the switch 9:sieve"):
        run_program(load_program("fifo"), Pieces(ZIPF, 999), Machine(60), nothing, threading.Event(), twice)


def test_a_policy_that_was_ejected_may_come_back(tmp_path: Path) -> None:
    again = switches(f"9000:{hoard(tmp_path)}", "15000:clock")
    row = run_program(load_program(hoard(tmp_path)), Pieces(ZIPF, 2000), Machine(60), nothing, threading.Event(), again)
    assert (row.status, len(row.ejections), row.accesses) == (EJECTED, 2, 20_000)
    assert row.ejections[0].access < 9000 <= row.ejections[1].access < 15000


@pytest.mark.parametrize("text", ["clock", "x:clock", "5:", "-3:clock", "5", ":clock", "1e3:clock"])
def test_a_switch_has_a_form(text: str) -> None:
    with pytest.raises(ValueError, match="must be ACCESS:POLICY"):
        load_switch(text)


def test_what_a_switch_names() -> None:
    assert load_switch("7:builtin:lru").memcg == "" and load_switch("7:builtin:lru").policy == "builtin:lru"
    assert load_switch("7:s3fifo:small_percent=20").policy == "s3fifo:small_percent=20"
    of_one = load_switch("7:workers=s3fifo:small_percent=20")
    assert (of_one.access, of_one.memcg, of_one.policy) == (7, "workers", "s3fifo:small_percent=20")
    assert load_switch("7:workers=detach").policy == "builtin:lru"
    for text, wrong in (("7:opt", "no policy that could be attached"), ("7:nonsense", "unknown policy")):
        with pytest.raises(ProgramError, match=wrong):
            load_switch(text)
    with pytest.raises(ProgramError, match="there is no memcg `workers`"):
        of_one.number(Machine(10))


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
