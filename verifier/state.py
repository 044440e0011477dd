"""The abstract state at one point of a hook.

In: cells (`verifier/cells.py`) and what transfer, refinement and joins say of them. Out: for each cell a *symbol*, and
for each symbol an abstract value. A symbol stands for one concrete value along a path, so cells that share one are
known to be equal: copies, conversions that keep the integer, a state variable and the register it was loaded into.
What a test says of one of them it says of all. How a symbol came about is its `Definition`, which branch refinement
follows backwards and explanations tell; a definition never changes, so it needs no join.

Guaranteed by `merge`: every concrete state that either argument describes is described by the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from dsl import ir
from verifier.cells import Layout
from verifier.domains.reference import (
    LIVE,
    STALE,
    Conflict,
    Folio,
    Gone,
    Reference,
    join_folios,
    join_references,
)
from verifier.domains.value import Scalar
from verifier.persistent import PersistentArray


class Unknown(Enum):
    """Values that are no more than a word."""

    UNINITIALISED = "not assigned"
    """May not have been assigned. Permits least, so it is also what is known of the absurd."""
    POISON = "wrong already"
    """An error was reported about it; nothing more is to be said."""
    OPAQUE = "a handle"
    """A list, or an epoch: initialised, and nothing to know."""


UNINITIALISED, POISON, OPAQUE = Unknown.UNINITIALISED, Unknown.POISON, Unknown.OPAQUE

Value = Scalar | Folio | Gone | Reference | Unknown
Term = int | Value
"""An operand at the time of a definition: a symbol, or a constant's value."""

NOTHING = 0
"""The symbol of what was never assigned, or is forgotten."""


@dataclass(frozen=True, slots=True)
class Definition:
    """How a symbol came about: `node` made it from `terms`, or at `node` the paths of `sources` met."""

    node: ir.Node | None
    terms: tuple[Term, ...]
    sources: tuple[Definition, ...]
    value: Value


class Space:
    """What the states of one analysis share: the layout, and the definitions of the symbols."""

    def __init__(self, policy: ir.Policy, function: ir.Function, layout: Layout) -> None:
        self.policy = policy
        self.function = function
        self.layout = layout
        self.definitions: list[Definition] = [Definition(None, (), (), UNINITIALISED)]

    def define(self, definition: Definition) -> int:
        self.definitions.append(definition)
        return len(self.definitions) - 1


class State:
    """A state. Transfer changes it in place; `fork` is cheap."""

    __slots__ = ("cells", "owned", "values")

    def __init__(self, cells: PersistentArray[int], values: PersistentArray[Value], owned: frozenset[int]) -> None:
        self.cells = cells
        self.values = values
        self.owned = owned
        """Cells that may own a folio: a superset."""

    def fork(self) -> State:
        return State(self.cells, self.values, self.owned)

    def value(self, cell: int) -> Value:
        return self.values[self.cells[cell]]

    def bind(self, cell: int, symbol: int) -> None:
        """Lets `cell` hold `symbol`, whose value is known."""
        self.cells = self.cells.set(cell, symbol)
        value = self.values[symbol]
        if isinstance(value, Folio) and value.owns:
            self.owned |= {cell}
        elif cell in self.owned:
            self.owned -= {cell}

    def restrict(self, symbol: int, value: Value) -> None:
        """Says more of a symbol than was known."""
        self.values = self.values.set(symbol, value)

    def owning(self, cell: int) -> bool:
        value = self.value(cell)
        return isinstance(value, Folio) and value.owns


def empty_state() -> State:
    return State(PersistentArray(NOTHING), PersistentArray[Value](UNINITIALISED), frozenset())


def assign(space: Space, state: State, cell: int, value: Value, definition: Definition) -> int:
    """Lets `cell` hold a fresh symbol."""
    symbol = space.define(definition)
    state.values = state.values.set(symbol, value)
    state.bind(cell, symbol)
    return symbol


