"""The programs of the gallery miss when the textbook's algorithms miss, at any size and in batches of any size.

The references (tests/gallery/textbook) are written from the papers, with dicts and deques, and know nothing of the
project. With `GALLERY=full` in the environment the bundled traces are run to their ends (an hour); without, a stretch
of each is.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.machine import Machine
from runtime.traces import load, open_trace
from runtime.traces.model import FREE
from tests.gallery.rows import ROWS, Row
from tests.runtime.policies import Events, check_invariants, events, program, simulate

FULL = os.environ.get("GALLERY") == "full"
BUNDLED = ("mem_gcc", "mem_rg", "mem_sqlite")
MADE_UP = (
    "zipf:pages=3K,alpha=0.9,accesses=30K,seed=3",
    "mix:0.6*zipf(pages=600)+0.4*loop(pages=500),accesses=30K,seed=9",
    "phases:pages=500,phases=4,overlap=0.3,accesses=30K,seed=5",
)
SHARES = (0.03, 0.1, 0.4)
"""Of the pages, which memory has."""

SHORT = st.lists(st.integers(0, 14), min_size=1, max_size=120)
LONGER = {
    "zipf": (np.random.default_rng(11).zipf(1.2, 4000) % 300).tolist(),
    "uniform": np.random.default_rng(12).integers(0, 150, 3000).tolist(),
    "loop": [i % 130 for i in range(3000)],
    "scans": [(i // 3) if i % 5 else i % 40 for i in range(3000)],
}

each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)


@functools.cache
def stretch_of(name: str, accesses: int) -> Events:
    """The accesses of a trace; of a recorded one a stretch from its middle, where the program is at work."""
    loaded = load(open_trace(name))
    used = np.flatnonzero((loaded.flags & FREE) == 0)
    if not FULL and len(used) > accesses:
        used = used[len(used) // 2 :][:accesses]
    return events(loaded.page[used], loaded.flags[used])


def misses_of(row: Row, trace: Events, size: int, scan_batch: int = 32) -> int:
    machine = Machine(size, True, scan_batch=scan_batch)
    simulation = simulate(program(row.program), trace, machine, params=row.params)
    assert not simulation.stopped
    return simulation.counters()["misses"]


def expected(row: Row, trace: Sequence[int], size: int) -> int:
    return sum(row.reference(trace, size, **row.params))


@pytest.mark.parametrize("trace", (*BUNDLED, *MADE_UP), ids=lambda name: name.partition(":")[0])
@each_row
def test_counts_are_the_references(row: Row, trace: str) -> None:
    stretch = stretch_of(trace, row.accesses)
    pages = stretch.page.tolist()
    for share in SHARES:
        size = int(stretch.nr_pages * share)
        wanted = expected(row, pages, size)
        assert [misses_of(row, stretch, size, batch) for batch in (1, 32)] == [wanted, wanted], size


@each_row
@given(trace=SHORT, size=st.integers(1, 16), scan_batch=st.sampled_from([1, 32]))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_short_traces(row: Row, trace: list[int], size: int, scan_batch: int) -> None:
    numbered = events(trace)
    assert misses_of(row, numbered, size, scan_batch) == expected(row, numbered.page.tolist(), size)


@each_row
def test_longer_traces_at_many_sizes(row: Row) -> None:
    for name, trace in LONGER.items():
        numbered = events(trace)
        for size in (1, 2, 3, 4, 9, 10, 11, 50, 100, 129):
            assert misses_of(row, numbered, size) == expected(row, numbered.page.tolist(), size), (name, size)


@each_row
def test_each_access_misses_when_the_references_does(row: Row) -> None:
    trace = events(LONGER["zipf"][:600])
    wanted = row.reference(trace.page.tolist(), 40, **row.params)
    simulation = simulate(program(row.program), trace.first(0), Machine(40, True), params=row.params)
    for i, missed in enumerate(wanted):
        before = simulation.counters()["misses"]
        simulation.run(trace, i, i + 1)
        assert simulation.counters()["misses"] - before == missed, i
    check_invariants(simulation)


@each_row
@given(
    trace=SHORT,
    size=st.integers(1, 16),
    scan_batch=st.one_of(st.sampled_from([1, 2, 3, 7, 32, 1000]), st.integers(1, 60)),
)
@settings(max_examples=50, deadline=None, derandomize=True)
def test_misses_do_not_depend_on_the_batch(row: Row, trace: list[int], size: int, scan_batch: int) -> None:
    numbered = events(trace)
    assert misses_of(row, numbered, size, scan_batch) == misses_of(row, numbered, size)


@pytest.mark.parametrize("scan_batch", [1, 2, 3, 7, 32, 1000])
@each_row
def test_any_batch_on_longer_traces(row: Row, scan_batch: int) -> None:
    for name, size in (("zipf", 60), ("scans", 25)):
        numbered = events(LONGER[name])
        assert misses_of(row, numbered, size, scan_batch) == expected(row, numbered.page.tolist(), size)
