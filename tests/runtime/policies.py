"""What the tests of the runtime share: programs, traces, executors and invariants."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np

from dsl import ir
from dsl.compile import Compilation
from dsl.source import Source
from runtime.core import layout as core
from runtime.core.context import Context
from runtime.executors import InterpretedExecutor, NativeExecutor, PythonExecutor
from runtime.jit import engine
from runtime.jit.module import Attachable, Module, Variant, settings_of
from runtime.machine import Machine
from runtime.program import load_program
from runtime.regions import Attachment
from runtime.simulation import Executor, Simulation
from verifier.verify import verify

SHIPPED = ("fifo", "clock", "strict_lru", "sieve", "s3fifo")
ALL = (*SHIPPED, "builtin:lru")

EVERYTHING = """
policy everything;
struct seen { times: u32, last: page_key }
bag pool;
heap uses;
map entries: hash<page_key, seen>[nr_pages];
map ghosts: lru_hash<page_key>[nr_pages / 2];
map sketch: array<u64, u8>[3 * nr_pages];
state hand: page_key;
state drawn: u64;
hook miss(ctx) { if ghosts.contains(ctx.key) { drawn += pow2((log2(drawn) as i64) << 27); } }
hook folio_added(f) {
    entries.insert(f.key);
    let e = entries.lookup(f.key);
    if e != null { e.times += 1; e.last = hand; }
    let c = sketch.lookup(hash(f.key, 1) % sketch.capacity);
    if c != null && c.value < 255 { c.value += 1; }
    if random() % 2 == 0 { pool.push_tail(f); } else { uses.push(f, 1); }
}
hook folio_accessed(f) { if uses.holds(f) { uses.move(f, uses.key_of(f) + 1); } else { pool.move_head(f); } }
hook evict_folios(ctx) {
    loop up to min(ctx.nr_to_scan, 1024) {
        if ctx.wanted == 0 { return; }
        let e = entries.oldest;
        if e != null {
            hand = e.key;
            entries.make_newest(e);
            let older = entries.older(e);
            if older != null && older.times > 1 { entries.remove(older); }
        }
        let f = resident(hand);
        if f != null && uses.holds(f) { f = uses.head; }
        if f == null { f = pool.random(); }
        if f == null { f = uses.oldest; }
        if f == null { return; }
        let key = f.key;
        if ctx.evict(f) { ghosts.insert(key); } else { uses.move(f, 3); }
        if random() % 64 == 0 { ghosts.pop_oldest(); }
    }
}
hook folio_evicted(f) { if random() % 50 == 0 { sketch.halve(); } return 0; }
"""
"""A policy that uses every structure of the language and draws random numbers."""


@dataclass(frozen=True)
class Events:
    """A chunk made of arrays."""

    page: Any
    flags: Any
    nr_pages: int
    keys: Any = None

    def first(self, count: int) -> Events:
        return Events(self.page[:count], self.flags[:count], self.nr_pages)


def events(keys: Any, flags: Any = core.E_FILE | core.E_SYSCALL) -> Events:
    """Accesses to pages by any numbers, made dense in order of first use; `flags` for all or for each."""
    unique, first, inverse = np.unique(np.asarray(keys), return_index=True, return_inverse=True)
    rank = np.empty(len(unique), "u4")
    rank[np.argsort(first, kind="stable")] = np.arange(len(unique), dtype="u4")
    page = rank[inverse]
    return Events(page, np.broadcast_to(np.asarray(flags, "u1"), page.shape).copy(), len(unique))


def compiled(text: str) -> ir.Policy:
    """A policy from its text; it must be accepted."""
    compilation = Compilation(Source("test.rx", text))
    assert compilation.policy is not None, compilation.diagnostics
    verdict = verify(compilation.policy)
    assert verdict.accepted, verdict.diagnostics
    return compilation.policy


@functools.cache
def program(name: str) -> Attachable:
    return load_program(name).policy


@functools.cache
def attachment(name: str) -> Attachment:
    """A program with the params that its name sets."""
    return Attachment(program(name), load_program(name).params)


@functools.cache
def module_of(policies: tuple[Attachable, ...], variant: Variant) -> Module:
    return Module(policies, settings_of(policies, variant))


@functools.cache
def _native(policies: tuple[Attachable, ...], variant: Variant, level: int) -> NativeExecutor:
    module = module_of(policies, variant)
    return NativeExecutor(engine.load(engine.object_code(module.text, level), module.symbols))


def executor_of(kind: str, policies: tuple[Attachable, ...], variant: Variant) -> Executor:
    """`O0`, `O1`, `O3`, `python` or `interpreted`, of policies in the order in which memcgs first have them."""
    if kind[0] == "O":
        return _native(policies, variant, int(kind[1]))
    kinds: dict[str, Callable[[Module], Executor]] = {"python": PythonExecutor, "interpreted": InterpretedExecutor}
    return kinds[kind](module_of(policies, variant))


def executor(kind: str, policy: Attachable, ideal: bool) -> Executor:
    """The executor of one policy on a machine of one task."""
    return executor_of(kind, (policy,), Variant(ideal))


def simulate(
    policy: Attachable,
    trace: Events,
    machine: Machine,
    kind: str = "O3",
    params: dict[str, int] | None = None,
) -> Simulation:
    simulation = Simulation(Attachment(policy, params or {}), machine, executor(kind, policy, machine.ideal))
    simulation.run(trace)
    return simulation


def context_of(simulation: Simulation) -> Context:
    """The memory of a simulation as plain Python functions of the core see it, without hooks."""
    return Context(dict(simulation.views()), settings_of(simulation.lineup.policies, simulation.variant))


def lists_of(simulation: Simulation, lruvec: int) -> list[int]:
    """The folios on the lists of a lruvec, which are whole and as long as their heads say."""
    folios = simulation.regions["folios"].view("<u4").reshape(-1, simulation.layout.folio_columns)
    placed: list[int] = []
    first = lruvec * simulation.layout.nr_lists + core.UNCLAIMED
    for head in range(first, first + simulation.layout.nr_lists):
        on_list = []
        f, before = int(folios[head, core.NEXT]), head
        while f != head:
            assert folios[f, core.LIST] == head
            assert folios[f, core.PREV] == before
            on_list.append(f)
            before, f = f, int(folios[f, core.NEXT])
        assert folios[head, core.PREV] == before
        assert folios[head, core.LEN] == len(on_list)
        placed += on_list
    return placed


def batches_of(simulation: Simulation) -> list[int]:
    """The folios that wait in the `lru_add` batches of all CPUs."""
    batches = simulation.regions["batches"].view("<u4")
    waiting: list[int] = []
    for cpu, task in enumerate(simulation.table("tasks")):
        first = cpu * core.BATCH_SLOTS + core.ADD_BATCH
        waiting += [int(f) for f in batches[first : first + int(task[core.NR_ADD_BATCH])]]
    return waiting


def check_invariants(simulation: Simulation) -> None:
    """Every resident folio is in exactly one place that the core keeps, and all counts agree."""
    folios = simulation.regions["folios"].view("<u4").reshape(-1, simulation.layout.folio_columns)
    table = simulation.regions["page_table"].view("<i8")
    state, machine = simulation.state, simulation.machine
    resident = {int(f): page for page, f in enumerate(table) if f > 0}
    assert len(resident) == state[core.NR_RESIDENT] <= machine.nr_pages
    assert all(folios[f, core.PAGE] == page for f, page in resident.items())
    lruvecs = simulation.table("lruvecs")
    placed: list[int] = []
    for lruvec in range(machine.nr_lruvecs):
        on_lists = lists_of(simulation, lruvec)
        assert all(folios[f, core.LRUVEC] == lruvec for f in on_lists)
        assert machine.ideal or lruvecs[lruvec, core.NR_FOLIOS] == len(on_lists)
        placed += on_lists
    placed += batches_of(simulation)
    assert sorted(placed) == sorted(resident)
    assert state[core.ISOLATED_FIRST] == state[core.KEPT_FIRST] == 0
    if not machine.ideal:
        check_charges(simulation, list(resident))
    counters = simulation.counters()
    if counters["oom_kill"] == 0:
        freed = counters["misses"] - counters["bypassed"] - counters["evictions"] - len(resident)
        assert 0 <= freed <= counters["frees"]
    assert counters["hits"] + counters["misses"] == counters["accesses"]


def check_charges(simulation: Simulation, resident: list[int]) -> None:
    """Lruvecs, nodes and memcgs are charged what is resident, and hold no more than they may."""
    folios = simulation.regions["folios"].view("<u4").reshape(-1, simulation.layout.folio_columns)
    machine, lruvecs = simulation.machine, simulation.table("lruvecs")
    charged = np.zeros((machine.nr_lruvecs, 2), int)
    for f in resident:
        charged[folios[f, core.LRUVEC], folios[f, core.FLAGS] & core.F_FILE] += 1
    assert (charged == lruvecs[: machine.nr_lruvecs, core.NR_CHARGED : core.NR_CHARGED + 2]).all()
    if machine.single:
        return
    usage = charged.sum(axis=1).reshape(len(machine.all_memcgs), -1)
    nodes, memcgs = simulation.table("nodes"), simulation.table("memcgs")
    assert (usage.sum(axis=0) == nodes[:, core.NODE_USAGE]).all()
    assert (nodes[:, core.NODE_USAGE] <= nodes[:, core.NODE_PAGES]).all()
    for number, row in enumerate(memcgs):
        of_subtree = slice(number, int(row[core.SUBTREE_END]))
        assert usage[of_subtree].sum() == row[core.MEMORY_USAGE] <= row[core.MEMORY_MAX]
        own = memcgs[of_subtree, core.SWAP_OF_OWN : core.SWAP_OF_OWN + core.MAX_SWAP_DEVICES]
        assert own.sum() == row[core.SWAP_USAGE] <= row[core.SWAP_MAX]


def lines_of(function: Callable[[], object]) -> int:
    """Lines of the core that run in a call."""
    lines = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal lines
        lines += event == "line" and "/runtime/core/" in frame.f_code.co_filename
        return trace

    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(None)
    return lines
