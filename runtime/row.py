"""The result of one cell of a comparison.

In: nothing; `runtime/run.py` and `runtime/opt.py` fill rows. Out: `Row`, plain data that reports turn into text.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from runtime.ejection import Ejection
from runtime.samples import Sample
from runtime.times import Times

FINISHED, EJECTED, OUT_OF_MEMORY, INTERRUPTED = "finished", "ejected", "oom", "interrupted"
"""How a run ended. `ejected`: it went to the end, but with the built-in LRU in place of a policy without progress."""


@dataclass(frozen=True, slots=True)
class Row:
    """The result of a cell. `cpu_s` is the CPU time of the replay alone, in seconds; `scanned` the folios looked at;
    `counters` the core's, by their names in the kernel where it has them. `status`: `finished`, `ejected`, `oom`
    (nothing could be reclaimed: the run ended there) or `interrupted`; `message` says more of the middle two.
    `worst_case_steps`: the verifier's bound on one call of each hook, a + b·n with n the folios this memory holds.
    `switches`: the policies that were attached during the run, and when; `never_switched`: those that were to be after
    the trace had ended. `times`: what the virtual clock says; the
    ideal model has none. `samples`: the run on its way, if asked for. `metadata_bytes_per_folio`: what the policy it
    began with keeps (`runtime/metadata.py`); the optimum has none."""

    policy: str
    trace: str
    model: str
    memory_pages: int
    accesses: int
    hits: int
    misses: int
    evictions: int
    refaults: int
    scanned: int
    cpu_s: float
    status: str = FINISHED
    message: str = ""
    counters: dict[str, int] = field(default_factory=dict)
    worst_case_steps: dict[str, int] = field(default_factory=dict)
    ejections: tuple[Ejection, ...] = ()
    switches: tuple[str, ...] = ()
    never_switched: tuple[str, ...] = ()
    times: Times | None = None
    samples: tuple[Sample, ...] = ()
    metadata_bytes_per_folio: float | None = None

    @property
    def accesses_per_cpu_s(self) -> float:
        return self.accesses / self.cpu_s if self.cpu_s > 0 else 0.0

    @property
    def hit_ratio(self) -> float:
        return self.hits / self.accesses if self.accesses else 0.0

    @property
    def miss_ratio(self) -> float:
        return self.misses / self.accesses if self.accesses else 0.0
