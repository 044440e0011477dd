"""LIRS: Jiang, Zhang, SIGMETRICS 2002.

The stack S holds pages by recency, most recent last, from the least recent LIR page on; the queue Q holds the HIR
pages that are resident. Where the paper leaves room, it is the authors' program (lirs.c, 2002): 1% of memory and at
least 2 pages are for HIR pages, and a reference to the page referenced just before changes nothing
(`merge_repeated`). The stack is not limited.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence


class Lirs:
    def __init__(self, size: int, hir_percent: int, merge_repeated: bool) -> None:
        self.size = size
        self.lir_size = max(size - max(size * hir_percent // 100, 2), 0)
        self.merge_repeated = merge_repeated
        self.stack: OrderedDict[int, None] = OrderedDict()
        self.queue: OrderedDict[int, None] = OrderedDict()
        self.lir: set[int] = set()
        self.last: int | None = None

    def access(self, page: int) -> bool:
        """Whether it misses."""
        if page == self.last and self.merge_repeated:
            return False
        self.last = page
        hit = page in self.lir or page in self.queue
        if not hit and len(self.lir) + len(self.queue) == self.size:
            self.queue.popitem(last=False)
        if page in self.lir:
            self.stack.move_to_end(page)
            self.prune()
        else:
            self.access_hir(page)
        return not hit

    def access_hir(self, page: int) -> None:
        in_stack = page in self.stack
        self.queue.pop(page, None)
        self.stack[page] = None
        self.stack.move_to_end(page)
        if self.lir_size > 0 and (in_stack or len(self.lir) < self.lir_size):
            self.lir.add(page)
            if len(self.lir) > self.lir_size:
                self.demote()
        else:
            self.queue[page] = None
        self.prune()

    def demote(self) -> None:
        """The least recent LIR page, at the bottom of S, becomes a HIR page at the end of Q."""
        bottom, _ = self.stack.popitem(last=False)
        self.lir.remove(bottom)
        self.queue[bottom] = None

    def prune(self) -> None:
        """S begins with a LIR page."""
        while self.stack:
            bottom = next(iter(self.stack))
            if bottom in self.lir:
                return
            del self.stack[bottom]


def misses(trace: Sequence[int], size: int, hir_percent: int = 1, merge_repeated: bool = True) -> list[bool]:
    """Whether each access misses."""
    cache = Lirs(size, hir_percent, merge_repeated)
    return [cache.access(page) for page in trace]
