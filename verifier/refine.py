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
from dsl.types import BOOL, Type
from verifier.domains import interval as intervals
from verifier.domains import tnum as bits
from verifier.domains import value as scalars
from verifier.domains.reference import HANDLES, NULL_FOLIO, Folio, Nullness, Reference
from verifier.domains.value import Scalar
from verifier.state import MAX_MEETINGS, Definition, Fact, Meeting, Space, State, Term, Value

_MAX_STEPS = 16
"""Definitions followed backwards by one test."""
_MAX_TOLD = 16
"""Symbols of which the facts are taken over from a path that was taken: the latest."""


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
        return self._state.known(term) if isinstance(term, int) else term

    def _narrow(self, symbol: int, value: Scalar) -> None:
        """Meets a scalar symbol with `value` and goes on with what that says of its operands."""
        known = self._state.known(symbol)
        if not isinstance(known, Scalar):
            return
        both = known.meet(value)
        if both is None:
            self._possible = False
            return
        if both is not known and both != known:
            self._state.restrict(symbol, both)
        elif not both.is_constant:
            return
        self._steps += 1
        if self._steps <= _MAX_STEPS:
            definition = self._space.definitions[symbol]
            if definition.terms:
                self._backward(definition, both)
            told = self._state.facts[symbol]
            if told:
                self._neighbours(symbol, both, told)
            if self._state.meetings:
                self._paths(symbol)

    def _neighbours(self, symbol: int, value: Scalar, told: tuple[Fact, ...]) -> None:
        """What is known to be less, or greater, than a symbol follows it."""
        for less, greater, gap in told:
            other = self._state.known(greater if less == symbol else less)
            if not isinstance(other, Scalar):
                continue
            if less == symbol and other.low < value.low - gap:
                self._narrow(greater, scalars.between(value.low - gap, max(other.high, value.low - gap)))
            elif greater == symbol and other.high > value.high + gap:
                self._narrow(less, scalars.between(min(other.low, value.high + gap), value.high + gap))

    # --- paths that met ------------------------------------------------------------------------------------

    def _paths(self, symbol: int) -> None:
        """Sound: of the two paths of a meeting one was taken; if what is known of a symbol now cannot be on one of
        them, it was the other."""
        for meeting in self._state.meetings:
            pair = meeting.pairs.get(symbol)
            if pair is None:
                continue
            known, (one, other) = self._state.known(symbol), meeting.sides
            if _contradict(known, one.known(pair[0])):
                self._go_back(meeting, 1)
            elif _contradict(known, other.known(pair[1])):
                self._go_back(meeting, 0)

    def _go_back(self, meeting: Meeting, taken: int) -> None:
        """All holds that was known on the path that was taken, on which joined symbols were what they are there."""
        state, side = self._state, meeting.sides[taken]
        others = tuple(m for m in state.meetings if m is not meeting)
        state.meetings = (*others, *(m for m in side.meetings if m not in others))[-MAX_MEETINGS:]
        for _, told, _ in side.facts.differences(state.facts)[-_MAX_TOLD:]:
            for fact in told:
                state.learn(fact)
        for symbol, pair in meeting.pairs.items():
            origin = pair[taken]
            self._meet(origin, side.known(origin))
            if origin != symbol:
                self._meet(origin, state.known(symbol))
                self._meet(symbol, state.known(origin))
                self._learn("eq", symbol, origin)

    def _meet(self, symbol: int, value: Value) -> None:
        """A symbol is what `value` says, too."""
        if isinstance(value, Scalar):
            self._narrow(symbol, value)
        elif isinstance(value, HANDLES):
            self._null(symbol, value.nullness)

    def _backward(self, definition: Definition, value: Scalar) -> None:
        node = definition.node
        if isinstance(node, ir.Compare):
            if value.is_constant:
                self._comparison(node.op if value.low else scalars.NEGATED[node.op], definition.terms)
        elif isinstance(node, ir.Binary):
            if node.dst.type == BOOL:
                self._logic(node.op, definition.terms, value)
            elif node.op in ("add", "sub"):
                self._sum(node, definition.terms, value, definition.exact)
            elif node.op == "and":
                self._mask(definition.terms, value)
            elif node.op in ("min", "max"):
                self._choice(node.op, definition.terms, value)
            elif node.op in ("div", "shr") or (node.op == "mul" and definition.exact):
                self._scaled(node, definition.terms, value)
        elif isinstance(node, ir.Convert):
            self._cast(node.dst.type, definition.terms[0], value)

    def _comparison(self, op: str, terms: tuple[Term, ...]) -> None:
        left, right = terms
        a, b = self._value(left), self._value(right)
        if isinstance(a, Scalar) and isinstance(b, Scalar):
            refined = scalars.refine(op, a, b)
            if refined is None:
                self._possible = False
                return
            self._learn(op, left, right)
            for term, value, known in ((left, refined[0], a), (right, refined[1], b)):
                if isinstance(term, int) and value != known:
                    self._narrow(term, value)
        elif isinstance(a, HANDLES) and isinstance(b, HANDLES):
            for term, other in ((left, b), (right, a)):
                if op == "eq" and other.nullness is not Nullness.MAYBE:
                    self._null(term, other.nullness)
                elif op == "ne" and other.nullness is Nullness.NULL:
                    self._null(term, Nullness.NOT_NULL)

    def _learn(self, op: str, left: Term, right: Term) -> None:
        """Keeps the order of two symbols."""
        if isinstance(left, int) and isinstance(right, int):
            least = {"eq": 0, "gt": 1, "ge": 0}.get(op)
            most = {"eq": 0, "lt": -1, "le": 0}.get(op)
            self._state.relate(left, right, least, most)

    def _null(self, term: Term, nullness: Nullness) -> None:
        """Says of a handle that it is, or is not, null."""
        known = self._value(term)
        if not isinstance(term, int) or not isinstance(known, HANDLES):
            return
        both = known.nullness.meet(nullness)
        if both is None:
            self._possible = False
            return
        if both is known.nullness:
            return
        if isinstance(known, Reference):
            self._state.restrict(term, Reference(both, known.table, known.epoch))
        else:
            self._state.restrict(term, NULL_FOLIO if both is Nullness.NULL else Folio(both, known.owned))
        self._steps += 1
        if self._steps <= _MAX_STEPS:
            self._paths(term)

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

    def _sum(self, node: ir.Binary, terms: tuple[Term, ...], value: Scalar, exact: bool) -> None:
        """`a + b` in `value` puts `a` in `value - b`, and so on; only where the operands, as they are known now,
        cannot make the operation wrap, or it is known that it did not."""
        left, right = terms
        a, b = self._value(left), self._value(right)
        if not isinstance(a, Scalar) or not isinstance(b, Scalar):
            return
        whole = intervals.add(a.range, b.range) if node.op == "add" else intervals.subtract(a.range, b.range)
        if not exact and not intervals.of_type(node.dst.type).includes(whole):
            return
        if node.op == "add":
            ranges = intervals.subtract(value.range, b.range), intervals.subtract(value.range, a.range)
        else:
            ranges = intervals.add(value.range, b.range), intervals.subtract(a.range, value.range)
        for term, range in zip(terms, ranges, strict=True):
            if isinstance(term, int):
                self._narrow(term, scalars.between(range.low, range.high))

    def _choice(self, op: str, terms: tuple[Term, ...], value: Scalar) -> None:
        """Both are at least what the lesser of them is, and at most what the greater is."""
        for term in terms:
            known = self._value(term)
            if isinstance(term, int) and isinstance(known, Scalar):
                if op == "min" and known.low < value.low:
                    self._narrow(term, scalars.between(value.low, max(known.high, value.low)))
                elif op == "max" and known.high > value.high:
                    self._narrow(term, scalars.between(min(known.low, value.high), value.high))

    def _scaled(self, node: ir.Binary, terms: tuple[Term, ...], value: Scalar) -> None:
        """Of an `a` of at least 0 and a constant `k`: `a / k` in [low, high] puts it in [low * k, high * k + k - 1], a
        shift likewise; `a * k` that did not wrap between the quotients, the lower rounded up."""
        for term, other in (terms, terms[::-1]) if node.op == "mul" else (terms,):
            known, factor = self._value(term), self._value(other)
            if not isinstance(known, Scalar) or not isinstance(factor, Scalar) or not factor.is_constant:
                continue
            if node.op == "shr" and not 0 <= factor.low < node.dst.type.bits:
                continue
            k = 1 << factor.low if node.op == "shr" else factor.low
            if min(known.low, value.low) < 0 or k <= 0:
                continue
            low, high = value.low * k, value.high * k + k - 1
            if node.op == "mul":
                low, high = -(-value.low // k), value.high // k
            if isinstance(term, int) and low <= high:
                self._narrow(term, scalars.between(low, high))

    def _cast(self, type: Type, term: Term, value: Scalar) -> None:
        """What a cast gave says what its operand was: the low bits of it, and where the two types have the same width,
        all: the integers that both have stay, the others move by 2**bits."""
        known = self._value(term)
        if not isinstance(term, int) or not isinstance(known, Scalar):
            return
        size = 1 << type.bits
        low_bits = bits.Tnum(value.bits.value & (size - 1) & ~value.bits.mask, value.bits.mask | -size)
        self._narrow(term, Scalar(known.range, low_bits))
        if known.high - known.low >= size:
            return
        shift = (known.low - value.low) // size * size
        images = [intervals.interval(value.low + shift + move, value.high + shift + move) for move in (0, size)]
        ranges = [met for image in images if image is not None and (met := image.meet(known.range)) is not None]
        if ranges:
            whole = ranges[0].join(ranges[-1])
            self._narrow(term, scalars.between(whole.low, whole.high))

    def _mask(self, terms: tuple[Term, ...], value: Scalar) -> None:
        """`a & b` with a known `b` gives the bits of `a` that `b` selects."""
        for term, other in (terms, terms[::-1]):
            known, mask = self._value(term), self._value(other)
            if isinstance(term, int) and isinstance(known, Scalar) and isinstance(mask, Scalar) and mask.is_constant:
                selected = value.bits.mask | ~mask.low
                found = bits.Tnum(value.bits.value & ~selected, selected)
                self._narrow(term, Scalar(known.range, found))


def _contradict(a: Value, b: Value) -> bool:
    """Whether no value is both."""
    if isinstance(a, Scalar) and isinstance(b, Scalar):
        return a is not b and a.meet(b) is None
    if isinstance(a, HANDLES) and isinstance(b, HANDLES):
        return a.nullness.meet(b.nullness) is None
    return False


def refine(space: Space, state: State, symbol: int, truth: bool) -> bool:
    """The branch on which the bool `symbol` is `truth`; False if it cannot be taken."""
    return Refinement(space, state).assume(symbol, truth)
