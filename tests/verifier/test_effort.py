"""Every object gets its verdict in bounded time, however hard it was made to follow."""

from __future__ import annotations

import pytest

from dsl import abi, ir
from dsl.compile import Compilation
from dsl.ir_text import parse_policy
from dsl.source import Source
from verifier import fixpoint
from verifier.verify import Verdict, verify


def registers(count: int, type: str = "u64") -> str:
    return "\n".join(f"var %{number}: {type}" for number in range(count))


def chain(length: int) -> ir.Policy:
    """A loop in whose every round each register takes the value of the one before."""
    moves = "\n".join(f"%{i} = copy %{i - 1}" for i in range(length - 1, 0, -1))
    start = "\n".join(f"%{i} = copy 0" for i in range(length))
    loop = f"loop %{length} < 2 {{\n{moves}\n%0 = add %0, 1\n}}"
    return parse_policy(f"policy p\nhook init() {{\n{registers(length + 1)}\n{start}\n{loop}\n}}")


def returns(folios: int, ends: int) -> ir.Policy:
    """Folios that are all lost at many ends of the hook."""
    pops = "\n".join(f"%{i} = call list_pop_head(%{folios})" for i in range(folios))
    head = f"{registers(folios, 'folio')}\nvar %{folios}: list\nvar %{folios + 1}: bool\n%{folios} = list q[0]"
    leave = f"%{folios + 1} = load state b[0]\nif %{folios + 1} {{ return }}\n" * ends
    return parse_policy(f"policy p\nstate b: bool\nlist q\nhook init() {{\n{head}\n{pops}\n{leave}}}")


def calls(count: int, remembered: int) -> ir.Policy:
    """Calls that may change what a hook knows, in a hook that remembers so many expressions."""
    draw = "%0 = call next_random()\n"
    sums = "".join(f"%0 = add %1, {number}\n" for number in range(remembered)) * 2
    return parse_policy(f"policy p\nhook init() {{\n{registers(2)}\n%1 = copy 1\n{sums}{draw * count}}}")


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


def codes(verdict: Verdict) -> list[str]:
    return [diagnostic.code for diagnostic in verdict.diagnostics]


def test_a_chain_of_values_through_rounds_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert verify(chain(40)).accepted
    monkeypatch.setattr(fixpoint, "MAX_VERIFIER_STEPS", 1000)
    verdict = verify(chain(40))
    assert not verdict.accepted
    assert codes(verdict) == ["policy-too-large"]
    assert "takes more than" in verdict.diagnostics[0].message
    assert verdict.costs == ()
    assert verdict.states == ()


def test_work_is_counted_for_all_hooks_together(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = "hook {}() {{\nvar %0: u64\n%0 = copy 1\n%0 = copy 1\n%0 = copy 1\n}}\n"
    policy = parse_policy("policy p\n" + hook.format("init") + hook.format("miss"))
    assert verify(policy).accepted
    monkeypatch.setattr(fixpoint, "MAX_VERIFIER_STEPS", 5)
    verdict = verify(policy)
    assert codes(verdict) == ["policy-too-large"]
    assert "`miss`" in verdict.diagnostics[0].message


def test_a_call_counts_what_it_may_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixpoint, "MAX_VERIFIER_STEPS", 3000)
    assert codes(verify(calls(1000, remembered=0))) == []
    assert codes(verify(calls(2, remembered=40))) == []
    assert codes(verify(calls(1000, remembered=40))) == ["policy-too-large"]


def test_an_end_counts_the_folios_in_the_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixpoint, "MAX_VERIFIER_STEPS", 8000)
    assert codes(verify(gifts(2, ends=100))) == []
    assert codes(verify(gifts(200, ends=1))) == []
    assert codes(verify(gifts(200, ends=100))) == ["policy-too-large"]


@pytest.mark.parametrize("policy", [chain(3000), returns(1000, 8000)], ids=["chain", "returns"])
def test_what_would_take_hours_is_given_up(policy: ir.Policy) -> None:
    assert abi.MAX_VERIFIER_STEPS == 100_000, "more would take longer than anyone waits"
    assert "policy-too-large" in codes(verify(policy))


def test_many_folios_in_the_hand_are_followed() -> None:
    count = 1000
    pops = "\n".join(f"%{i} = call list_pop_head(%{count})" for i in range(count))
    push = "call list_push_tail(%{}, %{})"
    gifts = "\n".join(
        f"%{count + 1} = ne %{i}, null:folio\nif %{count + 1} {{ {push.format(count, i)} }}" for i in range(count)
    )
    head = f"{registers(count, 'folio')}\nvar %{count}: list\nvar %{count + 1}: bool\n%{count} = list q[0]"
    assert verify(parse_policy(f"policy p\nlist q\nhook init() {{\n{head}\n{pops}\n{gifts}\n}}")).accepted


def test_registers_are_limited_in_objects_and_in_texts() -> None:
    policy = parse_policy(f"policy p\nhook init() {{\n{registers(abi.MAX_REGISTERS + 1, 'u8')}\n}}")
    assert codes(verify(policy)) == ["policy-too-large"]
    locals = " ".join(f"let a{number}: u64;" for number in range(1000))
    text = f"policy p; state x: u64; fn f() {{ {locals} x += 1; }} hook init() {{ {'f(); ' * 200} }}"
    compilation = Compilation(Source("t.rx", text))
    assert compilation.policy is None
    assert [diagnostic.code for diagnostic in compilation.diagnostics] == ["policy-too-large"]
    assert f"{abi.MAX_REGISTERS:,} variables" in compilation.diagnostics[0].message
