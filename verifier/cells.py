"""Where a hook keeps values: the cells of an abstract state.

In: one hook of a policy whose structure is sound. Out: a `Layout` that numbers its cells: an epoch for every map,
the registers, the scalar state variables and the params it uses, and the memory slots it reads more than once at no
cost: context properties and fields of folios and of map values, each remembered for the last folio or reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from dsl import ir
from dsl.abi import KFUNCS
from dsl.types import Type


@dataclass(frozen=True, slots=True)
class Slot:
    """A remembered field: cell `owner` names the folio or reference it was read from, `content` its value."""

    owner: int
    content: int


@dataclass(slots=True)
class Layout:
    """Cell numbers. Those from `memory` on hold what may be forgotten at any time: symbol 0 says nothing is known."""

    maps: int
    registers: int
    """The first register's cell; register `i` is `registers + i`."""
    states: dict[int, int] = field(default_factory=dict)
    params: dict[int, int] = field(default_factory=dict)
    memory: int = 0
    properties: dict[str, int] = field(default_factory=dict)
    folio_fields: dict[int, Slot] = field(default_factory=dict)
    value_fields: dict[tuple[int, int], Slot] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    """Names of the source for cells that have one."""
    types: dict[int, Type] = field(default_factory=dict)
    """Types of the registers and scalar state variables."""

    def register(self, register: ir.Reg) -> int:
        return self.registers + register.index

    def volatile(self) -> list[int]:
        """The cells that a call with effects makes unknown."""
        slots = [*self.folio_fields.values(), *self.value_fields.values()]
        return [*self.properties.values(), *(slot.owner for slot in slots)]


def nodes_of(body: tuple[ir.Node, ...]) -> Iterator[ir.Node]:
    """All nodes of a body, outer before inner, in order."""
    stack = [iter(body)]
    while stack:
        node = next(stack[-1], None)
        if node is None:
            stack.pop()
            continue
        yield node
        if isinstance(node, ir.If):
            stack.append(iter(node.then + node.orelse))
        elif isinstance(node, ir.Block | ir.Loop | ir.Scan):
            stack.append(iter(node.body))


def is_context_property(name: str) -> bool:
    """Whether a kfunc reads the context and nothing else."""
    kfunc = KFUNCS[name]
    return kfunc.receiver == "ctx" and kfunc.pure and not kfunc.args


def lay_out(policy: ir.Policy, function: ir.Function) -> Layout:
    """Numbers the cells that `function` needs."""
    layout = Layout(maps=len(policy.maps), registers=len(policy.maps))
    for register in function.registers:
        cell = layout.register(register)
        layout.types[cell] = register.type
        if register.name:
            layout.names[cell] = register.name
    next_cell = layout.registers + len(function.registers)
    nodes = list(nodes_of(function.body))
    for node in nodes:
        if isinstance(node, ir.LoadState | ir.StoreState) and node.state not in layout.states:
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
    for node in nodes:
        next_cell = _remember(layout, node, next_cell)
    return layout


def _remember(layout: Layout, node: ir.Node, cell: int) -> int:
    """Gives the memory that `node` reads its cells; returns the next free cell."""
    if isinstance(node, ir.LoadField) and node.field not in layout.folio_fields:
        layout.folio_fields[node.field] = Slot(cell, cell + 1)
        return cell + 2
    if isinstance(node, ir.LoadRef) and (key := (node.ref.type.table, node.field)) not in layout.value_fields:
        layout.value_fields[key] = Slot(cell, cell + 1)
        return cell + 2
    if isinstance(node, ir.Call) and is_context_property(node.kfunc) and node.kfunc not in layout.properties:
        layout.properties[node.kfunc] = cell
        return cell + 1
    return cell
