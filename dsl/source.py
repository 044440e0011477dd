"""Places in a policy's text.

In: the text of one policy. Out: `Span`, a half-open range of characters given by line and column, and
`Source`, which turns a span back into the lines it covers. Every token, AST node, IR instruction and
diagnostic carries a `Span`; nothing else refers to text.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A range of text: from (`line`, `column`) up to, not including, (`end_line`, `end_column`).

    Lines and columns count from 1; columns count characters, not bytes.
    """

    line: int
    column: int
    end_line: int
    end_column: int

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of `other`."""
        return Span(self.line, self.column, other.end_line, other.end_column)


NOWHERE = Span(0, 0, 0, 0)
"""The span of what has no text: synthesised instructions."""


@dataclass(frozen=True, slots=True)
class Source:
    """A named text. `name` is what messages print: a path as the user gave it, or `<object>`."""

    name: str
    text: str

    def line(self, number: int) -> str:
        """Line `number` (from 1) without its line end; empty beyond the text."""
        lines = self.text.split("\n")
        return lines[number - 1].rstrip("\r") if 1 <= number <= len(lines) else ""
