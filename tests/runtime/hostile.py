"""What tests of policies that mean no good share: the policy, who is to be blamed, what must hold whatever it does."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np
import pytest

from dsl import ir
from runtime.core import layout as core
from runtime.ejection import Ejection
from runtime.machine import Machine
from runtime.simulation import Simulation
from tests.runtime.attaching import attached, mixed, run_on
from tests.runtime.policies import Events, check_invariants, compiled

MODELS = pytest.mark.parametrize("ideal", [False, True], ids=["kernel", "ideal"])
BEGIN = (
    "policy hostile;\nlist queue;\nlist other;\nstate words: u64[8];\nmap keys: lru_hash<page_key, u64>[nr_pages];\n"
)


@dataclass(frozen=True)
class Hostile:
    """A policy's text after `begin`, and the hook that is to be blamed; "": it gets along. `small`: in memory for few
    pages, where what a batch holds is all there is. `evicts`: at least so many folios go in the usual run."""

    text: str
    blamed: str = ""
    small: bool = False
    begin: str = BEGIN
    evicts: int = 300

    @functools.cached_property
    def policy(self) -> ir.Policy:
        return compiled(self.begin + self.text)


def memory(hostile: Hostile, ideal: bool) -> Machine:
    return Machine(24 if hostile.small else 50, ideal)


def consistent(simulation: Simulation, trace: Events) -> None:
    """All accesses were made, and the counters agree with each other."""
    counters = simulation.counters()
    assert counters["accesses"] == counters["hits"] + counters["misses"]
    assert counters["accesses"] == np.count_nonzero(trace.flags != core.E_FREE)
    stolen = counters["pgsteal_kswapd"] + counters["pgsteal_direct"] + counters["pgsteal_proactive"]
    assert stolen == counters["evictions"]
    assert counters["oom"] == 0
    if not simulation.machine.ideal:
        assert counters["pgsteal_anon"] + counters["pgsteal_file"] == stolen
    assert simulation.resident <= simulation.machine.nr_pages
    check_invariants(simulation)


def told(ejection: Ejection, hostile: Hostile, blamed: str) -> None:
    """The report names the hook and where it is written, and what was spent."""
    assert ejection.hook == blamed
    function = hostile.policy.hook(blamed)
    if function is None:
        assert ejection.line == 0 and f"has no hook {blamed}" in ejection.reason
    else:
        assert ejection.text.startswith(f"hook {blamed}(")
        assert (hostile.begin + hostile.text).splitlines()[ejection.line - 1].strip() == ejection.text
        assert ejection.where == f"test.rx:{ejection.line}"
    assert 0 <= ejection.spent <= ejection.budget == 8 * ejection.resident + 4096
    assert sum(ejection.lists.values()) + ejection.unclaimed <= ejection.resident <= ejection.memory_pages
    assert ejection.counters["accesses"] == ejection.access
    assert f"hook {blamed}" in ejection.summary and f"{ejection.access:,}" in ejection.summary


def executors_agree(hostile: Hostile, ideal: bool) -> None:
    """Plain Python and native code leave the same memory behind, and the same reports."""
    trace, machine = mixed(160, 60, seed=2), replace(memory(hostile, ideal), effort=1)
    digests, reports = set(), set()
    for kind in ("python", "O0", "O3"):
        simulation = attached(hostile.policy, machine, kind)
        simulation.state[core.EFFORT_AT_LEAST] = 300
        reports.add(tuple(ejection.summary for ejection in run_on(simulation, trace, kind)))
        digests.add(simulation.digest())
        consistent(simulation, trace)
    assert len(digests) == len(reports) == 1


def gets_what_it_deserves(hostile: Hostile, ideal: bool) -> None:
    """Run it: the run ends, nothing is lost, and who keeps memory from being reclaimed is ejected, and nobody else."""
    trace = mixed(1500, 160, seed=11)
    blamed = hostile.blamed
    simulation = attached(hostile.policy, memory(hostile, ideal), "O0", checked=True)
    ejections = run_on(simulation, trace, "O0")
    consistent(simulation, trace)
    assert [ejection.hook for ejection in ejections] == ([blamed] if blamed else [])
    for ejection in ejections:
        told(ejection, hostile, blamed)
    kept = "builtin:lru" if blamed else "hostile"
    assert simulation.lineup.of_memcg[0].policy.name == kept
    assert simulation.counters()["evictions"] >= hostile.evicts
