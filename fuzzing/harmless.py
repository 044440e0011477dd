"""Weakenings that nothing notices because nothing is wrong with them (mutation testing calls most of them equivalent).

In: the name of a weakening (`fuzzing/mutants.py`). Out: why it is harmless, or None. A reason covers all weakenings
whose name, but for the line, has one of its texts in it.
"""

from __future__ import annotations

import re

REASONS: dict[str, tuple[str, ...]] = {
    "is asked only after a failure, and the policy is refused": (
        "Refinement.assume_scalar",
        "Checker._poison_moved",
        "Checker._assume_",
        "Checker._revive",
    ),
    "the form says that it is a handle; one that cannot be read is poison by then": (
        "not asked: isinstance(value, HANDLES)",
        "not asked: isinstance(value, Reference)",
        "not asked: isinstance(value, Folio)",
    ),
    "memory is told what it holds by `State.note`, and owns nothing": ("not asked: cell < self._layout.memory",),
    "the budget of instructions ends the walk in any case": ("not asked: not self._faults.full",),
    "types that are one object are equal": ("not asked: operand.type is not type",),
    "only a constant equals one": ("not asked: isinstance(node.source, ir.Const)",),
    "what is no operand is refused as one": ("not asked: node.value is not None",),
    "what is of the class is an instance of it": ("not asked: isinstance(value, int)",),
    "is reached only after a failure, and the policy is refused": (
        "left out: self.set(state, node.dst, POISON",
        "_compare: the other way round: a is POISON or b is POISON",
        "not looked at: a is POISON",
        "not looked at: b is POISON",
        "left out: refined[symbol] = POISON",
        "left out: self._poison_disagreeing(",
        "Fixpoint._poison_disagreeing",
    ),
    "keeps a value that would be made again": (
        "left out: _CONSTANTS[",
        "round: len(_CONSTANTS) < _MAX_KEPT",
    ),
    "forgets more than it must": (
        "not looked at: slot.place in (None, place)",
        "Transfer._forget_calls: not looked at: kind == 'value'",
    ),
    "says again of a value what is known of it, or does not follow it: nothing new": (
        "_narrow: the other way round: not both.is_constant",
        "_narrow: not looked at: both is not known",
        "not looked at: both != known",
        "not looked at: other.low < value.low - gap",
        "not looked at: other.high > value.high + gap",
        "not looked at: value != known",
        "not looked at: other.nullness is not Nullness.MAYBE",
        "not looked at: known.low < value.low",
        "not looked at: known.high > value.high",
    ),
    "of what comes there only products can be exact": ("not looked at: node.op == 'mul'",),
    "handles are compared by `eq` and `ne` only, and `eq` was looked at": ("_comparison: not looked at: op == 'ne'",),
    "one of two reasons to know something is not used: less is known": (
        "not looked at: op == 'and' and value.low == 1",
        "not looked at: op == 'or' and value.low == 0",
        "_sum: not looked at: not exact",
        "_sum: not looked at: not intervals.of_type(",
        "not looked at: node.op == 'shr'",
    ),
    "both are scalars where it is asked": ("most_sum: the other way round: a is None or b is None",),
    "the search goes on until its effort is used up; what it finds holds": (
        "_most: not looked at: depth == 0",
        "not looked at: self._seen.get(key, -1) >= depth",
    ),
    "less is known of what was tested on both paths": ("the other way round: joined == values[symbol]",),
    "no value is a multiple, so that the branch is not taken by any run": ("not looked at: low <= high",),
    "the result is not known to be the operand that it is: less is known": ("not looked at: b.high <= a.low",),
    "the meet says nothing new": (
        "not looked at: most.high >= value.high",
        "not looked at: (low, high) != ends",
    ),
    "looks for more, or not as far; what is found holds": (
        "not looked at: self._may_be_ordered(",
        "not looked at: high <= node.dst.type.maximum",
    ),
    "the cells that may own a folio are a superset": (
        "left out: self.owned -= {cell}",
        "the other way round: cell in self.owned",
    ),
    "less is known of differences": ("left out: self.learn(",),
    "less is known of what the two sides of a join were": (
        "left out: self._note_apart(",
        "left out: self.apart[symbol]",
        "left out: self.tested.append(",
        "left out: result.meetings = (*common",
    ),
    "cells that are equal on both paths are not known to be": ("left out: self.pairs[a, b]",),
    "a register that is read twice is asked for twice; poison fails no test": (
        "the other way round: len(assigned) > 1",
    ),
    "the fixpoint passes over maps and memory in what a body is said to write: it finds them in its rounds": (
        "plan:_of_call: the other way round: not kfunc.pure",
        "plan:_of_call: the other way round: kfunc.clears_refs",
        "plan:_of_call: the other way round: kind == 'value' and table == node.table",
    ),
    "growing that is resumed shrinks once more; what comes of it is confirmed": ("left out: self._shrinking = False",),
    "limits of loops that are reached are set again; others can only add to the cost": (
        "left out: self.limits.clear()",
    ),
    "begins when growing does: nothing is told until the report that follows": ("round: phase is Phase.REPORT",),
    "guesses which of two bounds to try first: either is confirmed": (
        "Pace._counts",
        "Thresholds.tested",
    ),
    "widening stops at fewer places: less is known": ("round: len(found) < _MAX_THRESHOLDS",),
    "only tells where a value came from, until a round changes it": (
        "left out: invariant.made_by[cell] = (definition",
    ),
    "a search that ends at another place finds less, or more that holds": ("self._steps <= _MAX_STEPS",),
}


def reason(name: str) -> str | None:
    """Why the weakening of this name does not let anything unsafe pass."""
    place = without_line(name)
    return next((why for why, texts in REASONS.items() if any(text in place for text in texts)), None)


def without_line(name: str) -> str:
    """The name of a weakening, wherever it stands."""
    return re.sub(r":\d+: ", ": ", name, count=1)
