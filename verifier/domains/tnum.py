"""Known bits ("tristate numbers", as the kernel's verifier calls them).

In: which bits of a scalar are known, and their values. Out: for each operation the bits known of its result. A `Tnum`
stands for all integers that agree with `value` outside `mask`. Bits are those of two's complement without end, as
Python's integers have them, so signed and unsigned types need no cases: an unknown sign is a `mask` below 0.
"""

from __future__ import annotations

from typing import NamedTuple

from dsl.types import Type


class Tnum(NamedTuple):
    """The integers x with x & ~mask == value; `value & mask == 0`."""

    value: int
    mask: int

    def contains(self, value: int) -> bool:
        return value & ~self.mask == self.value

    def includes(self, other: Tnum) -> bool:
        return not other.mask & ~self.mask and not (self.value ^ other.value) & ~self.mask

    def join(self, other: Tnum) -> Tnum:
        mask = self.mask | other.mask | (self.value ^ other.value)
        return Tnum(self.value & ~mask, mask)

    def meet(self, other: Tnum) -> Tnum | None:
        """What both know; None if they contradict each other."""
        if (self.value ^ other.value) & ~self.mask & ~other.mask:
            return None
        mask = self.mask & other.mask
        return Tnum((self.value | other.value) & ~mask, mask)

    def widen(self, grown: Tnum) -> Tnum:
        """Includes both. Gives up every bit above the lowest one that changed, so it can change at most once a bit."""
        joined = self.join(grown)
        fresh = joined.mask & ~self.mask
        if not fresh:
            return joined
        mask = joined.mask | -(fresh & -fresh)
        return Tnum(joined.value & ~mask, mask)


UNKNOWN = Tnum(0, -1)


def constant(value: int) -> Tnum:
    return Tnum(value, 0)


def of_range(low: int, high: int) -> Tnum:
    """Sound: all integers between two that agree in their leading bits have these too."""
    different = low ^ high
    if different < 0:
        return UNKNOWN
    mask = (1 << different.bit_length()) - 1
    return Tnum(low & ~mask, mask)


def wrap(bits: Tnum, type: Type) -> Tnum:
    """Drops the bits beyond the type and extends with zeros, or with the sign.

    Sound: wrapping acts on each bit alone; the copies of an unknown sign bit are unknown.
    """
    size = (1 << type.bits) - 1
    value, mask = bits.value & size, bits.mask & size
    if not type.signed and value == bits.value and mask == bits.mask:
        return bits
    if type.signed:
        sign = 1 << (type.bits - 1)
        if mask & sign:
            mask |= ~size
        elif value & sign:
            value |= ~size
    return Tnum(value, mask)


def bitwise_and(a: Tnum, b: Tnum) -> Tnum:
    """Exact: a bit is 1 where both are, unknown where both may be 1 and are not known to be."""
    value = a.value & b.value
    return Tnum(value, (a.value | a.mask) & (b.value | b.mask) & ~value)


def bitwise_or(a: Tnum, b: Tnum) -> Tnum:
    """Exact: a bit is 1 where one is known to be 1, else unknown where one is unknown."""
    value = a.value | b.value
    return Tnum(value, (a.mask | b.mask) & ~value)


def bitwise_xor(a: Tnum, b: Tnum) -> Tnum:
    """Exact: a bit is known where both are."""
    mask = a.mask | b.mask
    return Tnum((a.value ^ b.value) & ~mask, mask)


def add(a: Tnum, b: Tnum) -> Tnum:
    """Sound: the carries into each bit are least when all unknown bits are 0 and greatest when they are 1; a bit whose
    carry is the same in both extremes, and whose summands are known, is known."""
    low = a.value + b.value
    mask = (low + a.mask + b.mask) ^ low | a.mask | b.mask
    return Tnum(low & ~mask, mask)


def subtract(a: Tnum, b: Tnum) -> Tnum:
    """Sound: as for `add`, with borrows: the extremes are all unknown bits of one operand 1 and of the other 0."""
    difference = a.value - b.value
    mask = (difference + a.mask) ^ (difference - b.mask) | a.mask | b.mask
    return Tnum(difference & ~mask, mask)


def _low_zeros(value: int) -> int:
    """The number of trailing zero bits of a value that is not 0."""
    return (value & -value).bit_length() - 1


def multiply(a: Tnum, b: Tnum) -> Tnum:
    """Sound: a product modulo 2**k depends on the factors modulo 2**k only, so the low bits known of both give low
    bits of the product; and it has at least as many trailing zeros as the factors together."""
    if not a.mask and not b.mask:
        return constant(a.value * b.value)
    if not (a.value | a.mask) or not (b.value | b.mask):
        return constant(0)
    known = min(_low_zeros(t.mask) for t in (a, b) if t.mask)
    low = (1 << known) - 1
    zeros = (1 << (_low_zeros(a.value | a.mask) + _low_zeros(b.value | b.mask))) - 1
    return Tnum(a.value * b.value & low & ~zeros, ~(low | zeros))


def modulo(a: Tnum, b: Tnum) -> Tnum:
    """Sound: a remainder is the dividend less a multiple of the divisor, so they agree in the bits below the trailing
    zeros of every divisor; by 0 it is the dividend."""
    divisor = b.value | b.mask
    if not divisor:
        return a
    low = (divisor & -divisor) - 1
    return Tnum(a.value & low, a.mask & low | ~low)


def shift_left(a: Tnum, count: int) -> Tnum:
    """Exact: moves the bits."""
    return Tnum(a.value << count, a.mask << count)


def shift_right(a: Tnum, count: int) -> Tnum:
    """Exact: moves the bits; the sign, known or not, is copied."""
    return Tnum(a.value >> count, a.mask >> count)
