"""A small concrete machine for IR, to compare with the abstract states.

In: a policy and a source of chance. Out: one run of a hook, in which everything the core decides is drawn at random
within what the `abi` says. It traps on whatever an accepted policy must not do: it reads nothing unset, leaves no
array, drops no bits, touches no null, no stale reference and no folio it gave away, and loses none.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from dsl import abi, ir
from dsl.types import FOLIO, LIST, wrap
from runtime import arithmetic
from verifier.cost import own_steps

FOLIOS = range(1, 6)
MAX_STEPS = 5_000


class Trap(Exception):
    """What a sound verifier does not let happen."""


class TooLong(Exception):
    """The run was stopped; nothing follows from it."""


class _Leave(Exception):
    def __init__(self, depth: int, again: bool) -> None:
        self.depth, self.again = depth, again


class _End(Exception):
    pass


Watch = Callable[[ir.Node, "Machine"], None]


@dataclass
class Machine:
    """One run. A reference is a pair of its map's generation and a key; null is 0, as for folios."""

    policy: ir.Policy
    function: ir.Function
    chance: random.Random
    watch: Watch
    registers: dict[int, Any] = field(default_factory=dict)
    states: dict[tuple[int, int], int] = field(default_factory=dict)
    fields: dict[tuple[int, int], int] = field(default_factory=dict)
    values: dict[tuple[int, Any, int], int] = field(default_factory=dict)
    detached: set[int] = field(default_factory=set)
    generations: dict[int, int] = field(default_factory=dict)
    context: dict[str, int] = field(default_factory=dict)
    steps: int = 0

    def run(self) -> None:
        policy = self.policy
        self.params = [self.chance.choice((p.low, p.high, self.chance.randint(p.low, p.high))) for p in policy.params]
        for number, state in enumerate(policy.states):
            for i in range(state.length):
                self.states[number, i] = self.any_of(state.type.minimum, state.type.maximum)
        for param in self.function.params:
            self.registers[param.index] = self.chance.choice(FOLIOS)
            if abi.HOOKS[self.function.hook].folio == "owned":
                self.detached.add(self.registers[param.index])
        with suppress(_End):
            self.body(self.function.body)
        if self.detached:
            raise Trap(f"lost folios {self.detached}")

    def any_of(self, low: int, high: int) -> int:
        near = [v for v in (low, high, 0, 1, 7, 8, low + 1, high - 1) if low <= v <= high]
        return self.chance.choice([*near, self.chance.randint(low, high)])

    # --- control -------------------------------------------------------------------------------------------

    def body(self, body: tuple[ir.Node, ...]) -> None:
        for node in body:
            self.watch(node, self)
            self.node(node)

    def count(self, steps: int) -> None:
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise TooLong

    def node(self, node: ir.Node) -> None:
        match node:
            case ir.If():
                self.count(1)
                self.body(node.then if self.read(node.condition) else node.orelse)
            case ir.Block():
                self.inside(node.body)
            case ir.Loop():
                self.loop(node, self.read(node.limit))
            case ir.Scan():
                self.loop(node, min(self.read(node.limit), self.chance.randint(0, len(FOLIOS))))
            case ir.Break():
                self.count(1)
                raise _Leave(node.depth, again=False)
            case ir.Continue():
                self.count(1)
                raise _Leave(node.depth, again=True)
            case ir.Return():
                self.count(1)
                raise _End
            case _:
                self.count(own_steps(node).constant)
                self.effect(node)

    def loop(self, node: ir.Loop | ir.Scan, rounds: int) -> None:
        self.count(1)
        for i in range(rounds):
            self.count(own_steps(node).constant)
            if isinstance(node, ir.Loop):
                self.registers[node.index.index] = i
            else:
                attached = [folio for folio in FOLIOS if folio not in self.detached]
                self.registers[node.folio.index] = self.chance.choice(attached or [FOLIOS[0]])
            if not self.inside(node.body):
                return

    def inside(self, body: tuple[ir.Node, ...]) -> bool:
        """Whether the construct may go on with another round."""
        try:
            self.body(body)
        except _Leave as leave:
            if leave.depth:
                raise _Leave(leave.depth - 1, leave.again) from None
            return leave.again
        return True

    # --- instructions --------------------------------------------------------------------------------------

    def read(self, operand: ir.Operand) -> Any:
        if isinstance(operand, ir.Const):
            return operand.value
        if operand.index not in self.registers:
            raise Trap(f"%{operand.index} is unset")
        return self.registers[operand.index]

    def use(self, operand: ir.Operand) -> Any:
        value = self.read(operand)
        if value == 0:
            raise Trap("null is used")
        if isinstance(value, tuple) and value[0] != self.generations.get(operand.type.table, 0):
            raise Trap("a stale reference is used")
        return value

    def element(self, table: int, length: int, index: ir.Operand) -> tuple[int, int]:
        i = self.read(index)
        if not 0 <= i < length:
            raise Trap(f"index {i} of {length}")
        return table, i

    def effect(self, node: Any) -> None:
        registers, read = self.registers, self.read
        match node:
            case ir.Binary():
                registers[node.dst.index] = arithmetic.binary(node.op, node.dst.type, read(node.left), read(node.right))
            case ir.Compare():
                registers[node.dst.index] = int(arithmetic.COMPARE[node.op](read(node.left), read(node.right)))
            case ir.Copy():
                registers[node.dst.index] = read(node.src)
            case ir.Convert():
                registers[node.dst.index] = wrap(read(node.src), node.dst.type)
            case ir.Narrow():
                value = read(node.src)
                if not node.dst.type.minimum <= value <= node.dst.type.maximum:
                    raise Trap(f"{value} does not fit")
                registers[node.dst.index] = value
            case ir.MulDiv():
                registers[node.dst.index] = arithmetic.mul_div(read(node.a), read(node.b), read(node.c))
            case ir.LoadParam():
                registers[node.dst.index] = self.params[node.param]
            case ir.LoadState():
                place = self.element(node.state, self.policy.states[node.state].length, node.index)
                registers[node.dst.index] = self.states[place]
            case ir.StoreState():
                place = self.element(node.state, self.policy.states[node.state].length, node.index)
                self.states[place] = read(node.value)
            case ir.LoadField():
                registers[node.dst.index] = self.remembered(self.fields, (self.use(node.folio), node.field), node.dst)
            case ir.StoreField():
                self.fields[self.use(node.folio), node.field] = read(node.value)
            case ir.LoadRef():
                place = node.ref.type.table, self.use(node.ref), node.field
                registers[node.dst.index] = self.remembered(self.values, place, node.dst)
            case ir.StoreRef():
                self.values[node.ref.type.table, self.use(node.ref), node.field] = read(node.value)
            case ir.ListAt():
                registers[node.dst.index] = self.element(node.list, self.policy.lists[node.list].length, node.index)
            case ir.Call():
                self.call(node)

    def remembered(self, memory: dict[Any, int], place: Any, dst: ir.Reg) -> int:
        return memory.setdefault(place, self.any_of(dst.type.minimum, dst.type.maximum))

    def call(self, node: ir.Call) -> None:
        kfunc = abi.KFUNCS[node.kfunc]
        for operand, argument in zip(node.args, kfunc.args, strict=True):
            if argument.type == FOLIO:
                folio = self.use(operand)
                if argument.ownership == "consume" and folio not in self.detached:
                    raise Trap("a folio that is not owned is pushed")
                if argument.ownership in ("consume", "propose"):
                    self.detached.discard(folio)
            elif argument.type != LIST:
                self.read(operand)
        if not kfunc.pure:
            self.context.clear()
            self.fields.clear()
        if kfunc.clears_refs:
            self.generations[node.table] = self.generations.get(node.table, 0) + 1
            self.values.clear()
        result = self.result(kfunc, node.table)
        if node.dst is not None:
            self.registers[node.dst.index] = result

    def result(self, kfunc: abi.Kfunc, table: int) -> Any:
        if kfunc.ownership == "ref":
            key = self.generations.get(table, 0), self.chance.randint(1, 2)
            return self.chance.choice((0, key))
        if kfunc.result == FOLIO:
            attached = [f for f in FOLIOS if f not in self.detached]
            folio = self.chance.choice([0, *attached])
            if folio and kfunc.ownership == "owned":
                self.detached.add(folio)
            return folio
        if kfunc.result is None:
            return 0
        low, high = (kfunc.low, kfunc.high) if kfunc.result.is_integer else (0, kfunc.result.maximum)
        value = self.any_of(low, high)
        if kfunc.receiver == "ctx" and kfunc.pure:
            return self.context.setdefault(kfunc.name, value)
        return value
