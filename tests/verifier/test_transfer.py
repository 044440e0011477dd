"""Single rules of transfer, where no policy can show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dsl import ir
from dsl.ir_text import parse_policy
from dsl.source import NOWHERE
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
    hook = ir.Function("init", (), None, (ir.Reg(0, U64),), (), NOWHERE)
    space = Space(parse_policy("policy p"), hook, Layout(maps=0, registers=0, memory=1, size=1))
    state = empty_state(space)
    assign(space, state, 0, scalars.constant(3), Definition(None, (), (), scalars.constant(3)))
    node: Any = Novelty(ir.Reg(0, U64))
    rule = Transfer(space).rule_of(node)
    assert rule is not None
    rule(state, node)
    assert state.symbol(0) == NOTHING and state.value(0) is UNINITIALISED
