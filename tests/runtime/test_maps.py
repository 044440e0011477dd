"""The kfuncs of maps do what dictionaries do, whatever the keys hash to."""

from __future__ import annotations

import random
from collections import OrderedDict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from runtime import regions
from runtime.core import layout as core
from runtime.core import maps
from runtime.core.context import Context
from runtime.core.kfuncs import implementation
from runtime.machine import Machine
from runtime.regions import Attachment
from runtime.simulation import Simulation
from tests.runtime.policies import compiled, context_of, executor

POLICY = """
policy maps;
param size: u64 = 5 in 0..=100;
struct pair {{ a: u64, b: u32 }}
list queue;
map other: hash<u64, u8>[3];
map tested: {kind}<u64, pair>[size];
hook folio_added(f) {{ queue.push_tail(f); }}
hook evict_folios(ctx) {{ scan f in queue limit 1 {{ ctx.evict(f); }} }}
"""
TESTED = 1
MASK64 = (1 << 64) - 1


def signed(key: int) -> int:
    """A key as the core holds it."""
    return key - (1 << 64) if key >> 63 else key


def map_context(kind: str, size: int) -> Context:
    policy = compiled(POLICY.format(kind=kind))
    return context_of(Simulation(Attachment(policy, {"size": size}), Machine(4), executor("python", policy, False)))


def order_of(ctx: Context, m: int) -> list[int]:
    """The keys of a map, oldest first."""
    end = entry = ctx.maps[m, core.MAP_ENTRY]
    keys = []
    while (entry := ctx.map_links[entry, core.MAP_NEXT]) != end:
        keys.append(ctx.map_keys[entry + core.MAP_KEY] & MASK64)
    return keys


