"""Policies on traces at several sizes of memory.

In: names of policies and traces, and `RunSettings`. Out: a `Comparison`: a row for each policy, trace and size of
memory, in the order asked for whatever the number of jobs. Everything is checked before anything runs: policies are
verified, traces read to the end, sizes compared with the machine. A run that is cancelled gives the rows it has.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from runtime.host import HostMemoryError, available_memory, environment
from runtime.jit.module import layout_of
from runtime.machine import Machine
from runtime.map_sizes import AttachError
from runtime.memory_size import MemorySize
from runtime.opt import BYTES_PER_ACCESS
from runtime.program import OPT, Program, ProgramError, load_program
from runtime.regions import PAGE_TABLE_ENTRY_BYTES
from runtime.row import INTERRUPTED, Row
from runtime.run import run_opt, run_program
from runtime.run_settings import RunSettings, run_settings
from runtime.switches import Switch, load_switch, numbers_of
from runtime.workload import Cancelled, Workload, open_workloads

GIB = 1 << 30


class Listener:
    """Told how far a comparison is; from several threads. This one does nothing with it."""

    def loading(self, trace: str, accesses: int, total: int | None) -> None:
        """A trace is being read."""

    def planned(self, accesses: int) -> None:
        """All cells together will take this many accesses."""

    def progress(self, cell: str, accesses: int) -> None:
        """A cell has gone on by this many accesses."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One simulation to run. `program` None: the optimum."""

    program: Program | None
    workload: Workload
    size: MemorySize
    machine: Machine
    switches: tuple[Switch, ...] = ()
    sample_every: int = 0

    @property
    def name(self) -> str:
        policy = OPT if self.program is None else self.program.spec
        return f"{policy} on {self.workload.name} with {self.size.text}"

    def needs(self) -> int:
        """Bytes of memory the simulation takes, besides the trace. `AttachError` if the maps are too large."""
        if self.program is None:
            return self.workload.accesses * BYTES_PER_ACCESS
        programs = [self.program, *(switch.program for switch in self.switches)]
        attached = sorted(self._attached(program) for program in programs)
        # While policies change there are two layouts of the memory.
        return self.workload.pages * PAGE_TABLE_ENTRY_BYTES + sum(attached[-2:])

    def _attached(self, program: Program) -> int:
        """Bytes of folios, indices and maps with this policy."""
        nr_pages = self.machine.nr_pages
        try:
            kept = program.metadata(nr_pages)
        except AttachError as error:
            raise AttachError(f"{self.name}: {error}") from None
        return nr_pages * layout_of(program.policy).folio_bytes + kept.index + kept.maps

    def run(self, listener: Listener, cancelled: threading.Event) -> Row:
        def progress(accesses: int) -> None:
            listener.progress(self.name, accesses)

        if self.program is None:
            return run_opt(self.workload.future(), self.workload.events, self.machine, progress, cancelled)
        events, switches, every = self.workload.events, self.switches, self.sample_every
        return run_program(self.program, events, self.machine, progress, cancelled, switches, every)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rows there are; `accesses` and distinct `pages` of each trace, by its name."""

    rows: tuple[Row, ...]
    accesses: dict[str, int]
    pages: dict[str, int]
    environment: dict[str, Any]
    interrupted: bool


def compare(
    policies: str | Sequence[str],
    traces: str | Sequence[str],
    settings: RunSettings | None = None,
    listener: Listener | None = None,
    cancelled: threading.Event | None = None,
    **options: Any,
) -> Comparison:
    """Run every policy on every trace at every size of memory; `options` are fields of `RunSettings`, such as
    `memory="5%,10%"`, if `settings` is not given. What is named twice is run once."""
    policies, traces = (list(dict.fromkeys([x] if isinstance(x, str) else x)) for x in (policies, traces))
    chosen = settings or run_settings(options)
    told, stop = listener or Listener(), cancelled or threading.Event()
    programs = [None if spec == OPT else load_program(spec) for spec in policies]
    try:
        workloads = open_workloads(traces, chosen.limit, told.loading, stop)
    except Cancelled:
        return Comparison((), {}, {}, environment(), True)
    if chosen.switch and not any(programs):
        raise ProgramError(f"switch {chosen.switch[0]}: {OPT} is no policy: nothing can be attached in its place")
    cells = plan_cells(programs, workloads, chosen)
    check_room(cells, chosen.jobs)
    told.planned(sum(cell.workload.accesses for cell in cells))
    rows = [row for row in run_cells(cells, chosen.jobs, told, stop) if row is not None]
    interrupted = len(rows) < len(cells) or any(row.status == INTERRUPTED for row in rows)
    accesses, pages = {w.name: w.accesses for w in workloads}, {w.name: w.pages for w in workloads}
    return Comparison(tuple(rows), accesses, pages, environment(), interrupted)


def plan_cells(programs: Sequence[Program | None], workloads: Sequence[Workload], settings: RunSettings) -> list[Cell]:
    """The cells in the order of the result: by trace, then policy, then memory."""
    cells, switches = [], tuple(load_switch(text) for text in settings.switch)
    for workload in workloads:
        sized = [(size, size.pages(workload.pages, workload.page_size)) for size in settings.memory]
        machines = [(size, settings.machine(pages)) for size, pages in sized]
        numbers_of(switches, machines[0][1])  # says what is wrong with them before anything runs
        every = settings.sampling(workload.accesses)
        cells += [Cell(program, workload, *machine, switches, every) for program in programs for machine in machines]
    return cells


def check_room(cells: Sequence[Cell], jobs: int) -> None:
    """`HostMemoryError` if the cells that may run together do not fit into this machine's memory."""
    available = available_memory()
    needs = sorted(((cell.needs(), cell) for cell in cells), key=lambda pair: -pair[0])
    if needs and needs[0][0] > available:
        most, cell = needs[0]
        raise HostMemoryError(
            f"memory `{cell.size.text}` is {cell.machine.nr_pages:,} pages: {cell.name} would take"
            f" {most / GIB:,.1f} GiB to simulate, and this machine has {available / GIB:,.1f} GiB available"
        )
    together = sum(need for need, _ in needs[:jobs])
    if together > available:
        raise HostMemoryError(
            f"{jobs} jobs would take {together / GIB:,.1f} GiB at a time, and this machine has"
            f" {available / GIB:,.1f} GiB available: use fewer jobs"
        )


