"""What the fixpoint does at each node, worked out once for all rounds.

In: a hook whose structure is sound, and the rules and tests of its analysis. Out: a tree of `Step`s beside that of its
nodes: the cells that a node reads, the tests of its obligations, the rule that transfers it, and for a loop the cells
that its body can write. Nothing is decided here: all of it follows from `verifier/obligations.py` and
`verifier/transfer.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dsl import ir
from dsl.abi import KFUNCS
from dsl.types import FOLIO
from verifier.cells import Layout, written_by
from verifier.check import Checker, Test
from verifier.obligations import Obligation, demands, operands
from verifier.persistent import BITS, LOW
from verifier.state import Space
from verifier.transfer import Rule, Transfer

_LOOPS = (ir.Loop, ir.Scan)
_STORES = (ir.StoreState, ir.StoreField, ir.StoreRef)
_COSTLY = frozenset({ir.Call, *_STORES})


@dataclass(slots=True)
class Step:
    """A node, and what there is to do at it."""

    node: ir.Node
    assigned: tuple[tuple[int, int], ...]
    """Rows and places of cells that must have been assigned, of all operands but folios. Sound: of all but folios only
    `NOTHING` is known to be `UNINITIALISED`, so that it is enough to ask which symbol a cell holds."""
    held: tuple[int, ...]
    """Cells of folios, which must have been assigned and must not be gone."""
    tests: tuple[tuple[Test, Obligation], ...]
    """All other obligations."""
    rule: Rule | None
    """Of an instruction; None for what directs control."""
    work: int
    body: tuple[Step, ...] = ()
    """Of a block or loop; the first branch of an `if`."""
    orelse: tuple[Step, ...] = ()
    variable: int = -1
    """Of a loop: the cell of its index or folio."""
    written: tuple[int, ...] = ()
    """Of a loop: the cells that its body may change, but for what an error makes of them."""
    nest: tuple[ir.Loop | ir.Scan, ...] = ()
    """Of a loop: itself and those inside it."""


class Planner:
    """Makes the steps of one hook."""

    def __init__(self, space: Space, transfer: Transfer, checker: Checker) -> None:
        self._space = space
        self._layout = space.layout
        self._transfer = transfer
        self._checker = checker
        self._slot_work = 1 + (len(space.layout.owners_of) >> 3)
        """Of what may make memory unknown."""
        self.loops: list[ir.Loop | ir.Scan] = []
        self.steps = self._steps(space.function.body)

    def step(self, node: ir.Node) -> Step:
        space, base = self._space, self._layout.registers
        assigned, held = [], []
        for operand in operands(node):
            if isinstance(operand, ir.Reg):
                cell = base + operand.index
                if operand.type != FOLIO:
                    assigned.append((cell >> BITS, cell & LOW))
                elif cell not in held:
                    held.append(cell)
        if len(assigned) > 1:
            assigned = list(dict.fromkeys(assigned))
        obligations = demands(space.policy, space.function, node)
        tests = tuple([(self._checker.test_of(o), o) for o in obligations]) if obligations else ()
        work = self._slot_work if node.__class__ in _COSTLY else 1
        step = Step(node, tuple(assigned), tuple(held), tests, self._transfer.rule_of(node), work)
        if step.rule is None:
            self._fill(step, node)
        return step

    def _fill(self, step: Step, node: ir.Node) -> None:
        """What is inside a construct."""
        if isinstance(node, ir.If):
            step.body, step.orelse = self._steps(node.then), self._steps(node.orelse)
        elif isinstance(node, ir.Block):
            step.body = self._steps(node.body)
        elif isinstance(node, _LOOPS):
            before = len(self.loops)
            step.body = self._steps(node.body)
            step.nest = (node, *self.loops[before:])
            self.loops.append(node)
            step.variable = self._layout.register(node.folio if isinstance(node, ir.Scan) else node.index)
            step.written = tuple(sorted(set(self._written(step.body))))

    def _steps(self, body: tuple[ir.Node, ...]) -> tuple[Step, ...]:
        return tuple([self.step(node) for node in body])

    def _written(self, steps: tuple[Step, ...]) -> Iterator[int]:
        """The cells that the steps write. Should one be left out, the fixpoint finds it in a round of its own."""
        for step in steps:
            if step.variable >= 0:
                yield step.variable
                yield from step.written
            else:
                yield from _cells_of(self._layout, step.node)
                yield from self._written(step.body)
                yield from self._written(step.orelse)


def _cells_of(layout: Layout, node: ir.Node) -> Iterator[int]:
    """The cells that one node may change."""
    dst = getattr(node, "dst", None)
    if isinstance(dst, ir.Reg):
        yield layout.register(dst)
    found = layout.slots.get(id(node))
    if found is not None:
        yield from (*found[0].owners, found[0].content)
    match node:
        case ir.Copy():
            if isinstance(node.src, ir.Reg) and node.src.type == FOLIO:
                yield layout.register(node.src)
        case ir.StoreState() | ir.StoreField() | ir.StoreRef():
            if isinstance(node, ir.StoreState) and node.state in layout.states:
                yield layout.states[node.state]
            yield from (slot.content for slot in layout.written.get(written_by(node), ()))
        case ir.Call():
            yield from _of_call(layout, node)


def _of_call(layout: Layout, node: ir.Call) -> Iterator[int]:
    kfunc = KFUNCS[node.kfunc]
    if not kfunc.pure:
        yield from (slot.content for slot in layout.called)
        for (kind, table, _), slots in layout.written.items():
            if kind == "value" and table == node.table:
                yield from (slot.content for slot in slots)
    if kfunc.clears_refs:
        yield node.table
    for operand, argument in zip(node.args, kfunc.args, strict=True):
        if argument.ownership in ("consume", "propose") and isinstance(operand, ir.Reg):
            yield layout.register(operand)
