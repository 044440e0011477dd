"""The matrix of rejections: its files are what the codes, the `abi` and the grammar of today give, and no cell of it is
left out."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from dsl.abi import HOOKS, KFUNCS
from dsl.codes import CODES
from tests.reject.matrix import by_call, by_construct, by_hook
from tests.reject.matrix.cells import Cell, Empty, Entry, Golden
from tests.reject.matrix.write import FOLDER, all_files

FILES = {path: text for path, text in all_files()}


@cache
def entries() -> tuple[Entry, ...]:
    return tuple(entry for module in (by_hook, by_call, by_construct) for entry in module.entries())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_files_are_up_to_date(path: Path) -> None:
    """Write them with `python -m tests.reject.matrix.write`."""
    assert path.read_text(encoding="utf-8") == FILES[path]
    assert path.parent == FOLDER


def test_every_cell_has_a_golden_or_a_reason() -> None:
    calls = {f"{k.receiver}.{k.member}" if k.receiver else k.member for k in KFUNCS.values()}
    columns = {"hook": set(HOOKS), "call": calls, "construct": set(by_construct.constructs())}
    wanted = {Cell(code, kind, name) for code in CODES for kind, names in columns.items() for name in names}
    found = [cell for entry in entries() for cell in (entry.cells if isinstance(entry, Golden) else (entry.cell,))]
    assert set(found) == wanted
    both = {e.cell for e in entries() if isinstance(e, Empty)} & {
        c for e in entries() if isinstance(e, Golden) for c in e.cells
    }
    assert not both, "empty, and yet filled"


def test_no_cell_is_empty_without_a_reason() -> None:
    assert all(entry.reason for entry in entries() if isinstance(entry, Empty))


def test_every_rejection_has_a_twin_that_differs() -> None:
    for entry in entries():
        if isinstance(entry, Golden):
            assert "//! error: " in entry.rejected and "//!" not in entry.accepted
            assert entry.rejected.replace(entry.accepted, "") and entry.accepted != entry.rejected.partition("  //!")[0]
