"""How far an integer gets in a loop that changes it by so much in each round at most: its pace.

In: the states at the entry of a loop, at its head and at the end of a round, and the rounds there can be. Out: whether
the invariant holds of a cell for its pace, and what is left of a value that came from another at a pace. The pace is
kept by the invariant (`verifier/invariant.py`); what a round changes is asked of `verifier/order.py`.
"""

from __future__ import annotations

from dsl.types import U64
from verifier.domains import value as scalars
from verifier.domains.value import Scalar
from verifier.invariant import Invariant, Phase
from verifier.order import Order
from verifier.state import Base, Space, State, Value

_MAX_COUNTED = 16
"""Definitions looked at to find out whether a loop only counts."""


def reached(entry: State, base: Base, value: Value) -> Value:
    """What is left of a value that came from `base` by as much as that says. Should that contradict it, one of the
    two is not confirmed yet."""
    begin = entry.known(base.symbol)
    if not isinstance(begin, Scalar) or not isinstance(value, Scalar):
        return value
    return value.meet(scalars.between(begin.low + base.least, begin.high + base.most)) or value


class Pace:
    """Of the integers that the loops of one hook change."""

    def __init__(self, space: Space) -> None:
        self._definitions = space.definitions
        self._layout = space.layout
        self._order = Order(space)

    def holds(
        self,
        cell: int,
        invariant: Invariant,
        value: Value,
        states: tuple[State, State, State],
        rounds: int,
        phase: Phase,
    ) -> bool | None:
        """Whether the invariant holds of a cell for the pace at which it changes; None if that says nothing of it.

        Sound: if every round that begins where the invariant allows changes an integer by something in the pace, then
        it is, after as many rounds as there can be, no farther from where it began than their product. So the invariant
        may leave out what one more round would make of it.
        """
        entry, head, back = states
        old, begin = invariant.values.get(cell), entry.value(cell)
        if not isinstance(old, Scalar) or not isinstance(begin, Scalar) or not isinstance(value, Scalar):
            return None if invariant.pace.pop(cell, None) is None else False
        inside = old.includes(value)
        before, after = head.symbol(cell), back.symbol(cell)
        if cell not in invariant.pace:
            counts = not inside and self._counts(after, before) and not self._is_tested(invariant, cell)
            if inside or not invariant.may_have_pace(cell, counts):
                return None
        least, most = min(-self._order.most(back, before, after), 0), max(self._order.most(back, after, before), 0)
        low, high = begin.low + rounds * least, begin.high + rounds * most
        whole = self._layout.types.get(cell, U64)
        if not whole.minimum <= low <= high <= whole.maximum:
            return None if invariant.pace.pop(cell, None) is None else False
        within = scalars.between(low, high)
        if not invariant.keep_pace(cell, least, most):
            if phase is Phase.GROW and cell in invariant.pace:
                invariant.extend(cell, within)
            return False
        if inside:
            return None
        if phase is Phase.SHRINK:
            return old.includes(within)
        return not invariant.extend(cell, within)

    def _counts(self, after: int, before: int) -> bool:
        """Whether a symbol is another one, more or less some constants, on every path; a guess, and nothing more. What
        came about in an earlier round may name symbols of it that are forgotten, or belong to others by now."""
        definitions = self._definitions
        start, found = definitions[before], [definitions[after]]
        for definition in found:
            if definition is start:
                continue
            if len(found) > _MAX_COUNTED or not (definition.sources or (definition.exact and definition.terms)):
                return False
            found += definition.sources
            found += [
                definitions[term] for term in definition.terms if isinstance(term, int) and term < len(definitions)
            ]
        return True

    def _is_tested(self, invariant: Invariant, cell: int) -> bool:
        """Whether a loop compares a cell with constants, which then may bound it better than its pace."""
        registers, states = invariant.thresholds.tested
        return cell - self._layout.registers in registers or any(self._layout.states.get(s) == cell for s in states)
