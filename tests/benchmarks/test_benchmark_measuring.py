"""How is measured: engines take turns, do equal work, and libCacheSim has its best hash table."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import jobs, libcachesim_engine, our_engine, start
from benchmarks.errors import BenchmarkError
from benchmarks.measured import Measured
from benchmarks.plan import PAIRS, PolicyPair, TraceSizes
from benchmarks.replay import (
    Cell,
    Engines,
    Workload,
    best_hashpower,
    check_equal,
    hashpowers_for,
    measure_cells,
    measure_dense,
    prepare,
)
from benchmarks.worker import Worker
from runtime.traces.oracle import RECORD

TINY = TraceSizes("zipf:alpha=0.8,pages=300,accesses=3K,seed=1", ("50p", "20%"))


class FakeCaller:
    """Answers as if it had run an engine; both engines share `log`."""

    def __init__(self, name: str, log: list[str], answer: Callable[..., Measured]) -> None:
        self._name = name
        self._log = log
        self._answer = answer

    def call(self, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        assert function in (libcachesim_engine.replay, our_engine.replay)
        self._log.append(self._name)
        return self._answer(*args)


def cell(number: int = 0) -> Cell:
    return Cell(PAIRS[number], Workload("t", "t.bin", 1000, 100, (50,)), 50)


def engines(log: list[str], theirs: Callable[..., Measured], ours: Callable[..., Measured]) -> Engines:
    return Engines(FakeCaller("theirs", log, theirs), FakeCaller("ours", log, ours))


def test_engines_take_turns_through_all_cells() -> None:
    log: list[str] = []
    both = engines(log, lambda *_: Measured(4.0, 9, 1000), lambda *_: Measured(1.0, 9, 1000))
    results = measure_cells([cell(0), cell(1)], [8, 9], both, 3, lambda _: None)
    assert log == ["theirs", "ours"] * 6
    assert [r.policy for r in results] == ["FIFO", "LRU"]
    assert [r.hashpower for r in results] == [8, 9]
    assert results[0].ratio == 4.0 and len(results[0].ours.seconds) == 3


def test_unequal_misses_end_it() -> None:
    both = engines([], lambda *_: Measured(4.0, 8, 1000), lambda *_: Measured(1.0, 9, 1000))
    with pytest.raises(BenchmarkError, match=r"FIFO on t with 50 pages: libCacheSim has 8 misses .* we have 9"):
        check_equal(cell(), both)
    with pytest.raises(BenchmarkError, match="unequal work"):
        measure_cells([cell()], [8], both, 1, lambda _: None)


def test_misses_may_differ_where_the_pair_says_why() -> None:
    by_chance = Cell(PolicyPair("RANDOM", "random", "Random", "chance"), cell().workload, 50)
    both = engines([], lambda *_: Measured(4.0, 8, 1000), lambda *_: Measured(1.0, 9, 1000))
    check_equal(by_chance, both)
    (result,) = measure_cells([by_chance], [8], both, 1, lambda _: None)
    assert (result.misses, result.their_misses, result.why_unequal) == (9, 8, "chance")
    both = engines([], lambda *_: Measured(4.0, 8, 999), lambda *_: Measured(1.0, 9, 1000))
    with pytest.raises(BenchmarkError, match="unequal work"):
        check_equal(by_chance, both)


def test_hashpowers_surround_the_size_of_memory() -> None:
    assert hashpowers_for(100_000) == range(15, 23)
    assert 14 in hashpowers_for(10_000)
    assert min(hashpowers_for(1)) == 6 and len(hashpowers_for(1)) > 3


def test_the_best_hashpower_is_found_though_one_run_was_disturbed() -> None:
    runs: dict[int, int] = {}

    def theirs(path: str, policy: str, nr_objects: int, hashpower: int) -> Measured:
        runs[hashpower] = runs.get(hashpower, 0) + 1
        disturbed = 0.5 if hashpower == 9 and runs[hashpower] == 1 else 0.0
        return Measured(1.0 + abs(hashpower - 9) + disturbed, 9, 1000)

    assert best_hashpower(cell(), engines([], theirs, lambda *_: Measured(1.0, 9, 1000))) == 9
    assert sum(runs.values()) == len(hashpowers_for(50)) + 6
    runs.clear()
    both = engines([], theirs, lambda *_: Measured(1.0, 9, 1000))
    assert best_hashpower(cell(), both, thorough=False) == 9 and sorted(runs) == [6, 7, 8, 9, 10]


def misses_of_fifo(keys: list[int], capacity: int) -> int:
    queue: deque[int] = deque()
    misses = 0
    for key in keys:
        if key not in queue:
            misses += 1
            if len(queue) == capacity:
                queue.popleft()
            queue.append(key)
    return misses


def test_our_engine_replays_the_file_of_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REXT_CACHE", "off")
    (workload,) = prepare([TINY], tmp_path, lambda _: None)
    keys = np.fromfile(workload.path, RECORD)["object"].tolist()
    assert (workload.accesses, workload.pages) == (3000, len(set(keys)))
    assert workload.memory_pages == (50, round(workload.pages * 0.2))
    measured = our_engine.replay(workload.path, "fifo", 50)
    assert (measured.accesses, measured.misses) == (3000, misses_of_fifo(keys, 50))

    class Here:
        def call(self, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
            return function(*args, **named)

    dense = measure_dense(workload, Here(), 2, lambda _: None)
    assert (dense.accesses, dense.pages, len(dense.timing.seconds)) == (3000, workload.pages, 2)


def test_a_worker_answers_and_passes_errors_on() -> None:
    with Worker("a worker") as worker:
        assert worker.call(hashpowers_for, 50) == hashpowers_for(50)
        with pytest.raises(BenchmarkError, match="a worker: FileNotFoundError"):
            worker.call(our_engine.make_dense, "/nonexistent/trace.bin")
        assert worker.call(hashpowers_for, 60) == hashpowers_for(60)


def test_a_worker_that_dies_is_an_error() -> None:
    import os

    with Worker("a worker") as worker, pytest.raises(BenchmarkError, match="ended with exit status 3"):
        worker.call(os._exit, 3)


def test_two_jobs_are_timed_one_by_one_and_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REXT_CACHE", "off")
    monkeypatch.setattr(jobs, "PAIRS", PAIRS[:1])
    results = jobs.measure_jobs(TINY, 2, lambda _: None)
    assert [(r.policy, r.model, r.memory_pages) for r in results] == [("fifo", "kernel", 50), ("fifo", "ideal", 50)]
    assert all(len(r.one_by_one.seconds) == len(r.together.seconds) == 2 for r in results)


def test_a_command_that_fails_is_an_error() -> None:
    with pytest.raises(BenchmarkError, match="exit status 2"):
        start.cpu_seconds([*start.rext_command(), "check", "no_such_policy"])


def test_starts_are_measured_in_fresh_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "BUILTINS", ())
    monkeypatch.setattr(start, "MODELS", ("ideal",))
    monkeypatch.setattr(start, "program_names", lambda: ["fifo"])
    (started,) = start.measure_starts(1, lambda _: None)
    (checked,) = start.measure_checks(1, lambda _: None)
    assert (started.policy, started.model, checked.policy) == ("fifo", "ideal", "fifo")
    assert started.cold.total.best > started.cold.start.best
