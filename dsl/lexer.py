"""Text to tokens.

In: a `Source`. Out: its tokens, the last of kind `END`, and diagnostics for what is too large to go on with. Tokens are
named as in `dsl/grammar.py`. Characters that begin no token become tokens of kind `ERROR`, which the parser reports.
"""

from __future__ import annotations

from typing import NamedTuple

from dsl.diagnostics import Collector, Diagnostic, Label
from dsl.grammar import Grammar
from dsl.source import Source, Span

MAX_TOKENS = 32_768
MAX_BRACKETS = 100
"""Depth of brackets of all kinds."""


class Token(NamedTuple):
    kind: str
    text: str
    span: Span


def read_tokens(source: Source, grammar: Grammar, diagnostics: Collector) -> list[Token]:
    """The tokens of `source`; with too many or too deep brackets a diagnostic, and the tokens up to there."""
    tokens: list[Token] = []
    line, line_start, depth, position = 1, 0, 0, 0
    text = source.text
    for match in grammar.token.finditer(text):
        kind, word = match.lastgroup or "", match.group()
        position = match.end()
        if kind == "space":
            if "\n" in word:
                line += word.count("\n")
                line_start = match.start() + word.rindex("\n") + 1
            continue
        column = match.start() - line_start + 1
        span = Span(line, column, line, column + len(word))
        if kind == "mark":
            kind = word
            if word in "([{":
                depth += 1
            elif word in ")]}":
                depth -= 1
        elif word in grammar.keywords:
            kind = word
        tokens.append(Token(kind, word, span))
        if depth > MAX_BRACKETS:
            diagnostics.add(_too_deep(span))
            break
        if len(tokens) > MAX_TOKENS:
            diagnostics.add(_too_many(span))
            break
    column = position - line_start + 1
    tokens.append(Token("END", "", Span(line, column, line, column)))
    return tokens


def _too_deep(span: Span) -> Diagnostic:
    return Diagnostic(
        "nesting-too-deep",
        f"brackets nest more than {MAX_BRACKETS} deep",
        Label(span, "one level too many"),
        help="name inner parts with `let`, or move them into a `fn`",
    )


def _too_many(span: Span) -> Diagnostic:
    message = f"the policy has more than {MAX_TOKENS:,} tokens"
    return Diagnostic("policy-too-large", message, Label(span, "the limit is reached here"))
