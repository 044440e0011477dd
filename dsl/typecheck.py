"""Types of bodies.

In: a resolved `Program`. Out: `TypedProgram`, its functions and hooks as typed trees, and diagnostics. Each routine is
checked on its own, so that errors in one do not hide those in the next.
"""

from __future__ import annotations

from dataclasses import dataclass

from dsl import abi, ast, typed
from dsl.check_expressions import ExpressionChecker
from dsl.check_members import parameter_type
from dsl.diagnostics import Collector, Label
from dsl.source import Span
from dsl.symbols import CONTEXT, FOREIGN_TYPES, LOCAL_TYPES, NOTHING, POISON, RESERVED, RESULT_TYPES, Program
from dsl.types import FOLIO, LIST, U64, Type

_SET_BY = {"const": "a const is what its declaration says", "param": "a param is set where the policy is named"}


@dataclass(frozen=True, slots=True)
class TypedProgram:
    program: Program
    functions: dict[str, typed.Routine]
    hooks: tuple[typed.Routine, ...]


def check_types(program: Program, diagnostics: Collector) -> TypedProgram:
    """The typed tree of every function and hook."""
    functions = {name: _Body(program, diagnostics).function(fn) for name, fn in program.functions.items()}
    hooks = tuple(_Body(program, diagnostics).hook(hook) for hook in program.hooks)
    return TypedProgram(program, functions, hooks)


