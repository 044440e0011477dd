"""The options that `run` and `compare` share.

In: a parser, then the arguments. Out: `RunSettings`, and the result of running with them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from runtime.cli.output import note
from runtime.cli.progress import Interruption, ProgressBar
from runtime.cli.status import UsageError
from runtime.comparison import Comparison, compare
from runtime.run_settings import RunSettings, run_settings

INTERRUPTION_NOTE = """\
Ctrl-C ends it cleanly: what there is so far is printed, and the exit status is 130. A second
Ctrl-C ends it at once."""


def add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        help="kernel: the reclaim path as in the kernel (default); ideal: capacity exact, as textbooks have it",
    )
    parser.add_argument(
        "--swappiness", metavar="N", help="0 to 200: share of anonymous memory in reclaim (default: 60)"
    )
    parser.add_argument(
        "--watermarks",
        metavar="MIN,LOW,HIGH",
        help="free pages, or shares of memory such as 1%%,2%%,3%% (default: 0,0,0)",
    )
    parser.add_argument(
        "--scan-batch", metavar="N", help="folios one call of evict_folios may look at, model ideal (default: 32)"
    )
    parser.add_argument("--seed", metavar="N", help="what the random numbers of policies begin with (default: 0)")
    parser.add_argument(
        "--effort",
        metavar="N",
        help="looking at N times the resident folios and 4,096 in one reclaim, to free none, ejects a policy"
        " (default: 8)",
    )
    parser.add_argument(
        "--tick", metavar="TIME", help="simulated time between calls of the hook tick, such as 10ms (default: 100ms)"
    )
    parser.add_argument(
        "--switch",
        action="append",
        metavar="ACCESS:POLICY",
        help="attach another policy before that access; ACCESS:detach goes back to builtin:lru,"
        " ACCESS:MEMCG=POLICY is for one of several memcgs; may be given several times",
    )
    parser.add_argument(
        "--costs",
        metavar="NAME=NS,...",
        help="nanoseconds that differ from the cost model, such as scan=80,nvme.read=70000 (docs/costs.md)",
    )
    parser.add_argument("--samples", metavar="N", help="take N samples on the way: hit ratio, lists, scans")
    parser.add_argument("--sample-every", metavar="ACCESSES", help="or: take a sample every so many accesses")
    parser.add_argument(
        "--limit", metavar="ACCESSES", help="use this many accesses of each trace; K, M, G for thousands"
    )


def add_scenario_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--scenario",
        metavar="FILE",
        help="a file that describes nodes, memcgs, devices and tasks (docs/scenarios.md), instead of --trace and"
        " --memory; --memory may still say how much the first node has",
    )


def check_trace_given(arguments: argparse.Namespace) -> None:
    """Without a scenario, a trace and a size of memory are needed."""
    missing = [f"--{name}" for name in ("trace", "memory") if getattr(arguments, name) is None]
    if missing:
        raise UsageError(f"{' and '.join(missing)}: must be given, unless --scenario is")


def settings_of(arguments: argparse.Namespace) -> RunSettings:
    """The settings that the arguments give."""
    return run_settings({name: getattr(arguments, name, None) for name in RunSettings.model_fields})


def run_with_progress(policies: Sequence[str], traces: Sequence[str], settings: RunSettings) -> Comparison:
    """Compare, showing progress on a terminal; Ctrl-C ends it with what there is so far."""
    with Interruption() as cancelled, ProgressBar() as bar:
        comparison = compare(policies, traces, settings, bar, cancelled)
    if comparison.interrupted:
        note("interrupted: this is what there was so far" if comparison.rows else "interrupted before anything was run")
    return comparison
