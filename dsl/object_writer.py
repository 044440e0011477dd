"""The payload of a policy object, written.

In: an `ir.Policy`. Out: bytes in the form of `dsl/object_schema.py`. What has no form there raises `ValueError` or
`KeyError`, which `dsl/policy_object.py` turns into its own error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from dsl import ir
from dsl.object_schema import (
    HIGHEST,
    LOWEST,
    MAX_DEPTH,
    MAX_NAME_BYTES,
    MAX_TEXT_BYTES,
    NODES,
    SIZE_WORDS,
    TYPES,
)
from dsl.source import Span
from dsl.types import Type

T = TypeVar("T")

_NUMBERS = {node: (number, fields) for number, (node, fields) in enumerate(NODES)}


class ObjectWriter:
    def __init__(self) -> None:
        self.data = bytearray()
        self._registers: tuple[ir.Reg, ...] = ()
        self._numbers: dict[ir.Reg, int] = {}
        self._depth = 0

    # --- values -------------------------------------------------------------------------------------------

    def number(self, value: int) -> None:
        if not 0 <= value < 1 << 65:
            raise ValueError(f"number {value} out of range")
        while value > 0x7F:
            self.data.append(value & 0x7F | 0x80)
            value >>= 7
        self.data.append(value)

    def integer(self, value: int) -> None:
        if not LOWEST <= value <= HIGHEST:
            raise ValueError(f"integer {value} out of range")
        self.number(value << 1 if value >= 0 else (-value << 1) - 1)

    def text(self, value: str, most: int = MAX_NAME_BYTES) -> None:
        encoded = value.encode("utf-8")
        if len(encoded) > most:
            raise ValueError(f"a text of {len(encoded):,} bytes, where the most is {most:,}")
        self.number(len(encoded))
        self.data += encoded

    def span(self, span: Span) -> None:
        for value in (span.line, span.column, span.end_line, span.end_column):
            self.number(value)

    def type(self, type: Type) -> None:
        if type.name == "ref":
            self.data.append(len(TYPES))
            self.number(type.table)
        else:
            self.data.append(TYPES.index(type))

    def maybe(self, value: T | None, write: Callable[[T], None]) -> None:
        self.data.append(value is not None)
        if value is not None:
            write(value)

    def several(self, values: Sequence[T], write: Callable[[T], None]) -> None:
        self.number(len(values))
        for value in values:
            write(value)

    # --- tables -------------------------------------------------------------------------------------------

    def policy(self, policy: ir.Policy) -> None:
        self.text(policy.name)
        self.text(policy.source.name)
        self.text(policy.source.text, MAX_TEXT_BYTES)
        self.several(policy.params, self._param)
        self.several(policy.states, self._state)
        self.several(policy.lists, self._list)
        self.several(policy.cursors, self._cursor)
        self.several(policy.fields, self._field)
        self.several(policy.maps, self._map)
        self.several(policy.hooks, self._hook)

    def _declared(self, name: str, type: Type, *values: int) -> None:
        self.text(name)
        self.type(type)
        for value in values:
            self.integer(value)

    def _param(self, param: ir.Param) -> None:
        self._declared(param.name, param.type, param.default, param.low, param.high)
        self.span(param.span)

    def _state(self, state: ir.State) -> None:
        self._declared(state.name, state.type, state.length, state.is_array, state.initial)
        self.span(state.span)

    def _list(self, declared: ir.ListDecl) -> None:
        self.text(declared.name)
        self.text(declared.kind)
        self.integer(declared.length)
        self.integer(declared.is_array)
        self.span(declared.span)

    def _cursor(self, cursor: ir.Cursor) -> None:
        self.text(cursor.name)
        self.integer(cursor.list)
        self.integer(cursor.index)
        self.span(cursor.span)

    def _field(self, field: ir.Field) -> None:
        self._declared(field.name, field.type)
        self.span(field.span)

    def _map(self, declared: ir.Map) -> None:
        self.text(declared.name)
        self.text(declared.kind)
        self.type(declared.key)
        self.several(declared.fields, self._field)
        self.several(declared.capacity, self._size_term)
        self.span(declared.span)

    def _size_term(self, term: int | str) -> None:
        if isinstance(term, int):
            self.data.append(len(SIZE_WORDS))
            self.integer(term)
        elif term.startswith("param:"):
            self.data.append(len(SIZE_WORDS) + 1)
            self.number(int(term.removeprefix("param:")))
        else:
            self.data.append(SIZE_WORDS.index(term))

    # --- hooks --------------------------------------------------------------------------------------------

    def _hook(self, hook: ir.Function) -> None:
        self._numbers = {register: number for number, register in enumerate(hook.registers)}
        if any(register.index != number for number, register in enumerate(hook.registers)):
            raise ValueError("the registers are not numbered in order")
        if hook.registers[: len(hook.params)] != hook.params:
            raise ValueError("the parameters are not the first registers")
        self.text(hook.hook)
        self.maybe(hook.result, self.type)
        self.number(len(hook.params))
        self.several(hook.registers, self._register)
        self.span(hook.span)
        self._body(hook.body)

    def _register(self, register: ir.Reg) -> None:
        self.text(register.name)
        self.type(register.type)

    def _body(self, body: tuple[ir.Node, ...]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ValueError("nested too deeply")
        self.several(body, self._node)
        self._depth -= 1

    def _node(self, node: ir.Node) -> None:
        number, fields = _NUMBERS[type(node)]
        self.data.append(number)
        for name, kind in fields:
            self._node_field(kind, getattr(node, name))
        self.span(node.span)

    def _node_field(self, kind: str, value: Any) -> None:
        match kind:
            case "register":
                self.number(self._numbers[value])
            case "register or none":
                self.maybe(value, lambda register: self.number(self._numbers[register]))
            case "operand":
                self._operand(value)
            case "operand or none":
                self.maybe(value, self._operand)
            case "operands":
                self.several(value, self._operand)
            case "binary":
                self.data.append(ir.BINARY_OPS.index(value))
            case "compare":
                self.data.append(ir.COMPARE_OPS.index(value))
            case "number":
                self.number(value)
            case "table":
                self.number(value + 1)
            case "name":
                self.text(value)
            case "body":
                self._body(value)

    def _operand(self, operand: ir.Operand) -> None:
        if isinstance(operand, ir.Reg):
            self.data.append(0)
            self.number(self._numbers[operand])
        else:
            self.data.append(1)
            self.type(operand.type)
            self.integer(operand.value)
