"""Builds the nodes of the syntax tree, one for each production of the grammar.

In: the name of a production's action, its children in order (nodes and tokens) and its span. Out: the node, or for
parts without a node of their own a tuple or a small wrapper. What the grammar cannot say, integers that are too large
and chained comparisons, is added to the diagnostics here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dsl import ast
from dsl.diagnostics import Collector, Diagnostic, Label
from dsl.lexer import Token
from dsl.source import Span
from dsl.types import U64

COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_INTEGER = re.compile(r"(?:0[xX][0-9a-fA-F_]*[0-9a-fA-F][0-9a-fA-F_]*|0[bB][01_]*[01][01_]*|[0-9][0-9_]*)\Z")
_MAX_DIGITS = 200


@dataclass(frozen=True, slots=True)
class _Part:
    """An optional part of a production: which one, and its content."""

    kind: str
    content: Any


class AstBuilder:
    """`build` is the parser's callback."""

    def __init__(self, diagnostics: Collector) -> None:
        self._diagnostics = diagnostics
        self._actions: dict[str, Callable[[list[Any], Span], Any]] = {
            "start": lambda c, s: ast.File(tuple(i for i in c if i is not None)),
            "skipped": lambda c, s: None,
            "name": lambda c, s: ast.Identifier(s, c[0].text),
            "type": lambda c, s: ast.TypeName(s, c[0].text),
            "length": lambda c, s: _Part("length", c[0]),
            "initial": lambda c, s: _Part("initial", c[0]),
            "value_type": lambda c, s: c[0],
            "result": lambda c, s: _Part("result", c[0]),
            "fields": lambda c, s: tuple(c),
            "parameters": lambda c, s: tuple(c),
            "arguments": lambda c, s: tuple(c),
            "field": lambda c, s: ast.Field(s, *c),
            "parameter": lambda c, s: ast.Parameter(s, c[0], c[1] if len(c) > 1 else None),
            "else_part": lambda c, s: c[0],
            "assignment_operator": lambda c, s: c[0],
            "policy_item": lambda c, s: ast.PolicyName(s, *c),
            "const_item": lambda c, s: ast.Const(s, *c),
            "param_item": lambda c, s: ast.Param(s, *c),
            "state_item": self._state,
            "list_kind": lambda c, s: c[0].text,
            "list_item": lambda c, s: ast.ListItem(s, c[0], c[1], _optional(c, "length")),
            "cursor_item": lambda c, s: ast.CursorItem(s, c[0], c[1], _optional(c, "length")),
            "folio_item": lambda c, s: ast.FolioFields(s, c[0]),
            "struct_item": lambda c, s: ast.Struct(s, *c),
            "map_item": lambda c, s: ast.MapItem(s, c[0], c[1], c[2], c[3] if len(c) > 4 else None, c[-1]),
            "fn_item": lambda c, s: _routine(ast.Fn, c, s),
            "hook_item": lambda c, s: _routine(ast.Hook, c, s),
            "block": self._block,
            "let": self._let,
            "assign": lambda c, s: ast.Assign(s, c[0], c[1].text[:-1], c[2]),
            "if_statement": lambda c, s: ast.If(s, c[0], c[1], c[2] if len(c) > 2 else None),
            "for_loop": lambda c, s: ast.For(s, _head(s, c[-1]), *c),
            "scan_loop": lambda c, s: ast.Scan(s, _head(s, c[-1]), *c),
            "counted_loop": lambda c, s: ast.Loop(s, _head(s, c[-1]), *c),
            "break_statement": lambda c, s: ast.Break(s),
            "continue_statement": lambda c, s: ast.Continue(s),
            "return_statement": lambda c, s: ast.Return(s, c[0] if c else None),
            "expression_statement": lambda c, s: ast.ExpressionStatement(s, c[0]),
            "if_expression": lambda c, s: ast.Choice(s, *c),
            "operation": self._operation,
            "cast": lambda c, s: ast.Cast(s, *c),
            "prefixed": lambda c, s: ast.Prefixed(s, c[0].text, c[1]),
            "member": lambda c, s: ast.Member(s, *c),
            "index": lambda c, s: ast.Index(s, *c),
            "call": lambda c, s: ast.Call(s, *c),
            "integer": self._integer,
            "true": lambda c, s: ast.Boolean(s, True),
            "false": lambda c, s: ast.Boolean(s, False),
            "null": lambda c, s: ast.Null(s),
            "variable": lambda c, s: ast.Variable(s, c[0].text),
            "parenthesised": lambda c, s: c[0],
        }

    def build(self, action: str, parts: list[Any], span: Span) -> Any:
        # An operator's rule keeps its token although it is not unwrapped when it has a name of its own.
        handler = self._actions.get(action)
        return handler(parts, span) if handler is not None else parts[0]

    def _state(self, parts: list[Any], span: Span) -> ast.State:
        return ast.State(span, parts[0], parts[1], _optional(parts, "length"), _optional(parts, "initial"))

    def _block(self, parts: list[Any], span: Span) -> ast.Block:
        end = Span(span.end_line, span.end_column - 1, span.end_line, span.end_column)
        return ast.Block(span, tuple(p for p in parts if p is not None), end)

    def _let(self, parts: list[Any], span: Span) -> ast.Let:
        type = next((p for p in parts if isinstance(p, ast.TypeName)), None)
        return ast.Let(span, parts[0], type, _optional(parts, "initial"))

    def _operation(self, parts: list[Any], span: Span) -> ast.Operation:
        left, operator, right = parts
        if operator.text in COMPARISONS and _is_comparison(left) and _starts_alike(left.span, span):
            self._diagnostics.add(_chained(left.op, operator))
        return ast.Operation(span, operator.text, operator.span, left, right)

    def _integer(self, parts: list[Any], span: Span) -> ast.Integer:
        text = parts[0].text
        if not _INTEGER.match(text):
            label = Label(span, "digits, `0x` with hexadecimal or `0b` with binary digits; `_` may separate them")
            self._diagnostics.add(Diagnostic("syntax-error", f"`{text[:40]}` is not an integer", label))
            return ast.Integer(span, 0)
        value = int(text.replace("_", ""), _base(text)) if len(text) <= _MAX_DIGITS else U64.maximum + 1
        if value > U64.maximum:
            label = Label(span, f"the largest integer is {U64.maximum:,}, the maximum of u64")
            self._diagnostics.add(Diagnostic("value-out-of-range", "integer too large", label))
            return ast.Integer(span, 0)
        return ast.Integer(span, value)


