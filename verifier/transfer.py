"""What an instruction does to the abstract state.

In: a state in which the instruction's obligations hold, or are assumed to. Out: the state after it, in place. Transfer
rejects nothing. Each rule says why it over-approximates: every concrete state that the instruction can make of a state
described before is described after. What is not known is the whole type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dsl import ir
from dsl.abi import KFUNCS, Kfunc
from dsl.types import FOLIO, LIST, Type, ref
from verifier.cells import Slot, is_context_property
from verifier.domains import value as scalars
from verifier.domains.reference import GONE, NULL_FOLIO, Folio, Nullness, Reference
from verifier.domains.value import Scalar
from verifier.state import (
    NOTHING,
    OPAQUE,
    POISON,
    UNINITIALISED,
    Definition,
    Space,
    State,
    Term,
    Value,
    assign,
)

_CONSTANTS: dict[ir.Const, Scalar] = {}
_MAX_KEPT_CONSTANTS = 4096


def of_constant(state: State, const: ir.Const) -> Value:
    """The value of a literal. Null of a map is a reference of its present epoch."""
    if const.type == FOLIO:
        return NULL_FOLIO
    if const.type.name == "ref":
        return Reference(Nullness.NULL, const.type.table, state.cells[const.type.table])
    if const.type == LIST:
        return OPAQUE
    found = _CONSTANTS.get(const)
    if found is None:
        found = scalars.constant(const.value)
        if len(_CONSTANTS) < _MAX_KEPT_CONSTANTS:
            _CONSTANTS[const] = found
    return found


def unknown_of(state: State, type: Type) -> Value:
    """The least that is known of an initialised value of `type`; a folio is borrowed."""
    if type == FOLIO:
        return Folio(Nullness.MAYBE, owned=False)
    if type.name == "ref":
        return Reference(Nullness.MAYBE, type.table, state.cells[type.table])
    return scalars.of_type(type) if type.is_scalar else OPAQUE


def result_of(state: State, kfunc: Kfunc, table: int) -> Value:
    """What the `abi` says of a result. Sound: each entry of the table is tested against its implementation."""
    if kfunc.ownership == "ref":
        return unknown_of(state, ref(table))
    if kfunc.result == FOLIO:
        return Folio(Nullness.MAYBE, owned=kfunc.ownership == "owned")
    if kfunc.result is None:
        return UNINITIALISED
    return scalars.between(kfunc.low, kfunc.high) if kfunc.result.is_integer else unknown_of(state, kfunc.result)


class Transfer:
    """The rules, for the hook of one `Space`."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._layout = space.layout
        self._volatile = space.layout.volatile()
        self._rules: dict[type[Any], Callable[[State, Any], None]] = {
            ir.Binary: self._binary, ir.Compare: self._compare, ir.Copy: self._copy, ir.Convert: self._convert,
            ir.Narrow: self._convert, ir.MulDiv: self._mul_div, ir.LoadParam: self._load_param,
            ir.LoadState: self._load_state, ir.StoreState: self._store_state, ir.LoadField: self._load_field,
            ir.StoreField: self._store_field, ir.LoadRef: self._load_ref, ir.StoreRef: self._store_ref,
            ir.ListAt: self._list_at, ir.Call: self._call,
        }  # fmt: skip

    def apply(self, state: State, node: ir.Instruction) -> None:
        """An instruction without a rule leaves its target unassigned, which permits nothing."""
        rule = self._rules.get(type(node))
        if rule is not None:
            rule(state, node)
        elif (dst := getattr(node, "dst", None)) is not None:
            state.bind(self._layout.register(dst), NOTHING)

    # --- operands ------------------------------------------------------------------------------------------

    def value(self, state: State, operand: ir.Operand) -> Value:
        if isinstance(operand, ir.Const):
            return of_constant(state, operand)
        return state.value(self._layout.registers + operand.index)

    def term(self, state: State, operand: ir.Operand) -> Term:
        if isinstance(operand, ir.Const):
            return of_constant(state, operand)
        return state.cells[self._layout.registers + operand.index]

    def set(
        self, state: State, dst: ir.Reg, value: Value, node: ir.Node, operands: tuple[ir.Operand, ...] = ()
    ) -> None:
        terms = tuple(self.term(state, operand) for operand in operands)
        assign(self._space, state, self._layout.registers + dst.index, value, Definition(node, terms, (), value))

    def _share(self, state: State, cell: int, operand: ir.Operand, node: ir.Node) -> None:
        """Lets `cell` hold the very value of `operand`. Sound: they are equal, so facts about one are about both."""
        if isinstance(operand, ir.Reg):
            state.bind(cell, state.cells[self._layout.registers + operand.index])
        else:
            value = of_constant(state, operand)
            assign(self._space, state, cell, value, Definition(node, (), (), value))

    # --- arithmetic ----------------------------------------------------------------------------------------

    def _binary(self, state: State, node: ir.Binary) -> None:
        """Sound because `scalars.binary` is. Where the lesser or the greater of two is known, it is that operand."""
        a, b = self.value(state, node.left), self.value(state, node.right)
        if not isinstance(a, Scalar) or not isinstance(b, Scalar):
            self.set(state, node.dst, POISON, node)
            return
        if node.op in ("min", "max") and (a.high <= b.low or b.high <= a.low):
            first = (a.high <= b.low) == (node.op == "min")
            self._share(state, self._layout.register(node.dst), node.left if first else node.right, node)
            return
        value = scalars.binary(node.op, a, b, node.dst.type)
        self.set(state, node.dst, value, node, (node.left, node.right))

    def _compare(self, state: State, node: ir.Compare) -> None:
        """Sound: `scalars.compare` decides only where one outcome is impossible; of null and a handle that is known
        to be one, or not to be one, the outcome is known; else it is any bool."""
        a, b = self.value(state, node.left), self.value(state, node.right)
        value: Value = scalars.between(0, 1)
        if isinstance(a, Scalar) and isinstance(b, Scalar):
            value = scalars.compare(node.op, a, b)
        elif isinstance(a, Folio | Reference) and isinstance(b, Folio | Reference):
            kinds = {a.nullness, b.nullness}
            if kinds == {Nullness.NULL}:
                value = scalars.constant(int(node.op == "eq"))
            elif kinds == {Nullness.NULL, Nullness.NOT_NULL}:
                value = scalars.constant(int(node.op == "ne"))
        elif a is POISON or b is POISON:
            value = POISON
        self.set(state, node.dst, value, node, (node.left, node.right))

    def _copy(self, state: State, node: ir.Copy) -> None:
        """Sound: the copy is equal. An owned folio moves, so that one register owns it, as before."""
        source = self._layout.registers + node.src.index if isinstance(node.src, ir.Reg) else -1
        target = self._layout.register(node.dst)
        if source == target:
            return
        moved = source >= 0 and state.owning(source)
        self._share(state, target, node.src, node)
        if moved:
            assign(self._space, state, source, GONE, Definition(node, (), (), GONE))

    def _convert(self, state: State, node: ir.Convert | ir.Narrow) -> None:
        """Sound: an integer in the range of the new type stays the same integer, so the copy is equal; others are
        wrapped. `Narrow` comes here with its obligation assumed."""
        value = self.value(state, node.src)
        type = node.dst.type
        if not isinstance(value, Scalar):
            self.set(state, node.dst, POISON, node)
        elif value.fits(type.minimum, type.maximum):
            self._share(state, self._layout.register(node.dst), node.src, node)
        else:
            self.set(state, node.dst, scalars.convert(value, type), node, (node.src,))

    def _mul_div(self, state: State, node: ir.MulDiv) -> None:
        """Sound because `scalars.multiply_divide` is."""
        a, b, c = self.value(state, node.a), self.value(state, node.b), self.value(state, node.c)
        result: Value = POISON
        if isinstance(a, Scalar) and isinstance(b, Scalar) and isinstance(c, Scalar):
            result = scalars.multiply_divide(a, b, c)
        self.set(state, node.dst, result, node)

    # --- memory --------------------------------------------------------------------------------------------

    def _load_param(self, state: State, node: ir.LoadParam) -> None:
        """Sound: attaching checks a param's range, and nothing changes it while a hook runs."""
        state.bind(self._layout.register(node.dst), state.cells[self._layout.params[node.param]])

    def _load_state(self, state: State, node: ir.LoadState) -> None:
        """Sound: nothing but this hook writes a scalar state variable while it runs, and a store to it rebinds the
        cell. An element of an array is any value of its type."""
        cell = self._layout.states.get(node.state)
        if cell is None:
            self.set(state, node.dst, scalars.of_type(node.dst.type), node)
        else:
            state.bind(self._layout.register(node.dst), state.cells[cell])

    def _store_state(self, state: State, node: ir.StoreState) -> None:
        """Sound: the variable is now equal to the value. Of arrays nothing is remembered, so nothing changes."""
        cell = self._layout.states.get(node.state)
        if cell is not None:
            self._share(state, cell, node.value, node)

    def _load_slot(self, state: State, slot: Slot, owner: ir.Operand, node: ir.LoadField | ir.LoadRef) -> None:
        """Reads a field and remembers of which folio or reference. Sound: two reads through the same symbol are equal
        if no store to that field, of whatever folio, and no call with effects came between: both forget the slot."""
        target = self._layout.register(node.dst)
        holder = self.term(state, owner)
        if not isinstance(holder, int) or holder == NOTHING:
            self.set(state, node.dst, scalars.of_type(node.dst.type), node)
        elif state.cells[slot.owner] == holder and state.cells[slot.content] != NOTHING:
            state.bind(target, state.cells[slot.content])
        else:
            self.set(state, node.dst, scalars.of_type(node.dst.type), node)
            state.bind(slot.owner, holder)
            state.bind(slot.content, state.cells[target])

    def _store_slot(self, state: State, slot: Slot | None, owner: ir.Operand, value: ir.Operand, node: ir.Node) -> None:
        """Sound: the one folio remembered for the field is now this one, with this value; another name of the same
        folio is another symbol, for which nothing is remembered."""
        if slot is None:
            return
        holder = self.term(state, owner)
        if isinstance(holder, int):
            self._share(state, slot.content, value, node)
            state.bind(slot.owner, holder)
        else:
            state.bind(slot.owner, NOTHING)

    def _load_field(self, state: State, node: ir.LoadField) -> None:
        self._load_slot(state, self._layout.folio_fields[node.field], node.folio, node)

    def _store_field(self, state: State, node: ir.StoreField) -> None:
        self._store_slot(state, self._layout.folio_fields.get(node.field), node.folio, node.value, node)

    def _load_ref(self, state: State, node: ir.LoadRef) -> None:
        self._load_slot(state, self._layout.value_fields[node.ref.type.table, node.field], node.ref, node)

    def _store_ref(self, state: State, node: ir.StoreRef) -> None:
        slot = self._layout.value_fields.get((node.ref.type.table, node.field))
        self._store_slot(state, slot, node.ref, node.value, node)

    def _list_at(self, state: State, node: ir.ListAt) -> None:
        self.set(state, node.dst, OPAQUE, node)

    # --- calls ---------------------------------------------------------------------------------------------

    def _call(self, state: State, node: ir.Call) -> None:
        """Sound: a call with effects makes all that is remembered of context and folios unknown, and may change the
        map it names; folios it takes are gone; its result is what the `abi` says."""
        kfunc = KFUNCS[node.kfunc]
        if is_context_property(node.kfunc):
            self._property(state, node, kfunc)
            return
        if not kfunc.pure:
            for cell in self._volatile:
                if state.cells[cell] != NOTHING:
                    state.bind(cell, NOTHING)
        if kfunc.clears_refs:
            assign(self._space, state, node.table, OPAQUE, Definition(node, (), (), OPAQUE))
        for operand, argument in zip(node.args, kfunc.args, strict=True):
            if argument.ownership in ("consume", "propose") and isinstance(operand, ir.Reg):
                cell = self._layout.register(operand)
                if state.owning(cell):
                    assign(self._space, state, cell, GONE, Definition(node, (), (), GONE))
        if node.dst is not None:
            self.set(state, node.dst, result_of(state, kfunc, node.table), node)

    def _property(self, state: State, node: ir.Call, kfunc: Kfunc) -> None:
        """Sound: two reads of the context with no call with effects between them are equal."""
        cell = self._layout.properties[node.kfunc]
        if state.cells[cell] == NOTHING:
            value = result_of(state, kfunc, node.table)
            assign(self._space, state, cell, value, Definition(node, (), (), value))
        if node.dst is not None:
            state.bind(self._layout.register(node.dst), state.cells[cell])
