"""The reference of scenario files, made from their models: `python -m runtime.scenario.document docs/scenarios.md`.

In: a document with the lines `BEGIN` and `END`. Out: the same, with the tables of all fields between them. A test fails
if the document is not what this makes of it.
"""

from __future__ import annotations

import sys
import types
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from runtime.scenario.fields import Amount
from runtime.scenario.file import LISTED
from runtime.scenario.model import TABLES, fields_of

BEGIN, END = "<!-- fields: begin -->", "<!-- fields: end -->"


def reference() -> str:
    """Every table with its fields, in Markdown."""
    parts = []
    for name, model in TABLES.items():
        title = f"`[[{name}]]`" if name in LISTED else f"`[{name}]`" if name else "The file itself"
        parts.append(f"### {title}\n\n{' '.join((model.__doc__ or '').split())}\n\n{_fields(name, model)}")
    return "\n".join(parts)


def _fields(table: str, model: type[BaseModel]) -> str:
    lines = ["| field | value | default | meaning |", "|---|---|---|---|"]
    for name, info in fields_of(model).items():
        if not table and name in TABLES:
            continue
        meaning = " ".join((info.description or "").split())
        lines.append(f"| `{name}` | {_kind(info)} | {_default(info)} | {meaning} |")
    return "\n".join(lines) + "\n"


def _kind(info: Any) -> str:
    """The kind of a value, in a word or two."""
    validators = " ".join(str(getattr(each, "func", "")) for each in info.metadata)
    for function, words in (
        ("_limit_or_nothing", "memory, `0` or `max`"),
        ("_limit", "memory or `max`"),
        ("_size", "memory"),
        ("_duration", "duration"),
        ("_watermarks", '`"auto"` or three'),
    ):
        if function in validators:
            return words
    return _kind_of_type(info.annotation, validators)


def _kind_of_type(annotation: Any, validators: str) -> str:
    if typing.get_origin(annotation) is typing.Annotated:
        inner = " ".join(str(getattr(each, "func", "")) for each in annotation.__metadata__)
        return "duration" if "_duration" in inner else _kind_of_type(annotation.__origin__, inner)
    if typing.get_origin(annotation) is typing.Literal:
        return ", ".join(f'`"{value}"`' for value in typing.get_args(annotation))
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return _kind_of_type(next(a for a in typing.get_args(annotation) if a is not type(None)), validators)
    return {str: "text", bool: "`true` or `false`", int: "number"}.get(annotation, str(annotation))


def _default(info: Any) -> str:
    value = info.default
    if value is PydanticUndefined:
        return "needed"
    if "auto" in _kind(info):
        return '`"auto"`'
    if value is None or value == "":
        return ""
    if isinstance(value, Amount):
        return f"`{value.text}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int) and value >= 10**6 and value % 10**6 == 0 and _kind(info) == "duration":
        return f"`{value // 10**6}ms`"
    return f"`{value}ns`" if isinstance(value, int) and _kind(info) == "duration" and value else f"`{value}`"


def document(text: str) -> str:
    """The document with the reference in its place."""
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n\n{reference()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(document(path.read_text(encoding="utf-8")), encoding="utf-8")
