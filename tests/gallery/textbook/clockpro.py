"""CLOCK-Pro: Jiang, Chen, Zhang, USENIX ATC 2005.

All pages stand on one clock, from the oldest to the newest: hot ones, cold ones, and cold ones that are no longer
resident. A cold page is in its test period from when it comes until the hot hand passes it: used meanwhile, it becomes
hot and the cold pages get more room; not used, they get less.

Where the paper leaves room, it is the reading of the authors' program (as in Caffeine's simulator): what a hand passes
and keeps goes to the newest end; a page becomes hot only if a hot one can be demoted between the hot hand and it; at
first pages are hot, until only the least room for cold ones is left. Chosen here: cold pages have at least 1% of
memory, and one page; as many pages that are not resident as memory has are remembered (the paper's limit).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

END = -1
"""Where the newest page's neighbour would be."""


@dataclass
class Page:
    hot: bool = False
    test: bool = False
    resident: bool = True
    used: bool = False


class Clock:
    """Pages in order, and hands, each of which goes to the next page when its own leaves."""

    def __init__(self) -> None:
        self.newer = {END: END}
        self.older = {END: END}
        self.hands = {"hot": END, "cold": END, "test": END}

    def remove(self, page: int) -> None:
        newer, older = self.newer.pop(page), self.older.pop(page)
        self.newer[older], self.older[newer] = newer, older
        self.hands = {name: newer if at == page else at for name, at in self.hands.items()}

    def add(self, page: int) -> None:
        newest = self.older[END]
        self.newer[page], self.older[page] = END, newest
        self.newer[newest] = self.older[END] = page
        self.hands = {name: page if at == END else at for name, at in self.hands.items()}


class ClockPro:
    def __init__(self, size: int, cold_percent: int, ghost_percent: int) -> None:
        self.size = size
        self.least_cold = max(size * cold_percent // 100, 1)
        self.most_cold = max(size - self.least_cold, 1)
        self.ghost_size = size * ghost_percent // 100
        self.cold_target = self.least_cold
        self.clock = Clock()
        self.pages: dict[int, Page] = {}
        self.nr_hot = self.nr_cold = self.nr_ghosts = 0

    def access(self, page: int) -> bool:
        """Whether it misses."""
        known = self.pages.get(page)
        if known is not None and known.resident:
            known.used = True
            return False
        while self.nr_hot + self.nr_cold == self.size:
            self.run_cold_hand()
        hot = self.nr_hot + self.nr_cold < self.size - self.least_cold
        if page in self.pages and not hot:
            hot = self.promotes(page)
        self.forget(page)
        self.put(page, Page(hot=hot, test=not hot))
        self.nr_hot += hot
        self.nr_cold += not hot
        return True

    def put(self, page: int, state: Page) -> None:
        """At the newest end, or from elsewhere to it."""
        if page in self.pages:
            self.clock.remove(page)
        self.pages[page] = state
        self.clock.add(page)

    def forget(self, page: int) -> None:
        """Takes a page that is not resident off the clock, if it is there."""
        if page in self.pages:
            del self.pages[page]
            self.clock.remove(page)
            self.nr_ghosts -= 1

    def adapt(self, step: int) -> None:
        self.cold_target = min(max(self.cold_target + step, self.least_cold), self.most_cold)

    def end_test(self, page: int) -> None:
        state = self.pages[page]
        if state.test:
            state.test = False
            self.adapt(1 if state.used else -1)
            if not state.resident:
                self.forget(page)

    def run_cold_hand(self) -> None:
        """One step: the oldest resident cold page is evicted, or goes to the newest end."""
        page = self.clock.hands["cold"]
        while self.pages[page].hot or not self.pages[page].resident:
            page = self.clock.newer[page]
        self.clock.hands["cold"] = page
        state = self.pages[page]
        if state.used:
            hot = state.test and self.promotes(page)
            self.put(page, Page(hot=hot, test=not hot))
            self.nr_hot += hot
            self.nr_cold -= hot
            return
        self.nr_cold -= 1
        state.resident = False
        self.nr_ghosts += 1
        if not state.test:
            self.forget(page)
        while self.nr_ghosts > self.ghost_size:
            self.run_test_hand()

    def run_test_hand(self) -> None:
        page = self.clock.hands["test"]
        while not self.pages[page].test:
            page = self.clock.newer[page]
        self.clock.hands["test"] = page
        self.end_test(page)

    def promotes(self, page: int) -> bool:
        """Whether a page used in its test period becomes hot."""
        state = self.pages[page]
        self.adapt(1)
        state.used = False
        while self.nr_hot >= self.size - self.cold_target:
            if self.nr_hot == 0 or not state.test or not self.run_hot_hand(page):
                return False
        return True

    def run_hot_hand(self, limit: int) -> bool:
        """Demotes a hot page that was not used, if one is older than `limit`; the hand stops at the next hot one."""
        demoted = False
        while not demoted and self.clock.hands["hot"] not in (limit, END):
            page = self.clock.hands["hot"]
            if not self.pages[page].hot:
                self.clock.hands["hot"] = self.clock.newer[page]
                self.end_test(page)
                continue
            demoted = not self.pages[page].used
            self.put(page, Page(hot=not demoted))
            self.nr_hot -= demoted
            self.nr_cold += demoted
        while self.nr_hot > 0 and not self.pages[self.clock.hands["hot"]].hot:
            page = self.clock.hands["hot"]
            self.clock.hands["hot"] = self.clock.newer[page]
            self.end_test(page)
        return demoted


def misses(trace: Sequence[int], size: int, cold_percent: int = 1, ghost_percent: int = 100) -> list[bool]:
    """Whether each access misses."""
    cache = ClockPro(size, cold_percent, ghost_percent)
    return [cache.access(page) for page in trace]
