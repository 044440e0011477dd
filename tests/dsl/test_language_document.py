"""docs/language.md shows policies that are accepted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dsl.compile import Compilation
from dsl.source import Source
from verifier.verify import verify

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "language.md"
BLOCKS = re.findall(r"```rx\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_what_the_document_shows_is_accepted(number: int) -> None:
    compilation = Compilation(Source("language.md", BLOCKS[number]))
    assert compilation.policy is not None, compilation.diagnostics
    verdict = verify(compilation.policy)
    assert verdict.accepted, verdict.diagnostics
