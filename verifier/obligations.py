"""What must hold before an instruction may run.

In: a node of a policy whose structure is sound. Out: its obligations, in the order in which they are to be asked.
They follow from the opcode, the tables and the `abi`, never from what the object says of itself. That each instruction
is safe in every concrete state in which its obligations hold is the first half of the soundness argument; the second
is that `verifier/transfer.py` over-approximates it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from dsl import ir
from dsl.abi import HOOKS, KFUNCS, Kfunc
from dsl.types import FOLIO, REFERENCE, Type


class Readable(NamedTuple):
    """The register was assigned on every path, and its folio was not given away."""

    register: ir.Reg


@dataclass(frozen=True, slots=True)
class NotNull:
    """The folio or reference is not null. `purpose` completes "needs a folio to …"."""

    operand: ir.Operand
    purpose: str


@dataclass(frozen=True, slots=True)
class Alive:
    """The map of the reference was not changed since it was taken."""

    reference: ir.Reg


@dataclass(frozen=True, slots=True)
class InBounds:
    """The index is below `length`. `what` is the array's name."""

    index: ir.Operand
    length: int
    what: str


@dataclass(frozen=True, slots=True)
class Fits:
    """The value is in the range of the narrower type."""

    operand: ir.Operand
    type: Type


@dataclass(frozen=True, slots=True)
class InRange:
    """The value of an argument, or a hook's result if `argument` is empty, is in the range of the `abi`."""

    operand: ir.Operand
    low: int
    high: int
    callee: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Owns:
    """The hook owns the folio, so that it can be given away. `purpose` as in `NotNull`."""

    operand: ir.Operand
    purpose: str


@dataclass(frozen=True, slots=True)
class Droppable:
    """The register does not hold an owned folio: it is about to be overwritten."""

    register: ir.Reg


@dataclass(frozen=True, slots=True)
class ResultKept:
    """The owned folio that a call returns is put into a register."""

    kfunc: Kfunc


@dataclass(frozen=True, slots=True)
class NothingOwned:
    """No register holds an owned folio: the hook ends."""


Obligation = (
    Readable | NotNull | Alive | InBounds | Fits | InRange | Owns | Droppable | ResultKept | NothingOwned
)  # fmt: skip


def registers_read(node: ir.Node) -> list[ir.Reg]:
    """The registers that must be `Readable`, each once."""
    found: list[ir.Reg] = []
    for operand in operands(node):
        if isinstance(operand, ir.Reg) and (not found or all(operand.index != other.index for other in found)):
            found.append(operand)
    return found


def demands(policy: ir.Policy, function: ir.Function, node: ir.Node) -> list[Obligation]:
    """All obligations but `Readable`. Those without demands write no folio and read no memory."""
    if node.__class__ in _UNDEMANDING:
        return []
    return _special(policy, function, node) + _dropped(node)


_UNDEMANDING = frozenset(
    {ir.Binary, ir.Compare, ir.Convert, ir.MulDiv, ir.LoadParam, ir.If, ir.Block, ir.Loop, ir.Break, ir.Continue}
)
_OPERANDS: dict[type[Any], Callable[[Any], tuple[ir.Operand, ...]]] = {
    ir.Binary: lambda node: (node.left, node.right),
    ir.Compare: lambda node: (node.left, node.right),
    ir.Copy: lambda node: (node.src,),
    ir.Convert: lambda node: (node.src,),
    ir.Narrow: lambda node: (node.src,),
    ir.MulDiv: lambda node: (node.a, node.b, node.c),
    ir.LoadState: lambda node: (node.index,),
    ir.ListAt: lambda node: (node.index,),
    ir.StoreState: lambda node: (node.index, node.value),
    ir.LoadField: lambda node: (node.folio,),
    ir.StoreField: lambda node: (node.folio, node.value),
    ir.LoadRef: lambda node: (node.ref,),
    ir.StoreRef: lambda node: (node.ref, node.value),
    ir.Call: lambda node: node.args,
    ir.If: lambda node: (node.condition,),
    ir.Loop: lambda node: (node.limit,),
    ir.Scan: lambda node: (node.limit,) if node.cursor >= 0 else (node.source, node.limit),
    ir.Return: lambda node: () if node.value is None else (node.value,),
}


def operands(node: ir.Node) -> tuple[ir.Operand, ...]:
    """What a node reads when control reaches it."""
    read = _OPERANDS.get(node.__class__)
    return () if read is None else read(node)


def _special(policy: ir.Policy, function: ir.Function, node: ir.Node) -> list[Obligation]:
    match node:
        case ir.Call():
            return _of_call(node)
        case ir.LoadState() | ir.StoreState():
            state = policy.states[node.state]
            return [InBounds(node.index, state.length, state.name)]
        case ir.LoadField() | ir.StoreField():
            verb = "read" if isinstance(node, ir.LoadField) else "set"
            return [NotNull(node.folio, f"{verb} its `{policy.fields[node.field].name}`")]
        case ir.LoadRef() | ir.StoreRef():
            verb = "read" if isinstance(node, ir.LoadRef) else "set"
            name = policy.maps[node.ref.type.table].fields[node.field].name
            alive = [Alive(node.ref)] if isinstance(node.ref, ir.Reg) else []
            return [*alive, NotNull(node.ref, f"{verb} its `{name}`")]
        case ir.Narrow():
            return [Fits(node.src, node.dst.type)]
        case ir.ListAt():
            declaration = policy.lists[node.list]
            return [InBounds(node.index, declaration.length, declaration.name)]
        case ir.Return():
            return _of_return(function, node)
    return []


def _of_call(node: ir.Call) -> list[Obligation]:
    kfunc = KFUNCS[node.kfunc]
    found: list[Obligation] = []
    for operand, argument in zip(node.args, kfunc.args, strict=True):
        if argument.type == FOLIO:
            purpose = purpose_of(kfunc)
            found.append(NotNull(operand, purpose))
            if argument.ownership == "consume":
                found.append(Owns(operand, purpose))
        elif argument.type == REFERENCE:
            if isinstance(operand, ir.Reg):
                found.append(Alive(operand))
            found.append(NotNull(operand, purpose_of(kfunc)))
        elif argument.low is not None and argument.high is not None:
            found.append(InRange(operand, argument.low, argument.high, kfunc.member, argument.name))
    if kfunc.ownership == "owned" and node.dst is None:
        found.append(ResultKept(kfunc))
    return found


def purpose_of(kfunc: Kfunc) -> str:
    """What a call wants a folio for, in words."""
    if kfunc.is_property:
        return f"read its `{kfunc.member}`"
    return f"call `{kfunc.member}` on it" if kfunc.receiver == "folio" else f"give to `{kfunc.member}`"


def _of_return(function: ir.Function, node: ir.Return) -> list[Obligation]:
    hook = HOOKS[function.hook]
    found: list[Obligation] = [NothingOwned()]
    if node.value is not None and hook.result is not None:
        found.insert(0, InRange(node.value, hook.low, hook.high, function.hook))
    return found


def _dropped(node: ir.Node) -> list[Obligation]:
    """A register that is overwritten must not own a folio, unless the node itself has given that away."""
    if isinstance(node, ir.Scan):
        return [Droppable(node.folio)]
    dst = getattr(node, "dst", None)
    if not isinstance(dst, ir.Reg) or dst.type.is_scalar or dst.type != FOLIO:
        return []
    if isinstance(node, ir.Copy) and isinstance(node.src, ir.Reg) and node.src.index == dst.index:
        return []
    return [Droppable(dst)]
