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
from enum import Enum
from typing import NamedTuple, Protocol

from dsl import ir
from verifier.cells import Layout
from verifier.domains import value as scalars
from verifier.domains.reference import (
    HANDLES,
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
from verifier.persistent import BITS, LOW, PersistentArray


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


Fact = tuple[int, int, int]
"""`x, y, gap`: of two symbols that stand for integers, `x - y <= gap`."""
Facts = PersistentArray[tuple[Fact, ...]]
"""By symbol: what comparisons told of it and another, the latest last."""
_MAX_FACTS = 8
MAX_MEETINGS = 6
_MAX_PAIRS = 16


class Base(NamedTuple):
    """Where a loop began: what a symbol exceeds another by is in [`least`, `most`]."""

    symbol: int
    least: int
    most: int


class Definition(NamedTuple):
    """How a symbol came about: `node` made it from `terms`, or at `node` the paths of `sources` met. `exact`: it is the
    sum or difference of its terms as integers, which did not wrap."""

    node: ir.Node | None
    terms: tuple[Term, ...]
    sources: tuple[Definition, ...]
    value: Value
    exact: bool = False
    base: Base | None = None


class Known(Protocol):
    """What a state, or one side of a meeting, knows of symbols."""

    facts: Facts
    meetings: tuple[Meeting, ...]

    def known(self, symbol: int) -> Value: ...


class Side:
    """What was known on one of two paths when they met."""

    __slots__ = ("_refined", "_values", "facts", "meetings")

    def __init__(self, state: State, common: tuple[Meeting, ...]) -> None:
        """Of a state that is not changed any more."""
        self._values = state.values
        self._refined = state.refined
        self.facts = state.facts
        self.meetings = tuple(meeting for meeting in state.meetings if meeting not in common)

    def known(self, symbol: int) -> Value:
        refined = self._refined[symbol]
        return self._values[symbol] if refined is None else refined


class Meeting:
    """Two paths that met. One of them was taken: a test later on may tell which, and then all holds that was known on
    it.

    `pairs`: by symbol, what it is on each path, another symbol or itself; only where the paths know different things,
    and not of all of them.
    """

    __slots__ = ("pairs", "sides")

    def __init__(self, sides: tuple[Side, Side], pairs: dict[int, tuple[int, int]]) -> None:
        self.sides = sides
        self.pairs = pairs


class Space:
    """What the states of one analysis share: the layout, and the definitions of the symbols."""

    def __init__(self, policy: ir.Policy, function: ir.Function, layout: Layout) -> None:
        self.policy = policy
        self.function = function
        self.layout = layout
        self.definitions: list[Definition] = [Definition(None, (), (), UNINITIALISED)]
        self.values: list[Value] = [UNINITIALISED]
        """What is known of each symbol from its definition, on every path."""
        self.poisoned = False
        """Whether anything may be `POISON`."""

    def define(self, definition: Definition) -> int:
        self.definitions.append(definition)
        self.values.append(definition.value)
        return len(self.definitions) - 1

    def forget(self, base: int) -> None:
        """Drops the symbols from `base` on, which no state holds any more."""
        del self.definitions[base:]
        del self.values[base:]


class State:
    """A state. Transfer changes it in place; `fork` is cheap."""

    __slots__ = ("cells", "facts", "meetings", "owned", "refined", "values")

    def __init__(
        self,
        values: list[Value],
        cells: PersistentArray[int],
        refined: PersistentArray[Value | None],
        owned: frozenset[int],
        facts: Facts,
        meetings: tuple[Meeting, ...] = (),
    ) -> None:
        self.values = values
        """Of the space."""
        self.cells = cells
        self.refined = refined
        """By symbol: what tests say beyond its definition, if anything."""
        self.owned = owned
        """Cells that may own a folio: a superset."""
        self.facts = facts
        """Some of what comparisons told; shared by all states that know the same."""
        self.meetings = meetings
        """Some of the joins of which it is open which path was taken."""

    def fork(self) -> State:
        return State(self.values, self.cells.fork(), self.refined.fork(), self.owned, self.facts, self.meetings)

    def relate(self, x: int, y: int, least: int | None, most: int | None) -> None:
        """Learns that `x - y` is in [`least`, `most`], if both symbols stand for integers. Symbols never change, so it
        holds from here on."""
        if isinstance(self.known(x), Scalar) and isinstance(self.known(y), Scalar):
            if most is not None:
                self.learn((x, y, most))
            if least is not None:
                self.learn((y, x, -least))

    def learn(self, fact: Fact) -> None:
        """Keeps a fact about two integers. Symbols never change, so it holds from here on."""
        x, y, _ = fact
        if fact not in self.facts[x]:
            self.facts = self.facts.fork()
            for symbol in (x, y):
                self.facts[symbol] = (*self.facts[symbol][1 - _MAX_FACTS :], fact)

    def known(self, symbol: int) -> Value:
        """What is known of a symbol."""
        rows, row = self.refined.rows, symbol >> BITS
        if row < len(rows):
            refined = rows[row][symbol & LOW]
            if refined is not None:
                return refined
        return self.values[symbol]

    def origin(self, symbol: int, space: Space) -> Definition:
        """How a symbol came about, with what tests have said since of a handle: for those who explain."""
        refined, definition = self.refined[symbol], space.definitions[symbol]
        return definition._replace(value=refined) if isinstance(refined, HANDLES) else definition

    def symbol(self, cell: int) -> int:
        """What a cell holds."""
        return self.cells.rows[cell >> BITS][cell & LOW]

    def value(self, cell: int) -> Value:
        """What is known of what a cell holds; asked all the time, so it looks into the arrays itself."""
        symbol = self.cells.rows[cell >> BITS][cell & LOW]
        rows, row = self.refined.rows, symbol >> BITS
        if row < len(rows):
            refined = rows[row][symbol & LOW]
            if refined is not None:
                return refined
        return self.values[symbol]

    def bind(self, cell: int, symbol: int) -> None:
        """Lets `cell` hold `symbol`, whose value is known."""
        self.cells[cell] = symbol
        value = self.values[symbol]
        if value.__class__ is Folio or self.owned:
            self._note_owner(cell, value)

    def _note_owner(self, cell: int, value: Value) -> None:
        if isinstance(value, Folio) and value.owns:
            self.owned |= {cell}
        elif cell in self.owned:
            self.owned -= {cell}

    def note(self, cell: int, symbol: int) -> None:
        """Lets a cell of memory remember `symbol`: it names a value and owns nothing."""
        if self.symbol(cell) != symbol:
            self.cells[cell] = symbol

    def restrict(self, symbol: int, value: Value) -> None:
        """Says more of a symbol than was known."""
        self.refined[symbol] = value

    def owning(self, cell: int) -> bool:
        value = self.value(cell)
        return isinstance(value, Folio) and value.owns


def empty_state(space: Space) -> State:
    refined: PersistentArray[Value | None] = PersistentArray(None)
    return State(space.values, PersistentArray(NOTHING, space.layout.size), refined, frozenset(), PersistentArray(()))


def assign(space: Space, state: State, cell: int, value: Value, definition: Definition) -> int:
    """Lets `cell` hold a fresh symbol."""
    symbol = space.define(definition)
    state.bind(cell, symbol)
    return symbol


_FOLIOS = (Folio, Gone)


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
    if isinstance(a, _FOLIOS) and isinstance(b, _FOLIOS):
        return join_folios(a, b)
    if isinstance(a, Reference) and isinstance(b, Reference) and a.table == b.table:
        return join_references(a, b)
    if any(isinstance(x, Folio) and x.owns for x in (a, b)):
        return Conflict()
    return UNINITIALISED


def freeze(state: State, value: Value) -> Value:
    """`value` without reference to the state's epochs."""
    if isinstance(value, Reference) and value.epoch >= 0:
        epoch = LIVE if state.symbol(value.table) == value.epoch else STALE
        return Reference(value.nullness, value.table, epoch)
    return value


def thaw(state: State, value: Value) -> Value:
    """A frozen value as one of `state`."""
    if isinstance(value, Reference) and value.epoch == LIVE:
        return Reference(value.nullness, value.table, state.symbol(value.table))
    return value


OnConflict = Callable[[int, Definition, Definition], None]
"""Told of a register whose ownership differs on two paths, and how it came about on each."""


class Site(NamedTuple):
    """Where paths meet: at the end of `node`. Symbols from `parted` on are known on one of the paths only."""

    node: ir.Node
    parted: int


class _Merge:
    """One join of two states, which are not changed afterwards."""

    def __init__(self, space: Space, a: State, b: State, site: Site, on_conflict: OnConflict) -> None:
        self.space, self.a, self.b, self.on_conflict = space, a, b, on_conflict
        self.site, self.parted = site.node, site.parted
        owned = a.owned if a.owned is b.owned else a.owned | b.owned
        self.result = State(a.values, a.cells.fork(), a.refined.fork(), owned, a.facts, a.meetings)
        self.pairs: dict[tuple[int, int], int] = {}
        self.apart: dict[int, tuple[int, int]] = {}
        """`Meeting.pairs`."""
        self.tested: list[int] = []
        """Symbols of which the paths know different things."""

    def run(self) -> State:
        self._merge_refined()
        self._merge_epochs()
        cells, owned = self.result.cells, self.result.owned
        layout, poisoned = self.space.layout, self.space.poisoned
        for cell, a, b in self.a.cells.differences(self.b.cells):
            if cell < layout.maps:
                continue
            if cell >= layout.memory:
                cells[cell] = self._memory(cell, a, b)
            elif (a and b) or poisoned or cell in owned:
                cells[cell] = self._cell(cell, a, b)
            elif a:
                cells[cell] = NOTHING
        self._meet()
        return self.result

    def _memory(self, cell: int, a: int, b: int) -> int:
        """The symbol of a cell of memory. Sound: if a slot holds the value of the same operands on both paths, either
        of the two values is there. Where it is known on one path only, and a load cannot but give some value of its
        type, it is that or one that nobody read. Others are forgotten, unless a register remembers them."""
        layout = self.space.layout
        owners = layout.owners_of.get(cell)
        if owners is not None:
            one, other = self.a.cells, self.b.cells
            if a and b and all(one[owner] == other[owner] for owner in owners):
                return self._cell(cell, a, b)
            if not (a and b) and cell in layout.types:
                return self._read_on_one_path(cell, owners, a, b)
        return self.pairs.get((a, b), NOTHING)

    def _read_on_one_path(self, cell: int, owners: tuple[int, ...], a: int, b: int) -> int:
        reader = self.a.cells if a else self.b.cells
        for owner in owners:
            self.result.cells[owner] = reader[owner]
        before = self.space.definitions[a], self.space.definitions[b]
        symbol = self.space.define(Definition(self.site, (), before, scalars.of_type(self.space.layout.types[cell])))
        self._note_apart(symbol, a, b)
        return symbol

    def _meet(self) -> None:
        """Keeps what holds on both paths, and for the rest which path knew it.

        Sound: a fact is about symbols, which never change, so one that both paths know holds; and of a meeting it is
        only said that one of its paths was taken, on which a joined symbol is what it was there.
        """
        a, b, result = self.a, self.b, self.result
        if a.facts is not b.facts:
            result.facts = a.facts.merge(b.facts, _known_to_both)
        if a.meetings is not b.meetings:
            result.meetings = tuple(meeting for meeting in a.meetings if meeting in b.meetings)
        for symbol in reversed(self.tested[-_MAX_PAIRS:]):
            self._note_apart(symbol, symbol, symbol)
        if len(self.apart) > 1:
            common = result.meetings
            sides = Side(a, common), Side(b, common)
            result.meetings = (*common[1 - MAX_MEETINGS :], Meeting(sides, self.apart))

    def _note_apart(self, symbol: int, a: int, b: int) -> None:
        if len(self.apart) < _MAX_PAIRS:
            self.apart[symbol] = a, b

    def _merge_refined(self) -> None:
        """Joins what tests on two paths say of one symbol. A symbol that only one path knows is in no cell afterwards,
        so that nothing needs to be kept of it; nor where the join says no more than the symbol's definition."""
        refined, values = self.result.refined, self.space.values
        for symbol, a, b in self.a.refined.differences(self.b.refined):
            if a is POISON or b is POISON:
                refined[symbol] = POISON
                continue
            if symbol < self.parted:
                self.tested.append(symbol)
            if a is not None and b is not None:
                joined = _same_symbol(a, b)
                refined[symbol] = None if joined == values[symbol] else joined
            elif a is not None:
                refined[symbol] = None

    def _merge_epochs(self) -> None:
        """A map that changed on either path begins a new epoch. References taken before die with it; those that live
        on both paths are thawed into it."""
        for cell in range(self.space.layout.maps):
            one, other = self.a.symbol(cell), self.b.symbol(cell)
            if one != other:
                before = self.space.definitions[one], self.space.definitions[other]
                self.result.cells[cell] = self.space.define(Definition(self.site, (), before, OPAQUE))

    def _cell(self, cell: int, a: int, b: int) -> int:
        """The symbol of a cell that holds different symbols.

        Sound: a pair of symbols gets one symbol, so cells become equal only if they are equal on both paths; memory
        is forgotten unless a register remembers it.
        """
        known = self.pairs.get((a, b))
        if known is not None:
            return known
        value = join_values(freeze(self.a, self.a.known(a)), freeze(self.b, self.b.known(b)))
        before = self.a.origin(a, self.space), self.b.origin(b, self.space)
        if isinstance(value, Conflict):
            self.on_conflict(cell, *before)
            value = POISON
        if value is UNINITIALISED:
            return NOTHING
        symbol = self.space.define(Definition(self.site, (), before, thaw(self.result, value)))
        self.pairs[a, b] = symbol
        self._note_apart(symbol, a, b)
        return symbol


def _known_to_both(_: int, mine: tuple[Fact, ...], theirs: tuple[Fact, ...]) -> tuple[Fact, ...]:
    return tuple(fact for fact in mine if fact in theirs)


def _same_symbol(a: Value, b: Value) -> Value:
    """Joins what two paths know of one symbol."""
    if isinstance(a, Scalar) and isinstance(b, Scalar):
        return a.join(b)
    if isinstance(a, Reference) and isinstance(b, Reference):
        return Reference(a.nullness.join(b.nullness), a.table, a.epoch)
    joined = join_values(a, b)
    return UNINITIALISED if isinstance(joined, Conflict) else joined


def merge(space: Space, states: list[State], site: Site, on_conflict: OnConflict) -> State | None:
    """The join of states in the order of their paths, which it uses up; None if there are none.

    Neighbours are joined first: they share most, so that many exits of one block cost little more than their changes.
    """
    while len(states) > 1:
        paired = [_Merge(space, a, b, site, on_conflict).run() for a, b in zip(states[::2], states[1::2], strict=False)]
        states = paired + states[len(paired) * 2 :]
    return states[0] if states else None
