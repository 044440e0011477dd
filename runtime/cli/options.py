"""The options that `run` and `compare` share.

In: a parser, then the arguments. Out: `RunSettings`, and the result of running with them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from runtime.cli.output import note
from runtime.cli.progress import Interruption, ProgressBar
from runtime.comparison import Comparison, compare
from runtime.run_settings import RunSettings, run_settings

INTERRUPTION_NOTE = """\
Ctrl-C ends it cleanly: what there is so far is printed, and the exit status is 130. A second Ctrl-C ends it at once."""


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
    parser.add_argument(
        "--limit", metavar="ACCESSES", help="use this many accesses of each trace; K, M, G for thousands"
    )


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
