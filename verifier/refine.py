"""What a branch says of the state.

In: a state, a condition and the way it came out. Out: the state on that branch, in place, or False if the branch
cannot be taken. The definition of the condition's symbol tells which comparison it was made by; what that says of its
operands is said of their symbols, so of every register and state variable that is equal to them, and is followed
through sums, differences and `and`, `or`, `xor` of bools.

Sound: a definition holds wherever its symbol is used, since symbols stand for one value; each rule keeps every
concrete state in which the condition has the given outcome.
"""

from __future__ import annotations

from dsl import ir
from dsl.types import BOOL
from verifier.domains import interval as intervals
from verifier.domains import tnum as bits
from verifier.domains import value as scalars
from verifier.domains.reference import NULL_FOLIO, Folio, Nullness, Reference
from verifier.domains.value import Scalar
from verifier.state import Definition, Space, State, Term, Value

_MAX_STEPS = 64
"""Definitions followed backwards by one test."""


class Refinement:
    """One test's consequences; `run` tells whether any concrete state remains."""

    def __init__(self, space: Space, state: State) -> None:
        self._space = space
        self._state = state
        self._steps = 0
        self._possible = True

    def assume(self, symbol: int, truth: bool) -> bool:
        """The symbol of a bool is `truth`."""
        self._narrow(symbol, scalars.constant(int(truth)))
        return self._possible

    def assume_scalar(self, term: Term, value: Scalar) -> bool:
        """A scalar is one of `value`."""
        if isinstance(term, int):
            self._narrow(term, value)
        return self._possible

    def assume_not_null(self, term: Term) -> None:
        """A handle is not null; said after an error about it, so null is forgotten."""
        self._null(term, Nullness.NOT_NULL)
        self._possible = True

    def _value(self, term: Term) -> Value:
        return self._state.values[term] if isinstance(term, int) else term

    def _narrow(self, symbol: int, value: Scalar) -> None:
        """Meets a scalar symbol with `value` and goes on with what that says of its operands."""
        known = self._state.values[symbol]
        if not isinstance(known, Scalar):
            return
        both = known.meet(value)
        if both is None:
            self._possible = False
            return
        if both != known:
            self._state.restrict(symbol, both)
        elif not both.is_constant:
            return
        self._steps += 1
        if self._steps <= _MAX_STEPS:
            self._backward(self._space.definitions[symbol], both)

    def _backward(self, definition: Definition, value: Scalar) -> None:
        node = definition.node
        if isinstance(node, ir.Compare) and definition.terms:
            if value.is_constant:
                self._comparison(node.op if value.low else scalars.NEGATED[node.op], definition.terms)
        elif isinstance(node, ir.Binary) and definition.terms:
            if node.dst.type == BOOL:
                self._logic(node.op, definition.terms, value)
            elif node.op in ("add", "sub"):
                self._sum(node, definition.terms, value)
            elif node.op == "and":
                self._mask(definition.terms, value)

    def _comparison(self, op: str, terms: tuple[Term, ...]) -> None:
        left, right = terms
        a, b = self._value(left), self._value(right)
        if isinstance(a, Scalar) and isinstance(b, Scalar):
            refined = scalars.refine(op, a, b)
            if refined is None:
                self._possible = False
                return
            for term, value, known in ((left, refined[0], a), (right, refined[1], b)):
                if isinstance(term, int) and value != known:
                    self._narrow(term, value)
        elif isinstance(a, Folio | Reference) and isinstance(b, Folio | Reference):
            for term, other in ((left, b), (right, a)):
                if op == "eq" and other.nullness is not Nullness.MAYBE:
                    self._null(term, other.nullness)
                elif op == "ne" and other.nullness is Nullness.NULL:
                    self._null(term, Nullness.NOT_NULL)

    def _null(self, term: Term, nullness: Nullness) -> None:
        """Says of a handle that it is, or is not, null."""
        known = self._value(term)
        if not isinstance(term, int) or not isinstance(known, Folio | Reference):
            return
        both = known.nullness.meet(nullness)
        if both is None:
            self._possible = False
            return
        if isinstance(known, Reference):
            self._state.restrict(term, Reference(both, known.table, known.epoch))
        else:
            self._state.restrict(term, NULL_FOLIO if both is Nullness.NULL else Folio(both, known.owned))

    def _logic(self, op: str, terms: tuple[Term, ...], value: Scalar) -> None:
        """`a and b` is true only if both are, `a or b` false only if neither is; `a xor b` with one known gives the
        other."""
        if not value.is_constant:
            return
        if (op == "and" and value.low == 1) or (op == "or" and value.low == 0):
            for term in terms:
                if isinstance(term, int):
                    self._narrow(term, value)
        elif op == "xor":
            for term, other in (terms, terms[::-1]):
                known = self._value(other)
                if isinstance(term, int) and isinstance(known, Scalar) and known.is_constant:
                    self._narrow(term, scalars.constant(known.low ^ value.low))

    def _sum(self, node: ir.Binary, terms: tuple[Term, ...], value: Scalar) -> None:
        """`a + b` in `value` puts `a` in `value - b`, and so on; only where the operands, as they are known now,
        cannot make the operation wrap."""
        left, right = terms
        a, b = self._value(left), self._value(right)
        if not isinstance(a, Scalar) or not isinstance(b, Scalar):
            return
        whole = intervals.add(a.range, b.range) if node.op == "add" else intervals.subtract(a.range, b.range)
        if not intervals.of_type(node.dst.type).includes(whole):
            return
        if node.op == "add":
            ranges = intervals.subtract(value.range, b.range), intervals.subtract(value.range, a.range)
        else:
            ranges = intervals.add(value.range, b.range), intervals.subtract(a.range, value.range)
        for term, range in zip(terms, ranges, strict=True):
            if isinstance(term, int):
                self._narrow(term, scalars.between(range.low, range.high))

    def _mask(self, terms: tuple[Term, ...], value: Scalar) -> None:
        """`a & b` with a known `b` gives the bits of `a` that `b` selects."""
        for term, other in (terms, terms[::-1]):
            known, mask = self._value(term), self._value(other)
            if isinstance(term, int) and isinstance(known, Scalar) and isinstance(mask, Scalar) and mask.is_constant:
                selected = value.bits.mask | ~mask.low
                found = bits.Tnum(value.bits.value & ~selected, selected)
                self._narrow(term, Scalar(known.range, found))


def refine(space: Space, state: State, symbol: int, truth: bool) -> bool:
    """The branch on which the bool `symbol` is `truth`; False if it cannot be taken."""
    return Refinement(space, state).assume(symbol, truth)
