"""What the differences are worth: goals and verdicts.

In: `Compared` rows. Out: a `Verdict` for each goal and family (a policy of one kernel version), and the `Contest`s:
where real LRU and MGLRU differ, does the simulator name the same winner? What is not judged says so: nothing is left
out silently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fidelity.compare import COUNTERS, FEWEST, GOALS, Compared
from fidelity.kernels import KernelRow
from fidelity.traces import MAKERS

MEAN_GOAL = 0.3
"""Mean absolute difference of the hit ratio, in points, at most."""
MOST_GOAL = 1.0
"""Difference of any row, in points, at most."""
GOAL_ACCESSES = 250_000
"""The means are over rows of this length; longer ones are judged one by one."""
CONTEST_POINTS = 1.0
"""From this difference on, in points, LRU and MGLRU have a winner."""
GAP_GOAL = 0.5
"""The part of the measured gap that the simulated one must have at least."""

KINDS_OF_601 = {
    "refaults": "MGLRU of 6.1 counts only the refaults that it finds recent",
    "activations": "MGLRU of 6.1 counts the folios that it protects from eviction",
}
"""Counters of 6.1 that later kernels and the simulator count otherwise (`lru_gen_refault`, `sort_folio`)."""

NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One goal of one family: what it is, what was reached in words, whether that is enough (None: nothing to
    judge)."""

    family: str
    goal: str
    reached: str
    met: bool | None


@dataclass(frozen=True, slots=True)
class Contest:
    """LRU against MGLRU in one configuration: the gaps are MGLRU's hit ratio less LRU's, in points."""

    lru: Compared
    mglru: Compared

    @property
    def measured_gap(self) -> float:
        return 100 * (self.mglru.row.hit_ratio_mean - self.lru.row.hit_ratio_mean)

    @property
    def simulated_gap(self) -> float:
        assert self.lru.simulated is not None and self.mglru.simulated is not None
        return 100 * (self.mglru.simulated.hit_ratio - self.lru.simulated.hit_ratio)

    @property
    def met(self) -> bool:
        return self.simulated_gap / self.measured_gap >= GAP_GOAL


def version(row: KernelRow) -> str:
    return ".".join(map(str, row.release))


def family(row: KernelRow) -> str:
    """The rows that are judged together."""
    other = "" if row.trace in MAKERS else ", other traces"
    return f"{row.policy.upper()} {version(row)}{other}"


def in_mean(row: KernelRow) -> bool:
    """Whether the row is one of those whose mean is judged: of our traces, those of the usual length."""
    return row.accesses == GOAL_ACCESSES or row.trace not in MAKERS


def differs_in_kind(row: KernelRow, counter: str) -> str:
    """Why a counter of this kernel is not what the simulator counts; empty if it is."""
    if row.policy == "lru" or row.release >= (6, 9):
        return ""
    return KINDS_OF_601.get(counter, "")


def counter_is_judged(compared: Compared, counter: str) -> bool:
    """Whether a count of a simulated row can be held against the kernel's."""
    return getattr(compared.row, counter) >= FEWEST and not differs_in_kind(compared.row, counter)


def counter_off(compared: Compared, counter: str) -> float:
    """How far a count is off, as a part of the measured one; of a chaotic configuration the band."""
    measured: int = getattr(compared.row, counter)
    simulated: int = getattr(compared.simulated, counter)
    band = compared.band(counter)
    if band is None:
        return abs(simulated / measured - 1)
    lowest, _, highest = band
    return max(lowest - measured, measured - highest, 0) / measured


def verdicts(all_compared: Sequence[Compared]) -> list[Verdict]:
    """All verdicts, family by family, then the contests."""
    simulated = [compared for compared in all_compared if compared.simulated is not None]
    found: list[Verdict] = []
    for name in dict.fromkeys(family(compared.row) for compared in all_compared):
        members = [compared for compared in simulated if family(compared.row) == name]
        found += _family_verdicts(name, members)
    return [*found, *contest_verdicts(contests(simulated))]


