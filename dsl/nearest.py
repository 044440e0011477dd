"""The nearest name to one that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from dsl.diagnostics import MAX_REPORTED, Collector

_MAX_CANDIDATES = 300


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like `name`, or None if none is like it."""
    pool = set(candidates)
    if len(pool) > _MAX_CANDIDATES:  # comparing is slow: keep those that could be a slip of the finger
        pool = {c for c in pool if abs(len(c) - len(name)) <= 1 and c[:1] == name[:1]}
    matches = difflib.get_close_matches(name[:80], sorted(pool)[:_MAX_CANDIDATES], n=1, cutoff=0.6)
    return matches[0] if matches else None


def did_you_mean(name: str, candidates: Iterable[str], diagnostics: Collector) -> str | None:
    """A help text that offers the nearest candidate; None also after more `diagnostics` than are shown."""
    match = nearest(name, candidates) if len(diagnostics) <= MAX_REPORTED else None
    return None if match is None else f"did you mean `{match}`?"
