"""The one error of this package.

In: the name of a trace, a place in it and what is wrong there. Out: `TraceError`, whose text names all three, so
that a damaged file can be looked at with a hex dump and a mistyped spec be corrected. Everything a trace file or
a trace's name can get wrong ends in this error and in no other.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Literal

Unit = Literal["byte", "unpacked byte", "character", "file"]


class TraceError(Exception):
    """A trace cannot be read, made or written.

    `offset` counts from 0, in `unit`s: bytes of the file as it lies on disk, bytes of its unpacked content, or
    characters of the text that names the trace; of a `file` as a whole no place is named. `help`, if any, is one
    sentence that says what to do.
    """

    def __init__(self, path: str, offset: int, message: str, help: str | None = None, unit: Unit = "byte") -> None:
        super().__init__(path, offset, message, help, unit)
        self.path = path
        self.offset = offset
        self.message = message
        self.help = help
        self.unit: Unit = unit

    def __str__(self) -> str:
        place = "" if self.unit == "file" else f"{self.unit} {self.offset}: "
        text = f"{self.path}: {place}{self.message}"
        return text if self.help is None else f"{text}; {self.help}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """A help sentence that names what `name` was probably meant to be, or None."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.55)
    return f"did you mean `{close[0]}`?" if close else None
