"""All files of `tests/reject`: every expected rejection comes, on its line, and no other.

Those in `tests/reject/matrix` are generated (`tests/dsl/test_rejection_matrix.py`), the others written by hand.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from dsl.codes import CODES
from runtime.expect import check_file

FOLDER = Path(__file__).parent.parent / "reject"
FILES = sorted(FOLDER.rglob("*.rx"))
ELSEWHERE = {"nesting-too-deep", "policy-too-large", "malformed-object"}
"""Their smallest programs are too large for a golden, or no source has them; `test_hostile.py`, their pages and
`tests/verifier/test_structure.py` do."""


results_of = cache(check_file)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_goldens(path: Path) -> None:
    mismatches = [
        f"{path.name}:{mismatch.line}: {mismatch.message}"
        for result in results_of(path)
        for mismatch in result.mismatches
    ]
    assert not mismatches, "\n".join(mismatches)


def test_every_code_has_a_golden() -> None:
    seen = {expected.code for path in FILES for result in results_of(path) for expected in result.expected}
    assert set(CODES) - seen - ELSEWHERE == set()
