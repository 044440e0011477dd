"""`python -m fuzzing.precision`: every abstract operator on every abstract operand of a small type.

In: a width (`--bits`, 4 to 6). Out: an `Unsound` error if a result is missing from an abstract one, and a table of how
often the abstract result is the best there is: of all scalars that hold every concrete result the least, as an
interval, as known bits and as both. Operands are all intervals, and all sets of known bits. At 4 bits it takes some
seconds, at 5 a minute, at 6 a quarter of an hour.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsl import ir
from dsl.types import Type
from runtime import arithmetic
from verifier.domains import interval as intervals
from verifier.domains import tnum as bits
from verifier.domains import value as scalars
from verifier.domains.tnum import Tnum
from verifier.domains.value import Scalar

Table = NDArray[np.int64]
"""Rows of a least value, a greatest, the values of known bits and which are unknown."""


class Unsound(Exception):
    """A concrete result is not in the abstract one."""


@dataclass(frozen=True)
class Precision:
    """Of `pairs` of operands, how often the result is the best."""

    op: str
    type: str
    operands: str
    pairs: int
    interval: int
    bits: int
    both: int

    def row(self) -> str:
        shares = " | ".join(f"{best / self.pairs:.1%}" for best in (self.interval, self.bits, self.both))
        return f"| `{self.op}` | {self.type} | {self.operands} | {self.pairs:,} | {shares} |"


def small_types(width: int) -> tuple[Type, Type]:
    return Type(f"u{width}", width), Type(f"i{width}", width, signed=True)


def all_ranges(type: Type) -> list[Scalar]:
    values = range(type.minimum, type.maximum + 1)
    return [scalars.between(low, high) for low in values for high in values if low <= high]


def all_known_bits(type: Type) -> list[Scalar]:
    size, found = 1 << type.bits, []
    for mask in range(size):
        for value in range(size):
            if not value & mask:
                product = scalars.scalar(intervals.of_type(type), bits.wrap(Tnum(value, mask), type))
                assert product is not None
                found.append(product)
    return found


class Concrete:
    """One operator on values of one type: all its results, as sets. A set of values is a mask, its lowest bit the least
    value."""

    def __init__(self, op: str, type: Type, operands: list[Scalar]) -> None:
        values = range(type.minimum, type.maximum + 1)
        self._values = np.array(values)
        self._members = [[v - type.minimum for v in values if operand.contains(v)] for operand in operands]
        results = [[1 << (arithmetic.binary(op, type, a, b) - type.minimum) for b in values] for a in values]
        masks = np.array(results, dtype=np.uint64)
        self._rows = np.stack([np.bitwise_or.reduce(masks[:, inside], axis=1) for inside in self._members], axis=1)
        """By a value on the left and the number of an operand on the right."""
        self._with_bit = [
            np.uint64(sum(1 << place for place, value in enumerate(values) if value >> bit & 1))
            for bit in range(type.bits)
        ]
        self._type = type

    def best(self, left: int) -> Table:
        """For each operand on the right the least interval and the most bits known of the results."""
        found = np.bitwise_or.reduce(self._rows[self._members[left]], axis=0)
        at = np.array([(int(mask & -mask).bit_length() - 1, mask.bit_length() - 1) for mask in found.tolist()])
        low, high = self._values[at[:, 0]], self._values[at[:, 1]]
        value, unknown = np.zeros_like(low), np.zeros_like(low)
        for bit, having in enumerate(self._with_bit):
            some, all_of = (found & having) != 0, (found & ~having) == 0
            value |= np.where(all_of, 1 << bit, 0)
            unknown |= np.where(some & ~all_of, 1 << bit, 0)
        if self._type.signed:  # the bits beyond are copies of the last
            sign = 1 << (self._type.bits - 1)
            value, unknown = (value ^ sign) - sign, (unknown ^ sign) - sign
        return np.stack([low, high, value, unknown], axis=1)


def check(op: str, type: Type, operands: list[Scalar], what: str) -> Precision:
    """One operator on all pairs of operands.

    A result contains a set if its interval contains the least and the greatest of it, and if it knows no more bits.
    """
    concrete = Concrete(op, type, operands)
    interval = known = both = 0
    for number, left in enumerate(operands):
        best = concrete.best(number)
        results = [scalars.binary(op, left, right, type) for right in operands]
        found = np.array(results).reshape(-1, 4)
        missing = (found[:, 0] > best[:, 0]) | (found[:, 1] < best[:, 1])
        missing |= ((best[:, 3] | (best[:, 2] ^ found[:, 2])) & ~found[:, 3]) != 0
        if missing.any():
            first = int(missing.argmax())
            raise Unsound(f"{op} of {left} and {operands[first]} in {type}: {results[first]}")
        good_interval, good_bits = (found[:, :2] == best[:, :2]).all(axis=1), (found[:, 2:] == best[:, 2:]).all(axis=1)
        interval, known = interval + int(good_interval.sum()), known + int(good_bits.sum())
        both += int((good_interval & good_bits).sum())
    return Precision(op, type.name, what, len(operands) ** 2, interval, known, both)


def table(width: int) -> Iterator[Precision]:
    """All operators, both signs, both kinds of operands."""
    for op in ir.BINARY_OPS:
        for type in small_types(width):
            yield check(op, type, all_ranges(type), "intervals")
            yield check(op, type, all_known_bits(type), "known bits")


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m fuzzing.precision", description=__doc__)
    parser.add_argument("--bits", type=int, default=4)
    print("| operator | type | operands | pairs | best interval | best bits | best in both |")
    print("|---" * 7 + "|")
    for precision in table(parser.parse_args().bits):
        print(precision.row(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