def _family_verdicts(name: str, members: Sequence[Compared]) -> list[Verdict]:
    if not members:
        return [Verdict(name, "all", NOT_JUDGED, None)]
    calm = [c for c in members if not c.chaotic]
    steady, others = [c for c in calm if in_mean(c.row)], [c for c in calm if not in_mean(c.row)]
    found = [_mean_verdict(name, steady), _most_verdict(name, steady)]
    found += [_single_verdict(name, compared) for compared in others]
    found += [_band_verdict(name, compared) for compared in members if compared not in calm]
    return [*found, *(_counter_verdict(name, members, counter) for counter in COUNTERS)]


def _mean_verdict(name: str, rows: Sequence[Compared]) -> Verdict:
    goal = f"mean absolute difference of the hit ratio at most {MEAN_GOAL:g} points"
    if not rows:
        return Verdict(name, goal, NOT_JUDGED, None)
    mean = sum(abs(c.difference) for c in rows) / len(rows)
    return Verdict(name, goal, f"{mean:.2f} over {_rows(len(rows))}", mean <= MEAN_GOAL)


def _most_verdict(name: str, rows: Sequence[Compared]) -> Verdict:
    goal = f"no difference above {MOST_GOAL:g} point"
    if not rows:
        return Verdict(name, goal, NOT_JUDGED, None)
    worst = max(rows, key=lambda c: abs(c.difference))
    reached = f"at most {abs(worst.difference):.2f} ({worst.row.mode} {worst.row.trace})"
    return Verdict(name, goal, reached, abs(worst.difference) <= MOST_GOAL)


def _single_verdict(name: str, compared: Compared) -> Verdict:
    row = compared.row
    goal = f"{row.mode} {row.trace} with {row.accesses:,} accesses within {MOST_GOAL:g} point"
    return Verdict(name, goal, f"{compared.difference:+.2f}", abs(compared.difference) <= MOST_GOAL)


def _band_verdict(name: str, compared: Compared) -> Verdict:
    row, band = compared.row, compared.band("hit_ratio")
    assert band is not None
    lowest, mean, highest = band
    reached = f"{100 * lowest:.1f} to {100 * highest:.1f}%, mean {100 * mean:.1f}%"
    goal = f"{row.mode} {row.trace}, chaotic: measured {100 * row.hit_ratio_mean:.1f}% within the simulated band"
    return Verdict(name, goal, reached, lowest <= row.hit_ratio_mean <= highest)


def _counter_verdict(name: str, rows: Sequence[Compared], counter: str) -> Verdict:
    goal = f"{counter} within {GOALS[counter]:.0%}"
    judged = [c for c in rows if counter_is_judged(c, counter)]
    if not judged:
        reasons = dict.fromkeys(reason for c in rows if (reason := differs_in_kind(c.row, counter)))
        return Verdict(name, goal, "; ".join((NOT_JUDGED, *reasons)), None)
    off = {c: counter_off(c, counter) for c in judged}
    worst = max(off, key=lambda c: off[c])
    reached = f"off by {off[worst]:.1%} at most ({worst.row.mode} {worst.row.trace}), {_rows(len(off))}"
    return Verdict(name, goal, reached, off[worst] <= GOALS[counter])


def contests(simulated: Sequence[Compared]) -> list[Contest]:
    """The configurations in which real LRU and MGLRU differ; the LRU's row is of the same version of the kernel where
    there is one, else the newest."""
    found = []
    for compared in simulated:
        row = compared.row
        if row.policy != "mglru":
            continue
        rivals = [c for c in simulated if c.row.policy == "lru" and _configuration(c.row) == _configuration(row)]
        if not rivals:
            continue
        contest = Contest(max(rivals, key=lambda c: (c.row.release == row.release, c.row.release)), compared)
        if abs(contest.measured_gap) > CONTEST_POINTS:
            found.append(contest)
    return found


def _configuration(row: KernelRow) -> tuple[str, str, int, int]:
    return row.mode, row.trace, row.limit_pages, row.accesses


def contest_verdicts(found: Sequence[Contest]) -> list[Verdict]:
    """The verdict on the winners."""
    goal = f"the same winner with at least {GAP_GOAL:.0%} of the gap, in every case"
    if not found:
        return [Verdict("LRU against MGLRU", goal, NOT_JUDGED, None)]
    good = sum(contest.met for contest in found)
    return [Verdict("LRU against MGLRU", goal, f"{good} of {len(found)} cases", good == len(found))]


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"
