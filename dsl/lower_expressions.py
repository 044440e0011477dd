"""Expressions to instructions.

In: typed expressions. Out: operands, after the instructions that compute them, evaluated left to right. With a `target`
register the result goes there, written last, so that the expression may still read its old value. Calls of functions
are inlined by `dsl/lower_statements.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from dsl import ir, typed
from dsl.lower_emit import Emitter, Target
from dsl.types import BOOL, Type, ref, wrap

Inliner = Callable[[typed.FunctionCall, ir.Reg | None], ir.Operand | None]


class ExpressionLowering:
    """Lowers the expressions of one hook. `locals` maps the variables in scope to their registers or constants."""

    def __init__(self, emitter: Emitter, inline: Inliner) -> None:
        self._emitter = emitter
        self._inline = inline
        self.locals: dict[typed.Local, ir.Operand] = {}

    def operand(self, node: typed.Expression, target: ir.Reg | None = None, name: str = "") -> ir.Operand:
        """The value of `node`: in `target` if given, else where it already is or in a new register called `name`."""
        match node:
            case typed.Constant():
                return self._moved(ir.Const(node.value, node.type), node, target)
            case typed.Read(local=local):
                return self._moved(self.locals[local], node, target)
            case typed.Conversion():
                return self._conversion(node, target, name)
            case typed.Logic() | typed.Not():
                return self._logic(node, target or self._emitter.register(BOOL, name))
            case typed.Choice():
                return self._choice(node, target or self._emitter.register(node.type, name))
            case typed.FunctionCall():
                result = self._inline(node, target or self._emitter.register(node.type, name))
                assert result is not None
                return result
            case typed.InsertValue():
                return self._insert(node, target or self._emitter.register(node.type, name))
        return self._instruction(node, target, name)

    def effect(self, node: typed.Expression) -> None:
        """Evaluate `node` for what it does."""
        if isinstance(node, typed.FunctionCall):
            self._inline(node, None)
        elif isinstance(node, typed.KfuncCall) and not node.type.is_scalar and not _has_value(node.type):
            arguments = tuple(self.operand(argument) for argument in node.arguments)
            self._emitter.emit(ir.Call(None, node.kfunc, node.table, arguments, node.span))
        else:
            self.operand(node)

    def _moved(self, value: ir.Operand, node: typed.Expression, target: ir.Reg | None) -> ir.Operand:
        if target is None or target == value:
            return value
        self._emitter.emit(ir.Copy(target, value, node.span))
        return target

    def _instruction(self, node: typed.Expression, target: ir.Reg | None, name: str) -> ir.Operand:
        """Operands first, then the register, then the one instruction that `node` is."""
        operand, span = self.operand, node.span
        build: Callable[[ir.Reg], ir.Node]
        match node:
            case typed.Arithmetic(op=op):
                left, right = operand(node.left), operand(node.right)
                build = partial(ir.Binary, op=op, left=left, right=right, span=span)
            case typed.Comparison(op=op):
                left, right = operand(node.left), operand(node.right)
                build = partial(ir.Compare, op=op, left=left, right=right, span=span)
            case typed.MulDivide():
                a, b, c = operand(node.a), operand(node.b), operand(node.c)
                build = partial(ir.MulDiv, a=a, b=b, c=c, span=span)
            case typed.KfuncCall(kfunc=kfunc, table=table):
                arguments = tuple(operand(argument) for argument in node.arguments)
                build = partial(ir.Call, kfunc=kfunc, table=table, args=arguments, span=span)
            case _:
                build = self._load(node)
        result = target or self._emitter.register(node.type, name)
        self._emitter.emit(build(result))
        return result

    def _load(self, node: typed.Expression) -> Callable[[ir.Reg], ir.Node]:
        span = node.span
        if isinstance(node, typed.ReadParam):
            return partial(ir.LoadParam, param=node.param, span=span)
        if isinstance(node, typed.ListElement):
            return partial(ir.ListAt, list=node.list, index=self.operand(node.index), span=span)
        if isinstance(node, typed.ReadState | typed.ReadField | typed.ReadValue):
            return partial(load, node, self.place_operand(node))
        raise TypeError(f"not an expression: {node!r}")

    def place_operand(self, place: typed.Place) -> ir.Operand:
        """The operand of a place, evaluated once: a state's index, the folio, the reference."""
        match place:
            case typed.ReadState(index=inner) | typed.ReadField(folio=inner) | typed.ReadValue(reference=inner):
                return self.operand(inner)
            case typed.Read(local=local):
                return self.locals[local]

    # --- conversions --------------------------------------------------------------------------------------

    def _conversion(self, node: typed.Conversion, target: ir.Reg | None, name: str) -> ir.Operand:
        value = self.operand(node.operand)
        if isinstance(value, ir.Const):
            fits = node.type.minimum <= value.value <= node.type.maximum
            if fits or not node.proven:
                return self._moved(ir.Const(wrap(value.value, node.type), node.type), node, target)
        result = target or self._emitter.register(node.type, name)
        self._emitter.emit((ir.Narrow if node.proven else ir.Convert)(result, value, node.span))
        return result

    # --- conditions ---------------------------------------------------------------------------------------

    def leave_unless(self, condition: typed.Expression, target: Target) -> None:
        """Leave `target` if `condition` is false: each simple test by itself, so that the verifier learns from it."""
        match condition:
            case typed.Not(operand=inner):
                self.leave_if(inner, target)
            case typed.Logic(op="and"):
                self.leave_unless(condition.left, target)
                self.leave_unless(condition.right, target)
            case typed.Logic():
                with self._emitter.block(condition.span) as holds:
                    self.leave_if(condition.left, holds)
                    self.leave_unless(condition.right, target)
            case _:
                test = self.operand(condition)
                with self._emitter.body(condition.span) as orelse:
                    self._emitter.leave(target, condition.span)
                self._emitter.emit(ir.If(test, (), tuple(orelse), condition.span))

    def leave_if(self, condition: typed.Expression, target: Target) -> None:
        """Leave `target` if `condition` is true."""
        match condition:
            case typed.Not(operand=inner):
                self.leave_unless(inner, target)
            case typed.Logic(op="or"):
                self.leave_if(condition.left, target)
                self.leave_if(condition.right, target)
            case typed.Logic():
                with self._emitter.block(condition.span) as fails:
                    self.leave_unless(condition.left, fails)
                    self.leave_if(condition.right, target)
            case _:
                test = self.operand(condition)
                with self._emitter.body(condition.span) as then:
                    self._emitter.leave(target, condition.span)
                self._emitter.emit(ir.If(test, tuple(then), (), condition.span))

    def branch(self, condition: typed.Expression, then: Callable[[], None], orelse: Callable[[], None] | None) -> None:
        """Do `then` or `orelse`."""
        span, emitter = condition.span, self._emitter
        if isinstance(condition, typed.Not) and not isinstance(condition.operand, typed.Logic):
            swapped = orelse or (lambda: None)
            self.branch(condition.operand, swapped, then)
        elif not isinstance(condition, typed.Logic | typed.Not):
            test = self.operand(condition)
            with emitter.body(span) as yes:
                then()
            with emitter.body(span) as no:
                if orelse is not None:
                    orelse()
            emitter.emit(ir.If(test, tuple(yes), tuple(no), span))
        elif orelse is None:
            with emitter.block(span) as fails:
                self.leave_unless(condition, fails)
                then()
        else:
            with emitter.block(span) as done:
                with emitter.block(span) as fails:
                    self.leave_unless(condition, fails)
                    then()
                    if not emitter.ended:
                        emitter.leave(done, span)
                orelse()

    def _logic(self, node: typed.Expression, result: ir.Reg) -> ir.Operand:
        if isinstance(node, typed.Not) and not isinstance(node.operand, typed.Logic | typed.Not):
            value = self.operand(node.operand)
            self._emitter.emit(ir.Binary(result, "xor", value, ir.Const(1, BOOL), node.span))
            return result
        self.branch(node, lambda: self._set(result, 1, node), lambda: self._set(result, 0, node))
        return result

    def _set(self, result: ir.Reg, value: int, node: typed.Expression) -> None:
        self._emitter.emit(ir.Copy(result, ir.Const(value, BOOL), node.span))

    def _choice(self, node: typed.Choice, result: ir.Reg) -> ir.Operand:
        self.branch(node.condition, lambda: self._into(node.then, result), lambda: self._into(node.orelse, result))
        return result

    def _into(self, node: typed.Expression, result: ir.Reg) -> None:
        self.operand(node, result)

    # --- maps ---------------------------------------------------------------------------------------------

    def _insert(self, node: typed.InsertValue, result: ir.Reg) -> ir.Operand:
        """Insert, look the key up again, and store if it is there: a full map may have refused it."""
        emitter, span, table = self._emitter, node.span, node.table
        key, value = self.operand(node.key), self.operand(node.value)
        if result in (key, value):  # still needed after the result is known
            return self._moved(self._insert(node, emitter.register(BOOL)), node, result)
        emitter.emit(ir.Call(result, "map_insert", table, (key,), span))
        entry, found = emitter.register(ref(table)), emitter.register(BOOL)
        emitter.emit(ir.Call(entry, "map_lookup", table, (key,), span))
        emitter.emit(ir.Compare(found, "ne", entry, ir.Const(0, entry.type), span))
        with emitter.body(span) as then:
            emitter.emit(ir.StoreRef(entry, 0, value, span))
        emitter.emit(ir.If(found, tuple(then), (), span))
        return result


def _has_value(type: Type) -> bool:
    return type.name in ("folio", "list", "ref")


def load(place: typed.Place, inner: ir.Operand, dst: ir.Reg) -> ir.Node:
    """The instruction that reads `place`, whose operand is `inner`."""
    match place:
        case typed.ReadState(state=state, span=span):
            return ir.LoadState(dst, state, inner, span)
        case typed.ReadField(field=field, span=span):
            return ir.LoadField(dst, inner, field, span)
        case typed.ReadValue(field=field, span=span):
            return ir.LoadRef(dst, inner, field, span)
        case typed.Read(span=span):
            return ir.Copy(dst, inner, span)


def store(place: typed.Place, inner: ir.Operand, value: ir.Operand) -> ir.Node:
    """The instruction that writes `place`, which is not a local."""
    match place:
        case typed.ReadState(state=state, span=span):
            return ir.StoreState(state, inner, value, span)
        case typed.ReadField(field=field, span=span):
            return ir.StoreField(inner, field, value, span)
        case typed.ReadValue(field=field, span=span):
            return ir.StoreRef(inner, field, value, span)
        case typed.Read():
            raise TypeError("a local is a register")
