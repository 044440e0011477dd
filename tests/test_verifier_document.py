"""docs/verifier.md and docs/diagnostics.md say what the verifier does, and show what it prints."""

from __future__ import annotations

import pytest
from verifier_document import DOCUMENT, codes, examples, written_anew

from verifier import pages

TEXT = DOCUMENT.read_text(encoding="utf-8")
EXAMPLES = examples(TEXT)


def test_the_pictures_and_rules_are_what_the_verifier_says() -> None:
    assert written_anew(TEXT) == TEXT, "run python -m tests.verifier_document"


@pytest.mark.parametrize(("expected", "policy"), EXAMPLES)
def test_each_example_gets_its_verdict(expected: str, policy: str) -> None:
    assert codes(policy) == ([] if expected == "accepted" else [expected])


def test_what_cannot_be_proved_has_an_accepted_twin() -> None:
    section = TEXT.split("## What it cannot prove")[1].split("\n## ")[0]
    kinds = [kind for kind, _ in examples(section)]
    assert len(kinds) >= 16
    assert all(one != "accepted" and other == "accepted" for one, other in zip(kinds[::2], kinds[1::2], strict=True))


def test_the_document_of_all_codes_is_up_to_date() -> None:
    text = pages.DOCUMENT.read_text(encoding="utf-8")
    assert text == pages.document(), "run python -m verifier.pages --write"
