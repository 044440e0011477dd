"""The random numbers, hashes and powers of two that programs and their references share.

All arithmetic is modulo 2^64, so that two implementations agree to the bit. The generator is SplitMix64 (Steele, Lea,
Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
"""

from __future__ import annotations

MASK = (1 << 64) - 1
ONE = 1 << 32
"""1 in Q32."""
STEP = 0x9E3779B97F4A7C15
LARGEST = (1 << 63) - 1


def mix(z: int) -> int:
    """Spreads every bit over all 64."""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


class Generator:
    """A sequence of 64-bit numbers, the same for the same seed."""

    def __init__(self, seed: int = 0) -> None:
        self.state = seed & MASK

    def random(self) -> int:
        self.state = (self.state + STEP) & MASK
        return mix(self.state)


def hashed(key: int, seed: int) -> int:
    return mix((key + (seed + 1) * STEP) & MASK)


LN_2 = 744261118
"""The natural logarithm of 2, in Q30."""


def pow2(x: int) -> int:
    """2^x for a signed `x`, both in Q32, rounded down on the way; at most 2^63 - 1. Twelve terms of the series."""
    whole, fraction = x >> 32, x & (ONE - 1)
    exponent, power = fraction * LN_2 >> 32, 1 << 30
    for n in range(12, 0, -1):
        power = (1 << 30) + (exponent * power >> 30) // n
    if whole >= 30:
        return LARGEST
    return power << 2 << whole if whole >= 0 else power << 2 >> -whole


def log2(x: int) -> int:
    """Rounded down; 0 of 0."""
    return max(x.bit_length() - 1, 0)


class Bag:
    """Things to pick from at random: where one leaves, the last takes its place."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.items: list[int] = []
        self.place: dict[int, int] = {}

    def add(self, item: int) -> None:
        self.place[item] = len(self.items)
        self.items.append(item)

    def remove(self, item: int) -> None:
        place, last = self.place.pop(item), self.items.pop()
        if last != item:
            self.items[place] = last
            self.place[last] = place

    def random(self) -> int | None:
        """One of them; none, and no number drawn, if it is empty."""
        return self.items[(self.generator.random() >> 32) * len(self.items) >> 32] if self.items else None
