"""From a scenario to a machine: amounts in pages, names as numbers.

In: a `Scenario` whose names are checked, its traces measured, and the memory of its first node if the user gives
another. Out: a `Plan`: the `Machine`, the tasks' traces, what is reclaimed proactively and when, and which memcg has a
policy of its own. `ScenarioError` if the amounts do not go together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from runtime.costs import DEVICES, Costs, Device
from runtime.machine import KERNELS, UNLIMITED, Machine, Memcg, Node, SwapDevice, Task
from runtime.memory_size import PAGE_SIZE, MemorySize, MemorySizeError
from runtime.scenario.fields import Amount
from runtime.scenario.file import ScenarioError
from runtime.scenario.model import ROOT, DeviceTable, MemcgTable, NodeTable, Scenario
from runtime.scenario.names import memcg_paths, parent_of
from runtime.traces.trace import Trace

KIB_OF_PAGE = PAGE_SIZE >> 10
LEAST_MIN_FREE, MOST_MIN_FREE = 128, 262_144
"""KiB (`calculate_min_free_kbytes`)."""
WATERMARK_SCALE_FACTOR = 10
"""Parts of 10,000 of a node between two watermarks (`vm.watermark_scale_factor`)."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A trace of the scenario: its accesses and distinct pages were counted. `page_size` is 0 if it has none."""

    trace: Trace
    accesses: int
    pages: int

    @property
    def page_size(self) -> int:
        return self.trace.info.page_size


