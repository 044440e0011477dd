"""Text within the width of a terminal: tables that are folded, lines that are wrapped, words that count.

In: rows of text, or text. Out: lines of at most `WIDTH` columns, unless a single cell or word is wider.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence

WIDTH = 100
GAP = "  "


def counted(number: int, noun: str) -> str:
    """`1 page`, `2 pages`, `2 accesses`."""
    ending = "" if number == 1 else "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}{ending}"


def wrapped(text: str, indent: str = "", width: int = WIDTH) -> list[str]:
    """The text in lines; all but the first begin with `indent`."""
    return textwrap.wrap(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ) or [""]  # fmt: skip


def figure_lines(name: str, value: str, width: int) -> list[str]:
    """A name, `width` columns of it, and its value beside it."""
    first, *others = wrapped(value, width=WIDTH - width - len(GAP))
    return [f"{name.ljust(width)}{GAP}{first}", *(f"{' ' * width}{GAP}{other}" for other in others)]


def folded(rows: Sequence[Sequence[str]], keys: int = 1, left: Collection[int] = (0,)) -> list[list[str]]:
    """The lines of a table whose first row is its header, in as many tables as it takes, each with the first `keys`
    columns. The columns in `left` are aligned to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    needed = len(_parts(widths, keys, WIDTH))
    evenly = (found for width in range(WIDTH + 1) if len(found := _parts(widths, keys, width)) == needed)
    return [[_line(row, [*range(keys), *part], widths, left) for row in rows] for part in next(evenly)]


def _parts(widths: Sequence[int], keys: int, width: int) -> list[list[int]]:
    """The columns of each of the tables that stay within the width."""
    parts: list[list[int]] = [[]]
    for column in range(keys, len(widths)):
        used = sum(widths[c] + len(GAP) for c in (*range(keys), *parts[-1]))
        if parts[-1] and used + widths[column] > width:
            parts.append([])
        parts[-1].append(column)
    return parts


def _line(row: Sequence[str], columns: Sequence[int], widths: Sequence[int], left: Collection[int]) -> str:
    cells = [row[c].ljust(widths[c]) if c in left else row[c].rjust(widths[c]) for c in columns]
    return GAP.join(cells).rstrip()
