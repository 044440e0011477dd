"""The smallest policy that still goes wrong in the same way.

In: a policy, and a test of whether a policy still shows what was found. Out: one that does, from which no single node,
hook or declaration can be taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from dsl import ir
from fuzzing.mutations import Body, changed_at, paths

_TABLES = ("maps", "cursors", "lists", "fields", "states", "params")


def shrunk(policy: ir.Policy, shows: Callable[[ir.Policy], bool]) -> ir.Policy:
    """Greedily smaller; `shows(policy)` holds."""
    while True:
        smaller = next((candidate for candidate in _smaller(policy) if shows(candidate)), None)
        if smaller is None:
            return policy
        policy = smaller


def _smaller(policy: ir.Policy) -> Iterator[ir.Policy]:
    """Policies with a piece less, the largest pieces first."""
    if len(policy.hooks) > 1:
        for number in range(len(policy.hooks)):
            yield replace(policy, hooks=(policy.hooks[number],))
    for number, hook in enumerate(policy.hooks):
        for body in _smaller_bodies(hook.body):
            changed = _without_unused(replace(hook, body=body))
            yield replace(policy, hooks=(*policy.hooks[:number], changed, *policy.hooks[number + 1 :]))
    for name in _TABLES:
        table = getattr(policy, name)
        if table:
            yield replace(policy, **{name: table[:-1]})


def _smaller_bodies(body: Body) -> Iterator[Body]:
    for path in sorted(paths(body), key=len):
        yield changed_at(body, path, lambda node: ())
        for name in ("body", "then", "orelse"):
            yield from _unwrapped(body, path, name)


def _unwrapped(body: Body, path: tuple[Any, ...], name: str) -> Iterator[Body]:
    found: list[bool] = []

    def inside(node: ir.Node) -> Body:
        inner: Body = getattr(node, name, ())
        found.append(bool(inner))
        return inner

    changed = changed_at(body, path, inside)
    if found and found[0]:
        yield changed


def _without_unused(hook: ir.Function) -> ir.Function:
    """Registers at the end of the table that nothing names any more are left out."""
    text = repr(hook.body)
    registers = hook.registers
    while len(registers) > len(hook.params) and f"Reg(index={registers[-1].index}," not in text:
        registers = registers[:-1]
    return replace(hook, registers=registers)
