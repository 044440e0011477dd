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
