"""2Q, the full version: Johnson and Shasha, "2Q: A Low Overhead High Performance Buffer Management Replacement
Algorithm", VLDB 1994."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence


def misses(trace: Sequence[int], size: int, in_percent: int = 25, out_percent: int = 50) -> list[bool]:
    """Whether each access misses. A page leaves A1out when it comes back, before room is made for it."""
    a1in: OrderedDict[int, None] = OrderedDict()
    a1out: OrderedDict[int, None] = OrderedDict()
    am: OrderedDict[int, None] = OrderedDict()
    in_size, out_size = size * in_percent // 100, size * out_percent // 100
    missed = []
    for page in trace:
        missed.append(page not in a1in and page not in am)
        if page in am:
            am.move_to_end(page)
        if not missed[-1]:
            continue
        returned = page in a1out
        if returned:
            del a1out[page]
        if len(a1in) + len(am) == size:
            if len(a1in) > in_size or not am:
                victim, _ = a1in.popitem(last=False)
                a1out[victim] = None
                if len(a1out) > out_size:
                    a1out.popitem(last=False)
            else:
                am.popitem(last=False)
        (am if returned else a1in)[page] = None
    return missed
