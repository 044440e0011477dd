"""Sources that nobody should write: always an answer, never an exception."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.compile import MAX_SOURCE_BYTES, Compilation, SourceError, decode_source, read_source
from dsl.render import render_text
from dsl.source import Source
from verifier.verify import verify

EXAMPLE = """\
policy example;
param percent: u64 = 10 in 1..=50;
const SMALL: u8 = 1;
list small; list gen[4];
folio { hits: u8 }
state turn: u8; state hist: i64[8] = -1;
map ghost: lru_hash<page_key, u8>[nr_pages * percent / 100];
fn target(n: u64) -> u64 { return if n > 3 { n } else { nr_pages }; }
hook folio_added(f) { if ghost.delete(f.key) { gen[1].push_tail(f); } else { small.push_tail(f); } }
hook evict_folios(ctx) {
    scan f in small limit ctx.nr_to_scan {
        let e = ghost.lookup(f.key);
        if e != null && e.value > SMALL || f.hits as u64 >= target(2) { f.hits -= 1; } else { ctx.evict(f); }
    }
    for i in 0..8 { if hist[i] < 0 { continue; } hist[i] >>= 1; turn = SMALL; }
}
"""


def codes(text: str) -> list[str]:
    compilation = Compilation(Source("test.rx", text))
    found = compilation.diagnostics
    assert (compilation.policy is None) == bool(found)
    render_text(found, compilation.source)
    return [d.code for d in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "policy-line"),
        ("// nothing\n", "policy-line"),
        ("policy p; const A: u64 = " + "(" * 10_000 + "1" + ")" * 10_000 + ";", "nesting-too-deep"),
        ("policy p; hook init() {" + "if true {" * 10_000 + "}" * 10_000 + "}", "nesting-too-deep"),
        ("policy p; hook init() { let x = " + "!" * 10_000 + "true; }", "nesting-too-deep"),
        ("policy p; hook init() { let x = 1" + " + 1" * 10_000 + "; }", "nesting-too-deep"),
        ("policy p; hook init() { let x = 1" + " + 1" * 240_000 + "; }", "policy-too-large"),
        ("policy p; fn f(a: u64) { if a == 1 { }" + " else if a == 2 { }" * 3_000 + "}", "nesting-too-deep"),
        ("policy p; fn f(a: folio) { a" + ".b" * 10_000 + "; }", "nesting-too-deep"),
        ("policy p; const A: u64 = " + "9" * 500_000 + ";", "value-out-of-range"),
        ("policy p; const " + "a" * 500_000 + ": u64 = b;", "unknown-name"),
        ("policy p; #" + "x" * 500_000, "syntax-error"),
        (";" * 500_000, "policy-too-large"),
        ("policy p;" + "".join(f"fn f{i}() {{ }}" for i in range(10_000)), "policy-too-large"),
        ("{" * 500_000, "nesting-too-deep"),
        ("}" * 500_000, "policy-too-large"),
    ],
)
def test_monsters_get_one_clear_error(text: str, expected: str) -> None:
    assert codes(text) == [expected]


def test_many_functions_and_statements_are_fine() -> None:
    assert codes("policy p;" + "".join(f"fn f{i}() {{ }}" for i in range(4_000))) == []
    assert codes("policy p; state s: u64; hook init() {" + "s = 1;" * 8_000 + "}") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("policy p; state s: u64; fn f0() { s += 1; }"
         + "".join(f"fn f{i}() {{ f{i - 1}(); f{i - 1}(); }}" for i in range(1, 40)) + "hook init() { f39(); }",
         {"nesting-too-deep"}),
        ("policy p; state s: u64; fn f0() { s += 1; }"
         + "".join(f"fn f{i}() {{ f{i - 1}(); f{i - 1}(); }}" for i in range(1, 18)) + "hook init() { f17(); }",
         {"policy-too-large"}),
        ("policy p; state s: u64; hook init() {" + "loop up to 2 {" * 8 + "s += 1;" + "}" * 8 + "}", set()),
        ("policy p; state s: u64; hook init() { loop up to 4 {" + "if s > 3 { break; } s += 1;" * 800 + "} }", set()),
        ("policy p; list q; hook evict_folios(ctx) {"
         + "".join(f"let f{i} = q.pop_head(); if f{i} != null {{ ctx.evict(f{i}); }}" for i in range(700))
         + "}", set()),
        ("policy p; list q; hook evict_folios(ctx) {"
         + "".join(f"let f{i} = q.pop_head();" for i in range(700)) + "}", {"folio-leak"}),
        ("policy p; state s: u64; hook init() {" + "s += undefined;" * 5_000 + "}", {"unknown-name"}),
        ("policy p; // " + "é\U0001f600\u202e" * 100_000 + "\nhook init() { }", set()),
        ("policy p; state \U0001d4b3: u64;", {"syntax-error"}),
        ("policy p;" + "hook init() { }" * 5_000, {"duplicate-name"}),
    ],
    ids=["doubling", "doubling less", "loops", "breaks", "pops", "leaks", "errors", "comment", "letters", "hooks"],
)  # fmt: skip
def test_monsters_get_a_verdict(text: str, expected: set[str]) -> None:
    compilation = Compilation(Source("test.rx", text))
    policy = compilation.policy
    found = compilation.diagnostics if policy is None else verify(policy).diagnostics
    assert {d.code for d in found} == expected
    render_text(found, compilation.source)


def test_many_errors_are_all_found_in_names_and_bounded_in_syntax() -> None:
    assert codes("policy p;" + "".join(f"fn f{i}() {{ g{i}(); }}" for i in range(2_000))) == ["unknown-name"] * 2_000
    assert codes("policy p;" + "list ];\n" * 5_000) == ["syntax-error"] * 100


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text_gets_an_answer(text: str) -> None:
    codes(text)


def test_damaged_programs_get_an_answer() -> None:
    chance = random.Random(1)
    words = EXAMPLE.split()
    accepted = 0
    for _ in range(150):
        damaged = list(words)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.choice(words)
        accepted += codes(" ".join(damaged)) == []
        letters = list(EXAMPLE)
        for _ in range(chance.randint(1, 4)):
            start = chance.randrange(len(letters))
            letters[start : start + chance.randint(0, 9)] = chance.choice("(){}[];.,=<>!&|:a1 \n\t\0é")
        codes("".join(letters))
    assert accepted < 50
    assert codes(EXAMPLE) == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "x.rx: the file is empty"),
        (b" \n\t", "x.rx: the file is empty"),
        (b"policy p;\0", "x.rx: not text: byte 0 at offset 9"),
        (b"policy \xff;", "x.rx: not text: no UTF-8 at offset 7"),
        (b"x" * (MAX_SOURCE_BYTES + 1), "x.rx: larger than 1,000,000 bytes"),
    ],
)
def test_files_that_are_no_text(data: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        decode_source(data, "x.rx")


def test_reading_files(tmp_path: Path) -> None:
    file = tmp_path / "a.rx"
    file.write_bytes(b"\xef\xbb\xbfpolicy p;\r\n")
    assert read_source(file) == Source(str(file), "policy p;\r\n")
    with pytest.raises(SourceError, match=r"missing\.rx: cannot be read: No such file"):
        read_source(tmp_path / "missing.rx")
    with pytest.raises(SourceError, match="cannot be read: Is a directory"):
        read_source(tmp_path)
