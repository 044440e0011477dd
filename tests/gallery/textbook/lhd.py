"""LHD: Beckmann, Chen, Cidon, NSDI 2018.

A page's hit density is what hits it is still expected to have, divided by the time it is still expected to stay: both
follow from how many pages of its class were hit, and evicted, at each age. The lowest of `samples` random pages goes,
the first drawn of equals; `samples=0` looks at all pages, the one that came first goes of equals.

Where the paper leaves room, it is the authors' program: ages since the last access in `AGES` steps, beyond which a
page goes first; classes by the sum of the two latest ages at a hit, doubling from class to class; counts decay by a
tenth whenever densities are computed anew; at first the density is (class + 1) / (age + 1). One access in 32 makes
its page an explorer, which stays until its last step of age, while there are fewer than `explorer_percent` of memory.
Chosen here: 256 ages of 1/8 to 1/4 of memory each, since memory's size is known (the authors adapt), so 10
classes; densities anew every `period` accesses; no classes by application; all samples from the start.

The arithmetic is in integers, counts in 2^-16 and densities in 2^-32; `exact=True` uses floats.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.gallery.textbook.generator import ONE, Bag, Generator, log2

AGES = 256
LAST = AGES - 1
CLASSES = 10
EVENT = 1 << 16
EXPLORE_ONE_IN = 32


@dataclass
class Page:
    used: int
    hit_age: int = 0
    hit_age_before: int = AGES
    explorer: bool = False


class Lhd:
    def __init__(self, size: int, samples: int, period: int, explorer_percent: int, seed: int, exact: bool) -> None:
        self.size = size
        self.samples = samples
        self.period = period
        self.exact = exact
        self.shift = max(log2(size) - 3, 0)
        self.explorers_left = size * explorer_percent // 100
        self.generator = Generator(seed)
        self.bag = Bag(self.generator)
        self.pages: dict[int, Page] = {}
        self.hits: list[list[float]] = [[0] * AGES for _ in range(CLASSES)]
        self.evictions: list[list[float]] = [[0] * AGES for _ in range(CLASSES)]
        self.density: list[list[float]] = [
            [(of_class + 1) * ONE // (age + 1) for age in range(AGES)] for of_class in range(CLASSES)
        ]
        self.now = 0

    def age(self, page: Page) -> int:
        return min(self.now - page.used >> self.shift, LAST)

    def class_of(self, page: Page) -> int:
        age = page.hit_age + page.hit_age_before
        return CLASSES - 1 if age == 0 else max(CLASSES - 2 - log2(age), 0)

    def access(self, number: int) -> bool:
        """Whether it misses."""
        miss = number not in self.pages
        if miss:
            if len(self.pages) == self.size:
                self.evict()
            page = self.pages[number] = Page(self.now)
            self.bag.add(number)
        else:
            page = self.pages[number]
            age = self.age(page)
            self.hits[self.class_of(page)][age] += EVENT
            self.explorers_left += page.explorer
            page.hit_age, page.hit_age_before = age, page.hit_age
            page.used = self.now
        page.explorer = self.explorers_left > 0 and self.generator.random() % EXPLORE_ONE_IN == 0
        self.explorers_left -= page.explorer
        self.now += 1
        if self.now % self.period == 0:
            self.reconfigure()
        return miss

    def rank(self, page: Page) -> float:
        """The least goes first. Pages of the last age are below all, explorers above."""
        age = self.age(page)
        if age == LAST:
            return 0
        return self.density[self.class_of(page)][age] + (1 << 63 if page.explorer else 1)

    def candidates(self) -> Iterator[int]:
        if self.samples == 0:
            yield from self.pages
        for _ in range(self.samples):
            number = self.bag.random()
            assert number is not None
            yield number

    def evict(self) -> None:
        victim = min(self.candidates(), key=lambda number: self.rank(self.pages[number]))
        page = self.pages.pop(victim)
        self.bag.remove(victim)
        self.evictions[self.class_of(page)][self.age(page)] += EVENT
        self.explorers_left += page.explorer

    def reconfigure(self) -> None:
        for hits, evictions, density in zip(self.hits, self.evictions, self.density, strict=True):
            total_hits: float = 0
            events: float = 0
            lifetime: float = 0
            for age in reversed(range(AGES)):
                hits[age] -= hits[age] / 10 if self.exact else hits[age] // 10
                evictions[age] -= evictions[age] / 10 if self.exact else evictions[age] // 10
                total_hits += hits[age]
                events += hits[age] + evictions[age]
                lifetime += events
                if lifetime == 0:
                    density[age] = 0
                else:
                    density[age] = total_hits * ONE / lifetime if self.exact else total_hits * ONE // lifetime


def misses(
    trace: Sequence[int],
    size: int,
    samples: int = 32,
    period: int = 16384,
    explorer_percent: int = 1,
    seed: int = 0,
    exact: bool = False,
) -> list[bool]:
    """Whether each access misses."""
    cache = Lhd(size, samples, period, explorer_percent, seed, exact)
    return [cache.access(page) for page in trace]