def join_values(a: Value, b: Value) -> Value | Conflict:
    """What holds on both of two paths, of values without epochs (`freeze`).

    Sound for every pair: the result permits only what both permit. Values of different kinds, which no register can
    hold, are joined to "not assigned".
    """
    if a == b:
        return a
    if a is POISON or b is POISON:
        return POISON
    if isinstance(a, Scalar) and isinstance(b, Scalar):
        return a.join(b)
    if isinstance(a, Folio | Gone) and isinstance(b, Folio | Gone):
        return join_folios(a, b)
    if isinstance(a, Reference) and isinstance(b, Reference) and a.table == b.table:
        return join_references(a, b)
    if any(isinstance(x, Folio) and x.owns for x in (a, b)):
        return Conflict()
    return UNINITIALISED


def freeze(state: State, value: Value) -> Value:
    """`value` without reference to the state's epochs."""
    if isinstance(value, Reference) and value.epoch >= 0:
        epoch = LIVE if state.cells[value.table] == value.epoch else STALE
        return Reference(value.nullness, value.table, epoch)
    return value


def thaw(state: State, value: Value) -> Value:
    """A frozen value as one of `state`."""
    if isinstance(value, Reference) and value.epoch == LIVE:
        return Reference(value.nullness, value.table, state.cells[value.table])
    return value


OnConflict = Callable[[int, Definition, Definition], None]
"""Told of a register whose ownership differs on two paths, and how it came about on each."""


class _Merge:
    """One join of two states."""

    def __init__(self, space: Space, a: State, b: State, site: ir.Node, on_conflict: OnConflict) -> None:
        self.space, self.a, self.b, self.site, self.on_conflict = space, a, b, site, on_conflict
        self.result = State(a.cells, a.values.merge(b.values, _same_symbol), a.owned | b.owned)
        self.pairs: dict[tuple[int, int], int] = {}

    def run(self) -> State:
        self._merge_epochs()
        result = self.result
        maps = result.cells
        merged = self.a.cells.merge(self.b.cells, lambda cell, a, b: self._cell(maps, cell, a, b))
        result.cells = merged
        return result

    def _merge_epochs(self) -> None:
        """A map that changed on either path begins a new epoch. References taken before die with it; those that live
        on both paths are thawed into it."""
        for cell in range(self.space.layout.maps):
            if self.a.cells[cell] != self.b.cells[cell]:
                epoch = self.space.define(Definition(self.site, (), (), OPAQUE))
                self.result.cells = self.result.cells.set(cell, epoch)

    def _cell(self, maps: PersistentArray[int], cell: int, a: int, b: int) -> int:
        """The symbol of a cell that holds different symbols.

        Sound: a pair of symbols gets one symbol, so cells become equal only if they are equal on both paths; memory
        is forgotten unless a register remembers it.
        """
        layout = self.space.layout
        if cell < layout.maps:
            return maps[cell]
        known = self.pairs.get((a, b))
        if known is not None:
            return known
        if cell >= layout.memory:
            return NOTHING
        value = join_values(freeze(self.a, self.a.values[a]), freeze(self.b, self.b.values[b]))
        before = self.space.definitions[a], self.space.definitions[b]
        if isinstance(value, Conflict):
            self.on_conflict(cell, *before)
            value = POISON
        if value is UNINITIALISED:
            return NOTHING
        symbol = self.space.define(Definition(self.site, (), before, value))
        self.result.values = self.result.values.set(symbol, thaw(self.result, value))
        self.pairs[a, b] = symbol
        return symbol


def _same_symbol(_: int, a: Value, b: Value) -> Value:
    """Joins what two paths know of one symbol. One that only one path knows is used only there, so its value stays."""
    if a is UNINITIALISED or b is UNINITIALISED:
        return b if a is UNINITIALISED else a
    if isinstance(a, Reference) and isinstance(b, Reference):
        return Reference(a.nullness.join(b.nullness), a.table, a.epoch)
    joined = join_values(a, b)
    return UNINITIALISED if isinstance(joined, Conflict) else joined


def merge(space: Space, states: list[State], site: ir.Node, on_conflict: OnConflict) -> State | None:
    """The join of states in the order of their paths; None if there are none.

    Neighbours are joined first: they share most, so that many exits of one block cost little more than their changes.
    """
    while len(states) > 1:
        paired = [_Merge(space, a, b, site, on_conflict).run() for a, b in zip(states[::2], states[1::2], strict=False)]
        states = paired + states[len(paired) * 2 :]
    return states[0] if states else None
