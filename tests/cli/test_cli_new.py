"""`rext new` writes a policy and its expectations, which hold as they are, and overwrites nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli_samples import Rext

from runtime.policy_file import PROGRAMS
from runtime.starter import TEMPLATE

SHIPPED = sorted(path.stem for path in PROGRAMS.glob("*.rx"))


def passed(rext: Rext, name: str) -> int:
    """How many programs of the two files pass, if all do."""
    outcome = rext("test", f"{name}.rx", f"{name}.test.rx")
    assert outcome.status == 0, outcome.out
    return int(outcome.out.split()[0])


def test_a_new_policy_is_accepted_and_its_expectations_hold(rext: Rext, tmp_path: Path) -> None:
    outcome = rext("new", "mine")
    assert outcome.status == 0
    text = (tmp_path / "mine.rx").read_text()
    assert text.startswith("// mine: ") and "\npolicy mine;\n" in text and TEMPLATE.stem not in text
    assert passed(rext, "mine") == 11
    expected = (tmp_path / "mine.test.rx").read_text()
    assert "//! error: ownership-mismatch" in expected and "f.hits = nr_pages;" in expected


def test_the_commands_it_prints_work(rext: Rext) -> None:
    commands = rext("new", "mine", "--format", "json").data["commands"]
    assert [command.split()[1] for command in commands] == ["check", "test", "run", "compare"]
    for command in commands:
        outcome = rext(*command.split()[1:])
        assert outcome.status == 0, outcome.err
    assert Path("mine.png").stat().st_size > 0


@pytest.mark.parametrize("program", SHIPPED)
def test_a_copy_of_a_shipped_policy_holds(rext: Rext, tmp_path: Path, program: str) -> None:
    assert rext("new", "mine", "--from", program).status == 0
    text = (tmp_path / "mine.rx").read_text()
    assert text.startswith(f"// mine: begun as a copy of {program}. ")
    assert "\npolicy mine;\n" in text and "// Metadata:" not in text
    assert passed(rext, "mine") >= 3


def test_a_copy_of_a_file_of_ones_own(rext: Rext, policies: Path) -> None:
    assert rext("new", "mine", "--from", "good.rx").status == 0
    assert passed(rext, "mine") == 9
    assert (policies / "mine.rx").read_text().startswith("// mine: begun as a copy of mine. ")


EVERYTHING = """\
policy everything;
const N: u64 = 3;
param kept: u64 = 2 in 1..=4;
struct seen { times: u32, last: u64 }
list young[N]; list old;
folio { big: u64, small: u16 }
map history: lru_hash<page_key, seen>[nr_pages * kept];
hook folio_added(f) { old.push_tail(f); }
hook evict_folios(ctx) { scan f in old limit ctx.nr_to_scan { ctx.evict(f); } }
"""


def test_expectations_fit_what_the_policy_declares(rext: Rext, tmp_path: Path) -> None:
    (tmp_path / "everything.rx").write_text(EVERYTHING)
    assert rext("new", "mine", "--from", "everything.rx").status == 0
    assert passed(rext, "mine") == 13
    expected = (tmp_path / "mine.test.rx").read_text()
    for part in ("const N: u64 = 3;\nlist young[N];", "young[0].push_tail(f)", "f.small = min(nr_pages, 65535)",
                 "param kept: u64 = 2 in 1..=4;\nstruct seen", "entry.times", "history.lookup(f.key)"):  # fmt: skip
        assert part in expected
    assert "list old" not in expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mine.rx", "write `mine`"),
        ("my-own", "`my_own` would do"),
        ("9lives", "no digit first"),
        ("", "letters, digits and `_`"),
        ("../mine", "letters, digits and `_`"),
        ("a" * 65, "at most 64 characters"),
        ("list", "cannot be the name of this policy"),
        ("clock", "is a policy already"),
        ("opt", "is a policy already"),
    ],
)
def test_names_that_are_no_good(rext: Rext, tmp_path: Path, name: str, message: str) -> None:
    outcome = rext("new", name)
    assert outcome.status == 2
    assert message in outcome.err and outcome.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        ("clok", "did you mean `clock`?"),
        ("nonsense", "unknown policy `nonsense`"),
        ("builtin:lru", "`--from lru` is the same algorithm"),
        ("opt", "cannot be copied"),
        ("gone.rx", "no such file"),
        ("bad.rx", "is not accepted as it is"),
        ("saved.rxo", "begun from its text"),
        ("notes.rx", "does not say `policy NAME;`"),
    ],
)
def test_programs_that_cannot_be_copied(rext: Rext, policies: Path, origin: str, message: str) -> None:
    (policies / "notes.rx").write_text("// nothing yet\n")
    before = set(policies.iterdir())
    outcome = rext("new", "mine", "--from", origin)
    assert outcome.status == 2
    assert message in outcome.err and outcome.err.count("\n") == 1
    assert set(policies.iterdir()) == before


@pytest.mark.parametrize("there", ["mine.rx", "mine.test.rx"])
def test_nothing_is_overwritten(rext: Rext, tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine, and of value\n")
    outcome = rext("new", "mine")
    assert outcome.status == 2
    assert f"{there}: is there already" in outcome.err
    assert (tmp_path / there).read_text() == "mine, and of value\n"
    assert len(list(tmp_path.iterdir())) == 1


def test_both_files_or_neither(rext: Rext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def refusing(path: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if mode == "x" and path.name == "mine.test.rx":
            raise PermissionError(13, "Permission denied")
        return opened(path, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", refusing)
    outcome = rext("new", "mine")
    assert outcome.status == 2
    assert "mine.test.rx: cannot be written: Permission denied" in outcome.err
    assert not list(tmp_path.iterdir())
