"""Segmented LRU: Karedla, Love, Wherry, "Caching Strategies to Improve Disk System Performance", 1994; with more than
two segments, as in Huang and others, "An Analysis of Facebook Photo Caching", SOSP 2013.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence


def misses(
    trace: Sequence[int],
    size: int,
    segments: int = 4,
    lowest_percent: int = 25,
    fill: bool = True,
    evict_on_hit: bool = False,
) -> list[bool]:
    """Whether each access misses. `fill`: a new page starts in the lowest segment that has room, rather than always in
    the lowest; `evict_on_hit`: a hit that pushes a page into a lowest segment above its size evicts at once. Both are
    libCacheSim's."""
    lists: list[OrderedDict[int, None]] = [OrderedDict() for _ in range(segments)]
    sizes = [size * lowest_percent // 100] + [size * (100 - lowest_percent) // 100 // (segments - 1)] * (segments - 1)
    segment_of: dict[int, int] = {}

    def place(page: int, i: int) -> None:
        """Put a page at the recent end of segment `i`, and what is too much there one segment down, and so on."""
        lists[i][page] = None
        segment_of[page] = i
        while i > 0 and len(lists[i]) > sizes[i]:
            place(lists[i].popitem(last=False)[0], i - 1)
        while i == 0 and evict_on_hit and len(lists[0]) > sizes[0]:
            del segment_of[lists[0].popitem(last=False)[0]]

    missed = []
    for page in trace:
        missed.append(page not in segment_of)
        if not missed[-1]:
            i = segment_of[page]
            del lists[i][page]
            place(page, min(i + 1, segments - 1))
            continue
        if len(segment_of) == size:
            lowest = next(pages for pages in lists if pages)
            del segment_of[lowest.popitem(last=False)[0]]
        room = [i for i in range(segments) if len(lists[i]) < sizes[i]] if fill else []
        start = room[0] if room else 0
        lists[start][page] = None
        segment_of[page] = start
    return missed