class _Body:
    """Checks one function or hook."""

    def __init__(self, program: Program, diagnostics: Collector) -> None:
        self._program = program
        self._expressions = ExpressionChecker(program, diagnostics)
        self._scope = self._expressions.scope
        self._fail = self._expressions.coerce.fail
        self._result: Type | None = None
        self._result_label: tuple[Label, ...] = ()
        self._is_hook = False
        self._loops = 0

    # --- routines -----------------------------------------------------------------------------------------

    def function(self, node: ast.Fn) -> typed.Routine:
        self._result = None
        if node.result is not None:
            self._result = RESULT_TYPES.get(node.result.text, POISON)
            self._result_label = (Label(node.result.span, "the result is declared here"),)
        parameters = []
        for parameter in node.parameters:
            type = parameter_type(parameter)
            if type == POISON:
                self._bad_parameter(parameter)
            parameters.append(self._declare(parameter.name, type, "parameter"))
        body = self._block(node.body)
        if self._result not in (None, POISON) and not typed.ends(body):
            label = f"the end is reached without a {self._result}"
            self._fail("missing-return", f"`{node.name.text}` may end without a result", node.body.end, label,
                       *self._result_label, help="return a value on every path")  # fmt: skip
        return typed.Routine(node.name.text, tuple(parameters), self._result, body, node.head, node.body.end)

    def _bad_parameter(self, parameter: ast.Parameter) -> None:
        name = parameter.name
        if parameter.type is None:
            label, help = "only `ctx` has no type", f"write `{name.text}: folio`, or another type"
            self._fail("unknown-type", f"parameter `{name.text}` needs a type", name.span, label, help=help)
        else:
            self._unknown_type(parameter.type, "a parameter")

    def _unknown_type(self, type: ast.TypeName, what: str) -> None:
        label = f"{what} is a scalar, a `folio` or a `list`"
        help = FOREIGN_TYPES.get(type.text) or self._expressions.coerce.did_you_mean(type.text, LOCAL_TYPES)
        self._fail("unknown-type", f"there is no type `{type.text}`", type.span, label, help=help)

    def hook(self, node: ast.Hook) -> typed.Routine:
        self._is_hook = True
        declared = abi.HOOKS.get(node.name.text)
        names = declared.parameters if declared is not None else ("f", "ctx")
        self._result = declared.result if declared is not None else POISON
        self._check_signature(node, declared, names)
        parameters = []
        for position, name in enumerate(names):
            type = CONTEXT if name == "ctx" else FOLIO
            if position < len(node.parameters):
                parameters.append(self._declare(node.parameters[position].name, type, "parameter"))
            elif type == FOLIO:
                parameters.append(typed.Local("", type, "parameter", node.name.span))
        body = self._block(node.body)
        folios = tuple(p for p in parameters if p.type == FOLIO)
        return typed.Routine(node.name.text, folios, self._result, body, node.head, node.body.end)

    def _check_signature(self, node: ast.Hook, declared: abi.Hook | None, names: tuple[str, ...]) -> None:
        if declared is None:
            for parameter in node.parameters[len(names) :]:
                self._declare(parameter.name, POISON, "parameter")
            return
        form = f"hook {node.name.text}({', '.join(names)})"
        for parameter in node.parameters[len(names) :]:
            label = f"`{node.name.text}` has {len(names)}: {', '.join(names)}"
            self._fail("hook-parameters", "too many parameters", parameter.span, label, help=f"write `{form}`")
            self._declare(parameter.name, POISON, "parameter")
        for parameter in node.parameters[: len(names)]:
            if parameter.type is not None:
                label = "the types are fixed and not written"
                self._fail("hook-parameters", "a hook's parameter has no type", parameter.type.span, label)
        if node.result is not None and node.result.text != str(declared.result):
            label = f"`{node.name.text}` returns {declared.result or 'nothing'}"
            self._fail("hook-parameters", "the result of a hook is fixed", node.result.span, label)

    def _declare(self, name: ast.Identifier, type: Type, kind: str) -> typed.Local:
        local = typed.Local(name.text, type, kind, name.span)
        self._scope.declare(local)
        return local

    # --- statements ---------------------------------------------------------------------------------------

    def _block(self, block: ast.Block) -> typed.Body:
        with self._scope.block():
            checked = [self._statement(statement) for statement in block.statements]
        return tuple(s for s in checked if s is not None)

    def _statement(self, node: ast.Statement) -> typed.Statement | None:
        match node:
            case ast.Let():
                return self._let(node)
            case ast.Assign():
                return self._assign(node)
            case ast.If():
                return self._if(node)
            case ast.For():
                return self._for(node)
            case ast.Scan():
                return self._scan(node)
            case ast.Loop():
                limit = self._expressions.of_type(node.limit, U64)
                return typed.Loop(node.head, limit, self._loop_body(node.body))
            case ast.Break() | ast.Continue():
                return self._jump(node)
            case ast.Return():
                return self._return(node)
            case ast.ExpressionStatement():
                return self._evaluate(node)
        raise TypeError(f"not a statement: {node!r}")

    def _let(self, node: ast.Let) -> typed.Statement:
        type = None
        if node.type is not None:
            type = LOCAL_TYPES.get(node.type.text, POISON)
            if type == POISON:
                self._unknown_type(node.type, "a local")
        value = None
        if node.value is not None and type is not None:
            value = self._expressions.of_type(node.value, type)
        elif node.value is not None:
            value = self._expressions.value(node.value)
            type = value.type
        elif type is None:
            label, help = "nothing says what it holds", f"write `let {node.name.text}: u64;`"
            self._fail(
                "type-mismatch", f"the type of `{node.name.text}` is not known", node.name.span, label, help=help
            )
        return typed.Declare(node.span, self._declare(node.name, type or POISON, "local"), value)

    def _assign(self, node: ast.Assign) -> typed.Statement | None:
        place = self._place(node.place)
        if place is None:
            self._expressions.value(node.value, POISON)
            return None
        if not node.op:
            return typed.Store(node.span, place, self._expressions.of_type(node.value, place.type))
        if node.op in ("<<", ">>"):
            count = self._expressions.shift_count(node.value, place)
            return typed.Update(node.span, place, "shl" if node.op == "<<" else "shr", count, place.type)
        # A literal, or a tree of them, takes the type of the place; other values keep theirs.
        value = self._expressions.value(node.value, place.type)
        result = self._expressions.arithmetic(node.op, place, value, node)
        if not isinstance(result, typed.Arithmetic):
            return None
        return typed.Update(node.span, place, result.op, result.right, result.type)

    def _place(self, node: ast.Expression) -> typed.Place | None:
        """What stands left of an assignment."""
        if isinstance(node, ast.Variable) and self._expressions.is_undeclared(node):
            self._expressions.undeclared(node, node.name, f"state {node.name}: u64;")
            return None
        place = self._expressions.any(node)
        if place.type == POISON:
            return None
        if isinstance(place, typed.Read) and place.local.kind != "local":
            related = Label(place.local.span, "declared here")
            label = f"a {place.local.kind} cannot be changed"
            help = f"copy it first: `let other = {place.local.name};`"
            self._fail(
                "not-assignable", f"`{place.local.name}` cannot be assigned to", node.span, label, related, help=help
            )
            return None
        if isinstance(place, typed.Read | typed.ReadState | typed.ReadField | typed.ReadValue):
            return place
        self._not_assignable(node)
        return None

    def _not_assignable(self, node: ast.Expression) -> None:
        what = "this is not a variable, a state, or a field of the policy"
        help: str | None = None
        if isinstance(node, ast.Variable) and (node.name in self._program.symbols or node.name in RESERVED):
            symbol = self._program.symbols.get(node.name) or RESERVED[node.name]
            what = f"`{node.name}` is a {symbol.kind}"
            if symbol.kind in ("const", "param"):
                help = f"what changes while the policy runs is kept in `state`; {_SET_BY[symbol.kind]}"
        elif isinstance(node, ast.Member):
            what = f"`{node.name.text}` belongs to the core and is read-only"
            help = "copy it, and change the copy: `let n = …;`"
        self._fail("not-assignable", "this cannot be assigned to", node.span, what, help=help)

    def _if(self, node: ast.If) -> typed.Statement:
        condition = self._expressions.condition(node.condition)
        then = self._block(node.then)
        orelse: typed.Body = ()
        if isinstance(node.orelse, ast.Block):
            orelse = self._block(node.orelse)
        elif node.orelse is not None:
            orelse = (self._if(node.orelse),)
        return typed.If(node.span, condition, then, orelse)

    def _loop_body(self, block: ast.Block) -> typed.Body:
        self._loops += 1
        body = self._block(block)
        self._loops -= 1
        return body

    def _for(self, node: ast.For) -> typed.Statement:
        low = self._expressions.of_type(node.low, U64)
        high = self._expressions.of_type(node.high, U64)
        with self._scope.block():
            local = self._declare(node.name, U64, "loop variable")
            return typed.For(node.head, local, low, high, self._loop_body(node.body))

    def _scan(self, node: ast.Scan) -> typed.Statement:
        source: typed.Expression | None = None
        cursor = -1
        symbol = self._program.symbols.get(node.source.name) if isinstance(node.source, ast.Variable) else None
        if symbol is not None and symbol.kind == "cursor":
            cursor = symbol.index
        elif isinstance(node.source, ast.Variable) and self._expressions.is_undeclared(node.source):
            source = self._expressions.undeclared(node.source, node.source.name, f"list {node.source.name};")
        else:
            source = self._expressions.of_type(node.source, LIST)
        limit = self._expressions.of_type(node.limit, U64)
        with self._scope.block():
            local = self._declare(node.name, FOLIO, "loop variable")
            return typed.Scan(node.head, local, source, cursor, limit, self._loop_body(node.body))

    def _jump(self, node: ast.Break | ast.Continue) -> typed.Statement:
        leaves = isinstance(node, ast.Break)
        if not self._loops:
            label = "no `for`, `scan` or `loop` around it"
            what = f"`{'break' if leaves else 'continue'}` outside of a loop"
            self._fail("misplaced-break", what, node.span, label, help="to leave the hook or function, write `return`")
        return typed.Break(node.span) if leaves else typed.Continue(node.span)

    def _return(self, node: ast.Return) -> typed.Statement:
        if node.value is None:
            if self._result not in (None, POISON) and not self._is_hook:
                label = f"expected a {self._expressions.coerce.describe(self._result or POISON)}"
                self._fail("type-mismatch", "a result is missing", node.span, label, *self._result_label)
            return typed.Return(node.span, None)
        if self._result is None:
            checked = self._expressions.any(node.value)
            if checked.type != POISON:
                label = "a hook of this name returns nothing" if self._is_hook else "the function declares no result"
                help = None if self._is_hook or checked.type == NOTHING else f"declare it: `-> {checked.type}`"
                self._fail("type-mismatch", "no result is expected", node.value.span, label, help=help)
            return typed.Return(node.span, None)
        return typed.Return(node.span, self._expressions.of_type(node.value, self._result, *self._result_label))

    def _evaluate(self, node: ast.ExpressionStatement) -> typed.Statement:
        value = self._expressions.any(node.value)
        if not isinstance(node.value, ast.Call) and value.type != POISON:
            label = "only a call may stand alone"
            help = "write `=` to assign" if isinstance(node.value, ast.Operation) and node.value.op == "==" else None
            self._fail("unused-value", "this value is not used", _inner(node.span), label, help=help)
        return typed.Evaluate(node.span, value)


def _inner(span: Span) -> Span:
    """A statement without its semicolon."""
    return Span(span.line, span.column, span.end_line, max(span.end_column - 1, 1))
