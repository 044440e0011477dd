"""Hostile objects: whatever is in them, the answer is a verdict."""

from __future__ import annotations

import random
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from judged import HEAD, compiled

from dsl import abi, ir
from dsl.ir_text import parse_policy
from dsl.source import NOWHERE, Span
from dsl.types import BOOL, FOLIO, LIST, U8, U64, Type, ref
from verifier.structure import check_structure
from verifier.verify import verify

TABLES = """
policy t
param p: u64 = 3 in 1..=8
state s: u8
state a: u64[4]
list q
list g[3]
cursor c on q
field h: u8
map m: hash<page_key> {n: u32} [64]
"""

HOOK = "hook folio_accessed(%0 f: folio) { var %1: u64 var %2: u8 var %3: bool var %4: list var %5: ref(0)\n"


def rejected(text: str) -> list[str]:
    return [diagnostic.code for diagnostic in verify(parse_policy(text)).diagnostics]


MALFORMED_BODIES = [
    "%1 = add %1, 1:u8", "%1 = add %2, %2", "%3 = add true, false", "%3 = and %1, %1",
    "%1 = add 18446744073709551616, 1",
    "%2 = copy 256:u8", "%2 = copy %1", "%3 = lt true, false", "%3 = lt %0, null:folio", "%3 = eq %4, %4",
    "%3 = eq %0, 5:folio", "%3 = eq %5, null:ref(1)", "%3 = convert %1", "%1 = convert 0:page_key", "%1 = narrow true",
    "%1 = mul_div 1:u8, 2, 3", "%1 = param 1", "%2 = param p", "%1 = load state s[0]", "%2 = load state s[0:u8]",
    "store state s[0], 1", "%1 = load state 2[0]", "%1 = load field h of %0", "%2 = load field h of %5",
    "%2 = load field 1 of %0", "store field h of %0, 1", "%2 = load value 0 of %5", "%1 = load value 0 of %0",
    "store value n of %5, 1", "%4 = list q[0:u8]", "%4 = list 2[0]", "%1 = list q[0]", "%4 = copy 0:list",
    "call nonsense()", "call list_len()", "call list_len(%4, %4)", "call list_len(%0)", "%2 = call list_len(%4)",
    "%1 = call list_push_tail(%4, %0)", "call map_len()", "call map_len 1()", "call map_touch m(0:page_key)",
    "call map_contains m(1)", "%1 = call map_lookup m(0:page_key)", "call list_len m(%4)", "call cursor_reset()",
    "call cursor_reset 1()", "if %1 { }", "if 2:bool { }", "loop %2 < 3 { }", "loop %1 < 3:u8 { }", "break 0",
    "block { break 1 }", "block { continue 0 }", "loop %1 < 3 { block { continue 0 } }", "scan %1 in %4 limit 3 { }",
    "scan %0 in %0 limit 3 { }", "scan %0 in cursor 1 limit 3 { }", "scan %0 in %4 cursor 0 limit 3 { }",
    "scan %0 in %4 limit 3:u8 { }", "return 3", "%1 = copy (%9: u64)", "%1 = copy (%2: u64)", "(%1: u8) = copy 3:u8",
    "(%9: u64) = add 1, 2", "%1 = add 1:u8, 1", "%0 = add %0, %0", "%1 = lt 1, 2", "(%9: bool) = lt 1, 2",
    "%3 = lt (%9: u64), 1", "%3 = lt 1, 1:u8", "(%9: u64) = convert 1:u8", "%1 = convert (%9: u8)",
    "(%9: u8) = narrow 1", "%3 = narrow 1", "%2 = narrow (%9: u64)", "%2 = narrow true", "(%9: u64) = mul_div 1, 2, 3",
    "%2 = mul_div 1, 2, 3", "store state 2[0], 1:u8", "store field 1 of %0, 1:u8", "store field h of %5, 1:u8",
    "store value 1 of %5, 1:u32", "call bag_random q()", "call bag_random 9()", "call heap_len 0()",
]  # fmt: skip


@pytest.mark.parametrize("body", MALFORMED_BODIES)
def test_a_malformed_instruction(body: str) -> None:
    assert rejected(TABLES + HOOK + body + "\n}\n") == ["malformed-object"]


