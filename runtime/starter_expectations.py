"""A file of expectations for a policy: mistakes that it is easy to make with what it declares, each beside its mend.

In: the text of a policy that is accepted. Out: text for `rext test`: small policies with the same lists, fields and
maps, half of them refused, on lines that say so. What a declaration needs (constants, structs) comes with it. Only
pairs that hold are written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dsl import ast
from dsl.compile import Compilation
from dsl.source import Source, Span
from runtime.expect import check_text

_WORD = re.compile(r"[A-Za-z_]\w*")
_NARROW = {"u8": 255, "u16": 65_535, "u32": 4_294_967_295}
_NEEDED = ast.Const | ast.Param | ast.State | ast.Struct | ast.ListItem
"""Declarations that others may refer to."""
_SEPARATOR = "---\n"


@dataclass(frozen=True, slots=True)
class _Pair:
    """A mistake in a body of a hook, its mend, and the declarations that both need."""

    about: str
    items: tuple[ast.Item, ...]
    refused: str
    accepted: str


def expectations(name: str, text: str) -> str:
    """The file of expectations for the policy `name`."""
    file = Compilation(Source(name, text)).ast
    items = () if file is None else file.items
    chunks = [_introduction(name)]
    for pair in _pairs(items):
        declared = _with_needs(pair.items, items, text)
        refused = f"// {pair.about}\npolicy {name};\n{declared}{pair.refused}"
        accepted = f"policy {name};\n{declared}{pair.accepted}"
        if all(result.passed for result in check_text(Source(name, refused + _SEPARATOR + accepted))):
            chunks += [refused, accepted]
    return chunks[0] + _SEPARATOR.join(chunks[1:])


def _introduction(name: str) -> str:
    return f"""\
// Mistakes around {name}, each followed by its mend: `rext test {name}.rx {name}.test.rx`. A line of `---` ends a
// policy. A comment with `//` and `!` says how its line is refused, and a policy without any must be accepted;
// `rext explain CODE` says why. Add what you come across, and what must never be accepted.

"""


def _with_needs(wanted: tuple[ast.Item, ...], items: tuple[ast.Item, ...], text: str) -> str:
    """The text of some declarations, and before them of all that they refer to, in the order of the policy."""
    named = {item.name.text: item for item in items if isinstance(item, _NEEDED)}
    kept = list(wanted)
    for item in kept:
        for word in _WORD.findall(_text_of(item, text)):
            needed = named.get(word)
            if needed is not None and needed not in kept:
                kept.append(needed)
    return "".join(f"{_text_of(item, text)}\n" for item in items if item in kept)


def _text_of(item: ast.Item, text: str) -> str:
    span: Span = item.span
    lines = text.split("\n")[span.line - 1 : span.end_line]
    lines[-1] = lines[-1][: span.end_column - 1]
    lines[0] = lines[0][span.column - 1 :]
    return "\n".join(line.rstrip() for line in lines)


# --- mistakes -----------------------------------------------------------------------------------------------


def _pairs(items: tuple[ast.Item, ...]) -> Iterator[_Pair]:
    lists = [item for item in items if isinstance(item, ast.ListItem)]
    if lists:
        yield from _list_pairs(lists[0])
    for item in items:
        if isinstance(item, ast.FolioFields):
            yield from _field_pairs(item)
    structs = {item.name.text: item for item in items if isinstance(item, ast.Struct)}
    for item in items:
        if isinstance(item, ast.MapItem) and item.value is not None:
            yield from _map_pairs(item, structs)
            break


def _list_pairs(item: ast.ListItem) -> Iterator[_Pair]:
    """Mistakes with the first list: about owning, borrowing, and lists that are empty."""
    xs = item.name.text if item.length is None else f"{item.name.text}[0]"
    push, move = ("push(f, 0)", "move(f, 0)") if item.kind == "heap" else ("push_tail(f)", "move_tail(f)")
    yield _Pair(
        "A folio that a hook owns must be put somewhere on every path, or it would be lost.",
        (item,),
        f"hook folio_added(f) {{\n    if f.file {{ {xs}.{push}; }}       //! error: ownership-mismatch\n}}\n",
        f"hook folio_added(f) {{ {xs}.{push}; }}\n",
    )
    yield _Pair(
        "A folio that is on a list already is borrowed: it is moved, not pushed.",
        (item,),
        f"hook folio_accessed(f) {{\n    {xs}.{push};       //! error: folio-not-owned\n}}\n",
        f"hook folio_accessed(f) {{ {xs}.{move}; }}\n",
    )
    yield _Pair(
        "The list may be empty, and its head null.",
        (item,),
        f"hook reclaim_begin() {{\n    let f = {xs}.head;\n    {xs}.{move};       //! error: folio-maybe-null\n}}\n",
        f"hook reclaim_begin() {{\n    let f = {xs}.head;\n    if f != null {{ {xs}.{move}; }}\n}}\n",
    )
    yield _Pair(
        "Folios are proposed where memory is asked for, and nowhere else.",
        (item,),
        "hook folio_accessed(f, ctx) {\n    ctx.evict(f);       //! error: kfunc-not-allowed-here\n}\n",
        f"hook evict_folios(ctx) {{\n    let f = {xs}.head;\n    if f != null {{ ctx.evict(f); }}\n}}\n",
    )


def _field_pairs(item: ast.FolioFields) -> Iterator[_Pair]:
    """What does not fit a folio's own field."""
    field = next((field for field in item.fields if field.type.text in _NARROW), None)
    if field is None:
        return
    name, highest = field.name.text, _NARROW[field.type.text]
    yield _Pair(
        f"`{name}` has room for {highest}: a greater number would lose bits.",
        (item,),
        f"hook folio_accessed(f) {{\n    f.{name} = nr_pages;       //! error: narrowing-store\n}}\n",
        f"hook folio_accessed(f) {{ f.{name} = min(nr_pages, {highest}); }}\n",
    )


def _map_pairs(item: ast.MapItem, structs: dict[str, ast.Struct]) -> Iterator[_Pair]:
    """A look-up finds nothing where the key is not there."""
    assert item.value is not None
    struct = structs.get(item.value.text)
    member = struct.fields[0].name.text if struct is not None and struct.fields else "value"
    key = "f.key" if item.key.text == "page_key" else "0"
    look = f"    let entry = {item.name.text}.lookup({key});\n"
    yield _Pair(
        "The key may not be in the map, and the reference null.",
        (item,),
        f"hook folio_accessed(f) {{\n{look}    let known = entry.{member};       //! error: map-value-maybe-null\n}}\n",
        f"hook folio_accessed(f) {{\n{look}    if entry != null {{ let known = entry.{member}; }}\n}}\n",
    )
