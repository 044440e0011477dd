"""The abstract operators against the concrete ones: every abstract operand of small types, every value in it.

Sets of values are bit masks, so that a whole set of results is compared at once.
"""

from __future__ import annotations

from functools import cache

import pytest

from dsl import ir
from dsl.types import Type
from runtime import arithmetic
from verifier.domains import interval as intervals
from verifier.domains import tnum as bits
from verifier.domains import value as scalars
from verifier.domains.interval import Interval
from verifier.domains.tnum import Tnum
from verifier.domains.value import Scalar

U4, S4 = Type("u4", 4), Type("i4", 4, signed=True)
U3, S3 = Type("u3", 3), Type("i3", 3, signed=True)


def values(type: Type) -> range:
    return range(type.minimum, type.maximum + 1)


def all_ranges(type: Type) -> list[Scalar]:
    return [scalars.between(low, high) for low in values(type) for high in values(type) if low <= high]


def all_bits(type: Type) -> list[Scalar]:
    size = 1 << type.bits
    found = []
    for mask in range(size):
        for value in range(size):
            if not value & mask:
                known = bits.wrap(Tnum(value, mask), type)
                product = scalars.scalar(intervals.of_type(type), known)
                assert product is not None
                found.append(product)
    return found


def all_products(type: Type) -> list[Scalar]:
    """Ranges and known bits together, as reduction leaves them."""
    products = (scalars.scalar(a.range, b.bits) for a in all_ranges(type) for b in all_bits(type))
    return sorted({p for p in products if p is not None}, key=repr)


class Concrete:
    """Sets of values of one type as masks."""

    def __init__(self, type: Type) -> None:
        self.type = type
        self._sets: dict[Scalar, int] = {}

    def bit(self, value: int) -> int:
        return 1 << (value - self.type.minimum)

    def set_of(self, scalar: Scalar) -> int:
        if scalar not in self._sets:
            self._sets[scalar] = sum(self.bit(v) for v in values(self.type) if scalar.contains(v))
        return self._sets[scalar]

    def members(self, scalar: Scalar) -> list[int]:
        return [v for v in values(self.type) if self.set_of(scalar) & self.bit(v)]


def check_binary(op: str, type: Type, operands: list[Scalar]) -> None:
    concrete = Concrete(type)
    members = [(scalar, concrete.members(scalar)) for scalar in operands]
    results = {
        (a, i): sum({concrete.bit(arithmetic.binary(op, type, a, b)) for b in inside})
        for a in values(type)
        for i, (_, inside) in enumerate(members)
    }
    for left, inside in members:
        for i, (right, _) in enumerate(members):
            expected = 0
            for a in inside:
                expected |= results[a, i]
            abstract = scalars.binary(op, left, right, type)
            missing = expected & ~concrete.set_of(abstract)
            assert not missing, (op, left, right, abstract, bin(missing))


@pytest.mark.parametrize("type", [U4, S4], ids=str)
@pytest.mark.parametrize("op", ir.BINARY_OPS)
def test_operations_on_known_bits(op: str, type: Type) -> None:
    check_binary(op, type, all_bits(type))


@pytest.mark.parametrize("type", [U3, S3], ids=str)
@pytest.mark.parametrize("op", ir.BINARY_OPS)
def test_operations_on_ranges(op: str, type: Type) -> None:
    check_binary(op, type, all_ranges(type))


@pytest.mark.parametrize("op", ["add", "mul", "div", "mod", "shl", "shr"])
def test_operations_on_wider_ranges(op: str) -> None:
    check_binary(op, S4, all_ranges(S4)[::3])


@pytest.mark.parametrize("op", ir.BINARY_OPS)
def test_operations_on_products(op: str) -> None:
    check_binary(op, S3, all_products(S3)[::2])


