"""The form of a policy object: which fields each node has, in order, and of what kind.

Read by `dsl/object_writer.py` and `dsl/object_reader.py`. The number of a node in a file is its place in `NODES`:
append only, or raise `FORMAT_VERSION`.
"""

from __future__ import annotations

from dsl import abi, ir
from dsl.types import BOOL, FOLIO, I64, LIST, PAGE_KEY, U8, U16, U32, U64, Type

FORMAT_VERSION = 2
MAGIC = b"RXPOLICY"
MAX_OBJECT_BYTES = 4_000_000
MAX_DEPTH = 2 * abi.MAX_NESTING
MAX_NODES = 2 * abi.MAX_INSTRUCTIONS
MAX_REGISTERS = abi.MAX_REGISTERS
MAX_ENTRIES = 1 << 16
"""Entries of any table."""
MAX_NAME_BYTES = 1024
MAX_TEXT_BYTES = 1_000_000
LOWEST, HIGHEST = -(1 << 63), (1 << 64) - 1
"""The range of all integers."""

TYPES: tuple[Type, ...] = (U8, U16, U32, U64, I64, BOOL, PAGE_KEY, FOLIO, LIST)
"""By number; `ref` is the number after the last, followed by its table."""

SIZE_WORDS = ("nr_pages", "+", "-", "*", "/", "%", "min", "max")
"""Terms of a size, by number; then integers and params, each followed by a number."""

NODES: tuple[tuple[type[ir.Node], tuple[tuple[str, str], ...]], ...] = (
    (ir.Binary, (("dst", "register"), ("op", "binary"), ("left", "operand"), ("right", "operand"))),
    (ir.Compare, (("dst", "register"), ("op", "compare"), ("left", "operand"), ("right", "operand"))),
    (ir.Copy, (("dst", "register"), ("src", "operand"))),
    (ir.Convert, (("dst", "register"), ("src", "operand"))),
    (ir.Narrow, (("dst", "register"), ("src", "operand"))),
    (ir.MulDiv, (("dst", "register"), ("a", "operand"), ("b", "operand"), ("c", "operand"))),
    (ir.LoadParam, (("dst", "register"), ("param", "number"))),
    (ir.LoadState, (("dst", "register"), ("state", "number"), ("index", "operand"))),
    (ir.StoreState, (("state", "number"), ("index", "operand"), ("value", "operand"))),
    (ir.LoadField, (("dst", "register"), ("folio", "operand"), ("field", "number"))),
    (ir.StoreField, (("folio", "operand"), ("field", "number"), ("value", "operand"))),
    (ir.LoadRef, (("dst", "register"), ("ref", "operand"), ("field", "number"))),
    (ir.StoreRef, (("ref", "operand"), ("field", "number"), ("value", "operand"))),
    (ir.ListAt, (("dst", "register"), ("list", "number"), ("index", "operand"))),
    (ir.Call, (("dst", "register or none"), ("kfunc", "name"), ("table", "table"), ("args", "operands"))),
    (ir.If, (("condition", "operand"), ("then", "body"), ("orelse", "body"))),
    (ir.Block, (("body", "body"),)),
    (ir.Loop, (("index", "register"), ("limit", "operand"), ("body", "body"))),
    (
        ir.Scan,
        (("folio", "register"), ("source", "operand"), ("cursor", "table"), ("limit", "operand"), ("body", "body")),
    ),
    (ir.Break, (("depth", "number"),)),
    (ir.Continue, (("depth", "number"),)),
    (ir.Return, (("value", "operand or none"),)),
)
"""Every node ends with its span."""
