"""Declarations: what the tables hold."""

from __future__ import annotations

from dsl import ir
from dsl.compile import Compilation
from dsl.source import Source
from dsl.types import BOOL, I64, PAGE_KEY, U8, U32, U64


def policy_of(text: str) -> ir.Policy:
    compilation = Compilation(Source("test.rx", text))
    assert compilation.diagnostics == ()
    assert compilation.policy is not None
    return compilation.policy


def test_constants_are_evaluated_without_overflow() -> None:
    policy = policy_of(
        """policy p;
        const BIG: u64 = (1 << 63) / 4 * 2;
        const NEGATIVE: i64 = -7 / 2;
        const REST: i64 = -7 % 2;
        const MASK: u8 = 0xf0 | 0x0f & 0b11 ^ 1;
        const LESS: u64 = min(BIG, 10) - max(3, 4);
        state a: u64 = BIG;
        state b: i64 = NEGATIVE;
        state c: i64 = REST;
        state d: u8 = MASK;
        state e: u64[LESS] = LESS;
        state f: bool = true;
        """
    )
    assert [s.initial for s in policy.states] == [1 << 62, -3, -1, 0xF2, 6, 1]
    assert [(s.type, s.length, s.is_array) for s in policy.states] == [
        (U64, 1, False), (I64, 1, False), (I64, 1, False), (U8, 1, False), (U64, 6, True), (BOOL, 1, False),
    ]  # fmt: skip


def test_tables_keep_their_order_and_places() -> None:
    policy = policy_of(
        """policy p;
        list one; list many[4];
        cursor on_one on one; cursor on_many on many[1 + 2];
        param a: u8 = 2 in 1..=8;
        folio { hits: u8, last: page_key }
        """
    )
    assert policy.name == "p"
    assert [(c.name, c.list, c.index) for c in policy.cursors] == [("on_one", 0, 0), ("on_many", 1, 3)]
    assert [(ls.name, ls.length, ls.is_array) for ls in policy.lists] == [("one", 1, False), ("many", 4, True)]
    assert [(p.name, p.type, p.default, p.low, p.high) for p in policy.params] == [("a", U8, 2, 1, 8)]
    assert [(f.name, f.type) for f in policy.fields] == [("hits", U8), ("last", PAGE_KEY)]


def test_sizes_are_postfix_with_constants_filled_in() -> None:
    policy = policy_of(
        """policy p;
        const EXTRA: u64 = 4;
        param percent: u64 = 10 in 1..=100;
        struct entry { refs: u32, seen: bool }
        map a: hash<u64>[EXTRA + 1];
        map b: lru_hash<page_key, entry>[max(16, nr_pages * percent / 100)];
        map c: hash<u8, u32>[nr_pages - EXTRA % 3];
        """
    )
    assert [m.capacity for m in policy.maps] == [
        (4, 1, "+"),
        (16, "nr_pages", "param:0", "*", 100, "/", "max"),
        ("nr_pages", 4, 3, "%", "-"),
    ]
    assert [[(f.name, f.type) for f in m.fields] for m in policy.maps] == [
        [],
        [("refs", U32), ("seen", BOOL)],
        [("value", U32)],
    ]


def test_long_chains_of_functions_and_constants_do_not_recurse() -> None:
    functions = "\n".join(f"fn f{i}() {{ f{i + 1}(); }}" for i in range(2000)) + "fn f2000() { f0(); }"
    found = Compilation(Source("test.rx", "policy p;" + functions)).diagnostics
    assert [d.code for d in found] == ["recursive-function"]
    constants = "const A0: u64 = 1;" + "".join(f"const A{i + 1}: u64 = A{i} + 1;" for i in range(2000))
    assert Compilation(Source("test.rx", "policy p;" + constants)).diagnostics == ()
