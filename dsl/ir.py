"""The intermediate representation: what the verifier proves and the code generator compiles.

Structured, as WebAssembly is: blocks, `if`, counted `loop`, `scan`, `break k`, `continue k`, `return`; mutable
typed registers, no phi and no other back edge, so that termination is visible in the form. Every node is a
frozen dataclass and carries its `Span`. Functions of the source are already inlined: there is no call but to a
kfunc of `dsl/abi.py`.

Nothing here is trusted. A policy object may hold any tree of these nodes, with any operands and any table
numbers; `verifier/` decides what may run. `dsl/ir_text.py` prints and parses it, `dsl/policy_object.py` saves it.

Meaning of the arithmetic (the same in every executor): registers of an integer type hold a value in the type's
range; results wrap. Division by zero gives 0, modulo by zero the dividend, MIN / -1 is MIN and MIN % -1 is 0;
division truncates toward zero; shift counts are taken modulo the width (RFC 9669).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dsl.source import Source, Span
from dsl.types import KEY, REFERENCE, VALUE, Type, ref

# --- operands ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reg:
    """A mutable register of one function. `name` is the source's name of it, empty for a temporary."""

    index: int
    type: Type
    name: str = ""


@dataclass(frozen=True, slots=True)
class Const:
    """A literal. `null` is the value 0 of type `folio` or `ref`."""

    value: int
    type: Type


Operand = Reg | Const

BINARY_OPS = ("add", "sub", "mul", "div", "mod", "and", "or", "xor", "shl", "shr", "min", "max")
"""Both operands and the result have the same type. `shr` of a signed value keeps the sign. `bool` has `and or xor`."""

COMPARE_OPS = ("eq", "ne", "lt", "le", "gt", "ge")
"""Signedness follows the operands' type. `bool`, `page_key`, `folio` and `ref` have `eq` and `ne` only."""

# --- instructions -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Binary:
    dst: Reg
    op: str
    left: Operand
    right: Operand
    span: Span


@dataclass(frozen=True, slots=True)
class Compare:
    """`dst` (bool) := `left` op `right`, operands of one type."""

    dst: Reg
    op: str
    left: Operand
    right: Operand
    span: Span


@dataclass(frozen=True, slots=True)
class Copy:
    """`dst` := `src`, same type. Copying a folio that the hook owns moves the ownership to `dst`."""

    dst: Reg
    src: Operand
    span: Span


@dataclass(frozen=True, slots=True)
class Convert:
    """`as`: zero- or sign-extend, or drop high bits, to the type of `dst`. Total, proves nothing."""

    dst: Reg
    src: Operand
    span: Span


@dataclass(frozen=True, slots=True)
class Narrow:
    """A store into a narrower type without a cast: the verifier must prove that `src` fits the type of `dst`."""

    dst: Reg
    src: Operand
    span: Span


@dataclass(frozen=True, slots=True)
class MulDiv:
    """`dst` := `a * b / c` with a 128-bit product, unsigned u64; `c` = 0 gives 0, overflow gives the maximum."""

    dst: Reg
    a: Operand
    b: Operand
    c: Operand
    span: Span


@dataclass(frozen=True, slots=True)
class LoadParam:
    dst: Reg
    param: int
    span: Span


@dataclass(frozen=True, slots=True)
class LoadState:
    """`dst` := state variable number `state` at `index` (u64; `Const(0)` for a scalar)."""

    dst: Reg
    state: int
    index: Operand
    span: Span


@dataclass(frozen=True, slots=True)
class StoreState:
    state: int
    index: Operand
    value: Operand
    span: Span


@dataclass(frozen=True, slots=True)
class LoadField:
    """`dst` := the policy's own field number `field` of a folio."""

    dst: Reg
    folio: Operand
    field: int
    span: Span


@dataclass(frozen=True, slots=True)
class StoreField:
    folio: Operand
    field: int
    value: Operand
    span: Span


@dataclass(frozen=True, slots=True)
class LoadRef:
    """`dst` := field number `field` of the map value that `ref` points to."""

    dst: Reg
    ref: Operand
    field: int
    span: Span


@dataclass(frozen=True, slots=True)
class StoreRef:
    ref: Operand
    field: int
    value: Operand
    span: Span


@dataclass(frozen=True, slots=True)
class ListAt:
    """`dst` (list) := element `index` (u64) of list declaration number `list`."""

    dst: Reg
    list: int
    index: Operand
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """Call of a kfunc of the `abi`, by its name there. `table` is the number of the map for kfuncs of maps and their
    references, of the cursor or of the list declaration for those of cursors, bags and heaps, else -1."""

    dst: Reg | None
    kfunc: str
    table: int
    args: tuple[Operand, ...]
    span: Span


