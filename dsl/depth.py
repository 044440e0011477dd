"""Bounds the depth of the syntax tree.

In: a tree, built without recursion and so as deep as its author liked. Out: a verdict, and a diagnostic if it is too
deep for the later stages, which recurse. This stage does not.
"""

from __future__ import annotations

from dsl import ast
from dsl.diagnostics import Collector, Diagnostic, Label

MAX_DEPTH = 120
"""Nodes from an item down to a leaf."""


def check_depth(file: ast.File, diagnostics: Collector) -> bool:
    """Whether all items of `file` are shallow enough."""
    stack: list[tuple[ast.Node, int]] = [(item, 1) for item in reversed(file.items)]
    shallow = True
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH:
            diagnostics.add(_too_deep(node))
            shallow = False
            stack = [(below, level) for below, level in stack if level == 1]
            continue
        stack.extend((child, depth + 1) for child in ast.children(node))
    return shallow


def _too_deep(node: ast.Node) -> Diagnostic:
    return Diagnostic(
        "nesting-too-deep",
        f"the code nests more than {MAX_DEPTH} levels deep",
        Label(node.span, "this is one level too deep"),
        help="name parts of a long expression with `let`, or move inner blocks into a `fn`",
    )
