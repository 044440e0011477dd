"""Single rules of transfer, where no policy can show them."""

from __future__ import annotations

from dataclasses import dataclass

from dsl import ir
from dsl.types import U64
from verifier.cells import Layout
from verifier.domains import value as scalars
from verifier.state import NOTHING, UNINITIALISED, Definition, Space, assign, empty_state
from verifier.transfer import Transfer


@dataclass(frozen=True)
class Novelty:
    """An instruction that somebody adds to the IR, and gives no rule."""

    dst: ir.Reg


def test_an_instruction_without_a_rule_leaves_its_target_unassigned() -> None:
    space = Space(None, None, Layout(maps=0, registers=0, memory=1, size=1))  # type: ignore[arg-type]
    state = empty_state(space)
    assign(space, state, 0, scalars.constant(3), Definition(None, (), (), scalars.constant(3)))
    node = Novelty(ir.Reg(0, U64))
    rule = Transfer(space).rule_of(node)  # type: ignore[arg-type]
    assert rule is not None
    rule(state, node)
    assert state.symbol(0) == NOTHING and state.value(0) is UNINITIALISED
