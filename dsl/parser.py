"""Tokens to syntax tree.

In: a `Source`. Out: an `ast.File`, and diagnostics for every syntax error: the LALR(1) tables of `dsl/grammar.py` run
here, so that after an error parsing goes on. A missing `;` is put in; otherwise the text is skipped to the end of the
statement or item, which the tables take as the terminal `ERROR`. What was skipped is missing in the tree.
"""

from __future__ import annotations

from typing import Any

from dsl import ast
from dsl.build_ast import AstBuilder
from dsl.depth import check_depth
from dsl.diagnostics import Collector
from dsl.grammar import Grammar, load_grammar
from dsl.lexer import Token, read_tokens
from dsl.source import NOWHERE, Source, Span
from dsl.syntax_errors import TERMINALS, missing_semicolon, unexpected

MAX_ERRORS = 100
ITEM_WORDS = frozenset({"policy", "const", "param", "state", "cursor", "struct", "map", "fn", "hook"})
"""Keywords that can only begin an item: parsing finds its feet there."""


class _Several(list[Any]):
    """The children of a repeated part, spliced into those of its parent."""


def parse(source: Source, diagnostics: Collector) -> ast.File | None:
    """The syntax tree of `source`, complete if no diagnostics were added; None if the text is too much to parse."""
    grammar = load_grammar()
    tokens = read_tokens(source, grammar, diagnostics)
    if diagnostics:
        return None
    file = _Parser(grammar, tokens, diagnostics).run()
    return file if check_depth(file, diagnostics) else None


