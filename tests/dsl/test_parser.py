"""Tokens, precedence, spans and recovery."""

from __future__ import annotations

import json

import pytest

from dsl import ast
from dsl.diagnostics import Collector
from dsl.grammar import GRAMMAR_FILE, TABLES_FILE, build_tables, load_grammar
from dsl.parser import parse
from dsl.source import Source, Span


def parsed(text: str) -> tuple[ast.File | None, list[str]]:
    diagnostics = Collector()
    file = parse(Source("test.rx", text), diagnostics)
    return file, [f"{d.primary.span.line}:{d.primary.span.column} {d.message}" for d in diagnostics]


def expression(text: str) -> ast.Expression:
    file, errors = parsed(f"const A: u64 = {text};")
    assert file is not None
    assert not errors
    item = file.items[0]
    assert isinstance(item, ast.Const)
    return item.value


def written(node: ast.Expression) -> str:
    """The expression with all its parentheses."""
    match node:
        case ast.Operation(op=op, left=left, right=right):
            return f"({written(left)} {op} {written(right)})"
        case ast.Prefixed(op=op, operand=operand):
            return f"({op}{written(operand)})"
        case ast.Cast(operand=operand, type=type):
            return f"({written(operand)} as {type.text})"
        case ast.Member(object=object, name=name):
            return f"{written(object)}.{name.text}"
        case ast.Index(object=object, index=index):
            return f"{written(object)}[{written(index)}]"
        case ast.Call(callee=callee, arguments=arguments):
            return f"{written(callee)}({', '.join(map(written, arguments))})"
        case ast.Choice(condition=condition, then=then, orelse=orelse):
            return f"if {written(condition)} {{ {written(then)} }} else {{ {written(orelse)} }}"
        case ast.Variable(name=text):
            return text
        case ast.Integer(value=value):
            return str(value)
    raise AssertionError(node)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("1 + 2 * 3", "(1 + (2 * 3))"),
        ("1 - 2 - 3", "((1 - 2) - 3)"),
        ("1 << 2 + 3", "(1 << (2 + 3))"),
        ("1 & 2 << 3", "(1 & (2 << 3))"),
        ("1 | 2 ^ 3 & 4", "(1 | (2 ^ (3 & 4)))"),
        ("a & 1 == b", "((a & 1) == b)"),
        ("a == 1 && b < 2 || c", "(((a == 1) && (b < 2)) || c)"),
        ("-a as u8 * 2", "(((-a) as u8) * 2)"),
        ("!a.b[1].c(2, d)", "(!a.b[1].c(2, d))"),
        ("~-a", "(~(-a))"),
        ("(1 + 2) * 3", "((1 + 2) * 3)"),
        ("if a { 1 } else if b { 2 } else { 3 + 4 }", "if a { 1 } else { if b { 2 } else { (3 + 4) } }"),
        ("a as u64 < b", "((a as u64) < b)"),
        ("0xFF + 0b1_0 + 1_000", "((255 + 2) + 1000)"),
        ("limit + up + to + on", "(((limit + up) + to) + on)"),
    ],
)
def test_precedence(text: str, meaning: str) -> None:
    assert written(expression(text)) == meaning


def test_spans_cover_the_text_of_their_node() -> None:
    file, _ = parsed("policy p;\nhook init() {\n    a.b =\n        c + 1;\n}")
    assert file is not None
    hook = file.items[1]
    assert isinstance(hook, ast.Hook)
    assert hook.head == Span(2, 1, 2, 12)
    statement = hook.body.statements[0]
    assert isinstance(statement, ast.Assign)
    assert statement.span == Span(3, 5, 4, 15)
    assert statement.place.span == Span(3, 5, 3, 8)
    assert statement.value.span == Span(4, 9, 4, 14)
    assert hook.body.end == Span(5, 1, 5, 2)


