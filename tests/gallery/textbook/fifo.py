"""First in, first out."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence


def misses(trace: Sequence[int], size: int) -> list[bool]:
    """Whether each access misses."""
    queue: deque[int] = deque()
    resident: set[int] = set()
    missed = []
    for page in trace:
        missed.append(page not in resident)
        if missed[-1]:
            if len(queue) == size:
                resident.remove(queue.popleft())
            queue.append(page)
            resident.add(page)
    return missed
