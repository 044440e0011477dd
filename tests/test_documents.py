"""README and documents: links lead somewhere, and policies that are shown are accepted and run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dsl.compile import Compilation
from dsl.source import Source
from runtime.cli.main import main
from verifier.verify import verify

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
README = ROOT / "README.md"
LANGUAGE = ROOT / "docs" / "language.md"
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")
_ELSEWHERE = re.compile(r"[a-z]+:", re.ASCII)


def prose(path: Path) -> str:
    """A document without what it shows of files and terminals."""
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def links(path: Path) -> list[str]:
    """The links within the project; code in a line is not one."""
    found = _LINK.findall(re.sub(r"`[^`\n]*`", "`code`", prose(path)))
    return [link for link in found if not _ELSEWHERE.match(link)]


def anchors(path: Path) -> set[str]:
    """The names of its headings, as GitHub makes them."""
    found = set[str]()
    for title in re.findall(r"^#+ +(.*?) *$", prose(path), re.MULTILINE):
        name = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        number, unique = 0, name
        while unique in found:
            number += 1
            unique = f"{name}-{number}"
        found.add(unique)
    return found


def policies(path: Path) -> list[str]:
    return re.findall(r"^```rx\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    lost = []
    for link in links(document):
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        found = target.is_relative_to(ROOT) and target.exists()
        if found and anchor:
            found = target.suffix == ".md" and anchor in anchors(target)
        if not found:
            lost.append(link)
    assert not lost


def test_there_are_links_and_anchors_to_be_checked() -> None:
    assert "docs/language.md" in links(README) and "docs/comparison.png" in links(README)
    assert "two-ways-to-plan" in anchors(LANGUAGE)


@pytest.mark.parametrize("text", policies(README))
def test_what_the_readme_shows_is_accepted(text: str) -> None:
    compilation = Compilation(Source("README.md", text))
    assert compilation.policy is not None, compilation.diagnostics
    verdict = verify(compilation.policy)
    assert verdict.accepted, verdict.diagnostics


def test_the_policy_that_knows_memcgs_runs_where_they_are_protected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (text,) = (text for text in policies(LANGUAGE) if "policy tree_aware;" in text)
    (tmp_path / "tree_aware.rx").write_text(text)
    monkeypatch.setenv("REXT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    scenario = ROOT / "docs" / "scenarios" / "two_tenants.toml"
    assert main(["run", "tree_aware.rx", "--scenario", str(scenario)]) == 0
    out = capsys.readouterr().out
    assert "tree_aware.rx" in out and "ejected" not in out
