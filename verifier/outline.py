"""Where the instructions of a hook stand, for those who explain or print its analysis.

In: a hook. Out: what is around a node and in which branch, the conditions that lead to it, and what comes after it.
All of it follows from the structure of the IR; nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dsl import ir
from dsl.source import NOWHERE, Span
from verifier.cells import nodes_of


class Around(NamedTuple):
    """A construct around a node; of an `if`, whether the node is in the branch that is taken where it is true."""

    node: ir.Node
    truth: bool


class Condition(NamedTuple):
    """What the source tests on the way to a node, and how that comes out."""

    span: Span
    truth: bool


class Outline:
    """The structure of one hook."""

    def __init__(self, function: ir.Function) -> None:
        self.nodes = nodes_of(function.body)
        self._place = {id(node): number for number, node in enumerate(self.nodes)}
        self._parents: dict[int, Around] = {}
        for node in self.nodes:
            if isinstance(node, ir.If):
                self._parents |= {id(inner): Around(node, True) for inner in node.then}
                self._parents |= {id(inner): Around(node, False) for inner in node.orelse}
            elif isinstance(node, ir.Block | ir.Loop | ir.Scan):
                self._parents |= {id(inner): Around(node, True) for inner in node.body}

    def place(self, node: ir.Node | None) -> int:
        """The number of a node in the order of the IR; before all of them for what is none of the hook's."""
        return self._place.get(id(node), -1)

    def around(self, node: ir.Node) -> list[Around]:
        """The constructs that a node is in, from the inside."""
        found = []
        parent = self._parents.get(id(node))
        while parent is not None:
            found.append(parent)
            parent = self._parents.get(id(parent.node))
        return found

    def is_inside(self, node: ir.Node | None, construct: ir.Node) -> bool:
        return node is not None and any(around.node is construct for around in self.around(node))

    def loops(self, node: ir.Node) -> list[ir.Node]:
        """The loops around a node, from the inside."""
        return [around.node for around in self.around(node) if isinstance(around.node, ir.Repeating)]

    def after(self, node: ir.Node) -> Iterator[ir.Node]:
        """What may run after a node in the same round, in order: neither what is inside it nor what stands in the
        other branch of an `if` that it is in."""
        exclusive = {id(around.node): around.truth for around in self.around(node) if isinstance(around.node, ir.If)}
        for later in self.nodes[self.place(node) + 1 :]:
            parents = self.around(later)
            if any(p.node is node or exclusive.get(id(p.node), p.truth) != p.truth for p in parents):
                continue
            yield later

    def continues(self, loop: ir.Node) -> list[ir.Node]:
        """The places at which a round of `loop` ends early."""
        found: list[ir.Node] = []
        for node in self.nodes:
            if isinstance(node, ir.Continue):
                targets = [a.node for a in self.around(node) if isinstance(a.node, ir.Block | ir.Repeating)]
                if node.depth < len(targets) and targets[node.depth] is loop:
                    found.append(node)
        return found

    def precedes(self, first: ir.Node, second: ir.Node) -> bool:
        """Whether the way to `second` leads past `first` for certain, or past a construct that it is in."""
        return self.place(first) < self.place(second) and any(later is second for later in self.after(first))

    # --- conditions ----------------------------------------------------------------------------------------

    def conditions(self, node: ir.Node) -> list[Condition]:
        """The conditions of the source that lead to a node, from the inside. Those of `&&` and `||` are blocks that a
        test leaves; with an `else`, one block in another."""
        found = []
        inner = node
        for around in self.around(node):
            condition = self._condition(around, inner)
            if condition is not None and condition.span != NOWHERE:
                found.append(condition)
            inner = around.node
        return found

    def _condition(self, around: Around, inner: ir.Node) -> Condition | None:
        node = around.node
        if isinstance(node, ir.If):
            return Condition(node.span, around.truth)
        if not isinstance(node, ir.Block) or not node.body or inner is node.body[0]:
            return None
        first = node.body[0]
        if isinstance(first, ir.Block) and first.span == node.span:
            return Condition(node.span, False)
        return Condition(node.span, True) if _within(first.span, node.span) else None


def _within(inner: Span, outer: Span) -> bool:
    begins = (outer.line, outer.column) <= (inner.line, inner.column)
    return begins and (inner.end_line, inner.end_column) <= (outer.end_line, outer.end_column)