MALFORMED_TABLES = [
    "param x: u8 = 3 in 1..=256", "param x: u8 = 9 in 1..=8", "param x: u8 = 3 in 8..=1",
    "param x: page_key = 0 in 0..=1",
    "param p: u64 = 1 in 1..=1", 'param "x y": u64 = 1 in 1..=1', "state x: folio", "state x: u8 = 256",
    "state x: u64[0]", "state x: u64 x 2", "state x: u64[65537]", "list x[0]", "list x[1025]", "list x[-1]",
    "cursor x on 5", "cursor x on q[1]", "cursor x on g[3]", "field h: u8", "field x: list",
    "map x: tree<u64> {} [1]", "map x: hash<folio> {} [1]", "map x: hash<u64> {v: folio} [1]",
    "map x: hash<u64> {v: u8, v: u8} [1]", "map x: hash<u64> {} []", "map x: hash<u64> {} [1 2]",
    "map x: hash<u64> {} [+]", "map x: hash<u64> {} [1 +]", "map x: hash<u64> {} [param:1]",
    'map x: hash<u64> {} ["system"]', 'map x: hash<u64> {} ["0"]', 'map x: hash<u64> {} ["param:²"]',
    'map x: hash<u64> {} ["param:\u0660"]', f'map x: hash<u64> {{}} ["param:{"0" * 5000}"]',
    "map x: hash<u64> {} [1 + 1]", "map x: array<u64> {} [1]", "param x: u8 = 3 in -1..=8", "map x: hash<u64> {} [-1]",
    "map x: hash<u64> {} [nr_pages 2 **]",
]  # fmt: skip


@pytest.mark.parametrize("table", MALFORMED_TABLES)
def test_a_malformed_table(table: str) -> None:
    head = TABLES.replace("list q\n", "list q\nlist zz\n")
    try:
        policy = parse_policy(head + table + "\n")
    except Exception:
        pytest.skip("not even IR text")
    assert {diagnostic.code for diagnostic in verify(policy).diagnostics} == {"malformed-object"}


def policy_with(body: tuple[ir.Node, ...], **changes: Any) -> ir.Policy:
    policy = parse_policy(TABLES + HOOK + "}\n")
    function = replace(policy.hooks[0], body=body, **changes)
    return replace(policy, hooks=(function,))


def codes(policy: ir.Policy) -> set[str]:
    verdict = verify(policy)
    assert verdict.accepted == (not verdict.diagnostics)
    return {diagnostic.code for diagnostic in verdict.diagnostics}


def test_the_frame_of_a_hook() -> None:
    f, x = ir.Reg(0, FOLIO, "f"), ir.Reg(1, U64)
    assert codes(policy_with((), registers=(f, ir.Reg(2, U64)))) == {"malformed-object"}
    assert codes(policy_with((), registers=(f, ir.Reg(1, Type("u65", 65))))) == {"malformed-object"}
    assert codes(policy_with((), registers=(f, ir.Reg(1, ref(7))))) == {"malformed-object"}
    assert codes(policy_with((), params=(x,), registers=(x,))) == {"malformed-object"}
    assert codes(policy_with((), params=(f, ir.Reg(1, FOLIO)))) == {"malformed-object"}
    assert codes(policy_with((), params=(f, ir.Reg(1, FOLIO)), registers=(f, ir.Reg(1, FOLIO)))) == {"malformed-object"}
    assert codes(policy_with((), params=(ir.Reg(1, FOLIO),), registers=(f, ir.Reg(1, FOLIO)))) == {"malformed-object"}
    assert codes(policy_with((), params=(f,), registers=(f,), hook="init")) == {"malformed-object"}
    assert codes(policy_with((), result=U8)) == {"malformed-object"}
    assert codes(policy_with((), hook="unheard_of")) == {"malformed-object"}
    assert codes(policy_with((), params=(), registers=(ir.Reg(0, U64),))) == set()


def test_a_hook_is_given_folios_only() -> None:
    assert codes(policy_with((), params=(ir.Reg(0, LIST),), registers=(ir.Reg(0, LIST),))) == {"malformed-object"}


@pytest.mark.parametrize("value", ["return 1", "return (%9: u8)", "return", "return %0", "return 256:u8"])
def test_a_malformed_result(value: str) -> None:
    assert rejected(f"policy t\nhook folio_check(%0 f: folio) -> u8 {{ {value} }}\n") == ["malformed-object"]


