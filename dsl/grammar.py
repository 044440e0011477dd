"""The parse tables of the language, made from `dsl/grammar.lark`.

In: the grammar. Out: a `Grammar`: a regular expression for all tokens and the LALR(1) tables, as plain data. Lark
builds them; importing it and building takes 0.2 s, more than everything else that checks a policy, so that the tables
stand beside the grammar in `grammar.json`. They are used only if they were made from the very text of the grammar,
and built anew otherwise; `python -m dsl.grammar` writes the file after the grammar was changed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

GRAMMAR_FILE = Path(__file__).with_name("grammar.lark")
TABLES_FILE = Path(__file__).with_name("grammar.json")


@dataclass(frozen=True, slots=True)
class Production:
    """`origin` → `size` symbols. `action` names the node to build, empty to pass the children on as a list;
    `kept` are the positions of the symbols that matter; with `unwrap` a lone child stands for the node."""

    origin: str
    size: int
    action: str
    kept: tuple[int, ...]
    unwrap: bool


@dataclass(frozen=True, slots=True)
class Grammar:
    """Symbols are rules, the terminals `NAME INTEGER ERROR END`, and all others by their spelling.

    `actions[state][symbol]` is the next state, or for a reduction -1 minus the number of the production."""

    token: re.Pattern[str]
    keywords: frozenset[str]
    productions: tuple[Production, ...]
    actions: tuple[dict[str, int], ...]
    start: int
    end: int


@lru_cache(maxsize=1)
def load_grammar() -> Grammar:
    """The grammar's tables, from the file if it is up to date."""
    text = GRAMMAR_FILE.read_text(encoding="utf-8")
    try:
        data = json.loads(TABLES_FILE.read_text(encoding="utf-8"))
    except FileNotFoundError:
        data = {}
    if data.get("grammar") != fingerprint(text):
        data = build_tables(text)
    return Grammar(
        token=re.compile(data["token"]),
        keywords=frozenset(data["keywords"]),
        productions=tuple(Production(o, n, a, tuple(kept), unwrap) for o, n, a, kept, unwrap in data["productions"]),
        actions=tuple(data["actions"]),
        start=data["start"],
        end=data["end"],
    )


def fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def build_tables(text: str) -> dict[str, Any]:
    """The tables as JSON data, built by lark. A terminal with a fixed spelling is named by it."""
    import lark
    from lark.parsers.lalr_analysis import Reduce

    built = lark.Lark(text, parser="lalr", lexer="basic", maybe_placeholders=False)
    table: Any = built.parser.parser.parser.parse_table
    spelling = {t.name: t.pattern.value for t in built.terminals if t.pattern.type == "str"} | {"$END": "END"}
    productions, numbers = _productions(built.rules)
    order = _states_in_order(table, Reduce)
    actions = []
    for state in order:
        row = {}
        for symbol, (action, argument) in sorted(table.states[state].items()):
            row[spelling.get(symbol, symbol)] = -1 - numbers[argument] if action is Reduce else order[argument]
        actions.append(row)
    return {
        "grammar": fingerprint(text), "token": _token_pattern(built.terminals),
        "keywords": sorted(word for word in spelling.values() if word.islower()),
        "start": order[table.start_states["start"]], "end": order[table.end_states["start"]],
        "productions": productions, "actions": actions,
    }  # fmt: skip


def _states_in_order(table: Any, reduce: object) -> dict[int, int]:
    """New numbers for the states, in the order they are reached: lark's depend on the hashing of strings."""
    order = {table.start_states["start"]: 0}
    for state in (queue := list(order)):
        for _, (action, argument) in sorted(table.states[state].items()):
            if action is not reduce and argument not in order:
                order[argument] = len(order)
                queue.append(argument)
    return order


def _productions(rules: list[Any]) -> tuple[list[Any], dict[Any, int]]:
    productions: list[Any] = []
    numbers: dict[Any, int] = {}
    for rule in sorted(rules, key=lambda rule: (rule.origin.name, [symbol.name for symbol in rule.expansion])):
        numbers[rule] = len(productions)
        kept = [
            position
            for position, symbol in enumerate(rule.expansion)
            if rule.options.keep_all_tokens or not (symbol.is_term and symbol.filter_out)
        ]
        helper = rule.origin.name.startswith("_")
        action = "" if helper else rule.alias or str(rule.origin.name)
        unwrap = bool(rule.options.expand1) and rule.alias is None
        productions.append([rule.origin.name, len(rule.expansion), action, kept, unwrap])
    return productions, numbers


def _token_pattern(terminals: Collection[Any]) -> str:
    """One pattern for all tokens: `space`, `mark` (operators, longest first), the named ones; keywords are names."""
    named = {t.name: t.pattern.to_regexp() for t in terminals if t.pattern.type != "str"}
    spaces = "|".join(named.pop(name) for name in sorted(named) if name.startswith("__IGNORE"))
    marks = sorted((t.pattern.value for t in terminals if t.pattern.type == "str"), key=lambda mark: (-len(mark), mark))
    mark = "|".join(re.escape(mark) for mark in marks if not mark.islower())
    unknown = named.pop("ERROR")
    others = "|".join(f"(?P<{name}>{regexp})" for name, regexp in sorted(named.items()))
    return f"(?P<space>(?:{spaces})+)|{others}|(?P<mark>{mark})|(?P<ERROR>{unknown})"


def main() -> None:
    """Write `grammar.json`: one line for each production and state."""
    data = build_tables(GRAMMAR_FILE.read_text(encoding="utf-8"))
    lines = []
    for key, value in data.items():
        if isinstance(value, list):
            rows = ",\n  ".join(json.dumps(row, separators=(",", ":")) for row in value)
            lines.append(f'"{key}": [\n  {rows}\n ]')
        else:
            lines.append(f'"{key}": {json.dumps(value)}')
    TABLES_FILE.write_text("{" + ",\n ".join(lines) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
