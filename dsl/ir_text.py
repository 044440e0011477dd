"""The IR as text, for people and for tests.

`print_policy` and `parse_policy` are inverse to each other: what was printed parses back into an equal policy (its
source's text apart, which is not part of the IR), and prints the same. Text that is no policy raises `IrTextError`.

    policy clock
    list ring
    field referenced: bool
    hook folio_accessed(%0 f: folio) @4:1-4:50 {
        store field referenced of %0.f, true @4:28-4:47
    }

Constants carry their type (`7:u8`, `null:folio`); without one they are `u64`. Spans may be left out. Tables are
referred to by name or number, registers by `%number`; the name after the dot only helps the reader.
"""

from __future__ import annotations

from dsl.ir_parser import parse_policy
from dsl.ir_printer import print_policy
from dsl.ir_tokens import IrTextError

__all__ = ["IrTextError", "parse_policy", "print_policy"]
