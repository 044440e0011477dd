"""The syntax tree as text: one node a line, indented, with its place.

In: an `ast.File`. Out: text for people (`rext build --emit ast`); it is not read back.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsl import ast
from dsl.source import Span


def print_ast(file: ast.File) -> str:
    """The tree of all items."""
    return "".join(f"{line}\n" for item in file.items for line in _node(item, 0))


def _node(node: ast.Node, depth: int) -> Iterator[str]:
    span = node.span
    words = [f"{name}={value}" for name, value in vars(node).items() if isinstance(value, str | int)]
    place = f"@{span.line}:{span.column}-{span.end_line}:{span.end_column}"
    yield f"{'  ' * depth}{' '.join([type(node).__name__, *words, place])}"
    for name, value in vars(node).items():
        if not value or isinstance(value, str | int | Span):
            continue
        yield f"{'  ' * depth}  .{name}"
        for child in value if isinstance(value, tuple) else (value,):
            yield from _node(child, depth + 2)
