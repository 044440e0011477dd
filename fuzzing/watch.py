"""Whether a concrete state lies inside the abstract one.

In: the states that the verifier has at each point of a hook, and a `Memory`. Out: `Outside` where a register, a state
variable, a param, a remembered field or a context property has a value that the abstract state excludes; where two
cells that are said to be equal are not; where a definition (`c := a < b`) that the state still relies on does not hold;
or where a point is reached that was thought to be out of reach.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from dsl import ir
from dsl.types import wrap
from fuzzing.memory import UNSET, Memory
from fuzzing.recomputing import recomputed
from runtime import arithmetic
from verifier.cells import Layout, nodes_of
from verifier.domains.reference import Folio, Gone, Nullness, Reference
from verifier.domains.value import Scalar
from verifier.state import NOTHING, Definition, Meeting, Space, State, Term

Read = Callable[[], Any]
Check = Callable[[], None]


class Outside(Exception):
    """The verifier excluded a state that occurs."""


class Points:
    """What the verifier knows at each point; an observer of `verify`."""

    def __init__(self) -> None:
        self._states: dict[int, tuple[ir.Node, State, Space]] = {}

    def observe(self, node: ir.Node, state: State, space: Space) -> None:
        self._states[id(node)] = (node, state.fork(), space)

    def watch(self, node: ir.Node, memory: Memory) -> Check:
        """The check of a point."""
        found = self._states.get(id(node))
        if found is None:
            return _Unreached(node).fail
        return _Comparison(node, found[1], found[2], memory).check


class _Unreached:
    def __init__(self, node: ir.Node) -> None:
        self._node = node

    def fail(self) -> None:
        raise Outside(f"{self._node} was thought to be out of reach")


class _Comparison:
    """The check of one point, made once and run often."""

    def __init__(self, node: ir.Node, state: State, space: Space, memory: Memory) -> None:
        self._node, self._state, self._space, self._memory = node, state, space, memory
        self._layout: Layout = space.layout
        self._ranges: list[tuple[int, int, int, int, int]] = []
        self._tests: list[tuple[str, Callable[[], bool]]] = []
        self._cells: dict[int, list[Read]] = {}
        self._collect()
        self._equalities()
        self._definitions()
        self._differences()
        self._meetings()
        self._remembered()

    def check(self) -> None:
        registers = self._memory.registers
        for index, low, high, value, known in self._ranges:
            concrete = registers[index]
            if concrete is UNSET or not low <= concrete <= high or concrete & known != value:
                raise Outside(f"{self._node}: %{index} is {concrete}, not in [{low}, {high}] or its bits")
        for what, test in self._tests:
            if not test():
                raise Outside(f"{self._node}: {what}")

    # --- cells ---------------------------------------------------------------------------------------------

    def _collect(self) -> None:
        layout, state, memory = self._layout, self._state, self._memory
        symbols = [state.cells[layout.registers + index] for index in range(len(memory.registers))]
        if max(symbols, default=0) >= len(self._space.definitions):  # of a round that was forgotten, like its symbols
            raise Outside(f"{self._node} was thought to be out of reach")
        for index, symbol in enumerate(symbols):
            if symbol != NOTHING:
                self._register(index, symbol)
        for number, cell in layout.states.items():
            self._scalar(f"state {number}", cell, partial(memory.element, number, 0))
        for number, cell in layout.params.items():
            self._scalar(f"param {number}", cell, partial(memory.param, number))

    def _register(self, index: int, symbol: int) -> None:
        value, registers = self._state.known(symbol), self._memory.registers
        self._cells.setdefault(symbol, []).append(lambda: registers[index])
        if isinstance(value, Scalar):
            self._ranges.append((index, value.low, value.high, value.bits.value, ~value.bits.mask))
        elif isinstance(value, Folio | Gone | Reference):
            self._tests.append((f"%{index} is not {value}", lambda: self._handle(index, value)))

    def _handle(self, index: int, value: Folio | Gone | Reference) -> bool:
        memory = self._memory
        concrete, owns = memory.registers[index], index in memory.hand
        if isinstance(value, Gone):
            return not owns
        if concrete is UNSET or not value.nullness.includes(_nullness(concrete)):
            return False
        if isinstance(value, Folio):
            return owns == (value.owned and concrete != 0)
        claimed = self._state.cells[value.table] == value.epoch
        return concrete == 0 or not claimed or concrete[0] == memory.generations.get(value.table, 0)

    def _scalar(self, what: str, cell: int, read: Read) -> None:
        symbol = self._state.cells[cell]
        value = self._state.known(symbol)
        if symbol == NOTHING or not isinstance(value, Scalar):
            return
        self._cells.setdefault(symbol, []).append(read)
        self._tests.append((f"{what} is not {value}", lambda: value.contains(read())))

    # --- relations -----------------------------------------------------------------------------------------

    def _equalities(self) -> None:
        for reads in self._cells.values():
            for other in reads[1:]:
                self._tests.append(("cells differ", partial(_equal, reads[0], other)))

    def _term(self, term: Term) -> Read | None:
        """How to read an operand of a definition; None if no cell holds it any more."""
        if isinstance(term, Scalar):
            return (lambda: term.low) if term.is_constant else None
        if isinstance(term, int):
            reads = self._cells.get(term)
            return None if reads is None or term == NOTHING else reads[0]
        return None

    def _definitions(self) -> None:
        for symbol, reads in list(self._cells.items()):
            definition = self._space.definitions[symbol]
            computed = self._computed(definition) if definition.terms else None
            if computed is not None:
                test = partial(_equal, reads[0], computed)
                self._tests.append((f"the definition {definition.node} does not hold", test))

    def _computed(self, definition: Definition) -> Read | None:
        node = definition.node
        if not isinstance(node, ir.Binary | ir.Compare | ir.Convert):
            return None
        terms = [self._term(term) for term in definition.terms]
        first, second = terms[0], terms[-1]
        if first is None or second is None:
            return None
        if isinstance(node, ir.Convert):
            return lambda: wrap(first(), node.dst.type)
        if isinstance(node, ir.Compare):
            compare = arithmetic.COMPARE[node.op]
            return lambda: int(compare(first(), second()))
        compute = arithmetic.exact if definition.exact else arithmetic.binary
        return lambda: compute(node.op, node.dst.type, first(), second())

    def _differences(self) -> None:
        """What is known of the difference of two values."""
        known = [(x, y, -(1 << 66), gap) for told in self._state.facts.values() for x, y, gap in told]
        for symbol in self._cells:
            base = self._space.definitions[symbol].base
            if base is not None:
                known.append((symbol, base.symbol, base.least, base.most))
        for x, y, least, most in known:
            first, second = self._term(x), self._term(y)
            if first is not None and second is not None:
                test = partial(_differ_by, first, second, least, most)
                self._tests.append((f"a difference is not in [{least}, {most}]", test))

    def _meetings(self) -> None:
        """Of two paths that met, what was known on one of them holds."""
        for meeting in self._state.meetings:
            sides = [self._side(meeting, number) for number in (0, 1)]
            self._tests.append(("neither of two paths that met fits", partial(_one_fits, sides)))

    def _side(self, meeting: Meeting, number: int) -> list[Callable[[], bool]]:
        tests: list[Callable[[], bool]] = []
        for symbol, pair in meeting.pairs.items():
            read, value = self._term(symbol), meeting.sides[number].known(pair[number])
            if read is None:
                continue
            if isinstance(value, Scalar):
                tests.append(partial(_contains, value, read))
            elif isinstance(value, Folio | Reference):
                tests.append(partial(_may_be, value, read))
        return tests

    # --- memory --------------------------------------------------------------------------------------------

    def _remembered(self) -> None:
        """Slots: what an expression gave is what it would give now, if the run has computed it."""
        nodes: dict[int, ir.Node] = {}
        seen: set[int] = set()
        for key, (slot, cells) in self._layout.slots.items():
            if slot.content not in seen and len(cells) == len(slot.owners) and self._state.cells[slot.content]:
                seen.add(slot.content)
                nodes = nodes or {id(node): node for node in nodes_of(self._space.function.body)}
                owners = [self._term(self._state.cells[cell]) for cell in slot.owners]
                known = [read for read in owners if read is not None]
                if len(known) == len(owners):
                    self._slot(nodes[key], slot.content, known)

    def _slot(self, node: ir.Node, cell: int, operands: list[Read]) -> None:
        symbol = self._state.cells[cell]
        value, equal = self._state.known(symbol), self._cells.get(symbol)
        if symbol == NOTHING:
            return
        read = recomputed(node, operands, self._memory)

        def test() -> bool:
            concrete = read()
            if concrete is None:
                return True
            fits = value.contains(concrete) if isinstance(value, Scalar) else True
            return fits and (equal is None or equal[0]() == concrete)

        self._tests.append((f"{node} is not what was remembered", test))


def _equal(a: Read, b: Read) -> bool:
    return bool(a() == b())


def _differ_by(a: Read, b: Read, least: int, most: int) -> bool:
    return bool(least <= a() - b() <= most)


def _one_fits(sides: list[list[Callable[[], bool]]]) -> bool:
    return any(all(test() for test in side) for side in sides)


def _contains(value: Scalar, read: Read) -> bool:
    return bool(value.contains(read()))


def _may_be(value: Folio | Reference, read: Read) -> bool:
    return value.nullness.includes(_nullness(read()))


def _nullness(concrete: Any) -> Nullness:
    return Nullness.NULL if concrete == 0 else Nullness.NOT_NULL
