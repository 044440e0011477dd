"""What an instruction does to the abstract state.

In: a state in which the instruction's obligations hold, or are assumed to. Out: the state after it, in place. Transfer
rejects nothing. Each rule says why it over-approximates: every concrete state that the instruction can make of a state
described before is described after. What is not known is the whole type.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any

from dsl import ir
from dsl.abi import KFUNCS, Kfunc
from dsl.types import FOLIO, KEY, LIST, Type, ref
from verifier.cells import Slot, written_by
from verifier.domains import interval as intervals
from verifier.domains import value as scalars
from verifier.domains.reference import GONE, HANDLES, NULL_FOLIO, Folio, Nullness, Reference
from verifier.domains.value import Scalar
from verifier.order import DEPTHS, SHALLOW, Order
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

Rule = Callable[[State, Any], None]

_CONTROL = (ir.If, ir.Block, ir.Loop, ir.Scan, ir.Break, ir.Continue, ir.Return)
_STORES = (ir.StoreState, ir.StoreField, ir.StoreRef)

_CONSTANTS: dict[int, Scalar] = {}
_MAX_KEPT_CONSTANTS = 4096


def of_constant(state: State, const: ir.Const) -> Value:
    """The value of a literal. Null of a map is a reference of its present epoch."""
    if const.type.is_scalar:
        value = const.value
        found = _CONSTANTS.get(value)
        if found is None:
            found = scalars.constant(value)
            if len(_CONSTANTS) < _MAX_KEPT_CONSTANTS:
                _CONSTANTS[value] = found
        return found
    if const.type.name == "ref":
        return Reference(Nullness.NULL, const.type.table, state.symbol(const.type.table))
    return OPAQUE if const.type == LIST else NULL_FOLIO


def unknown_of(state: State, type: Type) -> Value:
    """The least that is known of an initialised value of `type`; a folio is borrowed."""
    if type == FOLIO:
        return Folio(Nullness.MAYBE, owned=False)
    if type.name == "ref":
        return Reference(Nullness.MAYBE, type.table, state.symbol(type.table))
    return scalars.of_type(type) if type.is_scalar else OPAQUE


def result_of(state: State, kfunc: Kfunc, node: ir.Call, dst: ir.Reg) -> Value:
    """What the `abi` says of a result that is put into `dst`. Sound: each entry of the table is tested against its
    implementation, and a key of a map is any value of its type."""
    if kfunc.ownership == "ref":
        return unknown_of(state, ref(node.table))
    if kfunc.result == KEY:
        return unknown_of(state, dst.type)
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
        self._order = Order(space)

    def rule_of(self, node: ir.Node) -> Rule | None:
        """The rule of an instruction, None for what directs control. An instruction without a rule leaves its target
        unassigned, which permits nothing."""
        of_class = RULES.get(node.__class__)
        if of_class is None:
            return None if isinstance(node, _CONTROL) else self._unknown
        rule: Rule = MethodType(of_class, self)
        found = self._layout.slots.get(id(node))
        if found is None or isinstance(node, _STORES):
            return rule
        return self._repeated(rule, *found)

    def _repeated(self, rule: Rule, slot: Slot, operands: tuple[int, ...]) -> Rule:
        """The rule of an expression that has a slot. Sound where that has the result: the same expression of the same
        symbols gives the same value, since whatever may change it forgets the slot."""
        owners, content = slot.owners, slot.content

        def apply(state: State, node: Any) -> None:
            symbols = [state.symbol(cell) for cell in operands]
            known = state.symbol(content)
            target = self._layout.registers + node.dst.index
            if known != NOTHING and symbols == [state.symbol(owner) for owner in owners]:
                state.bind(target, known)
            else:
                rule(state, node)
                self._keep(state, slot, symbols, state.symbol(target))

        return apply

    def _keep(self, state: State, slot: Slot, owners: list[int], content: int) -> None:
        """Remembers a value of known operands; of unknown ones nothing is to be remembered."""
        if NOTHING in owners:
            content = NOTHING
        for cell, symbol in zip((*slot.owners, slot.content), (*owners, content), strict=True):
            state.note(cell, symbol)

    def _unknown(self, state: State, node: ir.Instruction) -> None:
        dst = getattr(node, "dst", None)
        if isinstance(dst, ir.Reg):
            state.bind(self._layout.register(dst), NOTHING)

    # --- operands ------------------------------------------------------------------------------------------

    def value(self, state: State, operand: ir.Operand) -> Value:
        if isinstance(operand, ir.Const):
            return of_constant(state, operand)
        return state.value(self._layout.registers + operand.index)

    def term(self, state: State, operand: ir.Operand) -> Term:
        if isinstance(operand, ir.Const):
            return of_constant(state, operand)
        return state.symbol(self._layout.registers + operand.index)

    def set(
        self, state: State, dst: ir.Reg, value: Value, node: ir.Node, operands: tuple[ir.Operand, ...] = ()
    ) -> None:
        terms = tuple([self.term(state, operand) for operand in operands])
        assign(self._space, state, self._layout.registers + dst.index, value, Definition(node, terms, (), value))

    def _share(self, state: State, cell: int, operand: ir.Operand, node: ir.Node) -> None:
        """Lets `cell` hold the very value of `operand`. Sound: they are equal, so facts about one are about both."""
        if isinstance(operand, ir.Reg):
            state.bind(cell, state.symbol(self._layout.registers + operand.index))
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
        if node.op in ("add", "sub"):
            self._sum(state, node, a, b)
            return
        value = scalars.binary(node.op, a, b, node.dst.type)
        left, right = self.term(state, node.left), self.term(state, node.right)
        if node.op == "div":
            value = self._share_of(state, left, right, value)
        exact = node.op == "mul" and intervals.of_type(node.dst.type).includes(intervals.multiply(a.range, b.range))
        definition = Definition(node, (left, right), (), value, exact)
        assign(self._space, state, self._layout.register(node.dst), value, definition)

    def _share_of(self, state: State, product: Term, whole: Term, value: Scalar) -> Scalar:
        """What `part * scale / whole` is. Sound: if the part is at most the whole, which is at least 0, and the product
        did not wrap, the quotient is at most the scale; of a whole of 0 it is 0."""
        if not isinstance(product, int) or not isinstance(whole, int) or value.low < 0:
            return value
        made = self._space.definitions[product]
        if not made.exact or not isinstance(made.node, ir.Binary) or made.node.op != "mul":
            return value
        for part, scale in (made.terms, made.terms[::-1]):
            value = self._at_most(state, part, scale, whole, value)
        return value

    def _at_most(self, state: State, part: Term, scale: Term, whole: Term, value: Scalar) -> Scalar:
        """Sound as `_share_of` says; a part that is less than the whole gives less than the scale, unless that is 0."""
        most = state.known(scale) if isinstance(scale, int) else scale
        if not isinstance(most, Scalar) or most.high >= value.high or most.low < 0:
            return value
        total = state.known(whole) if isinstance(whole, int) else whole
        if not isinstance(total, Scalar) or total.low < 0:
            return value
        over = self._order.most(state, part, whole)
        if over > 0:
            return value
        return value.meet(scalars.between(0, most.high if over == 0 else max(most.high - 1, 0))) or value

    def _sum(self, state: State, node: ir.Binary, a: Scalar, b: Scalar) -> None:
        """Sound: the integer sum or difference is in the range of the operands' ends, and in what is known of the order
        of the two; if all of that is in the type, nothing wrapped, and it is the result."""
        value = scalars.binary(node.op, a, b, node.dst.type)
        left, right = self.term(state, node.left), self.term(state, node.right)
        ends = (a.low + b.low, a.high + b.high) if node.op == "add" else (a.low - b.high, a.high - b.low)
        low, high = ends
        if isinstance(left, int) and isinstance(right, int) and self._may_be_ordered(state, left, right, ends, node):
            if node.op == "add":
                high = min(high, self._order.most_sum(state, left, right))
            else:
                depths = SHALLOW if node.dst.type.minimum <= low and high <= node.dst.type.maximum else DEPTHS
                low = max(low, -self._order.most(state, right, left, depths))
                high = min(high, self._order.most(state, left, right, depths))
        exact = node.dst.type.minimum <= low <= high <= node.dst.type.maximum
        if exact and (low, high) != ends:
            value = value.meet(scalars.between(low, high)) or value
        definition = Definition(node, (left, right), (), value, exact)
        assign(self._space, state, self._layout.register(node.dst), value, definition)

    @staticmethod
    def _may_be_ordered(state: State, left: int, right: int, ends: tuple[int, int], node: ir.Binary) -> bool:
        """Whether to look for what is known of the order of two values: where it may wrap without, or comparisons told
        something of either."""
        type = node.dst.type
        exact = type.minimum <= ends[0] and ends[1] <= type.maximum
        return not exact or bool(state.facts[left] or state.facts[right])

    def _compare(self, state: State, node: ir.Compare) -> None:
        """Sound: `scalars.compare` decides only where one outcome is impossible; of null and a handle that is known
        to be one, or not to be one, the outcome is known; else it is any bool."""
        a, b = self.value(state, node.left), self.value(state, node.right)
        value: Value = scalars.between(0, 1)
        if isinstance(a, Scalar) and isinstance(b, Scalar):
            value = scalars.compare(node.op, a, b)
        elif isinstance(a, HANDLES) and isinstance(b, HANDLES):
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
        """Sound because `scalars.multiply_divide` is, and as a share of a whole is (`_share_of`)."""
        a, b, c = self.value(state, node.a), self.value(state, node.b), self.value(state, node.c)
        if not isinstance(a, Scalar) or not isinstance(b, Scalar) or not isinstance(c, Scalar):
            self.set(state, node.dst, POISON, node)
        else:
            result = scalars.multiply_divide(a, b, c)
            parts = self.term(state, node.a), self.term(state, node.b)
            for part, scale in (parts, parts[::-1]):
                result = self._at_most(state, part, scale, self.term(state, node.c), result)
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
            state.bind(self._layout.register(node.dst), state.symbol(cell))

    def _store_state(self, state: State, node: ir.StoreState) -> None:
        """Sound: the variable is now equal to the value."""
        cell = self._layout.states.get(node.state)
        if cell is not None:
            self._share(state, cell, node.value, node)
        else:
            self._store(state, node)

    def _store(self, state: State, node: ir.StoreState | ir.StoreField | ir.StoreRef) -> None:
        """Sound: what is remembered of this memory is forgotten, but for elements at other constant places; another
        name of the same folio may be another symbol. What was stored is remembered."""
        found = self._layout.slots.get(id(node))
        place = node.index.value if isinstance(node, ir.StoreState) and isinstance(node.index, ir.Const) else None
        for slot in self._layout.written.get(written_by(node), ()):
            if place is None or slot.place in (None, place):
                state.note(slot.content, NOTHING)
        if found is not None:
            owners = [state.symbol(cell) for cell in found[1]]
            self._keep(state, found[0], owners, self._symbol(state, node.value, node))

    def _symbol(self, state: State, operand: ir.Operand, node: ir.Node) -> int:
        """The symbol of an operand; a fresh one for a literal."""
        if isinstance(operand, ir.Reg):
            return state.symbol(self._layout.register(operand))
        return self._space.define(Definition(node, (), (), of_constant(state, operand)))

    def _load_memory(self, state: State, node: ir.LoadField | ir.LoadRef) -> None:
        """Sound: a field is any value of its type."""
        self.set(state, node.dst, scalars.of_type(node.dst.type), node)

    def _list_at(self, state: State, node: ir.ListAt) -> None:
        self.set(state, node.dst, OPAQUE, node)

    # --- calls ---------------------------------------------------------------------------------------------

    def _call(self, state: State, node: ir.Call) -> None:
        """Sound: a call with effects makes unknown what calls without effects gave before; one on a map also the values
        in it, and it may change the map; folios it takes are gone; its result is what the `abi` says. No call writes a
        policy's own state or its fields of folios: the core clears those when a folio is charged, and calls no hook
        before this one has returned."""
        kfunc = KFUNCS[node.kfunc]
        if not kfunc.pure:
            self._forget_calls(state, node.table if kfunc.receiver in ("map", "ref") else -1)
        if kfunc.clears_refs:
            assign(self._space, state, node.table, OPAQUE, Definition(node, (), (), OPAQUE))
        for operand, argument in zip(node.args, kfunc.args, strict=True):
            if argument.ownership in ("consume", "propose") and isinstance(operand, ir.Reg):
                cell = self._layout.register(operand)
                if state.owning(cell):
                    assign(self._space, state, cell, GONE, Definition(node, (), (), GONE))
        if node.dst is not None:
            self.set(state, node.dst, result_of(state, kfunc, node, node.dst), node)

    def _forget_calls(self, state: State, table: int) -> None:
        """Forgets what a call with effects may change: all that was called for, and values in map `table`."""
        for slot in self._layout.called:
            state.note(slot.content, NOTHING)
        if table >= 0:
            for (kind, number, _), slots in self._layout.written.items():
                if kind == "value" and number == table:
                    for slot in slots:
                        state.note(slot.content, NOTHING)


RULES: dict[type[Any], Callable[[Transfer, State, Any], None]] = {
    ir.Binary: Transfer._binary, ir.Compare: Transfer._compare, ir.Copy: Transfer._copy, ir.Convert: Transfer._convert,
    ir.Narrow: Transfer._convert, ir.MulDiv: Transfer._mul_div, ir.LoadParam: Transfer._load_param,
    ir.LoadState: Transfer._load_state, ir.StoreState: Transfer._store_state, ir.LoadField: Transfer._load_memory,
    ir.StoreField: Transfer._store, ir.LoadRef: Transfer._load_memory, ir.StoreRef: Transfer._store,
    ir.ListAt: Transfer._list_at, ir.Call: Transfer._call,
}  # fmt: skip
"""Of the class: an object that held its own methods would be garbage for the collector of cycles."""
