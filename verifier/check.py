"""Asks whether an obligation holds in an abstract state.

In: a state and an obligation. Out: `holds`, which is true only if the obligation holds in every concrete state that
the abstract one describes; and `assume`, which after a failure makes the state one in which it holds, so that one
mistake gives one error. What cannot be mended so is poisoned: nothing more is said about it. Assuming is sound because
a policy with a failed obligation is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any

from dsl import ir
from verifier.domains import value as scalars
from verifier.domains.reference import GONE, HANDLES, Folio, Nullness, Reference
from verifier.domains.value import Scalar
from verifier.obligations import (
    Alive,
    Droppable,
    Fits,
    InBounds,
    InRange,
    NothingOwned,
    NotNull,
    Obligation,
    Owns,
    Readable,
    ResultKept,
)
from verifier.order import Order
from verifier.refine import Refinement
from verifier.state import POISON, Definition, Space, State, Value, assign
from verifier.transfer import Transfer

Test = Callable[[State, Any], bool]


class Checker:
    """Holds and assumes obligations in the states of one `Space`."""

    def __init__(self, space: Space, transfer: Transfer) -> None:
        self._space = space
        self._layout = space.layout
        self._value = transfer.value
        self._order = Order(space)

    def test_of(self, obligation: Obligation) -> Test:
        """The test that tells whether the obligation is proved; that of `Readable` is the fixpoint's, which asks it of
        every register read. One of an unknown kind is not proved."""
        test: Test = MethodType(TESTS.get(obligation.__class__, Checker._unproved), self)
        return test

    def _unproved(self, state: State, obligation: Obligation) -> bool:
        """Of what is wrong wherever it is reached."""
        return False

    def _not_null(self, state: State, obligation: NotNull) -> bool:
        value = self._value(state, obligation.operand)
        return value is POISON or (isinstance(value, HANDLES) and value.nullness is Nullness.NOT_NULL)

    def _alive(self, state: State, obligation: Alive) -> bool:
        value = self._value(state, obligation.reference)
        return value is POISON or (isinstance(value, Reference) and value.epoch == state.symbol(value.table))

    def _within(self, state: State, obligation: InBounds | Fits | InRange) -> bool:
        """By its range, or if that is too wide by what bounds it (`verifier/order.py`); that is then known of it."""
        value = self._value(state, _bounded(obligation))
        low, high = limits(obligation)
        if value is POISON or not isinstance(value, Scalar):
            return value is POISON
        return value.fits(low, high) or self._bounded(state, _bounded(obligation), low, high)

    def _bounded(self, state: State, operand: ir.Operand, low: int, high: int) -> bool:
        if not isinstance(operand, ir.Reg):
            return False
        symbol, least, most = (
            state.symbol(self._layout.register(operand)),
            scalars.constant(low),
            scalars.constant(high),
        )
        if self._order.most(state, symbol, most) > 0 or self._order.most(state, least, symbol) > 0:
            return False
        Refinement(self._space, state).assume_scalar(symbol, scalars.between(low, high))
        return True

    def _owns(self, state: State, obligation: Owns) -> bool:
        """Null is the business of `NotNull`."""
        value = self._value(state, obligation.operand)
        return value is POISON or (isinstance(value, Folio) and (value.owned or value.nullness is Nullness.NULL))

    def _droppable(self, state: State, obligation: Droppable) -> bool:
        return not state.owning(self._layout.register(obligation.register))

    def _nothing_owned(self, state: State, _: NothingOwned) -> bool:
        return not self.owning_cells(state)

    def owning_cells(self, state: State) -> list[int]:
        """The registers that own a folio. Memory that remembers whose field was read owns nothing."""
        return sorted(cell for cell in state.owned if cell < self._layout.memory and state.owning(cell))

    # --- after a failure -----------------------------------------------------------------------------------

    def assume(self, state: State, obligation: Obligation) -> None:
        match obligation:
            case Readable(register):
                self._poison_moved(state, self._layout.register(register))
            case Droppable(register):
                self.poison(state, self._layout.register(register))
            case NotNull(operand):
                self._assume_not_null(state, operand)
            case Alive(reference):
                self._revive(state, self._layout.register(reference))
            case InBounds() | Fits() | InRange():
                self._assume_within(state, _bounded(obligation), *limits(obligation))
            case NothingOwned():
                for cell in self.owning_cells(state):
                    self.poison(state, cell)

    def poison(self, state: State, cell: int) -> None:
        assign(self._space, state, cell, POISON, Definition(None, (), (), POISON))

    def _poison_moved(self, state: State, cell: int) -> None:
        """A register that cannot be read, and the one that its folio was moved to: `let g = f` and then a use of `f` is
        one mistake."""
        copy = self._space.definitions[state.cells[cell]].node
        if isinstance(copy, ir.Copy) and state.value(cell) is GONE:
            target = self._layout.register(copy.dst)
            if state.owning(target):
                self.poison(state, target)
        self.poison(state, cell)

    def _assume_not_null(self, state: State, operand: ir.Operand) -> None:
        if not isinstance(operand, ir.Reg):
            return
        symbol = state.symbol(self._layout.register(operand))
        value = state.known(symbol)
        if isinstance(value, HANDLES) and value.nullness is Nullness.MAYBE:
            Refinement(self._space, state).assume_not_null(symbol)
        else:
            state.restrict(symbol, POISON)

    def _revive(self, state: State, cell: int) -> None:
        """One that was not tested for null is to be looked up again, and tested then: nothing more is said of it."""
        value = state.value(cell)
        if isinstance(value, Reference) and value.nullness is not Nullness.NOT_NULL:
            self.poison(state, cell)
        elif isinstance(value, Reference):
            alive: Value = Reference(value.nullness, value.table, state.symbol(value.table))
            before = self._space.definitions[state.symbol(cell)]
            assign(self._space, state, cell, alive, Definition(before.node, before.terms, before.sources, alive))

    def _assume_within(self, state: State, operand: ir.Operand, low: int, high: int) -> None:
        if not isinstance(operand, ir.Reg):
            return
        symbol = state.symbol(self._layout.register(operand))
        possible = Refinement(self._space, state).assume_scalar(symbol, scalars.between(low, high))
        if not possible:
            state.restrict(symbol, POISON)


TESTS: dict[type[Any], Callable[[Checker, State, Any], bool]] = {
    NotNull: Checker._not_null, Alive: Checker._alive, Owns: Checker._owns, InBounds: Checker._within,
    Fits: Checker._within, InRange: Checker._within, Droppable: Checker._droppable, ResultKept: Checker._unproved,
    NothingOwned: Checker._nothing_owned,
}  # fmt: skip


def _bounded(obligation: InBounds | Fits | InRange) -> ir.Operand:
    return obligation.index if isinstance(obligation, InBounds) else obligation.operand


def limits(obligation: InBounds | Fits | InRange) -> tuple[int, int]:
    """The least and the greatest value that the obligation allows."""
    match obligation:
        case InBounds():
            return 0, obligation.length - 1
        case Fits():
            return obligation.type.minimum, obligation.type.maximum
    return obligation.low, obligation.high
