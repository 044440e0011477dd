"""Values known when a policy is compiled, and sizes known when it is attached.

In: an expression of the syntax tree and the consts declared above it. Out: an integer, computed without overflow, or
an `ir.Size` in postfix form; None after a diagnostic was added.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

from dsl import ast, ir
from dsl.diagnostics import Collector, Diagnostic, Label
from dsl.nearest import did_you_mean
from dsl.symbols import RESERVED, Program, Symbol
from dsl.types import BOOL, PAGE_KEY, Type

_ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "min": min,
    "max": max,
}
_SIZE_OPERATORS = frozenset({"+", "-", "*", "/", "%", "min", "max"})
MAX_SIZE_TERMS = 64


class ConstantEvaluator:
    def __init__(self, program: Program, diagnostics: Collector) -> None:
        self._program = program
        self._diagnostics = diagnostics

    # --- constants ----------------------------------------------------------------------------------------

    def value(self, expression: ast.Expression, type: Type, what: str) -> int | None:
        """The value of `expression` as a `type`; `what` names it in messages."""
        if type == PAGE_KEY:
            self._fail(
                "type-mismatch", "a page_key has no constants", expression, "leave the value out: it starts at 0"
            )
            return None
        if (type == BOOL) != isinstance(expression, ast.Boolean) and not self._is_const(expression, type):
            wanted = "`true` or `false`" if type == BOOL else f"an integer ({type})"
            self._fail("type-mismatch", f"{what} must be {wanted}", expression, f"expected {wanted}")
            return None
        value = self._evaluate(expression)
        if value is not None and not type.minimum <= value <= type.maximum:
            label = f"{value:,} does not fit {type}, which holds {type.minimum:,} to {type.maximum:,}"
            self._fail("value-out-of-range", f"{what} is out of range", expression, label)
            return None
        return value

    def _is_const(self, expression: ast.Expression, type: Type) -> bool:
        """Whether the kind of the value is right or left to `_evaluate`: bools only by name, integers by anything."""
        if isinstance(expression, ast.Variable):
            symbol = self._find(expression.name)
            return (
                symbol is None
                or symbol.type is None
                or symbol.kind != "const"
                or (symbol.type == BOOL) == (type == BOOL)
            )
        return type != BOOL and not isinstance(expression, ast.Boolean)

    def _find(self, name: str) -> Symbol | None:
        return self._program.symbols.get(name) or RESERVED.get(name)

    def _fail(self, code: str, message: str, node: ast.Node, label: str, help: str | None = None) -> None:
        self._diagnostics.add(Diagnostic(code, message, Label(node.span, label), help=help))

    def _evaluate(self, expression: ast.Expression) -> int | None:
        match expression:
            case ast.Integer(value=value) | ast.Boolean(value=value):
                return int(value)
            case ast.Variable(name=name):
                return self._named(expression, name)
            case ast.Prefixed(op="-", operand=operand):
                inner = self._evaluate(operand)
                return None if inner is None else -inner
            case ast.Operation(op=op, left=left, right=right):
                return self._combine(expression, op, left, right)
            case ast.Call(callee=ast.Variable(name=("min" | "max") as name), arguments=(left, right)):
                return self._combine(expression, name, left, right)
        self._not_constant(expression)
        return None

    def _not_constant(self, expression: ast.Expression) -> None:
        label = "constants are made of integers, consts, `+ - * / % << >> & | ^`, `min` and `max`"
        self._fail("not-constant", "this value is not known when the policy is compiled", expression, label)

    def _named(self, expression: ast.Expression, name: str) -> int | None:
        symbol = self._find(name)
        if symbol is None:
            help = did_you_mean(
                name, (s.name for s in self._program.symbols.values() if s.kind == "const"), self._diagnostics
            )
            label = "no const of this name is declared above"
            self._fail("unknown-name", f"`{name}` is not declared", expression, label, help)
            return None
        if symbol.kind != "const":
            label = f"`{name}` is a {symbol.kind}, not a const"
            help = "declare it as a `const`; the size of a map may depend on params and `nr_pages`"
            self._fail("not-constant", f"`{name}` is not known when the policy is compiled", expression, label, help)
            return None
        return symbol.value

    def _combine(self, node: ast.Expression, op: str, left: ast.Expression, right: ast.Expression) -> int | None:
        a, b = self._evaluate(left), self._evaluate(right)
        if a is None or b is None:
            return None
        if op in ("/", "%"):
            if b == 0:
                self._fail("value-out-of-range", "division by zero in a constant", right, "this is 0")
                return None
            quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
            return quotient if op == "/" else a - quotient * b
        if op in ("<<", ">>"):
            if not 0 <= b < 64:
                self._fail(
                    "value-out-of-range", "shift count out of range in a constant", right, f"{b:,} is not in 0 to 63"
                )
                return None
            return a << b if op == "<<" else a >> b
        if op not in _ARITHMETIC:
            self._not_constant(node)
            return None
        return _ARITHMETIC[op](a, b)

    # --- sizes --------------------------------------------------------------------------------------------

    def size(self, expression: ast.Expression) -> ir.Size | None:
        """A map's size: constants, params and `nr_pages`, in postfix form."""
        terms: list[int | str] = []
        if not self._size(expression, terms):
            return None
        if len(terms) > MAX_SIZE_TERMS:
            self._fail("limit-exceeded", "the size is too complicated", expression, f"more than {MAX_SIZE_TERMS} terms")
            return None
        return tuple(terms)

    def _size(self, expression: ast.Expression, terms: list[int | str]) -> bool:
        match expression:
            case ast.Integer(value=value):
                terms.append(value)
                return True
            case ast.Variable(name=name):
                return self._size_name(expression, name, terms)
            case ast.Operation(op=op, left=left, right=right) if op in _SIZE_OPERATORS:
                complete = self._size(left, terms) & self._size(right, terms)
                terms.append(op)
                return complete
            case ast.Call(callee=ast.Variable(name=("min" | "max") as name), arguments=(left, right)):
                complete = self._size(left, terms) & self._size(right, terms)
                terms.append(name)
                return complete
        label = "sizes are made of integers, consts, params, `nr_pages`, `+ - * / %`, `min` and `max`"
        self._fail("not-constant", "this size is not known when the policy is attached", expression, label)
        return False

    def _size_name(self, expression: ast.Expression, name: str, terms: list[int | str]) -> bool:
        symbol = self._find(name)
        if name == "nr_pages":
            terms.append("nr_pages")
            return True
        if symbol is not None and symbol.kind in ("const", "param"):
            terms.append(symbol.value if symbol.kind == "const" else f"param:{symbol.index}")
            return True
        if symbol is not None:
            label = f"`{name}` is a {symbol.kind}, not a const, a param or `nr_pages`"
            self._fail("not-constant", f"`{name}` is not known when the policy is attached", expression, label)
            return False
        known = [s.name for s in self._program.symbols.values() if s.kind in ("const", "param")]
        help = did_you_mean(name, [*known, "nr_pages"], self._diagnostics)
        self._fail(
            "unknown-name", f"`{name}` is not declared", expression, "no const or param of this name is above", help
        )
        return False
