"""Writing to the user.

In: text that may hold names from files. Out: results on standard output, all else on standard error. What comes from
outside is made harmless to a terminal first (`printable`); colour is used if asked for, or on a terminal.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from dsl.render import escape
from runtime.cli.status import UsageError

COLOR_CHOICES = ("auto", "always", "never")


def printable(text: str) -> str:
    """The text with everything but line ends, tabs and visible characters written as escapes."""
    return "".join(c if c in "\n\t" else escape(c) for c in text)


def printable_line(text: str) -> str:
    """As `printable`, on one line."""
    return escape(text)


def use_color(choice: str, stream: TextIO) -> bool:
    """Whether to colour what is written to `stream`; `NO_COLOR` and a dumb terminal count as never in `auto`."""
    if choice != "auto":
        return choice == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def in_columns(pairs: Sequence[tuple[str, str]], indent: str = "  ", widest: int = 42) -> list[str]:
    """Names and what they are, side by side, wrapped to the width of the terminal."""
    left = min(widest, max((len(name) for name, _ in pairs), default=0))
    room = max(40, min(shutil.get_terminal_size((100, 24)).columns, 120) - len(indent) - left - 2)
    lines = []
    for name, text in pairs:
        first, *others = textwrap.wrap(printable_line(text), room) or [""]
        shown = printable_line(name)
        if len(shown) > left:
            lines.append(f"{indent}{shown}")
            shown = ""
        lines.append(f"{indent}{shown.ljust(left)}  {first}".rstrip())
        lines += [f"{indent}{' ' * left}  {other}" for other in others]
    return lines


def emit(text: str) -> None:
    """Write a result."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def emit_json(data: Any) -> None:
    """Write a result as JSON."""
    emit(json.dumps(data, indent=2, allow_nan=False))


def note(text: str) -> None:
    """Write a remark."""
    print(f"rext: {printable_line(text)}", file=sys.stderr)


def write_file(path: str, data: bytes | str) -> None:
    """Write a file that the user named."""
    try:
        if isinstance(data, str):
            Path(path).write_text(data, encoding="utf-8", newline="\n")
        else:
            Path(path).write_bytes(data)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None


def check_writable(path: str) -> None:
    """Find out before long work whether the file named for its result can be written."""
    file = Path(path)
    if file.is_dir():
        raise UsageError(f"{path}: cannot be written: it is a directory")
    if not file.parent.is_dir():
        raise UsageError(f"{path}: cannot be written: there is no directory {file.parent}")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise UsageError(f"{path}: cannot be written: permission denied")
