"""`python -m benchmarks.counts`: rows that differ are found, and only unsound references are excused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import counts
from runtime.traces.model import FREE, Chunk
from tests.traces.trace_samples import write_pgt1

LOOP = np.array([i % 10 for i in range(100)], "<u4")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A trace that goes round ten pages, ten times, and frees one of them."""
    page = np.concatenate([LOOP, LOOP[:1]])
    flags = np.zeros(len(page), "u1")
    flags[-1] = FREE
    write_pgt1(tmp_path / "loop.pgt", Chunk(page, flags, 10))
    return tmp_path


def reference(directory: Path, *rows: str) -> None:
    lines = ("trace,cache_pages,policy,miss_ratio", *rows)
    (directory / counts.REFERENCE).write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_equal_rows(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reference(directory, "loop,10,LRU,0.1", "loop,9,LRU,1.0", "loop,9,Belady,0.2", "loop,9,Elsewhere,0.5")
    assert counts.main([str(directory)]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "LRU          strict_lru               2     2      0       0",
        "Belady       opt                      1     1      0       0",
    ]


def test_a_row_that_differs(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reference(directory, "loop,9,LRU,0.99", "loop,9,FIFO,1.00")
    assert counts.main([str(directory)]) == 1
    assert capsys.readouterr().out.startswith("LRU on loop with 9 pages: 100 misses, not 99\n")
    assert counts.main([str(directory), "--only", "FIFO"]) == 0


def test_unsound_references_are_shown_and_excused(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reference(directory, "loop,3,TwoQ,0.5", "loop,4,TwoQ,1.0")
    assert counts.main([str(directory)]) == 0
    assert "TwoQ on loop with 3 pages: 100 misses, not 50 (below 4 pages" in capsys.readouterr().out


def test_what_is_missing_is_said(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reference(directory, "gone,3,LRU,0.5")
    assert counts.main([str(directory)]) == 2
    assert "has no trace gone.pgt.xz" in capsys.readouterr().err
    assert counts.main([str(directory / "nowhere")]) == 2


@pytest.mark.parametrize(("misses", "equal"), [(2_502, False), (2_503, True), (2_507, True), (2_508, False)])
def test_counts_are_equal_if_they_round_to_the_ratio(misses: int, equal: bool) -> None:
    row = counts.Reference("t", 10, "LRU", "0.000501")
    assert counts.Result(row, 5_000_000, misses).equal == equal
