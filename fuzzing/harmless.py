"""Weakenings that nothing notices because nothing is wrong with them.

In: the name of a weakening (`fuzzing/mutants.py`). Out: why it is harmless, or None. A reason covers all weakenings
whose name has its text in it.
"""

from __future__ import annotations

REASONS: dict[str, str] = {
    "Refinement.assume_scalar": "is asked only after a failure, and the policy is refused",
    "left out: self.set(state, node.dst, POISON": "is reached only after a failure, and the policy is refused",
    "left out: _CONSTANTS[": "keeps a value that would be made again",
    "State._note_owner": "the cells that may own a folio are a superset",
    "left out: self.learn(": "less is known of differences",
    "_note_apart": "less is known of what the two sides of a join were",
    "left out: result.meetings": "less is known of what the two sides of a join were",
    "left out: self.pairs[a, b]": "cells that are equal on both paths are not known to be",
    "self._steps <= _MAX_STEPS": "a search that ends at another place finds less, or more that holds",
}


def reason(name: str) -> str | None:
    """Why the weakening of this name does not let anything unsafe pass."""
    return next((why for part, why in REASONS.items() if part in name), None)
