"""`python -m fuzzing.precision`: every abstract operator on every abstract operand of a small type.

In: a width (`--bits`, 4 to 6). Out: an `Unsound` error if a result is missing from an abstract one, and a table of how
often the abstract result is the best there is: of all scalars that hold every concrete result the least, as an
interval, as known bits and as both. Operands are all intervals, and all sets of known bits. Sets of values are masks.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from dsl import ir
from dsl.types import Type
from runtime import arithmetic
from verifier.domains import interval as intervals
from verifier.domains import tnum as bits
from verifier.domains import value as scalars
from verifier.domains.tnum import Tnum
from verifier.domains.value import Scalar


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


class Sets:
    """Sets of values of one type as masks, and the best scalars for them."""

    def __init__(self, type: Type) -> None:
        self._type = type
        self.values = range(type.minimum, type.maximum + 1)
        self._known: dict[Scalar, int] = {}
        self._best: dict[int, Scalar] = {}

    def bit(self, value: int) -> int:
        return 1 << (value - self._type.minimum)

    def of(self, scalar: Scalar) -> int:
        if scalar not in self._known:
            self._known[scalar] = sum(self.bit(v) for v in self.values if scalar.contains(v))
        return self._known[scalar]

    def members(self, mask: int) -> list[int]:
        return [v for v in self.values if mask & self.bit(v)]

    def best(self, mask: int) -> Scalar:
        """The least interval and the most bits known of a set that is not empty."""
        if mask not in self._best:
            found = self.members(mask)
            known = bits.constant(found[0])
            for value in found[1:]:
                known = known.join(bits.constant(value))
            self._best[mask] = Scalar(intervals.Interval(found[0], found[-1]), known)
        return self._best[mask]


def check(op: str, type: Type, operands: list[Scalar], what: str) -> Precision:
    """One operator on all pairs of operands."""
    sets = Sets(type)
    masks = [sets.of(operand) for operand in operands]
    inside = [sets.members(mask) for mask in masks]
    rows = {
        (a, i): _mask(sets.bit(arithmetic.binary(op, type, a, b)) for b in found)
        for a in sets.values
        for i, found in enumerate(inside)
    }
    best_interval = best_bits = best_both = 0
    for left, members in zip(operands, inside, strict=True):
        for i, right in enumerate(operands):
            expected = 0
            for a in members:
                expected |= rows[a, i]
            found = scalars.binary(op, left, right, type)
            if expected & ~sets.of(found):
                raise Unsound(f"{op} of {left} and {right} in {type}: {found}")
            best = sets.best(expected)
            good = found.range == best.range, found.bits == best.bits
            best_interval, best_bits, best_both = best_interval + good[0], best_bits + good[1], best_both + all(good)
    return Precision(op, type.name, what, len(operands) ** 2, best_interval, best_bits, best_both)


def _mask(results: Iterator[int]) -> int:
    found = 0
    for bit in results:
        found |= bit
    return found


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
