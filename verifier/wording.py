"""Names and values in words of the source.

In: operands, cells and definitions of one hook's analysis. Out: what to call them in a message (never a register's
number), where they came from, and what is known of them.
"""

from __future__ import annotations

from collections.abc import Callable

from dsl import ir
from dsl.source import NOWHERE, Source, Span
from dsl.types import FOLIO
from verifier.cells import nodes_of
from verifier.domains.reference import Folio, Gone, Nullness, Reference
from verifier.domains.value import Scalar
from verifier.state import Definition, Space, State, Value
from verifier.transfer import of_constant

_LONGEST_QUOTE = 40
_MAX_ORIGINS = 1000
_LEAST_POWER = 40


def quote(source: Source, span: Span) -> str:
    """The text of a short span on one line; empty for others."""
    if span == NOWHERE or span.line != span.end_line:
        return ""
    text = source.line(span.line)[span.column - 1 : span.end_column - 1]
    return text if 0 < len(text) <= _LONGEST_QUOTE and text.isprintable() else ""


def number(value: int) -> str:
    """A number as people write it: a large power of two, or one less, is none that anybody knows by its digits."""
    for bits in range(_LEAST_POWER, 65):
        if value in ((1 << bits) - 1, 1 << bits):
            return f"2^{bits}" if value == 1 << bits else f"2^{bits} - 1"
        if value == -(1 << bits):
            return f"-2^{bits}"
    return str(value)


def interval(value: Scalar) -> str:
    """`= 5` or `∈ [0, 7]`."""
    if value.is_constant:
        return f"= {number(value.low)}"
    return f"∈ [{number(value.low)}, {number(value.high)}]"


class Wording:
    """Words for one hook."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._source = space.policy.source
        self._made_at: dict[int, Span] = {}
        self.assignments: dict[int, list[Span]] = {}
        """By register: where it is assigned."""
        for node in nodes_of(space.function.body):
            dst = getattr(node, "dst", None)
            if isinstance(dst, ir.Reg):
                self._made_at.setdefault(dst.index, node.span)
                self.assignments.setdefault(dst.index, []).append(node.span)

    def text(self, operand: ir.Operand) -> str:
        """What the source calls an operand; empty if there is no word for it."""
        if isinstance(operand, ir.Const):
            return "null" if operand.type.is_nullable else number(operand.value)
        return operand.name or quote(self._source, self._made_at.get(operand.index, NOWHERE))

    def name(self, operand: ir.Operand) -> str:
        text = self.text(operand)
        if text:
            return f"`{text}`"
        return "this folio" if operand.type == FOLIO else "this value"

    def cell(self, cell: int) -> str:
        """The name of a register by its cell."""
        index = cell - self._space.layout.registers
        registers = self._space.function.registers
        return self.name(registers[index]) if 0 <= index < len(registers) else "this value"

    def value(self, value: Value) -> str:
        """What may be in a cell, after its name; empty if that says nothing."""
        if isinstance(value, Scalar):
            return interval(value)
        if isinstance(value, Gone):
            return "was given away"
        if isinstance(value, Folio | Reference):
            what = self._thing(value)
            if value.nullness is Nullness.NULL:
                return "= null"
            return f"∈ {{null, {what}}}" if value.nullness is Nullness.MAYBE else f"= {what}"
        return ""

    def _thing(self, value: Folio | Reference) -> str:
        if isinstance(value, Reference):
            return f"value of {self._space.policy.maps[value.table].name}"
        return "owned folio" if value.owned else "folio"

    def fact(self, state: State, operand: ir.Operand) -> str:
        """What is known of an operand; empty if nothing worth saying is."""
        if isinstance(operand, ir.Const):
            value: Value = of_constant(state, operand)
        else:
            value = state.value(self._space.layout.register(operand))
        text, known = self.text(operand), self.value(value)
        return f"{text} {known}" if text and known and not isinstance(operand, ir.Const) else ""

    def origin(self, definition: Definition, wanted: Callable[[Value], bool]) -> Definition | None:
        """The first place where a value that is `wanted` came from, looking through the joins of paths."""
        queue, seen = [definition], {id(definition)}
        for _ in range(_MAX_ORIGINS):
            if not queue:
                return None
            found = queue.pop(0)
            if not wanted(found.value):
                continue
            if not found.sources:
                return found
            for source in found.sources:
                if id(source) not in seen:
                    seen.add(id(source))
                    queue.append(source)
        return None