BIT, NUMBER = ir.Reg(3, BOOL), ir.Reg(1, U64)
STRANGE = Type("u65", 65)
NO_REGISTER: Any = ir.Const(1, U64)
NO_OPERAND: Any = None
FRACTION: Any = 1.0
NO_TYPE: Any = ["u8"]
ZERO: Any = 0
FOREIGN_OPERANDS: list[ir.Node] = [
    ir.Copy(NO_REGISTER, ir.Const(1, U64), NOWHERE),
    ir.Copy(NUMBER, NO_OPERAND, NOWHERE),
    ir.Copy(NUMBER, ir.Const(True, U64), NOWHERE),
    ir.Copy(NUMBER, ir.Const(FRACTION, U64), NOWHERE),
    ir.Compare(BIT, "lt", ir.Const(0, STRANGE), ir.Const(0, STRANGE), NOWHERE),
    ir.Compare(BIT, "eq", ir.Const(0, ref(7)), ir.Const(0, ref(7)), NOWHERE),
    ir.Scan(ir.Reg(0, FOLIO), ir.Const(5, U64), 0, ir.Const(1, U64), (), NOWHERE),
    ir.Scan(ir.Reg(0, FOLIO), NUMBER, 0, ir.Const(1, U64), (), NOWHERE),
]


@pytest.mark.parametrize("node", FOREIGN_OPERANDS, ids=str)
def test_an_operand_that_no_text_has(node: ir.Node) -> None:
    assert codes(policy_with((node,))) == {"malformed-object"}


FOREIGN_ENTRIES: list[dict[str, Any]] = [
    {"params": (ir.Param("x", FOLIO, 0, 0, 0, NOWHERE),)},
    {"params": (ir.Param("x", STRANGE, 0, 0, 0, NOWHERE),)},
    {"states": (ir.State("x", NO_TYPE, 1, False, 0, NOWHERE),)},
    {"states": (ir.State("x", U8, True, False, 0, NOWHERE),)},
    {"states": (ir.State("x", U8, 1, ZERO, 0, NOWHERE),)},
    {"states": (ir.State("x", U8, 1, False, True, NOWHERE),)},
    {"lists": (ir.ListDecl("x", "tree", 1, False, NOWHERE),)},
    {"lists": (ir.ListDecl("x", "heap", 1, False, NOWHERE),), "cursors": (ir.Cursor("y", 0, 0, NOWHERE),)},
]


@pytest.mark.parametrize("changes", FOREIGN_ENTRIES, ids=str)
def test_an_entry_that_no_text_has(changes: dict[str, Any]) -> None:
    assert codes(replace(policy_with(()), **{"cursors": (), **changes})) == {"malformed-object"}


def test_a_register_is_one() -> None:
    f = ir.Reg(0, FOLIO, "f")
    assert codes(policy_with((), registers=(f, ir.Const(1, U64)))) == {"malformed-object"}


def test_two_hooks_of_one_name_and_another_abi() -> None:
    policy = policy_with(())
    assert codes(replace(policy, hooks=policy.hooks * 2)) == {"malformed-object"}
    assert codes(replace(policy, abi_hash="0" * 32)) == {"malformed-object"}


@pytest.mark.parametrize("name", ["", "two words", "a\nb", "1st", "a/b", "é", 3])
def test_names_are_identifiers(name: Any) -> None:
    policy = policy_with(())
    assert codes(replace(policy, name=name)) == {"malformed-object"}
    assert codes(replace(policy, fields=(ir.Field(name, U8, NOWHERE),))) == {"malformed-object"}
    assert codes(replace(policy, states=(ir.State(name, U8, 1, False, 0, NOWHERE),))) == {"malformed-object"}


@pytest.mark.parametrize("kind", ["bag", "heap"])
def test_there_are_no_arrays_of_bags_and_heaps(kind: str) -> None:
    single, array = (ir.ListDecl("x", kind, length, length > 1, NOWHERE) for length in (1, 4))
    assert codes(replace(policy_with(()), lists=(single,), cursors=())) == set()
    assert codes(replace(policy_with(()), lists=(array,), cursors=())) == {"malformed-object"}


def test_an_end_without_a_result() -> None:
    policy = parse_policy("policy t\nhook folio_check() -> u8 { }\n")
    assert codes(policy) == {"malformed-object"}


def test_an_end_without_a_return_loses_folios_too() -> None:
    assert codes(parse_policy("policy t\nhook folio_added(%0 f: folio) { }\n")) == {"folio-leak"}
    assert codes(parse_policy("policy t\nhook folio_added() { }\n")) == {"folio-leak"}


def test_nesting_is_limited() -> None:
    body: tuple[ir.Node, ...] = ()
    for _ in range(5000):
        body = (ir.Block(body, NOWHERE),)
    assert codes(policy_with(body)) == {"malformed-object"}


