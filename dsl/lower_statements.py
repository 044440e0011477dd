"""Statements to instructions.

In: the typed body of a hook and of the functions it calls. Out: the hook's `ir.Function`, functions inlined. Arguments
that are already in a register are bound to it, not copied: parameters cannot be assigned.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dsl import abi, ir, typed
from dsl.lower_emit import Budget, Emitter, Target
from dsl.lower_expressions import ExpressionLowering, load, store
from dsl.source import Span
from dsl.symbols import CONTEXT
from dsl.types import BOOL, LIST, U64

_ZERO = ir.Const(0, U64)


@dataclass(frozen=True, slots=True)
class _Frame:
    """A function being inlined: where its result goes, and the block that an early return leaves."""

    result: ir.Reg | None
    block: Target | None


class HookLowering:
    """Lowers one hook."""

    def __init__(self, functions: dict[str, typed.Routine], budget: Budget) -> None:
        self._functions = functions
        self._emitter = Emitter(budget)
        self._expressions = ExpressionLowering(self._emitter, self._inline)
        self._locals = self._expressions.locals
        self._frames: list[_Frame] = []
        self._loops: list[Target] = []
        self._default: ir.Const | None = None

    def lower(self, hook: typed.Routine) -> ir.Function:
        declared = abi.HOOKS[hook.name]
        if declared.result is not None:
            self._default = ir.Const(declared.default, declared.result)
        params = []
        for parameter in hook.parameters:
            register = self._emitter.register(parameter.type, parameter.name)
            self._locals[parameter] = register
            params.append(register)
        self._body(hook.body)
        if not typed.ends(hook.body):
            self._emitter.emit(ir.Return(self._default, hook.end))
        registers = tuple(self._emitter.registers)
        return ir.Function(hook.name, tuple(params), declared.result, registers, self._emitter.finish(), hook.span)

    # --- functions ----------------------------------------------------------------------------------------

    def _inline(self, call: typed.FunctionCall, target: ir.Reg | None) -> ir.Operand | None:
        """The body of the function in place of the call."""
        function = self._functions[call.function]
        result = target if function.result is not None else None
        if function.result is not None and result is None:
            result = self._emitter.register(function.result)
        for parameter, argument in zip(function.parameters, call.arguments, strict=True):
            if parameter.type != CONTEXT:
                self._locals[parameter] = self._expressions.operand(argument, name=parameter.name)
        loops, self._loops = self._loops, []
        with self._emitter.call(call.span):
            if _returns_early(function.body):
                with self._emitter.block(call.span) as block:
                    self._inlined_body(function, _Frame(result, block))
            else:
                self._inlined_body(function, _Frame(result, None))
        self._loops = loops
        return result

    def _inlined_body(self, function: typed.Routine, frame: _Frame) -> None:
        self._frames.append(frame)
        self._body(function.body)
        self._frames.pop()

    def _return(self, node: typed.Return) -> None:
        if not self._frames:
            value = self._default if node.value is None else self._expressions.operand(node.value)
            self._emitter.emit(ir.Return(value, node.span))
            return
        frame = self._frames[-1]
        if node.value is not None:
            self._expressions.operand(node.value, frame.result)
        if frame.block is not None:
            self._emitter.leave(frame.block, node.span)

    # --- statements ---------------------------------------------------------------------------------------

    def _body(self, body: typed.Body) -> None:
        for statement in body:
            self._statement(statement)

    def _statement(self, node: typed.Statement) -> None:
        match node:
            case typed.Declare():
                register = self._emitter.register(node.local.type, node.local.name)
                self._locals[node.local] = register
                if node.value is not None:
                    self._expressions.operand(node.value, register)
            case typed.Store():
                self._store(node)
            case typed.Update():
                self._update(node)
            case typed.If():
                orelse = (lambda: self._body(node.orelse)) if node.orelse else None
                self._expressions.branch(node.condition, lambda: self._body(node.then), orelse)
            case typed.For():
                self._for(node)
            case typed.Scan():
                self._scan(node)
            case typed.Loop():
                limit = self._expressions.operand(node.limit)
                self._loop(self._emitter.register(U64), limit, node.body, node.span)
            case typed.Break():
                self._emitter.leave(self._loops[-1], node.span)
            case typed.Continue():
                self._emitter.repeat(self._loops[-1], node.span)
            case typed.Return():
                self._return(node)
            case typed.Evaluate():
                self._expressions.effect(node.value)

    def _store(self, node: typed.Store) -> None:
        place = self._expressions.place_operand(node.place)
        if isinstance(node.place, typed.Read):
            assert isinstance(place, ir.Reg)
            self._expressions.operand(node.value, place)
        else:
            self._emitter.emit(store(node.place, place, self._expressions.operand(node.value)))

    def _update(self, node: typed.Update) -> None:
        """`place op= value`: the place is evaluated once, read before the value and written after it."""
        emitter, place_type = self._emitter, node.place.type
        place = self._expressions.place_operand(node.place)
        old: ir.Operand = place
        if not isinstance(node.place, typed.Read):
            old = emitter.register(place_type)
            emitter.emit(load(node.place, place, old))
        if node.type != place_type:
            wide = emitter.register(node.type)
            emitter.emit(ir.Convert(wide, old, node.place.span))
            old = wide
        value = self._expressions.operand(node.value)
        target = place if isinstance(node.place, typed.Read) else emitter.register(place_type)
        assert isinstance(target, ir.Reg)
        if node.type == place_type:
            emitter.emit(ir.Binary(target, node.op, old, value, node.span))
        else:
            result = emitter.register(node.type)
            emitter.emit(ir.Binary(result, node.op, old, value, node.span))
            emitter.emit(ir.Narrow(target, result, node.span))
        if not isinstance(node.place, typed.Read):
            emitter.emit(store(node.place, place, target))

    # --- loops --------------------------------------------------------------------------------------------

    def _loop(
        self, index: ir.Reg, limit: ir.Operand, body: typed.Body, span: Span, first: Iterable[ir.Node] = ()
    ) -> None:
        """A loop whose body begins with the instructions `first`."""
        with self._emitter.target(span) as (target, nodes):
            for instruction in first:
                self._emitter.emit(instruction)
            self._repeated(target, body)
        self._emitter.emit(ir.Loop(index, limit, tuple(nodes), span))

    def _repeated(self, target: Target, body: typed.Body) -> None:
        self._loops.append(target)
        self._body(body)
        self._loops.pop()

    def _for(self, node: typed.For) -> None:
        """From 0 the loop's own count is the variable; else the count of what is left, and the variable computed."""
        emitter, span = self._emitter, node.span
        low = self._fixed(self._expressions.operand(node.low), node.low)
        high = self._expressions.operand(node.high)
        name = node.local.name
        if low == _ZERO:
            index = emitter.register(U64, name)
            self._locals[node.local] = index
            self._loop(index, high, node.body, span)
            return
        count, variable = emitter.register(U64), emitter.register(U64, name)
        self._locals[node.local] = variable
        limit, last = self._rounds(low, high, span)
        first = [ir.Binary(variable, "add", low, count, span)]
        if last is not None:
            first.append(ir.Binary(variable, "min", variable, last, span))
        self._loop(count, limit, node.body, span, first)

    def _rounds(self, low: ir.Operand, high: ir.Operand, span: Span) -> tuple[ir.Reg, ir.Reg | None]:
        """The number of rounds from `low` up to `high`; for a `low` that is not constant also the last value.

        Both bound the loop by `high` once more, through `min`, which changes no value: the verifier knows ranges, not
        that `low` is below `high`.
        """
        emitter = self._emitter
        more, limit, last = emitter.register(BOOL), emitter.register(U64), None
        emitter.emit(ir.Compare(more, "gt", high, low, span))
        with emitter.body(span) as then:
            emitter.emit(ir.Binary(limit, "sub", high, low, span))
            if not isinstance(low, ir.Const):
                emitter.emit(ir.Binary(limit, "min", limit, high, span))
                last = emitter.register(U64)
                emitter.emit(ir.Binary(last, "sub", high, ir.Const(1, U64), span))
        with emitter.body(span) as orelse:
            emitter.emit(ir.Copy(limit, _ZERO, span))
            if last is not None:
                emitter.emit(ir.Copy(last, _ZERO, span))
        emitter.emit(ir.If(more, tuple(then), tuple(orelse), span))
        return limit, last

    def _fixed(self, value: ir.Operand, node: typed.Expression) -> ir.Operand:
        """`value` where the loop's body cannot change it: the lower bound is read again in every round."""
        if isinstance(value, ir.Const) or not isinstance(node, typed.Read) or node.local.kind != "local":
            return value
        copy = self._emitter.register(value.type)
        self._emitter.emit(ir.Copy(copy, value, node.span))
        return copy

    def _scan(self, node: typed.Scan) -> None:
        source: ir.Operand = ir.Const(0, LIST)
        if node.source is not None:
            source = self._expressions.operand(node.source)
        limit = self._expressions.operand(node.limit)
        folio = self._emitter.register(node.local.type, node.local.name)
        self._locals[node.local] = folio
        with self._emitter.target(node.span) as (target, nodes):
            self._repeated(target, node.body)
        self._emitter.emit(ir.Scan(folio, source, node.cursor, limit, tuple(nodes), node.span))


def _returns_early(body: typed.Body) -> bool:
    """Whether a `return` stands elsewhere than at the end of every path."""
    if not body:
        return False
    *before, last = body
    if any(_has_return(statement) for statement in before):
        return True
    if isinstance(last, typed.If):
        return _returns_early(last.then) or _returns_early(last.orelse)
    return not isinstance(last, typed.Return) and _has_return(last)


def _has_return(statement: typed.Statement) -> bool:
    match statement:
        case typed.Return():
            return True
        case typed.If():
            return any(map(_has_return, (*statement.then, *statement.orelse)))
        case typed.For() | typed.Scan() | typed.Loop():
            return any(map(_has_return, statement.body))
    return False
