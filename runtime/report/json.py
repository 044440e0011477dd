"""A comparison as JSON.

In: a `Comparison`. Out: `{"rows": [...], "environment": {...}}`.
"""

from __future__ import annotations

import json
from typing import Any

from runtime.comparison import Comparison
from runtime.report import ejections, samples, times
from runtime.report.records import record
from runtime.row import Row


def comparison_data(comparison: Comparison) -> dict[str, Any]:
    """The comparison as data."""
    return {"rows": [_row(row) for row in comparison.rows], "environment": comparison.environment}


def _row(row: Row) -> dict[str, Any]:
    """A row with what only some have."""
    data = record(row)
    if row.ejections:
        data["ejections"] = ejections.data(row)
    if memcgs := times.memcg_data(row.times):
        data["memcg_times"] = memcgs
    if row.samples:
        data["samples"] = samples.data(row.samples)
    return data


def comparison_json(comparison: Comparison) -> str:
    """The comparison as text."""
    return json.dumps(comparison_data(comparison), indent=2, allow_nan=False) + "\n"
