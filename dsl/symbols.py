"""What the names of a policy stand for.

Made by `dsl/resolve.py`, read by the type checker and lowering. The tables hold IR declarations as they will stand in
the policy; what was declared wrongly is kept with a value that causes no further errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from dsl import abi, ast, ir
from dsl.source import NOWHERE, Span
from dsl.types import FOLIO, LIST, SCALARS, Type

POISON = Type("error")
"""The type of what was already reported: it fits everywhere."""
CONTEXT = Type("ctx")
"""The type of `ctx`: it is handed on by name, never a value."""
NOTHING = Type("nothing")
"""The type of a call without a result."""

BUILTIN_FUNCTIONS = ("min", "max", "mul_div")
MAP_KINDS = ("hash", "lru_hash", "array")
LOCAL_TYPES: dict[str, Type] = {**SCALARS, "folio": FOLIO, "list": LIST}
"""Types of locals and parameters, by name."""
RESULT_TYPES: dict[str, Type] = {**SCALARS, "folio": FOLIO}
"""Types of a function's result, by name."""


FOREIGN_TYPES: dict[str, str] = {
    **dict.fromkeys(("int", "long", "i8", "i16", "i32", "s64", "isize", "ssize_t"), "the signed type is `i64`"),
    **dict.fromkeys(("uint", "usize", "size_t", "unsigned", "uint64_t"), "write `u64`"),
    **dict.fromkeys(("float", "double", "f32", "f64"), "there are no floating-point numbers: use fixed point"),
    **dict.fromkeys(("str", "string", "String", "char"), "there are no strings"),
}
"""Types of other languages, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name of the policy. `kind` is the keyword that declares it; `index` its place in the table of that kind.

    `type` is that of a const, param or state, and of the result of a fn (None: nothing); `value` a const's.
    """

    kind: str
    name: str
    span: Span
    index: int = 0
    type: Type | None = None
    value: int = 0


@dataclass(slots=True)
class Program:
    """All declarations of a policy."""

    name: str = ""
    symbols: dict[str, Symbol] = field(default_factory=dict)
    structs: dict[str, tuple[ir.Field, ...]] = field(default_factory=dict)
    params: list[ir.Param] = field(default_factory=list)
    states: list[ir.State] = field(default_factory=list)
    lists: list[ir.ListDecl] = field(default_factory=list)
    cursors: list[ir.Cursor] = field(default_factory=list)
    fields: list[ir.Field] = field(default_factory=list)
    maps: list[ir.Map] = field(default_factory=list)
    functions: dict[str, ast.Fn] = field(default_factory=dict)
    hooks: list[ast.Hook] = field(default_factory=list)
    misnamed: set[str] = field(default_factory=set)
    """Names of the language that the policy declares: reported, and so not understood at their uses."""

    def names(self) -> Iterator[str]:
        """Every name an expression may use, for suggestions."""
        yield from self.symbols
        yield from RESERVED


def _reserved() -> dict[str, Symbol]:
    symbols = {
        name: Symbol("const", name, NOWHERE, type=type, value=value) for name, (value, type, _) in abi.CONSTANTS.items()
    }
    symbols |= {name: Symbol("builtin", name, NOWHERE) for name in BUILTIN_FUNCTIONS}
    for name, kfunc in abi.members(None).items():
        symbols[name] = Symbol("kfunc" if kfunc.is_property else "builtin", kfunc.name, NOWHERE, type=kfunc.result)
    return symbols


RESERVED: dict[str, Symbol] = _reserved()
"""Names that every policy has and none may declare."""
