"""Expectations beside the lines they are about."""

from __future__ import annotations

from dsl import ir
from dsl.diagnostics import Diagnostic, Label
from dsl.source import Source
from runtime.expect import check_text, chunks, expectations


def nothing_wrong(policy: ir.Policy) -> tuple[Diagnostic, ...]:
    return ()


def mismatches(text: str) -> list[tuple[int, str]]:
    results = check_text(Source("test.rx", text), nothing_wrong)
    return [(m.line, m.message) for result in results for m in result.mismatches]


def test_chunks_know_their_first_line() -> None:
    text = "policy a;\n---\n\n---\npolicy b;\nlist q;\n--- \r\npolicy c;"
    assert list(chunks(text)) == [(1, "policy a;"), (5, "policy b;\nlist q;"), (8, "policy c;")]


def test_expectations_have_a_code_and_maybe_a_text() -> None:
    found, malformed = expectations(
        'a\nb //! error: one-code error: other "some text"\nc //! eror: x\nd //! error: z rest'
    )
    assert [(e.line, e.code, e.text) for e in found] == [(2, "one-code", ""), (2, "other", "some text"), (4, "z", "")]
    assert [m.line for m in malformed] == [3, 4]


def test_expected_errors_pass() -> None:
    text = 'policy a;\nhook init() { x = 1; } //! error: unknown-name "`x` is not declared"\n---\npolicy b;'
    assert mismatches(text) == []


def test_missing_and_surplus_errors_fail_with_the_line_in_the_file() -> None:
    text = "policy a;\n---\npolicy b;\nlist q; //! error: duplicate-name\nhook init() { x = 1; }"
    assert mismatches(text) == [
        (4, "missing: error duplicate-name"),
        (5, "surplus: error unknown-name: `x` is not declared (not found here)"),
    ]


def test_another_line_code_or_text_does_not_match() -> None:
    for expectation in ("error: unknown-type", 'error: unknown-name "`y`"'):
        lines = [line for line, _ in mismatches(f"policy a;\nhook init() {{ x = 1; }} //! {expectation}")]
        assert lines == [2, 2]
    assert [line for line, _ in mismatches("policy a; //! error: unknown-name\nhook init() { x = 1; }")] == [1, 2]


def test_two_errors_of_a_line_need_two_expectations() -> None:
    line = "hook init() { x = 1; y = 1; } //! error: unknown-name"
    assert [line for line, _ in mismatches(f"policy a;\n{line}")] == [2]
    assert mismatches(f"policy a;\n{line} error: unknown-name") == []


def test_the_verifier_judges_what_the_front_end_accepts() -> None:
    def verify(policy: ir.Policy) -> tuple[Diagnostic, ...]:
        return (Diagnostic("folio-leak", f"in {policy.name}", Label(policy.hooks[0].span, "")),)

    source = Source("test.rx", "policy a;\nhook init() { } //! error: folio-leak")
    (result,) = check_text(source, verify)
    assert result.passed
    assert result.name == "a"


def test_a_code_that_does_not_exist_is_named():
    text = "policy p;\nlist q;\nhook folio_added(f) { q.push_tail(f); } //! error: folio-leek\n"
    (result,) = check_text(Source("p.rx", text))
    assert [m.message for m in result.mismatches] == ["unknown code `folio-leek`; did you mean `folio-leak`?"]
