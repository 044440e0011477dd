"""The tokens of IR text, and reading them one by one.

In: text. Out: a `TokenReader`, whose methods take what the grammar wants next or raise `IrTextError`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from dsl.source import NOWHERE, Span
from dsl.types import FOLIO, LIST, SCALARS, Type, ref

T = TypeVar("T")

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+|//[^\n]*) | (?P<newline>\n) | (?P<string>"(?:[^"\\\n]|\\.)*")
      | (?P<span>@\d+:\d+-\d+:\d+) | (?P<register>%\d+(?:\.[A-Za-z_]\w*)?) | (?P<integer>-?\d+)
      | (?P<name>[A-Za-z_]\w*) | (?P<mark>->|\.\.=|[-+*/%(){}\[\]<>=:,])""",
    re.VERBOSE | re.ASCII,
)


_DIGITS = re.compile(r"^[-%]?\d{40}")
"""Python refuses to read numbers of some thousand digits, and none here has a use for them."""


class IrTextError(Exception):
    """The text is not IR text. `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    line: int


def read_tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    position, line = 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise IrTextError(line, f"unexpected character {text[position]!r}")
        kind = match.lastgroup or ""
        if kind == "newline":
            line += 1
        elif kind != "space":
            if kind in ("integer", "register") and _DIGITS.search(match.group()):
                raise IrTextError(line, f"{kind} too large")
            tokens.append(Token(kind, match.group(), line))
        position = match.end()
    tokens.append(Token("end", "the end", line))
    return tokens


class TokenReader:
    """A position among the tokens of `text`, with what all parts of the grammar are made of."""

    def __init__(self, text: str) -> None:
        self._tokens = read_tokens(text)
        self._position = 0

    def _peek(self) -> Token:
        return self._tokens[self._position]

    def _next(self) -> Token:
        token = self._tokens[self._position]
        self._position = min(self._position + 1, len(self._tokens) - 1)
        return token

    def _error(self, expected: str, token: Token | None = None) -> IrTextError:
        token = token or self._peek()
        return IrTextError(token.line, f"expected {expected}, found {token.text}")

    def _accept(self, text: str) -> bool:
        token = self._peek()
        if token.text != text or token.kind == "string":
            return False
        self._next()
        return True

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._error(f"`{text}`")

    def _integer(self) -> int:
        if self._peek().kind != "integer":
            raise self._error("an integer")
        return int(self._next().text)

    def _name(self) -> str:
        token = self._peek()
        if token.kind == "name":
            return self._next().text
        if token.kind != "string":
            raise self._error("a name")
        self._next()
        try:
            return str(json.loads(token.text))
        except ValueError:
            raise IrTextError(token.line, f"bad string {token.text}") from None

    def _span(self) -> Span:
        if self._peek().kind != "span":
            return NOWHERE
        numbers = re.findall(r"\d+", self._next().text)
        if any(len(n) > 10 for n in numbers):
            raise IrTextError(self._peek().line, "span out of range")
        line, column, end_line, end_column = map(int, numbers)
        return Span(line, column, end_line, end_column)

    def _type(self) -> Type:
        token = self._next()
        if token.text == "ref":
            self._expect("(")
            table = self._integer()
            self._expect(")")
            return ref(table)
        types = {**SCALARS, "folio": FOLIO, "list": LIST}
        if token.text not in types:
            raise self._error("a type", token)
        return types[token.text]

    def _sequence(self, item: Callable[[], T], close: str) -> tuple[T, ...]:
        """Items separated by commas, up to `close`."""
        items: list[T] = []
        while not self._accept(close):
            if items:
                self._expect(",")
            items.append(item())
        return tuple(items)
