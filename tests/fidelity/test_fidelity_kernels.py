"""Rows of measurements: reading, writing, choosing."""

from __future__ import annotations

from pathlib import Path

import pytest
from fidelity_samples import ROW, row

from fidelity.errors import FidelityError
from fidelity.kernels import COLUMNS, MEASURED, chosen_rows, compared_rows, read_rows, write_rows


def test_our_measurements_can_be_read() -> None:
    rows = read_rows(MEASURED)
    assert len(rows) == 165
    assert {r.release for r in rows} == {(6, 1), (6, 12), (6, 18)}
    compared = compared_rows(rows)
    assert {r.policy: r.variant for r in compared} == {"lru": "fresh200", "mglru": "natural"}
    assert {r.mode for r in compared} == {"pread", "mmap", "anon", "mix"}


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    rows = [ROW, row(trace="zipf:alpha=1.0,pages=1K", kernel="6.1.0")]
    write_rows(tmp_path / "rows.csv", rows)
    assert read_rows(tmp_path / "rows.csv") == rows


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("policy", "clock", "policy `clock` is not one of lru, mglru"),
        ("mode", "write", "mode `write` is not one of pread"),
        ("limit_pages", "0", "limit_pages must be at least 1, not 0"),
        ("pgscan", "many", "pgscan `many` is not a number"),
        ("hit_ratio_mean", "nan", "hit_ratio_mean `nan` is not a number"),
        ("hit_ratio_mean", "78.2", "hit_ratio_mean must lie between 0 and 1"),
        ("kernel", "mine", "kernel `mine` does not begin with a version"),
    ],
)
def test_a_bad_value_is_named_with_its_line(tmp_path: Path, column: str, value: str, message: str) -> None:
    file = tmp_path / "rows.csv"
    values = {name: value if name == column else str(getattr(ROW, name)) for name in COLUMNS}
    file.write_text(f"{','.join(COLUMNS)}\n{','.join(values.values())}\n")
    with pytest.raises(FidelityError, match=message) as refused:
        read_rows(file)
    assert f"{file}:2" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no column kernel"),
        ("kernel,policy\n", "has no column variant"),
        (f"{','.join(COLUMNS)}\n6.18,lru\n", "the line ends before the column variant"),
        ("\0", "has no column|is not a CSV file"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(text)
    with pytest.raises(FidelityError, match=message):
        read_rows(file)
    with pytest.raises(FidelityError, match="cannot be read"):
        read_rows(tmp_path / "none.csv")


def test_filters_choose_rows() -> None:
    rows = read_rows(MEASURED)
    assert chosen_rows(rows, []) == rows
    chosen = chosen_rows(rows, ["kernel=6.1,mode=mmap|mix"])
    assert {(r.kernel, r.mode) for r in chosen} == {("6.1.0", "mmap"), ("6.1.0", "mix")}
    both = chosen_rows(rows, ["trace=loop12", "accesses=1000000"])
    assert all(r.trace == "loop12" or r.accesses == 1_000_000 for r in both)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("polcy=lru", r"`polcy=lru` names no rows \(did you mean `policy`\?\)"),
        ("lru", r"`lru` names no rows \(write policy=mglru"),
        ("trace=none", "no row has trace=none; there are kernel="),
    ],
)
def test_a_filter_that_names_nothing_is_an_error(text: str, message: str) -> None:
    with pytest.raises(FidelityError, match=message):
        chosen_rows(read_rows(MEASURED), [text])