@pytest.mark.parametrize("type", [U3, S3], ids=str)
@pytest.mark.parametrize("op", ir.COMPARE_OPS)
def test_comparisons_and_what_they_say(op: str, type: Type) -> None:
    """`refine` keeps every pair for which the comparison holds, and `compare` decides only what is certain."""
    concrete = Concrete(type)
    operands = all_products(type)[::3]
    test = arithmetic.COMPARE[op]
    for left in operands:
        for right in operands:
            a_members, b_members = concrete.members(left), concrete.members(right)
            holding = [(a, b) for a in a_members for b in b_members if test(a, b)]
            refined = scalars.refine(op, left, right)
            if refined is None:
                assert not holding
            else:
                assert all(refined[0].contains(a) and refined[1].contains(b) for a, b in holding)
            outcome = scalars.compare(op, left, right)
            assert not holding or outcome.contains(1)
            assert len(holding) == len(a_members) * len(b_members) or outcome.contains(0)


@pytest.mark.parametrize("type", [U3, S3], ids=str)
def test_lattice_operations(type: Type) -> None:
    concrete = Concrete(type)
    operands = all_products(type)[::2]
    for a in operands:
        for b in operands:
            left, right = concrete.set_of(a), concrete.set_of(b)
            assert not (left | right) & ~concrete.set_of(a.join(b))
            both = a.meet(b)
            assert not (left & right) & ~(0 if both is None else concrete.set_of(both))
            assert not a.includes(b) or not right & ~left
            widened = a.widen(a.join(b), [type.minimum, 0, 1, type.maximum])
            assert not (left | right) & ~concrete.set_of(widened)


@pytest.mark.parametrize("type", [U3, S3], ids=str)
def test_widening_ends(type: Type) -> None:
    """An end that moves goes to a threshold, and above a bit that is given up nothing is known."""
    thresholds = [type.minimum, 0, 1, type.maximum]
    operands = all_products(type)[::2]
    for a in operands:
        for b in operands:
            joined = a.join(b)
            wide = a.widen(joined, thresholds)
            assert wide.low == a.low if joined.low == a.low else wide.low in thresholds
            assert wide.high == a.high if joined.high == a.high else wide.high in thresholds
            fresh = wide.bits.mask & ~a.bits.mask
            assert not -(fresh & -fresh) & ~wide.bits.mask


@pytest.mark.parametrize("source", [U4, S4], ids=str)
@pytest.mark.parametrize("target", [U4, S4, U3, S3], ids=str)
def test_conversions(source: Type, target: Type) -> None:
    from dsl.types import wrap

    for operand in [*all_ranges(source), *all_bits(source)]:
        result = scalars.convert(operand, target)
        for v in values(source):
            if operand.contains(v):
                assert result.contains(wrap(v, target)), (operand, v, result)


def test_multiply_divide() -> None:
    ranges = [Interval(low, high) for low in range(5) for high in range(low, 5)]
    for a in ranges:
        for b in ranges:
            for c in ranges:
                result = intervals.multiply_divide(a, b, c, limit=7)
                for x in range(a.low, a.high + 1):
                    for y in range(b.low, b.high + 1):
                        for z in range(c.low, c.high + 1):
                            assert result.contains(0 if z == 0 else min(x * y // z, 7))


@cache
def _tnums() -> list[Tnum]:
    return [Tnum(v, m) for m in range(-8, 8) for v in range(-8, 8) if not v & m]


def test_bits_of_integers_without_end() -> None:
    """Operators on known bits, before any wrapping: also where the sign is unknown."""
    sample = range(-12, 12)
    for a in _tnums()[::2]:
        for b in _tnums()[::3]:
            rules = (
                (bits.add(a, b), int.__add__), (bits.subtract(a, b), int.__sub__), (bits.multiply(a, b), int.__mul__),
                (bits.bitwise_and(a, b), int.__and__), (bits.bitwise_or(a, b), int.__or__),
                (bits.bitwise_xor(a, b), int.__xor__),
            )  # fmt: skip
            for x in filter(a.contains, sample):
                for y in filter(b.contains, sample):
                    assert all(result.contains(exact(x, y)) for result, exact in rules), (a, b, x, y)
