"""Types of expressions.

In: expressions of the syntax tree. Out: typed expressions; after a diagnostic `Poison`, which causes no further ones.
An integer literal takes the type asked of it (`hint`), that of the other operand, or u64. Calls and members are in
`dsl/check_members.py`.
"""

from __future__ import annotations

from dsl import ast, typed
from dsl.check_members import MemberChecker
from dsl.coerce import Coercion
from dsl.diagnostics import Collector, Label
from dsl.scope import Scope
from dsl.symbols import CONTEXT, NOTHING, POISON, RESERVED, Program, Symbol
from dsl.types import BOOL, FOLIO, I64, INTEGERS, LIST, U64, Type

ARITHMETIC = {
    "+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod",
    "&": "and", "|": "or", "^": "xor", "<<": "shl", ">>": "shr",
}  # fmt: skip
COMPARISONS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_FOREIGN = {
    "ctx": "name the context among the parameters of the hook or function",
    **dict.fromkeys(("NULL", "None", "nil", "nullptr"), "write `null`"),
    **dict.fromkeys(("True", "TRUE"), "write `true`"),
    **dict.fromkeys(("False", "FALSE"), "write `false`"),
}
CASTS = {t.name: t for t in INTEGERS}


class ExpressionChecker:
    """Checks the expressions of one body; `scope` and `coerce` are shared with the statements."""

    def __init__(self, program: Program, diagnostics: Collector) -> None:
        self.program = program
        self.scope = Scope(program, diagnostics)
        self.coerce = Coercion(program, diagnostics)
        self._members = MemberChecker(self)

    # --- what is asked of an expression -------------------------------------------------------------------

    def value(self, node: ast.Expression, hint: Type | None = None) -> typed.Expression:
        """The value of `node`: something that a variable can hold."""
        checked = self.any(node, hint)
        if checked.type == NOTHING:
            return self.coerce.fail("type-mismatch", "this call returns nothing", node.span, "a value is needed here")
        if checked.type == CONTEXT:
            label = "it can be handed to a function, and has members"
            return self.coerce.fail("not-a-value", "the context is not a value", node.span, label)
        return checked

    def of_type(self, node: ast.Expression, wanted: Type, *related: Label) -> typed.Expression:
        """The value of `node` as a `wanted`."""
        return self.coerce.to(self.value(node, wanted), wanted, *related)

    def condition(self, node: ast.Expression) -> typed.Expression:
        return self.of_type(node, BOOL)

    def any(self, node: ast.Expression, hint: Type | None = None) -> typed.Expression:
        """`node` checked, also if it is the context or a call without a result."""
        match node:
            case ast.Integer(value=value):
                return self._literal(value, node, hint)
            case ast.Boolean(value=flag):
                return typed.Constant(BOOL, node.span, int(flag))
            case ast.Null():
                return self._null(node, hint)
            case ast.Variable(name=name):
                return self._variable(node, name)
            case ast.Member():
                return self._members.property(node)
            case ast.Index():
                return self._index(node)
            case ast.Call():
                return self._members.call(node, hint)
            case ast.Prefixed():
                return self._prefixed(node, hint)
            case ast.Operation():
                return self._operation(node, hint)
            case ast.Cast():
                return self._cast(node)
            case ast.Choice():
                return self._choice(node, hint)
        raise TypeError(f"not an expression: {node!r}")

    # --- literals and names -------------------------------------------------------------------------------

    def _literal(self, value: int, node: ast.Expression, hint: Type | None) -> typed.Expression:
        type = hint if hint is not None and hint.is_integer else (I64 if value < 0 else U64)
        if not type.minimum <= value <= type.maximum:
            return self.coerce.out_of_range(value, type, node.span)
        return typed.Constant(type, node.span, value)

    def _null(self, node: ast.Null, hint: Type | None) -> typed.Expression:
        if hint is not None and hint.is_nullable:
            return typed.Constant(hint, node.span, 0)
        if hint == POISON:
            return typed.Poison(POISON, node.span)
        label = "null of what?" if hint is None else f"expected {self.coerce.describe(hint)}, which is never null"
        return self.coerce.fail("type-mismatch", "`null` does not fit here", node.span, label)

    def _variable(self, node: ast.Expression, name: str) -> typed.Expression:
        local = self.scope.local(name)
        if local is not None:
            return typed.Read(local.type, node.span, local)
        if name in self.program.misnamed:
            return typed.Poison(POISON, node.span)
        symbol = self.program.symbols.get(name) or RESERVED.get(name)
        return self.undeclared(node, name, None) if symbol is None else self._symbol(node, symbol)

    def is_undeclared(self, node: ast.Expression) -> bool:
        if not isinstance(node, ast.Variable) or self.scope.local(node.name) is not None:
            return False
        return node.name not in self.program.symbols and node.name not in RESERVED

    def undeclared(self, node: ast.Expression, name: str, declaration: str | None) -> typed.Expression:
        """A name that stands for nothing. `declaration` is what may be missing."""
        help = _FOREIGN.get(name) or self.coerce.did_you_mean(name, self.scope.names())
        if help is None and declaration is not None:
            help = f"declare it above: `{declaration}`"
        return self.coerce.fail_once("unknown-name", f"`{name}` is not declared", node.span, "not found here", help)

    def _symbol(self, node: ast.Expression, symbol: Symbol) -> typed.Expression:
        zero = typed.Constant(U64, node.span, 0)
        type = symbol.type or POISON
        if type == POISON and symbol.kind in ("const", "param", "state"):
            return typed.Poison(POISON, node.span)
        if symbol.kind == "const":
            return typed.Constant(type, node.span, symbol.value)
        if symbol.kind == "kfunc":
            return typed.KfuncCall(type, node.span, symbol.name, -1, ())
        if symbol.kind == "param":
            return typed.ReadParam(type, node.span, symbol.index)
        if symbol.kind == "state" and not self.program.states[symbol.index].is_array:
            return typed.ReadState(type, node.span, symbol.index, zero)
        if symbol.kind in ("list", "bag") and not self.program.lists[symbol.index].is_array:
            return typed.ListElement(LIST, node.span, symbol.index, zero)
        return self._not_a_value(node, symbol)

    def _not_a_value(self, node: ast.Expression, symbol: Symbol) -> typed.Expression:
        name = node.name if isinstance(node, ast.Variable) else symbol.name
        help, what = None, f"a {symbol.kind}"
        if symbol.kind in ("state", "list"):
            what, help = f"an array of {symbol.kind}s", f"name an element: `{name}[i]`"
            what = "an array" if symbol.kind == "state" else what
        elif symbol.kind in ("fn", "builtin"):
            what, help = "a function", f"call it: `{name}(…)`"
        elif symbol.kind == "map":
            help = f"look a key up: `{name}.lookup(key)`"
        elif symbol.kind == "heap":
            help = f"a heap is no list: it has `{name}.head`, `{name}.push(f, key)` and others"
        elif symbol.kind == "cursor":
            help = f"go through its list: `scan f in {name} limit n {{ … }}`"
        label = f"`{name}` is {what}"
        return self.coerce.fail("not-a-value", f"`{name}` is not a value", node.span, label, help=help)

    def _index(self, node: ast.Index) -> typed.Expression:
        if isinstance(node.object, ast.Variable) and self.scope.local(node.object.name) is None:
            symbol = self.program.symbols.get(node.object.name)
            if symbol is not None and symbol.kind in ("state", "list"):
                return self._element(node, symbol)
        object = self.any(node.object)
        if object.type == POISON:
            self.value(node.index, POISON)
            return object
        self.of_type(node.index, U64)
        label = "only `state NAME: type[n]` and `list NAME[n]` have elements"
        return self.coerce.fail("type-mismatch", "this is not an array", node.object.span, label)

    def _element(self, node: ast.Index, symbol: Symbol) -> typed.Expression:
        index = self.of_type(node.index, U64)
        declared = (self.program.states if symbol.kind == "state" else self.program.lists)[symbol.index]
        if not declared.is_array:
            related = Label(declared.span, "declared here, without a length")
            label = f"a single {symbol.kind}"
            return self.coerce.fail(
                "type-mismatch", f"`{symbol.name}` is not an array", node.object.span, label, related
            )
        if symbol.kind == "list":
            return typed.ListElement(LIST, node.span, symbol.index, index)
        return typed.ReadState(symbol.type or POISON, node.span, symbol.index, index)

    # --- operators ----------------------------------------------------------------------------------------

    def _prefixed(self, node: ast.Prefixed, hint: Type | None) -> typed.Expression:
        if node.op == "!":
            operand = self.value(node.operand, BOOL)
            if operand.type.is_integer:
                label, help = f"expected bool, found {operand.type}", "write `~` to invert bits, `… == 0` to compare"
                return self.coerce.fail("type-mismatch", "`!` needs a bool", operand.span, label, help=help)
            operand = self.coerce.to(operand, BOOL)
            return operand if operand.type == POISON else typed.Not(BOOL, node.span, operand)
        if node.op == "-" and isinstance(node.operand, ast.Integer):
            return self._literal(-node.operand.value, node, hint)
        operand = self.value(node.operand, hint)
        type = operand.type
        if type == POISON:
            return operand
        if node.op == "-" and type == I64:
            return typed.Arithmetic(I64, node.span, "sub", typed.Constant(I64, node.span, 0), operand)
        if node.op == "~" and type.is_integer:
            ones = typed.Constant(type, node.span, -1 if type.signed else type.maximum)
            return typed.Arithmetic(type, node.span, "xor", operand, ones)
        wanted = "an i64" if node.op == "-" else "an integer"
        label = f"expected {wanted}, found {self.coerce.describe(type)}"
        return self.coerce.fail("type-mismatch", f"`{node.op}` needs {wanted}", operand.span, label)

    def _operation(self, node: ast.Operation, hint: Type | None) -> typed.Expression:
        if node.op in ("&&", "||"):
            left, right = self.condition(node.left), self.condition(node.right)
            if POISON in (left.type, right.type):
                return typed.Poison(POISON, node.span)
            return typed.Logic(BOOL, node.span, "and" if node.op == "&&" else "or", left, right)
        if node.op in COMPARISONS:
            return self._comparison(node)
        if node.op in ("<<", ">>"):
            return self.shift(node, self.value(node.left, hint))
        left, right = self.pair(node.left, node.right, hint)
        return self.arithmetic(node.op, left, right, node)

    def pair(
        self, left: ast.Expression, right: ast.Expression, hint: Type | None
    ) -> tuple[typed.Expression, typed.Expression]:
        """Both operands; one that is only literals takes the type of the other."""
        if is_literal(left) and not is_literal(right):
            second = self.value(right, hint)
            return self.value(left, second.type), second
        first = self.value(left, hint)
        literal = is_literal(right) or isinstance(right, ast.Null)
        return first, self.value(right, first.type if literal else hint)

    def arithmetic(self, op: str, left: typed.Expression, right: typed.Expression, node: ast.Node) -> typed.Expression:
        """`left op right`, except shifts, in the wider of the two types."""
        left, right = self.coerce.unify(left, right, node.span, f"`{op}` needs two values of one type")
        type = left.type
        if POISON in (type, right.type):
            return typed.Poison(POISON, node.span)
        if type.is_integer or (type == BOOL and op in ("&", "|", "^")):
            return typed.Arithmetic(type, node.span, ARITHMETIC[op], left, right)
        label = f"this is {self.coerce.describe(type)}"
        return self.coerce.fail("type-mismatch", f"`{op}` needs integers", left.span, label)

    def shift(self, node: ast.Operation, left: typed.Expression) -> typed.Expression:
        count = self.shift_count(node.right, left)
        if POISON in (left.type, count.type):
            return typed.Poison(POISON, node.span)
        return typed.Arithmetic(left.type, node.span, ARITHMETIC[node.op], left, count)

    def shift_count(self, node: ast.Expression, left: typed.Expression) -> typed.Expression:
        """A count in the type of `left`. Only its bits below the width count, so that dropping high ones is exact."""
        count = self.value(node, left.type)
        for operand in (left, count):
            if not operand.type.is_integer and operand.type != POISON:
                label = f"expected an integer, found {self.coerce.describe(operand.type)}"
                return self.coerce.fail("type-mismatch", "only integers can be shifted", operand.span, label)
        if POISON in (left.type, count.type) or count.type == left.type:
            return count
        return typed.Conversion(left.type, count.span, count, False)

    def _comparison(self, node: ast.Operation) -> typed.Expression:
        if isinstance(node.left, ast.Null):
            right = self.value(node.right)
            left = self.value(node.left, right.type)
        else:
            left, right = self.pair(node.left, node.right, None)
        left, right = self.coerce.unify(left, right, node.span, "these cannot be compared")
        type = left.type
        if POISON in (type, right.type):
            return typed.Poison(POISON, node.span)
        ordered = node.op not in ("==", "!=")
        if type.is_integer or (type.is_scalar and not ordered):
            return typed.Comparison(BOOL, node.span, COMPARISONS[node.op], left, right)
        null = isinstance(node.left, ast.Null) or isinstance(node.right, ast.Null)
        if type.is_nullable and null and not ordered:
            return typed.Comparison(BOOL, node.span, COMPARISONS[node.op], left, right)
        if ordered:
            label = f"{self.coerce.describe(type)} has no order"
            return self.coerce.fail("type-mismatch", f"`{node.op}` needs integers", node.span, label)
        label = f"a {self.coerce.describe(type)} can only be compared with `null`"
        help = "compare the pages: `a.key == b.key`" if type == FOLIO else None
        return self.coerce.fail("type-mismatch", "these cannot be compared", node.span, label, help=help)

    def _cast(self, node: ast.Cast) -> typed.Expression:
        wanted = CASTS.get(node.type.text)
        negative = isinstance(node.operand, ast.Prefixed) and node.operand.op == "-"
        operand = self.value(node.operand, I64 if negative else None)
        if wanted is None:
            help = (
                "compare it: `… != 0`" if node.type.text == "bool" else self.coerce.did_you_mean(node.type.text, CASTS)
            )
            label = f"casts are to {', '.join(CASTS)}"
            message = f"there is no cast to `{node.type.text}`"
            return self.coerce.fail("unknown-type", message, node.type.span, label, help=help)
        if operand.type == POISON:
            return typed.Poison(POISON, node.span)
        if not operand.type.is_integer and operand.type != BOOL:
            label = f"this is {self.coerce.describe(operand.type)}"
            return self.coerce.fail("type-mismatch", f"this cannot be cast to {wanted}", operand.span, label)
        return operand if operand.type == wanted else typed.Conversion(wanted, node.span, operand, False)

    def _choice(self, node: ast.Choice, hint: Type | None) -> typed.Expression:
        condition = self.condition(node.condition)
        if isinstance(node.then, ast.Null):
            orelse = self.value(node.orelse, hint)
            then = self.value(node.then, orelse.type)
        else:
            then, orelse = self.pair(node.then, node.orelse, hint)
        then, orelse = self.coerce.unify(then, orelse, node.span, "both values must have one type")
        if POISON in (condition.type, then.type, orelse.type):
            return typed.Poison(POISON, node.span)
        return typed.Choice(then.type, node.span, condition, then, orelse)


def is_literal(node: ast.Expression) -> bool:
    """Whether `node` is made of integer literals only and takes any integer type."""
    match node:
        case ast.Integer():
            return True
        case ast.Prefixed(op="-" | "~", operand=operand):
            return is_literal(operand)
        case ast.Operation(op=op, left=left, right=right):
            return op in ARITHMETIC and is_literal(left) and is_literal(right)
    return False
