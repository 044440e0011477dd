"""What an instruction would give now, without running it.

In: an instruction, how to read the registers among its operands, and a `Memory`. Out: a function that gives the value,
or None where the run has not been: a field that was not read yet, a call that was not made since the last one with
effects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from dsl import ir
from dsl.types import wrap
from fuzzing.memory import Memory
from runtime import arithmetic
from verifier.recall import place_of

Read = Callable[[], Any]


def recomputed(node: ir.Node, registers: list[Read], memory: Memory) -> Read:
    """`registers` are the values of the operands that are registers, in the order of the instruction."""
    reads = iter(registers)
    operands = [_operand(operand, reads) for operand in place_of(node)]
    match node:
        case ir.Binary():
            return lambda: arithmetic.binary(node.op, node.dst.type, operands[0](), operands[1]())
        case ir.Convert() | ir.Narrow():
            return lambda: wrap(operands[0](), node.dst.type)
        case ir.MulDiv():
            return lambda: arithmetic.mul_div(operands[0](), operands[1](), operands[2]())
        case ir.LoadState() | ir.StoreState():
            return lambda: memory.element(node.state, operands[0]())
        case ir.LoadField() | ir.StoreField():
            return lambda: memory.fields.get((operands[0](), node.field))
        case ir.LoadRef() | ir.StoreRef():
            return lambda: memory.values.get((node.ref.type.table, operands[0](), node.field))
        case ir.Call():
            asked = node.kfunc, node.table
            return lambda: memory.answers.get((*asked, *(read() for read in operands)))
    return lambda: None


def _operand(operand: ir.Operand, reads: Iterator[Read]) -> Read:
    if isinstance(operand, ir.Const):
        value = operand.value
        return lambda: value
    return next(reads)
