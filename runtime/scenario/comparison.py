"""Policies on one scenario, at several sizes of its first node if asked for.

In: names of policies, a scenario file, settings. Out: a `ScenarioComparison`: a row for each policy and size, in the
order asked for whatever the number of jobs. As for traces, everything is checked before anything runs: the file,
policies, and all traces to their ends.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runtime.comparison import GIB, Listener, run_cells
from runtime.host import HostMemoryError, available_memory, environment
from runtime.map_sizes import AttachError, MapPlace, words_of
from runtime.memory_size import MemorySize
from runtime.metadata import BAG_BYTES, HEAP_BYTES
from runtime.program import OPT, Program, ProgramError, load_program, split_spec
from runtime.regions import PAGE_TABLE_ENTRY_BYTES, Lineup, map_places
from runtime.scenario.file import ScenarioError, load_scenario
from runtime.scenario.model import Scenario
from runtime.scenario.names import UnknownName, numbered
from runtime.scenario.plan import Measured, Plan, plan
from runtime.scenario.row import INTERRUPTED, ScenarioRow
from runtime.scenario.run import run_scenario
from runtime.switches import Switch, load_switch, numbers_of
from runtime.traces.errors import TraceError
from runtime.traces.opening import open_trace
from runtime.traces.trace import Trace
from runtime.workload import Cancelled, Loading


@dataclass(frozen=True, slots=True)
class ScenarioCell:
    """One simulation to run."""

    program: Program
    programs: tuple[Program, ...]
    plan: Plan
    switches: tuple[Switch, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.program.spec} on {self.plan.name}"

    def needs(self) -> int:
        """Bytes of memory it takes. `AttachError` if the maps of a policy are too large for its memcg."""
        machine = self.plan.machine
        lineup = Lineup(tuple(program.attachment for program in self.programs))
        layout, maps = lineup.layouts[0], self._maps(lineup)
        words_of(maps)
        indexes = machine.nr_lruvecs * (layout.nr_bags * BAG_BYTES + layout.nr_heaps * HEAP_BYTES)
        of_pages = machine.nr_pages * (layout.folio_bytes + indexes)
        return self.plan.pages * PAGE_TABLE_ENTRY_BYTES + of_pages + sum(place.bytes for place in maps)

    def _maps(self, lineup: Lineup) -> list[MapPlace]:
        """Those of all lruvecs."""
        machine, maps = self.plan.machine, []
        for number, attachment in enumerate(lineup.of_memcg):
            try:
                places = map_places(attachment.policy, attachment.values(), machine.memcg_pages(number))
            except AttachError as error:
                raise AttachError(f"{self.name}: memcg {self.plan.paths[number]}: {error}") from None
            maps += places * len(machine.all_nodes)
        return maps

    def run(self, listener: Listener, cancelled: threading.Event) -> ScenarioRow:
        def progress(accesses: int) -> None:
            listener.progress(self.name, accesses)

        return run_scenario(self.plan, self.program, self.programs, progress, cancelled, self.switches)


@dataclass(frozen=True, slots=True)
class ScenarioComparison:
    """The rows there are. `accesses` and distinct `pages`: of all tasks together."""

    scenario: str
    description: str
    rows: tuple[ScenarioRow, ...]
    accesses: int
    pages: int
    environment: dict[str, Any]
    interrupted: bool


@dataclass(frozen=True, slots=True)
class ScenarioSettings:
    """What the command line may add to a scenario. `memory`: sizes of the first node, none for the file's own; `limit`:
    of the accesses of each task's trace; `effort`: as in `Machine`, None for its default."""

    memory: tuple[MemorySize, ...] = ()
    limit: int | None = None
    jobs: int = 1
    effort: int | None = None
    switch: tuple[str, ...] = ()


