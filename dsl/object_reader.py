"""The payload of a policy object, read.

In: bytes that nobody vouches for. Out: an `ir.Policy` of the right classes, or `PolicyObjectError` with the offset.
Every read checks its bounds first; counts, depth and totals are limited, so that memory stays a multiple of the input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from dsl import ir
from dsl.abi import ABI_HASH
from dsl.object_schema import (
    HIGHEST,
    LOWEST,
    MAX_DEPTH,
    MAX_ENTRIES,
    MAX_NAME_BYTES,
    MAX_NODES,
    MAX_REGISTERS,
    MAX_TEXT_BYTES,
    NODES,
    SIZE_WORDS,
    TYPES,
)
from dsl.source import Source, Span
from dsl.types import Type, ref

T = TypeVar("T")


class PolicyObjectError(Exception):
    """The bytes are no policy object that can be loaded here. `offset` counts from the start of the object."""

    def __init__(self, name: str, offset: int, message: str) -> None:
        super().__init__(f"{name}: offset {offset:,}: {message}")
        self.offset = offset


class ObjectReader:
    """Reads what `ObjectWriter` wrote, from offset `start` of `data`. `name` is what messages call it."""

    def __init__(self, data: bytes, start: int, name: str) -> None:
        self._data = data
        self._name = name
        self._at = start
        self._registers: tuple[ir.Reg, ...] = ()
        self._depth = 0
        self._nodes = 0
        self._register_count = 0

    def _error(self, expected: str, at: int | None = None) -> PolicyObjectError:
        return PolicyObjectError(self._name, self._at if at is None else at, f"expected {expected}")

    # --- values -------------------------------------------------------------------------------------------

    def _byte(self, limit: int, what: str) -> int:
        """A byte below `limit`."""
        if self._at >= len(self._data):
            raise self._error(f"{what}, found the end")
        value = self._data[self._at]
        if value >= limit:
            raise self._error(f"{what}, found {value}")
        self._at += 1
        return value

    def _number(self, maximum: int, what: str) -> int:
        start, value, shift = self._at, 0, 0
        while True:
            byte = self._byte(256, what)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            if shift > 63:
                raise self._error(f"{what} of at most 10 bytes", start)
        if value > maximum:
            raise self._error(f"{what} of at most {maximum:,}, found {value:,}", start)
        return value

    def _integer(self, low: int = LOWEST, high: int = HIGHEST) -> int:
        start = self._at
        value = self._number(1 << 66, "an integer")
        value = -((value + 1) >> 1) if value & 1 else value >> 1
        if not low <= value <= high:
            raise self._error(f"an integer from {low:,} to {high:,}, found {value:,}", start)
        return value

    def _flag(self) -> bool:
        return bool(self._integer(0, 1))

    def _text(self, limit: int, what: str) -> str:
        length = self._number(limit, f"the length of {what}")
        start, end = self._at, self._at + length
        if end > len(self._data):
            raise self._error(f"{length:,} bytes of {what}, found {len(self._data) - start:,}")
        self._at = end
        try:
            return self._data[start:end].decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._error(f"{what} in UTF-8", start + error.start) from None

    def _label(self) -> str:
        return self._text(MAX_NAME_BYTES, "a name")

    def _span(self) -> Span:
        values = [self._number((1 << 32) - 1, "a line or column") for _ in range(4)]
        return Span(values[0], values[1], values[2], values[3])

    def _type(self) -> Type:
        number = self._byte(len(TYPES) + 1, "a type")
        if number == len(TYPES):
            return ref(self._number(MAX_ENTRIES, "the number of a map"))
        return TYPES[number]

    def _maybe(self, read: Callable[[], T]) -> T | None:
        return read() if self._byte(2, "0 or 1") else None

    def _several(self, read: Callable[[], T], limit: int, what: str) -> tuple[T, ...]:
        start = self._at
        count = self._number(limit, f"the number of {what}")
        if count > len(self._data) - self._at:
            raise self._error(f"{count:,} {what}, more than the data can hold", start)
        return tuple(read() for _ in range(count))

    # --- tables -------------------------------------------------------------------------------------------

    def policy(self) -> ir.Policy:
        name = self._label()
        source = Source(self._label(), self._text(MAX_TEXT_BYTES, "the source"))
        params = self._several(self._param, MAX_ENTRIES, "params")
        states = self._several(self._state, MAX_ENTRIES, "states")
        lists = self._several(self._list, MAX_ENTRIES, "lists")
        cursors = self._several(self._cursor, MAX_ENTRIES, "cursors")
        fields = self._several(self._field, MAX_ENTRIES, "fields")
        maps = self._several(self._map, MAX_ENTRIES, "maps")
        hooks = self._several(self._hook, MAX_ENTRIES, "hooks")
        if self._at != len(self._data):
            raise self._error("the end")
        return ir.Policy(name, ABI_HASH, params, states, lists, cursors, fields, maps, hooks, source)

    def _param(self) -> ir.Param:
        return ir.Param(self._label(), self._type(), self._integer(), self._integer(), self._integer(), self._span())

    def _state(self) -> ir.State:
        name, type = self._label(), self._type()
        return ir.State(name, type, self._integer(0), self._flag(), self._integer(), self._span())

    def _list(self) -> ir.ListDecl:
        return ir.ListDecl(self._label(), self._label(), self._integer(0), self._flag(), self._span())

    def _cursor(self) -> ir.Cursor:
        return ir.Cursor(self._label(), self._integer(0), self._integer(0), self._span())

    def _field(self) -> ir.Field:
        return ir.Field(self._label(), self._type(), self._span())

    def _map(self) -> ir.Map:
        name, kind, key = self._label(), self._label(), self._type()
        fields = self._several(self._field, MAX_ENTRIES, "fields")
        return ir.Map(name, kind, key, fields, self._several(self._size_term, MAX_ENTRIES, "terms"), self._span())

    def _size_term(self) -> int | str:
        number = self._byte(len(SIZE_WORDS) + 2, "a term of a size")
        if number < len(SIZE_WORDS):
            return SIZE_WORDS[number]
        if number == len(SIZE_WORDS):
            return self._integer()
        return f"param:{self._number(MAX_ENTRIES, 'the number of a param')}"

    # --- hooks --------------------------------------------------------------------------------------------

    def _hook(self) -> ir.Function:
        name = self._label()
        result = self._maybe(self._type)
        start = self._at
        params = self._number(MAX_REGISTERS, "the number of parameters")
        named = self._several(lambda: (self._label(), self._type()), MAX_REGISTERS, "registers")
        self._register_count += len(named)
        if self._register_count > MAX_REGISTERS:
            raise self._error(f"at most {MAX_REGISTERS:,} registers in all hooks", start)
        if params > len(named):
            raise self._error(f"at most {len(named)} parameters, found {params:,}", start)
        self._registers = tuple(ir.Reg(index, type, label) for index, (label, type) in enumerate(named))
        span = self._span()
        return ir.Function(name, self._registers[:params], result, self._registers, self._body(), span)

    def _body(self) -> tuple[ir.Node, ...]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(f"at most {MAX_DEPTH} levels of nesting")
        body = self._several(self._node, MAX_NODES, "nodes")
        self._depth -= 1
        return body

    def _node(self) -> ir.Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._error(f"at most {MAX_NODES:,} nodes")
        node, fields = NODES[self._byte(len(NODES), "a node")]
        values: list[Any] = [self._node_field(kind) for _, kind in fields]
        build: Callable[..., ir.Node] = node
        return build(*values, self._span())

    def _node_field(self, kind: str) -> Any:
        match kind:
            case "register":
                return self._register()
            case "register or none":
                return self._maybe(self._register)
            case "operand":
                return self._operand()
            case "operand or none":
                return self._maybe(self._operand)
            case "operands":
                return self._several(self._operand, MAX_NAME_BYTES, "arguments")
            case "binary":
                return ir.BINARY_OPS[self._byte(len(ir.BINARY_OPS), "an operator")]
            case "compare":
                return ir.COMPARE_OPS[self._byte(len(ir.COMPARE_OPS), "a comparison")]
            case "number":
                return self._number(MAX_ENTRIES, "a number")
            case "table":
                return self._number(MAX_ENTRIES, "the number of a table") - 1
            case "name":
                return self._label()
            case "body":
                return self._body()
        raise AssertionError(kind)

    def _register(self) -> ir.Reg:
        start = self._at
        index = self._number(MAX_REGISTERS, "the number of a register")
        if index >= len(self._registers):
            raise self._error(f"a register below {len(self._registers)}, found {index:,}", start)
        return self._registers[index]

    def _operand(self) -> ir.Operand:
        if self._byte(2, "an operand") == 0:
            return self._register()
        type = self._type()
        return ir.Const(self._integer(), type)
