"""What newcomers get wrong, and what they are told: one error for each mistake, with a place and an edit.

The programs stand in `newcomers.txt`, each below a title that says how many mistakes it has, and followed by what
`rext check` prints. `python tests/verifier/test_newcomers.py` writes the file anew; read the difference.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dsl.diagnostics import Diagnostic
from dsl.render import render_text
from dsl.source import Source
from runtime.expect import judge

FILE = Path(__file__).with_name("newcomers.txt")
HEAD = """\
policy mine;
param limit: u64 = 8 in 1..=64;
list queue; list gen[4]; bag all; heap uses; cursor hand on queue;
state total: u64; state small: u8; state signed: i64; state hist: u64[16];
folio { age: u64, slot: u8, hot: bool }
struct seen { times: u32, last: u64 }
map counts: hash<page_key, u32>[nr_pages];
map past: lru_hash<page_key, seen>[nr_pages];
map banned: hash<page_key>[64];
map sketch: array<u64, u8>[1024];
"""
"""What a program may use, unless it begins with its own `policy`."""
_CASE = re.compile(r"^=== ([^\n]+), (\d+) mistakes?\n(.*?)^---\n(.*?)(?=^=== |\Z)", re.DOTALL | re.MULTILINE)
CASES = [
    (title, int(count), body, said) for title, count, body, said in _CASE.findall(FILE.read_text(encoding="utf-8"))
]


def source_of(body: str) -> Source:
    return Source("mine.rx", body if body.startswith("policy") else HEAD + body)


def found_in(body: str) -> tuple[Diagnostic, ...]:
    return judge(source_of(body))


@pytest.mark.parametrize(("title", "count", "body", "said"), CASES, ids=[case[0] for case in CASES])
def test_what_is_said(title: str, count: int, body: str, said: str) -> None:
    found = found_in(body)
    assert len(found) == count
    assert list(found) == sorted(found, key=lambda d: d.primary.span)
    assert render_text(found, source_of(body)) + "\n" == said


def test_nearly_every_mistake_comes_with_an_edit() -> None:
    found = [diagnostic for _, _, body, _ in CASES for diagnostic in found_in(body)]
    helped = sum(diagnostic.help is not None or "add `" in diagnostic.primary.text for diagnostic in found)
    assert len(CASES) >= 60 and helped > 0.8 * len(found)


def _block(title: str, count: int, body: str) -> str:
    said = render_text(found_in(body), source_of(body))
    return f"=== {title}, {count} mistake{'' if count == 1 else 's'}\n{body}---\n{said}\n"


if __name__ == "__main__":
    FILE.write_text("".join(_block(title, count, body) for title, count, body, _ in CASES), encoding="utf-8")
