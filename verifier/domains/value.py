"""What is known of one scalar: an interval and known bits, each sharpening the other.

In: abstract operands and an operation of the IR. Out: a `Scalar` that contains every result the executors can give
(`binary`, `convert`, `multiply_divide`), what a comparison is known to give (`compare`), and what a comparison that
came out one way says of its operands (`refine`). An unknown operation gives the whole type.

Soundness of the product: an integer that is in the interval and agrees with the bits is in what `scalar` makes of
them, since it only removes integers that one of the two excludes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import NamedTuple

from dsl.types import U64, Type
from verifier.domains import interval as intervals
from verifier.domains import tnum as bits
from verifier.domains.interval import Interval
from verifier.domains.tnum import Tnum


class Scalar(NamedTuple):
    """The integers in `range` that agree with `bits`. Make it with `scalar`, `constant`, `between` or `of_type`."""

    range: Interval
    bits: Tnum

    @property
    def low(self) -> int:
        return self.range.low

    @property
    def high(self) -> int:
        return self.range.high

    @property
    def is_constant(self) -> bool:
        return self.range.low == self.range.high

    def contains(self, value: int) -> bool:
        return self.range.contains(value) and self.bits.contains(value)

    def includes(self, other: Scalar) -> bool:
        (low, high), (value, mask) = self
        (least, most), (its_value, its_mask) = other
        return low <= least and most <= high and not (its_mask | (value ^ its_value)) & ~mask

    def join(self, other: Scalar) -> Scalar:
        (low, high), (value, mask) = self
        (least, most), (its_value, its_mask) = other
        mask |= its_mask | (value ^ its_value)
        range = Interval(low if low < least else least, high if high > most else most)
        return Scalar(range, Tnum(value & ~mask, mask))

    def meet(self, other: Scalar) -> Scalar | None:
        if self.includes(other):
            return other
        if other.includes(self):
            return self
        joint, known = self.range.meet(other.range), self.bits.meet(other.bits)
        return None if joint is None or known is None else scalar(joint, known)

    def widen(self, grown: Scalar, thresholds: Sequence[int]) -> Scalar:
        """Includes both; a chain of these is finite. Not reduced, for reduction could undo the widening."""
        return Scalar(self.range.widen(grown.range, thresholds), self.bits.widen(grown.bits))

    def fits(self, low: int, high: int) -> bool:
        return low <= self.range.low and self.range.high <= high


def scalar(range: Interval, known: Tnum) -> Scalar | None:
    """The reduced product; None if nothing is left."""
    low, high = range
    joint = _with_leading_bits(known, low, high)
    if joint is None:
        return None
    value, mask = joint
    if mask >= 0 and (value > low or value | mask < high):
        low, high = max(low, value), min(high, value | mask)
        if low > high:
            return None
        joint = _with_leading_bits(joint, low, high)
        return None if joint is None else Scalar(Interval(low, high), joint)
    return Scalar(range, joint) if mask >= -1 else _of_both_signs(low, high, joint)


def _of_both_signs(low: int, high: int, known: Tnum) -> Scalar | None:
    """The reduced product where the sign is open and other bits are known: they bound the integers of each sign."""
    negative, positive = scalar(Interval(low, -1), known), scalar(Interval(0, high), known)
    if negative is None or positive is None:
        return positive if negative is None else negative
    return negative.join(positive)


def _with_leading_bits(known: Tnum, low: int, high: int) -> Tnum | None:
    """`known` and the bits in which all integers from `low` to `high` agree; None if they contradict each other."""
    different = low ^ high
    if different < 0:
        return known
    value, mask = known
    below = (1 << different.bit_length()) - 1
    leading = low & ~below
    if (value ^ leading) & ~(mask | below):
        return None
    if mask & below == mask:
        return known
    mask &= below
    return Tnum((value | leading) & ~mask, mask)


def constant(value: int) -> Scalar:
    return Scalar(Interval(value, value), Tnum(value, 0))


def between(low: int, high: int) -> Scalar:
    return Scalar(Interval(low, high), bits.of_range(low, high))


_OF_TYPE: dict[Type, Scalar] = {}


def of_type(type: Type) -> Scalar:
    found = _OF_TYPE.get(type)
    if found is None:
        found = _OF_TYPE[type] = between(type.minimum, type.maximum)
    return found


# --- operations -------------------------------------------------------------------------------------------

_MAX_COUNTS = 8
"""Counts of a shift that are looked at one by one."""


def _product(range: Interval, known: Tnum, type: Type) -> Scalar:
    """The product of two results for the same operation. Both contain the true results, of which there is at least
    one, so it cannot be empty; should a rule be wrong, the whole type is safe."""
    return scalar(range, known) or of_type(type)


def _add(a: Scalar, b: Scalar, type: Type) -> Scalar:
    range = intervals.wrap(intervals.add(a.range, b.range), type)
    return _product(range, bits.wrap(bits.add(a.bits, b.bits), type), type)


def _sub(a: Scalar, b: Scalar, type: Type) -> Scalar:
    range = intervals.wrap(intervals.subtract(a.range, b.range), type)
    return _product(range, bits.wrap(bits.subtract(a.bits, b.bits), type), type)


def _mul(a: Scalar, b: Scalar, type: Type) -> Scalar:
    range = intervals.wrap(intervals.multiply(a.range, b.range), type)
    return _product(range, bits.wrap(bits.multiply(a.bits, b.bits), type), type)


def _div(a: Scalar, b: Scalar, type: Type) -> Scalar:
    """A quotient's bits follow from its range; a divisor that is a power of two shifts those of a value >= 0."""
    range = intervals.divide(a.range, b.range, type)
    if a.low >= 0 and b.is_constant and b.low > 0 and not b.low & (b.low - 1):
        return _product(range, bits.shift_right(a.bits, b.low.bit_length() - 1), type)
    return between(range.low, range.high)


