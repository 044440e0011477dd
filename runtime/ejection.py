"""Ejection: a policy made no progress though memory could be had, and the built-in LRU takes its place.

In: a simulation that stopped with `STATUS_NO_PROGRESS`. Out: the same simulation, ready to go on from the access it
stopped before, with `builtin:lru` on the memcg in question; and an `Ejection`: which hook is to blame, where it is
written, what effort was spent, and how things stood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dsl import abi, ir
from dsl.source import Source, Span
from runtime.attach import Linker, detach_policy, native
from runtime.core import layout as core
from runtime.jit.module import Attachable, hook_names
from runtime.samples import list_names
from runtime.simulation import Simulation

MOST_LISTS = 16
"""Lists shown; a policy may have a thousand."""


@dataclass(frozen=True, slots=True)
class Ejection:
    """`hook` of `policy` was to blame: line `line` of `source` (0: the policy has no such hook). It happened before
    access number `access`, counted from 0, in a reclaim that had come to `priority`. In its last attempt the policy had
    spent `spent` of its `budget`: folios looked at or, if that is more, instructions run, `STEPS_PER_FOLIO` for one. It
    had proposed `proposed` folios in `calls` of `evict_folios`. The budget is `effort` times the resident folios of the
    whole machine, and `EFFORT_AT_LEAST`. `lists` are the lengths of its lists; `unclaimed`
    folios were on none of them."""

    policy: str
    memcg: str
    hook: str
    reason: str
    source: str
    line: int
    text: str
    access: int
    priority: int
    budget: int
    spent: int
    calls: int
    proposed: int
    memory_pages: int
    resident: int
    unclaimed: int
    lists: dict[str, int]
    counters: dict[str, int]
    effort: int = 8

    @property
    def where(self) -> str:
        """The place in the policy's text."""
        return f"{self.source}:{self.line}" if self.line else self.source

    @property
    def summary(self) -> str:
        """One sentence."""
        of = f" on memcg {self.memcg}" if self.memcg else ""
        return (
            f"{self.policy} was ejected{of} before access {self.access:,}: {self.reason} (hook {self.hook},"
            f" {self.where}), with {self.resident:,} folios resident, at an effort of {self.spent:,} of"
            f" {self.budget:,}; builtin:lru went on"
        )


def eject(simulation: Simulation, spec: str, link: Linker = native) -> Ejection:
    """Put the built-in LRU in the place of the policy that made no progress; `spec` is what the user calls that."""
    ejection = report(simulation, spec)
    detach_policy(simulation, memcg_to_blame(simulation), link)
    simulation.state[core.STATUS] = core.STATUS_RUNNING
    return ejection


def memcg_to_blame(simulation: Simulation) -> int:
    """The memcg whose policy made no progress."""
    return int(simulation.state[core.STATUS_LRUVEC]) // len(simulation.machine.all_nodes)


def report(simulation: Simulation, spec: str) -> Ejection:
    """How things stand in a simulation that stopped for want of progress."""
    state, machine = simulation.state, simulation.machine
    lruvec = int(state[core.STATUS_LRUVEC])
    row = simulation.table("lruvecs")[lruvec]
    memcg = memcg_to_blame(simulation)
    policy = simulation.lineup.of_memcg[memcg].policy
    hook = tuple(abi.HOOKS)[int(state[core.STATUS_HOOK])]
    source, line, text = place_of(policy, hook)
    budget = int(state[core.EFFORT_PER_FOLIO] * state[core.NR_RESIDENT] + state[core.EFFORT_AT_LEAST])
    calls, proposed = int(row[core.ASKED_OF]), int(row[core.PROPOSED_OF])
    lengths = _lengths(simulation, lruvec)
    return Ejection(
        policy=spec,
        memcg="" if machine.single else machine.all_memcgs[memcg].name,
        hook=hook,
        reason=reason_of(hook, hook in hook_names(policy), calls, proposed),
        source=source,
        line=line,
        text=text,
        access=int(state[core.ACCESSES]),
        priority=int(state[core.PRIORITY]),
        budget=budget,
        spent=min(budget - int(row[core.EFFORT_LEFT]), budget),
        calls=calls,
        proposed=proposed,
        memory_pages=machine.memcg_pages(memcg),
        resident=simulation.resident if machine.single else int(row[core.NR_CHARGED] + row[core.NR_CHARGED + 1]),
        unclaimed=lengths[0],
        lists=_named(policy, lengths[1:]),
        counters=simulation.counters() if machine.single else simulation.memcg_counters(memcg),
        effort=int(state[core.EFFORT_PER_FOLIO]),
    )


def reason_of(hook: str, has_hook: bool, calls: int, proposed: int) -> str:
    """What the hook did not do, in words."""
    if not has_hook:
        return f"it has no hook {hook}, and folio_added keeps the folios from the core"
    if hook == "scan_plan":
        return "it planned no eviction at any priority"
    if proposed == 0:
        return f"it proposed no folio in {calls:,} calls"
    return f"none of the {proposed:,} folios it proposed could be reclaimed"


def place_of(policy: Attachable, hook: str) -> tuple[str, int, str]:
    """The file, line and text of a hook; of the file's first line if there is no such hook."""
    if not isinstance(policy, ir.Policy):
        return policy.name, 0, ""
    function = policy.hook(hook)
    source: Source = policy.source
    if function is None:
        return source.name, 0, ""
    span: Span = function.span
    return source.name, span.line, source.line(span.line).strip()


def _lengths(simulation: Simulation, lruvec: int) -> list[int]:
    """The lengths of a lruvec's lists, the core's first."""
    nr_lists = simulation.layout.nr_lists
    folios: Any = simulation.regions["folios"].view("<u4")
    first = (lruvec * nr_lists + 1) * simulation.layout.folio_columns + core.LEN
    return [int(folios[first + n * simulation.layout.folio_columns]) for n in range(nr_lists)]


def _named(policy: Attachable, lengths: list[int]) -> dict[str, int]:
    """Lengths by the names of the lists; of many lists, the longest."""
    named = dict(zip(list_names(policy), lengths, strict=False))
    if len(named) <= MOST_LISTS:
        return named
    longest = sorted(named, key=lambda name: -named[name])[:MOST_LISTS]
    return {name: length for name, length in named.items() if name in longest}
