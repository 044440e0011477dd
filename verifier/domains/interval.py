"""Intervals of integers.

In: the least and the greatest value a scalar may have. Out: for each operation an interval that contains every
result. An `Interval` is of mathematical integers and never empty (`None` stands for the empty one), so one form
serves signed and unsigned types: the type enters only where a result has to be wrapped into its range. Because a
widening conversion does not change the integer, copies of a value in several widths share one interval.

`add`, `subtract`, `multiply`, `shift_left` give results before wrapping; `wrap` brings them into a type. The others
give the final result, in the arithmetic of RFC 9669 (division by zero gives 0, modulo by zero the dividend).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from dsl.types import Type


class Interval(NamedTuple):
    """All integers from `low` to `high`, both included; `low <= high`."""

    low: int
    high: int

    def contains(self, value: int) -> bool:
        return self.low <= value <= self.high

    def includes(self, other: Interval) -> bool:
        return self.low <= other.low and other.high <= self.high

    def join(self, other: Interval) -> Interval:
        low, high = self.low, self.high
        return Interval(low if low < other.low else other.low, high if high > other.high else other.high)

    def meet(self, other: Interval) -> Interval | None:
        low = self.low if self.low > other.low else other.low
        high = self.high if self.high < other.high else other.high
        return Interval(low, high) if low <= high else None

    def widen(self, grown: Interval, thresholds: Sequence[int]) -> Interval:
        """An interval that includes both, whose moving ends go out to the next of the sorted `thresholds` (the first
        and the last of which bound all values): so an end can move only as often as there are thresholds."""
        low, high = self.low, self.high
        if grown.low < low:
            low = thresholds[max(bisect_right(thresholds, grown.low) - 1, 0)]
        if grown.high > high:
            high = thresholds[min(bisect_left(thresholds, grown.high), len(thresholds) - 1)]
        return Interval(min(low, grown.low), max(high, grown.high))


def interval(low: int, high: int) -> Interval | None:
    """The interval, or None if it is empty."""
    return Interval(low, high) if low <= high else None


def of_type(type: Type) -> Interval:
    """Everything a scalar of `type` may hold."""
    return Interval(type.minimum, type.maximum)


def wrap(value: Interval, type: Type) -> Interval:
    """`value` modulo 2**bits in the range of `type`.

    Sound: if both ends are moved by the same multiple of 2**bits, so is everything between them; otherwise the result
    is the whole type.
    """
    if type.minimum <= value.low and value.high <= type.maximum:
        return value
    shift = (value.low - type.minimum) >> type.bits
    if (value.high - type.minimum) >> type.bits != shift:
        return of_type(type)
    offset = shift << type.bits
    return Interval(value.low - offset, value.high - offset)


def add(a: Interval, b: Interval) -> Interval:
    """Sound: a sum grows with both summands, so its ends are sums of the ends."""
    return Interval(a.low + b.low, a.high + b.high)


def subtract(a: Interval, b: Interval) -> Interval:
    """Sound: a difference grows with the first and falls with the second."""
    return Interval(a.low - b.high, a.high - b.low)


def multiply(a: Interval, b: Interval) -> Interval:
    """Sound: a product is linear in each factor, so its extremes are at the corners."""
    if a.low >= 0 and b.low >= 0:
        return Interval(a.low * b.low, a.high * b.high)
    corners = (a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high)
    return Interval(min(corners), max(corners))


def _quotient(a: int, b: int) -> int:
    """Division that truncates toward zero."""
    return a // b if (a < 0) == (b < 0) else -(-a // b)


def divide(a: Interval, b: Interval, type: Type) -> Interval:
    """Sound: while the divisor keeps its sign, the truncated quotient is monotone in each operand, so its extremes are
    at the corners; a divisor 0 adds the result 0. Only MIN / -1 leaves the type: it is MIN, so both ends are taken."""
    results: list[int] = [0] if b.contains(0) else []
    for part in (b.meet(Interval(1, max(b.high, 1))), b.meet(Interval(min(b.low, -1), -1))):
        if part is not None:
            results += [_quotient(x, y) for x in (a.low, a.high) for y in (part.low, part.high)]
    if max(results) > type.maximum:
        results = [type.minimum, type.maximum]
    return Interval(min(results), max(results))


def modulo(a: Interval, b: Interval) -> Interval:
    """Sound: the remainder has the dividend's sign, is no further from 0 than the dividend, and nearer to 0 than the
    divisor; a divisor 0 gives the dividend, which is joined in. A dividend nearer to 0 than every divisor is kept; of
    dividends with the same quotient by one divisor, the same is taken from each.
    """
    if b.low == b.high != 0:
        quotient = _quotient(a.low, b.low)
        if quotient == _quotient(a.high, b.low):
            return Interval(a.low - b.low * quotient, a.high - b.low * quotient)
    nearest = 0 if b.contains(0) else min(abs(b.low), abs(b.high))
    if max(abs(a.low), abs(a.high)) < nearest:
        return a
    limit = max(abs(b.low), abs(b.high)) - 1
    if limit < 0:
        return a
    result = Interval(max(min(a.low, 0), -limit), min(max(a.high, 0), limit))
    return result.join(a) if b.contains(0) else result


def bitwise_and(a: Interval, b: Interval) -> Interval:
    """Sound: what a value of at least 0 selects is between 0 and itself; a negative value does not make the other
    greater; and bits that are copies of the sign in both are so in the result."""
    least = min(a.low, b.low)
    low = 0 if a.low >= 0 or b.low >= 0 else -1 << (~least).bit_length()
    highs = [x.high for x, other in ((a, b), (b, a)) if x.low >= 0 or other.high < 0]
    return Interval(low, min(highs) if highs else max(a.high, b.high))


def _complement(a: Interval) -> Interval:
    return Interval(~a.high, ~a.low)


def bitwise_or(a: Interval, b: Interval) -> Interval:
    """Sound: the complement of `or` is the `and` of the complements."""
    return _complement(bitwise_and(_complement(a), _complement(b)))


def bitwise_xor(a: Interval, b: Interval) -> Interval:
    """Sound: bits that are copies of the sign in both are so in the result; where the signs are known, so is its."""
    size = 1 << max((x if x >= 0 else ~x).bit_length() for x in (*a, *b))
    if (a.low >= 0 or a.high < 0) and (b.low >= 0 or b.high < 0):
        return Interval(0, size - 1) if (a.low >= 0) == (b.low >= 0) else Interval(-size, -1)
    return Interval(-size, size - 1)


def shift_left(a: Interval, count: Interval) -> Interval:
    """For counts of at least 0. Sound: a shift is a product with a positive factor that grows with the count."""
    corners = (a.low << count.low, a.low << count.high, a.high << count.low, a.high << count.high)
    return Interval(min(corners), max(corners))


def shift_right(a: Interval, count: Interval) -> Interval:
    """For counts of at least 0. Sound: the floor of a division by a positive number is monotone in both operands,
    as long as the dividend keeps its sign; where it changes, 0 and -1 lie between the corners."""
    corners = (a.low >> count.low, a.low >> count.high, a.high >> count.low, a.high >> count.high)
    return Interval(min(corners), max(corners))


def minimum(a: Interval, b: Interval) -> Interval:
    """Exact: the smaller of two values grows with both."""
    return Interval(min(a.low, b.low), min(a.high, b.high))


def maximum(a: Interval, b: Interval) -> Interval:
    """Exact: the greater of two values grows with both."""
    return Interval(max(a.low, b.low), max(a.high, b.high))


def multiply_divide(a: Interval, b: Interval, c: Interval, limit: int) -> Interval:
    """`a * b / c` of values of at least 0, at most `limit`.

    Sound: it grows with `a` and `b` and falls with `c` while that is not 0; saturation keeps the order; `c` = 0 gives
    0, which is joined in.
    """
    if c.high == 0:
        return Interval(0, 0)
    low = 0 if c.low == 0 else min(a.low * b.low // c.high, limit)
    return Interval(low, min(a.high * b.high // max(c.low, 1), limit))
