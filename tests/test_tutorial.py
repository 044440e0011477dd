"""docs/tutorial.md does what it says: its commands print what it shows, and its claims hold in what they print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tutorial_session import COLUMNS, TUTORIAL, Session, without_speed

TEXT = TUTORIAL.read_text(encoding="utf-8")
_ROW = re.compile(r"^(mine\.rx|builtin:\w+) +(\d+\.\d+)\*? +(\d+\.\d+)\*? +(\d+\.\d+)\*? +\S+$", re.MULTILINE)


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setenv("REXT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", COLUMNS)
    (tmp_path / "mine").mkdir()
    return Session(tmp_path / "mine")


def test_the_commands_print_what_it_shows(session: Session) -> None:
    assert without_speed(session.document(TEXT)) == without_speed(TEXT)
    rejected = [command for command, status in session.statuses if status != 0]
    assert rejected == ["rext check mine.rx"] * 3


def tables(text: str, trace: str) -> list[dict[str, list[float]]]:
    """The miss ratios of the comparisons on a trace, one after the other."""
    found = []
    for part in re.split(r"^(?=mem_\w+: |\$ )", text, flags=re.MULTILINE):
        if part.startswith(f"{trace}: "):
            rows = [(name, [float(value) for value in values]) for name, *values in _ROW.findall(part)]
            found.append(dict(rows))
    return found


def fewer(table: dict[str, list[float]], than: str, sizes: int = 3) -> bool:
    """At the smallest `sizes` sizes of memory."""
    return all(mine < other for mine, other in list(zip(table["mine.rx"], table[than], strict=True))[:sizes])


def test_it_beats_the_kernel_where_it_says_so() -> None:
    fifo, hits, young, two_lists, _, remembered, last = tables(TEXT, "mem_gcc")
    assert not fewer(fifo, "builtin:lru") and not fewer(hits, "builtin:lru")
    assert fewer(young, "builtin:lru")
    for table, sizes in (two_lists, 3), (last, 3), (tables(TEXT, "mem_sqlite")[-1], 2):
        assert fewer(table, "builtin:lru", sizes) and fewer(table, "builtin:mglru", sizes)
    assert last["mine.rx"] == remembered["mine.rx"]


def test_remembering_pays_where_it_says_so() -> None:
    rows = re.findall(
        r"^mine\.rx(:gone_percent=0)? +(\d+\.\d+)\*? +(\d+\.\d+)", TEXT.split("Does it help?")[1], re.MULTILINE
    )
    compiler, compiler_without, database, database_without = (tuple(map(float, row[1:])) for row in rows[:4])
    assert all(more < 1.03 * less for more, less in zip(compiler, compiler_without, strict=True))
    assert database[0] < 0.92 * database_without[0] and database[1] < 0.77 * database_without[1]
