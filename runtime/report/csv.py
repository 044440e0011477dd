"""A comparison as CSV.

In: a `Comparison`. Out: a header line and a line for each row; a counter that only some rows have is empty in the
others. Names come from files and commands: control characters are escaped, and a text that a spreadsheet would take
for a formula begins with an apostrophe.
"""

from __future__ import annotations

import csv
import io
from typing import Any

from dsl.render import escape
from runtime.comparison import Comparison
from runtime.report.records import record

FORMULA = ("=", "+", "-", "@")


def comparison_csv(comparison: Comparison) -> str:
    """The comparison as text."""
    records = [record(row) for row in comparison.rows]
    columns = list(dict.fromkeys(name for each in records for name in each))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: cell(value) for name, value in each.items()} for each in records)
    return text.getvalue()


def cell(value: Any) -> Any:
    """A value as a cell that does no harm."""
    if not isinstance(value, str):
        return value
    visible = escape(value)
    return f"'{visible}" if visible.startswith(FORMULA) else visible
