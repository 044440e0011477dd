"""Where two executors disagree, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


class Difference(Exception):
    """Native code and the interpreter disagree."""


def first_difference(expected: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """The first byte of memory that differs, region by region; empty if none does."""
    for name, region in expected.items():
        if len(region) != len(found[name]):
            return f"{name} has {len(found[name]):,} bytes, not {len(region):,}"
        different = np.flatnonzero(region != found[name])
        if len(different):
            return f"byte {different[0]:,} of {name}"
    return ""
