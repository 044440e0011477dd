"""What one replay gives, in either engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """CPU seconds of the replay alone, and what it counted."""

    cpu_s: float
    misses: int
    accesses: int
