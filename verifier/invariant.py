"""What holds at the head of a loop.

In: after each round, the values that the cells it changes have at the entry or at the end of the round. Out: values
that include them, in finitely many steps: joined at first, then widened, and in the shrinking phase taken back as far
as the round allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from dsl import ir
from dsl.types import INTEGERS, Type
from verifier.domains import interval as intervals
from verifier.domains.reference import Conflict
from verifier.domains.value import Scalar
from verifier.state import POISON, Definition, Value, join_values

_DELAY = 2
"""Rounds in which a value may grow before it is widened."""
_PATIENCE = 12
"""Rounds after which only the bounds of types stop it."""
_MAX_THRESHOLDS = 512


class Phase(Enum):
    """Of the fixpoint: what a round is for."""

    GROW = 0
    SHRINK = 1
    REPORT = 2


@dataclass(slots=True)
class Invariant:
    """Values by cell, frozen (`verifier/state.py`). Cells that are not in it are not changed by the loop."""

    values: dict[int, Value] = field(default_factory=dict)
    made_by: dict[int, tuple[Definition, Definition]] = field(default_factory=dict)
    """How the cell came about before the loop, and in its body."""
    disagreeing: dict[int, tuple[Definition, Definition]] = field(default_factory=dict)
    """The same, for registers whose ownership changes from round to round."""
    widened: bool = False
    _grown: dict[int, int] = field(default_factory=dict)

    def join(self, cell: int, entry: Value, back: Value, made_by: tuple[Definition, Definition]) -> Value:
        """What holds of a cell at the entry and at the end of a round; poison if they disagree about ownership, which
        is noted. Poison alone adds nothing: it is there only where something was, or will be, reported."""
        self.made_by[cell] = made_by
        if entry is POISON or back is POISON:
            return back if entry is POISON else entry
        joined = join_values(entry, back)
        if isinstance(joined, Conflict):
            self.disagreeing[cell] = made_by
            return POISON
        return joined

    def adopt(self, cell: int, value: Value, phase: Phase, thresholds: Sequence[int], type: Type) -> bool:
        """Takes `value` into the invariant; whether that changed it, which it never does when shrinking a known cell.

        Sound: but for shrinking, the invariant includes `value` afterwards. What shrinking adopts is all that the
        last round and the entry gave, and the reporting phase confirms it.
        """
        old = self.values.get(cell)
        if cell in self.disagreeing:
            value = POISON
        elif old is not None and old is not POISON:
            return value is not POISON and self._extend(cell, old, value, phase, thresholds, type)
        self.values[cell] = value
        return old is not value

    def _extend(self, cell: int, old: Value, value: Value, phase: Phase, thresholds: Sequence[int], type: Type) -> bool:
        included = isinstance(old, Scalar) and isinstance(value, Scalar) and old.includes(value)
        if included or phase is Phase.SHRINK:
            if included and phase is Phase.SHRINK:
                self.values[cell] = value
            return False
        joined = join_values(old, value)
        if isinstance(joined, Conflict):
            self.disagreeing[cell] = self.made_by[cell]
            joined = POISON
        if isinstance(old, Scalar) and isinstance(joined, Scalar):
            joined = self._grow(cell, old, joined, thresholds, type)
        self.values[cell] = joined
        return joined != old

    def _grow(self, cell: int, old: Scalar, joined: Scalar, thresholds: Sequence[int], type: Type) -> Scalar:
        """At first what holds on both paths, then wider: finitely often, since the ends stop at thresholds only."""
        rounds = self._grown[cell] = self._grown.get(cell, 0) + 1
        if rounds <= _DELAY:
            return joined
        self.widened = True
        wide = old.widen(joined, thresholds if rounds <= _PATIENCE else TYPE_BOUNDS)
        whole = intervals.of_type(type)
        return Scalar(wide.range.meet(whole) or whole, wide.bits)


TYPE_BOUNDS = sorted({0, 1} | {bound for type in INTEGERS for bound in (type.minimum, type.maximum)})


def thresholds_of(nodes: Sequence[ir.Node]) -> list[int]:
    """Where widening stops: the constants of the hook and their neighbours, and the bounds of the types."""
    found = set(TYPE_BOUNDS)
    for node in nodes:
        for name in ("left", "right", "limit", "src", "a", "b", "c", "value"):
            operand = getattr(node, name, None)
            if isinstance(operand, ir.Const) and operand.type.is_scalar and len(found) < _MAX_THRESHOLDS:
                found |= {operand.value - 1, operand.value, operand.value + 1}
    return sorted(value for value in found if TYPE_BOUNDS[0] <= value <= TYPE_BOUNDS[-1])
