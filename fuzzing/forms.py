"""What an accepted policy must look like, said a second time.

In: a policy that the verifier accepted. Out: `Trap` if it is not well formed: an operand that is not what the
instruction takes, a number that names nothing, a jump to nowhere, a table that makes no sense. Written from
`dsl/ir.py` and the `abi`, apart from `verifier/structure.py`, so that each is tested by the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dsl import abi, ir
from dsl.types import BOOL, FOLIO, LIST, SCALARS, U64, Type, ref
from fuzzing.memory import Trap

_SCALARS = tuple(SCALARS.values())


def check_form(policy: ir.Policy) -> None:
    """The tables, then every node of every hook."""
    _check_tables(policy)
    for hook in policy.hooks:
        _Form(policy, hook).body(hook.body, ())


def _demand(holds: object, what: object) -> None:
    if not holds:
        raise Trap(f"malformed: {what!r:.200}")


def _check_tables(policy: ir.Policy) -> None:
    for param in policy.params:
        _demand(param.type in _SCALARS and param.low <= param.default <= param.high, param)
        _demand(param.type.minimum <= param.low and param.high <= param.type.maximum, param)
    for state in policy.states:
        _demand(state.type in _SCALARS and 1 <= state.length <= abi.MAX_STATE_WORDS, state)
        _demand(state.type.minimum <= state.initial <= state.type.maximum, state)
    for declared in policy.lists:
        _demand(declared.kind in ("list", "bag", "heap") and 1 <= declared.length <= abi.MAX_LISTS, declared)
        _demand(declared.kind == "list" or declared.length == 1, declared)
    for cursor in policy.cursors:
        _demand(0 <= cursor.list < len(policy.lists), cursor)
        _demand(0 <= cursor.index < policy.lists[cursor.list].length, cursor)
        _demand(policy.lists[cursor.list].kind != "heap", cursor)
    _demand(all(field.type in _SCALARS for field in policy.fields), policy.fields)
    _demand(sum(field.type.storage_bytes for field in policy.fields) <= abi.MAX_FIELD_BYTES, policy.fields)
    for declared_map in policy.maps:
        _demand(declared_map.kind in ("hash", "lru_hash", "array") and declared_map.key in _SCALARS, declared_map)
        _demand(all(field.type in _SCALARS for field in declared_map.fields), declared_map)
        _demand(declared_map.kind != "array" or (declared_map.key == U64 and declared_map.fields), declared_map)
        _demand(_is_size(declared_map.capacity, len(policy.params)), declared_map)
    _demand(len({hook.hook for hook in policy.hooks}) == len(policy.hooks), "two hooks of one name")


def _is_size(terms: Sequence[int | str], params: int) -> bool:
    """Whether a size in postfix form has one value."""
    depth = 0
    for term in terms:
        if isinstance(term, str) and term in ("+", "-", "*", "/", "%", "min", "max"):
            depth -= 1
        elif isinstance(term, str) and term.startswith("param:"):
            depth += 1 if int(term.removeprefix("param:")) < params else -9
        else:
            depth += 1
        if depth < 1:
            return False
    return depth == 1


class _Form:
    """The nodes of one hook."""

    def __init__(self, policy: ir.Policy, function: ir.Function) -> None:
        self._policy, self._function = policy, function
        self._hook = abi.HOOKS[function.hook]
        handles = (FOLIO, LIST, *(ref(table) for table in range(len(policy.maps))))
        _demand(all(r.index == n for n, r in enumerate(function.registers)), function.registers)
        _demand(all(r.type in _SCALARS or r.type in handles for r in function.registers), function.registers)
        _demand(len(function.params) <= (self._hook.folio is not None), function.params)
        _demand(all(p.type == FOLIO and p.index == 0 for p in function.params), function.params)

    def body(self, body: tuple[ir.Node, ...], around: tuple[type, ...]) -> None:
        _demand(len(around) <= abi.MAX_NESTING, "too deep")
        for node in body:
            _demand(self._fits(node, around), node)
            inside = around if isinstance(node, ir.If) else (type(node), *around)
            for name in ("body", "then", "orelse"):
                self.body(getattr(node, name, ()), inside)

    def _is(self, operand: object, type: Type | None) -> bool:
        """An operand of a type."""
        if isinstance(operand, ir.Reg):
            registers = self._function.registers
            return 0 <= operand.index < len(registers) and operand.type == registers[operand.index].type == type
        if not isinstance(operand, ir.Const) or operand.type != type or type == LIST:
            return False
        if type in _SCALARS:
            return type.minimum <= operand.value <= type.maximum
        return operand.value == 0

    def _are(self, type: Type, *operands: object) -> bool:
        return all(self._is(operand, type) for operand in operands)

    def _to(self, register: object, type: Type | None) -> bool:
        return isinstance(register, ir.Reg) and self._is(register, type)

    def _entry(self, number: int, table: Sequence[Any]) -> Any:
        _demand(0 <= number < len(table), number)
        return table[number]

    def _fits(self, node: Any, around: tuple[type, ...]) -> bool:
        match node:
            case ir.If():
                return self._is(node.condition, BOOL)
            case ir.Block():
                return True
            case ir.Loop():
                return self._to(node.index, U64) and self._is(node.limit, U64)
            case ir.Scan():
                fits = self._to(node.folio, FOLIO) and self._is(node.limit, U64)
                source = self._to(node.source, LIST) if node.cursor == -1 else node.source == ir.Const(0, LIST)
                return fits and source and -1 <= node.cursor < len(self._policy.cursors)
            case ir.Break():
                return 0 <= node.depth < len(around)
            case ir.Continue():
                return 0 <= node.depth < len(around) and around[node.depth] is not ir.Block
            case ir.Return():
                return node.value is None if self._hook.result is None else self._is(node.value, self._hook.result)
            case ir.Call():
                return self._call(node)
        return self._instruction(node)

    def _instruction(self, node: Any) -> bool:
        policy = self._policy
        match node:
            case ir.Binary():
                ops = ("and", "or", "xor") if node.dst.type == BOOL else ir.BINARY_OPS
                known = node.op in ops and (node.dst.type.is_integer or node.dst.type == BOOL)
                return known and self._are(node.dst.type, node.dst, node.left, node.right)
            case ir.Compare():
                type = node.left.type
                known = node.op in (ir.COMPARE_OPS if type.is_integer else ("eq", "ne")) and type != LIST
                return known and self._to(node.dst, BOOL) and self._are(type, node.left, node.right)
            case ir.Copy():
                return self._to(node.dst, node.dst.type) and self._is(node.src, node.dst.type)
            case ir.Convert() | ir.Narrow():
                source = node.src.type.is_integer or (node.src.type == BOOL and isinstance(node, ir.Convert))
                fits = source and node.dst.type.is_integer
                return fits and self._to(node.dst, node.dst.type) and self._is(node.src, node.src.type)
            case ir.MulDiv():
                return self._to(node.dst, U64) and self._are(U64, node.a, node.b, node.c)
            case ir.LoadParam():
                return self._to(node.dst, self._entry(node.param, policy.params).type)
            case ir.LoadState():
                return self._to(node.dst, self._entry(node.state, policy.states).type) and self._is(node.index, U64)
            case ir.StoreState():
                return self._is(node.value, self._entry(node.state, policy.states).type) and self._is(node.index, U64)
            case ir.LoadField():
                return self._to(node.dst, self._entry(node.field, policy.fields).type) and self._is(node.folio, FOLIO)
            case ir.StoreField():
                return self._is(node.value, self._entry(node.field, policy.fields).type) and self._is(node.folio, FOLIO)
            case ir.LoadRef() | ir.StoreRef():
                value = node.dst if isinstance(node, ir.LoadRef) else node.value
                fields = self._entry(node.ref.type.table, policy.maps).fields
                return self._is(value, self._entry(node.field, fields).type) and self._is(node.ref, node.ref.type)
            case ir.ListAt():
                heap = self._entry(node.list, policy.lists).kind == "heap"
                return not heap and self._to(node.dst, LIST) and self._is(node.index, U64)
        return False

    def _call(self, node: ir.Call) -> bool:
        kfunc, policy = abi.KFUNCS[node.kfunc], self._policy
        if kfunc.receiver in ("map", "ref"):
            named = self._entry(node.table, policy.maps)
            _demand(named.kind in kfunc.kinds and (ir.of_counters(named) or not kfunc.of_counters), node)
        elif kfunc.receiver in ("bag", "heap"):
            _demand(self._entry(node.table, policy.lists).kind == kfunc.receiver, node)
        elif kfunc.receiver == "cursor":
            self._entry(node.table, policy.cursors)
        else:
            _demand(node.table == -1, node)
        wanted = [ir.meant(arg.type, node.table, policy.maps) for arg in kfunc.args]
        if len(wanted) != len(node.args) or not all(map(self._is, node.args, wanted)):
            return False
        result = ref(node.table) if kfunc.ownership == "ref" else kfunc.result
        if node.dst is None:
            return True
        return result is not None and self._to(node.dst, ir.meant(result, node.table, policy.maps))
