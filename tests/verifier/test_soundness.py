"""What the verifier says of random policies, against runs of them.

Every accepted policy runs without a trap, loses no folio and keeps to its stated cost, and at every instruction the
concrete state lies inside the abstract one.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from concrete import FOLIOS, Machine, TooLong
from generate import handles, numeric

from dsl import ir
from dsl.abi import HOOKS
from verifier.domains.reference import Folio, Nullness, Reference
from verifier.domains.value import Scalar
from verifier.explain import Explainer
from verifier.fixpoint import Fixpoint
from verifier.state import State, Value
from verifier.verify import verify

RUNS = 6


class _States:
    """The abstract state before each instruction, and the comparison with a concrete one."""

    def __init__(self, policy: ir.Policy) -> None:
        self.function = policy.hooks[0]
        self.found: dict[int, State] = {}
        fixpoint = Fixpoint(policy, self.function, Explainer(), self._observe)
        fixpoint.run()
        self.layout = fixpoint.space.layout

    def _observe(self, node: ir.Node, state: State, space: object) -> None:
        self.found[id(node)] = state.fork()

    def compare(self, node: ir.Node, machine: Machine) -> None:
        state = self.found.get(id(node))
        assert state is not None, f"{node} was thought to be out of reach"
        for index, concrete in machine.registers.items():
            cell = self.layout.registers + index
            assert _describes(state, state.value(cell), concrete, machine), (node, index, concrete, state.value(cell))
        for number, cell in self.layout.states.items():
            value = state.value(cell)
            assert isinstance(value, Scalar) and value.contains(machine.states[number, 0])


def _describes(state: State, value: Value, concrete: object, machine: Machine) -> bool:
    if isinstance(value, Scalar):
        return isinstance(concrete, int) and value.contains(concrete)
    if isinstance(value, Folio):
        null = Nullness.NULL if concrete == 0 else Nullness.NOT_NULL
        return value.nullness.includes(null) and (not value.owns or concrete == 0 or concrete in machine.detached)
    if isinstance(value, Reference):
        null = Nullness.NULL if concrete == 0 else Nullness.NOT_NULL
        alive = isinstance(concrete, tuple) and concrete[0] == machine.generations.get(value.table, 0)
        claims_alive = state.cells[value.table] == value.epoch
        return value.nullness.includes(null) and (concrete == 0 or alive or not claims_alive)
    return True


def check(policy: ir.Policy, seed: int) -> bool:
    """Runs `policy` if it is accepted; returns whether it was."""
    verdict = verify(policy)
    if not verdict.accepted:
        return False
    states = _States(policy)
    cost = verdict.costs[0]
    for run in range(RUNS):
        machine = Machine(policy, policy.hooks[0], random.Random(seed * RUNS + run), states.compare)
        try:
            machine.run()
        except TooLong:
            continue
        assert machine.steps <= cost.constant + cost.per_folio * len(FOLIOS)
    return True


@pytest.mark.parametrize(("generate", "count", "least"), [(numeric, 150, 100), (handles, 400, 100)])
def test_accepted_policies_do_what_was_proved(generate: Callable[[int], ir.Policy], count: int, least: int) -> None:
    accepted = sum(check(generate(seed), seed) for seed in range(count))
    assert accepted >= least, f"only {accepted} of {count} were accepted: little was tested"


def test_the_hook_of_the_generators_exists() -> None:
    assert HOOKS["evict_folios"].result is None
