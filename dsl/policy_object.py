"""Policy objects: the IR of a policy as bytes.

`encode` and `decode` are inverse to each other. The form is a header (magic, version, hash of the `abi`, length and
SHA-256) and length-prefixed data: no pickle, no code. `decode` gives a policy made of the right classes, with its
registers numbered as the table has them and all numbers in range, or raises `PolicyObjectError` naming the offset: for
any bytes, in memory bounded by a multiple of theirs. It proves nothing: who loads an object verifies it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from dsl import ir
from dsl.abi import ABI_HASH
from dsl.object_schema import (
    FORMAT_VERSION, MAGIC, MAX_DEPTH, MAX_ENTRIES, MAX_NAME_BYTES, MAX_NODES, MAX_OBJECT_BYTES, MAX_REGISTERS,
    MAX_TEXT_BYTES, NODES, SIZE_WORDS, TYPES,
)  # fmt: skip
from dsl.source import Source, Span
from dsl.types import Type, ref

T = TypeVar("T")

_LOWEST, _HIGHEST = -(1 << 63), (1 << 64) - 1
_VERSION = slice(8, 10)
_ABI = slice(10, 42)
_LENGTH = slice(42, 50)
_DIGEST = slice(50, 82)
_HEADER = 82
_NUMBERS = {node: (number, fields) for number, (node, fields) in enumerate(NODES)}


class PolicyObjectError(Exception):
    """The bytes are no policy object that can be loaded here. `offset` counts from the start of the object."""

    def __init__(self, name: str, offset: int, message: str) -> None:
        super().__init__(f"{name}: offset {offset:,}: {message}")
        self.offset = offset


def encode(policy: ir.Policy) -> bytes:
    """The bytes of `policy`. What no object can hold raises `PolicyObjectError`."""
    writer = _Writer()
    try:
        writer.policy(policy)
        head = MAGIC + FORMAT_VERSION.to_bytes(2, "little") + policy.abi_hash.encode("ascii")
    except (ValueError, KeyError, OverflowError) as error:
        raise PolicyObjectError(policy.source.name, len(writer.data), f"cannot be saved: {error}") from None
    if len(head) != _ABI.stop:
        raise PolicyObjectError(policy.source.name, _ABI.start, "cannot be saved: not the hash of an abi")
    head += len(writer.data).to_bytes(8, "little")
    return head + hashlib.sha256(head + writer.data).digest() + bytes(writer.data)


def decode(data: bytes, name: str = "<object>") -> ir.Policy:
    """The policy in `data`, not verified. `name` is what messages call it."""
    if data[: len(MAGIC)] != MAGIC:
        raise PolicyObjectError(name, 0, "not a policy object")
    if len(data) > MAX_OBJECT_BYTES:
        raise PolicyObjectError(name, MAX_OBJECT_BYTES, f"larger than {MAX_OBJECT_BYTES:,} bytes")
    if len(data) < _HEADER:
        raise PolicyObjectError(name, len(data), f"cut short: expected a header of {_HEADER} bytes")
    version = int.from_bytes(data[_VERSION], "little")
    if version != FORMAT_VERSION:
        raise PolicyObjectError(name, _VERSION.start, f"format {version}, this program reads {FORMAT_VERSION}")
    expected = _HEADER + int.from_bytes(data[_LENGTH], "little")
    if len(data) != expected:
        what = "cut short" if len(data) < expected else "followed by other data"
        raise PolicyObjectError(name, min(len(data), expected), f"{what}: expected {expected:,} bytes")
    if hashlib.sha256(data[: _DIGEST.start] + data[_HEADER:]).digest() != data[_DIGEST]:
        raise PolicyObjectError(name, _DIGEST.start, "corrupt: the checksum does not match")
    if data[_ABI] != ABI_HASH.encode("ascii"):
        message = "built for another abi than this program's: build it again from its source"
        raise PolicyObjectError(name, _ABI.start, message)
    return _Reader(data, name).policy()


class _Writer:
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
        if not _LOWEST <= value <= _HIGHEST:
            raise ValueError(f"integer {value} out of range")
        self.number(value << 1 if value >= 0 else (-value << 1) - 1)

    def text(self, value: str) -> None:
        encoded = value.encode("utf-8")
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
        self.text(policy.source.text)
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


class _Reader:
    """Reads what `_Writer` wrote; every read checks its bounds first."""

    def __init__(self, data: bytes, name: str) -> None:
        self._data = data
        self._name = name
        self._at = _HEADER
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

    def _integer(self, low: int = _LOWEST, high: int = _HIGHEST) -> int:
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
        return ir.ListDecl(self._label(), self._integer(0), self._flag(), self._span())

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