def _base(text: str) -> int:
    return {"0x": 16, "0b": 2}.get(text[:2].lower(), 10)


def _optional(parts: list[Any], kind: str) -> Any:
    return next((p.content for p in parts if isinstance(p, _Part) and p.kind == kind), None)


def _head(span: Span, body: ast.Block) -> Span:
    """From the start of `span` to the brace that opens `body`, which is not included."""
    return Span(span.line, span.column, body.span.line, body.span.column).to(
        Span(0, 0, body.span.line, max(body.span.column - 1, 1))
    )


def _routine(kind: type[ast.Fn | ast.Hook], parts: list[Any], span: Span) -> ast.Fn | ast.Hook:
    return kind(span, _head(span, parts[-1]), parts[0], parts[1], _optional(parts, "result"), parts[-1])


def _is_comparison(node: ast.Expression) -> bool:
    return isinstance(node, ast.Operation) and node.op in COMPARISONS


def _starts_alike(inner: Span, outer: Span) -> bool:
    """Whether the first operand stands without parentheses of its own."""
    return (inner.line, inner.column) == (outer.line, outer.column)


def _chained(first: str, operator: Token) -> Diagnostic:
    return Diagnostic(
        "chained-comparison",
        "comparisons cannot be chained",
        Label(operator.span, f"compares the result of `{first}`, a bool"),
        help="write `a < b && b < c`",
    )
