"""Whatever a machine is like, whoever has which policy and whatever tasks do: the invariants hold.

Checked builds look after every reclaim (`runtime/core/invariants.py`), Python looks at the same memory in its own way
after every step (`tests/runtime/policies.py`). Native code runs most examples; plain Python, which traps what does not
fit a word, and the interpreter of the whole core run some. `REXT_INVARIANT_EXAMPLES=1000` runs so many examples of each
kind instead of a few fixed ones.
"""

from __future__ import annotations

import os
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from runtime.core import layout as core
from runtime.core.swapfile import swap_left
from runtime.jit.module import Variant
from runtime.machine import Machine, Memcg, Node, Task
from runtime.simulation import Simulation
from tests.runtime.machines import PAGES, Burst, Setup, bursts, ideal_setups, setups, single_setups
from tests.runtime.policies import Events, attachment, check_invariants, context_of, executor_of, program

EXAMPLES = int(os.environ.get("REXT_INVARIANT_EXAMPLES", "0"))
NEVER = 1 << 62


def simulation_of(setup: Setup, kind: str, checked: bool = True) -> Simulation:
    """The machine of a setup, with its pages mapped."""
    policies = tuple(program(name) for name in setup.lineup)
    variant = Variant(setup.machine.ideal, setup.machine.single, setup.addressed, checked)
    attached = [attachment(name) for name in setup.policies]
    executor = executor_of(kind, policies, variant)
    simulation = Simulation(attached, setup.machine, executor, setup.addressed, checked)
    for task in range(len(setup.machine.all_tasks)):
        simulation.map_pages(task, task * PAGES, (task + 1) * PAGES, None)
    return simulation


def is_over(simulation: Simulation) -> bool:
    """Whether the run has ended: memory ran out for the last task, or a policy is to be ejected."""
    return simulation.status != core.STATUS_RUNNING


def run_bursts(simulation: Simulation, given: list[Burst]) -> None:
    """Let every task that lives do its burst: of one task with `replay`, of several with `replay_tasks`."""
    if simulation.machine.single:
        simulation.run(given[0].events(0))
        check_status(simulation)
    else:
        run_events(simulation, [burst.events(task) for task, burst in enumerate(given)])


def run_events(simulation: Simulation, traces: list[Events]) -> None:
    """Let every task that lives do its events."""
    tasks, killed = simulation.table("tasks"), simulation.table("memcgs")[:, core.OOM_KILLED]
    ends = np.cumsum([len(trace.page) for trace in traces])
    for task, end in enumerate(ends):
        tasks[task, core.EVENT_NEXT], tasks[task, core.EVENT_END] = end - len(traces[task].page), end
        tasks[task, core.TASK_ENDED] = 2 if killed[tasks[task, core.TASK_MEMCG]] else 1
    simulation.regions["trace_page"] = np.concatenate([trace.page for trace in traces]).view("u1")
    simulation.regions["trace_flags"] = np.concatenate([trace.flags for trace in traces])
    simulation.call("replay_tasks", NEVER, NEVER)
    check_status(simulation)


def check_status(simulation: Simulation) -> None:
    """No shipped policy is to blame, but a program that does not tell files from anonymous folios: it may look at
    nothing but anonymous ones for ever when there is no swap for them."""
    if simulation.status == core.STATUS_NO_PROGRESS:
        row = simulation.table("lruvecs")[simulation.state[core.STATUS_LRUVEC]]
        assert row[core.EJECTABLE] == 1
        assert row[core.NR_CHARGED + core.ANON] > swap_left(context_of(simulation), int(row[core.OF_MEMCG]))


