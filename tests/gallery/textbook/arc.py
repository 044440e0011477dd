"""ARC: Megiddo and Modha, "ARC: A Self-Tuning, Low Overhead Replacement Cache", FAST 2003, figure 4."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

Pages = OrderedDict[int, None]
Target = Literal["q32", "float", "exact", "integer"]


def ratio(a: int, b: int, target: Target) -> float | Fraction:
    """`a / b` as the target's step: in units of 2^-32, in floating point, exactly, or rounded down."""
    if target == "q32":
        return Fraction((a << 32) // b, 1 << 32)
    if target == "integer":
        return Fraction(a // b)
    return a / b if target == "float" else Fraction(a, b)


def misses(trace: Sequence[int], size: int, target: Target = "q32") -> list[bool]:
    """Whether each access misses; `target` says in what numbers the target size of T1 is kept."""
    t1, t2, b1, b2 = Pages(), Pages(), Pages(), Pages()
    p: float | Fraction = 0
    missed = []

    def replace(page_was_in_b2: bool) -> None:
        if t1 and (len(t1) > p or (page_was_in_b2 and len(t1) == p) or not t2):
            b1[t1.popitem(last=False)[0]] = None
        else:
            b2[t2.popitem(last=False)[0]] = None

    for page in trace:
        full = len(t1) + len(t2) == size
        missed.append(page not in t1 and page not in t2)
        if not missed[-1]:  # case I
            (t1 if page in t1 else t2).pop(page)
            t2[page] = None
        elif page in b1:  # case II
            p = min(p + max(ratio(len(b2), len(b1), target), 1), size)
            del b1[page]
            replace(False)
            t2[page] = None
        elif page in b2:  # case III
            p = max(p - max(ratio(len(b1), len(b2), target), 1), 0)
            del b2[page]
            replace(True)
            t2[page] = None
        else:  # case IV
            if len(t1) + len(b1) == size:
                if b1:
                    b1.popitem(last=False)
                    replace(False)
                else:
                    t1.popitem(last=False)
            elif full:
                if len(t1) + len(t2) + len(b1) + len(b2) == 2 * size:
                    b2.popitem(last=False)
                replace(False)
            t1[page] = None
    return missed
