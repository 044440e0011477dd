"""A comparison as JSON.

In: a `Comparison`. Out: `{"rows": [...], "environment": {...}}`.
"""

from __future__ import annotations

import json
from typing import Any

from runtime.comparison import Comparison
from runtime.report.records import record


def comparison_data(comparison: Comparison) -> dict[str, Any]:
    """The comparison as data."""
    return {"rows": [record(row) for row in comparison.rows], "environment": comparison.environment}


def comparison_json(comparison: Comparison) -> str:
    """The comparison as text."""
    return json.dumps(comparison_data(comparison), indent=2, allow_nan=False) + "\n"
