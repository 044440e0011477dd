"""The twins' part of the benchmark: it measures both, compares their counters, and says whether the goal is met."""

from __future__ import annotations

import dataclasses

import pytest

from benchmarks import twins
from benchmarks.errors import BenchmarkError
from benchmarks.plan import TraceSizes
from benchmarks.tables import OK, SHORT
from benchmarks.twins import TwinResult, measure_twins, twins_table
from runtime.program import load_program

TINY = TraceSizes("zipf:pages=300,accesses=4000,write=0.2,seed=1", ("20%",))


def test_both_algorithms_are_measured() -> None:
    told: list[str] = []
    results = measure_twins((TINY,), 2, told.append)
    assert [(r.twin, r.memory_pages, r.accesses, r.runs) for r in results] == [
        (twin, results[0].memory_pages, 4000, 2) for twin in ("lru", "mglru")
    ]
    assert all(r.builtin > 0 and r.own > 0 for r in results)
    assert len(told) == 3


def test_unequal_counters_end_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twins, "load_program", lambda spec: load_program(spec if spec != "lru" else "fifo"))
    with pytest.raises(BenchmarkError, match="decided otherwise"):
        measure_twins((TINY,), 1, lambda _: None)


def test_the_table_marks_what_is_slower_than_the_goal() -> None:
    fast = TwinResult("lru", "t", 2000, 10_000_000, 3, builtin=0.5, own=0.525)
    slow = dataclasses.replace(fast, own=0.53)
    table = twins_table([fast, slow])
    assert table.rows == (
        ("lru", "t", "2,000p", "20.0", "19.0", "1.050", OK),
        ("lru", "t", "2,000p", "20.0", "18.9", "1.060", SHORT),
    )
    assert "least of 3 runs" in table.note
