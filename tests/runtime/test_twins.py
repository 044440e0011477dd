"""The kernel's algorithms in the language (`programs/lru.rx`, `programs/mglru.rx`) make the decisions of the built-in
ones: every counter, all simulated time and every latency are equal. Where nothing more can be reclaimed, what follows
is not theirs to decide: the core believes a built-in policy that finds nothing, and ejects one in the language.

What runs always is a part of the grid, chosen so that each trace, size, version and setting is in it. The whole grid,
with longer traces and random machines, is run by `TWINS=full python -m pytest tests/runtime/test_twins.py` (minutes).
"""

from __future__ import annotations

import functools
import itertools
import os
import threading
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from runtime.core import layout as core
from runtime.costs import DISK, ZRAM
from runtime.machine import KERNELS, Machine, Memcg, Node, SwapDevice, Task
from runtime.program import load_program
from runtime.row import FINISHED, OUT_OF_MEMORY
from runtime.run import Run, run_program
from runtime.scenario.plan import Measured, Plan, Request
from runtime.scenario.run import ScenarioRun
from runtime.switches import load_switch
from runtime.traces import load, open_trace
from runtime.traces.trace import LoadedTrace
from tests.runtime.policies import Events, check_invariants, events, program, simulate

FULL = os.environ.get("TWINS") == "full"
LONGEST = 1_000_000 if FULL else 120_000
"""Accesses of a trace that are run."""

MIXED = "mix:0.5*zipf(pages=3000,write=0.3,mapped=0.5,anon=0.4)+0.5*loop(pages=2000),accesses=60000,seed=3"
READS = "zipf:alpha=0.8,pages=6000,accesses=60000,write=0.2,seed=5"
MAPPED = "zipf:alpha=0.9,pages=6000,accesses=60000,mapped=1,anon=0.5,write=0.3,seed=7"
TRACES = ("mem_gcc", "mem_rg", "mem_sqlite", MIXED, READS, MAPPED)
SHARES = (10, 20, 40)
SWAPPINESS = (0, 1, 60, 200)
FILES_ONLY = ("mem_rg", READS)
"""What can be run without reclaiming anonymous memory: with swappiness 0 the others come to a dead end."""
SWITCHES = ("walk", "look_around", "bloom", "tiers", "placement", "full_protection", "type_selection", "min_ttl")


@functools.cache
def trace_of(spec: str) -> LoadedTrace:
    return load(open_trace(spec).first(LONGEST))


DEFAULT = Machine(1 << 20)


