"""Exact miss counts on bundled and made-up traces.

They are libCacheSim's, with its defaults (S3-FIFO: small queue 0.1, ghost queue 0.9 of the size, two hits to be
promoted; SLRU: four segments, of which memory is a multiple; 2Q: 0.25 and 0.5 of the size): the accesses were written
as oracleGeneral with object size 1 and next accesses filled in, and each class of `libcachesim==0.3.5` ran over the
file with `process_trace`, `hashpower=16`; the counts are its miss ratio times the accesses. Belady is the bound, here
`opt`.
"""

from __future__ import annotations

import functools

import pytest

from runtime.machine import Machine
from runtime.opt import Future
from runtime.traces import load, open_trace
from tests.runtime.policies import Events, program, simulate

ZIPF = "zipf:pages=20K,accesses=200K,seed=3"
MIX = "mix:0.6*zipf(pages=3K)+0.4*loop(pages=2500),accesses=150K,seed=9"
PHASES = "phases:pages=2K,phases=5,accesses=150K"
FIRST = 200_000
"""Accesses used of each trace."""

POLICIES = ("fifo", "strict_lru", "clock", "sieve", "s3fifo", "lfu", "slru", "twoq", "arc")
COUNTS = {
    # trace, pages of memory: FIFO, LRU, CLOCK, SIEVE, S3-FIFO, LFU, SLRU, 2Q, ARC, Belady
    ("mem_gcc", 300): (160125, 162566, 160015, 181394, 126174, 181394, 180164, 132769, 134745, 80898),
    ("mem_gcc", 1500): (19911, 13798, 13217, 102915, 13818, 102915, 12927, 15163, 14188, 8668),
    ("mem_rg", 300): (15348, 9353, 8942, 137813, 8635, 137813, 8450, 8584, 8326, 8069),
    ("mem_rg", 1500): (8877, 8034, 8033, 8007, 8002, 8007, 8007, 8221, 8007, 8002),
    ("mem_sqlite", 300): (126654, 116832, 114500, 187713, 116468, 187713, 114839, 115111, 114974, 66554),
    ("mem_sqlite", 1500): (48072, 30063, 25072, 22754, 21983, 22754, 22110, 23909, 21039, 16615),
    (ZIPF, 200): (123286, 113941, 111412, 93023, 92513, 94836, 94822, 96305, 93793, 78023),
    (ZIPF, 2000): (69473, 61350, 59442, 51369, 50647, 51369, 52035, 54139, 51941, 36053),
    (MIX, 500): (102345, 96794, 95152, 82483, 81351, 82483, 83712, 83880, 81448, 73574),
    (MIX, 2000): (86937, 81487, 79915, 71433, 63952, 71433, 55892, 72874, 69654, 39074),
    (PHASES, 100): (142433, 142427, 142438, 143071, 142498, 147538, 142636, 142524, 142445, 107108),
    (PHASES, 1000): (76184, 75986, 76100, 85154, 76793, 128127, 78036, 76522, 76069, 31035),
}


@functools.cache
def trace_of(name: str) -> Events:
    loaded = load(open_trace(name).first(FIRST))
    return Events(loaded.page, loaded.flags, loaded.nr_pages)


@pytest.mark.parametrize(("trace", "memory"), COUNTS, ids=lambda value: str(value).partition(":")[0])
def test_misses_are_those_of_libcachesim(trace: str, memory: int) -> None:
    events = trace_of(trace)
    found = {p: simulate(program(p), events, Machine(memory, True)).counters()["misses"] for p in POLICIES}
    found["opt"] = Future(events.page, events.flags, events.nr_pages).misses(memory, lambda *_: True)[1]
    assert found == dict(zip((*POLICIES, "opt"), COUNTS[trace, memory], strict=True))


@pytest.mark.parametrize("scan_batch", [1, 5, 4096])
def test_the_batch_makes_no_difference(scan_batch: int) -> None:
    machine = Machine(1500, True, scan_batch=scan_batch)
    found = tuple(simulate(program(p), trace_of("mem_gcc"), machine).counters()["misses"] for p in POLICIES)
    assert found == COUNTS["mem_gcc", 1500][: len(POLICIES)]