class Tree(RuleBasedStateMachine):
    """Memcgs, nodes and tasks in native code."""

    kind: ClassVar[str] = "O1"
    machines: ClassVar[Any] = setups()
    simulation: Simulation

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        self.setup = data.draw(self.machines)
        self.simulation = simulation_of(self.setup, self.kind)

    @precondition(lambda self: not is_over(self.simulation))
    @rule(data=st.data())
    def run(self, data: st.DataObject) -> None:
        count = len(self.setup.machine.all_tasks)
        run_bursts(self.simulation, data.draw(st.lists(bursts, min_size=count, max_size=count)))

    @precondition(lambda self: not is_over(self.simulation))
    @rule(data=st.data(), count=st.integers(1, 200), swappiness=st.sampled_from((-1, 0, 200)))
    def reclaim(self, data: st.DataObject, count: int, swappiness: int) -> None:
        """`memory.reclaim`."""
        memcg = data.draw(st.integers(0, len(self.setup.machine.all_memcgs) - 1))
        got = self.simulation.reclaim(memcg, count, swappiness)
        assert got >= 0
        check_status(self.simulation)

    @precondition(lambda self: is_over(self.simulation))
    @rule()
    def begin_again(self) -> None:
        self.simulation = simulation_of(self.setup, self.kind)

    @invariant()
    def all_holds(self) -> None:
        if hasattr(self, "simulation"):
            check_invariants(self.simulation)


class Single(Tree):
    """One task in one memcg on one node."""

    machines: ClassVar[Any] = single_setups()


class Ideal(Tree):
    """The ideal model."""

    machines: ClassVar[Any] = ideal_setups


class TreeInPython(Tree):
    kind: ClassVar[str] = "python"


class SingleInPython(Single):
    kind: ClassVar[str] = "python"


class TreeInterpreted(Tree):
    kind: ClassVar[str] = "interpreted"


CLASSES = (
    (Tree, 60, 12),
    (Single, 30, 12),
    (Ideal, 15, 8),
    (TreeInPython, 14, 6),
    (SingleInPython, 8, 6),
    (TreeInterpreted, 2, 2),
)
"""Examples and steps of each."""


@pytest.mark.parametrize(("machine", "examples", "steps"), CLASSES, ids=[c.__name__ for c, _, _ in CLASSES])
def test_the_invariants_hold(machine: type[Tree], examples: int, steps: int) -> None:
    chosen = settings(
        max_examples=EXAMPLES or examples,
        stateful_step_count=steps,
        derandomize=EXAMPLES == 0,
        deadline=None,
        print_blob=True,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=chosen)


# --- what they found --------------------------------------------------------------------------------------


def test_no_policy_is_blamed_for_a_node_that_was_not_asked() -> None:
    """A task that is bound to a node full of anonymous memory without swap: the files on the other node, and the policy
    they are with, are not to blame that nothing comes."""
    machine = Machine(
        120,
        nodes=(Node("n0", 60), Node("n1", 60)),
        memcgs=(Memcg("top"), Memcg("files", 0), Memcg("anon", 0)),
        tasks=(Task("reader", 1), Task("bound", 2, 1, bound=True)),
        swap=(),
    )
    setup = Setup(machine, ("fifo", "fifo", "builtin:lru"), ("fifo", "builtin:lru"))
    simulation = simulation_of(setup, "python")
    reads = Events(np.arange(40, dtype="u4"), np.full(40, core.E_FILE, "u1"), PAGES)
    writes = Events(np.arange(PAGES, PAGES + 70, dtype="u4"), np.full(70, core.E_WRITE, "u1"), 2 * PAGES)
    run_events(simulation, [reads, writes])
    assert simulation.status == core.STATUS_RUNNING
    assert simulation.counters()["oom_kill"] == 1
    assert simulation.table("memcgs")[2, core.OOM_KILLED] == 1
    assert simulation.resident == 40


@pytest.mark.parametrize("ideal", [False, True], ids=["kernel", "ideal"])
@pytest.mark.parametrize("name", ["s3fifo", "builtin:lru"])
def test_proactive_reclaim_of_empty_memory_is_nobodys_fault(name: str, ideal: bool) -> None:
    simulation = simulation_of(Setup(Machine(8, ideal), (name,), (name,)), "python")
    assert simulation.reclaim(0, 3) == 0
    assert simulation.status == core.STATUS_RUNNING
