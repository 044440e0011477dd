"""The virtual clock: what each kind of event takes, by hand; devices; stalls; latencies."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.core import clock, psi
from runtime.core import layout as core
from runtime.costs import Costs, Device
from runtime.executors import NativeExecutor
from runtime.jit import engine
from runtime.jit.module import Module, Variant, settings_of
from runtime.machine import Machine, Memcg, Node, SwapDevice, Task
from runtime.regions import Attachment
from runtime.simulation import Simulation
from runtime.times import bucket_bounds, times_of
from tests.runtime.policies import Events, events, program, simulate
from tests.runtime.test_reclaim import mixed

COSTS = Costs(
    access=3, syscall=20, minor_fault=100, major_fault=500, scan=7, rmap=11, unmap=13, rotate=17, pte=1, reclaim=1000,
    free=29, migrate=31, insert=40, io=50, young=2,
)  # fmt: skip
DISK = Device("test", 10_000, 5_000, 1)
SWAP = Device("packed", 600, 900, 1, synchronous=True)

PREAD = core.E_FILE | core.E_SYSCALL
PWRITE = PREAD | core.E_WRITE
LOAD = core.E_FILE
STORE = core.E_FILE | core.E_WRITE
ANON = 0
ANON_UNMAPPED = core.E_SYSCALL
FREE = core.E_FREE


def machine(pages: int = 1000, **more: Any) -> Machine:
    return Machine(pages, costs=COSTS, files=DISK, swap=(SwapDevice(SWAP),), **more)


def elapsed(accesses: Sequence[tuple[int, int]], pages: int = 1000, policy: str = "fifo") -> int:
    """The clock after accesses (page, flags)."""
    simulation = simulate(program(policy), trace_of(accesses), machine(pages))
    return int(simulation.state[core.NOW])


def trace_of(accesses: Sequence[tuple[int, int]]) -> Events:
    pages, flags = zip(*accesses, strict=True)
    return Events(np.array(pages, "u4"), np.array(flags, "u1"), max(pages) + 1)


READ_FROM_FILE = 50 + 10_000


@pytest.mark.parametrize(
    ("name", "accesses", "time"),
    [
        ("a read that misses", [(0, PREAD)], 40 + READ_FROM_FILE + 23),
        ("a read that hits", [(0, PREAD), (0, PREAD)], 40 + READ_FROM_FILE + 2 * 23),
        ("a write of a new page reads nothing", [(0, PWRITE)], 40 + 23),
        ("a major fault", [(0, LOAD)], 500 + READ_FROM_FILE + 3),
        ("a load of a mapped page", [(0, LOAD), (0, LOAD)], 500 + READ_FROM_FILE + 2 * 3),
        ("a store that misses is one fault", [(0, STORE)], 500 + READ_FROM_FILE + 3),
        ("a page that was read is mapped by a minor fault", [(0, PREAD), (0, LOAD)], 40 + READ_FROM_FILE + 23 + 103),
        ("the first store to a clean page faults", [(0, LOAD), (0, STORE)], 500 + READ_FROM_FILE + 3 + 103),
        ("the second does not", [(0, LOAD), (0, STORE), (0, STORE)], 500 + READ_FROM_FILE + 3 + 103 + 3),
        ("anonymous memory", [(0, ANON)], 100 + 3),
        ("anonymous memory again", [(0, ANON), (0, ANON | core.E_WRITE)], 100 + 2 * 3),
        ("freeing", [(0, ANON), (0, FREE)], 100 + 3 + 29),
        ("freeing what is not there", [(0, ANON), (0, FREE), (0, FREE)], 100 + 3 + 29),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_events_take(name: str, accesses: list[tuple[int, int]], time: int) -> None:
    assert elapsed(accesses) == time


def test_reclaim_of_clean_file_pages() -> None:
    """The 65th page of 64: one reclaim looks at 32 folios and frees them."""
    without = elapsed([(page, PREAD) for page in range(65)], 1000)
    assert elapsed([(page, PREAD) for page in range(65)], 64) == without + 1000 + 32 * (7 + 29)


def test_swapping_out_and_in() -> None:
    """Unmapped anonymous memory is compressed by whoever reclaims, and decompressed by whoever comes back."""
    filled = [(page, ANON_UNMAPPED) for page in range(65)]
    without = elapsed(filled, 1000)
    assert elapsed(filled, 64) == without + 1000 + 32 * (7 + 900 + 29)
    assert elapsed([*filled, (0, ANON_UNMAPPED)], 64) - elapsed(filled, 64) == 40 + 600 + 23


@pytest.mark.parametrize("flags", [ANON, LOAD], ids=["anon", "file"])
def test_reclaim_of_mapped_pages_is_the_sum_of_its_parts(flags: int) -> None:
    accesses = [(page, flags) for page in range(120)]
    simulation = simulate(program("builtin:lru"), trace_of(accesses), machine(64))
    counters, state = simulation.counters(), simulation.state
    scanned, freed, aged = counters["pgscan_direct"], counters["pgsteal_direct"], counters["pgrefill"]
    assert scanned > freed > 0
    written = counters["pswpout"]
    assert written == (freed if flags == ANON else 0)
    parts = counters["reclaims"] * 1000 + (scanned + aged) * (7 + 11) + freed * (13 + 29) + (scanned - freed) * 17
    assert state[core.RECLAIM_TIME] == parts + written * 900


def test_active_lists_cost_what_was_looked_at() -> None:
    """Aging that is planned but not allowed costs nothing; `pgrefill` is what it looked at."""
    accesses = [(page % 200, PREAD) for page in (*range(200), *range(150), *range(150), *range(1000))]
    simulation = simulate(program("builtin:lru"), trace_of(accesses), machine(160))
    counters = simulation.counters()
    assert counters["pgrefill"] > 0
    looked_at = counters["pgscan_direct"] + counters["pgrefill"]
    kept = counters["pgscan_direct"] - counters["pgsteal_direct"]
    parts = counters["reclaims"] * 1000 + looked_at * 7 + counters["pgsteal_direct"] * 29 + kept * 17
    assert simulation.state[core.RECLAIM_TIME] == parts


def test_kswapd_holds_nobody_up() -> None:
    accesses = [(page, PREAD) for page in range(400)]
    with_kswapd = simulate(program("fifo"), trace_of(accesses), machine(100, watermarks=(2, 10, 25)))
    assert with_kswapd.state[core.NOW] == elapsed(accesses)
    assert with_kswapd.state[core.RECLAIM_TIME] == 0
    freed, runs = with_kswapd.counters()["pgsteal_kswapd"], with_kswapd.counters()["pageoutrun"]
    assert with_kswapd.state[core.KSWAPD_TIME] == runs * 1000 + freed * (7 + 29)


def test_proactive_reclaim_is_nobody_s_time() -> None:
    simulation = simulate(program("fifo"), trace_of([(page, PREAD) for page in range(100)]), machine(200))
    before = int(simulation.state[core.NOW])
    taken = simulation.reclaim(0, 40)
    assert taken >= 40
    assert simulation.state[core.NOW] == before
    assert simulation.state[core.RECLAIM_TIME] == simulation.state[core.STALL_SOME] == 0
    calls = simulation.counters()["reclaims"]
    assert simulation.state[core.PROACTIVE_TIME] == calls * 1000 + taken * (7 + 29)


def test_whoever_dirties_too_much_waits() -> None:
    """Above a fifth of memory dirty or under writeback the writer waits for the device, which has one queue."""
    accesses = [(page, PWRITE) for page in range(90)]
    simulation = simulate(program("fifo"), trace_of(accesses), machine(100))
    assert simulation.state[core.THROTTLE_TIME] > 0
    assert simulation.state[core.NOW] == 90 * 63 + simulation.state[core.THROTTLE_TIME]
    assert simulation.state[core.STALL_SOME] == 0  # waiting to write is no stall for memory
    times = times_of(simulation)
    assert times is not None and times.devices[0].queued > 0


def test_every_executor_has_the_same_clock() -> None:
    trace = mixed(1500, 200)
    states = [simulate(program("builtin:lru"), trace, machine(60), kind).state for kind in ("python", "O0", "O3")]
    clocks = [[int(word) for word in state[core.NOW : core.PROACTIVE_TIME + 1]] for state in states]
    assert clocks[0] == clocks[1] == clocks[2]
    assert clocks[0][0] > 0


def test_the_ideal_model_has_no_clock() -> None:
    simulation = simulate(program("fifo"), mixed(1000, 100), Machine(50, True))
    assert simulation.state[core.NOW] == 0
    assert times_of(simulation) is None


# --- tasks ------------------------------------------------------------------------------------------------


def run_tasks(policy: str, traces: Sequence[Events], on: Machine) -> Simulation:
    """Several tasks, each with a trace and pages of its own."""
    attached = program(policy)
    variant = Variant(False, False, False)
    module = Module((attached,), settings_of((attached,), variant))
    code = NativeExecutor(engine.load(engine.object_code(module.text, 1), module.symbols))
    simulation = Simulation(Attachment(attached), on, code)
    pages, flags, first_page, first = [], [], 0, 0
    table = simulation.table("tasks")
    for task, trace in enumerate(traces):
        pages.append(trace.page.astype("u4") + first_page)
        flags.append(trace.flags)
        table[task, core.EVENT_NEXT], table[task, core.EVENT_END] = first, first + len(trace.page)
        table[task, core.TASK_ENDED] = 1
        first, first_page = first + len(trace.page), first_page + trace.nr_pages
    simulation.load(Events(np.concatenate(pages), np.concatenate(flags), first_page))
    simulation.call("replay_tasks", first + 1)
    assert simulation.status == 0
    assert simulation.counters()["accesses"] == sum(int((trace.flags & FREE == 0).sum()) for trace in traces)
    return simulation


def tasks(count: int, pages: int = 1000, files: Device = DISK, **more: Any) -> Machine:
    return Machine(
        pages,
        costs=COSTS,
        files=files,
        swap=(SwapDevice(SWAP),),
        nodes=(Node("node0", pages),),
        memcgs=(Memcg("root", max=pages),),
        tasks=tuple(Task(f"task{n}", **more) for n in range(count)),
    )


def writes(count: int, pages: int) -> Events:
    """Most accesses write, by system call, which reads nothing that would keep the device from writing."""
    chance = np.random.default_rng(8)
    return events(chance.integers(0, pages, count), chance.choice([PWRITE] * 30 + [PREAD, STORE], count).astype("u1"))


@pytest.mark.parametrize("trace", [mixed(4000, 300), writes(4000, 300)], ids=["mixed", "writes"])
@pytest.mark.parametrize("policy", ["fifo", "builtin:lru"])
def test_one_task_alone_takes_as_long_on_either_path(policy: str, trace: Events) -> None:
    single = simulate(program(policy), trace, machine(90))
    alone = run_tasks(policy, [trace], tasks(1, 90))
    assert alone.table("tasks")[0, core.TASK_CLOCK] == single.state[core.NOW]
    of_one, of_many = times_of(single), times_of(alone)
    assert of_one is not None and of_many is not None
    assert of_one.pressure.some > 0 and of_one.throttle + of_one.swapin_wait > 0
    assert of_one == of_many


def test_a_device_with_one_queue_serves_one_after_the_other() -> None:
    simulation = run_tasks("fifo", [trace_of([(0, PREAD)])] * 3, tasks(3))
    begin = 40 + 50
    ends = [begin + 10_000 * n + 23 for n in (1, 2, 3)]
    assert simulation.table("tasks")[:, core.TASK_CLOCK].tolist() == ends
    row = simulation.table("devices")[0]
    assert (row[core.DEVICE_BUSY], row[core.DEVICE_QUEUED], row[core.DEVICE_READS]) == (30_000, 30_000, 3)


def test_a_device_with_two_queues_serves_two_at_a_time() -> None:
    simulation = run_tasks("fifo", [trace_of([(0, PREAD)])] * 3, tasks(3, files=Device("two", 10_000, 5_000, 2)))
    begin = 40 + 50
    ends = [begin + 10_000 * n + 23 for n in (1, 1, 2)]
    assert simulation.table("tasks")[:, core.TASK_CLOCK].tolist() == ends
    assert simulation.table("devices")[0, core.DEVICE_QUEUED] == 10_000


def test_tasks_that_swap_at_the_same_time_are_all_stalled() -> None:
    """Two equal tasks, each alone too large for the memory: most of the time both wait."""
    accesses = [(page % 80, PREAD) for page in range(800)]
    simulation = run_tasks("fifo", [trace_of(accesses)] * 2, tasks(2, 60, Device("wide", 10_000, 5_000, 2)))
    times = times_of(simulation)
    assert times is not None
    assert 0 < times.pressure.full < times.pressure.some < times.simulated
    assert times.pressure.some <= times.memcgs[0].stall <= 2 * times.pressure.some


def test_own_work_is_not_latency() -> None:
    trace = trace_of([(0, ANON)] * 5)
    simulation = run_tasks("fifo", [trace], tasks(1, think_ns=1_000_000))
    times = times_of(simulation)
    assert times is not None
    assert times.simulated == 100 + 5 * (3 + 1_000_000)
    assert (times.latencies.p50, times.latencies.max) == (3, 103)


# --- pressure ---------------------------------------------------------------------------------------------

# An access as pieces: how long the task runs, is stalled, runs, waits, and runs.
PIECES = st.tuples(*[st.integers(0, 6)] * 5)
TASKS = st.lists(st.tuples(st.integers(0, 2), st.lists(PIECES, max_size=8)), min_size=1, max_size=4)
PARENTS = [-1, 0, 0]
SUBTREE_ENDS = [3, 2, 3]


def played(task_list: list[tuple[int, list[tuple[int, ...]]]]) -> tuple[Any, list[list[str]]]:
    """The core's bookkeeping of such tasks, and what each did in each nanosecond."""
    count = len(task_list)
    ctx = SimpleNamespace(
        IDEAL=False,
        SINGLE=False,
        state=np.zeros(core.STATE_WORDS, "i8"),
        tasks=np.zeros((count, 32), "i8"),
        memcgs=np.zeros((3, core.MEMCG_COLUMNS), "i8"),
    )
    ctx.state[core.NR_TASKS] = count
    ctx.state[core.RECLAIMER] = core.BY_DIRECT
    ctx.memcgs[:, core.PARENT], ctx.memcgs[:, core.SUBTREE_END] = PARENTS, SUBTREE_ENDS
    ctx.tasks[:, core.TASK_MEMCG] = [memcg for memcg, _ in task_list]
    done: list[list[str]] = [[] for _ in range(count)]
    left = [list(accesses) for _, accesses in task_list]
    while any(ctx.tasks[:, core.TASK_ENDED] != core.ENDED):
        running = [n for n in range(count) if ctx.tasks[n, core.TASK_ENDED] != core.ENDED]
        task = min(running, key=lambda n: ctx.tasks[n, core.TASK_CLOCK])
        if not left[task]:
            ctx.tasks[task, core.TASK_ENDED] = core.ENDED
            continue
        ctx.state[core.TASK], ctx.state[core.NOW] = task, ctx.tasks[task, core.TASK_CLOCK]
        runs, stalls, runs_on, waits, ends = left[task].pop(0)
        ctx.state[core.NOW] += runs
        begin = int(ctx.state[core.NOW])
        ctx.state[core.NOW] += stalls
        clock.note_stall(ctx, begin)
        ctx.state[core.NOW] += runs_on
        clock.wait_until(ctx, int(ctx.state[core.NOW]) + waits)
        ctx.state[core.NOW] += ends
        done[task] += ["runs"] * runs + ["stalled"] * stalls + ["runs"] * runs_on + ["waits"] * waits + ["runs"] * ends
        ctx.tasks[task, core.TASK_CLOCK] = ctx.state[core.NOW]
        assert len(done[task]) == ctx.state[core.NOW]
    return ctx, done


