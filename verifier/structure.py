"""The form of a policy: what must be so before it means anything.

In: an untrusted `ir.Policy`, of the right Python classes and otherwise anything. Out: faults. What passes is well
typed: every operand is a register of its function, as declared there, or a constant in the range of its type; every
instruction's operands have the types `dsl/ir.py` states; every table number names an entry; `break` and `continue`
name a construct around them; every call is of a kfunc of the `abi`, with its arguments, where it is allowed; sizes and
nesting are limited. All later stages rely on this and on nothing else the object says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dsl import abi, ir
from dsl.source import NOWHERE, Span
from dsl.types import BOOL, FOLIO, LIST, U64, Type, ref
from verifier.malformed import Faults
from verifier.tables import check_tables, in_range, is_scalar

_OPEN = (ir.If, ir.Block, ir.Loop, ir.Scan)

WELL_FORMED = ("kfunc-not-allowed-here", "scan-nested")
"""Faults of policies that have the right form otherwise, so that the search for mistakes can go on."""


def check_structure(policy: ir.Policy) -> Faults:
    """The faults in the form of `policy`. If there are others than `WELL_FORMED`, it must not be looked at further."""
    faults = Faults()
    check_tables(policy, faults)
    if faults.found:
        return faults
    registers = sum(len(function.registers) for function in policy.hooks)
    if registers > abi.MAX_REGISTERS:
        message = f"the policy has {registers:,} registers; the most is {abi.MAX_REGISTERS:,}"
        faults.add(policy.hooks[-1].span, message, "policy-too-large", "with all functions inlined")
        return faults
    budget = _Budget(faults)
    seen: set[str] = set()
    for function in policy.hooks:
        if faults.demand(function.hook in abi.HOOKS, function.span, f"{function.hook!r:.60} is not a hook"):
            faults.demand(function.hook not in seen, function.span, f"two hooks are called `{function.hook}`")
            seen.add(function.hook)
            _FunctionStructure(policy, function, faults, budget).check()
    return faults


class _Budget:
    """Instructions that the policy may still have. An object whose nodes are shared could be far larger than it
    looks, so they are counted as they are walked."""

    def __init__(self, faults: Faults) -> None:
        self._left = abi.MAX_INSTRUCTIONS
        self._faults = faults

    def spend(self, span: Span) -> bool:
        self._left -= 1
        if self._left == -1:
            message = f"the policy has more than {abi.MAX_INSTRUCTIONS:,} instructions"
            self._faults.add(span, message, "policy-too-large", "the limit is reached here")
        return self._left >= 0 and not self._faults.full


class _FunctionStructure:
    """The check of one hook."""

    def __init__(self, policy: ir.Policy, function: ir.Function, faults: Faults, budget: _Budget) -> None:
        self._policy = policy
        self._function = function
        self._hook = abi.HOOKS[function.hook]
        self._faults = faults
        self._budget = budget
        self._handles = {FOLIO, LIST, *(ref(table) for table in range(len(policy.maps)))}
        self._declared = {id(register): register.type for register in function.registers}
        """By identity: those that are the declaration itself, as nearly all are."""
        self._targets: list[type[Any]] = []
        self._span = NOWHERE

    def check(self) -> None:
        function, demand = self._function, self._faults.demand
        self._span = function.span
        ordered = all(self._declares(i, register) for i, register in enumerate(function.registers))
        if not demand(ordered, function.span, f"the registers of `{function.hook}` are not in order"):
            return
        params = function.params == function.registers[: len(function.params)]
        fit = len(function.params) <= (0 if self._hook.folio is None else 1)
        folios = all(param.type == FOLIO for param in function.params)
        demand(params and fit and folios, function.span, f"the parameters of `{function.hook}` are not the abi's")
        demand(function.result == self._hook.result, function.span, f"the result of `{function.hook}` is not the abi's")
        self._body(function.body, 0)

    def _body(self, body: tuple[ir.Node, ...], depth: int) -> None:
        for node in body:
            rule = _RULES.get(type(node))
            if rule is None:
                self._faults.add(self._span, f"{type(node).__name__!r:.60} is not an instruction")
                return
            self._span = node.span
            if not self._budget.spend(node.span):
                return
            if not rule(self, node):
                self._faults.add(node.span, f"`{type(node).__name__}` with operands that do not belong to it")
            if isinstance(node, _OPEN):
                self._inside(node, depth)

    def _inside(self, node: ir.If | ir.Block | ir.Loop | ir.Scan, depth: int) -> None:
        if depth >= abi.MAX_NESTING:
            self._faults.add(node.span, f"blocks nest more than {abi.MAX_NESTING} deep")
        elif isinstance(node, ir.If):
            self._body(node.then, depth + 1)
            self._body(node.orelse, depth + 1)
        else:
            self._targets.append(type(node))
            self._body(node.body, depth + 1)
            self._targets.pop()

    def _declares(self, index: int, register: object) -> bool:
        if not isinstance(register, ir.Reg) or not in_range(register.index, index, index):
            return False
        return is_scalar(register.type) or register.type in self._handles

    # --- operands ------------------------------------------------------------------------------------------

    def _register(self, register: object, type: Type | None = None) -> bool:
        """A register as it is declared, of `type` if given. Its name is for messages only."""
        if not isinstance(register, ir.Reg):
            return False
        declared = self._declared.get(id(register))
        if declared is None:
            registers = self._function.registers
            if not in_range(register.index, 0, len(registers) - 1):
                return False
            declared = registers[register.index].type
        given = register.type
        return (given is declared or given == declared) and (type is None or given is type or given == type)

    def _operand(self, operand: object, type: Type | None = None) -> bool:
        """A register, or a constant in the range of its type. Of handles there is no constant but null."""
        if not isinstance(operand, ir.Const):
            return self._register(operand, type)
        if type is not None and operand.type is not type and operand.type != type:
            return False
        if is_scalar(operand.type):
            return in_range(operand.value, operand.type.minimum, operand.type.maximum)
        return operand.type in self._handles and operand.type != LIST and in_range(operand.value, 0, 0)

    def _entry(self, number: int, table: tuple[object, ...]) -> bool:
        return in_range(number, 0, len(table) - 1)

    # --- instructions --------------------------------------------------------------------------------------

    def _binary(self, node: ir.Binary) -> bool:
        if not self._register(node.dst):
            return False
        type = node.dst.type
        known = node.op in (("and", "or", "xor") if type == BOOL else ir.BINARY_OPS)
        fit = known and (type.is_integer or type == BOOL)
        return fit and self._operand(node.left, type) and self._operand(node.right, type)

    def _compare(self, node: ir.Compare) -> bool:
        if not self._register(node.dst, BOOL) or not self._operand(node.left):
            return False
        type = node.left.type
        known = node.op in (ir.COMPARE_OPS if type.is_integer else ("eq", "ne"))
        return known and type != LIST and self._operand(node.right, type)

    def _copy(self, node: ir.Copy) -> bool:
        return self._register(node.dst) and self._operand(node.src, node.dst.type)

    def _convert(self, node: ir.Convert) -> bool:
        fit = self._register(node.dst) and node.dst.type.is_integer and self._operand(node.src)
        return fit and (node.src.type.is_integer or node.src.type == BOOL)

    def _narrow(self, node: ir.Narrow) -> bool:
        fit = self._register(node.dst) and node.dst.type.is_integer and self._operand(node.src)
        return fit and node.src.type.is_integer

    def _mul_div(self, node: ir.MulDiv) -> bool:
        return self._register(node.dst, U64) and all(self._operand(x, U64) for x in (node.a, node.b, node.c))

    def _load_param(self, node: ir.LoadParam) -> bool:
        params = self._policy.params
        return self._entry(node.param, params) and self._register(node.dst, params[node.param].type)

    def _load_state(self, node: ir.LoadState) -> bool:
        states = self._policy.states
        fit = self._entry(node.state, states) and self._register(node.dst, states[node.state].type)
        return fit and self._operand(node.index, U64)

    def _store_state(self, node: ir.StoreState) -> bool:
        states = self._policy.states
        fit = self._entry(node.state, states) and self._operand(node.value, states[node.state].type)
        return fit and self._operand(node.index, U64)

    def _load_field(self, node: ir.LoadField) -> bool:
        fields = self._policy.fields
        fit = self._entry(node.field, fields) and self._register(node.dst, fields[node.field].type)
        return fit and self._operand(node.folio, FOLIO)

    def _store_field(self, node: ir.StoreField) -> bool:
        fields = self._policy.fields
        fit = self._entry(node.field, fields) and self._operand(node.value, fields[node.field].type)
        return fit and self._operand(node.folio, FOLIO)

    def _value_fields(self, reference: ir.Operand) -> tuple[ir.Field, ...]:
        """The fields of the map that `reference` points into; none if it is no reference."""
        if not self._operand(reference) or reference.type.name != "ref":
            return ()
        return self._policy.maps[reference.type.table].fields

    def _load_ref(self, node: ir.LoadRef) -> bool:
        fields = self._value_fields(node.ref)
        return self._entry(node.field, fields) and self._register(node.dst, fields[node.field].type)

    def _store_ref(self, node: ir.StoreRef) -> bool:
        fields = self._value_fields(node.ref)
        return self._entry(node.field, fields) and self._operand(node.value, fields[node.field].type)

    def _list_at(self, node: ir.ListAt) -> bool:
        lists = self._policy.lists
        fit = self._entry(node.list, lists) and lists[node.list].kind != "heap" and self._register(node.dst, LIST)
        return fit and self._operand(node.index, U64)

    # --- calls ---------------------------------------------------------------------------------------------

    def _call(self, node: ir.Call) -> bool:
        kfunc = abi.KFUNCS.get(node.kfunc)
        if kfunc is None or not self._table_fits(kfunc, node.table) or len(node.args) != len(kfunc.args):
            return False
        for operand, argument in zip(node.args, kfunc.args, strict=True):
            if not self._operand(operand, ir.meant(argument.type, node.table, self._policy.maps)):
                return False
        result = ref(node.table) if kfunc.ownership == "ref" else kfunc.result
        if result is not None:
            result = ir.meant(result, node.table, self._policy.maps)
        if node.dst is not None and (result is None or not self._register(node.dst, result)):
            return False
        self._allowed(kfunc, node)
        return True

    def _table_fits(self, kfunc: abi.Kfunc, table: int) -> bool:
        if kfunc.receiver in ("map", "ref"):
            if not self._entry(table, self._policy.maps) or self._policy.maps[table].kind not in kfunc.kinds:
                return False
            return not kfunc.of_counters or ir.of_counters(self._policy.maps[table])
        if kfunc.receiver in ("bag", "heap"):
            return self._entry(table, self._policy.lists) and self._policy.lists[table].kind == kfunc.receiver
        if kfunc.receiver == "cursor":
            return self._entry(table, self._policy.cursors)
        return in_range(table, -1, -1)

    def _allowed(self, kfunc: abi.Kfunc, node: ir.Call) -> None:
        if kfunc.hooks and self._function.hook not in kfunc.hooks:
            name = f"{kfunc.receiver}.{kfunc.member}" if kfunc.receiver else kfunc.member
            places = ", ".join(f"`{hook}`" for hook in kfunc.hooks)
            message = f"`{name}` cannot be used in `{self._function.hook}`"
            label, help = "not known in this hook", f"it can be used in {places}"
            self._faults.add(node.span, message, "kfunc-not-allowed-here", label, help)

    # --- control -------------------------------------------------------------------------------------------

    def _block(self, node: ir.Block) -> bool:
        return True

    def _if(self, node: ir.If) -> bool:
        return self._operand(node.condition, BOOL)

    def _loop(self, node: ir.Loop) -> bool:
        return self._register(node.index, U64) and self._operand(node.limit, U64)

    def _scan(self, node: ir.Scan) -> bool:
        if ir.Scan in self._targets:
            self._faults.add(
                node.span, "`scan` inside `scan`", "scan-nested", "a scan is already going on here",
                "note what is needed in state and scan afterwards, or use `loop up to`",
            )  # fmt: skip
        if in_range(node.cursor, -1, -1):
            source = self._register(node.source, LIST)
        else:
            unused = isinstance(node.source, ir.Const) and node.source == ir.Const(0, LIST)
            source = self._entry(node.cursor, self._policy.cursors) and unused
        return source and self._register(node.folio, FOLIO) and self._operand(node.limit, U64)

    def _break(self, node: ir.Break) -> bool:
        return in_range(node.depth, 0, len(self._targets) - 1)

    def _continue(self, node: ir.Continue) -> bool:
        return in_range(node.depth, 0, len(self._targets) - 1) and self._targets[-1 - node.depth] is not ir.Block

    def _return(self, node: ir.Return) -> bool:
        if self._hook.result is None:
            return node.value is None
        return node.value is not None and self._operand(node.value, self._hook.result)


_RULES: dict[type[Any], Callable[[_FunctionStructure, Any], bool]] = {
    ir.Binary: _FunctionStructure._binary, ir.Compare: _FunctionStructure._compare, ir.Copy: _FunctionStructure._copy,
    ir.Convert: _FunctionStructure._convert, ir.Narrow: _FunctionStructure._narrow,
    ir.MulDiv: _FunctionStructure._mul_div, ir.LoadParam: _FunctionStructure._load_param,
    ir.LoadState: _FunctionStructure._load_state, ir.StoreState: _FunctionStructure._store_state,
    ir.LoadField: _FunctionStructure._load_field, ir.StoreField: _FunctionStructure._store_field,
    ir.LoadRef: _FunctionStructure._load_ref, ir.StoreRef: _FunctionStructure._store_ref,
    ir.ListAt: _FunctionStructure._list_at, ir.Call: _FunctionStructure._call, ir.If: _FunctionStructure._if,
    ir.Block: _FunctionStructure._block, ir.Loop: _FunctionStructure._loop, ir.Scan: _FunctionStructure._scan,
    ir.Break: _FunctionStructure._break, ir.Continue: _FunctionStructure._continue,
    ir.Return: _FunctionStructure._return,
}  # fmt: skip
