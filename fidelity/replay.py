"""A measured configuration in the simulator: the one module that knows how a simulation is set up.

In: a `KernelRow`. Out: what the simulated kernel of that version counts, with the same trace, way of access and memory
limit: `Simulated`; or `NotSimulated`, which says why not.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from fidelity.events import events_of, words_of
from fidelity.kernels import MODES, KernelRow
from runtime.costs import ZRAM
from runtime.executors import NativeExecutor
from runtime.jit.module import Variant
from runtime.machine import Machine, SwapDevice
from runtime.program import Program, ProgramError, load_program, native_code
from runtime.simulation import Simulation, walks_page_tables

SWAPPINESS = 60
"""The kernel's default, with which everything was measured."""
SWAP_PAGES = 65_536
"""Of the zram device that served as swap: 256 MiB."""


class NotSimulated(Exception):
    """This version cannot simulate the configuration: the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a simulation counted, by the names of the columns of a `KernelRow`."""

    hit_ratio: float
    refaults: int
    activations: int
    pgscan: int
    pgsteal: int


def kernel_version(release: tuple[int, int]) -> int:
    """The version that is simulated for a kernel: the reworked MGLRU came with 6.14, batches of 31 folios with 6.9."""
    if release >= (6, 14):
        return 618
    return 612 if release >= (6, 9) else 601


def policy_spec(row: KernelRow) -> str:
    """The policy as `rext` names it."""
    if row.policy == "lru":
        return "builtin:lru"
    return f"builtin:mglru:version={kernel_version(row.release)}"


@functools.cache
def _program(spec: str) -> Program:
    try:
        return load_program(spec)
    except ProgramError as error:
        name = spec.rpartition(":")[0] if "=" in spec else spec
        raise NotSimulated(f"{name} cannot be had: {error}") from None


def machine_of(row: KernelRow, limit_pages: int) -> Machine:
    """The memory cgroup: its limit, the kernel's version, devices on zram, and a mapping for each page where the
    harness made one."""
    return Machine(
        nr_pages=limit_pages,
        swappiness=SWAPPINESS,
        kernel=kernel_version(row.release),
        vma_pages=1 if row.mode == "mmap" else 0,
        files=ZRAM,
        swap=(SwapDevice(ZRAM, SWAP_PAGES),),
    )


def prepare(row: KernelRow, limit_pages: int | None = None) -> Simulation:
    """The simulation before its first access; the limit is the row's if none is given."""
    if row.mode not in MODES:
        raise NotSimulated(f"the mode {row.mode} is not simulated")
    program = _program(policy_spec(row))
    machine = machine_of(row, limit_pages or row.limit_pages)
    addressed = walks_page_tables([program.policy])
    code = native_code([program], Variant(machine.ideal, machine.single, addressed))
    return Simulation(program.attachment, machine, NativeExecutor(code), addressed)


def simulate(row: KernelRow, limit_pages: int | None = None) -> Simulated:
    """Replay the row's trace in the simulator."""
    simulation = prepare(row, limit_pages)
    simulation.run(events_of(words_of(row.trace, row.accesses, row.mode), row.mode))
    return counted(simulation)


def sampled(row: KernelRow, samples: int) -> Iterator[tuple[int, Simulation]]:
    """Replay the row's trace in `samples` stretches: after each, the accesses done and the simulation, to look into."""
    simulation = prepare(row)
    chunk = events_of(words_of(row.trace, row.accesses, row.mode), row.mode)
    bounds = [len(chunk) * number // samples for number in range(samples + 1)]
    for first, last in itertools.pairwise(bounds):
        simulation.run(chunk, first, last)
        yield last, simulation


def counted(simulation: Simulation) -> Simulated:
    """The counters that real kernels were asked for, too."""
    counters = simulation.counters()

    def total(*names: str) -> int:
        return sum(counters[name] for name in names)

    return Simulated(
        hit_ratio=counters["hits"] / max(counters["accesses"], 1),
        refaults=total("workingset_refault_anon", "workingset_refault_file"),
        activations=total("workingset_activate_anon", "workingset_activate_file"),
        pgscan=total("pgscan_kswapd", "pgscan_direct"),
        pgsteal=total("pgsteal_kswapd", "pgsteal_direct"),
    )


def generations(simulation: Simulation) -> tuple[tuple[int, ...], int]:
    """Of MGLRU: the file folios of its four generations, the oldest first (those of later ones are 0), and the number
    of the youngest."""
    from runtime.policies import mglru_state as state

    words = simulation.regions["policy"].view("<i8")
    youngest, oldest = int(words[state.MAX_SEQ]), int(words[state.MIN_SEQ + 1])
    seqs = range(oldest, oldest + state.MAX_NR_GENS)
    sizes = (words[state.SIZES + 2 * (seq % state.MAX_NR_GENS) + 1] if seq <= youngest else 0 for seq in seqs)
    return tuple(int(size) for size in sizes), youngest
