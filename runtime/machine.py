"""What policies run on: memory, nodes, memcgs, devices and tasks.

In: plain numbers, pages and nanoseconds. Out: a `Machine`, checked. The default is a task alone in one memcg on one
node, with its limit as all the memory there is, a file device, and swap on zram without end.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dsl import abi
from runtime.core.layout import MAX_NODES, MAX_SWAP_DEVICES
from runtime.costs import NVME, ZRAM, Costs, Device

UNLIMITED = 1 << 40
"""Pages of a limit that is none."""
EFFORT_AT_LEAST = 4096
"""Folios that a policy may look at in one reclaim, however few are resident."""
TICK_NS = 100_000_000
"""Nanoseconds from one call of the hook `tick` to the next."""
KERNELS = (618, 612, 601)
"""Kernels that the core and the built-in policies know: 6.18, 6.12, 6.1."""


@dataclass(frozen=True, slots=True)
class Node:
    """Memory of one kind. `watermarks` are free pages (min, low, high): at min a task reclaims itself, at low kswapd
    does, up to high. `demotes_to`: the number of the node that takes what this one reclaims; -1: none. `access_ns`:
    what an access takes longer than on the fastest node."""

    name: str
    nr_pages: int
    watermarks: tuple[int, int, int] = (0, 0, 0)
    demotes_to: int = -1
    access_ns: int = 0


@dataclass(frozen=True, slots=True)
class Memcg:
    """A memory cgroup. `parent` is the number of an earlier one, -1 for the first; memcgs stand in preorder. Limits and
    protection are pages."""

    name: str
    parent: int = -1
    max: int = UNLIMITED
    high: int = UNLIMITED
    low: int = 0
    min: int = 0
    swap_max: int = UNLIMITED
    swappiness: int = 60


@dataclass(frozen=True, slots=True)
class SwapDevice:
    """A swap device of so many slots."""

    device: Device
    nr_pages: int = UNLIMITED


@dataclass(frozen=True, slots=True)
class Task:
    """A task: the memcg it is charged to, the node it prefers, what it does between accesses and when it begins, in
    nanoseconds. `bound`: its pages come from no other node."""

    name: str
    memcg: int = 0
    node: int = 0
    think_ns: int = 0
    start_ns: int = 0
    bound: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """What policies run on: `nr_pages` of memory, the model, and the settings of reclaim.

    `watermarks` are those of the one node there is if `nodes` are not given. `scan_batch`: folios one call of
    `evict_folios` may look at (ideal model; the kernel's rounds have 32). `vma_pages`: 1 if each page is a mapping of
    its own. `seed`: what the random numbers of policies begin with. `tick_ns`: time from one call of the hook `tick` to
    the next. `min_ttl_ns`: for how long MGLRU protects a working set. `recursive_protection`: what a memcg is protected
    by and leaves unclaimed protects those below it. `effort`: how many times the resident folios a policy may look at
    in one reclaim, `EFFORT_AT_LEAST` besides, before it is ejected for want of progress.
    """

    nr_pages: int
    ideal: bool = False
    swappiness: int = 60
    watermarks: tuple[int, int, int] = (0, 0, 0)
    scan_batch: int = 32
    seed: int = 0
    kernel: int = KERNELS[0]
    vma_pages: int = 0
    tick_ns: int = TICK_NS
    min_ttl_ns: int = 0
    recursive_protection: bool = True
    effort: int = 8
    nodes: tuple[Node, ...] = ()
    memcgs: tuple[Memcg, ...] = ()
    tasks: tuple[Task, ...] = ()
    files: Device = NVME
    swap: tuple[SwapDevice, ...] = (SwapDevice(ZRAM),)
    costs: Costs = field(default_factory=Costs)

    def __post_init__(self) -> None:
        self._check_numbers()
        self._check_tree()

    def _check_numbers(self) -> None:
        low, high = 1, abi.MAX_MEMORY_PAGES
        if not low <= self.nr_pages <= high:
            raise ValueError(f"memory of {self.nr_pages:,} pages is out of range {low}..={high}")
        if not 1 <= self.scan_batch <= abi.MAX_SCAN:
            raise ValueError(f"a scan batch of {self.scan_batch:,} is out of range 1..={abi.MAX_SCAN}")
        if not 0 <= self.seed < 1 << 63:
            raise ValueError(f"a seed of {self.seed:,} is out of range 0..=2^63 - 1")
        if not 0 <= self.swappiness <= 200:
            raise ValueError(f"swappiness {self.swappiness} is out of range 0..=200")
        if not 1 <= self.effort <= 1 << 20:
            raise ValueError(f"an effort of {self.effort:,} is out of range 1..={1 << 20:,}")
        if self.tick_ns < 1:
            raise ValueError(f"a tick of {self.tick_ns} ns is no time")
        if len(self.tasks) > abi.MAX_TASKS:
            raise ValueError(f"{len(self.tasks):,} tasks: the most is {abi.MAX_TASKS:,}")
        if self.kernel not in KERNELS:
            raise ValueError(f"kernel {self.kernel} is none of {', '.join(map(str, KERNELS))}")
        for node in self.all_nodes:
            least, less, more = node.watermarks
            if not 0 <= least <= less <= more < node.nr_pages:
                raise ValueError(
                    f"watermarks {node.watermarks} are not 0 <= min <= low <= high < {node.nr_pages:,} pages"
                )
        if len(self.swap) > MAX_SWAP_DEVICES:
            raise ValueError(f"{len(self.swap)} swap devices: the most is {MAX_SWAP_DEVICES}")
        if len(self.nodes) > MAX_NODES:
            raise ValueError(f"{len(self.nodes)} nodes: the most is {MAX_NODES}")

    def _check_tree(self) -> None:
        path: list[int] = []
        for number, memcg in enumerate(self.all_memcgs):
            while path and path[-1] != memcg.parent:
                path.pop()
            if (number == 0) != (memcg.parent == -1) or (number > 0 and not path):
                raise ValueError(f"memcg `{memcg.name}`: memcgs do not stand in preorder")
            path.append(number)
        for task in self.all_tasks:
            if not (0 <= task.memcg < len(self.all_memcgs) and 0 <= task.node < len(self.all_nodes)):
                raise ValueError(f"task `{task.name}`: no such memcg or node")
        for node in self.nodes:
            if not -1 <= node.demotes_to < len(self.nodes):
                raise ValueError(f"node `{node.name}`: no such node to demote to")
        for number, node in enumerate(self.nodes):
            chain, at = {number}, node.demotes_to
            while at >= 0:
                if at in chain:
                    raise ValueError(f"node `{node.name}`: demotion leads back to it")
                chain, at = chain | {at}, self.nodes[at].demotes_to

    @property
    def all_nodes(self) -> tuple[Node, ...]:
        return self.nodes or (Node("node0", self.nr_pages, self.watermarks),)

    @property
    def all_memcgs(self) -> tuple[Memcg, ...]:
        return self.memcgs or (Memcg("root", max=self.nr_pages, swappiness=self.swappiness),)

    @property
    def all_tasks(self) -> tuple[Task, ...]:
        return self.tasks or (Task("task"),)

    @property
    def single(self) -> bool:
        """One memcg with nothing but a limit, one node, one task."""
        return not self.memcgs and not self.nodes and not self.tasks

    @property
    def nr_lruvecs(self) -> int:
        return len(self.all_memcgs) * len(self.all_nodes)

    def memcg_pages(self, memcg: int) -> int:
        """What a memcg can use at most: its limit, those above it, and all memory."""
        limit, at = self.nr_pages, memcg
        while at >= 0:
            limit, at = min(limit, self.all_memcgs[at].max), self.all_memcgs[at].parent
        return max(limit, 1)
