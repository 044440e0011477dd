"""The kfuncs of bags and heaps do what Python's lists and sorting do, and a policy that uses them leaves the same
memory behind in every executor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from runtime.core import bags, heaps, lists
from runtime.core import layout as core
from runtime.core.folio import folio_alloc
from runtime.core.invariants import check_index
from runtime.machine import Machine
from runtime.regions import Attachment
from runtime.simulation import Simulation
from tests.gallery.textbook.generator import Generator
from tests.runtime.policies import EVERYTHING, check_invariants, compiled, context_of, events, executor, simulate

FOLIOS = 12
POLICY = """
policy indexes;
list queue;
bag one;
heap two;
bag three;
heap four;
hook folio_added(f) { queue.push_tail(f); }
hook evict_folios(ctx) { scan f in queue limit 1 { ctx.evict(f); } }
"""
LISTS, BAGS, HEAPS = range(5), (1, 3), (2, 4)
MASK64 = (1 << 64) - 1

numbers = st.sampled_from(LISTS)
bag_numbers = st.sampled_from(BAGS)
heap_numbers = st.sampled_from(HEAPS)
folios = st.integers(0, FOLIOS - 1)
keys = st.one_of(st.integers(0, 4), st.sampled_from([(1 << 63) - 1, 1 << 63, MASK64]))


class IndexMachine(RuleBasedStateMachine):
    """Folios on a list, two bags and two heaps. `order` has those of each in the order of the list; `arrays` those of a
    bag as it keeps them; `keys` the key and the turn of each folio on a heap."""

    @initialize()
    def attach(self) -> None:
        policy = compiled(POLICY)
        machine = Machine(FOLIOS, seed=5)
        self.ctx = context_of(Simulation(Attachment(policy), machine, executor("python", policy, False)))
        self.rows = [folio_alloc(self.ctx, 0, page, 0) for page in range(FOLIOS)]
        self.heads = [core.FIRST_POLICY_LIST + number for number in LISTS]
        self.order: list[list[int]] = [[] for _ in LISTS]
        self.arrays: dict[int, list[int]] = {number: [] for number in BAGS}
        self.keys: dict[int, tuple[int, int]] = {}
        self.generator = Generator(5)
        self.turns = 0

    def leave(self, f: int) -> bool:
        """Take a folio off wherever it is."""
        number = next((n for n in LISTS if f in self.order[n]), None)
        if number is None:
            return False
        self.order[number].remove(f)
        self.keys.pop(f, None)
        if number in BAGS:
            array = self.arrays[number]
            last = array.pop()
            if last != f:
                array[array.index(f)] = last
        return True

    def join(self, number: int, f: int, key: int, place: int | None = None) -> None:
        self.order[number].insert(len(self.order[number]) if place is None else place, f)
        if number in BAGS:
            self.arrays[number].append(f)
        if number in HEAPS:
            self.turns += 1
            self.keys[f] = (key, self.turns)

    @rule(number=st.sampled_from([0, *BAGS]), f=folios, at_head=st.booleans())
    def push(self, number: int, f: int, at_head: bool) -> None:
        (lists.list_push_head if at_head else lists.list_push_tail)(self.ctx, 0, self.heads[number], self.rows[f])
        if not any(f in order for order in self.order):
            self.join(number, f, 0, 0 if at_head else None)

    @rule(number=heap_numbers, f=folios, key=keys)
    def push_on_heap(self, number: int, f: int, key: int) -> None:
        signed = key - (1 << 64) if key >> 63 else key
        lists.heap_push(self.ctx, 0, self.heads[number], self.rows[f], signed)
        if not any(f in order for order in self.order):
            self.join(number, f, key)

    @rule(number=st.sampled_from([0, *BAGS]), f=folios, at_head=st.booleans())
    def move(self, number: int, f: int, at_head: bool) -> None:
        moved = (lists.list_move_head if at_head else lists.list_move_tail)(
            self.ctx, 0, self.heads[number], self.rows[f]
        )
        stays = number in BAGS and f in self.order[number]
        array = list(self.arrays[number]) if stays else []
        assert moved == self.leave(f)
        if moved:
            self.join(number, f, 0, 0 if at_head else None)
        if stays:
            self.arrays[number] = array

    @rule(number=heap_numbers, f=folios, key=keys)
    def move_on_heap(self, number: int, f: int, key: int) -> None:
        signed = key - (1 << 64) if key >> 63 else key
        moved = lists.heap_move(self.ctx, 0, self.heads[number], self.rows[f], signed)
        assert moved == self.leave(f)
        if moved:
            self.join(number, f, key)

    @rule(number=numbers)
    def pop(self, number: int) -> None:
        take = lists.heap_pop_head if number in HEAPS else lists.list_pop_head
        f = take(self.ctx, 0, self.heads[number])
        if not self.order[number]:
            assert f == 0
            return
        expected = min(self.order[number], key=self.keys.__getitem__) if number in HEAPS else self.order[number][0]
        assert f == self.rows[expected]
        self.leave(expected)

    @rule(number=bag_numbers)
    def draw(self, number: int) -> None:
        array = self.arrays[number]
        expected = array[(self.generator.random() >> 32) * len(array) >> 32] if array else None
        assert bags.bag_random(self.ctx, 0, self.heads[number]) == (0 if expected is None else self.rows[expected])

    @rule(f=folios)
    def look_up(self, f: int) -> None:
        self.ctx.page_table[f] = self.rows[f]
        self.ctx.state[core.NR_PAGE_IDS] = FOLIOS
        listed = any(f in order for order in self.order)
        assert lists.resident_folio(self.ctx, 0, f) == (self.rows[f] if listed else 0)
        assert lists.resident_folio(self.ctx, 0, FOLIOS) == lists.resident_folio(self.ctx, 0, -1) == 0

    @invariant()
    def all_is_as_in_the_model(self) -> None:
        if not hasattr(self, "ctx"):
            return
        for number in LISTS:
            head, order = self.heads[number], self.order[number]
            assert lists.list_len(self.ctx, 0, head) == len(order)
            assert lists.list_head(self.ctx, 0, head) == (self.rows[order[0]] if order else 0)
            assert lists.list_tail(self.ctx, 0, head) == (self.rows[order[-1]] if order else 0)
            check_index(self.ctx, head)
        assert self.ctx.state[core.STATUS] == core.STATUS_RUNNING
        for number in HEAPS:
            head, order = self.heads[number], self.order[number]
            least = min(order, key=self.keys.__getitem__, default=None)
            assert heaps.heap_head(self.ctx, 0, head) == (0 if least is None else self.rows[least])
            for f in range(FOLIOS):
                key = heaps.heap_key_of(self.ctx, 0, head, self.rows[f]) & MASK64
                assert key == (self.keys[f][0] if f in order else 0)


TestIndexes = IndexMachine.TestCase
TestIndexes.settings = settings(max_examples=80, stateful_step_count=60, deadline=None, derandomize=True)


@pytest.mark.parametrize("ideal", [False, True], ids=["kernel", "ideal"])
def test_the_same_memory_in_every_executor(ideal: bool) -> None:
    generator = np.random.default_rng(7)
    trace = events(generator.zipf(1.2, 1500) % 150, generator.choice([0, 1, 2, 3, 10, 11], 1500))
    digests = set()
    for kind in ("python", "interpreted", "O0", "O3"):
        simulation = simulate(compiled(EVERYTHING), trace, Machine(40, ideal, seed=3), kind)
        check_invariants(simulation)
        assert not simulation.stopped and simulation.counters()["evictions"] > 100
        digests.add(simulation.digest())
    assert len(digests) == 1


def test_another_seed_draws_other_folios() -> None:
    trace = events(np.random.default_rng(1).integers(0, 100, 2000))
    counts = {
        seed: simulate(compiled(EVERYTHING), trace, Machine(40, True, seed=seed)).counters()["misses"]
        for seed in (0, 1, 0)
    }
    assert counts[0] != counts[1]