def value_at(ctx: Context, at: int) -> tuple[int, int]:
    """The two words of a value."""
    return ctx.map_values[at // 8], ctx.map_values[at // 8 + 1]


def check_index(ctx: Context, m: int) -> None:
    """Every entry on the ring has one slot, and no empty slot lies between its home and its slot."""
    index, mask = ctx.maps[m, core.MAP_INDEX], ctx.maps[m, core.MAP_MASK]
    slots = {s: ctx.map_index[index + s] for s in range(mask + 1) if ctx.map_index[index + s] != 0}
    assert len(slots) == len(set(slots.values())) == ctx.maps[m, core.MAP_LEN]
    for slot, entry in slots.items():
        number, rest = divmod(entry - ctx.maps[m, core.MAP_ENTRY], ctx.maps[m, core.MAP_STRIDE])
        assert rest == 0 and 1 <= number <= ctx.maps[m, core.MAP_CAPACITY] + 1  # one is to spare
        probe = maps.map_home(ctx, m, ctx.map_keys[entry + core.MAP_KEY])
        while probe != slot:
            assert probe in slots
            probe = (probe + 1) & mask


def colliding(count: int) -> list[int]:
    """Keys that begin their probe at the same slot or the next, in a map for five entries."""
    ctx = map_context("hash", 5)
    last = ctx.maps[TESTED, core.MAP_MASK]
    keys = range(1, 4000)
    return [k for k in keys if maps.map_home(ctx, TESTED, k) in (last, 0)][:count]


KEYS = st.one_of(
    st.sampled_from([0, 1, 2, 3, (1 << 63) - 1, 1 << 63, MASK64 - 1, MASK64]),
    st.sampled_from(colliding(12)),
    st.integers(0, MASK64),
)


WORDS = st.integers(-(1 << 63), (1 << 63) - 1)


class MapMachine(RuleBasedStateMachine):
    """A map against an `OrderedDict` of its values."""

    kind = "hash"

    @initialize(size=st.integers(0, 9))
    def attach(self, size: int) -> None:
        self.size = size
        self.ctx = map_context(self.kind, size)
        self.model: OrderedDict[int, tuple[int, int]] = OrderedDict()
        self.insert_function: Any = implementation("map_insert", self.kind)

    def value(self, key: int) -> int:
        return maps.map_lookup(self.ctx, 0, TESTED, signed(key))

    @rule(key=KEYS)
    def insert(self, key: int) -> None:
        room = key in self.model or len(self.model) < self.size or (self.kind == "lru_hash" and self.size > 0)
        assert self.insert_function(self.ctx, 0, TESTED, signed(key)) == room
        if not room:
            return
        if key not in self.model and len(self.model) == self.size:
            self.model.popitem(last=False)
        self.model.setdefault(key, (0, 0))
        if self.kind == "lru_hash":
            self.model.move_to_end(key)

    @rule(key=KEYS)
    def delete(self, key: int) -> None:
        assert maps.map_delete(self.ctx, 0, TESTED, signed(key)) == (key in self.model)
        self.model.pop(key, None)

    @rule(data=st.data())
    def delete_one_that_is_there(self, data: st.DataObject) -> None:
        if self.model:
            self.delete(data.draw(st.sampled_from(list(self.model))))

    @rule(key=KEYS)
    def touch(self, key: int) -> None:
        if self.kind == "lru_hash":
            assert maps.map_touch(self.ctx, 0, TESTED, signed(key)) == (key in self.model)
            if key in self.model:
                self.model.move_to_end(key)

    @rule(key=KEYS, value=st.tuples(WORDS, WORDS))
    def store(self, key: int, value: tuple[int, int]) -> None:
        at = self.value(key)
        assert (at != 0) == (key in self.model)
        if at:
            self.ctx.map_values[at // 8], self.ctx.map_values[at // 8 + 1] = value
            self.model[key] = value

    @rule(data=st.data(), newest=st.booleans())
    def move(self, data: st.DataObject, newest: bool) -> None:
        if self.model:
            key = data.draw(st.sampled_from(list(self.model)))
            moved = maps.map_make_newest if newest else maps.map_make_oldest
            moved(self.ctx, 0, TESTED, self.value(key))
            self.model.move_to_end(key, last=newest)

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        if self.model:
            key = data.draw(st.sampled_from(list(self.model)))
            maps.map_remove_entry(self.ctx, 0, TESTED, self.value(key))
            del self.model[key]

    @rule()
    def pop_oldest(self) -> None:
        assert maps.map_pop_oldest(self.ctx, 0, TESTED) == bool(self.model)
        if self.model:
            self.model.popitem(last=False)

    @rule(key=KEYS)
    def look(self, key: int) -> None:
        """A look-up does not refresh: the order is compared afterwards."""
        assert maps.map_contains(self.ctx, 0, TESTED, signed(key)) == (key in self.model)

    @invariant()
    def the_map_is_the_models(self) -> None:
        if not hasattr(self, "ctx"):
            return
        assert order_of(self.ctx, TESTED) == list(self.model)
        assert maps.map_len(self.ctx, 0, TESTED) == len(self.model)
        assert maps.map_capacity(self.ctx, 0, TESTED) == self.size
        for key, value in self.model.items():
            assert value_at(self.ctx, self.value(key)) == value
        assert self.walked(maps.map_oldest, maps.map_newer) == list(self.model)
        assert self.walked(maps.map_newest, maps.map_older) == list(reversed(self.model))
        check_index(self.ctx, TESTED)
        assert maps.map_len(self.ctx, 0, 0) == 0, "the neighbour"

    def walked(self, first: Any, following: Any) -> list[int]:
        """The keys on a walk by reference."""
        keys, at = [], first(self.ctx, 0, TESTED)
        while at:
            keys.append(maps.ref_key(self.ctx, 0, TESTED, at) & MASK64)
            at = following(self.ctx, 0, TESTED, at)
        return keys


class LruMapMachine(MapMachine):
    kind = "lru_hash"


SETTINGS = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True)
MapMachine.TestCase.settings = SETTINGS
LruMapMachine.TestCase.settings = SETTINGS
TestHash = MapMachine.TestCase
TestLruHash = LruMapMachine.TestCase


@pytest.mark.parametrize("kind", ["hash", "lru_hash"])
@given(seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_entries_do_not_depend_on_what_keys_hash_to(kind: str, seed: int) -> None:
    """The same operations under other names of the keys leave the same results, in the same order."""
    chance = random.Random(seed)
    steps = [(chance.choice(("insert", "insert", "delete")), chance.randrange(12)) for _ in range(80)]
    names = [list(range(12)), colliding(12), [chance.getrandbits(64) for _ in range(12)]]
    results = []
    for keys in names:
        ctx = map_context(kind, 6)
        functions: dict[str, Any] = {"insert": implementation("map_insert", kind), "delete": maps.map_delete}
        told = [functions[step](ctx, 0, TESTED, signed(keys[k])) for step, k in steps]
        results.append((told, [keys.index(k) for k in order_of(ctx, TESTED)]))
    assert results[0] == results[1] == results[2]


def test_a_full_map_of_keys_with_one_home() -> None:
    ctx = map_context("hash", 5)
    keys = colliding(6)
    assert [maps.hash_insert(ctx, 0, TESTED, k) for k in keys] == [True] * 5 + [False]
    assert maps.map_delete(ctx, 0, TESTED, keys[0])
    assert [maps.map_contains(ctx, 0, TESTED, k) for k in keys] == [False, True, True, True, True, False]
    check_index(ctx, TESTED)


def test_a_value_begins_as_zeros_again() -> None:
    ctx = map_context("hash", 1)
    maps.hash_insert(ctx, 0, TESTED, 7)
    ctx.map_values[maps.map_lookup(ctx, 0, TESTED, 7) // 8] = 255
    maps.map_delete(ctx, 0, TESTED, 7)
    maps.hash_insert(ctx, 0, TESTED, 8)
    assert value_at(ctx, maps.map_lookup(ctx, 0, TESTED, 8)) == (0, 0)


def test_keys_that_a_policy_makes_up_do_not_meet_at_one_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a multiplier that everyone knows a policy makes keys of one home, and each of its calls, which are counted
    as 40 steps, probes all of them."""
    inverse = pow(regions.GOLDEN_RATIO, -1, 1 << 64)
    products = [number * inverse & MASK64 for number in range(100)]
    keys = [signed(product ^ product >> 32) for product in products]
    homes = []
    for multiplier in (regions.GOLDEN_RATIO, 0x1234_5678_9ABC_DEF1):
        monkeypatch.setattr(regions, "SECRET", multiplier)
        ctx = map_context("hash", 100)
        homes.append(len({maps.map_home(ctx, TESTED, key) for key in keys}))
    assert homes[0] == 1 and homes[1] > 50


def test_nobody_knows_the_multiplier_but_of_pages() -> None:
    policy = compiled("policy p; map m: hash<u64>[4]; map n: hash<page_key>[4]; hook evict_folios(ctx) {}")
    simulation = Simulation(Attachment(policy), Machine(4), executor("python", policy, False))
    secret, known = (
        context_of(simulation).maps[0, core.MAP_MULTIPLIER],
        context_of(simulation).maps[1, core.MAP_MULTIPLIER],
    )
    assert secret & 1 and secret == regions.SECRET and known == regions.GOLDEN_RATIO
