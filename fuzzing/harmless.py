"""Weakenings that nothing notices because nothing is wrong with them.

In: the name of a weakening (`fuzzing/mutants.py`). Out: why it is harmless, or None. A reason covers all weakenings
whose name has its text in it.
"""

from __future__ import annotations

REASONS: dict[str, str] = {
    "Refinement.assume_scalar": "is asked only after a failure, and the policy is refused",
    "left out: self.set(state, node.dst, POISON": "is reached only after a failure, and the policy is refused",
    "left out: _CONSTANTS[": "keeps a value that would be made again",
    "left out: self.owned -= {cell}": "the cells that may own a folio are a superset",
    "the other way round: cell in self.owned": "the cells that may own a folio are a superset",
    "left out: self.learn(": "less is known of differences",
    "left out: self._note_apart(": "less is known of what the two sides of a join were",
    "left out: self.apart[symbol]": "less is known of what the two sides of a join were",
    "left out: self.tested.append(": "less is known of what the two sides of a join were",
    "left out: result.meetings = (*common": "less is known of what the two sides of a join were",
    "left out: self.pairs[a, b]": "cells that are equal on both paths are not known to be",
    "left out: refined[symbol] = POISON": "is reached only after a failure, and the policy is refused",
    "left out: self._poison_disagreeing(": "is reached only after a failure, and the policy is refused",
    "Fixpoint._poison_disagreeing": "is reached only after a failure, and the policy is refused",
    "the other way round: len(assigned) > 1": "a register that is read twice is asked for twice; poison fails no test",
    **dict.fromkeys(
        (
            "the other way round: not kfunc.pure",
            "the other way round: kfunc.clears_refs",
            "the other way round: kind == 'value' and table == node.table",
        ),
        "the fixpoint passes over maps and memory in what a body is said to write: it finds them in its rounds",
    ),
    "left out: self._shrinking = False": "growing that is resumed shrinks once more; what comes of it is confirmed",
    "left out: self.limits.clear()": "limits of loops that are reached are set again; others can only add to the cost",
    "round: phase is Phase.REPORT": "begins when growing does: nothing is told until the report that follows",
    **dict.fromkeys(
        ("Fixpoint._counts", "Thresholds.tested"),
        "guesses which of two bounds to try first: either is confirmed",
    ),
    "round: len(found) < _MAX_THRESHOLDS": "widening stops at fewer places: less is known",
    "left out: invariant.made_by[cell] = (definition": "only tells where a value came from, until a round changes it",
    "self._steps <= _MAX_STEPS": "a search that ends at another place finds less, or more that holds",
}


def reason(name: str) -> str | None:
    """Why the weakening of this name does not let anything unsafe pass."""
    return next((why for part, why in REASONS.items() if part in name), None)
