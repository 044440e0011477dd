"""The shipped policies miss when the textbook's algorithms miss, at any size and in batches of any size.

The references are written from the papers, with dicts and deques, and know nothing of the project.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.machine import Machine
from runtime.opt import Future
from tests.runtime.policies import check_invariants, events, program, simulate


def fifo(trace: Sequence[int], size: int) -> list[bool]:
    """Whether each access misses."""
    queue: deque[int] = deque()
    misses = []
    for page in trace:
        misses.append(page not in queue)
        if misses[-1]:
            if len(queue) == size:
                queue.popleft()
            queue.append(page)
    return misses


def lru(trace: Sequence[int], size: int) -> list[bool]:
    recent: OrderedDict[int, None] = OrderedDict()
    misses = []
    for page in trace:
        misses.append(page not in recent)
        if misses[-1] and len(recent) == size:
            recent.popitem(last=False)
        recent[page] = None
        recent.move_to_end(page)
    return misses


def clock(trace: Sequence[int], size: int) -> list[bool]:
    """Corbató: a ring of frames with a use bit each, and a hand."""
    frames: list[int] = []
    used: list[bool] = []
    hand = 0
    misses = []
    for page in trace:
        misses.append(page not in frames)
        if not misses[-1]:
            used[frames.index(page)] = True
            continue
        if len(frames) < size:
            frames.append(page)
            used.append(False)
            continue
        while used[hand]:
            used[hand] = False
            hand = (hand + 1) % size
        frames[hand] = page
        hand = (hand + 1) % size
    return misses


def sieve(trace: Sequence[int], size: int) -> list[bool]:
    """Zhang and others, NSDI 2024, algorithm 1; `queue[0]` is the oldest. The hand is an object, or past the newest."""
    queue: list[int] = []
    visited: dict[int, bool] = {}
    hand: int | None = None
    misses = []
    for page in trace:
        misses.append(page not in visited)
        if not misses[-1]:
            visited[page] = True
            continue
        if len(queue) == size:
            at = 0 if hand is None else queue.index(hand)
            while visited[queue[at]]:
                visited[queue[at]] = False
                at = (at + 1) % size
            del visited[queue.pop(at)]
            hand = queue[at] if at < len(queue) else None
        queue.append(page)
        visited[page] = False
    return misses


class S3Fifo:
    """Yang and others, SOSP 2023, with the sizes and the order of steps of libCacheSim 0.3.5."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.small_size = size * 10 // 100
        self.ghost_size = size * 90 // 100
        self.small: deque[int] = deque()
        self.main: deque[int] = deque()
        self.ghost: OrderedDict[int, None] = OrderedDict()
        self.hits: dict[int, int] = {}
        self.evicted = False

    def access(self, page: int) -> bool:
        if page in self.hits:
            self.hits[page] += 1
            return False
        returned = page in self.ghost
        if returned:
            del self.ghost[page]
        while len(self.hits) >= self.size:
            self.evict()
        early = not self.evicted and len(self.small) >= self.small_size
        (self.main if returned or early else self.small).append(page)
        self.hits[page] = 0
        return True

    def evict(self) -> None:
        self.evicted = True
        if len(self.main) > self.size - self.small_size or not self.small:
            self.evict_from_main()
        else:
            self.evict_from_small()

    def evict_from_small(self) -> None:
        while self.small:
            page = self.small.popleft()
            if self.hits[page] < 2:
                del self.hits[page]
                self.remember(page)
                return
            self.hits[page] = 0
            self.main.append(page)
        self.evict_from_main()

    def evict_from_main(self) -> None:
        while True:
            page = self.main.popleft()
            if self.hits[page] == 0:
                del self.hits[page]
                return
            self.hits[page] = min(self.hits[page], 3) - 1
            self.main.append(page)

    def remember(self, page: int) -> None:
        if self.ghost_size == 0:
            return
        if len(self.ghost) == self.ghost_size:
            self.ghost.popitem(last=False)
        self.ghost[page] = None


def s3fifo(trace: Sequence[int], size: int) -> list[bool]:
    cache = S3Fifo(size)
    return [cache.access(page) for page in trace]


def belady(trace: Sequence[int], size: int) -> int:
    """The misses of the policy that evicts what is used again last, found by looking."""
    resident: set[int] = set()
    misses = 0
    for i, page in enumerate(trace):
        if page in resident:
            continue
        misses += 1
        if len(resident) == size:
            rest = trace[i + 1 :]
            resident.remove(max(resident, key=lambda p: rest.index(p) if p in rest else len(rest)))
        resident.add(page)
    return misses


