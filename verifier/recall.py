"""Which expressions of a hook are computed more than once.

In: a hook. Out: its `Repeated` expressions: for each instruction without effects that occurs again, or whose place is
stored to, a number that instructions for the same expression share. `xs.len`, `f.slot`, `order[i]` and `turn + 1` are
such expressions: people test them and then write them again.

Nothing rests on two instructions with one number being equal: the number says where to look for an earlier result,
and the state (`verifier/cells.py`, `Slot`) of which operands that was the result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from dsl import ir
from dsl.abi import KFUNCS

MAX_REPEATED = 128
"""Expressions remembered of one hook, so that calls and stores have few to forget."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """One instruction of a repeated expression. `registers` are the operands that tell its results apart."""

    number: int
    node: ir.Node
    registers: tuple[ir.Reg, ...]


def repeated(policy: ir.Policy, nodes: Sequence[ir.Node]) -> list[Repeated]:
    """The repeated expressions among `nodes`, which are all of a hook's in order."""
    keys = _Keys(policy, nodes)
    keyed = [(node, key) for node in nodes if (key := keys.of_node(node)) is not None]
    occurrences = Counter([key for _, key in keyed])
    forms = [(node, (key, _which_are_registers(node))) for node, key in keyed if occurrences[key] > 1]
    counts = Counter([form for _, form in forms])
    numbers: dict[tuple[int, tuple[bool, ...]], int] = {}
    found = []
    for node, form in forms:
        if counts[form] > 1 and (form in numbers or len(numbers) < MAX_REPEATED):
            number = numbers.setdefault(form, len(numbers))
            found.append(Repeated(number, node, tuple([o for o in place_of(node) if isinstance(o, ir.Reg)])))
    return found


def _which_are_registers(node: ir.Node) -> tuple[bool, ...]:
    """A register that stands for a constant is an operand to be told apart, which the constant is not."""
    return tuple([isinstance(operand, ir.Reg) for operand in place_of(node)])


class _Keys:
    """Numbers for expressions, equal where they are written equally."""

    def __init__(self, policy: ir.Policy, nodes: Sequence[ir.Node]) -> None:
        self._policy = policy
        targets = [_target(node) for node in nodes if node.__class__ not in _TARGETLESS]
        self._assigned = Counter([target.index for target in targets if target is not None])
        self._registers: dict[int, int] = {}
        self._interned: dict[Hashable, int] = {}

    def of_node(self, node: ir.Node) -> int | None:
        """The expression that `node` computes or stores to, if it may be remembered. Nodes come in order: registers
        that are assigned once stand for what they were assigned."""
        rule = _RULES.get(node.__class__)
        form = None if rule is None else rule[0](node)
        if rule is None or form is None:
            self._follow(node)
            return None
        key = self._intern((form, *[self._of_operand(operand) for operand in rule[1](node)]))
        target = _target(node)
        if target is not None and self._assigned[target.index] == 1:
            self._registers[target.index] = key
        return None if self._known_anyway(node) else key

    def _known_anyway(self, node: ir.Node) -> bool:
        """Params and single state variables have cells of their own; a value that is widened stays the same."""
        if isinstance(node, ir.LoadState | ir.StoreState):
            return self._policy.states[node.state].length == 1
        if isinstance(node, ir.Convert):
            given, wanted = node.src.type, node.dst.type
            return wanted.minimum <= given.minimum and given.maximum <= wanted.maximum
        return isinstance(node, ir.LoadParam)

    def _follow(self, node: ir.Node) -> None:
        if isinstance(node, ir.Copy) and self._assigned[node.dst.index] == 1:
            self._registers[node.dst.index] = self._of_operand(node.src)

    def _of_operand(self, operand: ir.Operand) -> int:
        if isinstance(operand, ir.Const):
            return self._intern((operand.type.name, operand.value))
        return self._registers.get(operand.index) or self._intern(operand.index)

    def _intern(self, form: Hashable) -> int:
        return self._interned.setdefault(form, len(self._interned) + 1)


_TARGETLESS = frozenset({
    ir.If, ir.Block, ir.Break, ir.Continue, ir.Return, ir.StoreState, ir.StoreField, ir.StoreRef,
})  # fmt: skip


def _target(node: ir.Node) -> ir.Reg | None:
    if isinstance(node, ir.Loop):
        return node.index
    if isinstance(node, ir.Scan):
        return node.folio
    return getattr(node, "dst", None)


def _of_call(node: ir.Call) -> Hashable:
    return (node.kfunc, node.table) if KFUNCS[node.kfunc].pure and node.dst is not None else None


_Rule = tuple[Callable[[Any], Hashable], Callable[[Any], tuple[ir.Operand, ...]]]
_RULES: dict[type[Any], _Rule] = {
    ir.Binary: (lambda node: (node.op, node.dst.type.name), lambda node: (node.left, node.right)),
    ir.Convert: (lambda node: ("as", node.dst.type.name), lambda node: (node.src,)),
    ir.Narrow: (lambda node: ("as", node.dst.type.name), lambda node: (node.src,)),
    ir.MulDiv: (lambda node: "mul_div", lambda node: (node.a, node.b, node.c)),
    ir.LoadParam: (lambda node: ("param", node.param), lambda node: ()),
    ir.LoadState: (lambda node: ("state", node.state), lambda node: (node.index,)),
    ir.StoreState: (lambda node: ("state", node.state), lambda node: (node.index,)),
    ir.LoadField: (lambda node: ("field", node.field), lambda node: (node.folio,)),
    ir.StoreField: (lambda node: ("field", node.field), lambda node: (node.folio,)),
    ir.LoadRef: (lambda node: ("value", node.ref.type.table, node.field), lambda node: (node.ref,)),
    ir.StoreRef: (lambda node: ("value", node.ref.type.table, node.field), lambda node: (node.ref,)),
    ir.ListAt: (lambda node: ("list", node.list), lambda node: (node.index,)),
    ir.Call: (_of_call, lambda node: node.args),
}


def place_of(node: ir.Node) -> tuple[ir.Operand, ...]:
    """The operands of an expression; of a store, those that say where it goes."""
    rule = _RULES.get(type(node))
    return () if rule is None else rule[1](node)
