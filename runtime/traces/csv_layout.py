"""Which column of a csv file means what.

In: the first line of a file, and what the user says (`csv:object=2,time=1,delimiter=semicolon,header=no`). Out: a
`Layout`. Columns are given by number, from 1, or by the name in the header. What is not said is found out: a first
line with a known name in it and without numbers is a header; without one, the columns are libCacheSim's: time,
object, size, next access, or the object alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from runtime.traces.errors import TraceError, nearest

DELIMITERS = {"comma": b",", "semicolon": b";", "tab": b"\t", "pipe": b"|", "space": b" "}

NAMES = {
    "object": ("object", "obj", "obj_id", "object_id", "objectid", "id", "key", "lba", "block", "page", "address"),
    "time": ("time", "timestamp", "ts", "clock", "clock_time", "real_time"),
    "flags": ("flags", "op", "operation", "type", "rw", "opcode"),
    "tenant": ("tenant", "tenant_id", "memcg", "namespace", "app", "client"),
}
"""The columns that are read, by the names that headers give them; all others (size, next) are passed over."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Column numbers from 0; None for a column that is not there."""

    delimiter: bytes
    header: bool
    object: int
    time: int | None = None
    flags: int | None = None
    tenant: int | None = None

    @property
    def width(self) -> int:
        """How many columns a line must have at least."""
        return 1 + max(c for c in (self.object, self.time, self.flags, self.tenant) if c is not None)


def read_options(text: str) -> dict[str, str]:
    """The options in `object=2,time=1`; a mistake is an error at its place in `csv:object=2,time=1`."""
    options: dict[str, str] = {}
    offset = len("csv:")
    for item in filter(None, text.split(",")):
        name, equals, value = item.partition("=")
        if name not in (*NAMES, "delimiter", "header"):
            help = nearest(name, (*NAMES, "delimiter", "header"))
            raise TraceError(f"csv:{text}", offset, f"unknown option `{name}`", help, "character")
        wrong = None
        if not equals or not value:
            wrong = f"`{name}` needs a value"
        elif name == "delimiter" and value not in DELIMITERS:
            wrong = f"delimiter `{value}`; there are {', '.join(DELIMITERS)}"
        elif name == "header" and value not in ("yes", "no"):
            wrong = "header is yes or no"
        if wrong:
            raise TraceError(f"csv:{text}", offset, wrong, unit="character")
        options[name] = value
        offset += len(item) + 1
    return options


def find_layout(path: str, first_line: bytes, options: dict[str, str]) -> Layout:
    """The layout of the file that begins with this line."""
    named = options.get("delimiter")
    delimiter = DELIMITERS[named] if named else delimiter_of(first_line)
    fields = [clean(field).decode("utf-8", "replace").lower() for field in first_line.split(delimiter)]
    known = {name for names in NAMES.values() for name in names}
    header = options.get("header") == "yes"
    if "header" not in options:
        header = any(field in known for field in fields) and not any(_is_number(field) for field in fields)
    columns = {
        meaning: _column(path, meaning, options[meaning], fields if header else [])
        if meaning in options
        else _guessed(meaning, fields, header)
        for meaning in NAMES
    }
    if columns["object"] is None:
        raise TraceError(path, 0, "no column holds the object", "name it: --format csv:object=NUMBER")
    return Layout(delimiter, header, columns["object"], columns["time"], columns["flags"], columns["tenant"])


def delimiter_of(line: bytes) -> bytes:
    """The delimiter found in a line; a comma if none is."""
    return next((mark for name, mark in DELIMITERS.items() if name != "space" and mark in line), b",")


def clean(field: bytes) -> bytes:
    """A field without blanks around it, nor quotes around that."""
    field = field.strip()
    return field[1:-1] if len(field) >= 2 and field[:1] == field[-1:] == b'"' else field


def _guessed(meaning: str, fields: list[str], header: bool) -> int | None:
    if header:
        return next((fields.index(name) for name in NAMES[meaning] if name in fields), None)
    if meaning == "object":
        return 1 if len(fields) > 1 else 0
    return 0 if meaning == "time" and len(fields) > 1 else None


def _column(path: str, meaning: str, text: str, fields: list[str]) -> int:
    if text.isascii() and text.isdigit():
        if not 1 <= int(text[:6]) <= 1000:
            raise TraceError(path, 0, f"column {text} for `{meaning}`: columns are numbered from 1 to 1000")
        return int(text) - 1
    if text.lower() not in fields:
        raise TraceError(path, 0, f"no column is called `{text}`", nearest(text.lower(), fields))
    return fields.index(text.lower())


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
