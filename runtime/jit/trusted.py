"""What the trusted core may use beyond the IR of policies: raw views, `while`, calls of core functions and hooks.

These nodes extend `dsl.ir` for functions that come from `runtime/core` and `runtime/policies`. They have no encoding
in a policy object, so no policy can hold one. In a core function an integer is a signed 64-bit number, and overflow,
a store that does not fit, a shift out of range and a division of negatives are defects: the interpreter traps on
them, native code does not look.
"""

from __future__ import annotations

from dataclasses import dataclass

from dsl.ir import Block, Break, If, Instruction, Loop, Operand, Reg, Return
from dsl.ir import Continue as Continue
from dsl.source import Span
from dsl.types import Type


@dataclass(frozen=True, slots=True)
class ViewLoad:
    """`dst` := element of a view of `runtime/core/layout.py`; `column` None for one-dimensional views."""

    dst: Reg
    view: str
    row: Operand
    column: Operand | None
    span: Span


@dataclass(frozen=True, slots=True)
class ViewStore:
    view: str
    row: Operand
    column: Operand | None
    value: Operand
    span: Span


@dataclass(frozen=True, slots=True)
class Prefetch:
    """A hint that a row of a view is needed soon: no effect but on time."""

    view: str
    row: Operand
    span: Span


@dataclass(frozen=True, slots=True)
class CoreCall:
    """Call of the core function `callee` (`module.name`)."""

    dst: Reg | None
    callee: str
    args: tuple[Operand, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class HookCall:
    """Call of a hook of the attached policy; `args` begin with the lruvec."""

    dst: Reg | None
    hook: str
    args: tuple[Operand, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class While:
    """Evaluate `prelude`, leave if `condition` is false, run `body`, repeat."""

    prelude: tuple[CoreNode, ...]
    condition: Operand
    body: tuple[CoreNode, ...]
    span: Span


CoreNode = (
    Instruction
    | If
    | Block
    | Loop
    | Break
    | Continue
    | Return
    | ViewLoad
    | ViewStore
    | Prefetch
    | CoreCall
    | HookCall
    | While
)


@dataclass(frozen=True, slots=True)
class CoreFunction:
    """A function of the core. `params` do not include the context; `registers[i].index == i`."""

    name: str
    params: tuple[Reg, ...]
    result: Type | None
    registers: tuple[Reg, ...]
    body: tuple[CoreNode, ...]
    path: str
