"""Hyperbolic caching: Blankstein, Sen, Freedman, USENIX ATC 2017.

A page's priority is its number of accesses since it came, divided by the time since then; time counts accesses. The
lowest of `samples` random pages goes, the first drawn of equals; `samples=0` looks at all pages, the one that came
first goes of equals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.gallery.textbook.generator import Bag, Generator


class Hyperbolic:
    def __init__(self, size: int, samples: int, seed: int) -> None:
        self.size = size
        self.samples = samples
        self.bag = Bag(Generator(seed))
        self.uses: dict[int, int] = {}
        self.came: dict[int, int] = {}
        self.now = 0

    def access(self, page: int) -> bool:
        """Whether it misses."""
        self.now += 1
        if page in self.uses:
            self.uses[page] += 1
            return False
        if len(self.uses) == self.size:
            self.evict()
        self.bag.add(page)
        self.uses[page] = 1
        self.came[page] = self.now
        return True

    def candidates(self) -> Iterator[int]:
        if self.samples == 0:
            yield from self.uses
        for _ in range(self.samples):
            page = self.bag.random()
            assert page is not None
            yield page

    def evict(self) -> None:
        victim, least, time = -1, 1, 0
        for page in self.candidates():
            uses, age = self.uses[page], self.now - self.came[page]
            if uses * time < least * age:
                victim, least, time = page, uses, age
        self.bag.remove(victim)
        del self.uses[victim], self.came[victim]


def misses(trace: Sequence[int], size: int, samples: int = 64, seed: int = 0) -> list[bool]:
    """Whether each access misses."""
    cache = Hyperbolic(size, samples, seed)
    return [cache.access(page) for page in trace]