@given(TASKS)
@settings(deadline=None, max_examples=300)
def test_pressure_is_what_a_look_at_every_nanosecond_finds(
    task_list: list[tuple[int, list[tuple[int, ...]]]],
) -> None:
    ctx, done = played(task_list)
    longest = max(len(each) for each in done)
    for memcg, end in enumerate(SUBTREE_ENDS):
        psi.settle(ctx, memcg, longest)
        below = [each for (of, _), each in zip(task_list, done, strict=True) if memcg <= of < end]
        some = full = 0
        for at in range(longest):
            doing = {each[at] for each in below if at < len(each)}
            some += "stalled" in doing
            full += "stalled" in doing and "runs" not in doing
        assert (ctx.memcgs[memcg, core.MEMCG_SOME], ctx.memcgs[memcg, core.MEMCG_FULL]) == (some, full)


# --- latencies --------------------------------------------------------------------------------------------


@given(st.integers(0, 1 << 62))
def test_a_latency_is_within_the_bounds_of_its_bucket(time: int) -> None:
    bucket = clock.latency_bucket(SimpleNamespace(), time)  # type: ignore[arg-type]
    low, high = bucket_bounds(bucket)
    assert 0 <= bucket < core.LATENCY_BUCKETS
    assert low <= time < high
    assert high - low <= max(1, low // 4)


def test_buckets_follow_each_other() -> None:
    bounds = [bucket_bounds(bucket) for bucket in range(240)]
    assert bounds[0] == (0, 1)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(bounds))


def test_every_access_has_a_latency() -> None:
    trace = mixed(3000, 200)
    simulation = simulate(program("builtin:lru"), trace, machine(60))
    assert simulation.table("latencies").sum() == simulation.counters()["accesses"]


def test_hits_of_both_kinds_have_their_own_bucket() -> None:
    trace = events(np.zeros(11, int), np.array([PREAD] * 4 + [LOAD] * 7, "u1"))
    histogram = simulate(program("fifo"), trace, machine()).table("latencies")[0]
    found = {bucket_bounds(bucket): int(count) for bucket, count in enumerate(histogram) if count}
    assert found[(3, 4)] == 6
    assert found[(20, 24)] == 3
    assert sum(found.values()) == 11
