"""What must hold before an instruction may run.

In: a node of a policy whose structure is sound. Out: its obligations, in the order in which they are to be asked.
They follow from the opcode, the tables and the `abi`, never from what the object says of itself. That each instruction
is safe in every concrete state in which its obligations hold is the first half of the soundness argument; the second
is that `verifier/transfer.py` over-approximates it.
"""

from __future__ import annotations

from dataclasses import dataclass

from dsl import ir
from dsl.abi import HOOKS, KFUNCS, Kfunc
from dsl.types import FOLIO, Type


@dataclass(frozen=True, slots=True)
class Readable:
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


def derive(policy: ir.Policy, function: ir.Function, node: ir.Node) -> tuple[Obligation, ...]:
    """The obligations of `node`: first that its operands can be read, then what it does with them."""
    readable = [Readable(operand) for operand in operands(node) if isinstance(operand, ir.Reg)]
    return (*dict.fromkeys(readable), *_special(policy, function, node), *_dropped(node))


def operands(node: ir.Node) -> tuple[ir.Operand, ...]:
    """What a node reads when control reaches it."""
    match node:
        case ir.Binary() | ir.Compare():
            return node.left, node.right
        case ir.Copy() | ir.Convert() | ir.Narrow():
            return (node.src,)
        case ir.MulDiv():
            return node.a, node.b, node.c
        case ir.LoadState() | ir.ListAt():
            return (node.index,)
        case ir.StoreState():
            return node.index, node.value
        case ir.LoadField():
            return (node.folio,)
        case ir.StoreField():
            return node.folio, node.value
        case ir.LoadRef():
            return (node.ref,)
        case ir.StoreRef():
            return node.ref, node.value
        case ir.Call():
            return node.args
        case ir.If():
            return (node.condition,)
        case ir.Loop():
            return (node.limit,)
        case ir.Scan():
            return (node.limit,) if node.cursor >= 0 else (node.source, node.limit)
        case ir.Return():
            return () if node.value is None else (node.value,)
    return ()


def _special(policy: ir.Policy, function: ir.Function, node: ir.Node) -> list[Obligation]:
    match node:
        case ir.LoadState() | ir.StoreState():
            state = policy.states[node.state]
            return [InBounds(node.index, state.length, state.name)]
        case ir.ListAt():
            declaration = policy.lists[node.list]
            return [InBounds(node.index, declaration.length, declaration.name)]
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
        case ir.Call():
            return _of_call(node)
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
    if not isinstance(dst, ir.Reg) or dst.type != FOLIO:
        return []
    if isinstance(node, ir.Copy) and isinstance(node.src, ir.Reg) and node.src.index == dst.index:
        return []
    return [Droppable(dst)]
