"""W-TinyLFU: Einziger, Friedman, Manes, ACM Transactions on Storage 2017, as Caffeine does it.

A small LRU window (1% of memory, at least one page) before a segmented LRU (80% protected). What leaves the window is
let in if a sketch of past accesses says it was used more often than the page that would have to go.

As in Caffeine: no doorkeeper; a count-min sketch of four rows of counters up to 15, which are halved after 10 accesses
per page of memory that changed it; one in 128 candidates that were used 6 times or more is let in although the victim
was used no less (`jitter`). Chosen here: rows of `row_counters` counters per page of memory; after halving, half of
the accesses count as made (the paper's rule; Caffeine takes off what the odd counters lost).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from tests.gallery.textbook.generator import Generator, hashed

ROWS = 4
MOST = 15
WARM = 6
"""Accesses from which on a candidate may be let in by chance."""


class Sketch:
    def __init__(self, width: int, sample: int) -> None:
        self.width = width
        self.sample = sample
        self.counters = [0] * (ROWS * width)
        self.added = 0

    def places(self, page: int) -> list[int]:
        return [row * self.width + hashed(page, row) % self.width for row in range(ROWS)]

    def add(self, page: int) -> None:
        changed = False
        for place in self.places(page):
            if self.counters[place] < MOST:
                self.counters[place] += 1
                changed = True
        self.added += changed
        if self.added == self.sample:
            self.added //= 2
            self.counters = [count // 2 for count in self.counters]

    def count(self, page: int) -> int:
        return min(self.counters[place] for place in self.places(page))


class WTinyLfu:
    def __init__(
        self, size: int, window_percent: int, protected_percent: int, row_counters: int, jitter: bool, seed: int
    ) -> None:
        self.size = size
        self.window_size = max(size * window_percent // 100, 1)
        self.protected_size = (size - self.window_size) * protected_percent // 100
        self.jitter = jitter
        self.generator = Generator(seed)
        self.sketch = Sketch(size * row_counters, 10 * size)
        self.window: OrderedDict[int, None] = OrderedDict()
        self.probation: OrderedDict[int, None] = OrderedDict()
        self.protected: OrderedDict[int, None] = OrderedDict()

    def access(self, page: int) -> bool:
        """Whether it misses."""
        self.sketch.add(page)
        if page in self.window:
            self.window.move_to_end(page)
        elif page in self.protected:
            self.protected.move_to_end(page)
        elif page in self.probation:
            del self.probation[page]
            self.protected[page] = None
            if len(self.protected) > self.protected_size:
                demoted, _ = self.protected.popitem(last=False)
                self.probation[demoted] = None
        else:
            self.window[page] = None
            if len(self.window) > self.window_size:
                self.leave_window()
            return True
        return False

    def leave_window(self) -> None:
        candidate, _ = self.window.popitem(last=False)
        if len(self.window) + len(self.probation) + len(self.protected) < self.size:
            self.probation[candidate] = None
        elif self.probation and self.admits(candidate, next(iter(self.probation))):
            self.probation.popitem(last=False)
            self.probation[candidate] = None

    def admits(self, candidate: int, victim: int) -> bool:
        count = self.sketch.count(candidate)
        if count > self.sketch.count(victim):
            return True
        return self.jitter and count >= WARM and self.generator.random() % 128 == 0


def misses(
    trace: Sequence[int],
    size: int,
    window_percent: int = 1,
    protected_percent: int = 80,
    row_counters: int = 2,
    jitter: bool = True,
    seed: int = 0,
) -> list[bool]:
    """Whether each access misses. Pages are numbered in order of first use: the sketch hashes the numbers."""
    cache = WTinyLfu(size, window_percent, protected_percent, row_counters, jitter, seed)
    return [cache.access(page) for page in trace]
