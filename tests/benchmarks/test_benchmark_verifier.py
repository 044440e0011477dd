"""The benchmark of the verifier: its shapes are accepted, and its table says how they grow."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks import verifier
from benchmarks.timing import Timing
from benchmarks.verifier import VerifierResult, verifier_table
from dsl.compile import Compilation
from dsl.source import Source
from verifier.verify import verify


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [
        (verifier.straight, (2, 4)),
        (verifier.branches, (3, 6)),
        (verifier.calls, (2, 4)),
        (verifier.nested, (2, 4)),
        (verifier.mixture, (1, 2)),
    ],
)
def test_shapes_are_accepted_and_grow(shape: Callable[[int], str], sizes: tuple[int, int]) -> None:
    counts = []
    for size in sizes:
        policy = Compilation(Source("shape.rx", shape(size))).policy
        assert policy is not None and verify(policy).accepted
        counts.append(verifier.instructions(policy))
    assert 1.4 < counts[1] / counts[0] < 2.6


def test_the_large_one_has_as_many_instructions_as_it_says() -> None:
    policy = Compilation(Source("shape.rx", verifier.mixture(verifier.large_size()))).policy
    assert policy is not None
    assert verifier.LARGE <= verifier.instructions(policy) < verifier.LARGE * 1.02


def test_the_table_says_how_time_grows() -> None:
    results = [
        VerifierResult("straight code", 10, 100, Timing((0.002, 0.001)), None),
        VerifierResult("straight code", 30, 300, Timing((0.004, 0.003)), None),
        VerifierResult("mglru", 1, 2000, Timing((0.06,)), verifier.PROGRAM_GOAL),
    ]
    rows = verifier_table(results).rows
    assert [row[5] for row in rows] == ["", "3.0 for 3.0", ""]
    assert rows[1][3:5] == ("3.0", "10.0") and rows[0][6] == ""
    assert rows[2][6] == "short"
