"""LeCaR: Vietri, Rodriguez, Martinez, Lyons, Liu, Rangaswami, Zhao, Narasimhan, HotStorage 2018.

Two experts, LRU and LFU, each with a weight and a history of the pages it had evicted. A page that comes back out of
a history makes the other expert's weight grow by e^(rate * d^t), t accesses after it went, d = 0.005^(1/size).

Where the paper leaves room: each history remembers half as many pages as memory has, as in the authors' program; where
both experts name the same page, nobody is to blame and no number is drawn; neither weight leaves [0.01, 0.99]
(authors' program); of pages used equally often the least recently used goes. A page that returns out of a history
keeps its count of uses (authors' program), or starts at one (`keep_uses=False`: libCacheSim).

The arithmetic is Q32; `exact=True` uses floats.
"""

from __future__ import annotations

import heapq
import math
from collections import OrderedDict
from collections.abc import Sequence

from tests.gallery.textbook.generator import ONE, Generator, pow2

DISCOUNT = round(-math.log2(0.005) * ONE)
LOG2_E = round(math.log2(math.e) * ONE)
LEAST = ONE // 100


class LeCaR:
    def __init__(
        self, size: int, rate_percent: int, history_percent: int, keep_uses: bool, seed: int, exact: bool
    ) -> None:
        self.size = size
        self.rate = rate_percent
        self.history_size = size * history_percent // 100
        self.keep_uses = keep_uses
        self.exact = exact
        self.generator = Generator(seed)
        self.uses: OrderedDict[int, int] = OrderedDict()
        """Least recently used first."""
        self.heap: list[tuple[int, int, int]] = []
        """Uses, time and page of each access; only the last one of a page still says something."""
        self.last: dict[int, int] = {}
        self.histories: tuple[OrderedDict[int, tuple[int, int]], ...] = (OrderedDict(), OrderedDict())
        """Of LRU and LFU: when a page was evicted, and its uses."""
        self.weight: float = ONE // 2
        """Of LRU; LFU has the rest, up to 1."""
        self.now = 0

    def access(self, page: int) -> bool:
        """Whether it misses."""
        self.now += 1
        if page in self.uses:
            self.use(page, self.uses[page] + 1)
            return False
        uses = 0
        for expert, history in enumerate(self.histories):
            if page in history:
                evicted, uses = history.pop(page)
                self.blame(expert, self.now - evicted)
        if len(self.uses) == self.size:
            self.evict()
        self.use(page, 1 + (uses if self.keep_uses else 0))
        return True

    def use(self, page: int, uses: int) -> None:
        self.uses[page] = uses
        self.uses.move_to_end(page)
        self.last[page] = self.now
        heapq.heappush(self.heap, (uses, self.now, page))

    def rarest(self) -> int:
        while True:
            _, time, page = self.heap[0]
            if page in self.uses and self.last[page] == time:
                return page
            heapq.heappop(self.heap)

    def factor(self, time: int) -> float:
        """By what the other weight grows, in Q32."""
        if self.exact:
            return math.exp(self.rate / 100 * 0.005 ** (time / self.size)) * ONE
        regret = pow2(-(time * DISCOUNT // self.size))
        return pow2(regret * (LOG2_E * self.rate // 100) >> 32)

    def blame(self, expert: int, time: int) -> None:
        lru, lfu = self.weight, ONE - self.weight
        factor = self.factor(time)
        if self.exact:
            lru, lfu = (lru, lfu * factor / ONE) if expert == 0 else (lru * factor / ONE, lfu)
            self.weight = lru * ONE / (lru + lfu)
        else:
            lru, lfu = (lru, int(lfu * factor) >> 32) if expert == 0 else (int(lru * factor) >> 32, lfu)
            self.weight = int(lru) * ONE // int(lru + lfu)
        self.weight = min(max(self.weight, LEAST), ONE - LEAST)

    def evict(self) -> None:
        oldest = next(iter(self.uses))
        rarest = self.rarest()
        if oldest == rarest:
            del self.uses[oldest]
            return
        expert = 0 if self.generator.random() >> 32 < self.weight else 1
        victim = (oldest, rarest)[expert]
        uses = self.uses.pop(victim)
        history = self.histories[expert]
        if self.history_size == 0:
            return
        if len(history) == self.history_size:
            history.popitem(last=False)
        history[victim] = (self.now, uses)


def misses(
    trace: Sequence[int],
    size: int,
    rate_percent: int = 45,
    history_percent: int = 50,
    keep_uses: bool = True,
    seed: int = 0,
    exact: bool = False,
) -> list[bool]:
    """Whether each access misses."""
    cache = LeCaR(size, rate_percent, history_percent, keep_uses, seed, exact)
    return [cache.access(page) for page in trace]
