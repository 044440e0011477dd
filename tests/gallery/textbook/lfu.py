"""Least frequently used, counted while a page is resident; of equals, the one that came to its count first leaves."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Sequence


def misses(trace: Sequence[int], size: int) -> list[bool]:
    """Whether each access misses. `with_count[n]` holds the pages used `n` times, in the order they came there."""
    with_count: defaultdict[int, OrderedDict[int, None]] = defaultdict(OrderedDict)
    uses: dict[int, int] = {}
    least = 1
    missed = []
    for page in trace:
        missed.append(page not in uses)
        if missed[-1]:
            if len(uses) == size:
                while not with_count[least]:
                    least += 1
                victim, _ = with_count[least].popitem(last=False)
                del uses[victim]
            uses[page] = 0
            least = 1
        else:
            del with_count[uses[page]][page]
        uses[page] += 1
        with_count[uses[page]][page] = None
    return missed
