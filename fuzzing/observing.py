"""Policies that tell what they compute.

In: an accepted policy. Out: the same, with every scalar that an instruction computes mixed into one number, which goes
to one more state variable when the hook ends, so that comparing memory compares all values on the way and their order,
not just what happens to be stored.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dsl import ir
from dsl.ir import Const, Reg
from dsl.source import NOWHERE
from dsl.types import BOOL, U64

SINK = ir.State("sink", U64, 1, False, 0, NOWHERE)
_FACTOR = Const(0x9E3779B97F4A7C15, U64)


def with_sink(policy: ir.Policy) -> ir.Policy:
    """The declarations, and the sink."""
    return replace(policy, states=(*policy.states, SINK))


def observed(policy: ir.Policy) -> ir.Policy:
    """The policy with the sink, and hooks that use it."""
    number = len(policy.states)
    return replace(with_sink(policy), hooks=tuple(_Observer(hook, number).function() for hook in policy.hooks))


class _Observer:
    """Rewrites one hook."""

    def __init__(self, hook: ir.Function, sink: int) -> None:
        self._hook, self._sink = hook, sink
        self._mixed, self._value = Reg(len(hook.registers), U64), Reg(len(hook.registers) + 1, U64)

    def function(self) -> ir.Function:
        begin = ir.LoadState(self._mixed, self._sink, Const(0, U64), NOWHERE)
        registers = (*self._hook.registers, self._mixed, self._value)
        body = (begin, *self._body(self._hook.body), self._told())
        return replace(self._hook, registers=registers, body=body)

    def _told(self) -> ir.Node:
        return ir.StoreState(self._sink, Const(0, U64), self._mixed, NOWHERE)

    def _body(self, body: tuple[ir.Node, ...]) -> tuple[ir.Node, ...]:
        found: list[ir.Node] = []
        for node in body:
            inner: dict[str, Any] = {
                name: self._body(getattr(node, name)) for name in ("body", "then", "orelse") if hasattr(node, name)
            }
            if isinstance(node, ir.Return):
                found.append(self._told())
            found.append(replace(node, **inner) if inner else node)
            dst = getattr(node, "dst", None)
            if isinstance(dst, Reg) and (dst.type.is_integer or dst.type == BOOL):
                found += self._mix(dst)
        return tuple(found)

    def _mix(self, register: Reg) -> list[ir.Node]:
        mixed, value = self._mixed, self._value
        return [
            ir.Convert(value, register, NOWHERE),
            ir.Binary(mixed, "mul", mixed, _FACTOR, NOWHERE),
            ir.Binary(mixed, "add", mixed, value, NOWHERE),
        ]
