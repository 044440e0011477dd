"""Correct programs as people write them: the verifier must accept every one.

The files beside this one hold them, many to a file; `rext test tests/natural` runs them, too. They were written first
and not bent afterwards: where one was refused, the verifier was mended.
"""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from runtime.expect import check_file

FILES = sorted(Path(__file__).parent.glob("*.rx"))
LEAST = 60
"""Programs that the corpus has at least."""


results_of = functools.cache(check_file)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_natural_code_is_accepted(path: Path) -> None:
    refused = [
        f"{path.name}:{mismatch.line}: `{result.name}`: {mismatch.message}"
        for result in results_of(path)
        for mismatch in result.mismatches
    ]
    assert not refused, "\n".join(refused)


def test_the_corpus_expects_no_errors_and_is_large() -> None:
    results = [result for path in FILES for result in results_of(path)]
    assert len({result.name for result in results}) == len(results) >= LEAST
    assert not any(result.expected for result in results)
