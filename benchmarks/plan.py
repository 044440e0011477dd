"""What is measured, and the goals it is measured against.

In: nothing. Out: the pairs of policies that are compared between the engines, the traces with the sizes of memory, and
two plans: `FULL`, whose figures are published, and `QUICK`, which shows in seconds that everything works.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

MODELS = ("kernel", "ideal")

Tell = Callable[[str], None]
"""Told what is being measured now."""

RATIO_GOAL = 4.0
"""Accesses per CPU second against libCacheSim's, at least."""
TEXTBOOK_GOAL = 2.0
"""The same for every algorithm that both have."""
COLD_GOAL = 0.6
"""CPU seconds from source to running code, below."""
CACHED_GOAL = 0.03
"""The same when verdict and code are in the cache."""
CHECK_GOAL = 0.35
"""CPU seconds of `rext check` from process start, below."""
VERIFY_GOAL = 0.05
"""CPU seconds of the verifier alone, below."""
JOBS_GOAL = 1.5
"""Throughput of two simulations at a time against one after the other, at least."""
HIT_RATIO = 0.95
HIT_SPEED_GOAL = 20e6
"""Accesses per CPU second of the kernel's algorithms in the kernel model, at least, where this share of them hits."""
KERNEL_RATIO_GOAL = 2.0
"""Elsewhere: accesses per CPU second against libCacheSim's LRU, at least."""
FOLIO_BYTES_GOAL = 64
PAGE_BYTES_GOAL = 8
"""Bytes a resident folio and a page of the trace take, at most."""

KERNEL_POLICIES = ("builtin:lru", "builtin:mglru")


@dataclass(frozen=True, slots=True)
class PolicyPair:
    """A policy: what it is called, its program in `programs/` with settings if it needs any to do what the other does,
    and its class in libCacheSim, with its defaults. `why_unequal`: in few words, what the other does differently; empty
    where both must miss the same."""

    title: str
    program: str
    rival: str
    why_unequal: str = ""
    options: tuple[tuple[str, float], ...] = ()
    """What the rival is told that is not its default."""


PAIRS = (
    PolicyPair("FIFO", "fifo", "FIFO"),
    PolicyPair("LRU", "strict_lru", "LRU"),
    PolicyPair("CLOCK", "clock", "Clock"),
    PolicyPair("SIEVE", "sieve", "Sieve"),
    PolicyPair("S3-FIFO", "s3fifo", "S3FIFO"),
)

TEXTBOOK = (
    *PAIRS,
    PolicyPair("RANDOM", "random", "Random", "chance"),
    PolicyPair("LFU", "lfu", "LFU"),
    PolicyPair("LFU-DA", "lfuda", "LFUDA", "age at each use"),
    PolicyPair("SLRU", "slru:evict_on_hit=1", "SLRU"),
    PolicyPair("2Q", "twoq", "TwoQ"),
    PolicyPair("LRU-2, no history", "lru2:history_percent=0", "LRUK"),
    PolicyPair("ARC", "arc", "ARC"),
    PolicyPair("LIRS", "lirs", "LIRS", "not the authors' program"),
    PolicyPair("CLOCK-Pro", "clockpro", "ClockPro", "not the paper", (("init_ratio_cold", 1.0),)),
    PolicyPair("Hyperbolic", "hyperbolic", "Hyperbolic", "chance"),
    PolicyPair("LHD", "lhd", "LHD", "chance"),
    PolicyPair("LeCaR", "lecar", "LeCaR", "chance"),
    PolicyPair("W-TinyLFU", "wtinylfu", "WTinyLFU", "another sketch"),
)
"""All of `programs/` that libCacheSim has, too."""


@dataclass(frozen=True, slots=True)
class TraceSizes:
    """A trace, as `rext` names it, and the sizes of memory to run it with."""

    spec: str
    memory: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """`runs` of each replay and engine (`textbook_runs` of all algorithms), `start_runs` of each fresh process,
    `jobs_runs` of each pair of simulations."""

    traces: tuple[TraceSizes, ...]
    runs: int
    textbook: tuple[TraceSizes, ...]
    textbook_runs: int
    start_runs: int
    jobs_trace: TraceSizes
    jobs_runs: int
    kernel: tuple[TraceSizes, ...]
    kernel_runs: int
    large_folios: int


FULL = Plan(
    traces=(
        TraceSizes("zipf:alpha=1.0,pages=1M,accesses=10M,seed=1", ("100000p", "10000p")),
        TraceSizes("mem_gcc", ("40%", "10%")),
        TraceSizes("mem_sqlite", ("40%", "10%")),
    ),
    runs=11,
    textbook=(
        TraceSizes("zipf:alpha=1.0,pages=1M,accesses=5M,seed=1", ("100000p",)),
        TraceSizes("mem_gcc", ("10%",)),
        TraceSizes("mem_sqlite", ("10%",)),
    ),
    textbook_runs=5,
    start_runs=5,
    jobs_trace=TraceSizes("zipf:alpha=1.0,pages=1M,accesses=10M,seed=1", ("100000p",)),
    jobs_runs=5,
    kernel=(
        TraceSizes("mem_gcc", ("40%", "10%")),
        TraceSizes("mem_sqlite", ("40%", "10%")),
        TraceSizes("mem_rg", ("40%", "10%")),
        TraceSizes("zipf:alpha=1.0,pages=4M,accesses=10M,seed=1", ("40%", "10%")),
    ),
    kernel_runs=5,
    large_folios=100_000_000,
)

QUICK = Plan(
    traces=(
        TraceSizes("zipf:alpha=1.0,pages=100K,accesses=1M,seed=1", ("10000p",)),
        TraceSizes("mem_rg", ("10%",)),
    ),
    runs=3,
    textbook=(TraceSizes("zipf:alpha=1.0,pages=100K,accesses=1M,seed=1", ("10000p",)),),
    textbook_runs=2,
    start_runs=1,
    jobs_trace=TraceSizes("zipf:alpha=1.0,pages=300K,accesses=3M,seed=1", ("30000p",)),
    jobs_runs=3,
    kernel=(TraceSizes("mem_rg", ("40%",)),),
    kernel_runs=3,
    large_folios=1_000_000,
)
