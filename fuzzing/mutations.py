"""Small changes of a policy's IR, as an attacker would make them, or a wrong compiler.

In: a policy and a source of chance. Out: a policy of the right classes that differs in one to three places. Most
changes keep types; some do not, and the verifier's check of the form must refuse those. No node occurs twice in the
result.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

from dsl import abi, ir
from dsl.source import NOWHERE
from dsl.types import SCALARS

Body = tuple[ir.Node, ...]
_BODIES = ("body", "then", "orelse")
_NEAR = (-2, -1, 1, 2)
_SCALARS = tuple(SCALARS.values())


def mutated(policy: ir.Policy, chance: random.Random) -> ir.Policy:
    """One to three changes."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        if chance.random() < 0.12:
            policy = _of_tables(policy, chance)
        else:
            number = chance.randrange(len(policy.hooks))
            hook = _Mutation(policy, policy.hooks[number], chance).result()
            policy = replace(policy, hooks=(*policy.hooks[:number], hook, *policy.hooks[number + 1 :]))
    return policy


def copied(node: ir.Node) -> ir.Node:
    """A copy that shares no node with the original."""
    bodies: dict[str, Any] = {name: tuple(map(copied, getattr(node, name))) for name in _BODIES if hasattr(node, name)}
    return replace(node, **bodies)


