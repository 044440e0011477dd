"""Names and values in words of the source.

In: operands, cells and definitions of one hook's analysis. Out: what to call them in a message (never a register's
number), where they came from, and what is known of them.
"""

from __future__ import annotations

from collections.abc import Callable

from dsl import ir
from dsl.source import NOWHERE, Source, Span
from dsl.types import BOOL, FOLIO, INTEGERS
from verifier.cells import nodes_of
from verifier.domains import tnum
from verifier.domains import value as scalars
from verifier.domains.reference import Folio, Gone, Nullness, Reference
from verifier.domains.value import Scalar
from verifier.state import Definition, Space, State, Value
from verifier.transfer import of_constant

_LONGEST_QUOTE = 40
_MAX_ORIGINS = 1000
_LEAST_POWER = 32
_NEAR = 4096
_MAX_RELATIONS = 2
_LONGEST_PATTERN = 16


def quote(source: Source, span: Span) -> str:
    """The text of a short span on one line; empty for others."""
    if span == NOWHERE or span.line != span.end_line:
        return ""
    text = source.line(span.line)[span.column - 1 : span.end_column - 1]
    return text if 0 < len(text) <= _LONGEST_QUOTE and text.isprintable() else ""


def number(value: int) -> str:
    """A number as people write it: one near a large power of two is none that anybody knows by its digits."""
    size = abs(value)
    for bits in (size.bit_length() - 1, size.bit_length()):
        beyond = size - (1 << bits) if bits >= _LEAST_POWER else _NEAR + 1
        if abs(beyond) <= _NEAR:
            text = f"2^{bits}" + (f" {'+' if beyond > 0 else '-'} {abs(beyond)}" if beyond else "")
            return text if value > 0 else f"-({text})" if beyond else f"-{text}"
    return str(value)


def interval(value: Scalar) -> str:
    """`= 5` or `∈ [0, 7]`."""
    if value.is_constant:
        return f"= {number(value.low)}"
    return f"∈ [{number(value.low)}, {number(value.high)}]"


def _says_nothing(value: Scalar) -> bool:
    """Whether it is all that some type holds."""
    return any(value.range == scalars.of_type(type).range for type in INTEGERS)


def _comparison(x: str, y: str, gap: int) -> str:
    """`x - y <= gap`, as people write it."""
    if gap in (0, -1):
        return f"{x} {'≤' if gap == 0 else '<'} {y}"
    return f"{x} ≤ {y} {'+' if gap > 0 else '-'} {number(abs(gap))}"


def bits(value: Scalar) -> str:
    """What the known bits say beyond the range: `% 8 = 0`, or a pattern such as `= 0b1?0?`."""
    if value.is_constant:
        return ""
    mask = value.bits.mask
    low = (mask & -mask) - 1  # the bits below the lowest unknown one
    beyond = tnum.of_range(value.low, value.high).mask & ~mask & ~low
    if beyond and value.low >= 0 and value.high < 1 << _LONGEST_PATTERN:
        digits = (("?" if mask >> n & 1 else str(value.bits.value >> n & 1)) for n in range(value.high.bit_length()))
        return "= 0b" + "".join(digits)[::-1]
    return f"% {number(low + 1)} = {number(value.bits.value & low)}" if low > 0 else ""


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

    def quote(self, span: Span) -> str:
        """The text of a short span; empty for others."""
        return quote(self._source, span)

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

    def known(self, cell: int, name: str, value: Value, state: State) -> list[str]:
        """What is known of a cell: nothing of a number that may be any of its type; its bits where they say more than
        its range."""
        type = self._space.layout.types.get(cell)
        if isinstance(value, Reference) and value.epoch != state.cells[value.table]:
            return [f"{name} {self.value(value)} (stale)"]
        if not isinstance(value, Scalar):
            text = self.value(value)
            return [f"{name} {text}"] if text else []
        if type == BOOL:
            return [f"{name} = {'true' if value.low else 'false'}"] if value.is_constant else []
        facts = [] if type is not None and value.range == scalars.of_type(type).range else [f"{name} {interval(value)}"]
        return facts + ([f"{name} {text}"] if (text := bits(value)) else [])

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

    def facts(self, state: State, operand: ir.Operand) -> tuple[str, ...]:
        """What is known of a number: its range, what it is less than, and what it was computed from."""
        if isinstance(operand, ir.Const):
            return ()
        symbol = state.cells[self._space.layout.register(operand)]
        found = [self.fact(state, operand)]
        found += self.relations(state, symbol, self.text(operand))
        node = self._space.definitions[symbol].node
        if isinstance(node, ir.Binary) and not operand.name:
            found += [self._part(state, part) for part in (node.left, node.right)]
        return tuple(fact for fact in found if fact)

    def _part(self, state: State, part: ir.Operand) -> str:
        """What is known of something that a number was computed of, if it is certain that it has not changed since."""
        if isinstance(part, ir.Const) or len(self.assignments.get(part.index, ())) > 1:
            return ""
        value = state.value(self._space.layout.register(part))
        return "" if isinstance(value, Scalar) and _says_nothing(value) else self.fact(state, part)

    def relations(self, state: State, symbol: int, text: str) -> list[str]:
        """How a number compares with others that have words, the latest first."""
        found = []
        for x, y, gap in reversed(state.facts[symbol]):
            other = self.of_symbol(state, y if x == symbol else x)
            if other and other != text:
                found.append(_comparison(text, other, gap) if x == symbol else _comparison(other, text, gap))
                value = state.known(y if x == symbol else x)
                if isinstance(value, Scalar) and not _says_nothing(value):
                    found.append(f"{other} {interval(value)}")
        return found[: 2 * _MAX_RELATIONS]

    def of_symbol(self, state: State, symbol: int) -> str:
        """What the source calls a value: a variable that holds it now, or the expression that made it."""
        for cell, name in self._space.layout.names.items():
            if state.cells[cell] == symbol:
                return name
        node = self._space.definitions[symbol].node
        readable = isinstance(node, ir.Call | ir.Binary | ir.LoadField | ir.LoadRef | ir.LoadState)
        return quote(self._source, node.span) if readable and node is not None else ""

    def origin(
        self,
        definition: Definition,
        wanted: Callable[[Value], bool],
        settles: Callable[[Definition], bool] = lambda definition: not definition.sources,
    ) -> Definition | None:
        """The first place where a value that is `wanted` came from, looking through the joins of paths."""
        queue, seen = [definition], {id(definition)}
        for _ in range(_MAX_ORIGINS):
            if not queue:
                return None
            found = queue.pop(0)
            if not wanted(found.value):
                continue
            if settles(found):
                return found
            for source in found.sources:
                if id(source) not in seen:
                    seen.add(id(source))
                    queue.append(source)
        return None
