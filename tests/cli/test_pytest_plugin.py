"""Policies with expectations, collected by pytest: as a user runs it, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GOOD = "policy good;\nlist queue;\n---\npolicy bad;\nhook init() { x = 1; }  //! error: unknown-name\n"
WRONG = "policy missing;\nlist queue;  //! error: folio-leak\n---\npolicy surplus;\nhook init() { x = 1; }\n"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    registered = entry_points(group="pytest11", name="rext")
    plugin = [] if registered else ["-p", "runtime.pytest_plugin"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *plugin, *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def test_each_policy_is_a_test(tmp_path: Path) -> None:
    (tmp_path / "good.rx").write_text(GOOD)
    done = run(tmp_path, "--rext", "-v")
    assert done.returncode == 0, done.stdout
    assert "good.rx::good:1 PASSED" in done.stdout and "good.rx::bad:4 PASSED" in done.stdout


def test_missing_and_surplus_errors_fail_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "wrong.rx").write_text(WRONG)
    (tmp_path / "good.rx").write_text(GOOD)
    done = run(tmp_path, "--rext")
    assert done.returncode == 1
    assert "2 failed, 2 passed" in done.stdout
    assert "wrong.rx:2: missing: error folio-leak" in done.stdout
    assert "wrong.rx:5: surplus: error unknown-name: `x` is not declared" in done.stdout


def test_it_does_nothing_until_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "wrong.rx").write_text(WRONG)
    assert run(tmp_path).returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    (tmp_path / "pytest.ini").write_text("[pytest]\nrext = true\n")
    assert "2 failed" in run(tmp_path).stdout


def test_one_policy_can_be_chosen(tmp_path: Path) -> None:
    (tmp_path / "wrong.rx").write_text(WRONG)
    assert "1 failed" in run(tmp_path, "--rext", "wrong.rx::surplus:4").stdout
    assert "1 failed, 1 deselected" in run(tmp_path, "--rext", "-k", "missing").stdout


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "binary.rx").write_bytes(b"policy a;\xff")
    done = run(tmp_path, "--rext")
    assert done.returncode == pytest.ExitCode.INTERRUPTED
    assert "binary.rx" in done.stdout and "Traceback" not in done.stdout


def test_the_fixture(tmp_path: Path) -> None:
    (tmp_path / "good.rx").write_text(GOOD)
    (tmp_path / "wrong.rx").write_text(WRONG)
    (tmp_path / "test_policies.py").write_text(
        "def test_good(rext_test):\n    assert [r.name for r in rext_test('good.rx')] == ['good', 'bad']\n"
        "def test_wrong(rext_test):\n    rext_test('wrong.rx')\n"
    )
    done = run(tmp_path)
    assert "1 failed, 1 passed" in done.stdout
    assert "wrong.rx:2: missing: error folio-leak" in done.stdout and "Traceback" not in done.stdout
