"""`--scenario FILE` of `rext run` and `rext compare`.

In: the arguments. Out: the result on standard output, and the exit status. A scenario has its own machine and traces:
options that describe these are refused beside it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from runtime.cli import status
from runtime.cli.output import emit, note, use_color
from runtime.cli.progress import Interruption, ProgressBar
from runtime.cli.status import UsageError
from runtime.run_settings import RunSettings, run_settings
from runtime.scenario.comparison import ScenarioComparison, ScenarioSettings, compare_scenario

ALSO = ("memory", "limit", "jobs", "effort", "switch")
"""Options that a scenario may have besides."""


def execute_scenario(arguments: argparse.Namespace, policies: Sequence[str], alone: bool) -> int:
    """Run the policies on the scenario; `alone`: one policy, reported in full."""
    settings = _settings(arguments)
    if alone and len(settings.memory) > 1:
        raise UsageError(f"--memory {arguments.memory}: `run` takes one size; `compare` takes several")
    with Interruption() as cancelled, ProgressBar() as bar:
        comparison = compare_scenario(policies, arguments.scenario, settings, bar, cancelled)
    if comparison.interrupted:
        note("interrupted: this is what there was so far" if comparison.rows else "interrupted before anything was run")
    if comparison.rows:
        emit(_result(comparison, arguments, alone))
    ejected = ["ejected" for row in comparison.rows if row.ejected]
    return status.of_comparison(comparison.interrupted, ejected)


def _settings(arguments: argparse.Namespace) -> ScenarioSettings:
    for name in ("trace", "plot", "report", *RunSettings.model_fields):
        if name not in ALSO and getattr(arguments, name, None):
            why = "it draws traces over memory sizes" if name in ("plot", "report") else "the scenario says that itself"
            raise UsageError(f"--{name.replace('_', '-')} and --scenario do not go together: {why}")
    given = {name: getattr(arguments, name, None) for name in ALSO}
    checked = run_settings(given if given["memory"] else given | {"memory": "1p"})
    return ScenarioSettings(
        memory=checked.memory if given["memory"] else (),
        limit=checked.limit,
        jobs=checked.jobs,
        effort=checked.effort if given["effort"] is not None else None,
        switch=tuple(given["switch"] or ()),
    )


def _result(comparison: ScenarioComparison, arguments: argparse.Namespace, alone: bool) -> str:
    if arguments.format == "json":
        from runtime.report.scenario_records import scenario_json

        return scenario_json(comparison)
    if arguments.format == "csv":
        from runtime.report.scenario_records import scenario_csv

        return scenario_csv(comparison)
    from runtime.report.scenario_table import scenario_comparison_table, scenario_run_report

    report = scenario_run_report if alone else scenario_comparison_table
    return report(comparison, use_color(arguments.color, sys.stdout))
