"""The IR as text: forms that people write, and errors."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dsl import ir
from dsl.ir_text import IrTextError, parse_policy, print_policy
from dsl.source import NOWHERE, Span
from dsl.types import FOLIO, U8, U64

TEXT = """\
policy example
param percent: u64 = 10 in 1..=50
state turn: u8 = 0
state hist: u64[8] = 3
list small
list gen[4]
cursor hand on gen[2]
field hits: u8 @3:9-3:13
map ghost: lru_hash<page_key> {value: u32} [nr_pages 9 * param:0 /]
hook folio_added(%0 f: folio) @4:1-4:20 {
    var %1 e: ref(0)
    var %2: bool
    var %3: u64
    %1.e = call map_lookup ghost(5:page_key)
    %2 = ne %1.e, null:ref(0)
    if %2 {
        store value value of %1.e, 7:u32
    } else {
        scan %0.f in cursor hand limit 8 {
            continue 0
        }
    }
    loop %3 < 10 {
        %3 = load state hist[%3]
        block {
            break 1
        }
    }
    call cursor_reset hand()
    store field hits of %0.f, 1:u8 @5:1-5:2
    return
}
"""


def test_printed_text_is_printed_again() -> None:
    assert print_policy(parse_policy(TEXT)) == TEXT


def test_numbers_names_and_defaults_may_be_left_to_the_parser() -> None:
    short = "policy p\nstate a: u8\nhook init() { store state 0[0], 1:u8 // the first\n return }"
    hook = parse_policy(short).hooks[0]
    assert hook.body == (ir.StoreState(0, ir.Const(0, U64), ir.Const(1, U8), NOWHERE), ir.Return(None, NOWHERE))


def test_a_register_unlike_its_declaration_is_spelled_out() -> None:
    policy = parse_policy("policy p\nhook init() {\n var %0: u64\n %0 = copy 1\n}")
    stranger = ir.Reg(0, U8, "x")
    hook = replace(policy.hooks[0], body=(ir.Copy(stranger, ir.Reg(7, U64), Span(1, 1, 1, 2)),))
    policy = replace(policy, hooks=(hook,))
    text = print_policy(policy)
    assert "(%0 x: u8) = copy (%7: u64) @1:1-1:2" in text
    assert parse_policy(text, policy.source) == policy


def test_parameters_outside_of_the_register_table_are_kept() -> None:
    policy = parse_policy("policy p\nhook init(%0 f: folio) separate {\n var %0: u64\n}")
    assert policy.hooks[0].params == (ir.Reg(0, FOLIO, "f"),)
    assert policy.hooks[0].registers == (ir.Reg(0, U64),)
    assert parse_policy(print_policy(policy), policy.source) == policy


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "expected `policy`"),
        ("policy p\nhook init() {", 2, "expected an instruction"),
        ("policy p\nhook init() {\n  %0 = copy 1\n}", 3, "register %0 is not declared"),
        ("policy p\nhook init() {\n  call map_len ghost()\n}", 3, "no map, cursor, bag or heap named ghost"),
        ("policy p\nstate a: u7", 2, "expected a type"),
        ("policy p\nstate a: u8 = " + "9" * 5000, 2, "integer too large"),
        (f"policy p\nhook init() {{\n  var %{'9' * 5000}: u64\n}}", 3, "register too large"),
        ("policy p\nhook init() {\n  return §\n}", 3, "unexpected character"),
        ("policy p\nhook init() {" + "block {" * 300, 2, "nested too deeply"),
        ("policy p\nlist q\n\nwhat", 4, "expected a table or `hook`"),
        ('policy "\\q"', 1, "bad string"),
    ],
)
def test_bad_text_names_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(IrTextError, match=f"line {line}: .*{message}") as caught:
        parse_policy(text)
    assert caught.value.line == line
