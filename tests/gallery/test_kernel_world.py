"""The programs of the kernel's world do what their headers say, each against a baseline that does not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from runtime.core import layout as core
from runtime.jit.module import Variant
from runtime.machine import Machine, Memcg, Node, Task
from runtime.program import load_program
from runtime.regions import Lineup
from runtime.simulation import Simulation
from tests.runtime.attaching import give_events, linker
from tests.runtime.policies import Events, check_invariants, events
from tests.runtime.tree_samples import ANON, FILE_MAPPED, FILE_READ, check_sums, resident_of

PROGRAMS = ("file_search", "get_scan", "admission", "protect_mapped", "balance", "cold_reclaim", "tiering")
CODE = core.E_FILE | core.E_EXECUTE
NEVER = 1 << 60
MS = 1_000_000


def started(spec: str, machine: Machine, traces: Sequence[Events], kind: str = "O3") -> Simulation:
    """A simulation of a program and its params, with the events of its tasks; of a checked build if it is native."""
    lineup = Lineup((load_program(spec).attachment,) * len(machine.all_memcgs))
    checked = kind[0] == "O"
    variant = Variant(machine.ideal, machine.single, False, checked)
    simulation = Simulation(lineup.of_memcg, machine, linker(kind)(lineup, variant), False, checked)
    if machine.single:
        simulation.run(traces[0])
    else:
        give_events(simulation, traces)
    return simulation


def ran(spec: str, machine: Machine, *traces: Events, kind: str = "O3") -> Simulation:
    """A run to its end. The policy is not ejected, and memory does not run out."""
    simulation = started(spec, machine, traces, kind)
    if not machine.single:
        simulation.call("replay_tasks", NEVER, NEVER)
        check_sums(simulation)
    assert simulation.status == core.STATUS_RUNNING
    if kind == "O3":
        check_invariants(simulation)
    return simulation


def misses(spec: str, machine: Machine, *traces: Events) -> int:
    return ran(spec, machine, *traces).counters()["misses"]


def hits_of(simulation: Simulation) -> list[int]:
    """Hits of each task."""
    return [int(hits) for hits in simulation.table("tasks")[:, core.TASK_HITS]]


def zipf(seed: int, accesses: int, pages: int, flags: int = FILE_READ) -> Events:
    return events(np.random.default_rng(seed).zipf(1.2, accesses) % pages, flags)


def stream(accesses: int, flags: int = FILE_READ) -> Events:
    """Pages that are read once."""
    return events(np.arange(accesses), flags)


def together(*parts: tuple[np.ndarray, int]) -> Events:
    """Accesses to several kinds of pages, in turn: an access of each part, and again."""
    keys = np.stack([part + (number << 32) for number, (part, _) in enumerate(parts)], axis=1).ravel()
    flags = np.tile(np.array([flag for _, flag in parts], "u1"), len(parts[0][0]))
    return events(keys, flags)


# --- all of them ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ideal", [False, True], ids=["kernel", "ideal"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_each_runs_in_both_models_and_executors_agree(name: str, ideal: bool) -> None:
    chance = np.random.default_rng(7)
    keys = chance.zipf(1.1, 2000) % 400
    kinds = chance.choice([FILE_READ, FILE_MAPPED, CODE, ANON], 400).astype("u1")
    trace = events(keys, kinds[keys] | chance.choice([0, 0, core.E_WRITE], 2000).astype("u1"))
    machine = Machine(90, ideal, tick_ns=MS)
    native, python = (ran(name, machine, trace, kind=kind) for kind in ("O3", "python"))
    assert native.counters() == python.counters()
    assert native.regions["page_table"].tobytes() == python.regions["page_table"].tobytes()
    assert native.counters()["evictions"] > 100


# --- file search ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ideal", [False, True], ids=["kernel", "ideal"])
def test_file_search_misses_less_than_half_of_what_the_kernel_does(ideal: bool) -> None:
    machine = Machine(700, ideal)
    searches = events(np.tile(np.arange(1000), 10))
    found = misses("file_search", machine, searches)
    assert all(2 * found < misses(other, machine, searches) for other in ("builtin:lru", "builtin:mglru", "clock"))
    assert found < 1000 + 9 * 400


def test_file_search_turns_to_another_tree() -> None:
    """The textbook's MRU keeps what it has of the first tree for ever."""
    machine = Machine(700)
    first, second = np.tile(np.arange(1000), 6), np.tile(np.arange(1000, 2000), 40)
    both = events(np.concatenate([first, second]))
    assert misses("file_search", machine, both) < 0.7 * misses("mru", machine, both)


