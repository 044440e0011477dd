"""Policies with the rejections they must get written beside them.

In: a file of chunks separated by lines `---`. A comment `//! error: CODE "part of the message"` at the end of a line
says that the line is rejected with that code; the text is optional, and several may stand on one line. A chunk without
any must be accepted. Out: for every chunk a `ChunkResult`; missing and surplus errors both are mismatches, with
the line in the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dsl import ir
from dsl.codes import CODES
from dsl.compile import Compilation, read_source
from dsl.diagnostics import Diagnostic
from dsl.nearest import nearest
from dsl.source import Source

Verify = Callable[[ir.Policy], tuple[Diagnostic, ...]]

_SEPARATOR = re.compile(r"---[ \t]*\r?\Z")
_COMMENT = re.compile(r"//!(?P<body>.*)\Z")
_EXPECTATION = re.compile(r"""\s*error:\s*(?P<code>[a-z0-9-]+)(?:\s+"(?P<text>[^"]*)")?""")


@dataclass(frozen=True, slots=True)
class Expectation:
    """`line` counts in the chunk."""

    line: int
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Mismatch:
    """`line` counts in the file."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """`line` is where the chunk begins in the file; `diagnostics` are what it got, with lines of the chunk."""

    file: str
    line: int
    name: str
    source: Source
    expected: tuple[Expectation, ...]
    diagnostics: tuple[Diagnostic, ...]
    mismatches: tuple[Mismatch, ...]

    @property
    def passed(self) -> bool:
        return not self.mismatches


def check_file(path: str | Path) -> list[ChunkResult]:
    """The results of all chunks of the file at `path`; a file that cannot be read raises `dsl.compile.SourceError`."""
    return check_text(read_source(path))


def check_text(source: Source, verify: Verify | None = None) -> list[ChunkResult]:
    """The results of all chunks of `source`."""
    verifier = verify or _verifier()
    return [check_chunk(source.name, line, text, verifier) for line, text in chunks(source.text)]


def chunks(text: str) -> Iterator[tuple[int, str]]:
    """Each chunk with the line it begins at; chunks of blank lines are left out."""
    begin, lines = 1, list[str]()
    for number, line in enumerate([*text.split("\n"), "---"], 1):
        if not _SEPARATOR.match(line):
            lines.append(line)
            continue
        if any(kept.strip() for kept in lines):
            yield begin, "\n".join(lines)
        begin, lines = number + 1, []


def expectations(text: str) -> tuple[list[Expectation], list[Mismatch]]:
    """The expectations in a chunk, and those that are not of the form."""
    found: list[Expectation] = []
    malformed: list[Mismatch] = []
    for number, line in enumerate(text.split("\n"), 1):
        comment = _COMMENT.search(line)
        if comment is None:
            continue
        body = comment["body"].rstrip()
        position = 0
        while position < len(body):
            match = _EXPECTATION.match(body, position)
            if match is None:
                malformed.append(Mismatch(number, f'expected `error: CODE "text"`, found `{body[position:].strip()}`'))
                break
            found.append(Expectation(number, match["code"], match["text"] or ""))
            position = match.end()
    return found, malformed


def judge(source: Source, verify: Verify | None = None) -> tuple[Diagnostic, ...]:
    """What the front end finds wrong with `source`, or if that is nothing the verifier."""
    compilation = Compilation(source)
    policy = compilation.policy
    return compilation.diagnostics if policy is None else (verify or _verifier())(policy)


def _verifier() -> Verify:
    from verifier.verify import verify

    return lambda policy: verify(policy).diagnostics


def policy_name(text: str) -> str:
    """What the policy in a chunk calls itself; empty if it does not."""
    name = re.search(r"^[ \t]*policy[ \t]+(\w+)", text, re.MULTILINE)
    return name[1] if name else ""


def check_chunk(file: str, begin: int, text: str, verify: Verify | None = None) -> ChunkResult:
    """The result of one chunk, which begins at line `begin` of `file`."""
    source = Source(file, text)
    diagnostics = judge(source, verify)
    expected, problems = expectations(text)
    problems += _compare(expected, diagnostics)
    mismatches = tuple(Mismatch(p.line + begin - 1, p.message) for p in sorted(problems, key=lambda p: p.line))
    return ChunkResult(file, begin, policy_name(text), source, tuple(expected), diagnostics, mismatches)


def _compare(expected: list[Expectation], diagnostics: tuple[Diagnostic, ...]) -> list[Mismatch]:
    """Pairs each expectation with a diagnostic on its line; what is left over on either side is a mismatch."""
    left = list(diagnostics)
    problems: list[Mismatch] = []
    for wanted in expected:
        match = next((d for d in left if _fits(wanted, d)), None)
        if match is not None:
            left.remove(match)
            continue
        if wanted.code not in CODES:
            known = nearest(wanted.code, CODES)
            hint = f"did you mean `{known}`?" if known else "`rext explain` lists all"
            problems.append(Mismatch(wanted.line, f"unknown code `{wanted.code}`; {hint}"))
            continue
        text = f' with "{wanted.text}"' if wanted.text else ""
        problems.append(Mismatch(wanted.line, f"missing: error {wanted.code}{text}"))
    for surplus in left:
        span = surplus.primary.span
        message = f"surplus: error {surplus.code}: {surplus.message} ({surplus.primary.text})"
        problems.append(Mismatch(max(span.line, 1), message))
    return problems


def _fits(wanted: Expectation, diagnostic: Diagnostic) -> bool:
    place = max(diagnostic.primary.span.line, 1)
    said = f"{diagnostic.message}\n{diagnostic.primary.text}"
    return place == wanted.line and diagnostic.code == wanted.code and wanted.text in said
