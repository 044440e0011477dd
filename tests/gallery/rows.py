"""Which reference belongs to which program of the gallery, with which params.

A param of a program and the keyword of its reference have the same name, the same meaning and the same default.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.gallery.textbook import (
    arc,
    car,
    clock,
    clockpro,
    fifo,
    hyperbolic,
    lecar,
    lfu,
    lfuda,
    lhd,
    lirs,
    lru2,
    mru,
    random,
    s3fifo,
    sieve,
    slru,
    strict_lru,
    twoq,
    wtinylfu,
)

Reference = Callable[..., list[bool]]
"""(trace, size, **params): whether each access misses."""


@dataclass(frozen=True)
class Row:
    """A program with params that are not its defaults, and what it must equal."""

    program: str
    reference: Reference
    params: dict[str, int] = field(default_factory=dict)
    accesses: int = 30_000
    """How many of a trace are used, unless all are wanted: some references take long."""

    @property
    def title(self) -> str:
        return ":".join([self.program, *(f"{name}={value}" for name, value in self.params.items())])


ROWS = (
    Row("fifo", fifo.misses),
    Row("strict_lru", strict_lru.misses),
    Row("mru", mru.misses),
    Row("clock", clock.misses),
    Row("random", random.misses),
    Row("lfu", lfu.misses),
    Row("lfuda", lfuda.misses),
    Row("slru", slru.misses),
    Row("slru", slru.misses, {"segments": 2, "lowest_percent": 20, "fill": 0}),
    Row("slru", slru.misses, {"segments": 8, "lowest_percent": 40}),
    Row("slru", slru.misses, {"evict_on_hit": 1}),
    Row("twoq", twoq.misses),
    Row("twoq", twoq.misses, {"in_percent": 10, "out_percent": 100}),
    Row("lru2", lru2.misses),
    Row("lru2", lru2.misses, {"correlated": 5, "history_percent": 30}),
    Row("arc", arc.misses),
    Row("car", car.misses),
    Row("sieve", sieve.misses),
    Row("s3fifo", s3fifo.misses),
    Row("s3fifo", s3fifo.misses, {"small_percent": 25, "ghost_percent": 200, "promote_hits": 1}),
    Row("lirs", lirs.misses),
    Row("lirs", lirs.misses, {"hir_percent": 10, "merge_repeated": 0}),
    Row("clockpro", clockpro.misses),
    Row("clockpro", clockpro.misses, {"cold_percent": 20, "ghost_percent": 40}),
    Row("hyperbolic", hyperbolic.misses, accesses=8000),
    Row("hyperbolic", hyperbolic.misses, {"samples": 0}, accesses=8000),
    Row("lhd", lhd.misses, {"period": 2000}, accesses=8000),
    Row("lhd", lhd.misses, {"samples": 0, "period": 1000}, accesses=3000),
    Row("lecar", lecar.misses),
    Row("lecar", lecar.misses, {"keep_uses": 0, "rate_percent": 150, "history_percent": 200}),
    Row("wtinylfu", wtinylfu.misses),
    Row("wtinylfu", wtinylfu.misses, {"window_percent": 20, "protected_percent": 50, "row_counters": 1, "jitter": 0}),
)
