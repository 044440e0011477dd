"""A run of the fuzzers: policies of all kinds, judged one after the other, counted, and kept if they go wrong.

In: a first number, and how far to go: accepted policies or seconds. Out: a `Tally`. Policy number n depends on n and
nothing else, so that a run can be split and anything in it repeated (`python -m fuzzing --only n`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dsl import ir
from dsl.ir_text import print_policy
from fuzzing.numbering import policies
from fuzzing.oracle import Outcome, Violation, judge
from fuzzing.shrinking import shrunk

KINDS = ("source", "mutant of source", "IR", "mutant of IR")


@dataclass
class Tally:
    """Counts by kind of policy."""

    judged: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    found: list[str] = field(default_factory=list)
    runs: int = 0
    stopped: int = 0
    steps: int = 0
    seconds: float = 0.0
    first: int = 0
    after: int = 0

    def add(self, kind: str, outcome: Outcome) -> None:
        self.judged[kind] += 1
        self.accepted[kind] += outcome.accepted
        self.codes.update(set(outcome.codes))
        self.runs, self.stopped, self.steps = (
            self.runs + outcome.runs, self.stopped + outcome.stopped, self.steps + outcome.steps,
        )  # fmt: skip

    def rate(self, kind: str) -> float:
        return self.accepted[kind] / max(1, self.judged[kind])

    def lines(self) -> Iterator[str]:
        """For people, and for docs/soundness.md."""
        yield f"policies {self.first:,} to {self.after:,} in {self.seconds:,.0f} s of CPU time"
        for kind in KINDS:
            judged, accepted = self.judged[kind], self.accepted[kind]
            yield f"  {kind}: {accepted:,} of {judged:,} accepted ({self.rate(kind):.0%})"
        total = self.accepted.total()
        yield f"  accepted and run: {total:,}; {self.runs:,} runs, {self.stopped:,} cut off; {self.steps:,} steps"
        yield f"  reasons for refusal: {len(self.codes)} codes: " + ", ".join(
            f"{code} {count:,}" for code, count in self.codes.most_common()
        )
        yield f"  violations: {len(self.found)}"


def run(
    first: int,
    accepted: int,
    seconds: float,
    keep: Path | None = None,
    tell: Callable[[Tally], None] | None = None,
    last: int = 1 << 60,
) -> Tally:
    """Judges from number `first` on until as many are accepted, the CPU time is used up or `last` is reached."""
    tally, start, told = Tally(first=first, after=first), time.process_time(), 0.0
    while tally.accepted.total() < accepted and tally.seconds < seconds and tally.after < last:
        for kind, policy in policies(tally.after):
            judged(tally, kind, policy, tally.after, keep)
        tally.after += 1
        tally.seconds = time.process_time() - start
        if tell is not None and tally.seconds - told > 60:
            told = tally.seconds
            tell(tally)
    return tally


def judged(tally: Tally, kind: str, policy: ir.Policy | None, number: int, keep: Path | None) -> None:
    """Judges one policy, None if the front end refused its text, and notes what came of it."""
    if policy is None:
        tally.judged[kind] += 1
        return
    try:
        tally.add(kind, judge(policy, number))
    except Violation as violation:
        tally.judged[kind] += 1
        text = f"// number {number}, {kind}: {violation}\n" + print_policy(smallest(violation, number))
        tally.found.append(text)
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{number}-{violation.kind}.ir").write_text(text)


def smallest(violation: Violation, number: int) -> ir.Policy:
    """The policy of a violation without what it does not need."""

    def shows(policy: ir.Policy) -> bool:
        try:
            judge(policy, number, runs=24)
        except Violation as other:
            return other.kind == violation.kind
        return False

    return shrunk(violation.policy, shows) if shows(violation.policy) else violation.policy
