"""Syntax errors in words.

In: the token that does not fit and the terminals that would have. Out: a `Diagnostic` that says what was expected, with
a hint where the text looks like another language's.
"""

from __future__ import annotations

from dsl.diagnostics import Diagnostic, Label
from dsl.lexer import Token
from dsl.nearest import nearest
from dsl.source import Span

_EXPRESSION = frozenset({"NAME", "INTEGER", "true", "false", "null", "(", "!", "-", "~"})
_OPERATORS = frozenset({
    "+", "-", "*", "/", "%", "<<", ">>", "&", "|", "^", "&&", "||", "==", "!=", "<", "<=", ">", ">=",
    "as", ".", "(", "[",
})  # fmt: skip
_ASSIGNMENTS = frozenset({"+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="})
_ITEMS = frozenset({
    "policy", "const", "param", "state", "list", "bag", "heap", "cursor", "folio", "struct", "map", "fn",
    "hook",
})  # fmt: skip
_STATEMENTS = frozenset({"let", "for", "scan", "loop", "break", "continue", "return", "if"})
_SOFT_KEYWORDS = frozenset({"limit", "up", "to", "on", "bag", "heap"})
_KEYWORDS = _ITEMS | _STATEMENTS | {"in", "else", "as", "true", "false", "null"}

_HINTS = {
    "while": "there is no `while`: write `for i in a..b`, `scan f in list limit n` or `loop up to n`",
    "mut": "locals can always be changed: write `let name = …`",
    "var": "locals are declared with `let name = …`",
    "elif": "write `else if`",
    "def": "functions are declared with `fn`",
    "func": "functions are declared with `fn`",
    "function": "functions are declared with `fn`",
    "enum": "there is no `enum`: declare a `const` for each value",
    "and": "write `&&`",
    "or": "write `||`",
    "not": "write `!`",
    "f32": "there are no floating-point numbers: use fixed point, `mul_div` helps",
    "switch": "there is no `switch`: write `if … else if …`",
    "match": "there is no `match`: write `if … else if …`",
    "->": "members are named after a dot: `f.age`",
    "?": "write `if c { a } else { b }`",
    "#": "comments begin with `//`",
    "'": "there are no strings and characters",
    '"': "there are no strings and characters",
    "@": "a policy has only hooks and functions: write `hook NAME(…) { }`",
}


def missing_semicolon(previous: Token, found: Token) -> Diagnostic:
    """`previous` should have been followed by a `;`, before `found`."""
    end = previous.span
    return Diagnostic(
        "syntax-error",
        f"expected `;`, found {describe(found)}",
        Label(Span(end.end_line, end.end_column, end.end_line, end.end_column + 1), "add `;` here"),
        help=_HINTS.get(previous.text) or _HINTS.get(found.text),
    )


def unexpected(found: Token, previous: Token | None, expected: set[str], opened: Token | None) -> Diagnostic:
    """`found` does not fit after `previous`; `opened` is the innermost bracket still open."""
    wanted = in_words(expected)
    related: tuple[Label, ...] = ()
    if opened is not None and (
        found.kind == "END" or found.kind in _ITEMS or (found.text in ("}", ")", "]") and found.text not in expected)
    ):
        related = (Label(opened.span, f"this `{opened.text}` is still open"),)
    help = _HINTS.get(found.text) or (_HINTS.get(previous.text) if previous is not None else None)
    if help is None:
        help = _missing(found, previous, expected)
    if help is None and found.text in _KEYWORDS and "NAME" in expected and "let" not in expected:
        help = f"`{found.text}` is a keyword and cannot be a name"
    if help is None and found.text == "=" and "==" in expected and "=" not in expected:
        help = "write `==` to compare"
    if help is None:
        help = _misspelt(found, previous, expected)
    if found.kind == "ERROR" and found.text:
        message = f"unexpected character {describe(found)}"
    elif found.kind == "}" and opened is None:
        message, related = "unexpected `}`: no block is open", ()
    else:
        message = f"expected {wanted}, found {describe(found)}"
    return Diagnostic("syntax-error", message, Label(_shown(found), f"expected {wanted}"), related, (), help)


def _missing(found: Token, previous: Token | None, expected: set[str]) -> str | None:
    """What was left out, where only one thing can have been."""
    before = "" if previous is None else previous.text
    if found.text == "..=" and ".." in expected:
        return "`a..b` ends before `b`: write `0..4` for 0, 1, 2, 3"
    if before == "+" and found.text == "+":
        return "write `+= 1`"
    if before == "-" and found.text == ";":
        return "write `-= 1`"
    if found.text == "-" and "hook" in expected:
        return "files of several policies with `---` between them are for `rext test`"
    if before == "loop":
        return "a loop is bounded: `loop up to n { … }`"
    if "limit" in expected and found.text == "{":
        return "a scan is bounded: `scan f in xs limit n { … }`"
    if expected == {"["} and found.text == ";":
        return "say how many entries it may have: `[nr_pages]`, or another number in brackets"
    if expected == {":"} and found.text == "=":
        return f"say its type: `{before}: u64 = …`"
    return None


def _misspelt(found: Token, previous: Token | None, expected: set[str]) -> str | None:
    """A keyword like the word where an item should begin, or like the word before something that cannot follow it."""
    word = None
    if found.kind == "NAME" and "hook" in expected:
        word = nearest(found.text, _ITEMS)
    elif previous is not None and previous.kind == "NAME" and found.kind in ("NAME", "INTEGER", "if", "{"):
        word = nearest(previous.text, _STATEMENTS | {"else"})
    return None if word is None else f"did you mean `{word}`?"


def describe(token: Token) -> str:
    if token.kind == "END":
        return "the end of the file"
    return f"`{token.text[:40]}`"


def _shown(token: Token) -> Span:
    """The token's span, one column wide at the end of the text."""
    span = token.span
    return Span(span.line, span.column, span.end_line, max(span.end_column, span.column + 1))


def in_words(expected: set[str]) -> str:
    """A list of what was expected, related terminals put into one word."""
    rest = {kind for kind in expected if kind in TERMINALS}
    words: list[str] = []
    if rest >= _EXPRESSION:
        words.append("a statement" if "let" in rest else "an expression")
        rest -= _EXPRESSION | _SOFT_KEYWORDS | (_STATEMENTS if "let" in rest else {"if"})
    elif rest >= {"+", "*", "=="}:
        words.append("an operator")
        rest -= _OPERATORS
    if rest & _ASSIGNMENTS:
        rest -= _ASSIGNMENTS
    if rest >= {"hook", "map", "fn"}:
        words.append("an item such as `hook`, `state` or `map`")
        rest -= _ITEMS
    if "NAME" in rest:
        type_name = "folio" in rest
        words.append("a type" if type_name else "a name")
        rest -= {"NAME", "folio", "list"} | _SOFT_KEYWORDS
    if "END" in rest and words:
        rest.discard("END")
    names = [f"`{kind}`" if kind != "END" else "the end of the file" for kind in sorted(rest)]
    words = names + words if len(names) <= 4 else words + names
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1])} or {words[-1]}"


TERMINALS = (
    _EXPRESSION | _OPERATORS | _ASSIGNMENTS | _ITEMS | _STATEMENTS | _SOFT_KEYWORDS
    | {"=", ";", ",", ":", "{", "}", ")", "]", "->", "..", "..=", "in", "else", "END"}
)  # fmt: skip
"""All terminals; the tables' rows also hold the names of rules."""
