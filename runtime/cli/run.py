"""`rext run`: one policy on one trace.

In: a policy, a trace and a size of memory. Out: all counters, by the names the kernel gives them.
"""

from __future__ import annotations

import argparse
import sys

from runtime.cli import status
from runtime.cli.options import (
    INTERRUPTION_NOTE,
    add_run_options,
    add_scenario_option,
    check_trace_given,
    run_with_progress,
    settings_of,
)
from runtime.cli.output import emit, use_color
from runtime.cli.parser import add_output_options
from runtime.cli.status import UsageError

EXAMPLE = "rext run s3fifo:small_percent=20 --trace mem_gcc --memory 10%"
NOTE = INTERRUPTION_NOTE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "policy", metavar="P", help="builtin:lru, opt, a name that `rext list` shows, or a file; P:param=value"
    )
    parser.add_argument("--trace", metavar="T", help="a file, a bundled trace, or a made-up one (`rext trace list`)")
    parser.add_argument("--memory", metavar="M", help="4096p (pages), 64MiB, or 10%% (of the trace's distinct pages)")
    add_scenario_option(parser)
    add_run_options(parser)
    add_output_options(parser, ("text", "json", "csv"))


def execute(arguments: argparse.Namespace) -> int:
    if arguments.scenario:
        from runtime.cli.scenario import execute_scenario

        return execute_scenario(arguments, [arguments.policy], alone=True)
    check_trace_given(arguments)
    settings = settings_of(arguments)
    if len(settings.memory) != 1:
        raise UsageError(f"--memory {arguments.memory}: `run` takes one size; `compare` takes several")
    comparison = run_with_progress([arguments.policy], [arguments.trace], settings)
    if comparison.rows:
        if arguments.format == "json":
            from runtime.report.json import comparison_json

            emit(comparison_json(comparison))
        elif arguments.format == "csv":
            from runtime.report.csv import comparison_csv

            emit(comparison_csv(comparison))
        else:
            from runtime.report.table import row_report

            row = comparison.rows[0]
            emit(row_report(row, comparison.pages[row.trace], use_color(arguments.color, sys.stdout)))
    return status.of_comparison(comparison.interrupted, [row.status for row in comparison.rows])
