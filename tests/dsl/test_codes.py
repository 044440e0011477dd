"""Every code has a page, and the page's examples do what it says."""

from __future__ import annotations

import re

import pytest

from dsl.codes import CODES, PAGES, page
from dsl.source import Source
from runtime.expect import judge


@pytest.mark.parametrize("code", [code.code for code in CODES.values() if code.stage != "object"])
def test_the_examples_of_a_page(code: str) -> None:
    text = page(code)
    assert text.startswith(f"# {code}\n\n")
    sections = re.findall(r"^## (\w+)\n\n```rx\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert [name for name, _ in sections] == ["Rejected", "Accepted"]
    rejected, accepted = (judge(Source(f"{code}.rx", example)) for _, example in sections)
    assert {diagnostic.code for diagnostic in rejected} == {code}
    assert accepted == ()


def test_no_page_is_without_a_code() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == set(CODES)
