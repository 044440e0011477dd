"""From the typed subset of Python to IR.

In: functions of `runtime/core` and `runtime/policies`, and the settings of a run. Out:
`CoreFunction`s for them and for every function they call, with the settings as constants and the branches that a
constant decides left out. `SubsetError` names file and line of what the subset does not have.

All integers are signed 64-bit; `bool` is the result of comparisons. Views are `ctx.name[...]`, settings `ctx.NAME`,
hooks `ctx.hooks.name(ctx, ...)`. The functions of the subset itself (`wrap_add`, `wrap_mul`, `shift_right_logical`,
`prefetch`, `has_hook`) are operations, not calls.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
from collections.abc import Mapping, Sequence
from types import FunctionType, ModuleType
from typing import cast

from dsl import ir
from dsl.abi import HOOKS
from dsl.ir import Const, Operand, Reg
from dsl.source import Span
from dsl.types import BOOL, I64, U64, Type
from runtime.core.context import CoreCallable
from runtime.core.layout import HOOKS as HOOKS_WORD
from runtime.core.layout import VIEWS
from runtime.jit import trusted
from runtime.jit.folding import fold
from runtime.jit.subset import SubsetError, always_true, check_function

BINARY = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.FloorDiv: "div", ast.Mod: "mod", ast.BitAnd: "and",
    ast.BitOr: "or", ast.BitXor: "xor", ast.LShift: "shl", ast.RShift: "shr",
}  # fmt: skip
COMPARE = {ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge"}
NEGATED = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "gt": "le", "le": "gt"}

UNSIGNED = {"wrap_add": "add", "wrap_mul": "mul", "shift_right_logical": "shr"}
OPERATIONS = (*UNSIGNED, "prefetch")
HAS_HOOK = "has_hook"

TRUE = Const(1, BOOL)
FALSE = Const(0, BOOL)


def qualified(function: CoreCallable) -> str:
    """The name a function has in the module of code: `module.name`, the module by its last part."""
    return f"{function.__module__.rsplit('.', 1)[1]}.{function.__name__}"


@functools.cache
def _module_tree(module: ModuleType) -> dict[str, ast.FunctionDef]:
    tree = ast.parse(inspect.getsource(module))
    return {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}


@functools.cache
def _checked(function: CoreCallable) -> tuple[ModuleType, ast.FunctionDef]:
    module = importlib.import_module(function.__module__)
    node = _module_tree(module)[function.__name__]
    check_function(str(module.__file__), node)
    return module, node


def _nodes(body: tuple[trusted.CoreNode, ...]) -> tuple[ir.Node, ...]:
    """A body for the control nodes of `dsl.ir`, which in the core hold trusted nodes, too."""
    return cast("tuple[ir.Node, ...]", body)


def compile_functions(
    roots: Sequence[CoreCallable], settings: Mapping[str, int], hooks: Mapping[str, Sequence[CoreCallable]]
) -> dict[str, trusted.CoreFunction]:
    """Compile `roots` and all they call. `hooks` are the hooks of built-in policies; a call of another hook stays a
    `HookCall` and adds nothing."""
    compiled: dict[str, trusted.CoreFunction] = {}
    waiting = list(roots)
    while waiting:
        function = waiting.pop()
        name = qualified(function)
        if name in compiled:
            continue
        module, node = _checked(function)
        compiler = _FunctionCompiler(module, node, settings, hooks)
        compiled[name] = compiler.compile(name)
        waiting += compiler.called
    return compiled


class _FunctionCompiler:
    """Compiles one function."""

    def __init__(
        self,
        module: ModuleType,
        node: ast.FunctionDef,
        settings: Mapping[str, int],
        hooks: Mapping[str, Sequence[CoreCallable]],
    ) -> None:
        self._module = module
        self._path = str(module.__file__)
        self._node = node
        self._settings = settings
        self._hooks = hooks
        self._registers: list[Reg] = []
        self._locals: dict[str, Reg] = {}
        self._views: dict[str, str] = {}
        self._result: Type | None = None
        self._out: list[trusted.CoreNode] = []
        self.called: list[CoreCallable] = []

    def compile(self, name: str) -> trusted.CoreFunction:
        arguments = self._node.args.args
        if not arguments or arguments[0].arg != "ctx":
            raise SubsetError(self._path, self._node, "the first argument is not ctx")
        params = tuple(self._local(a.arg, self._annotation(a.annotation)) for a in arguments[1:])
        if any(p.type != I64 for p in params):
            raise SubsetError(self._path, self._node, "a parameter that is no int")
        returns = self._node.returns
        none = isinstance(returns, ast.Constant) and returns.value is None
        self._result = None if none else self._annotation(returns)
        body = self._block(self._node.body)
        return trusted.CoreFunction(name, params, self._result, tuple(self._registers), body, self._path)

    def _annotation(self, node: ast.expr | None) -> Type:
        if isinstance(node, ast.Name) and node.id in ("int", "bool"):
            return I64 if node.id == "int" else BOOL
        raise SubsetError(self._path, node or self._node, "not a type of the subset")

    def _error(self, node: ast.AST, what: str = "not in the subset") -> SubsetError:
        return SubsetError(self._path, node, what)

    # --- registers and blocks ------------------------------------------------------------------------------

    def _register(self, type: Type, name: str = "") -> Reg:
        reg = Reg(len(self._registers), type, name)
        self._registers.append(reg)
        return reg

    def _local(self, name: str, type: Type) -> Reg:
        if name not in self._locals:
            self._locals[name] = self._register(type, name)
        return self._locals[name]

    def _block(self, statements: Sequence[ast.stmt]) -> tuple[trusted.CoreNode, ...]:
        outer, self._out = self._out, []
        for s in statements:
            self._statement(s)
            if isinstance(s, ast.Return | ast.Break | ast.Continue):
                break
        body, self._out = tuple(self._out), outer
        return body

    def _span(self, node: ast.AST) -> Span:
        line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", 0) + 1
        return Span(line, column, line, column + 1)

    # --- statements ----------------------------------------------------------------------------------------

    def _statement(self, s: ast.stmt) -> None:
        if isinstance(s, ast.Expr):
            if not isinstance(s.value, ast.Constant):
                self._call(s.value, wanted=False)
        elif isinstance(s, ast.Assign) and len(s.targets) == 1:
            self._assign(s.targets[0], s.value)
        elif isinstance(s, ast.AugAssign):
            self._augmented(s)
        elif isinstance(s, ast.If):
            self._if(s)
        elif isinstance(s, ast.While) and not s.orelse:
            self._while(s)
        elif isinstance(s, ast.For) and not s.orelse:
            self._for(s)
        elif isinstance(s, ast.Break):
            self._out.append(ir.Break(0, self._span(s)))
        elif isinstance(s, ast.Continue):
            self._out.append(ir.Continue(0, self._span(s)))
        elif isinstance(s, ast.Return):
            self._return(s)
        else:
            raise self._error(s)

    def _return(self, s: ast.Return) -> None:
        value = self._expression(s.value) if s.value else None
        if (value.type if value else None) != self._result:
            raise self._error(s, f"the function returns {self._result or 'nothing'}")
        self._out.append(ir.Return(value, self._span(s)))

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name) and isinstance(value, ast.Attribute) and value.attr in VIEWS:
            if target.id in self._locals or self._views.setdefault(target.id, value.attr) != value.attr:
                raise self._error(target, "stands for something else before")
            return
        operand = self._expression(value)
        if isinstance(target, ast.Name):
            if target.id in self._views:
                raise self._error(target, "stands for a view before")
            local = self._local(target.id, operand.type)
            if local.type != operand.type:
                raise self._error(target, f"was {local.type} before and is {operand.type} here")
            self._out.append(ir.Copy(local, operand, self._span(target)))
        elif isinstance(target, ast.Subscript):
            view, row, column = self._place(target)
            self._out.append(trusted.ViewStore(view, row, column, self._integer(operand, value), self._span(target)))
        else:
            raise self._error(target)

    def _augmented(self, s: ast.AugAssign) -> None:
        op = BINARY.get(type(s.op))
        if op is None:
            raise self._error(s)
        if isinstance(s.target, ast.Name):
            local = self._locals.get(s.target.id)
            if local is None or local.type != I64:
                raise self._error(s, "no integer")
            value = self._integer(self._expression(s.value), s)
            self._out.append(ir.Binary(local, op, local, value, self._span(s)))
            return
        if not isinstance(s.target, ast.Subscript):
            raise self._error(s)
        view, row, column = self._place(s.target)
        old, new = self._register(I64), self._register(I64)
        self._out.append(trusted.ViewLoad(old, view, row, column, self._span(s)))
        value = self._integer(self._expression(s.value), s)
        self._out.append(ir.Binary(new, op, old, value, self._span(s)))
        self._out.append(trusted.ViewStore(view, row, column, new, self._span(s)))

    def _if(self, s: ast.If) -> None:
        condition = self._condition(s.test)
        if isinstance(condition, Const):
            self._out.extend(self._block(s.body if condition.value else s.orelse))
            return
        self._out.append(ir.If(condition, _nodes(self._block(s.body)), _nodes(self._block(s.orelse)), self._span(s)))

    def _while(self, s: ast.While) -> None:
        outer, self._out = self._out, []
        condition: Operand = TRUE if always_true(s.test) else self._condition(s.test)
        prelude, self._out = tuple(self._out), outer
        self._out.append(trusted.While(prelude, condition, self._block(s.body), self._span(s)))

    def _for(self, s: ast.For) -> None:
        span = self._span(s)
        assert isinstance(s.iter, ast.Call) and isinstance(s.target, ast.Name)  # so `check_function` says
        bounds = [self._integer(self._expression(a), a) for a in s.iter.args]
        first: Operand = Const(0, I64) if len(bounds) == 1 else self._copy(bounds[0], span)
        last = bounds[-1]
        count = self._register(I64)
        self._out.append(ir.Binary(count, "sub", last, first, span))
        self._out.append(ir.Binary(count, "max", count, Const(0, I64), span))
        limit, index = self._register(U64), self._register(U64)
        self._out.append(ir.Convert(limit, count, span))
        variable = self._local(s.target.id, I64)
        body = self._block(s.body)
        head = (ir.Convert(variable, index, span), ir.Binary(variable, "add", variable, first, span))
        self._out.append(ir.Loop(index, limit, _nodes(head + body), span))

    def _copy(self, operand: Operand, span: Span) -> Operand:
        """A register of its own for an operand that the loop's body might change."""
        if isinstance(operand, Const):
            return operand
        held = self._register(operand.type)
        self._out.append(ir.Copy(held, operand, span))
        return held

    # --- expressions ---------------------------------------------------------------------------------------

    def _integer(self, operand: Operand, node: ast.AST) -> Operand:
        if operand.type == BOOL:
            raise self._error(node, "a bool where an integer is needed")
        return operand

    def _expression(self, n: ast.expr) -> Operand:
        if isinstance(n, ast.Constant) and isinstance(n.value, bool):
            return TRUE if n.value else FALSE
        if isinstance(n, ast.Constant) and isinstance(n.value, int):
            return self._constant(n.value, n)
        if isinstance(n, ast.Name):
            return self._name(n)
        if isinstance(n, ast.BinOp) and type(n.op) in BINARY:
            left = self._integer(self._expression(n.left), n)
            return self._binary(BINARY[type(n.op)], left, self._integer(self._expression(n.right), n), n)
        if isinstance(n, ast.UnaryOp) and isinstance(n.op, ast.USub):
            return self._binary("sub", Const(0, I64), self._integer(self._expression(n.operand), n), n)
        if isinstance(n, ast.UnaryOp) and isinstance(n.op, ast.Invert):
            return self._binary("xor", self._integer(self._expression(n.operand), n), Const(-1, I64), n)
        if isinstance(n, ast.Compare | ast.BoolOp) or (isinstance(n, ast.UnaryOp) and isinstance(n.op, ast.Not)):
            return self._condition(n)
        if isinstance(n, ast.IfExp):
            return self._if_expression(n)
        if isinstance(n, ast.Subscript):
            view, row, column = self._place(n)
            dst = self._register(I64)
            self._out.append(trusted.ViewLoad(dst, view, row, column, self._span(n)))
            return dst
        if isinstance(n, ast.Attribute):
            return self._setting(n)
        result = self._call(n, wanted=True)
        assert result is not None
        return result

    def _binary(self, op: str, left: Operand, right: Operand, n: ast.AST) -> Operand:
        if isinstance(left, Const) and isinstance(right, Const):
            folded = fold(op, left.value, right.value)
            if folded is not None:
                return Const(folded, I64)
        dst = self._register(I64)
        self._out.append(ir.Binary(dst, op, left, right, self._span(n)))
        return dst

    def _name(self, n: ast.Name) -> Operand:
        if n.id in self._locals:
            return self._locals[n.id]
        value = vars(self._module).get(n.id)
        if isinstance(value, int):
            return self._constant(int(value), n)
        raise self._error(n, "neither a local nor an integer constant")

    def _constant(self, value: int, n: ast.AST) -> Const:
        if not I64.minimum <= value <= I64.maximum:
            raise self._error(n, "does not fit 64 bits")
        return Const(value, I64)

    def _setting(self, n: ast.Attribute) -> Operand:
        if isinstance(n.value, ast.Name) and n.value.id == "ctx" and n.attr in self._settings:
            value = self._settings[n.attr]
            return Const(int(value), BOOL if isinstance(value, bool) else I64)
        raise self._error(n, "neither a view nor a setting")

    def _if_expression(self, n: ast.IfExp) -> Operand:
        condition = self._condition(n.test)
        if isinstance(condition, Const):
            return self._expression(n.body if condition.value else n.orelse)
        arms: list[tuple[trusted.CoreNode, ...]] = []
        dst: Reg | None = None
        for arm in (n.body, n.orelse):
            outer, self._out = self._out, []
            operand = self._expression(arm)
            dst = dst or self._register(operand.type)
            if dst.type != operand.type:
                raise self._error(n, "the two arms have different types")
            self._out.append(ir.Copy(dst, operand, self._span(arm)))
            arms.append(tuple(self._out))
            self._out = outer
        assert dst is not None
        self._out.append(ir.If(condition, _nodes(arms[0]), _nodes(arms[1]), self._span(n)))
        return dst

    # --- conditions ----------------------------------------------------------------------------------------

    def _condition(self, n: ast.expr) -> Operand:
        if isinstance(n, ast.Compare) and len(n.ops) == 1 and type(n.ops[0]) in COMPARE:
            return self._compare(n)
        if isinstance(n, ast.BoolOp):
            return self._short_circuit(n)
        if isinstance(n, ast.UnaryOp) and isinstance(n.op, ast.Not):
            operand = self._condition(n.operand)
            if isinstance(operand, Const):
                return FALSE if operand.value else TRUE
            dst = self._register(BOOL)
            self._out.append(ir.Binary(dst, "xor", operand, TRUE, self._span(n)))
            return dst
        operand = self._expression(n)
        if operand.type == BOOL:
            return operand
        if isinstance(operand, Const):
            return TRUE if operand.value else FALSE
        dst = self._register(BOOL)
        self._out.append(ir.Compare(dst, "ne", operand, Const(0, I64), self._span(n)))
        return dst

    def _compare(self, n: ast.Compare) -> Operand:
        left = self._integer(self._expression(n.left), n)
        right = self._integer(self._expression(n.comparators[0]), n)
        op = COMPARE[type(n.ops[0])]
        if isinstance(left, Const) and isinstance(right, Const):
            holds = {"eq": left.value == right.value, "lt": left.value < right.value, "le": left.value <= right.value}
            return TRUE if (holds[op] if op in holds else not holds[NEGATED[op]]) else FALSE
        dst = self._register(BOOL)
        self._out.append(ir.Compare(dst, op, left, right, self._span(n)))
        return dst

    def _short_circuit(self, n: ast.BoolOp) -> Operand:
        """`a and b`, `a or b` over conditions: `b` is evaluated only if `a` leaves it open."""
        decides = 0 if isinstance(n.op, ast.And) else 1
        first = self._condition(n.values[0])
        rest = n.values[1] if len(n.values) == 2 else ast.copy_location(ast.BoolOp(n.op, n.values[1:]), n)
        if isinstance(first, Const):
            return first if first.value == decides else self._condition(rest)
        dst = self._register(BOOL)
        self._out.append(ir.Copy(dst, first, self._span(n)))
        outer, self._out = self._out, []
        self._out.append(ir.Copy(dst, self._condition(rest), self._span(n)))
        inner, self._out = tuple(self._out), outer
        then, orelse = ((), inner) if decides else (inner, ())
        self._out.append(ir.If(dst, _nodes(then), _nodes(orelse), self._span(n)))
        return dst

    # --- places and calls ----------------------------------------------------------------------------------

    def _view_name(self, n: ast.expr) -> str:
        """The view that `ctx.name`, or a local that stands for one, names."""
        name = ""
        if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "ctx":
            name = n.attr
        elif isinstance(n, ast.Name):
            name = self._views.get(n.id, "")
        if name not in VIEWS:
            raise self._error(n, "not a view")
        return name

    def _place(self, n: ast.Subscript) -> tuple[str, Operand, Operand | None]:
        name = self._view_name(n.value)
        if VIEWS[name].columns:
            if not (isinstance(n.slice, ast.Tuple) and len(n.slice.elts) == 2):
                raise self._error(n, "a table takes [row, column]")
            row, column = (self._integer(self._expression(e), n) for e in n.slice.elts)
            return name, row, column
        return name, self._integer(self._expression(n.slice), n), None

    def _call(self, n: ast.expr, wanted: bool) -> Operand | None:
        if not isinstance(n, ast.Call) or n.keywords:
            raise self._error(n)
        if isinstance(n.func, ast.Attribute):
            return self._hook_call(n, n.func, wanted)
        if not isinstance(n.func, ast.Name):
            raise self._error(n)
        function = vars(self._module).get(n.func.id)
        if not isinstance(function, FunctionType):
            raise self._error(n, "unknown function")
        if function.__name__ == HAS_HOOK:
            return self._has_hook(n)
        if function.__name__ in OPERATIONS and (len(n.args) != 2 or (wanted and function.__name__ == "prefetch")):
            raise self._error(n, "not as the operation is used")
        if function.__name__ == "prefetch":
            view = self._view_name(n.args[0])
            row = self._integer(self._expression(n.args[1]), n)
            self._out.append(trusted.Prefetch(view, row, self._span(n)))
            return None
        if function.__name__ in OPERATIONS:
            return self._unsigned(function.__name__, n)
        args = self._arguments(n)
        result = _checked(function)[1].returns
        dst = None if isinstance(result, ast.Constant) else self._register(self._annotation(result))
        if wanted and dst is None:
            raise self._error(n, "has no result")
        if len(args) + 1 != len(_checked(function)[1].args.args):
            raise self._error(n, "wrong number of arguments")
        self.called.append(function)
        self._out.append(trusted.CoreCall(dst, qualified(function), args, self._span(n)))
        return dst

    def _arguments(self, n: ast.Call) -> tuple[Operand, ...]:
        if not n.args or not (isinstance(n.args[0], ast.Name) and n.args[0].id == "ctx"):
            raise self._error(n, "the first argument is not ctx")
        return tuple(self._integer(self._expression(a), a) for a in n.args[1:])

    def _hook_call(self, n: ast.Call, f: ast.Attribute, wanted: bool) -> Operand | None:
        if not (isinstance(f.value, ast.Attribute) and f.value.attr == "hooks" and f.attr in HOOKS):
            raise self._error(n, "not a hook")
        args = self._arguments(n)
        dst = self._register(I64) if HOOKS[f.attr].result is not None else None
        if wanted and dst is None:
            raise self._error(n, "has no result")
        if f.attr in self._hooks:
            self.called += self._hooks[f.attr]
        self._out.append(trusted.HookCall(dst, f.attr, args, self._span(n)))
        return dst

    def _has_hook(self, n: ast.Call) -> Operand:
        """`has_hook(ctx, lruvec, HOOK)`: a constant where all attached policies agree, else a bit of the lruvec."""
        lruvec, hook = self._arguments(n)
        if not isinstance(hook, Const):
            raise self._error(n, "the hook is no constant")
        if self._settings["HOOKS_ALL"] >> hook.value & 1:
            return TRUE
        if not self._settings["HOOKS_ANY"] >> hook.value & 1:
            return FALSE
        span = self._span(n)
        hooks, bit = self._register(I64), self._register(I64)
        self._out.append(trusted.ViewLoad(hooks, "lruvecs", lruvec, Const(HOOKS_WORD, I64), span))
        self._out.append(ir.Binary(bit, "and", hooks, Const(1 << hook.value, I64), span))
        dst = self._register(BOOL)
        self._out.append(ir.Compare(dst, "ne", bit, Const(0, I64), span))
        return dst

    def _unsigned(self, name: str, n: ast.Call) -> Operand:
        """The arithmetic of u64, which wraps."""
        span = self._span(n)
        operands: list[Operand] = []
        for a in n.args:
            converted = self._register(U64)
            self._out.append(ir.Convert(converted, self._integer(self._expression(a), a), span))
            operands.append(converted)
        product, result = self._register(U64), self._register(I64)
        self._out.append(ir.Binary(product, UNSIGNED[name], operands[0], operands[1], span))
        self._out.append(ir.Convert(result, product, span))
        return result
