"""The gallery: facts from rows, pictures, and a document that names every program as it is now."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import approximations, gallery
from benchmarks.gallery_document import introduction, links, markdown
from benchmarks.gallery_facts import Facts
from benchmarks.gallery_plot import draw
from benchmarks.gallery_programs import grouped, header, shown_programs
from benchmarks.gallery_tables import metadata_table, signed
from runtime.program import program_names
from runtime.row import Row

SHARES = ("10%", "40%")
STALE = "stale: python -m benchmarks.gallery --write"
MISSES = {"builtin:lru": (100, 50), "builtin:mglru": (90, 60), "opt": (50, 20), "fifo": (200, 50), "clock": (80, 40)}


def in_order(names: list[str]) -> list[str]:
    """The programs as the document has them."""
    return [name for group in grouped(names).values() for name in group]


def facts(model: str, **changed: tuple[int, int]) -> Facts:
    rows = [
        Row(policy, trace, model, pages, 1000, 1000 - misses, misses, misses, 0, 0, 0.1)
        for trace in ("one", "two")
        for policy, counts in (MISSES | changed).items()
        for pages, misses in zip((10, 40), counts, strict=True)
    ]
    return Facts(rows, SHARES)


def test_facts_compare_with_the_kernels_lru() -> None:
    found = facts("ideal")
    assert found.programs == ("fifo", "clock")
    fifo = found.against("fifo")
    assert fifo is not None and fifo.mean == pytest.approx(2**0.5) and (fifo.fewer, fifo.cells) == (0, 4)
    assert (fifo.best[0].name, fifo.best[1], fifo.worst[0].name, fifo.worst[1]) == (
        "one at 40%",
        1.0,
        "one at 10%",
        2.0,
    )
    assert [name for name, _ in found.ranking(found.cells[0])] == ["clock", "fifo"]
    assert (found.wins("clock"), found.wins("fifo")) == (4, 0)
    assert (signed(0.975), signed(1.5), signed(2.5)) == ("\N{MINUS SIGN}2.5%", "+50.0%", "2.5x")


def test_equal_misses_are_both_a_win() -> None:
    found = facts("ideal", fifo=(80, 50))
    assert (found.wins("clock"), found.wins("fifo")) == (4, 2)
    assert [name for name, _ in found.ranking(found.cells[0])] == ["fifo", "clock"]
    assert found.leaders(found.cells[0], 3) == [("fifo", 0.08)]


def test_a_picture_is_small_and_has_every_line() -> None:
    models = {"ideal": facts("ideal"), "kernel": facts("kernel", fifo=(210, 60))}
    picture = draw("fifo", models)
    assert picture == draw("fifo", models) and len(picture) < 12_000
    root = ElementTree.fromstring(picture)
    lines = root.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 4 * 4
    places = [tuple(map(float, point.split(","))) for line in lines for point in (line.get("points") or "").split()]
    assert all(0 <= x <= 230 and 0 <= y <= 130 for x, y in places)


def test_a_header_is_paragraphs_without_its_last_line(tmp_path: Path) -> None:
    source = tmp_path / "p.rx"
    source.write_text(
        "// P: an idea\n// in two lines. And more.\n// A. Author, 1999.\n//\n// Choice\n"
        "// Metadata: 3 bytes per folio.\n\npolicy p;\n// not this\n"
    )
    assert header(source) == ("P: an idea in two lines. And more.", "A. Author, 1999.", "Choice")


def test_programs_are_grouped_and_none_is_left_out() -> None:
    assert in_order(["lru", "mine", "clock"]) == ["clock", "lru", "mine"]
    assert sorted(in_order(program_names())) == program_names()


def test_a_short_run_gives_a_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "QUICK_LIMIT", 3000)
    monkeypatch.setattr(gallery, "TRACES", ("mem_rg",))
    models = gallery.measure(["fifo"], quick=True, jobs=1)
    (tmp_path / "gallery").mkdir()
    (tmp_path / "gallery" / "gone.svg").touch()
    monkeypatch.setattr("benchmarks.gallery_programs.PROGRAMS", only(tmp_path, "fifo"))
    gallery.write(tmp_path / "gallery.md", models, ["## An extra section\n"])
    text = (tmp_path / "gallery.md").read_text(encoding="utf-8")
    assert "#### fifo" in text and "## An extra section" in text and "| mem_rg | 40% | fifo" in text
    assert [path.name for path in (tmp_path / "gallery").iterdir()] == ["fifo.svg"]
    assert text == markdown(models, ["## An extra section\n"])


def only(folder: Path, *names: str) -> Path:
    """A folder with some of the programs."""
    chosen = folder / "programs"
    chosen.mkdir()
    for name in names:
        (chosen / f"{name}.rx").write_text((gallery.DOCUMENT.parent.parent / "programs" / f"{name}.rx").read_text())
    return chosen


# --- the document as it is ----------------------------------------------------------------------------------


def test_the_document_has_every_program_as_it_is() -> None:
    text = gallery.DOCUMENT.read_text(encoding="utf-8")
    for program in shown_programs().values():
        assert introduction(program) in text, STALE
        assert links(program) in text, STALE
    assert re.findall(r"^#### (\w+)$", text, re.MULTILINE) == in_order(program_names()), STALE


def test_the_document_has_what_programs_keep() -> None:
    assert metadata_table(shown_programs()) in gallery.DOCUMENT.read_text(encoding="utf-8"), STALE


def test_the_document_has_a_picture_of_each_program() -> None:
    pictures = gallery.DOCUMENT.parent / "gallery"
    assert sorted(path.stem for path in pictures.glob("*.svg")) == program_names(), STALE
    for path in pictures.glob("*.svg"):
        ElementTree.parse(path)


# --- what approximations cost ---------------------------------------------------------------------------------


def test_approximations_are_compared_with_what_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approximations, "APPROXIMATIONS", approximations.APPROXIMATIONS[:1])
    monkeypatch.setattr(approximations, "QUICK_LIMIT", 3000)
    text = approximations.sampling(["mem_rg"], quick=True, jobs=1)
    assert "| hyperbolic | 64 folios drawn, instead of all | mem_rg | 10% |" in text


def test_fixed_point_is_compared_with_floats() -> None:
    lines = approximations.arithmetic(["mem_sqlite"], quick=True).splitlines()
    programs = [line.split(" | ")[0].removeprefix("| ") for line in lines if "| mem_sqlite |" in line]
    assert programs == sorted(approximations.references())