# --- GET and SCAN -----------------------------------------------------------------------------------------


def test_get_scan_keeps_the_pages_of_queries_from_a_scanning_task() -> None:
    machine = Machine(700, memcgs=(Memcg("/"), Memcg("db", 0, max=500)), tasks=(Task("get", 1), Task("scan", 1)))
    traces = zipf(1, 20_000, 600), stream(15_000)
    apart = hits_of(ran("get_scan", machine, *traces))
    mixed = max(hits_of(ran(other, machine, *traces))[0] for other in ("clock", "builtin:lru"))
    assert 20_000 - apart[0] < 0.7 * (20_000 - mixed)
    assert 20_000 - hits_of(ran("get_scan:scan_task=7", machine, *traces))[0] > 1.3 * (20_000 - apart[0])


def test_get_scan_reclaims_from_a_scanning_memcg_first() -> None:
    memcgs = (Memcg("/"), Memcg("db", 0, max=2000), Memcg("db/get", 1), Memcg("db/scan", 1))
    machine = Machine(3000, memcgs=memcgs, tasks=(Task("get", 2), Task("scan", 3)))
    traces = zipf(1, 40_000, 2200), stream(30_000)
    apart = ran("get_scan:scan_tasks=0,scan_memcg=3", machine, *traces)
    equal = ran("get_scan:scan_tasks=0", machine, *traces)
    assert apart.memcg_counters(2)["refaults"] < 0.5 * equal.memcg_counters(2)["refaults"]
    assert apart.memcg_counters(2)["evictions"] < 0.5 * equal.memcg_counters(2)["evictions"]


# --- the admission filter ---------------------------------------------------------------------------------


def test_admission_keeps_a_bulk_reader_out_of_the_cache() -> None:
    machine = Machine(700, memcgs=(Memcg("/"), Memcg("db", 0, max=500)), tasks=(Task("q", 1), Task("bulk", 1)))
    traces = zipf(2, 20_000, 480), stream(15_000)
    filtered, plain = ran("admission", machine, *traces), ran("clock", machine, *traces)
    assert filtered.counters()["bypassed"] == 15_000
    assert filtered.counters()["evictions"] == 0
    assert 20_000 - hits_of(filtered)[0] < 0.5 * (20_000 - hits_of(plain)[0])
    assert ran("admission:bulk_tasks=0", machine, *traces).counters() == plain.counters()


# --- mapped and executable pages --------------------------------------------------------------------------


def test_protect_mapped_keeps_code_while_files_are_read() -> None:
    """40 pages of code, each used once in some 400 reads of a backup. A use through a mapping is seen by scans only."""
    rounds = 12_000
    code = np.arange(rounds) // 10 % 40
    trace = together((np.arange(rounds), FILE_READ), (code, CODE))

    def code_misses(spec: str) -> int:
        return ran(spec, Machine(150), trace).counters()["misses"] - rounds

    assert code_misses("clock") > 10 * code_misses("protect_mapped")
    assert code_misses("protect_mapped") < 80


def test_protect_mapped_gives_back_code_that_runs_no_more() -> None:
    code, reads = events(np.arange(100), CODE), np.tile(np.arange(1000, 1120), 40)
    trace = events(
        np.concatenate([np.arange(100), reads]), np.concatenate([code.flags, np.full(len(reads), FILE_READ)])
    )
    simulation = ran("protect_mapped:data_percent=60", Machine(150), trace)
    left = {page for page in resident_of(simulation)[0] if page < 100}
    assert len(left) < 70


# --- balance ----------------------------------------------------------------------------------------------


def stolen(spec: str, trace: Events) -> tuple[int, int]:
    counters = ran(spec, Machine(300, swappiness=100), trace).counters()
    return counters["pgsteal_anon"], counters["pgsteal_file"]


