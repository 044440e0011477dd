"""Reads a policy from IR text, as `dsl/ir_printer.py` prints it.

In: text. Out: an `ir.Policy`, made of the right classes but otherwise unchecked: that is the verifier's work. Text
that is not of the form raises `IrTextError` with its line, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from dsl import ir
from dsl.abi import ABI_HASH
from dsl.ir_printer import LIST_KINDS, table_of
from dsl.ir_tokens import IrTextError, TokenReader
from dsl.source import Source, Span
from dsl.types import BOOL, LIST, U64, Type

MAX_DEPTH = 200
"""Deeper nesting than this is refused; the verifier allows less."""


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def parse_policy(text: str, source: Source | None = None) -> ir.Policy:
    """The policy that `text` describes; `source` is the text its spans refer to."""
    return _Parser(text).policy(source or Source("<ir>", ""))


class _Parser(TokenReader):
    """Recursive descent over the tokens; the tables read so far resolve names."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._params: list[ir.Param] = []
        self._states: list[ir.State] = []
        self._lists: list[ir.ListDecl] = []
        self._cursors: list[ir.Cursor] = []
        self._fields: list[ir.Field] = []
        self._maps: list[ir.Map] = []
        self._registers: dict[int, ir.Reg] = {}

    # --- tables -------------------------------------------------------------------------------------------

    def policy(self, source: Source) -> ir.Policy:
        self._expect("policy")
        name = self._name()
        abi_hash = self._name() if self._accept("abi") else ABI_HASH
        tables: dict[str, Callable[[], None]] = {
            "param": self._param, "state": self._state, "cursor": self._cursor,
            **{kind: partial(self._list, kind) for kind in LIST_KINDS},
            "field": lambda: self._fields.append(self._field()), "map": self._map,
        }  # fmt: skip
        while self._peek().text in tables:
            tables[self._next().text]()
        hooks: list[ir.Function] = []
        while self._accept("hook"):
            hooks.append(self._hook())
        if self._peek().kind != "end":
            raise self._error("`hook`" if hooks else "a table or `hook`")
        return ir.Policy(
            name, abi_hash, tuple(self._params), tuple(self._states), tuple(self._lists), tuple(self._cursors),
            tuple(self._fields), tuple(self._maps), tuple(hooks), source,
        )  # fmt: skip

    def _reference(self, table: Sequence[_Named], what: str) -> int:
        """An entry of `table` by number, or by the name of the first that has it."""
        if self._peek().kind == "integer":
            return self._integer()
        line, name = self._peek().line, self._name()
        for index, entry in enumerate(table):
            if entry.name == name:
                return index
        raise IrTextError(line, f"no {what} named {name}")

    def _length(self) -> tuple[int, bool]:
        if self._accept("x"):
            return self._integer(), False
        if not self._accept("["):
            return 1, False
        length = self._integer()
        self._expect("]")
        return length, True

    def _declared(self) -> tuple[str, Type]:
        name = self._name()
        self._expect(":")
        return name, self._type()

    def _param(self) -> None:
        name, type = self._declared()
        self._expect("=")
        default = self._integer()
        self._expect("in")
        low = self._integer()
        self._expect("..=")
        high = self._integer()
        self._params.append(ir.Param(name, type, default, low, high, self._span()))

    def _state(self) -> None:
        name, type = self._declared()
        length, is_array = self._length()
        initial = self._integer() if self._accept("=") else 0
        self._states.append(ir.State(name, type, length, is_array, initial, self._span()))

    def _list(self, kind: str) -> None:
        """A kind that no source can make stands behind the name."""
        name = self._name()
        if self._accept(":"):
            kind = self._name()
        length, is_array = self._length()
        self._lists.append(ir.ListDecl(name, kind, length, is_array, self._span()))

    def _cursor(self) -> None:
        name = self._name()
        self._expect("on")
        number = self._reference(self._lists, "list")
        index = 0
        if self._accept("["):
            index = self._integer()
            self._expect("]")
        self._cursors.append(ir.Cursor(name, number, index, self._span()))

    def _field(self) -> ir.Field:
        name, type = self._declared()
        return ir.Field(name, type, self._span())

    def _map(self) -> None:
        name = self._name()
        self._expect(":")
        kind = self._name()
        self._expect("<")
        key = self._type()
        self._expect(">")
        self._expect("{")
        fields = self._sequence(self._field, "}")
        self._expect("[")
        size: list[int | str] = []
        while not self._accept("]"):
            size.append(self._size_item())
        self._maps.append(ir.Map(name, kind, key, fields, tuple(size), self._span()))

    def _size_item(self) -> int | str:
        token = self._peek()
        if token.kind == "integer":
            return self._integer()
        if token.kind == "string":
            return self._name()
        if token.kind == "end":
            raise self._error("`]`")
        if self._next().text == "param":
            self._expect(":")
            return f"param:{self._integer()}"
        return token.text

    # --- hooks --------------------------------------------------------------------------------------------

    def _hook(self) -> ir.Function:
        name = self._name()
        self._registers = {}
        self._expect("(")
        params = self._sequence(self._register, ")")
        result = self._type() if self._accept("->") else None
        registers = [] if self._accept("separate") else list(params)
        span = self._span()
        self._expect("{")
        while self._accept("var"):
            registers.append(self._register())
        for register in registers:
            self._registers.setdefault(register.index, register)
        return ir.Function(name, params, result, tuple(registers), self._body(1), span)

    def _register(self) -> ir.Reg:
        token = self._next()
        if token.kind != "register" or "." in token.text:
            raise self._error("a register", token)
        name = self._name() if self._peek().kind in ("name", "string") else ""
        self._expect(":")
        return ir.Reg(int(token.text[1:]), self._type(), name)

    def _operand(self) -> ir.Operand:
        token = self._peek()
        if token.kind == "register" or token.text == "(":
            return self._target()
        self._next()
        if token.text in ("true", "false"):
            return ir.Const(int(token.text == "true"), BOOL)
        if token.text == "null":
            self._expect(":")
            return ir.Const(0, self._type())
        if token.kind != "integer":
            raise self._error("an operand", token)
        return ir.Const(int(token.text), self._type() if self._accept(":") else U64)

    def _target(self) -> ir.Reg:
        """A register: a declared one by number, or one spelled out in parentheses."""
        if self._accept("("):
            register = self._register()
            self._expect(")")
            return register
        token = self._next()
        if token.kind != "register":
            raise self._error("a register", token)
        index = int(token.text[1:].partition(".")[0])
        if index not in self._registers:
            raise IrTextError(token.line, f"register %{index} is not declared")
        return self._registers[index]

    def _body(self, depth: int) -> tuple[ir.Node, ...]:
        """Nodes up to and including `}`."""
        if depth > MAX_DEPTH:
            raise IrTextError(self._peek().line, "nested too deeply")
        nodes: list[ir.Node] = []
        while not self._accept("}"):
            nodes.append(self._node(depth))
        return tuple(nodes)

    def _braces(self, depth: int) -> tuple[Span, tuple[ir.Node, ...]]:
        span = self._span()
        self._expect("{")
        return span, self._body(depth + 1)

    def _node(self, depth: int) -> ir.Node:
        token = self._peek()
        if token.kind == "register" or token.text == "(":
            dst = self._target()
            self._expect("=")
            return self._assigned(dst)
        self._next()
        match token.text:
            case "if":
                return self._if(depth)
            case "block":
                span, body = self._braces(depth)
                return ir.Block(body, span)
            case "loop":
                index = self._target()
                self._expect("<")
                limit = self._operand()
                span, body = self._braces(depth)
                return ir.Loop(index, limit, body, span)
            case "scan":
                return self._scan(depth)
            case "break":
                return ir.Break(self._integer(), self._span())
            case "continue":
                return ir.Continue(self._integer(), self._span())
            case "return":
                return ir.Return(self._operand() if self._starts_operand() else None, self._span())
            case "store":
                return self._store()
            case "call":
                return self._call(None)
        raise self._error("an instruction", token)

    def _starts_operand(self) -> bool:
        """Whether an operand follows on the same line, not the target of the next instruction."""
        token, last = self._peek(), self._tokens[self._position - 1]
        return token.line == last.line and (
            token.kind in ("register", "integer") or token.text in ("(", "true", "false", "null")
        )

    def _if(self, depth: int) -> ir.If:
        condition = self._operand()
        span, then = self._braces(depth)
        orelse: tuple[ir.Node, ...] = ()
        if self._accept("else"):
            self._expect("{")
            orelse = self._body(depth + 1)
        return ir.If(condition, then, orelse, span)

    def _scan(self, depth: int) -> ir.Scan:
        folio = self._target()
        self._expect("in")
        source: ir.Operand = ir.Const(0, LIST) if self._peek().text == "cursor" else self._operand()
        cursor = self._reference(self._cursors, "cursor") if self._accept("cursor") else -1
        self._expect("limit")
        limit = self._operand()
        span, body = self._braces(depth)
        return ir.Scan(folio, source, cursor, limit, body, span)

    def _call(self, dst: ir.Reg | None) -> ir.Call:
        kfunc = self._name()
        named: dict[str, Sequence[_Named]] = {"cursors": self._cursors, "lists": self._lists, "maps": self._maps}
        tables = named[table_of(kfunc)]
        table = -1
        if self._peek().text != "(":
            table = self._reference(tables, "map, cursor, bag or heap")
        self._expect("(")
        args = self._sequence(self._operand, ")")
        return ir.Call(dst, kfunc, table, args, self._span())

    def _place(self) -> tuple[int, ir.Operand]:
        """`state[index]`."""
        number = self._reference(self._states, "state")
        self._expect("[")
        index = self._operand()
        self._expect("]")
        return number, index

    def _value_place(self) -> tuple[int, ir.Operand]:
        """`field of reference`; the field's name belongs to the map of the reference, which comes after it."""
        start = self._position
        self._next()
        self._expect("of")
        reference = self._operand()
        end = self._position
        self._position = start
        table = reference.type.table
        fields = self._maps[table].fields if 0 <= table < len(self._maps) else ()
        field = self._reference(fields, "field")
        self._position = end
        return field, reference

    def _field_place(self) -> tuple[int, ir.Operand]:
        number = self._reference(self._fields, "field")
        self._expect("of")
        return number, self._operand()

    def _store(self) -> ir.Node:
        token = self._next()
        if token.text == "state":
            state, index = self._place()
            self._expect(",")
            return ir.StoreState(state, index, self._operand(), self._span())
        if token.text == "field":
            field, folio = self._field_place()
            self._expect(",")
            return ir.StoreField(folio, field, self._operand(), self._span())
        if token.text == "value":
            field, reference = self._value_place()
            self._expect(",")
            return ir.StoreRef(reference, field, self._operand(), self._span())
        raise self._error("`state`, `field` or `value`", token)

    def _load(self, dst: ir.Reg) -> ir.Node:
        token = self._next()
        if token.text == "state":
            state, index = self._place()
            return ir.LoadState(dst, state, index, self._span())
        if token.text == "field":
            field, folio = self._field_place()
            return ir.LoadField(dst, folio, field, self._span())
        if token.text == "value":
            field, reference = self._value_place()
            return ir.LoadRef(dst, reference, field, self._span())
        raise self._error("`state`, `field` or `value`", token)

    def _assigned(self, dst: ir.Reg) -> ir.Node:
        """The instruction after `dst =`."""
        token = self._next()
        op = token.text
        if op in ir.BINARY_OPS or op in ir.COMPARE_OPS:
            left = self._operand()
            self._expect(",")
            right = self._operand()
            if op in ir.BINARY_OPS:
                return ir.Binary(dst, op, left, right, self._span())
            return ir.Compare(dst, op, left, right, self._span())
        simple: dict[str, type[ir.Copy | ir.Convert | ir.Narrow]] = {
            "copy": ir.Copy, "convert": ir.Convert, "narrow": ir.Narrow,
        }  # fmt: skip
        if op in simple:
            source = self._operand()
            return simple[op](dst, source, self._span())
        if op == "mul_div":
            a = self._operand()
            self._expect(",")
            b = self._operand()
            self._expect(",")
            return ir.MulDiv(dst, a, b, self._operand(), self._span())
        if op == "param":
            return ir.LoadParam(dst, self._reference(self._params, "param"), self._span())
        if op == "load":
            return self._load(dst)
        if op == "list":
            number = self._reference(self._lists, "list")
            self._expect("[")
            index = self._operand()
            self._expect("]")
            return ir.ListAt(dst, number, index, self._span())
        if op == "call":
            return self._call(dst)
        raise self._error("an instruction", token)
