"""Samples: what a run looks like on its way, at given accesses.

In: a simulation between two native calls. Out: `Sample`s. A `Sampler` cuts a run into the stretches between its points;
the core knows nothing of it, so a run without samples costs nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsl import ir
from runtime.core import layout as core
from runtime.jit.module import Attachable, Builtin
from runtime.simulation import Chunk, Simulation
from runtime.times import simulated_time

UNLISTED = "on no list"
"""Resident folios that are on no list of a policy: in a batch, or the core's own."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A run after so many accesses: simulated nanoseconds (0 in the ideal model), the counters so far, resident folios
    and the lengths of the policies' lists, by name; with several memcgs the name begins with the memcg's."""

    accesses: int
    time_ns: int
    hits: int
    resident: int
    pgscan: int
    pgsteal: int
    refaults: int
    lists: dict[str, int]


def take_sample(simulation: Simulation) -> Sample:
    """The sample of this moment."""
    counters = simulation.counters()
    lists = list_lengths(simulation)
    lists[UNLISTED] = simulation.resident - sum(lists.values())
    return Sample(
        accesses=counters["accesses"],
        time_ns=0 if simulation.machine.ideal else simulated_time(simulation),
        hits=counters["hits"],
        resident=simulation.resident,
        pgscan=sum(counters[f"pgscan_{by}"] for by in ("kswapd", "direct", "proactive")),
        pgsteal=sum(counters[f"pgsteal_{by}"] for by in ("kswapd", "direct", "proactive")),
        refaults=counters["refaults"],
        lists=lists,
    )


class Sampler:
    """Takes a sample every so many accesses, from 0 on; `every` 0: none."""

    def __init__(self, every: int) -> None:
        self._every = every
        self.samples: list[Sample] = []

    def stretch(self, simulation: Simulation, chunk: Chunk, first: int, last: int) -> int:
        """The event of the chunk, after `first`, before which the next sample is due; `last` if none is until there."""
        if not self._every:
            return last
        ahead = self._every - int(simulation.state[core.ACCESSES]) % self._every
        if ahead >= last - first:
            return last
        flags: Any = chunk.flags[first:last]
        places = np.flatnonzero((flags & core.E_FREE) == 0)
        return first + int(places[ahead - 1]) + 1 if ahead <= len(places) else last

    def take_if_due(self, simulation: Simulation) -> None:
        """Take a sample if the run is at one of the points and has none of it yet."""
        if self._every and int(simulation.state[core.ACCESSES]) % self._every == 0:
            self.take(simulation)

    def take(self, simulation: Simulation) -> None:
        """Take a sample now, unless the last is of this very moment."""
        if not self.samples or self.samples[-1].accesses != int(simulation.state[core.ACCESSES]):
            self.samples.append(take_sample(simulation))

    def finish(self, simulation: Simulation) -> tuple[Sample, ...]:
        """The samples, with one of the end."""
        if self._every:
            self.take(simulation)
        return tuple(self.samples)


def every(samples: int | None, sample_every: int | None, accesses: int) -> int:
    """Accesses between two samples, where a user asks for so many points of a run or for one every so many accesses."""
    if sample_every:
        return sample_every
    return max(1, -(-accesses // samples)) if samples else 0


# --- names and lengths of lists ---------------------------------------------------------------------------


def list_names(policy: Attachable) -> tuple[str, ...]:
    """The names of a policy's lists, in the order of their numbers."""
    if isinstance(policy, Builtin):
        return policy.list_names
    names: list[str] = []
    for declared in policy.lists:
        names += _numbered(declared) if declared.is_array else [declared.name]
    return tuple(names)


def _numbered(declared: ir.ListDecl) -> list[str]:
    return [f"{declared.name}[{index}]" for index in range(declared.length)]


def list_lengths(simulation: Simulation) -> dict[str, int]:
    """The lengths of all lists by name, summed over nodes. A built-in policy may name what it has by itself
    (`list_sizes` of its module, which is given the words of its state)."""
    machine, layout = simulation.machine, simulation.layout
    folios = simulation.regions["folios"].view("<u4")
    found: dict[str, int] = {}
    nodes = len(machine.all_nodes)
    for memcg, attachment in enumerate(simulation.lineup.of_memcg):
        prefix = f"{machine.all_memcgs[memcg].name}: " if len(machine.all_memcgs) > 1 else ""
        for lruvec in range(memcg * nodes, (memcg + 1) * nodes):
            first = (lruvec * layout.nr_lists + core.FIRST_POLICY_LIST) * layout.folio_columns + core.LEN
            lengths = folios[first : first + (layout.nr_lists - 1) * layout.folio_columns : layout.folio_columns]
            words = simulation.regions["policy"].view("<i8")[lruvec * layout.state_stride :][: layout.state_stride]
            for name, length in _named(attachment.policy, lengths.tolist(), words.tolist()).items():
                found[prefix + name] = found.get(prefix + name, 0) + length
    return found


def _named(policy: Attachable, lengths: Sequence[int], words: Sequence[int]) -> dict[str, int]:
    sizes = policy.list_sizes(words) if isinstance(policy, Builtin) else None
    return sizes if sizes is not None else dict(zip(list_names(policy), lengths, strict=False))
