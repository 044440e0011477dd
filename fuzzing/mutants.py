"""`python -m fuzzing.mutants`: does anything notice when the verifier is made weaker?

Each weakening (`fuzzing/weakenings.py`) and each broken promise of the `abi` (`fuzzing/contracts.py`) runs in a process
of its own: first a short run of the fuzzers and the examples of `rext explain`, then, if these saw nothing, the tests.
What nothing notices is printed: it has to be harmless, and docs/soundness.md says why it is.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.util
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from fuzzing.contracts import Broken, broken_promises
from fuzzing.weakenings import ROOT, Weakening, weakenings

SECONDS = 60
"""CPU time for one: what takes longer hangs, which is noticed."""
SLOW = "mutated_programs or shipped"
"""Tests that only repeat, at length, what others have shown."""
OF_VERIFIER = (
    ("tests/verifier/test_structure.py", "tests/verifier/test_effort.py", "tests/fuzzing/test_finds.py"),
    ("tests/verifier/test_fixpoint.py", "tests/verifier/test_cost.py", "tests/verifier/test_explain.py"),
    ("tests/dsl/test_goldens.py", "tests/dsl/test_policy_object.py", "tests/verifier/test_precision.py"),
    ("tests/verifier/test_domains_exhaustive.py", "tests/verifier/test_domains_wide.py"),
)
OF_ABI = (
    "tests/runtime/test_kfuncs.py", "tests/runtime/test_kfunc_effects.py", "tests/runtime/test_hostile_policies.py",
)  # fmt: skip
OF_TABLE = ("tests/verifier/test_structure.py", "tests/verifier/test_effort.py", "tests/verifier/test_cost.py",
    "tests/dsl/test_goldens.py", "tests/dsl/test_reference.py",
)  # fmt: skip
OF_STRUCTURE = ("no limit", "allowed in every hook")
Mutant = Weakening | Broken


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


def noticed(mutant: Mutant, quick_only: bool) -> str:
    """What notices the mutant; empty if nothing does."""
    _install(mutant)
    try:
        from fuzzing.quick import quick

        found = quick() if isinstance(mutant, Weakening) else ""
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if found or quick_only:
        return found
    stages = _stages(mutant)
    return next((failed for tests in stages if (failed := _failing_test(tests))), "")


def _stages(mutant: Mutant) -> tuple[tuple[str, ...], ...]:
    """The tests to try, the likeliest first."""
    if isinstance(mutant, Broken):
        return (OF_TABLE, OF_ABI) if mutant.kind in OF_STRUCTURE else (OF_ABI, OF_TABLE)
    return OF_VERIFIER if "domains" in mutant.module else OF_VERIFIER[:-1]


def _failing_test(tests: Sequence[str]) -> str:
    import pytest

    class First:
        failed = ""

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.failed and not self.failed:
                self.failed = report.nodeid

        def pytest_collectreport(self, report: pytest.CollectReport) -> None:
            if report.failed and not self.failed:
                self.failed = f"collecting {report.nodeid}"

    first = First()
    known = [test for test in tests if (ROOT / test).exists()]
    pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-k", f"not ({SLOW})", *known], plugins=[first])
    return first.failed


def in_process(work: Callable[[], str]) -> str:
    """The answer of `work` from a process of its own."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        answer = work()
        os.write(write, answer.encode()[:4000])
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return answer if status == 0 else f"ends by signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "exits"


def main() -> int:
    """Exit status 1 if something was not noticed and is not in the list of the harmless."""
    parser = argparse.ArgumentParser(prog="python -m fuzzing.mutants", description=__doc__)
    parser.add_argument("--only", default="", help="those whose name has this in it")
    parser.add_argument("--part", default="1/1", help="2/8: the second of eight parts")
    parser.add_argument("--quick", action="store_true", help="only the fuzzers and the examples, not the tests")
    parser.add_argument("--list", action="store_true", help="print their names")
    parser.add_argument("--log", type=Path, help="what noticed each")
    parser.add_argument("--again", type=Path, help="only those that this log says were not noticed")
    options = parser.parse_args()
    part, parts = (int(number) for number in options.part.split("/"))
    everything: list[Mutant] = [*weakenings(), *broken_promises()]
    if options.again is not None:
        lines = options.again.read_text().splitlines()
        missed = {line.removesuffix(" -> UNNOTICED") for line in lines if line.endswith(" -> UNNOTICED")}
        everything = [mutant for mutant in everything if mutant.name in missed]
    mutants = [mutant for mutant in everything if options.only in mutant.name][part - 1 :: parts]
    if options.list:
        print("\n".join(m.name for m in mutants))
        return 0
    return _try_all(mutants, options.quick, options.log)


def _try_all(mutants: list[Mutant], quick: bool, log: Path | None) -> int:
    import hypothesis
    import llvmlite.binding
    import numpy
    import pytest

    assert hypothesis and llvmlite and numpy and pytest  # loaded once, for all processes
    os.chdir(ROOT)
    from fuzzing.harmless import reason
    from fuzzing.samples import examples, numbered

    examples(), numbered()

    survived, by, start = [], Counter[str](), time.monotonic()
    for number, mutant in enumerate(mutants, 1):
        answer = in_process(partial(noticed, mutant, quick))
        by["noticed" if answer else "harmless" if reason(mutant.name) else "UNNOTICED"] += 1
        line = f"{mutant.name} -> {answer or reason(mutant.name) or 'UNNOTICED'}"
        if not answer and not reason(mutant.name):
            survived.append(mutant.name)
            print(line, flush=True)
        if log is not None:
            with log.open("a") as file:
                file.write(line.replace("\n", " ")[:300] + "\n")
        if number % 50 == 0:
            print(f"{number} of {len(mutants)}, {time.monotonic() - start:,.0f} s: {dict(by)}", flush=True)
    print(f"{len(mutants)} mutants: {dict(by)}")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
