"""Random machines and what tasks do on them, for the tests of the invariants.

In: what `hypothesis` draws. Out: `Setup`s, machines with a policy for each memcg; and `Burst`s, a stretch of events for
each task. A few sets of policies serve all machines, so that little is compiled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from runtime.core import layout as core
from runtime.costs import DISK, NVME, ZRAM, Device
from runtime.machine import UNLIMITED, Machine, Memcg, Node, SwapDevice, Task
from tests.runtime.policies import Events

LINEUPS = (
    ("builtin:lru",),
    ("builtin:mglru",),
    ("builtin:lru", "builtin:mglru", "s3fifo"),
    ("fifo", "clock", "strict_lru", "sieve"),
    ("tiering", "cold_reclaim:cold_ms=1", "admission:bulk_task=0", "protect_mapped"),
)
"""Policies that are compiled together. The first memcgs have one each, in this order; the others any of them."""
PAGES = 150
"""Pages of a task."""
QUICK_FILES = Device("quick", 1_000, 1_000, 4)
SLOW_SWAP = Device("slow", 50_000, 400_000, 1)

FLAGS = (
    core.E_FILE | core.E_SYSCALL,
    core.E_FILE | core.E_SYSCALL | core.E_WRITE,
    core.E_FILE,
    core.E_FILE | core.E_WRITE,
    core.E_FILE | core.E_EXECUTE,
    0,
    core.E_WRITE,
)
"""Kinds of access; whether a page is a file's or anonymous is the page's own."""
PATTERNS = ("zipf", "loop", "once", "again")


@dataclass(frozen=True)
class Setup:
    """A machine and the policy of each memcg."""

    machine: Machine
    policies: tuple[str, ...]
    lineup: tuple[str, ...]

    @property
    def addressed(self) -> bool:
        return "builtin:mglru" in self.lineup


@dataclass(frozen=True)
class Burst:
    """What one task does: `count` accesses in a pattern over `span` of its pages from `first` on, one in `free` events
    frees a page (0: none)."""

    pattern: str
    first: int
    span: int
    count: int
    flags: int
    free: int
    seed: int

    def events(self, task: int) -> Events:
        """The events, over the pages of a task."""
        chance = np.random.default_rng(self.seed)
        steps = np.arange(self.count)
        offsets = {
            "zipf": lambda: chance.zipf(1.3, self.count),
            "loop": lambda: steps,
            "once": lambda: steps * 7,
            "again": lambda: steps // 3,
        }[self.pattern]()
        page = (self.first + offsets % self.span) % PAGES
        # Every third page is anonymous, and mapped; a file's page is accessed as the burst says.
        anon = page % 3 == 0
        flags = np.where(anon, FLAGS[self.flags] & core.E_WRITE, FLAGS[self.flags] | core.E_FILE)
        freed = (chance.integers(0, self.free, self.count) == 0) if self.free else np.zeros(self.count, bool)
        flags = np.where(freed, core.E_FREE, flags)
        return Events((task * PAGES + page).astype("u4"), flags.astype("u1"), (task + 1) * PAGES)


bursts = st.builds(
    Burst,
    st.sampled_from(PATTERNS),
    st.integers(0, PAGES - 1),
    st.integers(1, PAGES),
    st.integers(1, 220),
    st.integers(0, len(FLAGS) - 1),
    st.sampled_from((0, 0, 9, 40)),
    st.integers(0, 3),
)


@st.composite
def nodes(draw: st.DrawFn) -> tuple[Node, ...]:
    count = draw(st.integers(1, 3))
    result = []
    for number in range(count):
        pages = draw(st.integers(40, 160))
        marks = sorted(draw(st.lists(st.integers(0, pages // 3), min_size=3, max_size=3)))
        demotes = number + 1 if number + 1 < count and draw(st.booleans()) else -1
        result.append(Node(f"n{number}", pages, (marks[0], marks[1], marks[2]), demotes, 50 * number))
    return tuple(result)


@st.composite
def memcgs(draw: st.DrawFn, least: int) -> tuple[Memcg, ...]:
    """A tree in preorder."""
    pages = st.one_of(st.just(UNLIMITED), st.integers(20, 160))
    claim = st.one_of(st.just(0), st.integers(1, 70))
    result = [Memcg("m0", swappiness=draw(st.sampled_from((0, 60, 200))))]
    path = [0]
    for number in range(1, draw(st.integers(least, 6))):
        parent = draw(st.sampled_from(path))
        while path[-1] != parent:
            path.pop()
        path.append(number)
        result.append(
            Memcg(
                f"m{number}",
                parent,
                max=draw(pages),
                high=draw(pages),
                low=draw(claim),
                min=draw(claim),
                swap_max=draw(st.one_of(st.just(UNLIMITED), st.integers(0, 60))),
                swappiness=draw(st.sampled_from((0, 1, 60, 100, 200))),
            )
        )
    return tuple(result)


slots = st.one_of(st.just(UNLIMITED), st.integers(1, 90))
swaps = st.lists(st.builds(SwapDevice, st.sampled_from((ZRAM, NVME, DISK, SLOW_SWAP)), slots), max_size=3).map(tuple)


@st.composite
def setups(draw: st.DrawFn) -> Setup:
    """Several memcgs, nodes and tasks."""
    lineup = draw(st.sampled_from(LINEUPS))
    tree = draw(memcgs(len(lineup)))
    of_node = draw(nodes())
    tasks = tuple(
        Task(
            f"t{number}",
            draw(st.integers(0, len(tree) - 1)),
            draw(st.integers(0, len(of_node) - 1)),
            draw(st.sampled_from((0, 1_000, 1_000_000))),
            draw(st.sampled_from((0, 5_000))),
            draw(st.booleans()),
        )
        for number in range(draw(st.integers(1, 4)))
    )
    machine = Machine(
        sum(node.nr_pages for node in of_node),
        kernel=draw(st.sampled_from((618, 612, 601))),
        tick_ns=draw(st.sampled_from((100_000_000, 300_000))),
        vma_pages=draw(st.integers(0, 1)),
        recursive_protection=draw(st.booleans()),
        min_ttl_ns=draw(st.sampled_from((0, 1_000_000))),
        nodes=of_node,
        memcgs=tree,
        tasks=tasks,
        files=draw(st.sampled_from((NVME, QUICK_FILES, DISK))),
        swap=draw(swaps),
    )
    rest = [draw(st.sampled_from(lineup)) for _ in range(len(tree) - len(lineup))]
    return Setup(machine, (*lineup, *rest), lineup)


@st.composite
def single_setups(draw: st.DrawFn) -> Setup:
    """One task in one memcg on one node, as most runs are."""
    lineup = draw(st.sampled_from((("builtin:lru",), ("builtin:mglru",))))
    pages = draw(st.integers(34, 140))
    marks = sorted(draw(st.lists(st.integers(0, pages // 3), min_size=3, max_size=3)))
    machine = Machine(
        pages,
        kernel=draw(st.sampled_from((618, 612, 601))),
        swappiness=draw(st.sampled_from((0, 1, 60, 200))),
        watermarks=(marks[0], marks[1], marks[2]),
        vma_pages=draw(st.integers(0, 1)),
        files=draw(st.sampled_from((NVME, QUICK_FILES, DISK))),
        swap=draw(swaps),
    )
    return Setup(machine, lineup, lineup)


ideal_setups = st.builds(
    lambda name, pages, batch: Setup(Machine(pages, True, scan_batch=batch), (name,), (name,)),
    st.sampled_from(("builtin:lru", "s3fifo", "sieve")),
    st.integers(1, 140),
    st.integers(1, 64),
)
"""The ideal model: exact capacity."""
