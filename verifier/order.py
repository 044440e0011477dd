"""What is known of the difference of two values.

In: two symbols or constants in a state. Out: the most that the first may exceed the second by: `most`; and the most
that two may come to: `most_sum`. Both follow from ranges; from what branches have compared, which the state keeps as
`facts` (`x - y <= gap`); from how symbols were made: sums, differences, `min`, `max`, quotients, remainders, masks;
and, where paths met, from what holds on each of them. So `n - 1 - i` is known not to wrap in a loop up to `n`, and
`low + (high - low) / 2` not to exceed `high`.

Sound: every rule bounds the difference of the integers that the symbols stand for, and rules are only combined by
adding bounds along a chain `x - z <= a`, `z - y <= b`, or by taking the least of several. A search of bounded length
finds what it finds; the ranges alone are always an answer.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsl import ir
from verifier.domains.value import Scalar
from verifier.state import Definition, Known, Space, Term

FAR = 1 << 66
"""More than any two values differ by."""
DEPTHS = (1, 2, 3, 5)
"""Of the searches for one question, one after the other."""
SHALLOW = (2,)
"""Where an answer would be welcome, and nothing depends on it."""
_EFFORT = 32
"""Differences looked at for one question."""
_CHAIN = 3


class Order:
    """Differences in the states of one `Space`."""

    def __init__(self, space: Space) -> None:
        self._definitions = space.definitions
        self._left = 0
        self._seen: dict[tuple[int, Term, Term], int] = {}
        """The differences that were looked at, and how deeply."""

    def most(self, known: Known, x: Term, y: Term, depths: tuple[int, ...] = DEPTHS) -> int:
        """An upper bound of `x - y`. Short searches come first, so that a long one that ends in the wrong place takes
        nothing away."""
        best = FAR
        for depth in depths:
            self._left = _EFFORT
            self._seen.clear()
            best = min(best, self._most(known, x, y, depth))
            if self._left == _EFFORT - 1:
                break
        return best

    def most_sum(self, known: Known, x: Term, y: Term) -> int:
        """An upper bound of `x + y`. Sound: where `x <= limit + gap` and `limit` is `whole - y`, the sum is at most
        `whole + gap`."""
        self._left = _EFFORT
        a, b = _scalar(known, x), _scalar(known, y)
        best = FAR if a is None or b is None else a.high + b.high
        for one, other in ((x, y), (y, x)):
            for limit, gap in self._all_above(known, one):
                made = self._made(limit)
                if made is not None and made[0] == "sub" and made[1].exact and made[1].terms[1] == other:
                    whole = _scalar(known, made[1].terms[0])
                    if whole is not None:
                        best = min(best, whole.high + gap)
        return best

    # --- the search ----------------------------------------------------------------------------------------

    def _most(self, known: Known, x: Term, y: Term, depth: int) -> int:
        if isinstance(x, int) and x == y:
            return 0
        a, b = _scalar(known, x), _scalar(known, y)
        if a is None or b is None:
            return FAR
        best = a.high - b.low
        self._left -= 1
        key = (id(known), x, y)
        if depth == 0 or self._left <= 0 or self._seen.get(key, -1) >= depth:
            return best
        self._seen[key] = depth
        for limit, gap in self._above(known, x):
            best = min(best, gap + self._most(known, limit, y, depth - 1))
        for limit, gap in self._below(known, y):
            best = min(best, gap + self._most(known, x, limit, depth - 1))
        for cases in self._cases(known, x, y):
            best = min(best, max(self._most(side, one, other, depth - 1) for side, one, other in cases))
        return best

    def _all_above(self, known: Known, x: Term) -> Iterator[tuple[Term, int]]:
        """The bounds above `x`, and those above them, along short chains."""
        found: list[tuple[Term, int]] = [(x, 0)]
        for _ in range(_CHAIN):
            found = [(limit, gap + more) for term, gap in found for limit, more in self._above(known, term)]
            for bound in found:
                self._left -= 1
                if self._left <= 0:
                    return
                yield bound

    def _made(self, term: Term) -> tuple[str, Definition] | None:
        """The operation on two scalars that made a symbol."""
        if not isinstance(term, int):
            return None
        definition = self._definitions[term]
        return (definition.node.op, definition) if isinstance(definition.node, ir.Binary) and definition.terms else None

    # --- one step ------------------------------------------------------------------------------------------

    def _above(self, known: Known, x: Term) -> Iterator[tuple[Term, int]]:
        """Pairs `limit, gap` with `x <= limit + gap`. Sound: a sum or difference that is exact is one of integers; a
        quotient of a value of at least 0 lies the further below it the greater it is; the rest of a division by more
        than 0 is less than the divisor; clearing bits of a value of at least 0 does not make it greater."""
        if not isinstance(x, int):
            return
        yield from [(other, gap) for one, other, gap in known.facts[x] if one == x]
        definition = self._definitions[x]
        if definition.base is not None:
            yield definition.base.symbol, definition.base.most
        node = definition.node
        if not isinstance(node, ir.Binary) or not definition.terms:
            return
        op, (p, q) = node.op, definition.terms
        a, b = _scalar(known, p), _scalar(known, q)
        if a is None or b is None:
            return
        if op == "add" and definition.exact:
            yield from ((p, b.high), (q, a.high))
        elif op == "sub" and definition.exact:
            yield p, -b.low
        elif op == "min":
            yield from ((p, 0), (q, 0))
        elif op == "and":
            yield from ((term, 0) for term, value in ((p, a), (q, b)) if value.low >= 0)
        elif op == "div" and a.low >= 0 and b.low >= 1:
            yield p, a.low // b.low - a.low
        elif op == "shr" and a.low >= 0 and 0 <= b.low <= b.high < node.dst.type.bits:
            yield p, (a.low >> b.low) - a.low
        elif op == "mod" and a.low >= 0:
            yield p, 0
            if b.low >= 1:
                yield q, -1

    def _below(self, known: Known, y: Term) -> Iterator[tuple[Term, int]]:
        """Pairs `limit, gap` with `limit <= y + gap`. Sound as `_above` is; setting bits of a value of at least 0 does
        not make it smaller."""
        if not isinstance(y, int):
            return
        yield from [(one, gap) for one, other, gap in known.facts[y] if other == y]
        definition = self._definitions[y]
        if definition.base is not None:
            yield definition.base.symbol, -definition.base.least
        made = self._made(y)
        if made is None:
            return
        op, (p, q) = made[0], made[1].terms
        a, b = _scalar(known, p), _scalar(known, q)
        if a is None or b is None:
            return
        if op == "add" and definition.exact:
            yield from ((p, -b.low), (q, -a.low))
        elif op == "sub" and definition.exact:
            yield p, b.high
        elif op == "max" or (op == "or" and a.low >= 0 and b.low >= 0):
            yield from ((p, 0), (q, 0))

    def _cases(self, known: Known, x: Term, y: Term) -> Iterator[list[tuple[Known, Term, Term]]]:
        """Lists of cases, one of which is there. Sound: the greater of two is one of them, as is the lesser; and where
        paths met, one of them was taken, on which symbols that were joined were what they are on that path."""
        for term, op in ((x, "max"), (y, "min")):
            made = self._made(term)
            if made is not None and made[0] == op:
                yield [(known, part, y) if term == x else (known, x, part) for part in made[1].terms]
        for meeting in known.meetings:
            pairs = meeting.pairs
            if x in pairs or y in pairs:
                ones = pairs.get(x, (x, x)) if isinstance(x, int) else (x, x)
                others = pairs.get(y, (y, y)) if isinstance(y, int) else (y, y)
                yield list(zip(meeting.sides, ones, others, strict=True))


def _scalar(known: Known, term: Term) -> Scalar | None:
    value = known.known(term) if isinstance(term, int) else term
    return value if isinstance(value, Scalar) else None
