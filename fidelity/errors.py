"""What can go wrong here that the user can do something about."""

from __future__ import annotations


class FidelityError(Exception):
    """It cannot go on: the message says why, and what to do about it."""
