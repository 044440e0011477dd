"""docs/fidelity.md and its picture."""

from __future__ import annotations

from pathlib import Path

import pytest
from fidelity_samples import compared, row

from fidelity.collapse import Course, Sample, cases, picture
from fidelity.compare import Compared
from fidelity.document import PICTURE, document, write_document

PNG = b"\x89PNG\r\n\x1a\n"


def course() -> Course:
    """A run of two samples, in which the generations moved on three times."""
    first, second = Sample(100, (10, 20, 0, 0), 3, 0.5), Sample(200, (5, 5, 10, 10), 6, 0.9)
    return Course(row(policy="mglru", trace="phases", hit_ratio_mean=0.29), (first, second))


def test_the_document_has_all_parts() -> None:
    rows = [compared(0.51), compared(0.56, policy="mglru", hit_ratio_mean=0.55, counts={"pgscan": 2600})]
    text = document(rows, [course()])
    for title in ("Summary", "Winners", "Why MGLRU", "Hit ratios", "Counters", "What is not modelled", "Your kernel"):
        assert f"\n## {title}" in text
    assert "| lru | 6.18.44 | pread | zipf10 | 4,000 | 250,000 | 50.00 | 49.00 to 51.00 | 51.00 | +1.00 |" in text
    assert "| 2,000 / 2,600 (1.30!) | 1,500 / 1,500 (1.00) | 1,000 / 1,000 (1.00) | 1,000 / 1,000 (1.00) |" in text
    assert f"({PICTURE})" in text and "29% in 6.18.44" in text


def test_what_was_not_simulated_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "fidelity.md"
    write_document(file, [compared(0.5), Compared(row(policy="mglru"), None, "it is not there")], print)
    text = file.read_text(encoding="utf-8")
    assert "**1 of 2 rows not simulated: it is not there**" in text
    assert "Why MGLRU" not in text and not (tmp_path / PICTURE).exists()
    assert not capsys.readouterr().out


def test_the_picture_is_the_same_every_time() -> None:
    assert course().agings == 3
    first = picture([course(), course()])
    assert first.startswith(PNG) and first == picture([course(), course()])


def test_the_cases_are_the_two_newest_kernels() -> None:
    rows = [
        row(policy="mglru", trace="phases", kernel=kernel, accesses=accesses)
        for kernel in ("6.1.0", "6.18.15", "6.12.107")
        for accesses in (250_000, 1_000_000)
    ]
    assert [(r.kernel, r.accesses) for r in cases(rows)] == [("6.18.15", 250_000), ("6.12.107", 250_000)]