def fewest_misses(trace: Sequence[int], size: int) -> int:
    """The fewest misses that any choice of victims has: all reachable contents of the cache are kept."""
    contents: dict[frozenset[int], int] = {frozenset(): 0}
    for page in trace:
        following: dict[frozenset[int], int] = {}
        for cached, misses in contents.items():
            victims = [()] if page in cached or len(cached) < size else [(victim,) for victim in cached]
            for gone in victims:
                after = cached.difference(gone) | {page}
                count = misses + (page not in cached)
                following[after] = min(count, following.get(after, count))
        contents = following
    return min(contents.values())


REFERENCES: dict[str, Callable[[Sequence[int], int], list[bool]]] = {
    "fifo": fifo,
    "strict_lru": lru,
    "clock": clock,
    "sieve": sieve,
    "s3fifo": s3fifo,
}


def misses_of(name: str, trace: Sequence[int], size: int, scan_batch: int = 32) -> int:
    simulation = simulate(program(name), events(trace), Machine(size, True, scan_batch=scan_batch))
    assert not simulation.stopped
    return simulation.counters()["misses"]


def optimum(trace: Sequence[int], size: int) -> int:
    made = events(trace)
    return Future(made.page, made.flags, made.nr_pages).misses(size, lambda *_: True)[1]


TRACES = st.lists(st.integers(0, 14), min_size=1, max_size=120)
LONG = {
    "zipf": (np.random.default_rng(11).zipf(1.2, 4000) % 300).tolist(),
    "uniform": np.random.default_rng(12).integers(0, 150, 3000).tolist(),
    "loop": [i % 130 for i in range(3000)],
    "scans": [(i // 3) if i % 5 else i % 40 for i in range(3000)],
}


@pytest.mark.parametrize("name", REFERENCES)
@given(trace=TRACES, size=st.integers(1, 16))
@settings(max_examples=120, deadline=None, derandomize=True)
def test_misses_are_the_textbooks(name: str, trace: list[int], size: int) -> None:
    assert misses_of(name, trace, size) == sum(REFERENCES[name](trace, size))


@pytest.mark.parametrize("trace", LONG)
@pytest.mark.parametrize("name", REFERENCES)
def test_misses_on_longer_traces(name: str, trace: str) -> None:
    for size in (1, 2, 9, 10, 11, 50, 100, 129):
        assert misses_of(name, LONG[trace], size) == sum(REFERENCES[name](LONG[trace], size)), size


@pytest.mark.parametrize("name", REFERENCES)
def test_each_access_misses_when_the_textbooks_does(name: str) -> None:
    trace = events(LONG["zipf"][:600])
    expected = REFERENCES[name]([int(p) for p in trace.page], 40)
    simulation = simulate(program(name), trace.first(0), Machine(40, True))
    for i, missed in enumerate(expected):
        before = simulation.counters()["misses"]
        simulation.run(trace, i, i + 1)
        assert simulation.counters()["misses"] - before == missed, i
    check_invariants(simulation)


@pytest.mark.parametrize("name", REFERENCES)
@given(
    trace=TRACES,
    size=st.integers(1, 16),
    scan_batch=st.one_of(st.sampled_from([1, 2, 3, 7, 32, 1000]), st.integers(1, 60)),
)
@settings(max_examples=80, deadline=None, derandomize=True)
def test_misses_do_not_depend_on_the_batch(name: str, trace: list[int], size: int, scan_batch: int) -> None:
    assert misses_of(name, trace, size, scan_batch) == misses_of(name, trace, size)


@pytest.mark.parametrize("scan_batch", [1, 2, 3, 7, 32, 1000])
@pytest.mark.parametrize("name", REFERENCES)
def test_any_batch_on_longer_traces(name: str, scan_batch: int) -> None:
    for trace, size in (("zipf", 60), ("scans", 25)):
        assert misses_of(name, LONG[trace], size, scan_batch) == sum(REFERENCES[name](LONG[trace], size))


@given(trace=TRACES, size=st.integers(1, 16))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_opt_is_belady(trace: list[int], size: int) -> None:
    assert optimum(trace, size) == belady(trace, size)


@given(trace=st.lists(st.integers(0, 5), min_size=1, max_size=14), size=st.integers(1, 5))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_nothing_misses_less_than_opt(trace: list[int], size: int) -> None:
    assert optimum(trace, size) == fewest_misses(trace, size)