def _next(ended: queue.SimpleQueue[BaseException | None]) -> BaseException | None:
    """The next thread's end. Waits in short turns: a signal that arrives just before a wait is handled only after it,
    and Ctrl-C must not be lost in a long one."""
    while True:
        try:
            return ended.get(timeout=0.1)
        except queue.Empty:
            continue


Result = TypeVar("Result", covariant=True)


class Runnable(Protocol[Result]):
    """One simulation to run."""

    def run(self, listener: Listener, cancelled: threading.Event) -> Result: ...


def run_cells(
    cells: Sequence[Runnable[Result]], jobs: int, listener: Listener, cancelled: threading.Event
) -> list[Result | None]:
    """Run the cells in `jobs` threads (native code releases the interpreter lock); None for those never begun. If one
    fails the others are cancelled and its exception is raised."""
    rows: list[Result | None] = [None] * len(cells)
    waiting = deque(enumerate(cells))
    ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    def work() -> None:
        try:
            while not cancelled.is_set():
                try:
                    number, cell = waiting.popleft()
                except IndexError:
                    break
                rows[number] = cell.run(listener, cancelled)
            ended.put(None)
        except BaseException as failure:
            cancelled.set()
            ended.put(failure)

    threads = [threading.Thread(target=work, name=f"job {n}", daemon=True) for n in range(min(jobs, len(cells)))]
    for thread in threads:
        thread.start()
    failures = [failure for _ in threads if (failure := _next(ended)) is not None]
    if failures:
        raise failures[0]
    return rows
