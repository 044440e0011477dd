"""A short run of the comparison of native code with the interpreter, the same every time; and that it is not blind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dsl import abi
from dsl.types import BOOL
from fuzzing import simulations
from fuzzing.accepted import SOURCE_GROUPS, accepted_policies
from fuzzing.harness import Harness, base_hooks
from fuzzing.native import Tally, run_group
from fuzzing.simulations import WholeRuns
from fuzzing.workloads import VARIANTS
from runtime.executors import PythonExecutor
from runtime.jit import emit
from runtime.jit.module import Module, settings_of
from verifier.verify import verify

FIRST = 1_008
"""A group of the first model, in IR."""
IN_LANGUAGE = FIRST - 1
POLICIES = 24


@pytest.mark.parametrize("group", [FIRST, FIRST + 1, FIRST + 2, IN_LANGUAGE])
def test_native_code_and_the_interpreter_agree(group: int) -> None:
    tally = Tally()
    run_group(group, POLICIES, tally, simulate=False)
    assert (tally.policies, tally.found) == (POLICIES, [])
    assert tally.calls >= 2 * POLICIES


def test_groups_are_of_all_models_and_both_kinds() -> None:
    assert {FIRST % 3, (FIRST + 1) % 3, (FIRST + 2) % 3} == set(range(len(VARIANTS)))
    assert IN_LANGUAGE % SOURCE_GROUPS == SOURCE_GROUPS - 1
    for group in (FIRST, IN_LANGUAGE):
        tables, policies = accepted_policies(group, 8)
        assert all(replace(policy, hooks=()) == replace(tables, source=policy.source) for policy in policies)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulations, "RUNS", dict.fromkeys(VARIANTS, 1))
    monkeypatch.setattr(simulations, "EVENTS", {"kernel": 400, "tree": 80, "ideal": 400})


@pytest.mark.parametrize("model", VARIANTS)
def test_whole_simulations_agree(model: str, short: None) -> None:
    tables, policies = accepted_policies(FIRST, 64)
    outcomes = list(WholeRuns(tables, policies, model, FIRST, 2).compared())
    assert [outcome.different for outcome in outcomes] == [(), ()]
    assert all(outcome.ended.startswith("to the end") for outcome in outcomes)


def test_a_wrong_operator_of_native_code_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(emit.BINARY, "xor", "or")
    tally = Tally()
    run_group(FIRST, POLICIES, tally, simulate=False)
    assert any("O0" in line for line in tally.found)


def test_a_simulation_of_another_policy_is_found(short: None) -> None:
    tables, policies = accepted_policies(FIRST, 64)
    runs = WholeRuns(tables, policies, "ideal", FIRST, 2)
    attached = runs.modules[False].policies
    module = Module((*reversed(attached[:2]), *attached[2:]), settings_of(attached, VARIANTS["ideal"]))
    runs.executors = {"python": PythonExecutor(runs.modules[False]), "other": PythonExecutor(module)}
    assert "other" in next(runs.compared()).different[0]


def test_the_policy_that_gets_along_is_accepted() -> None:
    for group in (FIRST, IN_LANGUAGE):
        tables, _ = accepted_policies(group, 1)
        assert verify(replace(tables, hooks=base_hooks(tables))).accepted


ALONE = ("lruvec", "memcg", "can_promote", "task")
"""What cannot differ on a machine of one memcg, one node and one task."""
WITHIN = ("key", "now")
"""What the machine bounds, not the `abi`."""


@pytest.mark.parametrize("model", VARIANTS)
def test_hooks_see_the_limits_of_their_context(model: str) -> None:
    tables, policies = accepted_policies(FIRST, 1)
    harness = Harness(tables, policies, model)
    for kfunc in (k for k in abi.KFUNCS.values() if k.receiver == "ctx" and k.is_property):
        values = set()
        for seed in range(60):
            lruvec = harness.prepare(policies[0].hooks[0], seed).lruvec
            values.add(int(harness.call(kfunc.name, lruvec)))
        assert kfunc.member == "key" or kfunc.low <= min(values) <= max(values) <= kfunc.high
        assert len(values) > 1 or (model != "tree" and kfunc.member in ALONE), kfunc.name
        if kfunc.member not in WITHIN and kfunc.member not in ALONE:
            assert {kfunc.low, kfunc.high} <= values, kfunc.name


def test_hooks_see_folios_in_every_state() -> None:
    tables, policies = accepted_policies(FIRST, 1)
    harness = Harness(tables, policies)
    for kfunc in (k for k in abi.KFUNCS.values() if k.receiver == "folio" and k.is_property and k.result == BOOL):
        values = set()
        for seed in range(3):
            lruvec = harness.prepare(policies[0].hooks[0], seed).lruvec
            values |= {bool(harness.call(kfunc.name, lruvec, f)) for f in harness.resident(lruvec)}
        assert values == {False, True}, kfunc.name
