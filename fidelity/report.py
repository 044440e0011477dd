"""Results as text, CSV and JSON.

In: `Compared` rows. Out: text for a terminal; every figure as CSV or JSON, for other programs. docs/fidelity.md is
written by document.py.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from fidelity.compare import COUNTERS, Compared
from fidelity.judge import contests, verdicts
from fidelity.tables import Table, contest_table, ratio_table, terminal_hit_table, verdict_table
from runtime.report.columns import WIDTH, folded, wrapped

CELL = 32
"""Columns of a cell in a table that would be too wide."""


def reasons(all_compared: Sequence[Compared]) -> list[str]:
    """Why rows were not simulated, each reason once, with the number of rows."""
    found: dict[str, int] = {}
    for compared in all_compared:
        if compared.simulated is None:
            found[compared.reason] = found.get(compared.reason, 0) + 1
    return [f"{count} of {len(all_compared)} rows not simulated: {reason}" for reason, count in found.items()]


def text(all_compared: Sequence[Compared]) -> str:
    """Tables for a terminal."""
    simulated = [compared for compared in all_compared if compared.simulated is not None]
    tables = [terminal_hit_table(all_compared)]
    if simulated:
        tables.append(ratio_table(all_compared))
    found = contests(simulated)
    if found:
        tables.append(contest_table(found))
    tables.append(verdict_table(verdicts(all_compared)))
    blocks = [
        "\n".join([table.title, *_aligned(table), *(wrapped(table.note) if table.note else ())]) for table in tables
    ]
    return "\n\n".join([*blocks, *("\n".join(wrapped(reason, "  ")) for reason in reasons(all_compared))]) + "\n"


def _aligned(table: Table) -> list[str]:
    """The rows of a table, the columns side by side: long texts wrapped, or the table folded, if it is too wide."""
    rows: list[Sequence[str]] = [table.columns, *table.rows]
    if table.keys == 1 and sum(max(map(len, column)) + 2 for column in zip(*rows, strict=True)) - 2 > WIDTH:
        rows = [line for row in rows for line in _wrapped_row(row)]
    lines: list[str] = []
    for number, part in enumerate(folded(rows, table.keys, range(table.left))):
        rule = "-" * max(map(len, part))
        lines += [*([""] if number else []), part[0], rule, *part[1:]]
    return lines


def _wrapped_row(row: Sequence[str]) -> list[tuple[str, ...]]:
    """A row as several, with no cell wider than `CELL`."""
    cells = [wrapped(cell, width=CELL) for cell in row]
    return list(zip_longest(*cells, fillvalue=""))


def records(all_compared: Sequence[Compared]) -> list[dict[str, Any]]:
    """A record for each row: the kernel's columns, then the simulator's."""
    found = []
    for compared in all_compared:
        record: dict[str, Any] = dataclasses.asdict(compared.row)
        simulated = compared.simulated
        for name in ("hit_ratio", *COUNTERS):
            record[f"simulated_{name}"] = None if simulated is None else getattr(simulated, name)
        record["difference_points"] = None if simulated is None else round(compared.difference, 4)
        for name in ("hit_ratio", *COUNTERS):
            band = compared.band(name) or (None, None, None)
            record[f"band_{name}_lowest"], _, record[f"band_{name}_highest"] = band
        record["not_simulated"] = compared.reason or None
        found.append(record)
    return found


def as_csv(all_compared: Sequence[Compared]) -> str:
    """The records as CSV; what is not there is empty."""
    out = io.StringIO()
    found = records(all_compared)
    writer = csv.DictWriter(out, list(found[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return out.getvalue()


def as_json(all_compared: Sequence[Compared], environment: dict[str, Any]) -> str:
    """The records and the verdicts as JSON."""
    whole = {
        "rows": records(all_compared),
        "verdicts": [dataclasses.asdict(verdict) for verdict in verdicts(all_compared)],
        "environment": environment,
    }
    return json.dumps(whole, indent=2, allow_nan=False) + "\n"
