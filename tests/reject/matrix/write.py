"""Writes the files of the matrix of rejections (`tests/reject/matrix/cells.py`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.reject.matrix import by_call, by_construct, by_hook
from tests.reject.matrix.cells import Entry, Golden, cells_text, goldens_text

FOLDER = Path(__file__).parent


def all_files() -> Iterator[tuple[Path, str]]:
    """The files that belong beside this one, with their text."""
    entries: list[Entry] = []
    for module, name, about in (
        (by_hook, "hooks.rx", "Every code in every hook in which it can arise."),
        (by_call, "calls.rx", "Every code at every kfunc at which it can arise."),
        (by_construct, "constructs.rx", "Every code at every construct at which it can arise."),
    ):
        found = list(module.entries())
        entries += found
        yield FOLDER / name, goldens_text((entry for entry in found if isinstance(entry, Golden)), about)
    yield FOLDER / "cells.txt", cells_text(entries)


def main() -> None:
    for path, text in all_files():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
