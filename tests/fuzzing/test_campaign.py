"""A run of the fuzzers, the same every time: whatever the verifier accepts does what was proved.

`make fuzz` runs on from other numbers; `docs/soundness.md` tells of the long runs.
"""

from __future__ import annotations

import pytest

from dsl import abi, ir
from dsl.ir_text import parse_policy
from fuzzing import campaign
from fuzzing.campaign import KINDS, Tally, smallest
from fuzzing.ir_programs import HOOKS
from fuzzing.numbering import SOURCE_EVERY, ir_policy, policies, source_policy
from fuzzing.objects import run as run_objects
from fuzzing.oracle import Violation, judge
from verifier.cells import nodes_of
from verifier.domains import interval as intervals
from verifier.domains.interval import Interval

PARTS, PART = 4, 2_000
"""About a minute in all."""
LEAST = 0.2
"""The share that is accepted, at least: of others little is learnt."""


@pytest.mark.parametrize("part", range(PARTS))
def test_accepted_policies_do_what_was_proved(part: int) -> None:
    tally = campaign.run(part * PART, 1 << 60, 1e9, last=(part + 1) * PART)
    print("\n".join(tally.lines()))
    assert not tally.found, tally.found[0]
    for kind in KINDS:
        assert tally.rate(kind) >= LEAST, kind


def test_damaged_objects_are_answered() -> None:
    answers, found = run_objects(3_000)
    assert found == []
    assert set(answers) == {"refused by the loader", "rejected by the verifier", "accepted"}
    assert min(answers.values()) > 100


def test_everything_there_is_occurs() -> None:
    kinds, kfuncs, hooks = set(), set(), set()
    for number in range(8_000):
        policy = ir_policy(number)
        hooks.add(policy.hooks[0].hook)
        for node in nodes_of(policy.hooks[0].body):
            kinds.add(type(node))
            if isinstance(node, ir.Call):
                kfuncs.add(node.kfunc)
    assert kinds == set(ir.Node.__args__)
    assert kfuncs == set(abi.KFUNCS)
    assert hooks == set(HOOKS) == set(abi.HOOKS)


def test_everything_in_the_language_occurs() -> None:
    kfuncs, hooks, kinds = set(), set(), set()
    for number in range(0, 1_000 * SOURCE_EVERY, SOURCE_EVERY):
        policy = source_policy(number)
        for hook in () if policy is None else policy.hooks:
            hooks.add(hook.hook)
            for node in nodes_of(hook.body):
                kinds.add(type(node))
                if isinstance(node, ir.Call):
                    kfuncs.add(node.kfunc)
        if len(hooks) == len(abi.HOOKS) and kfuncs == set(abi.KFUNCS):
            break
    assert kfuncs == set(abi.KFUNCS), set(abi.KFUNCS) - kfuncs
    assert hooks == set(abi.HOOKS)
    assert kinds == set(ir.Node.__args__)


def test_a_number_gives_the_same_policies_again() -> None:
    for number in (0, 1, 77):
        assert list(policies(number)) == list(policies(number))


def test_a_wrong_operator_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fuzzers see what they should."""
    monkeypatch.setattr(intervals, "add", lambda a, b: Interval(a.low + b.low, max(a.high, b.high)))
    tally = Tally()
    for number in range(1, 400):
        for kind, policy in policies(number):
            campaign.judged(tally, kind, policy, number, None)
    assert tally.found
    assert any("add" in text for text in tally.found)


LARGE = """
policy large
state s: u64
state a: u64[8]
hook init() {
    var %0: u64
    var %1: u64
    %0 = load state s[0]
    %1 = and %0, 7
    store state a[%1], %0
    if true {
        %1 = add %0, 1
        store state a[%1], 0
    }
    %0 = mul %0, %1
}
"""


def test_what_is_found_is_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    from verifier import check
    from verifier.obligations import InBounds

    monkeypatch.setitem(check.TESTS, InBounds, lambda self, state, obligation: True)
    with pytest.raises(Violation) as caught:
        judge(parse_policy(LARGE), 3, runs=20)
    small = smallest(caught.value, 3)
    assert len(list(nodes_of(small.hooks[0].body))) <= 3
