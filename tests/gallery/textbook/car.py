"""CAR: Bansal and Modha, "CAR: Clock with Adaptive Replacement", FAST 2004, figure 2."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from fractions import Fraction

from tests.gallery.textbook.arc import Pages, Target, ratio

Clock = OrderedDict[int, bool]
"""Pages from the hand on, each with its reference bit."""


def misses(trace: Sequence[int], size: int, target: Target = "q32") -> list[bool]:
    """Whether each access misses; `target` says in what numbers the target size of T1 is kept."""
    t1, t2 = Clock(), Clock()
    b1, b2 = Pages(), Pages()
    p: float | Fraction = 0
    missed = []

    def replace() -> None:
        while True:
            first = len(t1) >= max(1, p)
            page, referenced = (t1 if first else t2).popitem(last=False)
            if not referenced:
                (b1 if first else b2)[page] = None
                return
            t2[page] = False

    for page in trace:
        missed.append(page not in t1 and page not in t2)
        if not missed[-1]:
            (t1 if page in t1 else t2)[page] = True
            continue
        known = page in b1 or page in b2
        if len(t1) + len(t2) == size:
            replace()
            if not known and len(t1) + len(b1) == size:
                b1.popitem(last=False)
            elif not known and len(t1) + len(t2) + len(b1) + len(b2) == 2 * size:
                b2.popitem(last=False)
        if not known:
            t1[page] = False
            continue
        if page in b1:
            p = min(p + max(1, ratio(len(b2), len(b1), target)), size)
            del b1[page]
        else:
            p = max(p - max(1, ratio(len(b1), len(b2), target)), 0)
            del b2[page]
        t2[page] = False
    return missed