def test_balance_takes_the_type_whose_pages_do_not_come_back() -> None:
    rounds = 9000
    loop = np.arange(rounds) % 240
    anon_in_use = together((np.arange(rounds), FILE_READ), (loop, ANON))
    anon, file = stolen("balance", anon_in_use)
    assert anon < 0.6 * file
    assert anon < 0.6 * stolen("clock", anon_in_use)[0]
    assert stolen("balance:trust=8", anon_in_use)[0] < 0.2 * file
    files_in_use = together((np.arange(rounds) // 9, ANON), (loop, FILE_READ))
    anon, file = stolen("balance", files_in_use)
    assert file < 0.5 * stolen("clock", files_in_use)[1]


def test_balance_heeds_what_it_costs_to_read_a_page_back() -> None:
    """Both types are in use, and memory holds one of them."""
    rounds = 20_000
    both = together((np.arange(rounds) % 200, FILE_READ), (np.arange(rounds) % 190, ANON))
    even = stolen("balance:swap_price=1,file_price=1", both)
    assert stolen("balance:swap_price=1,file_price=40", both)[1] < 0.7 * even[1]
    assert stolen("balance:swap_price=40,file_price=1", both)[0] < 0.2 * even[0]
    cheap_swap = stolen("balance:swap_price=1,file_price=40,trust=8", both)
    cheap_files = stolen("balance:swap_price=40,file_price=1,trust=8", both)
    assert cheap_swap[0] > 4 * cheap_swap[1]
    assert cheap_files[1] > 4 * cheap_files[0]


# --- proactive reclaim ------------------------------------------------------------------------------------


@pytest.mark.parametrize("flags", [FILE_READ, FILE_MAPPED, ANON], ids=["read", "mapped", "anon"])
def test_cold_reclaim_gives_back_what_only_the_start_used(flags: int) -> None:
    """2,000 pages at the start, 200 of them afterwards: these stay, and all others go though there is room."""
    trace = events(np.concatenate([np.arange(2000), np.tile(np.arange(200), 1500)]), flags)
    machine = Machine(3000, tasks=(Task("t", think_ns=5000),), tick_ns=20 * MS)
    plain = ran("clock", machine, trace)
    tidy = ran("cold_reclaim:cold_ms=200", machine, trace)
    assert plain.resident == 2000
    assert tidy.resident <= 260
    assert tidy.counters()["misses"] - 2000 <= 20
    assert tidy.counters()["pgsteal_proactive"] >= 1740
    assert tidy.counters()["allocstall"] == 0


def test_cold_reclaim_leaves_a_slow_loop_alone_and_finds_room_when_there_is_none() -> None:
    trace = events(np.tile(np.arange(300), 20))
    machine = Machine(3000, tasks=(Task("t", think_ns=100_000),), tick_ns=20 * MS)
    assert ran("cold_reclaim:cold_ms=2000", machine, trace).counters()["evictions"] == 0
    assert ran("cold_reclaim:cold_ms=2000", Machine(100), trace).counters()["evictions"] > 4000


# --- tiers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flags", [FILE_READ, FILE_MAPPED], ids=["read", "mapped"])
def test_tiering_brings_up_what_turns_hot(flags: int) -> None:
    """First all pages, so that most are on the slow node; then 150 of the oldest again and again."""
    nodes = (Node("fast", 400, (4, 16, 32), demotes_to=1), Node("slow", 2000, (4, 16, 32), access_ns=400))
    machine = Machine(2400, nodes=nodes, tasks=(Task("t", think_ns=1000, bound=True),), tick_ns=5 * MS)
    trace = events(np.concatenate([np.arange(1500), np.tile(np.arange(150), 800)]), flags)
    plain, tiered = ran("clock", machine, trace), ran("tiering", machine, trace)
    on_fast = [len([page for page in resident_of(s)[0] if page < 150]) for s in (plain, tiered)]
    assert on_fast[0] < 30 and on_fast[1] > 130
    clocks = [int(s.table("tasks")[0, core.TASK_CLOCK]) for s in (plain, tiered)]
    assert clocks[1] < clocks[0] - 80_000 * 400
    counters = tiered.counters()
    assert 130 < counters["pgpromote_success"] < 1500
    assert counters["evictions"] == 0


def test_on_one_node_tiering_is_clock() -> None:
    trace = zipf(3, 5000, 900)
    assert misses("tiering:looks=1", Machine(200, True), trace) == misses("clock", Machine(200, True), trace)
