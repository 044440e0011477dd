"""LFU with dynamic aging: Arlitt, Cherkasova, Dilley, Friedrich, Jin, "Evaluating Content Management Techniques for
Web Proxy Caches", 1999.

A page's key is its uses plus the cache's age when it was last used; the age is the key of the page evicted last. Of
equal keys, the one that was set first leaves.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence


def misses(trace: Sequence[int], size: int) -> list[bool]:
    """Whether each access misses. Entries of the heap that a later use has outdated are passed over."""
    heap: list[tuple[int, int, int]] = []
    uses: dict[int, int] = {}
    set_at: dict[int, int] = {}
    age = 0
    missed = []
    for now, page in enumerate(trace):
        missed.append(page not in uses)
        if missed[-1] and len(uses) == size:
            while True:
                key, time, victim = heapq.heappop(heap)
                if set_at.get(victim) == time:
                    break
            age = key
            del uses[victim], set_at[victim]
        uses[page] = uses.get(page, 0) + 1
        set_at[page] = now
        heapq.heappush(heap, (uses[page] + age, now, page))
    return missed
