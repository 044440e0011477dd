"""Start: how long a user waits before a policy runs.

In: how many runs. Out: for each policy that comes with the project the CPU time from source to running code, cold
and cached, in both models, of the verifier alone, and of `rext check` as a process. Every run is a fresh process; cold
ones have an empty cache directory, cached ones a directory that an earlier run has filled.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import BenchmarkError
from benchmarks.plan import MODELS, Tell
from benchmarks.timing import Timing
from runtime.program import BUILTINS, program_names

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Start:
    """`imports`, from process start; `start`, from there to running code; `total`, both."""

    imports: Timing
    start: Timing
    total: Timing


@dataclass(frozen=True, slots=True)
class StartResult:
    """A policy in a model."""

    policy: str
    model: str
    cold: Start
    cached: Start


@dataclass(frozen=True, slots=True)
class CheckResult:
    """`rext check` of a policy from process start, and the verifier's part in it."""

    policy: str
    check: Timing
    verify: Timing


def measure_starts(runs: int, tell: Tell) -> list[StartResult]:
    """From source to running code, for all policies and both models."""
    results = []
    for policy in (*BUILTINS, *program_names()):
        for model in MODELS:
            tell(f"start of {policy}, model {model}")
            with tempfile.TemporaryDirectory() as folder:
                caches = [str(Path(folder) / str(run)) for run in range(runs)]
                cold = _starts(policy, model, caches)
                cached = _starts(policy, model, caches[:1] * runs)
            results.append(StartResult(policy, model, cold, cached))
    return results


def _starts(policy: str, model: str, caches: Sequence[str]) -> Start:
    answers = [_probe(["attach", policy, model], cache) for cache in caches]
    imports, start, total = (Timing(tuple(a[part] for a in answers)) for part in ("imports", "start", "total"))
    return Start(imports, start, total)


def measure_checks(runs: int, tell: Tell) -> list[CheckResult]:
    """`rext check` and the verifier alone, for all policies in the language."""
    results = []
    for policy in program_names():
        tell(f"check of {policy}")
        check = Timing(tuple(cpu_seconds([*rext_command(), "check", policy]) for _ in range(runs)))
        verify = Timing(tuple(_probe(["verify", policy], "off")["verify"] for _ in range(runs)))
        results.append(CheckResult(policy, check, verify))
    return results


def rext_command() -> list[str]:
    """`rext` as it is installed beside this Python, or what it would run."""
    installed = Path(sys.executable).with_name("rext")
    if installed.exists():
        return [str(installed)]
    return [sys.executable, "-c", "import sys; from runtime.cli.main import main; sys.exit(main())"]


def interpreter_start(runs: int) -> Timing:
    """CPU time of Python itself, doing nothing: what no program in Python can go below."""
    return Timing(tuple(cpu_seconds([sys.executable, "-c", "pass"]) for _ in range(runs)))


def cpu_seconds(command: Sequence[str]) -> float:
    """CPU time, user and system, of a command from its start to its end. `BenchmarkError` if it fails."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise BenchmarkError(f"`{' '.join(command)}` failed with exit status {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def _probe(arguments: Sequence[str], cache: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.start_probe", *arguments]
    environment = {**os.environ, "REXT_CACHE": cache}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise BenchmarkError(f"start of {arguments[1]}: {lines[-1] if lines else 'failed without a word'}")
    answer: dict[str, float] = json.loads(done.stdout)
    return answer