def paths(body: Body, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where each node stands: names of bodies and numbers in turn."""
    for number, node in enumerate(body):
        yield (*before, number)
        for name in _BODIES:
            inner = getattr(node, name, None)
            if inner:
                yield from paths(inner, (*before, number, name))


def changed_at(body: Body, path: tuple[Any, ...], change: Callable[[ir.Node], Body]) -> Body:
    """`body` with the node at `path` replaced by what `change` makes of it."""
    number, *rest = path
    node = body[number]
    if not rest:
        return (*body[:number], *change(node), *body[number + 1 :])
    name, *further = rest
    inner = changed_at(getattr(node, name), tuple(further), change)
    changed: Any = replace(node, **{name: inner})
    return (*body[:number], changed, *body[number + 1 :])


class _Mutation:
    """One change of one hook."""

    def __init__(self, policy: ir.Policy, hook: ir.Function, chance: random.Random) -> None:
        self._policy, self._hook, self._chance = policy, hook, chance
        self._paths = list(paths(hook.body))

    def result(self) -> ir.Function:
        chance, hook = self._chance, self._hook
        what = chance.random()
        if not self._paths or what < 0.03:
            return self._head()
        path = chance.choice(self._paths)
        if what < 0.12:
            return self._moved(path)
        change = chance.choices(
            (self._operands, self._removed, self._doubled, self._unwrapped, self._wrapped, self._replaced_field),
            (10, 3, 3, 2, 2, 6),
        )[0]
        return replace(hook, body=changed_at(hook.body, path, change))

    def _head(self) -> ir.Function:
        """Another hook, or other registers."""
        chance, hook = self._chance, self._hook
        if chance.random() < 0.6:
            return replace(hook, hook=chance.choice(tuple(abi.HOOKS)))
        if hook.params and chance.random() < 0.5:
            return replace(hook, params=())
        return replace(hook, registers=hook.registers[:-1])

    def _moved(self, path: tuple[Any, ...]) -> ir.Function:
        """A copy of a node somewhere else."""
        found: list[ir.Node] = []

        def take(node: ir.Node) -> Body:
            found.append(copied(node))
            return (node,)

        changed_at(self._hook.body, path, take)
        target = self._chance.choice(self._paths)
        return replace(self._hook, body=changed_at(self._hook.body, target, lambda node: (found[0], node)))

    # --- changes of one node -------------------------------------------------------------------------------

    def _removed(self, node: ir.Node) -> Body:
        return ()

    def _doubled(self, node: ir.Node) -> Body:
        return (node, copied(node))

    def _unwrapped(self, node: ir.Node) -> Body:
        """What was inside a construct, without it."""
        bodies = [getattr(node, name) for name in _BODIES if getattr(node, name, None)]
        return self._chance.choice(bodies) if bodies else self._operands(node)

    def _wrapped(self, node: ir.Node) -> Body:
        index = self._chance.choice(self._hook.registers) if self._hook.registers else None
        if index is None or self._chance.random() < 0.5:
            return (ir.Block((node,), NOWHERE),)
        limit = ir.Const(self._chance.choice((0, 1, 2, 3)), index.type)
        return (ir.Loop(index, limit, (node,), NOWHERE),)

    def _operands(self, node: ir.Node) -> Body:
        """Another register or constant in one place."""
        places = [f.name for f in fields(node) if isinstance(getattr(node, f.name), ir.Reg | ir.Const)]
        if isinstance(node, ir.Call) and node.args and (not places or self._chance.random() < 0.7):
            number = self._chance.randrange(len(node.args))
            args = (*node.args[:number], self._other(node.args[number]), *node.args[number + 1 :])
            return (replace(node, args=args),)
        if not places:
            return self._replaced_field(node)
        name = self._chance.choice(places)
        other: Any = self._other(getattr(node, name), name in ("dst", "index", "folio"))
        return (replace(node, **{name: other}),)

    def _other(self, operand: ir.Operand, register: bool = False) -> ir.Operand:
        chance, registers = self._chance, self._hook.registers
        if isinstance(operand, ir.Const) and operand.type.is_scalar and chance.random() < 0.7:
            near = operand.value + chance.choice(_NEAR)
            value = chance.choice((near, near, 0, 1, operand.type.minimum, operand.type.maximum))
            return ir.Const(value, operand.type)
        same = [r for r in registers if r.type == operand.type]
        if same and chance.random() < 0.9:
            return chance.choice(same)
        if registers and (register or chance.random() < 0.3):
            return chance.choice(registers)
        return ir.Const(0 if not operand.type.is_scalar else chance.choice((0, 1, 255)), operand.type)

    def _replaced_field(self, node: ir.Node) -> Body:
        """Another operator, kfunc, table, field or depth; branches exchanged."""
        chance = self._chance
        changed: Any = node
        match node:
            case ir.Binary():
                changed = replace(node, op=chance.choice(ir.BINARY_OPS))
            case ir.Compare():
                changed = replace(node, op=chance.choice(ir.COMPARE_OPS))
            case ir.If():
                changed = replace(node, then=node.orelse, orelse=node.then)
            case ir.Break() | ir.Continue():
                changed = replace(node, depth=max(0, node.depth + chance.choice((-1, 1))))
            case ir.Call():
                changed = self._other_call(node)
            case ir.Convert() | ir.Narrow() | ir.Copy():
                other = chance.choice((ir.Convert, ir.Narrow, ir.Copy))
                changed = other(node.dst, node.src, node.span)
            case ir.Return():
                changed = replace(node, value=None if node.value is not None else ir.Const(0, _SCALARS[0]))
            case _:
                for name in ("state", "field", "list", "param", "cursor"):
                    number = getattr(node, name, None)
                    if isinstance(number, int):
                        changed = replace(changed, **{name: number + chance.choice((-1, 1))})
        return (changed,)

    def _other_call(self, node: ir.Call) -> ir.Node:
        """Another kfunc that takes and gives the same, or any; or another table."""
        chance, kfunc = self._chance, abi.KFUNCS[node.kfunc]
        what = chance.random()
        if what < 0.2:
            return replace(node, table=node.table + chance.choice((-1, 1)))
        if what < 0.3:
            return replace(node, dst=None)
        alike = [
            k.name
            for k in abi.KFUNCS.values()
            if [a.type for a in k.args] == [a.type for a in kfunc.args] and k.receiver == kfunc.receiver
        ]
        return replace(node, kfunc=chance.choice(alike if chance.random() < 0.9 else tuple(abi.KFUNCS)))


def _of_tables(policy: ir.Policy, chance: random.Random) -> ir.Policy:
    """One change of a declaration: a type, a length, a range, a kind, or one less of them."""
    name = chance.choice(("params", "states", "lists", "cursors", "fields", "maps"))
    table = getattr(policy, name)
    if not table:
        return policy
    number = chance.randrange(len(table))
    entry = table[number]
    changed: Any
    if chance.random() < 0.15:
        changed = (*table[:number], *table[number + 1 :])
    else:
        changed = (*table[:number], _other_entry(entry, chance), *table[number + 1 :])
    return replace(policy, **{name: changed})


def _other_entry(entry: Any, chance: random.Random) -> Any:
    match entry:
        case ir.Param():
            low = entry.low + chance.choice(_NEAR)
            return replace(entry, low=low, high=max(low, entry.high + chance.choice(_NEAR)))
        case ir.State():
            if entry.is_array and chance.random() < 0.6:
                return replace(entry, length=max(0, entry.length + chance.choice((-1, 1, -4))))
            return replace(entry, type=chance.choice(_SCALARS))
        case ir.ListDecl():
            if chance.random() < 0.5:
                return replace(entry, kind=chance.choice(("list", "bag", "heap")))
            return replace(entry, length=max(0, entry.length + chance.choice((-1, 1))))
        case ir.Cursor():
            return replace(entry, list=entry.list + chance.choice((-1, 1)))
        case ir.Field():
            return replace(entry, type=chance.choice(_SCALARS))
    return _other_map(entry, chance)


def _other_map(entry: ir.Map, chance: random.Random) -> ir.Map:
    what = chance.random()
    if what < 0.3:
        return replace(entry, key=chance.choice(_SCALARS))
    if what < 0.6:
        return replace(entry, kind=chance.choice(("hash", "lru_hash", "array")))
    if what < 0.8 and entry.fields:
        return replace(entry, fields=entry.fields[:-1])
    return replace(entry, capacity=(*entry.capacity, chance.choice(("+", 0, "nr_pages", "param:9"))))