def test_all_items_and_statements_are_built() -> None:
    text = """
    policy p; const A: u8 = 1; param b: u64 = 1 in 0..=2; state c: u8; state d: u8[4] = 3; list e; list f[2];
    cursor g on e; cursor h on f[1]; folio { i: u8, j: bool, } struct k { l: u8 }
    map m: hash<u64>[8]; map n: lru_hash<page_key, k>[nr_pages];
    fn o(p: u64, ctx) -> u64 { return 1; }
    hook init(ctx) {
        let q = 1; let r: u64 = 2; let s: u64; q += 1; if q == 1 { } else if r == 2 { } else { }
        for t in 0..4 { break; } scan u in e limit 3 { continue; } loop up to 3 { } o(1, ctx); return;
    }
    """
    file, errors = parsed(text)
    assert not errors
    assert file is not None
    kinds = [type(item).__name__ for item in file.items]
    assert kinds == [
        "PolicyName", "Const", "Param", "State", "State", "ListItem", "ListItem", "CursorItem", "CursorItem",
        "FolioFields", "Struct", "MapItem", "MapItem", "Fn", "Hook",
    ]  # fmt: skip
    hook = file.items[-1]
    assert isinstance(hook, ast.Hook)
    statements = [type(statement).__name__ for statement in hook.body.statements]
    assert statements == ["Let", "Let", "Let", "Assign", "If", "For", "Scan", "Loop", "ExpressionStatement", "Return"]


def test_what_was_skipped_is_missing_and_the_rest_is_there() -> None:
    file, errors = parsed("policy p;\nhook init() { a = ; b = 1; }\nlist ] ;\nlist q;")
    assert errors == [
        "2:19 expected an expression, found `;`",
        "3:6 expected a name, found `]`",
    ]
    assert file is not None
    names = [type(item).__name__ for item in file.items]
    assert names == ["PolicyName", "Hook", "ListItem"]
    hook = file.items[1]
    assert isinstance(hook, ast.Hook)
    assert len(hook.body.statements) == 1


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("policy", "1:7 expected a name, found the end of the file"),
        ("hook init() { a = 1;", "1:21 expected `}` or a statement, found the end of the file"),
        ("hook init() { f(1, 2; }", "1:21 expected `)`, `,` or an operator, found `;`"),
        ("map m: hash<u64>;", "1:17 expected `[`, found `;`"),
        ("param p: u64 = 1;", "1:17 expected `in` or an operator, found `;`"),
        ("policy p;;", "1:10 expected an item such as `hook`, `state` or `map`, found `;`"),
        ("state a: ;", "1:10 expected a type, found `;`"),
        ("hook init() { for i in 0 { } }", "1:26 expected `..` or an operator, found `{`"),
        ("hook init() { loop 3 { } }", "1:20 expected `up`, found `3`"),
        ("policy p; \0", "1:11 unexpected character `\0`"),
    ],
)
def test_errors_say_what_was_expected(text: str, error: str) -> None:
    assert parsed(text)[1] == [error]


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("stat a: u8;", "did you mean `state`?"),
        ("hook init() { retrun 3; }", "did you mean `return`?"),
        ("hook init() { if a { } esle { } }", "did you mean `else`?"),
        (
            "hook init() { while a { } }",
            "there is no `while`: write `for i in a..b`, `scan f in list limit n` or `loop up to n`",
        ),
        ("hook init() { if a = 1 { } }", "write `==` to compare"),
        ("state map: u8;", "`map` is a keyword and cannot be a name"),
        ("hook init() { a = b ; c ? d; }", "write `if c { a } else { b }`"),
    ],
)
def test_errors_help(text: str, help: str) -> None:
    diagnostics = Collector()
    parse(Source("test.rx", text), diagnostics)
    assert [d.help for d in diagnostics] == [help]


def test_lines_may_end_in_carriage_returns_and_tabs_count_once() -> None:
    file, errors = parsed("policy p;\r\n\tstate a: u8\r\n;")
    assert file is not None
    assert not errors
    assert file.items[1].span == Span(2, 2, 3, 2)


def test_the_tables_are_those_of_the_grammar() -> None:
    stored = json.loads(TABLES_FILE.read_text(encoding="utf-8"))
    built = json.loads(json.dumps(build_tables(GRAMMAR_FILE.read_text(encoding="utf-8"))))
    assert stored == built, "run `python -m dsl.grammar`"
    assert load_grammar().start == built["start"]
