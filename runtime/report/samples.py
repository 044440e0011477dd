"""Samples for people and programs.

In: the `Sample`s of a run. Out: plain data for JSON, and a table for a terminal. Of the hits and the folios scanned the
table shows what came since the sample before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

from runtime.report.columns import WIDTH
from runtime.report.times import duration
from runtime.samples import Sample


def data(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """The samples as plain data."""
    return [asdict(sample) for sample in samples]


def used_lists(samples: Sequence[Sample]) -> list[str]:
    """The lists that ever held a folio, in the order they were named."""
    names = dict.fromkeys(name for sample in samples for name in sample.lists)
    return [name for name in names if any(sample.lists.get(name) for sample in samples)]


def hit_ratios(samples: Sequence[Sample]) -> list[float]:
    """Hits to accesses between each sample and the one before it."""
    return [(b.hits - a.hits) / max(b.accesses - a.accesses, 1) for a, b in pairwise(samples)]


def table(samples: Sequence[Sample]) -> list[list[str]]:
    """Rows of text, a header first: as many lists as fit, those with most folios."""
    lists = _fitting(samples, used_lists(samples))
    timed = any(sample.time_ns for sample in samples)
    rows = [["accesses", *(["time"] if timed else []), "hits %", "scanned", "resident", *lists]]
    for (before, sample), ratio in zip(pairwise(samples), hit_ratios(samples), strict=True):
        figures = [f"{100 * ratio:.1f}", f"{sample.pgscan - before.pgscan:,}", f"{sample.resident:,}"]
        lengths = [f"{sample.lists.get(name, 0):,}" for name in lists]
        rows.append([f"{sample.accesses:,}", *([duration(sample.time_ns)] if timed else []), *figures, *lengths])
    return rows


def _fitting(samples: Sequence[Sample], lists: list[str]) -> list[str]:
    """The lists for which there is room, the largest first; in their own order."""
    room = WIDTH - 52
    chosen = set()
    for name in sorted(lists, key=lambda name: -sum(sample.lists.get(name, 0) for sample in samples)):
        room -= max(len(name), 9) + 2
        if room < 0:
            break
        chosen.add(name)
    return [name for name in lists if name in chosen]