def compare_scenario(
    policies: str | Sequence[str],
    path: str,
    settings: ScenarioSettings | None = None,
    listener: Listener | None = None,
    cancelled: threading.Event | None = None,
) -> ScenarioComparison:
    """Run every policy on the scenario in the file `path`."""
    chosen, told, stop = settings or ScenarioSettings(), listener or Listener(), cancelled or threading.Event()
    specs = list(dict.fromkeys([policies] if isinstance(policies, str) else policies))
    if OPT in specs:
        raise ProgramError(f"`{OPT}` is the optimum for one trace and one memory: there is none for a scenario")
    scenario = load_scenario(path)
    programs = [_load(spec, spec, scenario) for spec in specs]
    own = _own_policies(path, scenario)
    try:
        traces = measure(path, scenario, chosen.limit, told.loading, stop)
    except Cancelled:
        return ScenarioComparison(path, scenario.description, (), 0, 0, environment(), True)
    plans = [_with_effort(plan(path, scenario, traces, size), chosen) for size in chosen.memory or (None,)]
    switches = tuple(load_switch(text, lambda spec: _load(spec, spec, scenario)) for text in chosen.switch)
    cells = [
        ScenarioCell(program, tuple(own[spec] if spec else program for spec in each.policies), each, switches)
        for each in plans
        for program in programs
    ]
    numbers_of(switches, plans[0].machine)  # says what is wrong with them before anything runs
    _check_room(cells, chosen.jobs)
    told.planned(sum(cell.plan.accesses for cell in cells))
    rows = [row for row in run_cells(cells, chosen.jobs, told, stop) if row is not None]
    interrupted = len(rows) < len(cells) or any(row.status == INTERRUPTED for row in rows)
    accesses, pages = plans[0].accesses, plans[0].pages
    return ScenarioComparison(path, scenario.description, tuple(rows), accesses, pages, environment(), interrupted)


def _load(spec: str, file: str, scenario: Scenario) -> Program:
    """The policy that `spec` names, which is in `file`, where names of tasks and memcgs stand for their numbers."""
    try:
        return replace(load_program(numbered(file, scenario)), spec=spec)
    except UnknownName as error:
        raise ProgramError(f"{spec}: {error}") from None


def _with_effort(planned: Plan, settings: ScenarioSettings) -> Plan:
    if settings.effort is None:
        return planned
    return replace(planned, machine=replace(planned.machine, effort=settings.effort))


def beside(path: str, name: str) -> str:
    """The file that a scenario file means by a relative name: one beside it, if there is one."""
    file = Path(path).parent / name
    return str(file) if file.is_file() else name


def _own_policies(path: str, scenario: Scenario) -> dict[str, Program]:
    """The policies that memcgs name, by these names. Raises `ScenarioError`, or `Rejected`."""
    found: dict[str, Program] = {}
    for memcg in scenario.memcg:
        if memcg.policy is None or memcg.policy in found:
            continue
        where = f"{path}: [[memcg]] `{memcg.name}`: field `policy`: "
        if split_spec(memcg.policy)[0] == OPT:
            raise ScenarioError(f"{where}`{OPT}` cannot be attached to a memcg: it is the optimum for a whole trace")
        try:
            beside_it = _policy_beside(path, memcg.policy)
            found[memcg.policy] = _load(beside_it, beside_it, scenario)
        except ProgramError as error:
            raise ScenarioError(f"{where}{error}") from None
    return found


def _policy_beside(path: str, spec: str) -> str:
    name, settings = split_spec(spec)
    return ":".join([beside(path, name), *([",".join(settings)] if settings else [])])


def measure(
    path: str, scenario: Scenario, limit: int | None, loading: Loading, cancelled: threading.Event
) -> list[Measured]:
    """The traces of all tasks, each read once to its end. Raises `ScenarioError`, or `Cancelled`."""
    found: dict[tuple[str, int | None], Measured] = {}
    result = []
    for task in scenario.task:
        limits = [each for each in (task.limit, limit) if each is not None]
        most = min(limits, default=None)
        if (task.trace, most) not in found:
            try:
                trace = open_trace(beside(path, task.trace))
                found[task.trace, most] = _read(trace if most is None else trace.first(most), loading, cancelled)
            except TraceError as error:
                raise ScenarioError(f"{path}: [[task]] `{task.name}`: field `trace`: {error}") from None
        result.append(found[task.trace, most])
    return result


def _read(trace: Trace, loading: Loading, cancelled: threading.Event) -> Measured:
    accesses = pages = 0
    for chunk in trace.chunks():
        if cancelled.is_set():
            raise Cancelled
        accesses += chunk.accesses
        pages = chunk.nr_pages
        loading(trace.info.name, accesses, trace.info.accesses)
    return Measured(trace, accesses, pages)


def _check_room(cells: Sequence[ScenarioCell], jobs: int) -> None:
    """`HostMemoryError` if the cells that may run together do not fit into this machine's memory."""
    available = available_memory()
    needs = sorted((cell.needs() for cell in cells), reverse=True)
    together = sum(needs[:jobs])
    if together > available:
        raise HostMemoryError(
            f"{cells[0].plan.name}: {min(jobs, len(needs))} of its simulations at a time would take"
            f" {together / GIB:,.1f} GiB, and this machine has {available / GIB:,.1f} GiB available"
        )
