"""Sizes of maps come from constants, params and memory; too large a one is refused at attach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl import abi
from runtime.machine import Machine
from runtime.map_sizes import BYTES_AT_LEAST, BYTES_PER_PAGE, AttachError, MapPlace, evaluate, place_maps
from runtime.regions import Attachment
from runtime.simulation import Simulation
from tests.runtime.policies import compiled, executor

POLICY = """
policy sized;
param factor: u64 = 2 in 0..=0xffff_ffff;
const HALF: u64 = 2;
list queue;
struct big {{ a: u64, b: u64, c: u64 }}
map tested: hash<u64, {value}>[{size}];
hook folio_added(f) {{ queue.push_tail(f); }}
hook evict_folios(ctx) {{ scan f in queue limit 1 {{ ctx.evict(f); }} }}
"""


def place(size: str, nr_pages: int = 100, factor: int = 2, value: str = "u8") -> MapPlace:
    policy = compiled(POLICY.format(size=size, value=value))
    stride = {"u8": 8, "big": 24}[value]
    (found,) = place_maps(policy.maps, [stride], nr_pages, [factor])
    return found


@pytest.mark.parametrize(
    ("size", "capacity"),
    [
        ("17", 17), ("nr_pages", 100), ("nr_pages * 9 / 10", 90), ("nr_pages / HALF + 1", 51), ("nr_pages - 101", 0),
        ("nr_pages % 7", 2), ("min(nr_pages, 30)", 30), ("max(nr_pages, 130)", 130), ("nr_pages * factor", 200),
        ("nr_pages / (factor - 2)", 0), ("nr_pages % (factor - 2)", 100), ("(nr_pages - 200) + 5", 5),
        ("nr_pages * 0xffff_ffff / 0xffff_ffff", 100),
    ],
)  # fmt: skip
def test_capacities(size: str, capacity: int) -> None:
    assert place(size).capacity == capacity


@given(st.integers(0, 1 << 40), st.integers(0, 1 << 40))
def test_sizes_do_not_wrap(a: int, b: int) -> None:
    assert evaluate((a, b, "*", 1 << 30, "*"), 1, ()) == a * b << 30
    assert evaluate((a, b, "-"), 1, ()) == max(a - b, 0)


@pytest.mark.parametrize("capacity", [0, 1, 2, 3, 4, 5, 63, 64, 65, 1000])
def test_at_most_half_of_the_index_is_used(capacity: int) -> None:
    found = place(str(capacity))
    assert found.words == (capacity + 2) * 3  # links, key, value; the ring's end and one to spare
    assert found.slots & (found.slots - 1) == 0
    assert found.slots >= max(2 * capacity, 1)


def test_more_entries_than_folios_are_refused() -> None:
    with pytest.raises(
        AttachError, match=r"map `tested` would have 429,496,729,500 entries; the most is 4,294,967,294"
    ):
        place("nr_pages * factor", 100, 0xFFFF_FFFF)


def test_more_bytes_than_the_limit_are_refused() -> None:
    nr_pages = 1000
    limit = BYTES_PER_PAGE * nr_pages + BYTES_AT_LEAST
    low, high = 1, 1 << 24
    while high - low > 1:  # the largest map that is allowed
        middle = (low + high) // 2
        try:
            place(str(middle), nr_pages, value="big")
            low = middle
        except AttachError:
            high = middle
    assert place(str(low), nr_pages, value="big").bytes <= limit
    with pytest.raises(AttachError, match=rf"of which `tested` [\d,]+; with 1,000 pages the limit is {limit:,}"):
        place(str(high), nr_pages, value="big")


def test_a_simulation_that_is_too_large_is_refused_before_it_takes_memory() -> None:
    policy = compiled(POLICY.format(size="nr_pages * factor", value="big"))
    with pytest.raises(AttachError):
        Simulation(Attachment(policy, {"factor": 1 << 20}), Machine(1 << 12), executor("python", policy, False))


def test_all_maps_count_together() -> None:
    one = "map m{}: hash<u64>[0x8_0000];"
    text = POLICY.format(size="1", value="u8") + "\n".join(one.format(i) for i in range(abi.MAX_MAPS - 1))
    with pytest.raises(AttachError, match="the maps would take"):
        place_maps(compiled(text).maps, [0] * abi.MAX_MAPS, 100, [2])