@dataclass(frozen=True)
class Case:
    """A run of both. `share`: memory as a part of the trace's pages, in percent; `watermarks`: whether the node has
    any, so that kswapd reclaims."""

    twin: str
    trace: str
    share: int = 20
    settings: str = ""
    kernel: int = 618
    swappiness: int = 60
    watermarks: bool = False
    machine: Machine = DEFAULT

    def __str__(self) -> str:
        trace = self.trace.partition(":")[0]
        parts = (self.twin, trace, f"{self.share}%", self.kernel, f"swappiness={self.swappiness}", self.settings)
        return ",".join([*(str(p) for p in parts if p), *["watermarks"] * self.watermarks])

    def sized(self) -> Machine:
        pages = max(64, trace_of(self.trace).nr_pages * self.share // 100)
        marks = (pages // 50, pages // 25, pages // 16) if self.watermarks else (0, 0, 0)
        return replace(self.machine, nr_pages=pages, watermarks=marks, swappiness=self.swappiness, kernel=self.kernel)


def outcome(spec: str, case: Case) -> dict[str, Any]:
    """All that a run shows of itself."""
    row = run_program(load_program(spec), trace_of(case.trace), case.sized(), lambda _: None, threading.Event())
    return {**row.counters, "status": row.status, "times": row.times}


def differences(case: Case) -> dict[str, Any]:
    """What the built-in policy and its twin do not agree on."""
    builtin, twin = (outcome(f"{name}{case.settings}", case) for name in (f"builtin:{case.twin}", case.twin))
    assert builtin["misses"] > 0
    if builtin["status"] == OUT_OF_MEMORY:
        assert twin["status"] != FINISHED
        return {}
    return {name: (value, twin[name]) for name, value in builtin.items() if twin[name] != value}


# --- one memcg, one task ----------------------------------------------------------------------------------


def lru_cases() -> list[Case]:
    if FULL:
        grid = itertools.product(TRACES, SHARES, SWAPPINESS, (False, True))
        return [Case("lru", t, share, swappiness=s, watermarks=w) for t, share, s, w in grid if s or t in FILES_ONLY]
    sizes = [Case("lru", t, share, watermarks=share == 20) for t in TRACES for share in SHARES]
    swapping = [Case("lru", t, swappiness=s, watermarks=s == 200) for t in TRACES for s in (1, 200)]
    return sizes + swapping + [Case("lru", t, swappiness=0) for t in FILES_ONLY]


def mglru_cases() -> list[Case]:
    if FULL:
        grid = itertools.product(TRACES, SHARES, KERNELS, SWAPPINESS, (False, True))
        sizes = [Case("mglru", t, share, "", k, s, w) for t, share, k, s, w in grid if s or t in FILES_ONLY]
        switched = itertools.product(TRACES, SHARES, SWITCHES, KERNELS, (False, True))
        return sizes + [Case("mglru", t, share, f":{off}=0", k, 60, w) for t, share, off, k, w in switched]
    sizes = [Case("mglru", t, share, kernel=k) for t in TRACES for share in SHARES for k in KERNELS]
    kswapd = [Case("mglru", t, kernel=k, swappiness=200, watermarks=True) for t in TRACES for k in KERNELS]
    rotating = itertools.cycle(itertools.product(TRACES, KERNELS))
    off = [Case("mglru", t, 10, f":{s}=0", k) for s in SWITCHES for t, k in itertools.islice(rotating, 7)]
    return sizes + kswapd + off + [Case("mglru", t, kernel=k, swappiness=0) for t in FILES_ONLY for k in KERNELS]


@pytest.mark.parametrize("case", lru_cases(), ids=str)
def test_lru_decides_as_the_builtin(case: Case) -> None:
    assert not differences(case)


@pytest.mark.parametrize("case", mglru_cases(), ids=str)
def test_mglru_decides_as_the_builtin(case: Case) -> None:
    assert not differences(case)


@pytest.mark.parametrize("twin", ["lru", "mglru"])
@pytest.mark.parametrize("trace", ["mem_gcc", MIXED])
def test_so_do_both_in_the_ideal_model(twin: str, trace: str) -> None:
    assert not differences(Case(twin, trace, machine=Machine(1 << 20, ideal=True)))


MACHINES = {
    "slow swap": Machine(1 << 20, swap=(SwapDevice(DISK),)),
    "little swap": Machine(1 << 20, swap=(SwapDevice(ZRAM, 3000),)),
    "single-page mappings": Machine(1 << 20, vma_pages=1),
    "protected for a while": Machine(1 << 20, min_ttl_ns=2_000_000),
}


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("twin", ["lru", "mglru"])
def test_so_do_both_on_other_machines(twin: str, name: str) -> None:
    for trace in TRACES if FULL else ("mem_gcc", MIXED, MAPPED):
        for kernel in KERNELS if twin == "mglru" else (618,):
            case = Case(twin, trace, kernel=kernel, machine=MACHINES[name], watermarks=name.startswith("protected"))
            assert not differences(case), case


@pytest.mark.parametrize("version", KERNELS)
def test_the_version_may_be_set_apart_from_the_machine(version: int) -> None:
    assert not differences(Case("mglru", "mem_sqlite", settings=f":version={version}", kernel=618))


@pytest.mark.parametrize("seed", range(200 if FULL else 4))
def test_so_do_both_on_random_machines(seed: int) -> None:
    random = np.random.default_rng(seed)
    spec = (
        f"mix:0.6*zipf(pages={random.integers(50, 5000)},write={random.random():.2f},mapped={random.random():.2f},"
        f"anon={random.random():.2f})+0.4*loop(pages={random.integers(10, 3000)}),accesses=40000,seed={seed}"
    )
    off = [f"{name}=0" for name in SWITCHES if random.random() < 0.2]
    settings = ":" + ",".join(off) if off else ""
    kernel, swappiness = int(random.choice(KERNELS)), int(random.integers(0, 201))
    share, machine = int(random.integers(3, 90)), MACHINES[str(random.choice(list(MACHINES)))]
    watermarks = bool(random.integers(2))
    for case in (
        Case("lru", spec, share, "", kernel, swappiness, watermarks, machine),
        Case("mglru", spec, share, settings, kernel, swappiness, watermarks, machine),
    ):
        assert not differences(case), case


@pytest.mark.parametrize("trace", ["mem_gcc", MIXED, MAPPED])
def test_so_do_both_when_they_replace_each_other(trace: str) -> None:
    """LRU, MGLRU, LRU: the core's marks go from one to the next."""
    case = Case("lru", trace, 10)
    rows = []
    for prefix in ("builtin:", ""):
        switches = [load_switch(f"15000:{prefix}mglru"), load_switch(f"35000:{prefix}lru")]
        first = load_program(f"{prefix}lru")
        row = run_program(first, trace_of(trace), case.sized(), lambda _: None, threading.Event(), switches)
        assert len(row.switches) == 2
        rows.append((row.status, row.times, row.counters))
    assert rows[0] == rows[1]


# --- a tree of memcgs, two nodes, several tasks -----------------------------------------------------------

TREE = Machine(
    2600,
    nodes=(Node("fast", 1800, (20, 40, 60), demotes_to=1), Node("slow", 800, (10, 20, 30), access_ns=100)),
    memcgs=(
        Memcg("root"),
        Memcg("web", parent=0, high=1500),
        Memcg("web/cache", parent=1, max=900, low=200),
        Memcg("web/workers", parent=1, min=150, swappiness=120),
        Memcg("batch", parent=0, max=700, swappiness=10),
    ),
    tasks=(Task("cache", 2), Task("worker", 3, think_ns=300), Task("other", 3), Task("batch", 4, node=1)),
)
SPECS = (
    "zipf:pages=1500,accesses=20000,write=0.2,seed=1",
    "zipf:alpha=0.9,pages=1200,accesses=20000,mapped=0.8,anon=0.7,write=0.3,seed=2",
    "zipf:alpha=0.7,pages=900,accesses=15000,mapped=0.5,anon=0.3,seed=3",
    "loop:pages=1100,accesses=15000",
)


def scenario(spec: str, kernel: int) -> dict[str, Any]:
    """All counters of every memcg after the scenario, and every lruvec's words that policies decide by."""
    traces = tuple(Measured(trace := open_trace(s), load(trace).accesses, load(trace).nr_pages) for s in SPECS)
    paths = tuple(memcg.name for memcg in TREE.memcgs)
    requests = (Request(1, 100, 20_000_000, 5_000_000, None, 60),)
    machine = replace(TREE, kernel=kernel)
    plan = Plan("tree", machine, paths, (None,) * 5, traces, (1,) * 4, requests, None)
    run = ScenarioRun(plan, [load_program(spec)] * 5)
    status = run.run(lambda _: None, threading.Event())
    simulation = run.simulation
    result: dict[str, Any] = {memcg: simulation.memcg_counters(n) for n, memcg in enumerate(paths)}
    return {
        **result, "status": status, "all": simulation.counters(), "notes": run.notes(status),
        "clocks": simulation.table("tasks")[:4, core.TASK_CLOCK].tolist(),
        "latencies": simulation.table("latencies").tolist(),
    }  # fmt: skip


@pytest.mark.parametrize("kernel", KERNELS if FULL else (618,))
@pytest.mark.parametrize("twin", ["lru", "mglru"])
def test_so_do_both_in_a_tree_of_memcgs(twin: str, kernel: int) -> None:
    builtin, own = scenario(f"builtin:{twin}", kernel), scenario(twin, kernel)
    assert builtin["all"]["pgsteal_kswapd"] > 0
    assert builtin["all"]["pgdemote_kswapd"] + builtin["all"]["pgdemote_direct"] > 0
    assert builtin["all"]["pgsteal_proactive"] > 0
    assert {name: (value, own[name]) for name, value in builtin.items() if own[name] != value} == {}


# --- executors --------------------------------------------------------------------------------------------


def short_trace(accesses: int, pages: int) -> Events:
    keys = np.random.default_rng(5).zipf(1.2, accesses) % pages
    flags = np.random.default_rng(6).choice([0, 1, 2, 3, 6, 10, 11], accesses)
    return events(keys, flags)


@pytest.mark.parametrize("ideal", [False, True], ids=["kernel", "ideal"])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("twin", ["lru", "mglru"])
def test_the_same_memory_in_every_executor(twin: str, kernel: int, ideal: bool) -> None:
    trace, machine = short_trace(2500, 700), Machine(100, ideal, kernel=kernel)
    digests = {}
    for kind in ("python", "O0", "O3"):
        simulation = simulate(program(twin), trace, machine, kind)
        check_invariants(simulation)
        assert simulation.counters()["evictions"] > 200
        digests[kind] = simulation.digest()
    assert len(set(digests.values())) == 1, digests


@pytest.mark.parametrize("twin", ["lru", "mglru"])
def test_the_interpreter_of_core_and_twin(twin: str) -> None:
    trace, machine = short_trace(1200, 400), Machine(90)
    interpreted = simulate(program(twin), trace, machine, "interpreted")
    assert interpreted.counters()["evictions"] > 50
    assert interpreted.digest() == simulate(program(twin), trace, machine).digest()


def test_a_run_of_the_twin_ends_as_the_builtin_where_nothing_can_be_reclaimed() -> None:
    """Without swap and with anonymous memory alone both find nothing, and neither is to blame for it."""
    trace = load(open_trace("zipf:pages=3000,accesses=9000,mapped=1,anon=1,seed=2"))
    machine = Machine(500, swappiness=0)
    for name in ("builtin:lru", "lru", "builtin:mglru", "mglru"):
        run = Run(load_program(name), machine)
        for chunk in trace.chunks():
            run.go(chunk)
        assert run.status == "oom", name
        assert not run.ejections