def _mod(a: Scalar, b: Scalar, type: Type) -> Scalar:
    return _product(intervals.modulo(a.range, b.range), bits.modulo(a.bits, b.bits), type)


def _and(a: Scalar, b: Scalar, type: Type) -> Scalar:
    return _product(intervals.bitwise_and(a.range, b.range), bits.bitwise_and(a.bits, b.bits), type)


def _or(a: Scalar, b: Scalar, type: Type) -> Scalar:
    return _product(intervals.bitwise_or(a.range, b.range), bits.bitwise_or(a.bits, b.bits), type)


def _xor(a: Scalar, b: Scalar, type: Type) -> Scalar:
    return _product(intervals.bitwise_xor(a.range, b.range), bits.bitwise_xor(a.bits, b.bits), type)


def _count(b: Scalar, type: Type) -> Interval:
    """The shift counts `b` stands for, modulo the width."""
    if b.low >= 0 and b.high < type.bits:
        return b.range
    if b.is_constant:
        return Interval(b.low % type.bits, b.low % type.bits)
    return Interval(0, type.bits - 1)


def _each_count(a: Scalar, b: Scalar, type: Type, shift: Callable[[Scalar, int, Type], Scalar]) -> Scalar | None:
    """What shifts by each count give, joined; None if there are too many counts."""
    count = _count(b, type)
    if count.high - count.low >= _MAX_COUNTS:
        return None
    kept = 0 if type.bits & (type.bits - 1) else type.bits - 1  # bits of the count that are those of `b`
    known = kept & ~b.bits.mask
    results = [shift(a, c, type) for c in range(count.low, count.high + 1) if not (c ^ b.bits.value) & known]
    return reduce(Scalar.join, results) if results else None


def _shl_by(a: Scalar, count: int, type: Type) -> Scalar:
    moved = intervals.wrap(intervals.shift_left(a.range, Interval(count, count)), type)
    return _product(moved, bits.wrap(bits.shift_left(a.bits, count), type), type)


def _shl(a: Scalar, b: Scalar, type: Type) -> Scalar:
    found = _each_count(a, b, type, _shl_by)
    return found or _product(intervals.wrap(intervals.shift_left(a.range, _count(b, type)), type), bits.UNKNOWN, type)


def _shr_by(a: Scalar, count: int, type: Type) -> Scalar:
    return _product(intervals.shift_right(a.range, Interval(count, count)), bits.shift_right(a.bits, count), type)


def _shr(a: Scalar, b: Scalar, type: Type) -> Scalar:
    found = _each_count(a, b, type, _shr_by)
    return found or _product(intervals.shift_right(a.range, _count(b, type)), bits.UNKNOWN, type)


