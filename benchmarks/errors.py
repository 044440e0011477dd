"""What can go wrong in a benchmark that the user can do something about."""

from __future__ import annotations


class BenchmarkError(Exception):
    """The benchmark cannot go on: the message says why, and what to do about it."""
