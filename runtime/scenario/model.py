"""A scenario: a machine with nodes, memcgs, devices and tasks, as a TOML file describes it.

In: the text of a file. Out: `Scenario`, every field of its type and within its range, every name defined; or a
`ScenarioError` that names the file, the table, the field and what is allowed there. Nothing is opened or measured here:
`runtime/scenario/plan.py` makes a machine of it. `docs/scenarios.md` is made from the descriptions of the fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from runtime.core.layout import MAX_NODES, MAX_SWAP_DEVICES
from runtime.cost_sources import SOURCES
from runtime.costs import Costs
from runtime.machine import TICK_NS
from runtime.scenario.fields import (
    Amount,
    Count,
    Duration,
    Kernel,
    Limit,
    LimitOrNothing,
    Size,
    Swappiness,
    Watermarks,
)

ROOT = "/"
"""The name of the memcg at the top."""
NO_LIMIT = Amount(None)
NOTHING = Amount(None, True)


class Table(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, use_attribute_docstrings=True)


class NodeTable(Table):
    """Memory of one kind. Tasks that prefer a node get pages of the others when it has none left."""

    name: str = Field(min_length=1)
    """What other tables call it."""
    memory: Size
    """How much memory it has."""
    watermarks: Watermarks = None
    """Free memory at the watermarks min, low and high: below low kswapd reclaims, up to high; below min a task reclaims
    itself. A share is one of the node. `"auto"`: by the kernel's formula."""
    demotes_to: str | None = Field(default=None, min_length=1)
    """The slower node that takes what reclaim would evict here."""
    access: Duration = 0
    """What an access takes longer than on the fastest node."""


class MemcgTable(Table):
    """A memory cgroup. Its name is a path: `apps/db` lies in `apps`, which need not be named if it has no settings."""

    name: str = Field(min_length=1)
    """Its path, without a slash at the beginning."""
    max: Limit = NO_LIMIT
    """Hard limit: above it tasks reclaim, and are killed if that does not help (`memory.max`)."""
    high: Limit = NO_LIMIT
    """Above it tasks reclaim and are slowed down (`memory.high`)."""
    low: LimitOrNothing = NOTHING
    """Memory up to this is reclaimed from outside only if there is nothing else (`memory.low`)."""
    min: LimitOrNothing = NOTHING
    """Memory up to this is never reclaimed from outside (`memory.min`)."""
    swap_max: LimitOrNothing = NO_LIMIT
    """How much of swap it may use (`memory.swap.max`)."""
    swappiness: Swappiness | None = None
    """The share of anonymous memory in reclaim, instead of the scenario's."""
    policy: str | None = Field(default=None, min_length=1)
    """The policy of this memcg, instead of the one being run or compared; as on the command line."""


class DeviceTable(Table):
    """A device: one of the known kinds, any time of which may be given otherwise."""

    kind: Literal["zram", "nvme", "disk"] | None = None
    """What its times are if they are not given."""
    read: Duration | None = None
    """How long it reads a page."""
    write: Duration | None = None
    """How long it writes a page."""
    queues: int | None = Field(default=None, ge=1, le=16, strict=True)
    """Requests it serves at a time."""

    @model_validator(mode="after")
    def _complete(self) -> DeviceTable:
        if self.kind is None and (self.read is None or self.write is None):
            raise ValueError("a device needs a `kind`, or both `read` and `write`")
        return self


class SwapTable(DeviceTable):
    """A swap device. Without any, anonymous memory cannot be reclaimed."""

    size: LimitOrNothing = NO_LIMIT
    """How much it holds."""
    priority: int = Field(default=0, strict=True)
    """Devices of higher priority are filled first."""


class FilesTable(DeviceTable):
    """The device that files are on."""

    kind: Literal["zram", "nvme", "disk"] | None = "nvme"
    """What its times are if they are not given."""


