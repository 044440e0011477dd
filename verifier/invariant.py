"""What holds at the head of a loop.

In: after each round, the values that the cells it changes have at the entry or at the end of the round. Out: values
that include them, in finitely many steps: joined at first, then widened, and in the shrinking phase taken back as far
as the round allows. Where a round changes an integer by so much at most, its *pace*, it gets no farther than that times
the rounds there can be: counters in loops are bounded so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from dsl import ir
from dsl.types import INTEGERS, Type
from verifier.cells import nodes_of
from verifier.domains import value as scalars
from verifier.domains.reference import Conflict
from verifier.domains.value import Scalar
from verifier.obligations import operands
from verifier.state import POISON, Definition, Value, join_values

_DELAY = 2
"""Rounds in which a value may grow before it is widened."""
_PATIENCE = 12
"""Rounds after which only the bounds of types stop it."""
_MAX_THRESHOLDS = 512
_MAX_PACES = 3
"""Times that the pace of a cell is corrected."""


class Phase(Enum):
    """Of the fixpoint: what a round is for."""

    GROW = 0
    SHRINK = 1
    REPORT = 2


@dataclass(slots=True)
class Invariant:
    """Values by cell, frozen (`verifier/state.py`). Cells that are not in it are not changed by the loop."""

    thresholds: Thresholds
    values: dict[int, Value] = field(default_factory=dict)
    made_by: dict[int, tuple[Definition, Definition]] = field(default_factory=dict)
    """How the cell came about before the loop, and in its body."""
    disagreeing: dict[int, tuple[Definition, Definition]] = field(default_factory=dict)
    """The same, for registers whose ownership changes from round to round."""
    pace: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By cell: the least and the most by which it changes in a round, as an integer; 0 lies between."""
    widened: bool = False
    """Since it was shrunk."""
    _changes: dict[int, int] = field(default_factory=dict)
    _grown: dict[int, int] = field(default_factory=dict)

    def admit(self, cell: int, value: Value) -> None:
        """Lets the invariant include what holds of a cell at the entry; a disagreement is left to `adopt`."""
        old = self.values[cell]
        if value is not old and POISON not in (old, value):
            joined = join_values(old, value)
            if not isinstance(joined, Conflict):
                self.values[cell] = joined

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

    def may_have_pace(self, cell: int, counts: bool) -> bool:
        """Whether to find out the pace of a cell that grows: at once if the loop only counts with it, else where it is
        about to be widened; and not again and again."""
        return (counts or self._grown.get(cell, 0) >= _DELAY) and self._changes.get(cell, 0) < _MAX_PACES

    def keep_pace(self, cell: int, least: int, most: int) -> bool:
        """Takes it in that a round changes a cell by `least` to `most`; whether that was known. A pace that is
        corrected again and again is given up."""
        known = self.pace.get(cell, (0, 0))
        if cell in self.pace and known[0] <= least and most <= known[1]:
            return True
        self._changes[cell] = self._changes.get(cell, 0) + 1
        if self._changes[cell] < _MAX_PACES:
            self.pace[cell] = min(least, known[0]), max(most, known[1])
        else:
            self.pace.pop(cell, None)
        return False

    def extend(self, cell: int, value: Scalar) -> bool:
        """Lets the range of a cell include `value`, which is where it can get at its pace; whether that changed it."""
        old = self.values[cell]
        if not isinstance(old, Scalar) or old.includes(value):
            return False
        self.values[cell] = old.join(value)
        return True

    def adopt(self, cell: int, value: Value, phase: Phase, type: Type) -> bool:
        """Takes `value` into the invariant; whether that changed it, or when shrinking should have.

        Sound: but for shrinking, the invariant includes `value` afterwards. What shrinking adopts is all that the
        last round and the entry gave, and the reporting phase confirms it.
        """
        old = self.values.get(cell)
        if cell in self.disagreeing:
            value = POISON
        elif old is not None and old is not POISON:
            return value is not POISON and self._extend(cell, old, value, phase, type)
        self.values[cell] = value
        return old is not value

    def _extend(self, cell: int, old: Value, value: Value, phase: Phase, type: Type) -> bool:
        if value == old:
            return False
        if phase is Phase.SHRINK:
            if isinstance(old, Scalar) and isinstance(value, Scalar) and old.includes(value):
                self.values[cell] = value
                return True
            return join_values(old, value) != old
        joined = join_values(old, value)
        if isinstance(joined, Conflict):
            self.disagreeing[cell] = self.made_by[cell]
            joined = POISON
        if isinstance(old, Scalar) and isinstance(joined, Scalar):
            joined = self._grow(cell, old, joined, type)
        self.values[cell] = joined
        return joined != old

    def _grow(self, cell: int, old: Scalar, joined: Scalar, type: Type) -> Scalar:
        """At first what holds on both paths, then wider: finitely often, since the ends stop at thresholds only."""
        rounds = self._grown[cell] = self._grown.get(cell, 0) + 1
        if rounds <= _DELAY:
            return joined
        self.widened = True
        whole = scalars.of_type(type)
        wide = old.widen(joined, self.thresholds.of(type) if rounds <= _PATIENCE else whole.range)
        return Scalar(wide.range, wide.bits.meet(whole.bits) or whole.bits)


class Thresholds:
    """Where widening stops: what a loop compares with, the neighbours of that, and the bounds of the types."""

    def __init__(self, loop: ir.Loop | ir.Scan) -> None:
        self._loop = loop

    def of(self, type: Type) -> list[int]:
        """Those of a cell of `type`, in order; the first and the last are the bounds of the type."""
        return [value for value in self._all if type.minimum <= value <= type.maximum]

    @cached_property
    def _all(self) -> list[int]:
        found = {0} | {bound for type in INTEGERS for bound in (type.minimum, type.maximum)}
        for _, constant in self._comparisons:
            if len(found) < _MAX_THRESHOLDS:
                found |= {constant - 1, constant, constant + 1}
        return sorted(found)

    @cached_property
    def _comparisons(self) -> list[tuple[ir.Operand, int]]:
        """What the loop compares with constants, and with which."""
        nodes = [node for node in nodes_of(self._loop.body) if isinstance(node, ir.Compare)]
        pairs = [pair for node in nodes for pair in ((node.left, node.right), (node.right, node.left))]
        return [(operand, other.value) for operand, other in pairs if isinstance(other, ir.Const)]

    @cached_property
    def tested(self) -> tuple[set[int], set[int]]:
        """The registers and the state variables that the loop compares with constants, or what is made of them."""
        registers = {operand.index for operand, _ in self._comparisons if isinstance(operand, ir.Reg)}
        states: set[int] = set()
        for node in reversed(nodes_of(self._loop.body)):
            dst = getattr(node, "dst", None)
            if isinstance(dst, ir.Reg) and dst.index in registers:
                registers |= {operand.index for operand in operands(node) if isinstance(operand, ir.Reg)}
                if isinstance(node, ir.LoadState):
                    states.add(node.state)
        return registers, states
