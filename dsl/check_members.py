"""Types of members and calls.

In: `object.name`, `object.name(…)` and `name(…)`. Out: typed reads and calls. Which members a value has is read from
the `abi`; where a kfunc may be called and what its arguments must be is left to the verifier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsl import abi, ast, ir, typed
from dsl.diagnostics import Label
from dsl.source import Span
from dsl.symbols import BUILTIN_FUNCTIONS, CONTEXT, LOCAL_TYPES, MAP_KINDS, NOTHING, POISON, Symbol
from dsl.types import FOLIO, LIST, U64, Type, ref

if TYPE_CHECKING:
    from dsl.check_expressions import ExpressionChecker

_RECEIVERS = {FOLIO: "folio", LIST: "list", CONTEXT: "ctx"}
_FIRST = ("folio", "list", "ref")
"""Receivers that are the first argument of their kfuncs."""


class MemberChecker:
    def __init__(self, expressions: ExpressionChecker) -> None:
        self._expressions = expressions
        self._program = expressions.program
        self._fail = expressions.coerce.fail

    # --- members ------------------------------------------------------------------------------------------

    def property(self, node: ast.Member) -> typed.Expression:
        """`object.name` without a call: a field or a property of the abi."""
        table = self._table(node)
        if table is not None:
            return self._kfunc(node, node, table.kind, table, None, None)
        object = self._object(node)
        if object.type == POISON:
            return object
        field = self._field(object, node)
        if field is not None:
            return field
        receiver = _receiver(object.type)
        if receiver is None or (receiver == "ref" and node.name.text not in abi.members("ref")):
            return self._no_members(object, node)
        return self._kfunc(node, node, receiver, None, object, None)

    def _object(self, member: ast.Member) -> typed.Expression:
        """What the member is of; of a name that stands for nothing the member tells what it may have been meant for."""
        node = member.object
        if not isinstance(node, ast.Variable) or not self._expressions.is_undeclared(node):
            return self._expressions.any(node)
        forms = {
            "list": f"list {node.name};",
            "heap": f"heap {node.name};",
            "map": f"map {node.name}: lru_hash<page_key, u64>[nr_pages];",
        }
        form = next((form for kind, form in forms.items() if member.name.text in abi.members(kind)), None)
        return self._expressions.undeclared(node, node.name, form)

    def _table(self, member: ast.Member) -> Symbol | None:
        """The map, cursor or heap whose member this is; a bag only where a list has no such member."""
        object = member.object
        if not isinstance(object, ast.Variable) or self._expressions.scope.local(object.name) is not None:
            return None
        symbol = self._program.symbols.get(object.name)
        if symbol is None or symbol.kind not in ("map", "cursor", "heap", "bag"):
            return None
        return None if symbol.kind == "bag" and member.name.text not in abi.members("bag") else symbol

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
        names: list[str] = []
        if object.type.name == "ref":
            names = [*(f.name for f in self._program.maps[object.type.table].fields), *abi.members("ref")]
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
        number = -1 if table is None else table.index
        if receiver == "ref" and object is not None:
            number = object.type.table
        first = () if object is None or receiver == "ctx" else (object,)
        wanted = [(a.name, ir.meant(a.type, number, self._program.maps)) for a in kfunc.args[len(first) :]]
        if name == "insert" and table is not None and arguments is not None and len(arguments) == 2:
            inserted = self._insert_value(node, table, arguments)
            if inserted is not None:
                return inserted
        checked = self._arguments(f"`{name}`", node, arguments or (), wanted)
        if checked is None:
            return typed.Poison(POISON, node.span)
        result = ref(number) if kfunc.ownership == "ref" else kfunc.result or NOTHING
        result = ir.meant(result, number, self._program.maps)
        return typed.KfuncCall(result, node.span, kfunc.name, number, (*first, *checked))

    def _unknown_member(self, receiver: str, member: ast.Member) -> typed.Expression:
        own = [f.name for f in self._program.fields] if receiver == "folio" else []
        names = [*own, *abi.members(receiver)]
        label = f"a {receiver} has no such member" if receiver != "ctx" else "the context has no such member"
        help = self._expressions.coerce.did_you_mean(member.name.text, names)
        if receiver == "cursor" and isinstance(member.object, ast.Variable):
            cursor = self._program.cursors[self._program.symbols[member.object.name].index]
            help = f"a cursor is a place on a list: write `{self._program.lists[cursor.list].name}.{member.name.text}`"
        elif help is None and receiver == "folio":
            help = f"declare it in the `folio` block: `folio {{ {member.name.text}: u8 }}`"
        elif help is None and receiver == "list":
            kind = next((kind for kind in ("bag", "heap") if member.name.text in abi.members(kind)), None)
            help = kind and f"a {kind} has it: declare a `{kind}` in place of the list"
        return self._fail("unknown-member", f"no member `{member.name.text}`", member.name.span, label, help=help)

    def _usable(self, kfunc: abi.Kfunc, member: ast.Member, table: Symbol | None, called: bool) -> typed.Poison | None:
        """Whether the kfunc fits the kind of map and is called as it should be."""
        name = member.name
        if kfunc.is_property and called:
            label = f"write `{name.text}` without parentheses"
            return self._fail("call-form", f"`{name.text}` is a property", name.span, label)
        if not kfunc.is_property and not called:
            label = f"write `{name.text}({'…' if len(kfunc.args) > (kfunc.receiver in _FIRST) else ''})`"
            return self._fail("call-form", f"`{name.text}` is a function", name.span, label)
        if table is None or table.kind != "map":
            return None
        declared = self._program.maps[table.index]
        related = Label(declared.span, "declared here")
        if declared.kind not in kfunc.kinds and declared.kind in MAP_KINDS:
            label = f"only {' and '.join(kfunc.kinds)} maps have it"
            help = None
            if declared.kind == "array":
                help = "all elements of an array are there: look one up by its number, and set it"
            message = f"`{table.name}` has no `{name.text}`"
            return self._fail("unknown-member", message, name.span, label, related, help=help)
        if declared.kind not in MAP_KINDS or any(field.type == POISON for field in declared.fields):
            return typed.Poison(POISON, name.span)
        if kfunc.of_counters and not ir.of_counters(declared):
            label = "its elements are not one unsigned integer each"
            return self._fail("type-mismatch", f"`{name.text}` works on counters", name.span, label, related)
        if kfunc.name == "map_lookup" and not declared.fields:
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
        if name in self._program.misnamed:
            for argument in node.arguments:
                self._expressions.any(argument)
            return typed.Poison(POISON, node.span)
        if name in BUILTIN_FUNCTIONS:
            return self._builtin(name, node, hint)
        kfunc = abi.members(None).get(name)
        if kfunc is not None and not kfunc.is_property:
            return self._plain_kfunc(name, kfunc, node)
        if symbol is not None and symbol.kind == "fn":
            return self._function(symbol, node)
        for argument in node.arguments:
            self._expressions.any(argument)
        taken = symbol or self._expressions.scope.local(name)
        if taken is not None:
            label, related = f"`{name}` is a {taken.kind}", Label(taken.span, "declared here")
            return self._fail("not-a-value", f"`{name}` is not a function", node.callee.span, label, related)
        functions = [s.name for s in self._program.symbols.values() if s.kind == "fn"]
        kfuncs = [name for name, k in abi.members(None).items() if not k.is_property]
        help = self._expressions.coerce.did_you_mean(name, [*functions, *BUILTIN_FUNCTIONS, *kfuncs])
        message, span = f"there is no function `{name}`", node.callee.span
        return self._expressions.coerce.fail_once("unknown-name", message, span, "not found here", help)

    def _method(self, node: ast.Call, member: ast.Member) -> typed.Expression:
        table = self._table(member)
        if table is not None:
            return self._kfunc(node, member, table.kind, table, None, node.arguments)
        object = self._object(member)
        if object.type == POISON:
            for argument in node.arguments:
                self._expressions.any(argument)
            return object
        receiver = _receiver(object.type)
        if self._field(object, member) is not None:
            label = f"write `{member.name.text}` without parentheses"
            return self._fail("call-form", f"`{member.name.text}` is a field", member.name.span, label)
        if receiver is None or (receiver == "ref" and member.name.text not in abi.members("ref")):
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
        help = f"write `{what.strip('`')}({', '.join(names)})`"
        if what == "`insert`" and names == ["key"] and len(given) == 2:
            help = "the values of this map are no single numbers: insert the key, look it up, and set its fields"
        expected = (
            "no arguments" if not names else f"{len(names)} argument{'s' * (len(names) > 1)} ({', '.join(names)})"
        )
        label = f"expected {expected}, found {len(given)}"
        self._fail("wrong-arguments", f"{what} takes {expected}", _callee(node), label, help=help)

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

    def _plain_kfunc(self, name: str, kfunc: abi.Kfunc, node: ast.Call) -> typed.Expression:
        checked = self._arguments(f"`{name}`", node, node.arguments, [(a.name, a.type) for a in kfunc.args])
        if checked is None:
            return typed.Poison(POISON, node.span)
        return typed.KfuncCall(kfunc.result or NOTHING, node.span, kfunc.name, -1, checked)

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


def _receiver(type: Type) -> str | None:
    """What kind of kfuncs a value of this type has."""
    return "ref" if type.name == "ref" else _RECEIVERS.get(type)


def parameter_type(parameter: ast.Parameter) -> Type:
    """The type of a function's parameter; `ctx` has none written. Unknown types are poison, reported elsewhere."""
    if parameter.type is None:
        return CONTEXT if parameter.name.text == "ctx" else POISON
    return LOCAL_TYPES.get(parameter.type.text, POISON)


def _callee(node: ast.Expression) -> Span:
    return node.callee.span if isinstance(node, ast.Call) else node.span