class TaskTable(Table):
    """A task: one stream of accesses, with an address space and a clock of its own. Tasks share no pages."""

    name: str = Field(min_length=1)
    """What reports call it."""
    trace: str = Field(min_length=1)
    """What it accesses: a file, a bundled trace, or a made-up one."""
    memcg: str = ROOT
    """The memcg it is charged to; one that has others below it has no tasks."""
    node: str | None = Field(default=None, min_length=1)
    """The node it prefers; by default the first."""
    bind: bool = Field(default=False, strict=True)
    """Whether it gets pages from no other node (`MPOL_BIND`); reclaim may still demote them."""
    think: Duration = 0
    """What it does between two accesses takes so long."""
    start: Duration = 0
    """When it begins."""
    repeat: Count = 1
    """How many times it goes through its trace."""
    limit: Count | None = None
    """How many accesses of the trace are used. `K`, `M` and `G` are thousands, in quotes: `"100K"`."""


class ProactiveTable(Table):
    """Proactive reclaim: a write to `memory.reclaim`, again and again."""

    memcg: str = ROOT
    """The memcg it is written for."""
    amount: Size
    """How much it asks for."""
    every: Duration = Field(gt=0)
    """Simulated time from one to the next."""
    # `from` cannot be the name of an attribute.
    from_: Duration = Field(default=0, alias="from")
    """When it happens first."""
    until: Duration | None = None
    """From when on it happens no more; by default it goes on as long as a task does."""
    swappiness: Swappiness | None = None
    """The share of anonymous memory, instead of the memcg's."""


if TYPE_CHECKING:
    CostsTable = Table
else:
    CostsTable = create_model(
        "CostsTable",
        __base__=Table,
        __doc__="What operations cost, where that is to differ from what `docs/costs.md` has.",
        **{
            cost: (Duration, Field(default=default, description=SOURCES[cost].covers))
            for cost, default in Costs().items()
        },
    )


class Scenario(Table):
    """A machine and what runs on it."""

    description: str = ""
    """What the scenario is about, for people."""
    kernel: Kernel = "6.18"
    """The kernel that is simulated."""
    swappiness: Swappiness = 60
    """The share of anonymous memory in reclaim: 0 none, 100 even, 200 all."""
    min_ttl: Duration = 0
    """For how long MGLRU protects a working set (`/sys/kernel/mm/lru_gen/min_ttl_ms`)."""
    tick: Duration = Field(default=TICK_NS, gt=0)
    """Simulated time between calls of the hook `tick` of policies that have it."""
    vma_pages: int = Field(default=0, ge=0, le=1, strict=True)
    """1: each page is a mapping of its own; 0: the pages of one kind in a page table are one mapping."""
    seed: int = Field(default=0, ge=0, lt=1 << 63, strict=True)
    """What the random numbers of policies begin with."""
    recursive_protection: bool = Field(default=True, strict=True)
    """Whether `low` and `min` that a memcg leaves unclaimed protect those below it (`memory_recursiveprot`)."""
    sample_every: Duration | None = Field(default=None, gt=0)
    """Simulated time between samples of every memcg's memory; none are taken by default."""
    node: tuple[NodeTable, ...] = Field(min_length=1, max_length=MAX_NODES)
    """The nodes, the fastest first; at least one, at most 8."""
    memcg: tuple[MemcgTable, ...] = Field(default=(), max_length=4096)
    """The memory cgroups."""
    swap: tuple[SwapTable, ...] = Field(default=(), max_length=MAX_SWAP_DEVICES)
    """The swap devices, at most 3."""
    files: FilesTable = FilesTable()
    """The device of files."""
    task: tuple[TaskTable, ...] = Field(min_length=1, max_length=256)
    """The tasks, at least one, at most 256."""
    proactive: tuple[ProactiveTable, ...] = ()
    """Proactive reclaim."""
    costs: CostsTable = CostsTable()
    """What operations cost."""


TABLES: dict[str, type[BaseModel]] = {
    "": Scenario,
    "node": NodeTable,
    "memcg": MemcgTable,
    "swap": SwapTable,
    "files": FilesTable,
    "task": TaskTable,
    "proactive": ProactiveTable,
    "costs": CostsTable,
}
"""The tables of a file by name; the first is the file itself."""


def fields_of(table: type[BaseModel]) -> dict[str, Any]:
    """The fields of a table by the names they have in the file."""
    return {info.alias or name: info for name, info in table.model_fields.items()}
