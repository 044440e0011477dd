"""Plain Python, the interpreter, unoptimised and optimised native code leave the same memory behind."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.costs import NVME, ZRAM
from runtime.machine import Machine, Memcg, Node, SwapDevice, Task
from runtime.traces import load, open_trace
from tests.runtime.machines import LINEUPS, Burst, Setup
from tests.runtime.policies import ALL, Events, check_invariants, compiled, events, program, simulate
from tests.runtime.test_invariants import run_bursts, simulation_of

MIX = "mix:0.5*zipf(pages=400,write=0.3,mapped=0.5,anon=0.4)+0.5*loop(pages=300),accesses=6000"
TRACES = ("mem_gcc", "mem_sqlite", "mem_rg", MIX)


@pytest.fixture(scope="module", params=TRACES, ids=("gcc", "sqlite", "rg", "mix"))
def trace(request: pytest.FixtureRequest) -> Events:
    loaded = load(open_trace(request.param).first(6_000))
    return Events(loaded.page, loaded.flags, loaded.nr_pages)


@pytest.mark.parametrize("ideal", [False, True], ids=["kernel", "ideal"])
@pytest.mark.parametrize("name", ALL)
def test_the_same_memory_in_every_executor(name: str, ideal: bool, trace: Events) -> None:
    machine = Machine(150, ideal)
    digests = {}
    for kind in ("python", "O0", "O3"):
        simulation = simulate(program(name), trace, machine, kind)
        check_invariants(simulation)
        assert simulation.counters()["evictions"] > 500
        digests[kind] = simulation.digest()
    assert len(set(digests.values())) == 1, digests


@pytest.mark.parametrize("ideal", [False, True], ids=["kernel", "ideal"])
@pytest.mark.parametrize("name", ALL)
def test_the_interpreter_of_the_whole_core(name: str, ideal: bool) -> None:
    keys = np.random.default_rng(5).zipf(1.3, 900) % 120
    flags = np.random.default_rng(6).choice([0, 1, 2, 3, 6, 10, 11], 900)
    trace, machine = events(keys, flags), Machine(40, ideal)
    interpreted = simulate(program(name), trace, machine, "interpreted")
    assert interpreted.counters()["evictions"] > 50
    assert interpreted.digest() == simulate(program(name), trace, machine).digest()


@pytest.mark.parametrize("kind", ["python", "O0", "O3"])
def test_in_pieces_as_in_one_go(kind: str) -> None:
    trace = events(np.random.default_rng(1).integers(0, 90, 3000))
    whole = simulate(program("sieve"), trace, Machine(30, True), kind)
    pieces = simulate(program("sieve"), trace.first(0), Machine(30, True), kind)
    for first in range(0, 3000, 257):
        pieces.run(trace, first, min(first + 257, 3000))
    assert pieces.counters() == whole.counters()
    assert pieces.digest() == whole.digest()


MAPS = """
policy maps;
struct seen { times: u32, last: u64, odd: bool }
list queue;
map plain: hash<page_key, seen>[nr_pages / 2];
map recent: lru_hash<u64, u16>[17];
map members: lru_hash<page_key>[nr_pages];
folio { hits: u16, wide: u64, flag: bool, tiny: u8 }
state clock: u64;
state table: u32[8];
hook folio_added(f) {
    clock += 1;
    members.insert(f.key);
    if plain.insert(f.key) {
        let e = plain.lookup(f.key);
        if e != null { e.times += 1; e.last = clock; e.odd = !e.odd; }
    } else { plain.delete(f.key); members.delete(f.key); }
    recent.insert(clock % 23, (clock & 0xffff) as u16);
    if recent.touch(clock % 7) { table[clock % 8] += 1; }
    queue.push_tail(f);
}
hook folio_accessed(f) { f.hits += 1; f.wide = f.wide * 3 + clock; f.flag = !f.flag; f.tiny -= 1; }
hook evict_folios(ctx) {
    scan f in queue limit ctx.nr_to_scan {
        if plain.contains(f.key) && f.flag {
            f.flag = false;
            plain.delete(f.key);
            queue.move_tail(f);
        } else { ctx.evict(f); }
    }
}
hook folio_evicted(f) {
    let e = recent.lookup(clock % 23);
    return if e != null { e.value as u64 } else { recent.len + plain.len + members.len };
}
"""


@pytest.mark.parametrize("ideal", [False, True], ids=["kernel", "ideal"])
def test_maps_fields_and_state(ideal: bool) -> None:
    policy = compiled(MAPS)
    trace = events(np.random.default_rng(2).integers(0, 70, 2500))
    digests = {k: simulate(policy, trace, Machine(24, ideal), k).digest() for k in ("python", "O0", "O3")}
    assert len(set(digests.values())) == 1, digests
    short = trace.first(300)
    machine = Machine(24, ideal)
    assert simulate(policy, short, machine, "interpreted").digest() == simulate(policy, short, machine).digest()


TREE = Machine(
    210,
    nodes=(Node("fast", 110, (5, 10, 20), 1), Node("slow", 100, (4, 8, 16), access_ns=80)),
    memcgs=(
        Memcg("top"),
        Memcg("a", 0, max=70, min=20, swappiness=100),
        Memcg("b", 0, high=60, low=30, swap_max=90),
        Memcg("c", 2, max=50),
    ),
    tasks=(Task("t0", 1, think_ns=900), Task("t1", 2), Task("t2", 3, 1), Task("t3", 3, bound=True)),
    swap=(SwapDevice(NVME, 80), SwapDevice(ZRAM, 200)),
)
BURSTS = (
    [Burst("loop", 0, 140, 180, 3, 0, 0), Burst("zipf", 5, 150, 180, 1, 40, 1)] * 2,
    [Burst("once", 9, 150, 160, 6, 0, 2), Burst("zipf", 5, 90, 160, 4, 9, 3)] * 2,
)


@pytest.mark.parametrize(("lineup", "checked"), [(LINEUPS[2], False), *((lineup, True) for lineup in LINEUPS)])
def test_the_same_memory_with_memcgs_nodes_and_tasks(lineup: tuple[str, ...], checked: bool) -> None:
    policies = (*lineup, *lineup * 3)[: len(TREE.memcgs)]
    digests = {}
    for kind in ("python", "O1") if checked else ("python", "O0", "O3", "interpreted"):
        simulation = simulation_of(Setup(TREE, policies, lineup), kind, checked)
        for given in BURSTS:
            run_bursts(simulation, given)
        simulation.reclaim(0, 40)
        check_invariants(simulation)
        counters = simulation.counters()
        demoted = counters["pgdemote_kswapd"] + counters["pgdemote_direct"]
        assert min(demoted, *(counters[name] for name in ("evictions", "pswpout", "nr_written", "frees"))) > 5
        digests[kind] = simulation.digest()
    assert len(set(digests.values())) == 1, digests
