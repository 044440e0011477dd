"""`python -m fidelity`: what it prints, and how it fails."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from fidelity_samples import compared, row

from fidelity import __main__ as command
from fidelity import replay
from fidelity.compare import compare_row
from fidelity.kernels import write_rows
from fidelity.report import text
from runtime.program import ProgramError


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert command.main([*arguments, "--jobs", "2"]) == 0
    return capsys.readouterr().out


@pytest.fixture(scope="module")
def short_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows that take no time to simulate."""
    file = tmp_path_factory.mktemp("rows") / "rows.csv"
    write_rows(file, [row(accesses=10_000, limit_pages=500), row(accesses=10_000, limit_pages=400, mode="mmap")])
    return file


def test_a_measured_row_comes_near(capsys: pytest.CaptureFixture[str]) -> None:
    printed = run(capsys, "--rows", "policy=lru,trace=zipf10,mode=pread|mmap,limit_pages=4000", "--format", "json")
    result = json.loads(printed)
    assert [r["mode"] for r in result["rows"]] == ["mmap", "pread"]
    assert all(abs(r["difference_points"]) < 1 for r in result["rows"])
    assert all(v["met"] is not False for v in result["verdicts"])
    assert result["environment"]["version"]


def test_text_has_every_table(capsys: pytest.CaptureFixture[str], short_rows: Path) -> None:
    printed = run(capsys, "--kernels", str(short_rows))
    for title in ("Hit ratios", "Counters", "Summary"):
        assert f"{title}\n" in printed
    assert max(map(len, printed.splitlines())) <= 100
    assert "LRU 6.18" in printed


def test_wide_tables_are_folded() -> None:
    """Names of kernels may be long, and so are verdicts."""
    rows = [
        compared(0.51, kernel="6.18.44-fc-v657", policy=policy, hit_ratio_mean=mean, mode="pread", trace="mixanonhot")
        for policy, mean in (("lru", 0.5), ("mglru", 0.55))
    ]
    printed = text(rows)
    assert max(map(len, printed.splitlines())) <= 100
    heads = [line.split() for line in printed.splitlines() if line.startswith("policy ")]
    names = ["policy", "kernel", "mode", "trace", "limit", "accesses"]
    assert heads[:2] == [[*names, "kernel", "simulated", "difference"], [*names, "its", "runs", "remark"]]
    assert "50.00      51.00       +1.00" in printed


def test_csv_has_a_line_for_each_row(capsys: pytest.CaptureFixture[str], short_rows: Path) -> None:
    records = list(csv.DictReader(io.StringIO(run(capsys, "--kernels", str(short_rows), "--format", "csv"))))
    assert [record["mode"] for record in records] == ["pread", "mmap"]
    assert 0 < float(records[0]["simulated_hit_ratio"]) < 1
    assert int(records[0]["simulated_pgscan"]) > 0


def test_a_policy_that_is_not_there_is_said_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nothing(spec: str) -> None:
        raise ProgramError(f"unknown policy `{spec}`")

    monkeypatch.setattr(replay, "load_program", nothing)
    replay._program.cache_clear()
    printed = run(capsys, "--rows", "policy=mglru,kernel=6.1")
    replay._program.cache_clear()
    assert "8 of 8 rows not simulated: builtin:mglru cannot be had: unknown policy" in printed


def test_a_mode_that_is_not_simulated_is_said_so() -> None:
    result = compare_row(row(mode="mmaprand"))
    assert result.simulated is None and result.reason == "the mode mmaprand is not simulated"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rows", "polcy=lru"], "did you mean `policy`?"),
        (["--kernels", "/nonexistent/rows.csv"], "/nonexistent/rows.csv: cannot be read"),
        (["--write", "/nonexistent/fidelity.md"], "cannot be written"),
    ],
)
def test_bad_input_ends_with_status_2(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_file_without_rows_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(tmp_path / "none.csv", [])
    assert command.main(["--kernels", str(tmp_path / "none.csv")]) == 2
    assert "none.csv: holds no rows" in capsys.readouterr().err