class _Parser:
    """The shift-reduce machine, with one stack each for states, values and spans."""

    def __init__(self, grammar: Grammar, tokens: list[Token], diagnostics: Collector) -> None:
        self._grammar = grammar
        self._tokens = tokens
        self._position = 0
        self._diagnostics = diagnostics
        self._builder = AstBuilder(diagnostics)
        self._states = [grammar.start]
        self._values: list[Any] = [None]
        self._spans: list[Span] = [NOWHERE]
        self._shifted = list(self._states)
        """The states after the last shift: reductions made since for a token that did not fit hide what would have."""
        self._unclosed = 0
        """Blocks given up on without their closing brace."""

    def run(self) -> ast.File:
        errors = 0
        while not self._feed(self._tokens[self._position]):
            self._recover()
            errors += 1
            if errors == MAX_ERRORS:
                self._position = len(self._tokens) - 1
                self._close()
        file = self._values[-1]
        assert isinstance(file, ast.File)
        return file

    def _feed(self, token: Token) -> bool:
        """Shift tokens from `token` on, until the end (True) or one that does not fit (False)."""
        actions, states = self._grammar.actions, self._states
        while True:
            action = actions[states[-1]].get(token.kind)
            if action is None or (token.kind == "ERROR" and token.text):
                return False
            if action < 0:
                self._reduce(-1 - action)
                if states[-1] == self._grammar.end and token.kind == "END":
                    return True
                continue
            self._shift(token, action)
            if token.kind == "ERROR":
                return True
            self._position += 1
            token = self._tokens[self._position]

    def _shift(self, token: Token, state: int) -> None:
        self._states.append(state)
        self._values.append(token)
        self._spans.append(token.span)
        self._shifted = list(self._states)

    def _reduce(self, number: int) -> None:
        production = self._grammar.productions[number]
        base = len(self._states) - production.size
        if production.unwrap and production.size == 1:  # by far the most: one level of precedence to the next
            self._states[base] = self._grammar.actions[self._states[base - 1]][production.origin]
            return
        values, spans = self._values[base:], self._spans[base:]
        del self._states[base:], self._values[base:], self._spans[base:]
        span = NOWHERE
        if spans:
            known = [s for s in spans if s != NOWHERE] or [NOWHERE]
            span = known[0].to(known[-1])
        self._states.append(self._grammar.actions[self._states[-1]][production.origin])
        self._spans.append(span)
        if not production.action and values and isinstance(values[0], _Several):
            values[0].extend(values[position] for position in production.kept if position > 0)
            self._values.append(values[0])
            return
        children: list[Any] = []
        for position in production.kept:
            value = values[position]
            if isinstance(value, _Several):
                children.extend(value)
            else:
                children.append(value)
        if not production.action:
            self._values.append(_Several(children))
        elif production.unwrap and len(children) == 1:
            self._values.append(children[0])
        else:
            self._values.append(self._builder.build(production.action, children, span))

    # --- recovery -----------------------------------------------------------------------------------------

    def _accepts(self, kinds: tuple[str, ...], states: list[int]) -> bool:
        """Whether the tokens `kinds` would fit next when the stack is `states`."""
        grammar = self._grammar
        states = list(states)
        for kind in kinds:
            while True:
                action = grammar.actions[states[-1]].get(kind)
                if action is None:
                    return False
                if action >= 0:
                    states.append(action)
                    break
                production = grammar.productions[-1 - action]
                if production.size:
                    del states[-production.size :]
                states.append(grammar.actions[states[-1]][production.origin])
        return True

    def _recover(self) -> None:
        """Report the token that does not fit, and bring the machine to where it can go on."""
        token = self._tokens[self._position]
        previous = self._tokens[self._position - 1] if self._position else None
        if token.kind == "}" and self._unclosed and self._open_bracket() is None:
            self._unclosed -= 1
        elif previous is not None and self._accepts((";",), self._states) and _ends_statement(previous, token):
            self._diagnostics.add(missing_semicolon(previous, token))
            end = previous.span
            self._feed_virtual(Token(";", ";", Span(end.end_line, end.end_column, end.end_line, end.end_column)))
            if self._accepts((token.kind,), self._states):
                return
        else:
            rows = {kind for state in self._shifted for kind in self._grammar.actions[state]}
            expected = {kind for kind in rows if kind in TERMINALS and self._accepts((kind,), self._shifted)}
            self._diagnostics.add(unexpected(token, previous, expected, self._open_bracket()))
        self._resume()

    def _open_bracket(self) -> Token | None:
        """The innermost bracket that is still open."""
        closed = 0
        for value in reversed(self._values):
            if isinstance(value, Token) and value.kind in ("{", "(", "["):
                if not closed:
                    return value
                closed -= 1
            elif isinstance(value, Token) and value.kind in ("}", ")", "]"):
                closed += 1
        return None

    def _feed_virtual(self, token: Token) -> None:
        """Feed a token that is not in the text and fits."""
        while True:
            action = self._grammar.actions[self._states[-1]][token.kind]
            if action >= 0:
                self._shift(token, action)
                return
            self._reduce(-1 - action)

    def _resume(self) -> None:
        """Drop what the error broke off, skip to where a statement or item may begin, and feed `ERROR` in between."""
        height = self._height_for("ERROR")
        start = self._position
        opened = [v.text for v in self._values[height:] if isinstance(v, Token) and v.text in ("{", "}")]
        self._skip(opened.count("{") - opened.count("}"))
        token = self._tokens[self._position]
        if token.kind in ITEM_WORDS:
            item_height = self._height_for("ERROR", "policy")
            dropped = [v.text for v in self._values[item_height:] if isinstance(v, Token) and v.text in ("{", "}")]
            self._unclosed += dropped.count("{") - dropped.count("}")
            height = item_height
        elif token.kind != "END" and not self._accepts(("ERROR", token.kind), self._states[:height]):
            self._position += token.kind == "}" or self._position == start
        self._cut(height)
        self._feed_virtual(Token("ERROR", "", self._tokens[self._position].span))

    def _height_for(self, *kinds: str) -> int:
        """The height of the highest part of the stack on which `kinds` fit."""
        height = len(self._states)
        while not self._accepts(kinds, self._states[:height]):
            height -= 1
        return height

    def _cut(self, height: int) -> None:
        del self._states[height:], self._values[height:], self._spans[height:]

    def _close(self) -> None:
        """Give up on the rest of the text."""
        self._cut(self._height_for("ERROR", "policy"))
        self._feed_virtual(Token("ERROR", "", self._tokens[-1].span))

    def _skip(self, opened: int) -> None:
        """Move on to the end of the statement or item; `opened` braces were dropped with its beginning."""
        depth = opened
        while True:
            token = self._tokens[self._position]
            if token.kind == "END" or (token.kind in ITEM_WORDS and self._begins_line()):
                return
            if token.kind == "}" and depth == 0:
                return
            self._position += 1
            following = self._tokens[self._position].kind
            if token.kind == "{":
                depth += 1
            elif token.kind == "}":
                depth -= 1
                if depth == 0 and following != "else":
                    return
            elif token.kind == ";" and depth == 0:
                return

    def _begins_line(self) -> bool:
        if self._position == 0:
            return True
        return self._tokens[self._position - 1].span.end_line < self._tokens[self._position].span.line


def _ends_statement(previous: Token, token: Token) -> bool:
    """Whether a `;` was probably meant between the two: at a line's or block's end, not right after an operator."""
    return token.kind in ("}", "END") or previous.span.end_line < token.span.line
