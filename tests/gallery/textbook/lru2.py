"""LRU-2: O'Neil, O'Neil, Weikum, "The LRU-K Page Replacement Algorithm for Database Disk Buffering", SIGMOD 1993,
figure 2.1 with K = 2. Time is counted in accesses, from 1.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Sequence


def misses(trace: Sequence[int], size: int, correlated: int = 0, history_percent: int = 100) -> list[bool]:
    """Whether each access misses.

    `correlated`: accesses within so many of the one before are of the same use (the Correlated Reference Period);
    `history_percent`: for how many evicted pages, against the size, the last use is remembered (the Retained
    Information Period, here by number). Who was used twice leaves after who was used once; of equals, and of pages all
    in a correlated use, the one that was used longest ago leaves.
    """
    used: dict[int, tuple[int, int]] = {}  # the last use and the one before, 0 if not known
    last: OrderedDict[int, int] = OrderedDict()  # the last access, in this order
    heap: list[tuple[int, int, int]] = []  # pages whose last use is over
    waiting: OrderedDict[int, int] = OrderedDict()  # those of `last` whose last use may go on
    history: OrderedDict[int, int] = OrderedDict()
    history_size = size * history_percent // 100
    missed = []
    for now, page in enumerate(trace, 1):
        missed.append(page not in used)
        if missed[-1]:
            before = history.pop(page, 0)
            if len(used) == size:
                while waiting and now - next(iter(waiting.values())) > correlated:
                    ended, time = waiting.popitem(last=False)
                    heapq.heappush(heap, (used[ended][1], time, ended))
                while heap and (heap[0][2] not in last or last[heap[0][2]] != heap[0][1]):
                    heapq.heappop(heap)
                victim = heapq.heappop(heap)[2] if heap else waiting.popitem(last=False)[0]
                if history_size > 0:
                    history[victim] = used[victim][0]
                    if len(history) > history_size:
                        history.popitem(last=False)
                del used[victim], last[victim]
            used[page] = (now, before)
        elif now - last[page] > correlated:
            used[page] = (now, used[page][0] + last[page] - used[page][0])
        last[page] = now
        waiting[page] = now
        waiting.move_to_end(page)
    return missed
