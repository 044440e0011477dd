"""Rows and results for tests."""

from __future__ import annotations

import dataclasses
from typing import Any

from fidelity.compare import Compared
from fidelity.kernels import KernelRow
from fidelity.replay import Simulated

ROW = KernelRow(
    kernel="6.18.44",
    policy="lru",
    variant="fresh200",
    mode="pread",
    trace="zipf10",
    limit_pages=4000,
    accesses=250_000,
    runs=5,
    hit_ratio_mean=0.5,
    hit_ratio_min=0.49,
    hit_ratio_max=0.51,
    hit_ratio_2nd_half=0.5,
    refaults=1000,
    activations=1000,
    pgscan=2000,
    pgsteal=1500,
    hits_anon=0,
    accesses_anon=0,
    resident_mean=3980,
    resident_min=3950,
    resident_max=4000,
)


def row(**changes: Any) -> KernelRow:
    return dataclasses.replace(ROW, **changes)


def compared(
    hit_ratio: float, band: tuple[float, ...] = (), counts: dict[str, int] | None = None, **changes: Any
) -> Compared:
    """A row with its simulation: the row's own counters unless `counts` has others. `band`: hit ratios with limits
    around."""
    measured = row(**changes)
    own = {name: getattr(measured, name) for name in ("refaults", "activations", "pgscan", "pgsteal")}
    simulated = Simulated(hit_ratio, **{**own, **(counts or {})})
    around = tuple(dataclasses.replace(simulated, hit_ratio=ratio) for ratio in band)
    return Compared(measured, simulated, around=around)
