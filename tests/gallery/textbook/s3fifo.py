"""S3-FIFO: Yang and others, SOSP 2023, with the sizes and the order of steps of libCacheSim 0.3.5."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence


class S3Fifo:
    """The small queue, the main one, and the ghosts of what the small one let go."""

    def __init__(self, size: int, small_percent: int, ghost_percent: int, promote_hits: int) -> None:
        self.size = size
        self.small_size = size * small_percent // 100
        self.ghost_size = size * ghost_percent // 100
        self.promote_hits = promote_hits
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
            if self.hits[page] < self.promote_hits:
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


def misses(
    trace: Sequence[int], size: int, small_percent: int = 10, ghost_percent: int = 90, promote_hits: int = 2
) -> list[bool]:
    """Whether each access misses."""
    cache = S3Fifo(size, small_percent, ghost_percent, promote_hits)
    return [cache.access(page) for page in trace]
