"""The types of the language and of the IR.

Integers are `u8 u16 u32 u64 i64`, fixed width, wrapping; `bool` is separate from them. `page_key` is an
opaque 64-bit name of a page: it can be compared for equality and used as a map key, nothing else.
`folio`, `list` and `ref(table)` are handles: they live in registers and cannot be stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_INTEGER_FORMS = frozenset({
    ("u8", 8, False, -1), ("u16", 16, False, -1), ("u32", 32, False, -1), ("u64", 64, False, -1), ("i64", 64, True, -1),
})  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Type:
    """A type. `bits` is the width of a scalar and 0 for handles; `table` is the map a `ref` points into."""

    name: str
    bits: int = 0
    signed: bool = False
    table: int = -1
    is_integer: bool = field(init=False, repr=False)
    is_scalar: bool = field(init=False, repr=False)
    """Scalars can be stored in state, folio fields and map values."""
    minimum: int = field(init=False, repr=False)
    maximum: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Works out what is asked for all the time."""
        signed, bits = self.signed, self.bits
        form = (self.name, bits, signed, self.table)
        object.__setattr__(self, "is_integer", form in _INTEGER_FORMS)
        object.__setattr__(self, "is_scalar", bits > 0)
        object.__setattr__(self, "minimum", -(1 << (bits - 1)) if signed else 0)
        object.__setattr__(self, "maximum", (1 << (bits - 1)) - 1 if signed else (1 << bits) - 1)

    def __eq__(self, other: object) -> bool:
        """Types are compared all the time, and nearly all are the very objects below."""
        if self is other:
            return True
        return isinstance(other, Type) and (self.name, self.bits, self.signed, self.table) == (
            other.name, other.bits, other.signed, other.table,
        )  # fmt: skip

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def is_nullable(self) -> bool:
        return self.name in ("folio", "ref")

    @property
    def storage_bytes(self) -> int:
        """Bytes a stored value takes: a `bool` takes one."""
        return max(self.bits, 8) // 8

    def __str__(self) -> str:
        return f"ref({self.table})" if self.name == "ref" else self.name


U8 = Type("u8", 8)
U16 = Type("u16", 16)
U32 = Type("u32", 32)
U64 = Type("u64", 64)
I64 = Type("i64", 64, signed=True)
BOOL = Type("bool", 1)
PAGE_KEY = Type("page_key", 64)
FOLIO = Type("folio")
LIST = Type("list")

KEY = Type("key")
"""In the `abi`: the type of the map's key."""
VALUE = Type("value")
"""In the `abi`: the type of the one scalar that an element of the map holds."""
REFERENCE = Type("ref")
"""In the `abi`: a reference into the map."""

INTEGERS = (U8, U16, U32, U64, I64)
SCALARS = {t.name: t for t in (*INTEGERS, BOOL, PAGE_KEY)}
"""Types that can be written in a declaration, by name."""


def ref(table: int) -> Type:
    """The type of a reference to a value of map number `table`."""
    return Type("ref", table=table)


def wrap(value: int, type: Type) -> int:
    """`value` reduced modulo 2**bits into the range of the scalar `type` (RFC 9669 arithmetic)."""
    value &= (1 << type.bits) - 1
    if type.signed and value >> (type.bits - 1):
        value -= 1 << type.bits
    return value
