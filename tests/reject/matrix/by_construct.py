"""Codes against constructs of the grammar: goldens written by hand (`constructs.txt`), and why others are empty."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from dsl.codes import CODES
from dsl.grammar import GRAMMAR_FILE
from tests.reject.matrix.cells import Cell, Empty, Entry, Golden, declared, expect

TABLE = Path(__file__).with_name("constructs.txt")
PARTS = (
    "bool", "list_item", "bag_item", "heap_item", "if_statement", "if_expression", "cast", "update", "length",
    "initial", "result", "field", "parameter", "type", "limit",
)  # fmt: skip
"""Constructs that have no node of their own in the grammar."""
NO_CONSTRUCTS = ("skipped", "parenthesised", "true", "false")
"""Nodes that stand for no construct, or for the same as another (`bool`)."""


def constructs() -> list[str]:
    """All constructs: the nodes that the grammar names, and parts of them."""
    named = re.findall(r"->\s*(\w+)\s*$", GRAMMAR_FILE.read_text(encoding="utf-8"), re.MULTILINE)
    return [name for name in dict.fromkeys((*named, *PARTS)) if name not in NO_CONSTRUCTS]


def entries() -> Iterator[Entry]:
    table = _table(TABLE.read_text(encoding="utf-8"))
    for code in CODES:
        reason, filled = table[code]
        unknown = set(filled) - set(constructs())
        assert not unknown, f"{code}: there are no constructs {unknown}"
        for construct in constructs():
            cell = Cell(code, "construct", construct)
            if construct in filled:
                bad, good = filled[construct]
                yield Golden(f"{code} {construct}", (cell,), _program(bad, code), _program(good))
            else:
                yield Empty(cell, reason)


def _table(text: str) -> dict[str, tuple[str, dict[str, tuple[str, str]]]]:
    """By code: why cells are empty, and by construct what is rejected and what is not."""
    table = {}
    for section in re.split(r"^# ", text, flags=re.MULTILINE)[1:]:
        head, *parts = re.split(r"^## ", section, flags=re.MULTILINE)
        code, _, reason = head.strip().partition(": ")
        filled: dict[str, tuple[str, str]] = {}
        for part in parts:
            construct, _, programs = part.partition("\n")
            bad, _, good = programs.strip().partition("\n--\n")
            filled[construct] = bad, good
        table[code] = reason, filled
    return table


def _program(text: str, code: str = "") -> str:
    """The text in a program that declares what it uses. With a `code` the marked line is expected to be refused."""
    lines = text.removeprefix("@").split("\n")
    if code:
        marked = next((i for i, line in enumerate(lines) if line.endswith("@")), len(lines) - 1)
        lines[marked] = expect(lines[marked].removesuffix("@").rstrip(), code)
    body = "\n".join(lines)
    if not text.startswith("@"):
        return declared(body) + f"hook evict_folios(ctx) {{\n{body}\n}}\n"
    own = set(re.findall(r"(?:list|bag|heap|map|state|param|const|cursor) (\w+)", text))
    if re.search(r"^@?folio {", text, re.MULTILINE):
        own.add("slot")
    return declared(body, without=own) + body + "\n"
