"""What must hold before an instruction: the parts that no text, only an object, can break."""

from __future__ import annotations

import pytest

from dsl import abi
from dsl.ir_text import parse_policy
from verifier.verify import verify

TABLES = "policy t state a: u64[4] list q list g[3] cursor c on q field h: u8 map m: hash<u64> {n: u8} [4]"
HOOK = (
    "hook folio_evicted(%0 f: folio) -> u64 { var %1: u64 var %2: u8 var %3: bool var %4: list var %5: ref(0)"
    " var %6: folio var %7: u64 var %8: u8 var %9: bool var %10: list var %11: folio"
)
ASSIGNED = (
    "%1 = copy 0 %2 = copy 0:u8 %3 = copy false %4 = list q[0] %5 = call map_lookup m(1) %6 = copy %0 %10 = list q[0]"
)
"""All that is read below."""


def codes(body: str) -> list[str]:
    policy = parse_policy(f"{TABLES} {HOOK}\n{body}\nreturn 0\n}}")
    return [diagnostic.code for diagnostic in verify(policy).diagnostics]


READING = [
    "%7 = add %1, 1", "%7 = add 1, %1", "%9 = lt %1, 1", "%9 = lt 1, %1", "%9 = eq %6, null:folio",
    "%9 = eq null:ref(0), %5", "%7 = copy %1", "%11 = copy %6", "%7 = convert %2", "%8 = narrow %1",
    "%7 = mul_div %1, 1, 1", "%7 = mul_div 1, %1, 1", "%7 = mul_div 1, 1, %1", "%7 = load state a[%1]",
    "store state a[%1], 1", "store state a[0], %1", "%10 = list g[%1]", "%8 = load field h of %6",
    "store field h of %6, 1:u8", "store field h of %0, %2", "%8 = load value n of %5", "store value n of %5, 1:u8",
    "%5 = call map_lookup m(1) store value n of %5, %2", "call list_len(%4)", "%7 = call list_len(%4)",
    "call ctx_count_refill(%1)", "%9 = call list_holds(%10, %6)", "if %3 { }", "loop %7 < %1 { }",
    "scan %11 in %4 limit 1 { }", "%10 = list q[0] scan %11 in %10 limit %1 { }", "scan %11 in cursor c limit %1 { }",
    "return %1",
]  # fmt: skip


@pytest.mark.parametrize("instruction", READING)
def test_each_operand_must_have_been_assigned(instruction: str) -> None:
    assert "uninitialised-local" not in codes(f"{ASSIGNED} {instruction}")
    assert "uninitialised-local" in codes(f"%10 = list q[0] {instruction}" if "%10," in instruction else instruction)


@pytest.mark.parametrize("kfunc", [k for k in abi.KFUNCS.values() if k.ownership == "owned"], ids=lambda k: k.name)
def test_an_owned_result_is_kept(kfunc: abi.Kfunc) -> None:
    policy = "policy t list q heap h hook age() { var %0: list var %1: folio var %2: bool %0 = list q[0]"
    call = f"call {kfunc.name} h()" if kfunc.receiver == "heap" else f"call {kfunc.name}(%0)"
    give = "%2 = ne %1, null:folio if %2 { call list_push_tail(%0, %1) }"
    assert verify(parse_policy(f"{policy} %1 = {call} {give} }}")).accepted
    assert [d.code for d in verify(parse_policy(f"{policy} {call} }}")).diagnostics] == ["folio-leak"]


NARROWED = """policy t state a: i64 state b: u8 hook age() { var %0: i64 var %1: bool var %2: u8
%0 = load state a[0] %1 = lt %0, 200:i64 if %1 { %1 = ge %0, 0:i64 if %1 { @within } @beyond } }"""


def test_a_value_that_is_narrowed_is_bounded_from_below_too() -> None:
    narrow = "%2 = narrow %0 store state b[0], %2"
    within, beyond = (NARROWED.replace(place, narrow) for place in ("@within", "@beyond"))
    assert verify(parse_policy(within.replace("@beyond", ""))).accepted
    found = verify(parse_policy(beyond.replace("@within", ""))).diagnostics
    assert [diagnostic.code for diagnostic in found] == ["narrowing-store"]


def test_the_key_of_an_entry_need_not_be_kept() -> None:
    lookup = "var %0: ref(0) var %1: bool %0 = call map_lookup m(1) %1 = ne %0, null:ref(0)"
    policy = f"policy t map m: hash<u64> {{n: u8}} [4] hook age() {{ {lookup} if %1 {{ call ref_key m(%0) }} }}"
    assert verify(parse_policy(policy)).accepted


def test_a_folio_that_is_not_another_may_be_null() -> None:
    body = "%6 = call list_head(%10) %11 = call list_head(%10) %9 = ne %6, {} if %9 {{ %8 = load field h of %6 }}"
    assert codes("%10 = list q[0] " + body.format("null:folio")) == []
    assert codes("%10 = list q[0] " + body.format("%11")) == ["folio-maybe-null"]
