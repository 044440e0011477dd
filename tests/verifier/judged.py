"""Verdicts on snippets of source, for the tests of this folder."""

from __future__ import annotations

from dsl import ir
from dsl.compile import Compilation
from dsl.diagnostics import Diagnostic
from dsl.source import Source
from verifier.verify import Verdict, verify

HEAD = """
policy test;
param few: u64 = 3 in 1..=8;
state total: u64; state small: u8; state flag: bool; state signed: i64; state hist: u64[16];
list queue; list other; list gen[4];
folio { slot: u8, age: u8 }
map counts: hash<page_key, u64>[64];
map others: hash<page_key, u64>[64];
map levels: array<u64, u64>[16];
"""


def compiled(text: str) -> ir.Policy:
    compilation = Compilation(Source("test.rx", text))
    assert compilation.policy is not None, compilation.diagnostics
    return compilation.policy


def judged(body: str, hook: str = "folio_accessed(f, ctx)", before: str = "") -> Verdict:
    """The verdict on one hook with this body."""
    return verify(compiled(f"{HEAD}{before}\nhook {hook} {{\n{body}\n}}\n"))


def codes(body: str, hook: str = "folio_accessed(f, ctx)", before: str = "") -> list[str]:
    return [diagnostic.code for diagnostic in judged(body, hook, before).diagnostics]


def only(body: str, hook: str = "folio_accessed(f, ctx)") -> Diagnostic:
    """The one error of a body."""
    found = judged(body, hook).diagnostics
    assert len(found) == 1, found
    return found[0]
