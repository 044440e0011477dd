"""What the tests of the runtime share: programs, traces, executors and invariants."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsl import ir
from dsl.compile import Compilation
from dsl.source import Source
from runtime.core import layout as core
from runtime.core.context import Context
from runtime.executors import InterpretedExecutor, NativeExecutor, PythonExecutor
from runtime.jit import engine
from runtime.jit.module import Attachable, Module, settings_of
from runtime.program import load_program
from runtime.simulation import Executor, Machine, Simulation
from verifier.verify import verify

SHIPPED = ("fifo", "clock", "strict_lru", "sieve", "s3fifo")
ALL = (*SHIPPED, "builtin:lru")


@dataclass(frozen=True)
class Events:
    """A chunk made of arrays."""

    page: Any
    flags: Any
    nr_pages: int

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
def _module(policy: Attachable, ideal: bool) -> Module:
    return Module(policy, settings_of(policy, ideal))


@functools.cache
def _native(policy: Attachable, ideal: bool, level: int) -> NativeExecutor:
    module = _module(policy, ideal)
    return NativeExecutor(engine.load(engine.object_code(module.text, level), module.symbols))


def executor(kind: str, policy: Attachable, ideal: bool) -> Executor:
    """`O0`, `O3`, `python` or `interpreted`."""
    if kind in ("O0", "O3"):
        return _native(policy, ideal, int(kind[1]))
    kinds: dict[str, Callable[[Module], Executor]] = {"python": PythonExecutor, "interpreted": InterpretedExecutor}
    return kinds[kind](_module(policy, ideal))


def simulate(
    policy: Attachable,
    trace: Events,
    machine: Machine,
    kind: str = "O3",
    params: dict[str, int] | None = None,
) -> Simulation:
    simulation = Simulation(policy, params or {}, machine, executor(kind, policy, machine.ideal))
    simulation.run(trace)
    return simulation


def context_of(simulation: Simulation) -> Context:
    """The memory of a simulation as plain Python functions of the core see it, without hooks."""
    return Context(dict(simulation.views()), settings_of(simulation.policy, simulation.machine.ideal))


def check_invariants(simulation: Simulation) -> None:
    """Every resident folio is in exactly one place that the core keeps, and all counts agree."""
    folios = simulation.regions["folios"].view("<u4").reshape(-1, simulation.layout.folio_columns)
    table = simulation.regions["page_table"].view("<i8")
    state = simulation.state
    resident = {int(f): page for page, f in enumerate(table) if f > 0}
    assert len(resident) == state[core.NR_RESIDENT] <= simulation.machine.nr_pages
    assert all(folios[f, core.PAGE] == page for f, page in resident.items())
    placed: list[int] = []
    for head in range(core.UNCLAIMED, simulation.layout.nr_lists + 1):
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
    batches = simulation.regions["batches"].view("<u4")
    placed += [int(f) for f in batches[core.ADD_BATCH : core.ADD_BATCH + int(state[core.NR_ADD_BATCH])]]
    assert sorted(placed) == sorted(resident)
    assert state[core.ISOLATED_FIRST] == state[core.KEPT_FIRST] == 0
    counters = simulation.counters()
    freed = counters["misses"] - counters["evictions"] - len(resident)
    assert 0 <= freed <= counters["frees"]
    assert counters["hits"] + counters["misses"] == counters["accesses"]