# --- control ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class If:
    condition: Operand
    then: tuple[Node, ...]
    orelse: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Block:
    """A body that `break` leaves. It does not repeat: `continue` may not name it."""

    body: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Loop:
    """Runs `body` for `index` = 0, 1, … below `limit` (u64, evaluated once). The count is kept by the executor:
    writing `index` in the body does not change it."""

    index: Reg
    limit: Operand
    body: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Scan:
    """Visits folios: at most `limit` (u64, evaluated once) and at most the length the list has at the start.

    `source` is a list (the visit starts at its head) or, when `cursor` >= 0, a cursor's number and `source` is
    unused `Const(0, LIST)` (the visit starts where the cursor stands, goes on at the head after the tail, and the
    cursor stays where the visit ended). `folio` is set to the folio visited, never null. It may be moved or
    evicted by the body. Ends early at the end of the list, and in `evict_folios` when `ctx.wanted` is 0. No nesting.
    """

    folio: Reg
    source: Operand
    cursor: int
    limit: Operand
    body: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Break:
    """Leaves the `depth`-th enclosing `Block`, `Loop` or `Scan` (0 is the innermost)."""

    depth: int
    span: Span


@dataclass(frozen=True, slots=True)
class Continue:
    """Goes on with the next round of the `depth`-th enclosing construct, which must be a `Loop` or `Scan`."""

    depth: int
    span: Span


@dataclass(frozen=True, slots=True)
class Return:
    value: Operand | None
    span: Span


Instruction = (
    Binary | Compare | Copy | Convert | Narrow | MulDiv | LoadParam | LoadState | StoreState | LoadField
    | StoreField | LoadRef | StoreRef | ListAt | Call
)  # fmt: skip
Node = Instruction | If | Block | Loop | Scan | Break | Continue | Return
Repeating = Loop | Scan
"""What runs its body several times."""

# --- tables of a policy -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Param:
    """A setting: `default` in [`low`, `high`]."""

    name: str
    type: Type
    default: int
    low: int
    high: int
    span: Span


@dataclass(frozen=True, slots=True)
class State:
    """A variable kept per lruvec, an array of `length` elements (1 and `is_array` False for a scalar), starting at
    `initial` (all elements)."""

    name: str
    type: Type
    length: int
    is_array: bool
    initial: int
    span: Span


@dataclass(frozen=True, slots=True)
class ListDecl:
    """`length` lists of folios per lruvec (1 for a single list). `kind` is `list`; `bag`, a list from which folios can
    be drawn at random; or `heap`, one in order of a key. Of the last two there are no arrays."""

    name: str
    kind: str
    length: int
    is_array: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place on element `index` of list declaration `list`, kept valid by the core when its folio leaves."""

    name: str
    list: int
    index: int
    span: Span


@dataclass(frozen=True, slots=True)
class Field:
    """A scalar kept with every folio, or in every value of a map."""

    name: str
    type: Type
    span: Span


Size = tuple[int | str, ...]
"""A number known at attach, in postfix form: ints, `nr_pages`, `param:K`, and `+ - * / % min max` on what precedes.
Evaluated with unbounded integers; `-` stops at 0, division by zero gives 0."""


@dataclass(frozen=True, slots=True)
class Map:
    """A map per lruvec. `kind` is `hash`, `lru_hash` or `array`; `key` a scalar, of an array u64; `fields` the value's
    (none: a set, which an array is not)."""

    name: str
    kind: str
    key: Type
    fields: tuple[Field, ...]
    capacity: Size
    span: Span


def of_counters(declared: Map) -> bool:
    """Whether the values of a map are one unsigned integer each."""
    types = [field.type for field in declared.fields]
    return len(types) == 1 and types[0].is_integer and not types[0].signed


def meant(type: Type, table: int, maps: Sequence[Map]) -> Type:
    """What a type of the `abi` stands for in a call on map number `table`, or on a reference into it."""
    if type == KEY:
        return maps[table].key
    if type == VALUE:
        return maps[table].fields[0].type
    return ref(table) if type == REFERENCE else type


@dataclass(frozen=True, slots=True)
class Function:
    """The program of one hook. `params` are the hook's folio arguments in the order of the `abi` (`ctx` is not a
    register); `registers` all registers with `registers[i].index == i`, the params first."""

    hook: str
    params: tuple[Reg, ...]
    result: Type | None
    registers: tuple[Reg, ...]
    body: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy. `abi_hash` names the `abi` it was built for; `source` its text, for messages only."""

    name: str
    abi_hash: str
    params: tuple[Param, ...]
    states: tuple[State, ...]
    lists: tuple[ListDecl, ...]
    cursors: tuple[Cursor, ...]
    fields: tuple[Field, ...]
    maps: tuple[Map, ...]
    hooks: tuple[Function, ...]
    source: Source

    def hook(self, name: str) -> Function | None:
        return next((h for h in self.hooks if h.hook == name), None)
