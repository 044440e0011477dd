"""The harness: compiling it, reading what it prints, and, where that is possible, measuring this kernel."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from fidelity.compare import compare_row
from fidelity.errors import FidelityError
from fidelity.kernels import read_rows
from fidelity.measure import __main__ as command
from fidelity.measure.build import build, compiler
from fidelity.measure.cgroup import Hierarchy, find_hierarchy
from fidelity.measure.devices import CONTROL
from fidelity.measure.replay import Configuration, Setup, figures, row_of
from fidelity.measure.system import Journal, alone

needs_compiler = pytest.mark.skipif(compiler() is None, reason="there is no C compiler")

V2 = """accesses 1000
hits 600
hits_second_half 400
hits_anon 0
accesses_anon 0
resident_mean 90
resident_min 80
resident_max 100
memory.stat workingset_refault_anon 1
memory.stat workingset_refault_file 20
memory.stat workingset_activate_anon 0
memory.stat workingset_activate_file 7
memory.stat pgscan 50
memory.stat pgsteal 40
"""
V1 = V2.split("memory.stat")[0] + "".join(
    f"vmstat.before {name} 1000\nvmstat.after {name} {1000 + count}\n"
    for name, count in {
        "workingset_refault_anon": 2,
        "workingset_refault_file": 30,
        "workingset_activate_anon": 0,
        "workingset_activate_file": 8,
        "pgscan_anon": 5,
        "pgscan_file": 60,
        "pgsteal_anon": 4,
        "pgsteal_file": 50,
    }.items()
)


def cannot_measure() -> str:
    """Why this machine cannot measure its kernel; empty if it can."""
    if os.geteuid() != 0:
        return "not root"
    if compiler() is None or shutil.which("mkfs.ext4") is None:
        return "no C compiler, or no mkfs.ext4"
    if not CONTROL.is_dir():
        return "no zram"
    try:
        hierarchy = find_hierarchy()
    except FidelityError as error:
        return str(error)
    return "" if os.access(hierarchy.root, os.W_OK) else f"{hierarchy.root} is read-only"


def test_counters_are_the_cgroups_or_the_machines() -> None:
    v2, v1 = figures(V2, 2), figures(V1, 1)
    names = ("refaults", "activations", "pgscan", "pgsteal")
    assert [v2[name] for name in names] == [21, 7, 50, 40]
    assert [v1[name] for name in names] == [32, 8, 65, 54]


def test_a_row_is_the_mean_of_its_runs() -> None:
    configuration = Configuration(Path("words"), "zipf10", "pread", 100, 2, 200)
    setup = Setup(Path("replay"), None, Hierarchy(Path("/"), 2), 0, "6.18.1", "lru")
    made = row_of(configuration, setup, [figures(V2, 2), {**figures(V2, 2), "hits": 700.0, "pgscan": 52.0}])
    assert (made.hit_ratio_mean, made.hit_ratio_min, made.hit_ratio_max) == (pytest.approx(0.65), 0.6, 0.7)
    assert (made.runs, made.pgscan, made.variant, made.hit_ratio_2nd_half) == (2, 51, "fresh200", 0.8)


@pytest.mark.parametrize(
    ("lines", "version"),
    [
        ("30 23 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory", 1),
        ("30 23 0:26 / {root} rw - cgroup2 cgroup2 rw", 2),
        ("30 23 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu", 0),
    ],
)
def test_the_hierarchy_with_the_memory_controller_is_found(tmp_path: Path, lines: str, version: int) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(lines.format(root=tmp_path))
    (tmp_path / "cgroup.controllers").write_text("cpu memory\n")
    if version:
        assert find_hierarchy(mounts).version == version
    else:
        with pytest.raises(FidelityError, match="no memory cgroup is mounted"):
            find_hierarchy(mounts)


def test_what_was_changed_is_remembered_and_restored(tmp_path: Path) -> None:
    setting = tmp_path / "setting"
    setting.write_text("3\n")
    Journal(tmp_path).set(setting, "0")
    assert setting.read_text() == "0"
    after_a_crash = Journal(tmp_path)
    after_a_crash.restore_settings()
    assert setting.read_text() == "3" and not Journal(tmp_path).settings


def test_only_one_measures_at_a_time(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(FidelityError, match="another measurement is under way"), alone(tmp_path):
        pass


@needs_compiler
def test_the_harness_is_compiled_once(tmp_path: Path) -> None:
    program = build(tmp_path / "replay")
    first = program.stat().st_mtime_ns
    assert build(program).stat().st_mtime_ns == first
    usage = subprocess.run([program], capture_output=True, text=True)
    assert usage.returncode == 2 and "usage: replay" in usage.stderr


@needs_compiler
def test_the_harness_makes_pages_that_hold_their_number(tmp_path: Path) -> None:
    data = tmp_path / "data"
    subprocess.run([build(tmp_path / "replay"), "--make-data", data, "5"], check=True)
    pages = np.fromfile(data, "<u4").reshape(5, 1024)
    assert (pages == np.arange(5)[:, None]).all()


def test_without_a_compiler_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("fidelity.measure.build.compiler", lambda: None)
    with pytest.raises(FidelityError, match="there is no compiler: install gcc"):
        build(tmp_path / "replay")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to measure without --trace, --mode, --limit"),
        (["--trace", "zipf10", "--mode", "pread", "--limit", "9", "--cpu", "100000"], "there is no such CPU"),
        (["--trace", "zipf10", "--mode", "pread", "--limit", "9", "--out", "/none/rows.csv"], "cannot be written"),
    ],
)
def test_bad_arguments_are_found_first(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert command.main(arguments) == 2
    assert message in capsys.readouterr().err


def test_it_asks_for_root(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert command.main(["--trace", "zipf10", "--mode", "pread", "--limit", "9"]) == 2
    assert "run it with sudo" in capsys.readouterr().err


@pytest.mark.skipif(bool(cannot_measure()), reason=f"this kernel cannot be measured: {cannot_measure()}")
@pytest.mark.parametrize(("trace", "mode"), [("zipf10", "pread"), ("mixzipf", "mix")])
def test_this_kernel_is_measured(trace: str, mode: str, tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    arguments = ["--trace", trace, "--mode", mode, "--limit", "1000", "--accesses", "20000", "--runs", "1"]
    assert command.main([*arguments, "--out", str(out)]) == 0
    (measured,) = read_rows(out)
    assert (measured.trace, measured.mode, measured.accesses) == (trace, mode, 20_000)
    assert 800 < measured.resident_mean <= measured.resident_max < 1100
    assert measured.pgsteal > 0 and measured.refaults > 0
    assert not any(Path("/run/rext-measure/files").iterdir())
    if measured.policy == "lru":
        assert abs(compare_row(measured).difference) < 3
