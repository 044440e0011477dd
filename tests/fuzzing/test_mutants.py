"""Weakenings of the verifier are derived from its text, and something notices them.

`python -m fuzzing.mutants` tries them all, which takes a while; docs/soundness.md has what came of it.
"""

from __future__ import annotations

import ast
import itertools
from collections import Counter

import pytest

from dsl import abi
from fuzzing.contracts import broken_promises
from fuzzing.harmless import REASONS, reason, without_line
from fuzzing.quick import quick
from fuzzing.weakenings import OBLIGATIONS, RULES, weakenings
from verifier import obligations


def test_nothing_is_wrong_with_the_verifier_as_it_is() -> None:
    assert quick() == ""


def test_each_obligation_transfer_rule_and_join_is_weakened() -> None:
    found = list(weakenings())
    assert {w.module for w in found} == set(RULES)
    names = {w.kind.split()[0] for w in found if w.kind.endswith("is not asked for")}
    assert names == set(OBLIGATIONS) == {kind.__name__ for kind in obligations.Obligation.__args__}
    rules = {w.place.split(":")[0] for w in found if w.module == "verifier.transfer"}
    assert {f"Transfer._{rule}" for rule in ("binary", "compare", "copy", "convert", "call", "store")} <= rules
    joins = Counter(w.kind for w in found if w.module.startswith(("verifier.domains", "verifier.state")))
    assert joins["keeps `a`"] >= 3 and joins["keeps `self`"] >= 3
    assert len({w.name for w in found}) > 0.9 * len(found)


def test_each_weakening_is_another_program() -> None:
    for weakening in list(weakenings())[::40]:
        ast.parse(weakening.source)


def test_each_promise_of_the_abi_is_broken() -> None:
    places = {broken.place for broken in broken_promises()}
    assert set(abi.KFUNCS) <= places
    assert {f"hook {h.name}" for h in abi.HOOKS.values() if h.folio or h.result} <= places
    assert {"MAX_INSTRUCTIONS", "MAX_CONSTANT_STEPS", "MAX_STEPS_PER_FOLIO", "MAX_VERIFIER_STEPS"} <= places


def test_a_promise_is_broken_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abi, "KFUNCS", dict(abi.KFUNCS))
    broken = next(b for b in broken_promises() if b.name == "abi:map_insert: references survive it")
    before = dict(abi.KFUNCS)
    broken.apply()
    assert {name for name in before if abi.KFUNCS[name] != before[name]} == {"map_insert"}


def test_what_is_called_harmless_exists() -> None:
    names = [without_line(mutant.name) for mutant in (*weakenings(), *broken_promises())]
    for text in itertools.chain(*REASONS.values()):
        assert any(text in name for name in names), text
    assert reason("no such weakening") is None
