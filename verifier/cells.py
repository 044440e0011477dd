"""Where a hook keeps values: the cells of an abstract state.

In: one hook of a policy whose structure is sound. Out: a `Layout` that numbers its cells: an epoch for every map,
the registers, the scalar state variables and the params it uses, and slots of memory for the expressions that it
computes more than once (`verifier/recall.py`), each remembered for the operands that it was last computed of.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dsl import ir
from dsl.types import Type
from verifier.recall import Repeated, repeated


@dataclass(frozen=True, slots=True)
class Slot:
    """A remembered expression: cell `content` holds its value for the operands that the cells `owners` hold. `place` is
    the index of an array's element, if that is constant."""

    owners: tuple[int, ...]
    content: int
    place: int | None


@dataclass(slots=True)
class Layout:
    """Cell numbers. Those from `memory` on hold what may be forgotten at any time: symbol 0 says nothing is known."""

    maps: int
    registers: int
    """The first register's cell; register `i` is `registers + i`."""
    states: dict[int, int] = field(default_factory=dict)
    params: dict[int, int] = field(default_factory=dict)
    memory: int = 0
    size: int = 0
    """Of all cells."""
    slots: dict[int, tuple[Slot, tuple[int, ...]]] = field(default_factory=dict)
    """By the identity of an instruction: where its value is remembered, and the cells of its operands."""
    written: dict[tuple[str, int, int], list[Slot]] = field(default_factory=dict)
    """By what a store writes to (`written_by`): the slots of what may be the same memory."""
    called: list[Slot] = field(default_factory=list)
    """The slots of what calls with effects may change."""
    owners_of: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """By the content cell of a slot: its owners."""
    names: dict[int, str] = field(default_factory=dict)
    """Names of the source for cells that have one."""
    types: dict[int, Type] = field(default_factory=dict)
    """Types of the registers and scalar state variables, and of the contents of slots for fields."""

    def register(self, register: ir.Reg) -> int:
        return self.registers + register.index


def nodes_of(body: tuple[ir.Node, ...]) -> list[ir.Node]:
    """All nodes of a body, outer before inner, in order."""
    found: list[ir.Node] = []
    _gather(body, found)
    return found


def _gather(body: tuple[ir.Node, ...], found: list[ir.Node]) -> None:
    for node in body:
        found.append(node)
        if node.__class__ not in _NESTING:
            continue
        if isinstance(node, ir.If):
            _gather(node.then, found)
            _gather(node.orelse, found)
        elif isinstance(node, (ir.Block, ir.Loop, ir.Scan)):
            _gather(node.body, found)


_NESTING = frozenset({ir.If, ir.Block, ir.Loop, ir.Scan})
_OF_STATE = (ir.LoadState, ir.StoreState)
Stored = ir.LoadState | ir.StoreState | ir.LoadField | ir.StoreField | ir.LoadRef | ir.StoreRef


def written_by(node: Stored) -> tuple[str, int, int]:
    """Which memory of the policy a load or store is about: an array of the state, a field of folios or of values."""
    match node:
        case ir.LoadState() | ir.StoreState():
            return "state", node.state, 0
        case ir.LoadField() | ir.StoreField():
            return "field", node.field, 0
    return "value", node.ref.type.table, node.field


def lay_out(policy: ir.Policy, function: ir.Function) -> Layout:
    """Numbers the cells that `function` needs."""
    layout = Layout(maps=len(policy.maps), registers=len(policy.maps))
    for cell, register in enumerate(function.registers, layout.registers):
        layout.types[cell] = register.type
        if register.name:
            layout.names[cell] = register.name
    next_cell = layout.registers + len(function.registers)
    nodes = nodes_of(function.body)
    for node in nodes:
        if isinstance(node, _OF_STATE) and node.state not in layout.states:
            state = policy.states[node.state]
            if state.length == 1:
                layout.states[node.state] = next_cell
                layout.names[next_cell], layout.types[next_cell] = state.name, state.type
                next_cell += 1
        elif isinstance(node, ir.LoadParam) and node.param not in layout.params:
            layout.params[node.param] = next_cell
            layout.names[next_cell] = policy.params[node.param].name
            next_cell += 1
    layout.memory = next_cell
    _remember(layout, repeated(policy, nodes))
    return layout


def _remember(layout: Layout, expressions: list[Repeated]) -> None:
    """Gives each repeated expression its cells."""
    slots: dict[int, Slot] = {}
    next_cell = layout.memory
    for expression in expressions:
        node, registers = expression.node, expression.registers
        slot = slots.get(expression.number)
        if slot is None:
            owners = tuple(range(next_cell, next_cell + len(registers)))
            index = node.index if isinstance(node, _OF_STATE) else None
            place = index.value if isinstance(index, ir.Const) else None
            slot = slots[expression.number] = Slot(owners, next_cell + len(registers), place)
            layout.owners_of[slot.content] = owners
            next_cell = slot.content + 1
            if isinstance(node, (ir.LoadField, ir.LoadRef)):
                layout.types[slot.content] = node.dst.type
            if isinstance(node, Stored):
                layout.written.setdefault(written_by(node), []).append(slot)
            elif isinstance(node, ir.Call):
                layout.called.append(slot)
        if len(registers) == len(slot.owners):  # not where a constant stands for a register that holds it
            layout.slots[id(node)] = slot, tuple([layout.register(register) for register in registers])
    layout.size = next_cell
