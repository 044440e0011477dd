"""The abstract operators on every pair of intervals, and of known bits, of 4-bit types (`fuzzing/precision.py`)."""

from __future__ import annotations

import pytest

from dsl import ir
from fuzzing.precision import all_known_bits, all_ranges, check, small_types

EXACT = ("add", "sub", "min", "max")
"""As intervals, of intervals, where nothing wraps."""


@pytest.mark.parametrize("op", ir.BINARY_OPS)
def test_every_pair_of_operands(op: str) -> None:
    for type in small_types(4):
        ranges = check(op, type, all_ranges(type)[::2], "intervals")
        known = check(op, type, all_known_bits(type)[::2], "known bits")
        if op in ("min", "max"):
            assert ranges.interval == ranges.pairs
        if op in ("and", "or", "xor"):
            assert known.bits == known.pairs
