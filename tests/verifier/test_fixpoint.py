"""How much work loops are: their sum, not their product."""

from __future__ import annotations

import pytest
from judged import HEAD, compiled

from dsl import ir
from verifier.state import State
from verifier.transfer import Rule, Transfer
from verifier.verify import verify


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts what the rules of transfer are applied to."""
    count = [0]
    rule_of = Transfer.rule_of

    def counting(self: Transfer, node: ir.Node) -> Rule | None:
        rule = rule_of(self, node)
        if rule is None:
            return None

        def apply(state: State, node: ir.Node) -> None:
            count[0] += 1
            rule(state, node)

        return apply

    monkeypatch.setattr(Transfer, "rule_of", counting)
    return count


def nested(depth: int) -> str:
    opening = "".join(
        f"let y{k}: u64 = {k}; loop up to 2 {{ y{k} += 1; if y{k} > total {{ y{k} = y{max(k - 1, 0)}; continue; }} "
        for k in range(depth)
    )
    return f"{HEAD}hook init() {{ {opening} hist[y0 & 15] = y1; {'} ' * depth} }}"


def work(text: str, steps: list[int]) -> int:
    policy = compiled(text)
    steps[0] = 0
    assert verify(policy).accepted
    return steps[0]


def test_nested_loops_do_not_multiply(steps: list[int]) -> None:
    four, eight = work(nested(4), steps), work(nested(8), steps)
    assert eight < 5 * four, "twice the loops, inside each other, may cost a little more than four times the work"


def test_straight_code_is_read_once(steps: list[int]) -> None:
    text = HEAD + "hook init() { " + "if total > 3 { total -= 1; } " * 200 + "}"
    assert work(text, steps) < 200 * 8


def test_a_loop_that_settles_is_read_a_few_times(steps: list[int]) -> None:
    text = HEAD + "hook init() { for i in 0..9 { " + "total += 1; " * 100 + "} }"
    assert work(text, steps) < 100 * 3 * 8