@pytest.mark.parametrize("depth", [17, 40])
def test_shared_nodes_are_counted_as_often_as_they_run(depth: int) -> None:
    body: tuple[ir.Node, ...] = (ir.Return(None, NOWHERE),)
    for _ in range(depth):
        body = (ir.If(ir.Const(1, Type("bool", 1)), body, body, NOWHERE),)
    assert "policy-too-large" in {fault.code for fault in check_structure(policy_with(body)).found}


FOREIGN: Any = ir.Const(3, U64)


def test_a_foreign_node() -> None:
    assert codes(policy_with((FOREIGN,))) == {"malformed-object"}


def test_a_foreign_node_is_blamed_on_what_stands_before_it() -> None:
    here, there = Span(3, 1, 3, 9), Span(4, 1, 4, 9)
    alone = verify(policy_with((FOREIGN,), span=here))
    after = verify(policy_with((ir.Block((), there), FOREIGN), span=here))
    assert [verdict.diagnostics[0].primary.span for verdict in (alone, after)] == [here, there]


def test_limits_of_tables() -> None:
    policy = policy_with(())
    words = tuple(ir.State(f"w{i}", U64, 40_000, True, 0, NOWHERE) for i in range(2))
    assert codes(replace(policy, states=policy.states + words)) == {"malformed-object"}
    params = tuple(ir.Param(f"x{i}", U64, 0, 0, 0, NOWHERE) for i in range(abi.MAX_PARAMS))
    assert codes(replace(policy, params=policy.params + params)) == {"malformed-object"}
    bytes_ = tuple(ir.Field(f"b{i}", U64, NOWHERE) for i in range(4))
    assert codes(replace(policy, fields=policy.fields + bytes_)) == {"malformed-object"}


PROGRAMS = sorted((Path(__file__).parents[2] / "programs").glob("*.rx"))


def _mutate(value: Any, chance: random.Random, left: list[int]) -> Any:
    """A copy of a tree with the node number `left[0]` changed."""
    left[0] -= 1
    if left[0] == 0:
        return _instead(value, chance)
    if left[0] < 0:
        return value
    if isinstance(value, tuple):
        return tuple(_mutate(item, chance, left) for item in value)
    if is_dataclass(value) and not isinstance(value, type | Type):
        changed = {f.name: _mutate(getattr(value, f.name), chance, left) for f in fields(value) if f.name != "span"}
        return replace(value, **changed)
    return value


def _instead(value: Any, chance: random.Random) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return chance.choice((value + 1, value - 1, 0, -1, 1 << 64, 7, -(1 << 63)))
    if isinstance(value, str):
        return chance.choice((*ir.BINARY_OPS, *ir.COMPARE_OPS, *abi.KFUNCS, *abi.HOOKS, "", value + "x"))
    if isinstance(value, Type):
        return chance.choice((U64, U8, FOLIO, LIST, ref(0), ref(1), Type("u8", 64), Type("i64", 64, True)))
    if isinstance(value, ir.Reg | ir.Const):
        return chance.choice((ir.Reg(0, value.type), ir.Reg(3, value.type), ir.Const(0, value.type), ir.Const(9, U64)))
    if isinstance(value, tuple):
        return chance.choice((value[1:], value[::-1], value * 2, ()))
    if is_dataclass(value):
        return chance.choice((ir.Break(0, NOWHERE), ir.Continue(0, NOWHERE), ir.Return(None, NOWHERE)))
    return value


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_mutated_programs_get_a_verdict(path: Path) -> None:
    policy = compiled(path.read_text())
    chance = random.Random(path.stem)
    size = 40 + 25 * sum(1 for hook in policy.hooks for _ in hook.registers)
    outcomes = set()
    for _ in range(min(60, 6 + 20_000 // size)):  # a large one takes its time
        mutant = policy
        for _ in range(chance.choice((1, 1, 2))):
            hooks = _mutate(mutant.hooks, chance, [chance.randrange(1, size)])
            if all(isinstance(hook, ir.Function) and isinstance(hook.params, tuple) for hook in hooks):
                mutant = replace(mutant, hooks=hooks)
        outcomes.add(verify(mutant).accepted)
    assert False in outcomes


def test_the_form_of_all_shipped_programs_is_sound() -> None:
    assert PROGRAMS
    for path in PROGRAMS:
        verdict = verify(compiled(path.read_text()))
        assert verdict.accepted, (path.name, verdict.diagnostics)


def test_what_is_well_formed_is_looked_at_further() -> None:
    policy = compiled(HEAD + "hook folio_accessed(f, ctx) { ctx.evict(f); let g = queue.head; g.age = 1; }")
    assert codes(policy) == {"kfunc-not-allowed-here", "folio-maybe-null"}