def _min(a: Scalar, b: Scalar, type: Type) -> Scalar:
    """The result is one of the operands, so it has the bits that both have."""
    return _product(intervals.minimum(a.range, b.range), a.bits.join(b.bits), type)


def _max(a: Scalar, b: Scalar, type: Type) -> Scalar:
    """The result is one of the operands, so it has the bits that both have."""
    return _product(intervals.maximum(a.range, b.range), a.bits.join(b.bits), type)


_BINARY: dict[str, Callable[[Scalar, Scalar, Type], Scalar]] = {
    "add": _add, "sub": _sub, "mul": _mul, "div": _div, "mod": _mod, "and": _and, "or": _or, "xor": _xor,
    "shl": _shl, "shr": _shr, "min": _min, "max": _max,
}  # fmt: skip


def binary(op: str, a: Scalar, b: Scalar, type: Type) -> Scalar:
    """The result of a binary operation on values of `type`."""
    rule = _BINARY.get(op)
    return of_type(type) if rule is None else rule(a, b, type)


def convert(a: Scalar, type: Type) -> Scalar:
    """`as`. A value in the range of the new type keeps its integer; another is wrapped."""
    if a.fits(type.minimum, type.maximum):
        return a
    return _product(intervals.wrap(a.range, type), bits.wrap(a.bits, type), type)


def multiply_divide(a: Scalar, b: Scalar, c: Scalar) -> Scalar:
    """The bits follow from the range."""
    range = intervals.multiply_divide(a.range, b.range, c.range, U64.maximum)
    return between(range.low, range.high)


# --- comparisons ------------------------------------------------------------------------------------------

NEGATED = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "le": "gt", "gt": "le"}


_FALSE, _TRUE, _EITHER = constant(0), constant(1), between(0, 1)


def compare(op: str, a: Scalar, b: Scalar) -> Scalar:
    """The bool a comparison gives: known where `refine` finds one of the outcomes impossible."""
    if op in ("lt", "le", "gt", "ge") and _both_ways(a, b):
        return _EITHER
    possible = refine(op, a, b) is not None
    impossible = refine(NEGATED[op], a, b) is not None
    if possible and impossible:
        return _EITHER
    return _TRUE if possible else _FALSE


def _both_ways(a: Scalar, b: Scalar) -> bool:
    """Whether the ends of the ranges, which may not be values themselves, show that either can be less than the other:
    a quick answer to most comparisons."""
    (low, high), known = a
    (least, most), other = b
    if low >= most or high <= least:
        return False
    return known.contains(low) and known.contains(high) and other.contains(least) and other.contains(most)


def _without(a: Scalar, value: int) -> Scalar | None:
    """`a` without one value, if that is at its end; two known values become one."""
    if a.low == value:
        return None if a.is_constant else scalar(Interval(a.low + 1, a.high), a.bits)
    if a.high == value:
        return scalar(Interval(a.low, a.high - 1), a.bits)
    return a


def _refine_less(a: Scalar, b: Scalar, gap: int) -> tuple[Scalar, Scalar] | None:
    """What `a + gap <= b` says of both. Sound: `a` is at most the greatest `b` less the gap, `b` at least the least `a`
    and the gap."""
    (low, high), (least, most) = a.range, b.range
    if low + gap > most:
        return None
    left = a if high + gap <= most else scalar(Interval(low, most - gap), a.bits)
    right = b if low + gap <= least else scalar(Interval(low + gap, most), b.bits)
    return None if left is None or right is None else (left, right)


def refine(op: str, a: Scalar, b: Scalar) -> tuple[Scalar, Scalar] | None:
    """Both operands, given that the comparison holds; None if it cannot. Every pair of values for which it holds
    stays in the result."""
    if op == "eq":
        both = a.meet(b)
        return None if both is None else (both, both)
    if op == "ne":
        left = _without(a, b.low) if b.is_constant else a
        right = _without(b, a.low) if a.is_constant else b
        return None if left is None or right is None else (left, right)
    if op in ("lt", "le"):
        return _refine_less(a, b, 1 if op == "lt" else 0)
    swapped = _refine_less(b, a, 1 if op == "gt" else 0)
    return None if swapped is None else (swapped[1], swapped[0])
