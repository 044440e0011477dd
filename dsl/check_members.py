"""Types of members and calls.

In: `object.name`, `object.name(…)` and `name(…)`. Out: typed reads and calls. Which members a value has is read from
the `abi`; where a kfunc may be called and what its arguments must be is left to the verifier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsl import abi, ast, typed
from dsl.diagnostics import Label
from dsl.source import Span
from dsl.symbols import BUILTIN_FUNCTIONS, CONTEXT, LOCAL_TYPES, NOTHING, POISON, Symbol
from dsl.types import FOLIO, LIST, U64, Type, ref

if TYPE_CHECKING:
    from dsl.check_expressions import ExpressionChecker

_RECEIVERS = {FOLIO: "folio", LIST: "list", CONTEXT: "ctx"}


class MemberChecker:
    def __init__(self, expressions: ExpressionChecker) -> None:
        self._expressions = expressions
        self._program = expressions.program
        self._fail = expressions.coerce.fail

    # --- members ------------------------------------------------------------------------------------------

    def property(self, node: ast.Member) -> typed.Expression:
        """`object.name` without a call: a field or a property of the abi."""
        table = self._table(node.object)
        if table is not None:
            return self._kfunc(node, node, table.kind, table, None, None)
        object = self._expressions.any(node.object)
        if object.type == POISON:
            return object
        field = self._field(object, node)
        if field is not None:
            return field
        receiver = _RECEIVERS.get(object.type)
        if receiver is None:
            return self._no_members(object, node)
        return self._kfunc(node, node, receiver, None, object, None)

    def _table(self, object: ast.Expression) -> Symbol | None:
        """The map or cursor that `object` names."""
        if not isinstance(object, ast.Variable) or self._expressions.scope.local(object.name) is not None:
            return None
        symbol = self._program.symbols.get(object.name)
        return symbol if symbol is not None and symbol.kind in ("map", "cursor") else None

    def _field(self, object: typed.Expression, node: ast.Member) -> typed.Expression | None:
        """The policy's own field of a folio, or a field of a map's value."""
        fields = tuple(self._program.fields) if object.type == FOLIO else ()
        if object.type.name == "ref":
            fields = self._program.maps[object.type.table].fields
        for number, field in enumerate(fields):
            if field.name == node.name.text:
                if field.type == POISON:
                    return typed.Poison(POISON, node.span)
                kind = typed.ReadField if object.type == FOLIO else typed.ReadValue
                return kind(field.type, node.span, object, number)
        return None

    def _no_members(self, object: typed.Expression, node: ast.Member) -> typed.Expression:
        coerce = self._expressions.coerce
        names = [f.name for f in self._program.maps[object.type.table].fields] if object.type.name == "ref" else []
        label = f"{coerce.describe(object.type)} has no members"
        if names:
            label = f"it has {', '.join(f'`{name}`' for name in names[:12])}"
        help = self._expressions.coerce.did_you_mean(node.name.text, names)
        return self._fail("unknown-member", f"no member `{node.name.text}`", node.name.span, label, help=help)

    def _kfunc(
        self,
        node: ast.Expression,
        member: ast.Member,
        receiver: str,
        table: Symbol | None,
        object: typed.Expression | None,
        arguments: tuple[ast.Expression, ...] | None,
    ) -> typed.Expression:
        """A kfunc of `receiver`, as a property if `arguments` is None."""
        name = member.name.text
        kfunc = abi.members(receiver).get(name)
        if kfunc is None:
            return self._unknown_member(receiver, member)
        problem = self._usable(kfunc, member, table, arguments is not None)
        if problem is not None:
            return problem
        key = self._program.maps[table.index].key if table is not None and table.kind == "map" else POISON
        first = () if object is None or receiver == "ctx" else (object,)
        wanted = [(a.name, a.type or key) for a in kfunc.args[len(first) :]]
        if name == "insert" and table is not None and arguments is not None and len(arguments) == 2:
            inserted = self._insert_value(node, table, arguments)
            if inserted is not None:
                return inserted
        checked = self._arguments(f"`{name}`", node, arguments or (), wanted)
        if checked is None:
            return typed.Poison(POISON, node.span)
        number = -1 if table is None else table.index
        result = ref(number) if kfunc.ownership == "ref" else kfunc.result or NOTHING
        return typed.KfuncCall(result, node.span, kfunc.name, number, (*first, *checked))

    def _unknown_member(self, receiver: str, member: ast.Member) -> typed.Expression:
        own = [f.name for f in self._program.fields] if receiver == "folio" else []
        names = [*own, *abi.members(receiver)]
        label = f"a {receiver} has no such member" if receiver != "ctx" else "the context has no such member"
        help = self._expressions.coerce.did_you_mean(member.name.text, names)
        if help is None and receiver == "folio":
            help = f"declare it in the `folio` block: `folio {{ {member.name.text}: u8 }}`"
        return self._fail("unknown-member", f"no member `{member.name.text}`", member.name.span, label, help=help)

    def _usable(self, kfunc: abi.Kfunc, member: ast.Member, table: Symbol | None, called: bool) -> typed.Poison | None:
        """Whether the kfunc fits the kind of map and is called as it should be."""
        name = member.name
        if kfunc.is_property and called:
            label = f"write `{name.text}` without parentheses"
            return self._fail("call-form", f"`{name.text}` is a property", name.span, label)
        if not kfunc.is_property and not called:
            label = f"write `{name.text}(…)`"
            return self._fail("call-form", f"`{name.text}` is a function", name.span, label)
        if table is None or table.kind != "map":
            return None
        declared = self._program.maps[table.index]
        related = Label(declared.span, "declared here")
        if declared.kind not in kfunc.kinds and declared.kind in ("hash", "lru_hash"):
            label = f"only {' and '.join(kfunc.kinds)} maps have it"
            return self._fail("unknown-member", f"`{table.name}` has no `{name.text}`", name.span, label, related)
        if kfunc.ownership == "ref" and not declared.fields:
            label, help = "its entries have no value", f"write `{table.name}.contains(…)`"
            return self._fail("unknown-member", f"`{table.name}` is a set", name.span, label, related, help=help)
        return None

    # --- calls --------------------------------------------------------------------------------------------

    def call(self, node: ast.Call, hint: Type | None) -> typed.Expression:
        if isinstance(node.callee, ast.Member):
            return self._method(node, node.callee)
        if not isinstance(node.callee, ast.Variable):
            return self._fail("not-a-value", "this cannot be called", node.callee.span, "not the name of a function")
        name = node.callee.name
        symbol = self._program.symbols.get(name)
        if name in BUILTIN_FUNCTIONS:
            return self._builtin(name, node, hint)
        if symbol is not None and symbol.kind == "fn":
            return self._function(symbol, node)
        for argument in node.arguments:
            self._expressions.any(argument)
        taken = symbol or self._expressions.scope.local(name)
        if taken is not None:
            label, related = f"`{name}` is a {taken.kind}", Label(taken.span, "declared here")
            return self._fail("not-a-value", f"`{name}` is not a function", node.callee.span, label, related)
        functions = [s.name for s in self._program.symbols.values() if s.kind == "fn"]
        help = self._expressions.coerce.did_you_mean(name, [*functions, *BUILTIN_FUNCTIONS])
        return self._fail(
            "unknown-name", f"there is no function `{name}`", node.callee.span, "not found here", help=help
        )

    def _method(self, node: ast.Call, member: ast.Member) -> typed.Expression:
        table = self._table(member.object)
        if table is not None:
            return self._kfunc(node, member, table.kind, table, None, node.arguments)
        object = self._expressions.any(member.object)
        if object.type == POISON:
            for argument in node.arguments:
                self._expressions.any(argument)
            return object
        receiver = _RECEIVERS.get(object.type)
        if self._field(object, member) is not None:
            label = f"write `{member.name.text}` without parentheses"
            return self._fail("call-form", f"`{member.name.text}` is a field", member.name.span, label)
        if receiver is None:
            return self._no_members(object, member)
        return self._kfunc(node, member, receiver, None, object, node.arguments)

    def _arguments(
        self, what: str, node: ast.Expression, given: tuple[ast.Expression, ...], wanted: list[tuple[str, Type]]
    ) -> tuple[typed.Expression, ...] | None:
        """The arguments in the types wanted; None after a diagnostic."""
        if len(given) != len(wanted):
            for argument in given:
                self._expressions.any(argument)
            self._count(what, node, given, [name for name, _ in wanted])
            return None
        checked = [self._argument(argument, type) for argument, (_, type) in zip(given, wanted, strict=True)]
        return None if any(c.type == POISON for c in checked) else tuple(checked)

    def _argument(self, node: ast.Expression, wanted: Type) -> typed.Expression:
        if wanted == CONTEXT:
            return self._expressions.coerce.to(self._expressions.any(node), CONTEXT)
        return self._expressions.of_type(node, wanted)

    def _count(self, what: str, node: ast.Expression, given: tuple[ast.Expression, ...], names: list[str]) -> None:
        expected = (
            "no arguments" if not names else f"{len(names)} argument{'s' * (len(names) > 1)} ({', '.join(names)})"
        )
        label = f"expected {expected}, found {len(given)}"
        self._fail("wrong-arguments", f"{what} takes {expected}", _callee(node), label)

    def _insert_value(
        self, node: ast.Expression, table: Symbol, arguments: tuple[ast.Expression, ...]
    ) -> typed.Expression | None:
        """`insert(key, value)` of a map whose values are scalars; None if this map's are not."""
        declared = self._program.maps[table.index]
        if [f.name for f in declared.fields] != ["value"]:
            return None
        wanted = [("key", declared.key), ("value", declared.fields[0].type)]
        checked = self._arguments("`insert`", node, arguments, wanted)
        if checked is None:
            return typed.Poison(POISON, node.span)
        kfunc = abi.members("map")["insert"]
        return typed.InsertValue(kfunc.result or NOTHING, node.span, table.index, *checked)

    def _function(self, symbol: Symbol, node: ast.Call) -> typed.Expression:
        declared = self._program.functions[symbol.name]
        wanted = [(p.name.text, parameter_type(p)) for p in declared.parameters]
        checked = self._arguments(f"`{symbol.name}`", node, node.arguments, wanted)
        if checked is None or symbol.type == POISON:
            return typed.Poison(POISON, node.span)
        return typed.FunctionCall(symbol.type or NOTHING, node.span, symbol.name, checked)

    def _builtin(self, name: str, node: ast.Call, hint: Type | None) -> typed.Expression:
        if name == "mul_div":
            checked = self._arguments("`mul_div`", node, node.arguments, [("a", U64), ("b", U64), ("c", U64)])
            return typed.Poison(POISON, node.span) if checked is None else typed.MulDivide(U64, node.span, *checked)
        if len(node.arguments) != 2:
            for argument in node.arguments:
                self._expressions.any(argument)
            self._count(f"`{name}`", node, node.arguments, ["a", "b"])
            return typed.Poison(POISON, node.span)
        left, right = self._expressions.pair(*node.arguments, hint)
        left, right = self._expressions.coerce.unify(left, right, node.span, f"`{name}` needs two values of one type")
        if POISON in (left.type, right.type):
            return typed.Poison(POISON, node.span)
        if not left.type.is_integer:
            label = f"this is {self._expressions.coerce.describe(left.type)}"
            return self._fail("type-mismatch", f"`{name}` needs integers", left.span, label)
        return typed.Arithmetic(left.type, node.span, name, left, right)


def parameter_type(parameter: ast.Parameter) -> Type:
    """The type of a function's parameter; `ctx` has none written. Unknown types are poison, reported elsewhere."""
    if parameter.type is None:
        return CONTEXT if parameter.name.text == "ctx" else POISON
    return LOCAL_TYPES.get(parameter.type.text, POISON)


def _callee(node: ast.Expression) -> Span:
    return node.callee.span if isinstance(node, ast.Call) else node.span
