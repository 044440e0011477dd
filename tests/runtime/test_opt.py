"""`opt` in pieces, with frees, cancelled, and beside every policy."""

from __future__ import annotations

import numpy as np
import pytest

from runtime import opt
from runtime.core import layout as core
from runtime.core.belady import count_misses, find_next_uses
from runtime.core.context import Context
from runtime.machine import Machine
from runtime.opt import Future
from tests.runtime.policies import SHIPPED, Events, events, program, simulate
from tests.runtime.test_textbook import belady

TRACE = events(np.random.default_rng(21).zipf(1.15, 2500) % 200)


def misses_of(trace: Events, capacity: int) -> int:
    future = Future(trace.page, trace.flags, trace.nr_pages)
    accesses, misses = future.misses(capacity, lambda *_: True)
    assert accesses == len(future.page)
    return misses


def test_next_uses() -> None:
    future = Future(*(getattr(events([5, 6, 5, 7, 6, 5]), c) for c in ("page", "flags", "nr_pages")))
    assert list(future.next_use) == [2, 4, 5, 6, 6, 6]


@pytest.mark.parametrize("capacity", [1, 2, 3, 10, 50, 150, 199, 200, 5000])
def test_against_brute_force(capacity: int) -> None:
    short = TRACE.first(700)
    assert misses_of(short, capacity) == belady([int(p) for p in short.page], capacity)


def test_room_for_all_means_that_each_page_misses_once() -> None:
    assert misses_of(TRACE, TRACE.nr_pages) == misses_of(TRACE, 1 << 20) == TRACE.nr_pages


def test_frees_are_no_accesses() -> None:
    page = np.insert(TRACE.page, 100, TRACE.page[:50])
    flags = np.insert(TRACE.flags, 100, np.full(50, core.E_FREE, "u1"))
    assert misses_of(Events(page, flags, TRACE.nr_pages), 30) == misses_of(TRACE, 30)


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_in_pieces_as_in_one_go(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = misses_of(TRACE, 40)
    monkeypatch.setattr(opt, "STEP", step)
    assert misses_of(TRACE, 40) == expected


def test_cancelling_ends_it_with_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opt, "STEP", 100)
    future = Future(TRACE.page, TRACE.flags, TRACE.nr_pages)
    seen: list[int] = []

    def goes_on(done: int, misses: int) -> bool:
        seen.append(done)
        return done < 300

    done, misses = future.misses(40, goes_on)
    assert (done, seen) == (300, [100, 200, 300])
    assert misses == future.misses(40, lambda done, _: done < 300)[1] < future.misses(40, lambda *_: True)[1]


def test_one_future_serves_all_sizes() -> None:
    future = Future(TRACE.page, TRACE.flags, TRACE.nr_pages)
    found = [future.misses(c, lambda *_: True)[1] for c in (10, 100, 10)]
    assert found[0] == found[2] > found[1]


@pytest.mark.parametrize("name", SHIPPED)
def test_no_policy_beats_it(name: str) -> None:
    for capacity in (5, 60):
        assert (
            misses_of(TRACE, capacity) <= simulate(program(name), TRACE, Machine(capacity, True)).counters()["misses"]
        )


def test_plain_python_counts_the_same() -> None:
    """The core as Python, on arrays that check their bounds."""
    n, pages, capacity = 400, int(TRACE.page[:400].max()) + 1, 30
    arrays = {
        "trace_page": TRACE.page[:n].copy(),
        "next_use": np.zeros(n, "u4"),
        "last_seen": np.full(pages, n, "u4"),
        "place": np.zeros(pages, "u4"),
        "farthest": np.zeros((capacity + 1, 2), "u4"),
    }
    ctx = Context({name: memoryview(array) for name, array in arrays.items()}, {})
    find_next_uses(ctx, n)
    assert count_misses(ctx, 0, n, 0, capacity) == misses_of(Events(TRACE.page[:n], TRACE.flags[:n], pages), capacity)
