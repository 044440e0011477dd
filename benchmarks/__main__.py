"""`python -m benchmarks`: measure, print, and write docs/benchmarks.md if asked to.

Out: tables (or JSON) on standard output, what is going on on standard error. Exit status 0 whatever the figures are:
a benchmark informs, it does not judge; 2 if it could not be run.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import libcachesim_engine
from benchmarks.errors import BenchmarkError
from benchmarks.jobs import JobsResult, measure_jobs
from benchmarks.kernel import KernelResult, LargeResult, measure_kernel, measure_large
from benchmarks.plan import FULL, QUICK, Plan
from benchmarks.replay import DenseResult, ReplayResult, measure_textbook
from benchmarks.replay import measure as measure_replay
from benchmarks.replay_tables import dense_table, replay_tables, textbook_table
from benchmarks.report import markdown, terminal
from benchmarks.samples import SamplesResult, measure_samples, samples_table
from benchmarks.start import CheckResult, StartResult, interpreter_start, measure_checks, measure_starts
from benchmarks.tables import Table, check_table, jobs_table, kernel_table, large_table, start_table
from benchmarks.timing import Timing
from benchmarks.twins import TwinResult, measure_twins, twins_table
from benchmarks.verifier import VerifierResult, measure_verifier, verifier_table
from runtime.cli.command import positive, status_of
from runtime.cli.output import check_writable, use_color
from runtime.cli.status import UsageError
from runtime.host import environment

PARTS = ("replay", "textbook", "kernel", "twins", "samples", "large", "start", "verifier", "jobs")
AGAINST_LIBCACHESIM = ("replay", "textbook", "kernel")
DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
IDLE_LOAD = 0.5


@dataclass(frozen=True, slots=True)
class Results:
    """What was measured; empty where it was not asked for."""

    replay: tuple[ReplayResult, ...] = ()
    dense: tuple[DenseResult, ...] = ()
    textbook: tuple[ReplayResult, ...] = ()
    start: tuple[StartResult, ...] = ()
    check: tuple[CheckResult, ...] = ()
    interpreter: Timing | None = None
    jobs: tuple[JobsResult, ...] = ()
    kernel: tuple[KernelResult, ...] = ()
    large: tuple[LargeResult, ...] = ()
    twins: tuple[TwinResult, ...] = ()
    samples: tuple[SamplesResult, ...] = ()
    verifier: tuple[VerifierResult, ...] = ()

    def tables(self) -> list[Table]:
        """The tables there are figures for."""
        tables = []
        if self.replay:
            tables += [*replay_tables(self.replay), dense_table(self.dense)]
        if self.textbook:
            tables.append(textbook_table(self.textbook))
        if self.kernel:
            tables.append(kernel_table(self.kernel))
        if self.twins:
            tables.append(twins_table(self.twins))
        if self.samples:
            tables.append(samples_table(self.samples))
        if self.large:
            tables.append(large_table(self.large))
        if self.interpreter is not None:
            tables += [start_table(self.start), check_table(self.check, self.interpreter)]
        if self.verifier:
            tables.append(verifier_table(self.verifier))
        if self.jobs:
            tables.append(jobs_table(self.jobs))
        return tables


def main(argv: Sequence[str] | None = None) -> int:
    """Run with these arguments (default: the process's)."""
    arguments = _parser().parse_args(argv)
    return status_of("benchmarks", lambda: _run(arguments), BenchmarkError, UsageError, OSError)


def _parser() -> argparse.ArgumentParser:
    description = "Measure speed, side by side with libCacheSim."
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=description)
    parser.add_argument("--quick", action="store_true", help="small traces, few runs: to see that everything works")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part only; may be repeated")
    parser.add_argument("--runs", type=positive, metavar="N", help="runs of everything (default: 11 of each replay)")
    parser.add_argument(
        "--write",
        nargs="?",
        type=Path,
        const=DOCUMENT,
        metavar="FILE",
        help="also write the tables as Markdown (default: docs/benchmarks.md)",
    )
    parser.add_argument("--json", action="store_true", help="print all timings as JSON instead of tables")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    plan = chosen_plan(arguments.quick, arguments.runs)
    parts = tuple(arguments.only or PARTS)
    if arguments.write is not None:
        check_writable(str(arguments.write))
    machine = _machine(any(part in AGAINST_LIBCACHESIM for part in parts))
    if max(machine["load"]) > IDLE_LOAD:
        _tell(f"this machine is not idle: its load is {machine['load'][0]}")
    results = measure(plan, parts)
    if arguments.write is not None:
        arguments.write.write_text(markdown(results.tables(), machine, arguments.quick), encoding="utf-8", newline="\n")
        _tell(f"{arguments.write.name} written")
    if arguments.json:
        print(json.dumps({"environment": machine, "quick": arguments.quick, **dataclasses.asdict(results)}, indent=2))
    else:
        sys.stdout.write(terminal(results.tables(), machine, arguments.quick, use_color("auto", sys.stdout)))


def chosen_plan(quick: bool, runs: int | None) -> Plan:
    """The plan, with `runs` of everything if given."""
    plan = QUICK if quick else FULL
    return (
        plan
        if runs is None
        else dataclasses.replace(plan, runs=runs, textbook_runs=runs, start_runs=runs, jobs_runs=runs, kernel_runs=runs)
    )


def _machine(with_libcachesim: bool) -> dict[str, Any]:
    """The machine and the versions. `BenchmarkError` if something to be measured is not there."""
    found = {**environment(), "load": tuple(round(load, 2) for load in os.getloadavg())}
    return {**found, "libcachesim": libcachesim_engine.version()} if with_libcachesim else found


def measure(plan: Plan, parts: Sequence[str]) -> Results:
    """Measure the parts, one after the other."""
    results = Results()
    if "replay" in parts:
        with tempfile.TemporaryDirectory(prefix="rext-bench-") as folder:
            replay, dense = measure_replay(plan, Path(folder), _tell)
        results = dataclasses.replace(results, replay=tuple(replay), dense=tuple(dense))
    if "textbook" in parts:
        with tempfile.TemporaryDirectory(prefix="rext-bench-") as folder:
            results = dataclasses.replace(results, textbook=tuple(measure_textbook(plan, Path(folder), _tell)))
    if "kernel" in parts:
        with tempfile.TemporaryDirectory(prefix="rext-bench-") as folder:
            kernel = tuple(measure_kernel(plan.kernel, plan.kernel_runs, Path(folder), _tell))
        results = dataclasses.replace(results, kernel=kernel)
    if "twins" in parts:
        results = dataclasses.replace(results, twins=tuple(measure_twins(plan.kernel, plan.kernel_runs, _tell)))
    if "samples" in parts:
        results = dataclasses.replace(results, samples=tuple(measure_samples(plan.jobs_trace, plan.kernel_runs, _tell)))
    if "large" in parts:
        results = dataclasses.replace(results, large=tuple(measure_large(plan.large_folios, _tell)))
    if "start" in parts:
        start = tuple(measure_starts(plan.start_runs, _tell))
        check = tuple(measure_checks(plan.start_runs, _tell))
        interpreter = interpreter_start(plan.start_runs)
        results = dataclasses.replace(results, start=start, check=check, interpreter=interpreter)
    if "verifier" in parts:
        results = dataclasses.replace(results, verifier=tuple(measure_verifier(plan.start_runs, _tell)))
    if "jobs" in parts:
        results = dataclasses.replace(results, jobs=tuple(measure_jobs(plan.jobs_trace, plan.jobs_runs, _tell)))
    return results


def _tell(text: str) -> None:
    print(f"benchmarks: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
