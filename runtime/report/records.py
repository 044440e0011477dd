"""A row as plain data.

In: a `Row`. Out: a flat dictionary, the same for JSON and CSV: names and figures first, then the simulated times (model
`kernel` only; `docs/costs.md` describes them), the core's counters that are not among them and the verifier's bounds on
a call of each hook (`steps_...`). No value is infinite or not a number: a ratio of nothing is None.
"""

from __future__ import annotations

from typing import Any

from runtime.report import times
from runtime.row import Row

FIELDS = (
    "policy", "trace", "model", "memory_pages", "accesses", "hits", "misses", "evictions", "refaults", "scanned",
    "cpu_s", "accesses_per_cpu_s", "hit_ratio", "miss_ratio", "metadata_bytes_per_folio", "status", "message",
)  # fmt: skip
"""What every row has, in order; counters follow."""


def record(row: Row) -> dict[str, Any]:
    """The row as a dictionary."""
    data: dict[str, Any] = {name: getattr(row, name) for name in FIELDS}
    if not row.accesses:
        data["hit_ratio"] = data["miss_ratio"] = None
    if row.cpu_s <= 0:
        data["accesses_per_cpu_s"] = None
    if row.switches:
        data["switches"] = "; ".join(row.switches)
    if row.never_switched:
        data["never_switched"] = "; ".join(row.never_switched)
    steps = {f"steps_{hook}": bound for hook, bound in row.worst_case_steps.items()}
    data |= times.fields(row.times)
    return data | {name: value for name, value in row.counters.items() if name not in data} | steps
