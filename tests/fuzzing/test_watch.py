"""The comparison of concrete with abstract states is not blind: it sees each kind of claim that does not hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dsl import ir
from dsl.ir_text import parse_policy
from fuzzing.oracle import Violation, judge
from verifier.domains import value as scalars
from verifier.domains.reference import Folio, Nullness
from verifier.state import State
from verifier.transfer import RULES, Transfer

SCALAR = """
policy scalar
state s: u64
hook init() {
    var %0: u64
    var %1: u64
    %0 = load state s[0]
    %1 = copy 1
    %1 = add %0, 1
}
"""
HANDLES = """
policy handles
list queue
field hits: u64
hook age() {
    var %0: list
    var %1: folio
    var %2: u64
    var %3: bool
    %0 = list queue[0]
    %1 = call list_head(%0)
    %3 = ne %1, null:folio
    if %3 {
        %2 = load field hits of %1
        store field hits of %1, 5:u64
        %2 = load field hits of %1
    }
    %2 = copy 7
}
"""


def broken(monkeypatch: pytest.MonkeyPatch, rule: str, after: Callable[[Any, State, ir.Node], None]) -> None:
    """Lets a transfer rule do its work, and then something wrong."""
    original: Any = getattr(Transfer, rule)

    def wrong(self: Any, state: State, node: ir.Node) -> None:
        original(self, state, node)
        after(self, state, node)

    replaced(monkeypatch, rule, wrong)


def replaced(monkeypatch: pytest.MonkeyPatch, rule: str, by: Callable[[Any, State, ir.Node], None]) -> None:
    for node_class, function in list(RULES.items()):
        if function is getattr(Transfer, rule):
            monkeypatch.setitem(RULES, node_class, by)


def found(text: str) -> str:
    with pytest.raises(Violation) as caught:
        for seed in range(20):
            judge(parse_policy(text), seed, runs=10)
    return str(caught.value)


def restricted(value: Any) -> Callable[[Any, State, Any], None]:
    def change(transfer: Any, state: State, node: Any) -> None:
        state.restrict(state.cells[transfer._layout.register(node.dst)], value)

    return change


def test_sound_states_pass() -> None:
    for text in (SCALAR, HANDLES):
        assert judge(parse_policy(text), 1, runs=30).accepted


def test_a_range_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, "_load_state", restricted(scalars.between(0, 1000)))
    assert "not in [0, 1000]" in found(SCALAR)


def test_nullness_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, "_call", restricted(Folio(Nullness.NOT_NULL, False)))
    assert "is not Folio" in found(HANDLES) or "out of reach" in found(HANDLES)


def test_ownership_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, "_call", restricted(Folio(Nullness.MAYBE, False)))
    assert "owned=False" in found(HANDLES.replace("list_head", "list_pop_head"))


def test_equal_cells_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    def share(transfer: Any, state: State, node: Any) -> None:
        state.bind(transfer._layout.registers + 1, state.cells[transfer._layout.registers])

    broken(monkeypatch, "_load_state", share)
    text = SCALAR.replace("%1 = copy 1\n    %1 = add %0, 1", "%0 = load state s[0]\n    %0 = add %0, 1").replace(
        "%0 = load state s[0]\n", "%1 = copy 1\n    %0 = load state s[0]\n", 1
    )
    assert found(text)


def test_what_is_remembered_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that leaves what was read before."""
    replaced(monkeypatch, "_store", lambda self, state, node: None)
    assert "remembered" in found(HANDLES) or "is not" in found(HANDLES)


def test_points_out_of_reach_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, "_call", restricted(Folio(Nullness.NULL, False)))
    assert found(HANDLES)
