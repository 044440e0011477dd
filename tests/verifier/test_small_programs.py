"""Transfer, refinement, joins and differences on random programs all of whose runs are followed."""

from __future__ import annotations

import pytest
from small_programs import DEPTH, Program

PROGRAMS = 60


@pytest.mark.parametrize("block", range(10))
def test_every_run_is_described(block: int) -> None:
    for seed in range(block * PROGRAMS, (block + 1) * PROGRAMS):
        Program(seed).body(DEPTH)
