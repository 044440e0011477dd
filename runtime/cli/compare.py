"""`rext compare`: policies on traces at several sizes of memory.

In: policies, traces and sizes. Out: a table for each trace, or all rows as JSON or CSV; a plot and a report of one
HTML file if asked for.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from runtime.cli import status
from runtime.cli.options import (
    INTERRUPTION_NOTE,
    add_run_options,
    add_scenario_option,
    check_trace_given,
    run_with_progress,
    settings_of,
)
from runtime.cli.output import check_writable, emit, note, use_color, write_file
from runtime.cli.parser import add_output_options
from runtime.cli.status import UsageError
from runtime.comparison import Comparison

EXAMPLE = (
    "rext compare builtin:lru clock s3fifo:small_percent=20 opt \\\n"
    "      --trace mem_gcc zipf:alpha=0.9,pages=50K --memory 5%,10%,20% --plot comparison.png"
)
NOTE = INTERRUPTION_NOTE
PLOT_SUFFIXES = (".png", ".svg")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "policies",
        nargs="+",
        metavar="P",
        help="builtin:lru, opt (the offline optimum), a name that `rext list` shows, or a file; P:param=value",
    )
    parser.add_argument(
        "--trace",
        nargs="+",
        action="extend",
        metavar="T",
        help="files, bundled traces, or made-up ones (`rext trace list`)",
    )
    parser.add_argument(
        "--memory",
        metavar="M,M...",
        help="4096p (pages), 64MiB, or 10%% (of the trace's distinct pages)",
    )
    add_scenario_option(parser)
    add_run_options(parser)
    parser.add_argument("--jobs", metavar="N", help="simulations at a time (default: 1)")
    parser.add_argument("--report", metavar="FILE", help="write an HTML report, complete in one file")
    parser.add_argument("--plot", metavar="FILE", help="draw miss ratio over memory size, as .png or .svg")
    add_output_options(parser, ("text", "json", "csv"))


def execute(arguments: argparse.Namespace) -> int:
    if arguments.scenario:
        from runtime.cli.scenario import execute_scenario

        return execute_scenario(arguments, arguments.policies, alone=False)
    check_trace_given(arguments)
    settings = settings_of(arguments)
    if arguments.plot and Path(arguments.plot).suffix.lower() not in PLOT_SUFFIXES:
        raise UsageError(f"--plot {arguments.plot}: the name must end in {' or '.join(PLOT_SUFFIXES)}")
    for path in (arguments.plot, arguments.report):
        if path:
            check_writable(path)
    comparison = run_with_progress(arguments.policies, arguments.trace, settings)
    if comparison.rows:
        emit(_result(comparison, arguments))
        _write_files(comparison, arguments)
    return status.of_comparison(comparison.interrupted, [row.status for row in comparison.rows])


def _result(comparison: Comparison, arguments: argparse.Namespace) -> str:
    if arguments.format == "json":
        from runtime.report.json import comparison_json

        return comparison_json(comparison)
    if arguments.format == "csv":
        from runtime.report.csv import comparison_csv

        return comparison_csv(comparison)
    from runtime.report.table import comparison_table

    return comparison_table(comparison, use_color(arguments.color, sys.stdout))


def _write_files(comparison: Comparison, arguments: argparse.Namespace) -> None:
    if arguments.plot:
        from runtime.report.plot import render

        write_file(arguments.plot, render(comparison, Path(arguments.plot).suffix.lower()[1:]))
        _say(f"plot written to {arguments.plot}", arguments)
    if arguments.report:
        from runtime.report.html import comparison_html

        write_file(arguments.report, comparison_html(comparison, command_of(arguments)))
        _say(f"report written to {arguments.report}", arguments)


def _say(text: str, arguments: argparse.Namespace) -> None:
    """Where a file went: part of the text result, a remark beside any other."""
    emit(text) if arguments.format == "text" else note(text)


RUN_OPTIONS = (
    "model", "swappiness", "watermarks", "scan_batch", "seed", "effort", "tick", "costs", "samples", "sample_every",
    "limit",
)  # fmt: skip


def command_of(arguments: argparse.Namespace) -> str:
    """The command that makes this comparison again."""
    words = ["rext", "compare", *arguments.policies, "--trace", *arguments.trace, "--memory", arguments.memory]
    for name in RUN_OPTIONS:
        if getattr(arguments, name) is not None:
            words += [f"--{name.replace('_', '-')}", getattr(arguments, name)]
    for switch in arguments.switch or ():
        words += ["--switch", switch]
    return shlex.join(words)
