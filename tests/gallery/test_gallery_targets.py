"""In what numbers the targets of ARC and CAR are kept: what fixed point costs, and what whole folios would.

The references run in Q32 (as the programs do), in floating point (as libCacheSim does), exactly, and in whole folios.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.gallery.test_gallery_counts import LONGER, MADE_UP, SHARES, stretch_of
from tests.gallery.textbook import arc, car
from tests.runtime.policies import events

Misses = Callable[..., list[bool]]
ACCESSES = 30_000
"""Of each trace."""

each = pytest.mark.parametrize("misses", [arc.misses, car.misses], ids=["arc", "car"])


@each
@pytest.mark.parametrize("trace", ("mem_gcc", "mem_sqlite", *MADE_UP), ids=lambda name: name.partition(":")[0])
def test_q32_decides_as_floating_point_does(misses: Misses, trace: str) -> None:
    stretch = stretch_of(trace, ACCESSES)
    pages = stretch.page.tolist()
    for share in SHARES:
        size = int(stretch.nr_pages * share)
        assert misses(pages, size, target="q32") == misses(pages, size, target="float"), size


@each
@pytest.mark.parametrize("name", LONGER)
def test_q32_is_next_to_exact_in_the_smallest_memory(misses: Misses, name: str) -> None:
    """A third three times is less than one in Q32: a target may stand just below a whole number instead of at it."""
    trace = events(LONGER[name]).page.tolist()
    for size in (3, 10, 50):
        exact, fixed = (sum(misses(trace, size, target=target)) for target in ("exact", "q32"))
        assert abs(exact - fixed) <= 1, size


@each
def test_whole_folios_decide_otherwise(misses: Misses) -> None:
    """By 1.5% of the misses here, for the worse; by less, and either way, elsewhere."""
    trace = stretch_of("mem_sqlite", ACCESSES).page.tolist()
    fixed, whole = (sum(misses(trace, 103, target=target)) for target in ("q32", "integer"))
    assert whole > fixed * 1.01
