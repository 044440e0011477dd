"""`opt` misses as often as Belady's policy, and no choice of victims misses less.

(What the policies of `programs/` miss is compared with the textbook's in tests/gallery.)
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.opt import Future
from tests.runtime.policies import events

TRACES = st.lists(st.integers(0, 14), min_size=1, max_size=120)


def belady(trace: Sequence[int], size: int) -> int:
    """The misses of the policy that evicts what is used again last, found by looking."""
    resident: set[int] = set()
    misses = 0
    for i, page in enumerate(trace):
        if page in resident:
            continue
        misses += 1
        if len(resident) == size:
            rest = trace[i + 1 :]
            resident.remove(max(resident, key=lambda p: rest.index(p) if p in rest else len(rest)))
        resident.add(page)
    return misses


def fewest_misses(trace: Sequence[int], size: int) -> int:
    """The fewest misses that any choice of victims has: all reachable contents of the cache are kept."""
    contents: dict[frozenset[int], int] = {frozenset(): 0}
    for page in trace:
        following: dict[frozenset[int], int] = {}
        for cached, misses in contents.items():
            victims = [()] if page in cached or len(cached) < size else [(victim,) for victim in cached]
            for gone in victims:
                after = cached.difference(gone) | {page}
                count = misses + (page not in cached)
                following[after] = min(count, following.get(after, count))
        contents = following
    return min(contents.values())


def optimum(trace: Sequence[int], size: int) -> int:
    made = events(trace)
    return Future(made.page, made.flags, made.nr_pages).misses(size, lambda *_: True)[1]


@given(trace=TRACES, size=st.integers(1, 16))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_opt_is_belady(trace: list[int], size: int) -> None:
    assert optimum(trace, size) == belady(trace, size)


@given(trace=st.lists(st.integers(0, 5), min_size=1, max_size=14), size=st.integers(1, 5))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_nothing_misses_less_than_opt(trace: list[int], size: int) -> None:
    assert optimum(trace, size) == fewest_misses(trace, size)
