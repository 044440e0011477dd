"""Diagnostics to text and JSON.

In: diagnostics and the source they are about. Out: text for a terminal, in the style of rustc, or data for JSON. What
comes from the source is escaped, so that a policy cannot control the terminal; tabs and wide characters keep the
carets in place; long lines are cut around the place that matters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dsl.diagnostics import MAX_REPORTED, Diagnostic, Label
from dsl.source import Source

TAB = 4
MAX_WIDTH = 120
"""Longer lines are shown in part."""
MAX_MESSAGE = 400
_RED, _BLUE, _BOLD, _RESET = "\033[1;31m", "\033[1;34m", "\033[1m", "\033[0m"


@dataclass(frozen=True, slots=True)
class _Paint:
    color: bool

    def __call__(self, style: str, text: str) -> str:
        return f"{style}{text}{_RESET}" if self.color and text else text


def render_text(diagnostics: Sequence[Diagnostic], source: Source, color: bool = False) -> str:
    """The diagnostics as text; more than `MAX_REPORTED` are counted."""
    paint = _Paint(color)
    lines = source.text.split("\n")
    shown = ["\n".join(_diagnostic(d, source.name, lines, paint)) for d in diagnostics[:MAX_REPORTED]]
    if len(diagnostics) > MAX_REPORTED:
        shown.append(f"… and {len(diagnostics) - MAX_REPORTED:,} more errors")
    return "\n\n".join(shown) + "\n" if shown else ""


def to_json(diagnostic: Diagnostic, source: Source) -> dict[str, Any]:
    """One diagnostic as data."""
    return {
        "code": diagnostic.code,
        "message": diagnostic.message,
        "file": source.name,
        **_place(diagnostic.primary),
        "related": [_place(label) for label in diagnostic.related],
        "facts": list(diagnostic.facts),
        "help": diagnostic.help,
    }


def _place(label: Label) -> dict[str, Any]:
    span = label.span
    return {
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
        "label": label.text,
    }


def escape(text: str) -> str:
    """`text` without control characters and what else could mislead a terminal or its reader, cut to a few lines."""
    cut = text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + "…"
    return "".join(c if c.isprintable() else _escaped(c) for c in cut)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{{{code:x}}}"


def _diagnostic(diagnostic: Diagnostic, name: str, lines: list[str], paint: _Paint) -> Iterator[str]:
    span = diagnostic.primary.span
    labels = [diagnostic.primary, *diagnostic.related]
    margin = len(str(max((label.span.line for label in labels), default=1)))
    yield f"{paint(_RED, f'error[{diagnostic.code}]')}{paint(_BOLD, ': ' + escape(diagnostic.message))}"
    place = f"{span.line}:{span.column}" if span.line else "no place in the text"
    yield f"{' ' * margin}{paint(_BLUE, '-->')} {escape(name)}:{place}"
    yield f"{' ' * margin} {paint(_BLUE, '|')}"
    previous = 0
    for number, label in enumerate(labels):
        if label.span.line:
            excerpt = list(_excerpt(label, lines, margin, "^" if number == 0 else "-", paint))
            # A line is shown once for all labels that follow each other on it, unless each shows another part.
            yield from excerpt[1:] if label.span.line == previous and "…" not in excerpt[0] else excerpt
            previous = label.span.line
        elif label.text:
            yield f"{' ' * margin} {paint(_BLUE, '|')} {escape(label.text)}"
    if diagnostic.facts:
        yield _note(margin, "facts", ", ".join(diagnostic.facts), paint)
    if diagnostic.help:
        yield _note(margin, "help", diagnostic.help, paint)


def _note(margin: int, kind: str, text: str, paint: _Paint) -> str:
    return f"{' ' * margin} {paint(_BLUE, '=')} {paint(_BOLD, kind)}: {escape(text)}"


def _excerpt(label: Label, lines: list[str], margin: int, mark: str, paint: _Paint) -> Iterator[str]:
    """The line a label is on, marked below; of several lines the first, marked to its end."""
    span = label.span
    text = lines[span.line - 1].rstrip("\r") if 1 <= span.line <= len(lines) else ""
    start = min(max(span.column - 1, 0), len(text))
    end = len(text) if span.end_line > span.line else min(span.end_column - 1, len(text))
    text, start, end = _window(text, start, max(end, start))
    shown, before = _expand(text, start)
    _, through = _expand(text, end)
    width = max(through - before, 1)
    style = _RED if mark == "^" else _BLUE
    bar = paint(_BLUE, "|")
    note = label.text
    if span.end_line > span.line:
        note = f"{note} (to line {span.end_line})" if note else f"to line {span.end_line}"
    yield f"{paint(_BLUE, str(span.line).rjust(margin))} {bar} {shown}".rstrip()
    yield f"{' ' * margin} {bar} {' ' * before}{paint(style, (mark * width + ' ' + escape(note)).rstrip())}"


def _window(text: str, start: int, end: int) -> tuple[str, int, int]:
    """The part of a long line around [`start`, `end`), with the place of both in it."""
    if len(text) <= MAX_WIDTH:
        return text, start, end
    low = max(0, start - MAX_WIDTH // 3)
    high = min(len(text), low + MAX_WIDTH)
    left, right = ("…" if low else ""), ("…" if high < len(text) else "")
    offset = len(left) - low
    return f"{left}{text[low:high]}{right}", start + offset, min(end, high) + offset


def _expand(text: str, position: int) -> tuple[str, int]:
    """`text` as the terminal shows it, and the screen column of `position` in it."""
    shown: list[str] = []
    column = place = 0
    for index, character in enumerate(text):
        if index == position:
            place = column
        piece = " " * (TAB - column % TAB) if character == "\t" else escape(character)
        shown.append(piece)
        column += sum(_width(c) for c in piece)
    return "".join(shown), place if position < len(text) else column


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