@dataclass(frozen=True, slots=True)
class Request:
    """Proactive reclaim: `pages` of a memcg at `first`, and every `every` nanoseconds until `until`."""

    memcg: int
    pages: int
    every: int
    first: int
    until: int | None
    swappiness: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A scenario ready to run. `paths` and `policies` are by memcg, `traces` and `repeats` by task; `policies[m]` is
    None where the policy being run is attached."""

    name: str
    machine: Machine
    paths: tuple[str, ...]
    policies: tuple[str | None, ...]
    traces: tuple[Measured, ...]
    repeats: tuple[int, ...]
    requests: tuple[Request, ...]
    sample_every: int | None

    @property
    def accesses(self) -> int:
        """Of all tasks together."""
        return sum(m.accesses * repeat for m, repeat in zip(self.traces, self.repeats, strict=True))

    @property
    def pages(self) -> int:
        """The distinct pages of all tasks together."""
        return sum(measured.pages for measured in self.traces)


def plan(path: str, scenario: Scenario, traces: Sequence[Measured], memory: MemorySize | None = None) -> Plan:
    """The plan of the scenario in the file `path`; `memory` replaces that of the first node."""
    try:
        return _Planner(scenario, traces).plan(path, memory)
    except (MemorySizeError, ValueError) as error:
        raise ScenarioError(f"{path}: {error}") from None


class _Planner:
    """Works out amounts and numbers."""

    def __init__(self, scenario: Scenario, traces: Sequence[Measured]) -> None:
        self._scenario, self._traces = scenario, tuple(traces)
        self._distinct = sum(measured.pages for measured in traces)
        sizes = {measured.page_size for measured in traces}
        self._page_size = sizes.pop() if len(sizes) == 1 else PAGE_SIZE
        self._paths = memcg_paths(scenario)
        self._nodes = [node.name for node in scenario.node]

    def plan(self, path: str, memory: MemorySize | None) -> Plan:
        of_path = {memcg.name: memcg for memcg in self._scenario.memcg}
        policies = [of_path[p].policy if p in of_path else None for p in self._paths]
        return Plan(
            name=path,
            machine=self._machine(memory),
            paths=tuple(self._paths),
            policies=tuple(policies),
            traces=self._traces,
            repeats=tuple(task.repeat for task in self._scenario.task),
            requests=tuple(self._requests()),
            sample_every=self._scenario.sample_every,
        )

    def _pages(self, amount: Amount, place: str, share_of: int | None = None) -> int:
        """In pages, a share being one of all distinct pages or of `share_of`; `place` is where the amount stands."""
        try:
            return amount.pages(self._distinct if share_of is None else share_of, self._page_size)
        except MemorySizeError as error:
            raise ValueError(f"{place}: {str(error).removeprefix('memory ')}") from None

    def _machine(self, memory: MemorySize | None) -> Machine:
        scenario, nodes = self._scenario, self._node_list(memory)
        return Machine(
            nr_pages=sum(node.nr_pages for node in nodes),
            swappiness=scenario.swappiness,
            kernel=KERNELS[("6.18", "6.12", "6.1").index(scenario.kernel)],
            vma_pages=scenario.vma_pages,
            tick_ns=scenario.tick,
            min_ttl_ns=scenario.min_ttl,
            seed=scenario.seed,
            recursive_protection=scenario.recursive_protection,
            nodes=nodes,
            memcgs=tuple(self._memcgs()),
            tasks=tuple(self._tasks()),
            files=device(scenario.files),
            swap=tuple(
                SwapDevice(device(table), self._pages(table.size, f"[[swap]] number {number}: field `size`"))
                for number, table in sorted(enumerate(scenario.swap, 1), key=lambda pair: -pair[1].priority)
            ),
            costs=self._costs(),
        )

    def _costs(self) -> Costs:
        try:
            return Costs(**dict(self._scenario.costs))
        except ValueError as error:
            raise ValueError(f"[costs]: {error}") from None

    def _node_list(self, memory: MemorySize | None) -> tuple[Node, ...]:
        pages = [
            self._pages(node.memory, f"[[node]] `{node.name}`: field `memory`")
            for node in self._scenario.node[0 if memory is None else 1 :]
        ]
        if memory is not None:
            pages.insert(0, memory.pages(self._distinct, self._page_size))
        automatic = kernel_watermarks(pages)
        for table, have, (_, _, high) in zip(self._scenario.node, pages, automatic, strict=True):
            if table.watermarks is None and high >= have:
                raise ValueError(
                    f"[[node]] `{table.name}`: field `memory`: {have:,} pages are too few for the kernel's watermarks,"
                    f" of which the highest would be {high:,}; give it more memory, or set `watermarks`"
                )
        return tuple(
            Node(
                table.name,
                pages[number],
                self._watermarks(table, pages[number]) or automatic[number],
                -1 if table.demotes_to is None else self._nodes.index(table.demotes_to),
                table.access,
            )
            for number, table in enumerate(self._scenario.node)
        )

    def _watermarks(self, node: NodeTable, nr_pages: int) -> tuple[int, int, int] | None:
        if node.watermarks is None:
            return None
        place = f"[[node]] `{node.name}`: field `watermarks`"
        low, middle, high = (self._pages(amount, place, nr_pages) for amount in node.watermarks)
        if not low <= middle <= high < nr_pages:
            raise ValueError(
                f"{place}: {low}, {middle} and {high} pages do not rise, or are not less than the node's {nr_pages:,}"
            )
        return low, middle, high

    def _memcgs(self) -> list[Memcg]:
        of_path = {memcg.name: memcg for memcg in self._scenario.memcg}
        return [self._memcg(path, of_path.get(path)) for path in self._paths]

    def _memcg(self, path: str, table: MemcgTable | None) -> Memcg:
        parent = -1 if path == ROOT else self._paths.index(parent_of(path))
        plain = Memcg(path, parent, swappiness=self._scenario.swappiness)
        if table is None:
            return plain
        limits: dict[str, Any] = {
            field: self._pages(getattr(table, field), f"[[memcg]] `{path}`: field `{field}`")
            for field in ("max", "high", "low", "min", "swap_max")
        }
        return replace(
            plain,
            **limits,
            swappiness=self._scenario.swappiness if table.swappiness is None else table.swappiness,
        )

    def _tasks(self) -> list[Task]:
        return [
            Task(
                table.name,
                self._paths.index(table.memcg),
                0 if table.node is None else self._nodes.index(table.node),
                table.think,
                table.start,
                table.bind,
            )
            for table in self._scenario.task
        ]

    def _requests(self) -> list[Request]:
        return [
            Request(
                self._paths.index(table.memcg),
                min(self._pages(table.amount, f"[[proactive]] number {number}: field `amount`"), UNLIMITED),
                table.every,
                table.from_,
                table.until,
                -1 if table.swappiness is None else table.swappiness,
            )
            for number, table in enumerate(self._scenario.proactive, 1)
        ]


def device(table: DeviceTable) -> Device:
    """The device of a table: a known kind, changed where the table says so."""
    base = DEVICES[table.kind] if table.kind is not None else Device("custom", 0, 0)
    return replace(
        base,
        read_ns=base.read_ns if table.read is None else table.read,
        write_ns=base.write_ns if table.write is None else table.write,
        queues=base.queues if table.queues is None else table.queues,
    )


def kernel_watermarks(pages: Sequence[int]) -> list[tuple[int, int, int]]:
    """The watermarks of nodes with so many pages as the kernel sets them (`calculate_min_free_kbytes`,
    `__setup_per_zone_wmarks`)."""
    total = sum(pages)
    free = math.isqrt(total * KIB_OF_PAGE * 16)
    min_pages = min(max(free, LEAST_MIN_FREE), MOST_MIN_FREE) // KIB_OF_PAGE
    marks = []
    for have in pages:
        least = min_pages * have // total
        distance = max(least >> 2, have * WATERMARK_SCALE_FACTOR // 10_000)
        marks.append((least, least + distance, least + 2 * distance))
    return marks
