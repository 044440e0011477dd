"""Hooks that count what they do, so that effort can be accounted for.

In: the verified hooks of a policy. Out: the same hooks, which add the instructions they ran to `HOOK_STEPS` when they
return: the body of each loop once a round, all of it whatever way an `if` went, and their own body once. The count is
kept in a register on the way, and hooks without loops count nothing unless they are long: what is short and ends at
once is paid for with the folios looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from dsl import ir
from dsl.ir import Const, Reg
from dsl.source import Span
from dsl.types import I64
from runtime.core.layout import HOOK_STEPS
from runtime.jit.trusted import ViewLoad, ViewStore

SHORT = 256
"""Instructions of a hook without loops that are not counted."""

Body = tuple[Any, ...]
"""Nodes of a policy, and those of the trusted core that count."""


def size(body: Sequence[ir.Node]) -> int:
    """The instructions of a body, those within it included."""
    total = 0
    for node in body:
        total += 1
        if isinstance(node, ir.If):
            total += size(node.then) + size(node.orelse)
        elif isinstance(node, ir.Block | ir.Loop | ir.Scan):
            total += size(node.body)
    return total


def metered(policy: ir.Policy) -> ir.Policy:
    """The policy with hooks that count. It is for executors alone: it has no encoding as an object."""
    return replace(policy, hooks=tuple(_metered(hook) for hook in policy.hooks))


def _metered(hook: ir.Function) -> ir.Function:
    if not _loops(hook.body) and size(hook.body) <= SHORT:
        return hook
    return _Meter(hook).function()


def _loops(body: Sequence[ir.Node]) -> bool:
    for node in body:
        if isinstance(node, ir.Loop | ir.Scan):
            return True
        if isinstance(node, ir.If) and (_loops(node.then) or _loops(node.orelse)):
            return True
        if isinstance(node, ir.Block) and _loops(node.body):
            return True
    return False


def _once(body: Sequence[ir.Node]) -> int:
    """The instructions of a body without those of the loops in it, which count for themselves."""
    total = 0
    for node in body:
        total += 1
        if isinstance(node, ir.If):
            total += _once(node.then) + _once(node.orelse)
        elif isinstance(node, ir.Block):
            total += _once(node.body)
    return total


class _Meter:
    """Rewrites one hook."""

    def __init__(self, hook: ir.Function) -> None:
        self._hook, self._span = hook, hook.span
        first = len(hook.registers)
        self._steps, self._total = Reg(first, I64), Reg(first + 1, I64)

    def function(self) -> ir.Function:
        hook = self._hook
        begin = ir.Copy(self._steps, Const(_once(hook.body), I64), self._span)
        body: Body = (begin, *self._body(hook.body), *self._flush(self._span))
        return replace(hook, registers=(*hook.registers, self._steps, self._total), body=body)

    def _body(self, body: Sequence[ir.Node]) -> Body:
        found: list[Any] = []
        for node in body:
            if isinstance(node, ir.Return):
                found += self._flush(node.span)
            found.append(self._node(node))
        return tuple(found)

    def _node(self, node: ir.Node) -> Any:
        if isinstance(node, ir.If):
            return replace(node, then=self._body(node.then), orelse=self._body(node.orelse))
        if isinstance(node, ir.Block):
            return replace(node, body=self._body(node.body))
        if isinstance(node, ir.Loop | ir.Scan):
            count = ir.Binary(self._steps, "add", self._steps, Const(1 + _once(node.body), I64), node.span)
            return replace(node, body=(count, *self._body(node.body)))
        return node

    def _flush(self, span: Span) -> Body:
        """Add what was counted to the core's word."""
        place = Const(HOOK_STEPS, I64)
        return (
            ViewLoad(self._total, "state", place, None, span),
            ir.Binary(self._total, "add", self._total, self._steps, span),
            ViewStore("state", place, None, self._total, span),
        )
