"""`python -m fuzzing.native`: native code against the interpreter.

Policies that the verifier accepts are compiled many to a module, without optimisation, with all of it, and with a guard
at every access (`fuzzing/builds.py`). Each hook is called on the same memory by the interpreter, which checks every
access, and by all builds: results, every byte of memory and every scalar on the way (`fuzzing/observing.py`) must be
equal. Of some modules, hooks are put together to policies that run in whole simulations (`fuzzing/simulations.py`).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from dsl import ir
from fuzzing.accepted import accepted_policies
from fuzzing.builds import LEVELS, HookBuilds
from fuzzing.difference import Difference, first_difference
from fuzzing.harness import Harness
from fuzzing.observing import observed, with_sink
from fuzzing.simulations import WholeRuns
from fuzzing.workloads import VARIANTS
from runtime.interp import Trap
from runtime.jit.guards import OutOfBounds

PER_MODULE = 256
CALLS = 2
"""Of each hook."""
SIMULATED = 7
"""One module in so many takes part in whole simulations. It has no factor with the numbers of models and kinds."""


@dataclass
class Tally:
    """What was compared."""

    policies: int = 0
    modules: int = 0
    calls: int = 0
    models: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    events: int = 0
    found: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """For people, and for docs/soundness.md."""
        models = ", ".join(f"{name} {count:,}" for name, count in sorted(self.models.items()))
        yield f"{self.policies:,} policies in {self.modules:,} modules ({models})"
        yield f"  hooks: {self.calls:,} calls, each interpreted and by the builds {', '.join(LEVELS)}"
        ended = ", ".join(f"{how} {count:,}" for how, count in sorted(self.runs.items()))
        yield f"  whole simulations: {self.runs.total():,} ({ended}), {self.events:,} events, each by the same"
        yield f"  differ: {len(self.found)}"


def compare(harness: Harness, builds: HookBuilds, number: int, function: ir.Function, seed: int) -> None:
    """One call by each; raises `Difference`, `OutOfBounds` or `Trap`."""
    call = harness.prepare(function, seed)
    before = harness.snapshot()
    result = harness.interpreted(number, function, call)
    expected = harness.snapshot()
    for build in LEVELS:
        harness.restore(before)
        folio = call.folios[0] if call.folios else 0
        given = builds.call(build, harness.simulation.regions, number, function.hook, call.lruvec, folio)
        if function.result is not None and given != result:
            raise Difference(f"{build} gives {given}, the interpreter {result}")
        if different := first_difference(expected, harness.simulation.regions):
            raise Difference(f"{build}: {different}")


def run_group(group: int, count: int, tally: Tally, simulate: bool) -> None:
    """Compares `count` policies of a group."""
    model = tuple(VARIANTS)[group % len(VARIANTS)]
    tables, policies = accepted_policies(group, count)
    watched = [observed(policy) for policy in policies]
    harness = Harness(with_sink(tables), watched, model)
    builds = HookBuilds(harness.module)
    for number, policy in enumerate(watched, 1):
        try:
            for call in range(CALLS):
                for hook in policy.hooks:
                    compare(harness, builds, number, hook, (group << 20) + number * CALLS + call)
                    tally.calls += 1
        except (Difference, OutOfBounds, Trap) as difference:
            tally.found.append(f"group {group}, policy {number}: {difference}")
    tally.policies, tally.modules = tally.policies + len(policies), tally.modules + 1
    tally.models[model] += len(policies)
    if simulate:
        runs = WholeRuns(tables, policies, model, group)
        for outcome in runs.compared():
            tally.runs[outcome.ended] += 1
            tally.events += outcome.events
            tally.found += outcome.different


def main() -> int:
    """Exit status 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m fuzzing.native", description=__doc__)
    parser.add_argument("--policies", type=int, default=50_000)
    parser.add_argument("--per-module", type=int, default=PER_MODULE)
    parser.add_argument("--first", type=int, default=0, help="the number of the first module")
    options = parser.parse_args()
    tally, group, told = Tally(), options.first, 0.0
    while tally.policies < options.policies:
        before = len(tally.found)
        run_group(group, min(options.per_module, options.policies - tally.policies), tally, group % SIMULATED == 0)
        group += 1
        print("\n".join(tally.found[before:]), end="\n" * (len(tally.found) > before), flush=True)
        if time.process_time() - told > 60:
            told = time.process_time()
            print(f"{tally.policies:,} policies, {len(tally.found)} differ, {told:,.0f} s", flush=True)
    print("\n".join([*tally.lines(), f"  {time.process_time():,.0f} s of CPU time"]))
    return 1 if tally.found else 0


if __name__ == "__main__":
    sys.exit(main())
