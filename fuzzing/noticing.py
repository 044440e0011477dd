"""What notices that the verifier, or the `abi`, was made weaker.

In: a mutant, in a process made for it, before `verifier` is loaded. Out: in words what noticed it (in the terms of
mutation testing: what killed it), or nothing. One table says what is tried for a module, the likeliest and quickest
first: some test files, or the fuzzers.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import resource
import sys
import time
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from fuzzing.contracts import Broken
from fuzzing.weakenings import ROOT, Weakening

Mutant = Weakening | Broken
Stage = tuple[str, ...]
"""What is given to pytest, `{}` for the place that is broken; the fuzzers and the examples if nothing is."""

SECONDS = 40
"""CPU time for one stage: what takes longer hangs, which is noticed."""
SLOW = "mutated_programs or shipped"
"""Tests that only repeat, at length, what others have shown."""
FUZZERS: Stage = ()
FORM = ("tests/verifier/test_structure.py", "tests/verifier/test_limits.py")
OBLIGATIONS = ("tests/verifier/test_obligations.py",)
OBJECTS = ("tests/dsl/test_policy_object.py",)
GOLDENS = ("tests/dsl/test_goldens.py",)
COST = ("tests/verifier/test_cost.py",)
WORDS = ("tests/verifier/test_explain.py", "tests/verifier/test_fixpoint.py")
EFFORT = ("tests/verifier/test_effort.py", "tests/fuzzing/test_finds.py")
NATURAL = ("tests/verifier/test_precision.py", "tests/verifier/test_relations.py")
LOOPS = ("tests/verifier/test_joins.py", "tests/verifier/test_rounds.py", "tests/verifier/test_invariant.py")
VALUES = ("tests/verifier/test_small_programs.py", "tests/verifier/test_transfer.py",
    "tests/verifier/test_handles_exhaustive.py", "tests/verifier/test_refinement_exhaustive.py")  # fmt: skip
DOMAINS = ("tests/verifier/test_domains_exhaustive.py", "tests/verifier/test_domains_wide.py")
ABI = ("tests/verifier/test_abi.py",)
CONTRACT = ("tests/runtime/test_kfunc_contracts.py", "-k", "[{}] or not [")
KFUNC = ("tests/runtime/test_kfuncs.py", "-k", "[{}-")
KFUNCS = ("tests/runtime/test_kfunc_effects.py", "tests/runtime/test_kfunc_contracts.py")
HOOKS = ("tests/runtime/test_kfuncs.py", "-k", "not _kfunc_ and not abi_says")

STAGES: dict[str, tuple[Stage, ...]] = {
    "verifier.structure": (FORM, FUZZERS, OBJECTS, GOLDENS),
    "verifier.tables": (FORM, OBJECTS, FUZZERS, GOLDENS),
    "verifier.check": (GOLDENS, OBLIGATIONS, FUZZERS, NATURAL, FORM, WORDS, EFFORT),
    "verifier.obligations": (OBLIGATIONS, GOLDENS, FUZZERS, FORM, WORDS, EFFORT),
    "verifier.cost": (COST, FUZZERS, GOLDENS, WORDS, EFFORT),
    "verifier.domains": (FUZZERS, DOMAINS, VALUES, GOLDENS, NATURAL, LOOPS, COST, WORDS, EFFORT),
    "verifier.refine": (FUZZERS, VALUES, NATURAL, OBLIGATIONS, GOLDENS, LOOPS, WORDS, EFFORT),
    "verifier.order": (FUZZERS, VALUES, NATURAL, GOLDENS, LOOPS, WORDS, EFFORT),
    "verifier.transfer": (FUZZERS, OBLIGATIONS, VALUES, NATURAL, GOLDENS, LOOPS, WORDS, EFFORT),
    "verifier": (FUZZERS, LOOPS, GOLDENS, NATURAL, COST, WORDS, FORM, EFFORT, OBJECTS),
    "abi:hook": (GOLDENS, HOOKS, KFUNCS, FORM),
    "abi:MAX_": (FORM, COST, EFFORT, GOLDENS),
    "abi": (ABI, CONTRACT, KFUNC, KFUNCS, FORM, GOLDENS, HOOKS),
}
"""By how the name begins; the first that fits."""


def noticed(mutant: Mutant, quick_only: bool) -> str:
    """What notices the mutant; empty if nothing does."""
    _install(mutant)
    stages = (FUZZERS,) if quick_only else next(s for start, s in STAGES.items() if mutant.name.startswith(start))
    return next((found for stage in stages if (found := _tried(stage, mutant))), "")


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from another text."""

    def __init__(self, mutant: Weakening) -> None:
        self._mutant = mutant

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != self._mutant.module:
            return None
        return importlib.util.spec_from_loader(name, self)

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._mutant.source, self._mutant.module, "exec"), vars(module))


def _install(mutant: Mutant) -> None:
    loaded = [name for name in sys.modules if name.split(".")[0] == "verifier"]
    assert not loaded, loaded
    if isinstance(mutant, Weakening):
        sys.meta_path.insert(0, _Changed(mutant))
    else:
        mutant.apply()


def _tried(stage: Stage, mutant: Mutant) -> str:
    used = time.process_time()
    resource.setrlimit(resource.RLIMIT_CPU, (int(used) + SECONDS, resource.RLIM_INFINITY))
    return _failing_test(stage, mutant) if stage else _fuzzers()


def _fuzzers() -> str:
    try:
        from fuzzing.quick import quick

        return quick()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _failing_test(stage: Stage, mutant: Mutant) -> str:
    import pytest

    class First:
        failed = ""

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.failed and not self.failed:
                self.failed = report.nodeid

        def pytest_collectreport(self, report: pytest.CollectReport) -> None:
            if report.failed and not self.failed:
                self.failed = f"collecting {report.nodeid}"

    first, chosen = First(), f"not ({SLOW})"
    files = [argument for argument in stage if (ROOT / argument).is_file()]
    assert files, stage
    if "-k" in stage:
        place = mutant.place.split("(")[0] if isinstance(mutant, Broken) else ""
        chosen += f" and ({stage[-1].format(place)})"
    pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-k", chosen, *files], plugins=[first])
    return first.failed
