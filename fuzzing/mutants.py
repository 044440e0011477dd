"""`python -m fuzzing.mutants`: does anything notice when the verifier is made weaker?

Each weakening (`fuzzing/weakenings.py`) and each broken promise of the `abi` (`fuzzing/contracts.py`) runs in a process
of its own, where the fuzzers, the examples of `rext explain` and the tests are tried until one of them notices it
(`fuzzing/noticing.py`). What nothing notices is printed: it has to be harmless, and `fuzzing/harmless.py` says why it
is.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from fuzzing.contracts import broken_promises
from fuzzing.harmless import reason, without_line
from fuzzing.noticing import Mutant, noticed
from fuzzing.samples import examples, numbered
from fuzzing.weakenings import ROOT, weakenings

UNNOTICED = " -> UNNOTICED"
BYTES = 4 << 30
"""Address space for one: without a limit of the verifier there may be none at all."""


def in_process(work: Callable[[], str]) -> str:
    """The answer of `work` from a process of its own."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
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
    parser.add_argument("--only", nargs="+", default=[""], help="those whose name has one of these in it")
    parser.add_argument("--part", default="1/1", help="2/8: the second of eight parts")
    parser.add_argument("--quick", action="store_true", help="only the fuzzers and the examples, not the tests")
    parser.add_argument("--list", action="store_true", help="print their names")
    parser.add_argument("--log", type=Path, help="what noticed each")
    parser.add_argument("--again", type=Path, help="only those that this log says were not noticed")
    options = parser.parse_args()
    number, parts = (int(number) for number in options.part.split("/"))
    everything: list[Mutant] = [*weakenings(), *broken_promises()]
    if options.again is not None:
        lines = options.again.read_text().splitlines()
        missed = {without_line(line.removesuffix(UNNOTICED)) for line in lines if line.endswith(UNNOTICED)}
        everything = [mutant for mutant in everything if without_line(mutant.name) in missed]
    wanted = [mutant for mutant in everything if any(part in mutant.name for part in options.only)]
    mutants = wanted[number - 1 :: parts]
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
    examples(), numbered()
    gc.freeze()
    survived, by, start = [], Counter[str](), time.monotonic()
    for number, mutant in enumerate(mutants, 1):
        answer = in_process(partial(noticed, mutant, quick))
        by["noticed" if answer else "harmless" if reason(mutant.name) else "UNNOTICED"] += 1
        told = answer or reason(mutant.name)
        line = f"{mutant.name} -> {told}" if told else mutant.name + UNNOTICED
        if not told:
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
