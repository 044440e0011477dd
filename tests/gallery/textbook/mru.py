"""Most recently used: what was used last leaves first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence


def misses(trace: Sequence[int], size: int) -> list[bool]:
    """Whether each access misses."""
    recent: OrderedDict[int, None] = OrderedDict()
    missed = []
    for page in trace:
        missed.append(page not in recent)
        if missed[-1] and len(recent) == size:
            recent.popitem(last=True)
        recent[page] = None
        recent.move_to_end(page)
    return missed
