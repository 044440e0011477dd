"""Maps of kind `array`: all elements at once, and nothing beside them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.core import arrays, maps
from runtime.core.context import Context
from runtime.machine import Machine
from runtime.regions import Attachment
from runtime.simulation import Simulation
from tests.runtime.policies import compiled, context_of, executor

POLICY = """
policy arrays;
map before: hash<u64, u64>[3];
map tested: array<u64, {element}>[{size}];
map after: array<u64, u64>[2];
list queue;
hook folio_added(f) {{ queue.push_tail(f); }}
hook evict_folios(ctx) {{ scan f in queue limit 1 {{ ctx.evict(f); }} }}
"""
BEFORE, TESTED, AFTER = range(3)
BITS = {"u8": 8, "u16": 16, "u32": 32, "u64": 64}


def array_context(element: str, size: int) -> Context:
    policy = compiled(POLICY.format(element=element, size=size))
    return context_of(Simulation(Attachment(policy), Machine(4), executor("python", policy, False)))


def stored(ctx: Context, element: str, size: int) -> list[int]:
    """The elements, read by their references."""
    whole = b"".join((word & ((1 << 64) - 1)).to_bytes(8, "little") for word in ctx.map_values)
    width = BITS[element] // 8
    places = [arrays.array_lookup(ctx, 0, TESTED, i) for i in range(size)]
    assert 0 not in places and len(set(places)) == size
    return [int.from_bytes(whole[at : at + width], "little") for at in places]


@pytest.mark.parametrize("element", BITS)
@given(size=st.integers(1, 21), data=st.data())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_filled_and_halved(element: str, size: int, data: st.DataObject) -> None:
    ctx = array_context(element, size)
    expected = [0] * size
    assert stored(ctx, element, size) == expected
    for value in data.draw(st.lists(st.none() | st.integers(0, (1 << BITS[element]) - 1), max_size=6)):
        if value is None:
            arrays.map_halve(ctx, 0, TESTED)
            expected = [old // 2 for old in expected]
        else:
            arrays.map_fill(ctx, 0, TESTED, value - (1 << 64) if value >> 63 else value)
            expected = [value] * size
        assert stored(ctx, element, size) == expected
    assert maps.map_len(ctx, 0, BEFORE) == 0
    assert [ctx.map_values[arrays.array_lookup(ctx, 0, AFTER, i) // 8] for i in range(2)] == [0, 0]


@pytest.mark.parametrize("index", [5, 6, (1 << 63) - 1, -1, -(1 << 63)])
def test_no_element_past_the_end(index: int) -> None:
    ctx = array_context("u8", 5)
    assert arrays.array_lookup(ctx, 0, TESTED, index) == 0
    assert arrays.array_lookup(ctx, 0, TESTED, 4) != 0


def test_an_array_of_nothing() -> None:
    ctx = array_context("u64", 0)
    assert arrays.array_lookup(ctx, 0, TESTED, 0) == 0
    arrays.map_halve(ctx, 0, TESTED)
    arrays.map_fill(ctx, 0, TESTED, 7)
    assert ctx.map_values[arrays.array_lookup(ctx, 0, AFTER, 0) // 8] == 0
