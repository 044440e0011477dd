"""The judge: verifies a policy, and runs what was accepted against what was proved.

In: any policy at all, and a seed. Out: an `Outcome`, or `Violation`, which says in what way the verifier was wrong. It
knows nothing of where policies come from.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from dsl import ir
from dsl.diagnostics import Diagnostic
from fuzzing.forms import check_form
from fuzzing.machine import Machine
from fuzzing.memory import FOLIOS, TooLong, Trap
from fuzzing.watch import Outside, Points
from verifier.verify import Verdict, verify

RUNS = 2


class Violation(Exception):
    """An accepted policy did what it must not do, or the verifier failed to answer."""

    def __init__(self, kind: str, message: str, policy: ir.Policy) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind, self.policy = kind, policy


@dataclass(frozen=True, slots=True)
class Outcome:
    """`runs` ended, `steps` in all; `stopped` were too long to be followed. `codes` say why it was refused."""

    accepted: bool
    codes: tuple[str, ...] = ()
    runs: int = 0
    stopped: int = 0
    steps: int = 0


def judge(policy: ir.Policy, seed: int, runs: int = RUNS) -> Outcome:
    """Verifies and, if it is accepted, runs each hook `runs` times."""
    points = Points()
    verdict = _verdict(policy, points)
    if not verdict.accepted:
        return Outcome(False, tuple(d.code for d in verdict.diagnostics))
    try:
        check_form(policy)
    except Trap as trap:
        raise Violation("form", str(trap), policy) from trap
    ended = stopped = steps = 0
    for hook, cost in zip(policy.hooks, verdict.costs, strict=True):
        machine = Machine(policy, hook, points.watch)
        for run in range(runs):
            try:
                memory = machine.run(random.Random(seed * 64 + run))
            except TooLong:
                stopped += 1
                continue
            except Trap as trap:
                raise Violation("trap", str(trap), policy) from trap
            except Outside as outside:
                raise Violation("state", str(outside), policy) from outside
            ended += 1
            steps += memory.steps
            if memory.steps > cost.constant + cost.per_folio * len(FOLIOS):
                raise Violation("cost", f"{memory.steps} steps, {cost.constant} + {cost.per_folio}n proved", policy)
    return Outcome(True, (), ended, stopped, steps)


def _verdict(policy: ir.Policy, points: Points) -> Verdict:
    try:
        verdict = verify(policy, points.observe)
    except Exception as error:
        raise Violation("crash", f"{type(error).__name__}: {error}", policy) from error
    if verdict.accepted == bool(verdict.diagnostics) or not all(_tells(d) for d in verdict.diagnostics):
        raise Violation("verdict", "accepted with errors, or refused without", policy)
    return verdict


def _tells(diagnostic: Diagnostic) -> bool:
    return bool(diagnostic.code and diagnostic.message)
