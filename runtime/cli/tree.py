"""A syntax tree for people and programs.

In: a node of `dsl/ast.py`. Out: the same as dictionaries and lists (`plain`), and as indented lines (`outline`).
"""

from __future__ import annotations

from typing import Any

from dsl.node import Record
from dsl.source import Span


def plain(node: Any) -> Any:
    """A tree as dictionaries: the class, place and fields of each node."""
    if isinstance(node, Span):
        return f"{node.line}:{node.column}-{node.end_line}:{node.end_column}"
    if isinstance(node, Record):
        fields = {name: plain(getattr(node, name)) for name in node._names}
        return {"node": type(node).__name__, **fields}
    if isinstance(node, list | tuple):
        return [plain(each) for each in node]
    return node if node is None or isinstance(node, bool | int | str) else str(node)


def outline(tree: Any, name: str = "", depth: int = 0) -> list[str]:
    """A plain tree as lines: nodes with their values on one, what they hold indented below."""
    start = "  " * depth + (f"{name}: " if name else "")
    if isinstance(tree, list):
        return [start.rstrip(), *(line for each in tree for line in outline(each, "", depth + 1))] if tree else []
    if not isinstance(tree, dict):
        return [f"{start}{tree}"]
    values = [f"{key}={value!r}" for key, value in tree.items() if key not in ("node", "span") and not _holds(value)]
    head = " ".join([f"{start}{tree['node']}", *values, f"@{tree['span']}" if "span" in tree else ""]).rstrip()
    inner = [line for key, value in tree.items() if _holds(value) for line in outline(value, key, depth + 1)]
    return [head, *inner]


def _holds(value: Any) -> bool:
    return isinstance(value, dict | list)
