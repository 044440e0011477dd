"""Prints a policy as IR text.

In: any `ir.Policy`, also one the verifier would refuse. Out: text that `dsl/ir_parser.py` reads back into an equal
policy (the source's text excepted). Spans are printed as `@line:column-line:column`, and left out where they are
`NOWHERE`; tables and registers are referred to by name where the name says which one it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Protocol

from dsl import ir
from dsl.abi import ABI_HASH, KFUNCS
from dsl.source import NOWHERE, Span
from dsl.types import BOOL, LIST, U64

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def print_policy(policy: ir.Policy) -> str:
    """The text of `policy`, ending in a newline."""
    hooks = (line for hook in policy.hooks for line in _Hook(policy, hook).lines())
    return "\n".join([*_tables(policy), *hooks]) + "\n"


LIST_KINDS = ("list", "bag", "heap")


def table_of(kfunc: str) -> str:
    """What the table number of a call of `kfunc` names: `cursors`, `lists` or `maps`."""
    receiver = KFUNCS[kfunc].receiver if kfunc in KFUNCS else None
    return {"cursor": "cursors", "bag": "lists", "heap": "lists"}.get(receiver or "", "maps")


def _tables(policy: ir.Policy) -> Iterator[str]:
    abi = "" if policy.abi_hash == ABI_HASH else f" abi {json.dumps(policy.abi_hash)}"
    yield f"policy {_name(policy.name)}{abi}"
    for p in policy.params:
        yield f"param {_name(p.name)}: {p.type} = {p.default} in {p.low}..={p.high}{_at(p.span)}"
    for s in policy.states:
        yield f"state {_name(s.name)}: {s.type}{_length(s.length, s.is_array)} = {s.initial}{_at(s.span)}"
    for ls in policy.lists:
        kind = ("", ls.kind) if ls.kind in LIST_KINDS else (f": {_name(ls.kind)}", "list")
        yield f"{kind[1]} {_name(ls.name)}{kind[0]}{_length(ls.length, ls.is_array)}{_at(ls.span)}"
    for c in policy.cursors:
        yield f"cursor {_name(c.name)} on {_reference(policy.lists, c.list)}[{c.index}]{_at(c.span)}"
    for f in policy.fields:
        yield f"field {_field(f)}"
    for m in policy.maps:
        fields = ", ".join(_field(f) for f in m.fields)
        size = " ".join(_size_item(item) for item in m.capacity)
        yield f"map {_name(m.name)}: {_name(m.kind)}<{m.key}> {{{fields}}} [{size}]{_at(m.span)}"


def _name(name: str) -> str:
    return name if IDENTIFIER.match(name) else json.dumps(name)


def _at(span: Span) -> str:
    return "" if span == NOWHERE else f" @{span.line}:{span.column}-{span.end_line}:{span.end_column}"


def _length(length: int, is_array: bool) -> str:
    """`[n]` for arrays, nothing for scalars; `x n` for a scalar whose length is not 1, which no source can make."""
    if is_array:
        return f"[{length}]"
    return "" if length == 1 else f" x {length}"


def _field(field: ir.Field) -> str:
    return f"{_name(field.name)}: {field.type}{_at(field.span)}"


def _size_item(item: int | str) -> str:
    plain = isinstance(item, int) or re.match(r"(?:nr_pages|param:\d+|min|max|[-+*/%])\Z", item)
    return str(item) if plain else json.dumps(item)


def _reference(table: Sequence[_Named], index: int) -> str:
    """The name of entry `index` where it is an identifier and the first of its name, else the number."""
    if 0 <= index < len(table):
        name = table[index].name
        if IDENTIFIER.match(name) and next(i for i, entry in enumerate(table) if entry.name == name) == index:
            return name
    return str(index)


def _constant(constant: ir.Const) -> str:
    if constant.type == U64:
        return str(constant.value)
    if constant.type == BOOL and constant.value in (0, 1):
        return "true" if constant.value else "false"
    if constant.type.is_nullable and constant.value == 0:
        return f"null:{constant.type}"
    return f"{constant.value}:{constant.type}"


def _declaration(register: ir.Reg) -> str:
    name = f" {_name(register.name)}" if register.name else ""
    return f"%{register.index}{name}: {register.type}"


class _Hook:
    """Prints one hook; knows its registers, so that operands can be short."""

    def __init__(self, policy: ir.Policy, hook: ir.Function) -> None:
        self._policy = policy
        self._hook = hook
        self._registers: dict[int, ir.Reg] = {}
        for register in hook.registers:
            self._registers.setdefault(register.index, register)

    def lines(self) -> Iterator[str]:
        hook = self._hook
        count = len(hook.params)
        shared = hook.registers[:count] == hook.params
        params = ", ".join(_declaration(p) for p in hook.params)
        result = f" -> {hook.result}" if hook.result is not None else ""
        yield f"hook {_name(hook.hook)}({params}){result}{'' if shared else ' separate'}{_at(hook.span)} {{"
        for register in hook.registers[count if shared else 0 :]:
            yield f"    var {_declaration(register)}"
        yield from self._body(hook.body, "    ")
        yield "}"

    def _body(self, body: tuple[ir.Node, ...], indent: str) -> Iterator[str]:
        for node in body:
            if isinstance(node, ir.If):
                yield f"{indent}if {self._operand(node.condition)}{_at(node.span)} {{"
                yield from self._body(node.then, indent + "    ")
                if node.orelse:
                    yield f"{indent}}} else {{"
                    yield from self._body(node.orelse, indent + "    ")
                yield f"{indent}}}"
            elif isinstance(node, ir.Block | ir.Loop | ir.Scan):
                yield f"{indent}{self._head(node)}{_at(node.span)} {{"
                yield from self._body(node.body, indent + "    ")
                yield f"{indent}}}"
            else:
                yield f"{indent}{self._instruction(node)}{_at(node.span)}"

    def _head(self, node: ir.Block | ir.Loop | ir.Scan) -> str:
        if isinstance(node, ir.Block):
            return "block"
        if isinstance(node, ir.Loop):
            return f"loop {self._operand(node.index)} < {self._operand(node.limit)}"
        source = [] if node.cursor >= 0 and node.source == ir.Const(0, LIST) else [self._operand(node.source)]
        if node.cursor != -1:
            source.append(f"cursor {_reference(self._policy.cursors, node.cursor)}")
        return f"scan {self._operand(node.folio)} in {' '.join(source)} limit {self._operand(node.limit)}"

    def _operand(self, operand: ir.Operand) -> str:
        if isinstance(operand, ir.Const):
            return _constant(operand)
        if self._registers.get(operand.index) != operand:
            return f"({_declaration(operand)})"
        return f"%{operand.index}" + (f".{operand.name}" if IDENTIFIER.match(operand.name) else "")

    def _operands(self, operands: tuple[ir.Operand, ...]) -> str:
        return ", ".join(self._operand(o) for o in operands)

    def _value_field(self, reference: ir.Operand, field: int) -> str:
        table = reference.type.table
        fields = self._policy.maps[table].fields if 0 <= table < len(self._policy.maps) else ()
        return f"value {_reference(fields, field)} of {self._operand(reference)}"

    def _instruction(self, node: ir.Node) -> str:
        text = self._effect(node)
        result = getattr(node, "dst", None)
        return text if result is None else f"{self._operand(result)} = {text}"

    def _effect(self, node: ir.Node) -> str:
        policy, operand = self._policy, self._operand
        match node:
            case ir.Binary(op=op, left=left, right=right) | ir.Compare(op=op, left=left, right=right):
                return f"{op} {operand(left)}, {operand(right)}"
            case ir.Copy() | ir.Convert() | ir.Narrow():
                return f"{type(node).__name__.lower()} {operand(node.src)}"
            case ir.MulDiv():
                return f"mul_div {self._operands((node.a, node.b, node.c))}"
            case ir.LoadParam():
                return f"param {_reference(policy.params, node.param)}"
            case ir.LoadState():
                return f"load state {_reference(policy.states, node.state)}[{operand(node.index)}]"
            case ir.StoreState():
                place = f"{_reference(policy.states, node.state)}[{operand(node.index)}]"
                return f"store state {place}, {operand(node.value)}"
            case ir.LoadField():
                return f"load field {_reference(policy.fields, node.field)} of {operand(node.folio)}"
            case ir.StoreField():
                place = f"{_reference(policy.fields, node.field)} of {operand(node.folio)}"
                return f"store field {place}, {operand(node.value)}"
            case ir.LoadRef():
                return f"load {self._value_field(node.ref, node.field)}"
            case ir.StoreRef():
                return f"store {self._value_field(node.ref, node.field)}, {operand(node.value)}"
            case ir.ListAt():
                return f"list {_reference(policy.lists, node.list)}[{operand(node.index)}]"
            case ir.Call():
                tables: Sequence[_Named] = getattr(policy, table_of(node.kfunc))
                table = "" if node.table == -1 else f" {_reference(tables, node.table)}"
                return f"call {_name(node.kfunc)}{table}({self._operands(node.args)})"
            case ir.Break() | ir.Continue():
                return f"{type(node).__name__.lower()} {node.depth}"
            case ir.Return():
                return "return" if node.value is None else f"return {operand(node.value)}"
            case _:
                raise TypeError(f"not a node: {node!r}")
