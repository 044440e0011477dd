"""What counts as work: also what a call may change, and what is in the hand where a hook ends."""

from __future__ import annotations

import pytest

from dsl import ir
from dsl.ir_text import parse_policy
from verifier import fixpoint
from verifier.verify import verify

CALL = "%0 = call next_random()\n"


def registers(count: int, type: str = "u64") -> str:
    return "\n".join(f"var %{number}: {type}" for number in range(count))


def calls(count: int, remembered: int) -> ir.Policy:
    """Calls that may change what a hook knows, in a hook that remembers so many expressions."""
    sums = "".join(f"%0 = add %1, {number}\n" for number in range(remembered)) * 2
    return parse_policy(f"policy p\nhook init() {{\n{registers(2)}\n%1 = copy 1\n{sums}{CALL * count}}}")


def gifts(folios: int, ends: int) -> ir.Policy:
    """Folios that are all given away before many ends of the hook."""
    handle, flag = f"%{folios}", f"%{folios + 1}"
    head = f"{registers(folios, 'folio')}\nvar {handle}: list\nvar {flag}: bool\n{handle} = list q[0]"
    pops = "\n".join(f"%{i} = call list_pop_head({handle})" for i in range(folios))
    given = "\n".join(
        f"{flag} = ne %{i}, null:folio\nif {flag} {{ call list_push_tail({handle}, %{i}) }}" for i in range(folios)
    )
    leave = "\n".join(f"{flag} = load state b[{i}]\nif {flag} {{ return }}" for i in range(ends))
    return parse_policy(f"policy p\nstate b: bool[100]\nlist q\nhook init() {{\n{head}\n{pops}\n{given}\n{leave}\n}}")


def codes(policy: ir.Policy) -> list[str]:
    return [diagnostic.code for diagnostic in verify(policy).diagnostics]


def test_a_call_counts_what_it_may_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixpoint, "MAX_VERIFIER_STEPS", 3000)
    assert codes(calls(1000, remembered=0)) == []
    assert codes(calls(2, remembered=40)) == []
    assert codes(calls(1000, remembered=40)) == ["policy-too-large"]


def test_an_end_counts_the_folios_in_the_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixpoint, "MAX_VERIFIER_STEPS", 8000)
    assert codes(gifts(2, ends=100)) == []
    assert codes(gifts(200, ends=1)) == []
    assert codes(gifts(200, ends=100)) == ["policy-too-large"]
