"""A document as a session: its commands are run, its edits are made, and what they print is put in its place.

In: a document, and an empty directory. Out: the document as it would have to be. Blocks of these kinds mean something,
and all others are left alone:

    ```console            `$ rext …` is run; the lines up to the next `$` are what it prints
    ```diff FILE          the lines that begin with a blank or `-` must stand in FILE once, in a row; they are replaced
                          by those that begin with a blank or `+`
    ```rx FILE            FILE as it is now
    ```rx >> FILE         is put at the end of FILE

`python -m tests.tutorial_session` writes docs/tutorial.md anew where outputs have changed.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path

from runtime.cli.main import main

TUTORIAL = Path(__file__).resolve().parent.parent / "docs" / "tutorial.md"
COLUMNS = "100"
"""The width of the terminal; outputs are wrapped to it."""
_BLOCK = re.compile(r"^```(console|diff|rx)(?: (>> )?(\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SPEED = re.compile(r"^speed: .*(?:\n  .*)*$", re.MULTILINE)
"""What depends on the machine, wrapped to the width of the terminal."""


class Session:
    """A terminal in a directory: what was typed, with the exit statuses."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.statuses: list[tuple[str, int]] = []

    def document(self, text: str) -> str:
        return _BLOCK.sub(self._block, text)

    def _block(self, match: re.Match[str]) -> str:
        kind, appended, name, body = match.groups()
        if kind == "console":
            body = "".join(self._typed(line) for line in body.splitlines() if line.startswith("$ "))
        elif kind == "diff":
            self._edit(name, body.splitlines())
        elif appended:
            with (self._directory / name).open("a", encoding="utf-8") as stream:
                stream.write(body)
        elif name:
            body = (self._directory / name).read_text(encoding="utf-8")
        head = match.group().split("\n", 1)[0]
        return f"{head}\n{body}```"

    def _typed(self, line: str) -> str:
        """A command and what it prints."""
        program, *arguments = shlex.split(line[2:])
        assert program == "rext", line
        out = io.StringIO()
        before = Path.cwd()
        os.chdir(self._directory)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                self.statuses.append((line[2:], main(arguments)))
        finally:
            os.chdir(before)
        return f"{line}\n{out.getvalue()}"

    def _edit(self, name: str, changes: Sequence[str]) -> None:
        file = self._directory / name
        text = file.read_text(encoding="utf-8")
        old = "".join(f"{line[1:]}\n" for line in changes if not line.startswith("+"))
        new = "".join(f"{line[1:]}\n" for line in changes if not line.startswith("-"))
        assert text.count(old) == 1, f"{name}: stands there {text.count(old)} times:\n{old}"
        file.write_text(text.replace(old, new), encoding="utf-8")


def without_speed(text: str) -> str:
    """The document without the speed that `compare` ends with."""
    return _SPEED.sub("speed: …", text)


def write() -> None:
    """Put the outputs of today into the tutorial; a speed alone is no change."""
    os.environ["COLUMNS"] = COLUMNS
    text = TUTORIAL.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as directory:
        new = Session(Path(directory)).document(text)
    if without_speed(new) != without_speed(text):
        TUTORIAL.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    write()
