"""`builtin:mglru`: generations, tiers, filters, and what each version and each switch does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from runtime.core import layout as core
from runtime.core.context import Context
from runtime.machine import Machine
from runtime.policies import mglru_bloom, mglru_generations, mglru_state, mglru_tiers
from runtime.policies.mglru import PARAMS
from runtime.simulation import Simulation
from tests.runtime.policies import Events, check_invariants, context_of, events, program, simulate

READ = core.E_FILE | core.E_SYSCALL
MAPPED = core.E_FILE
ANONYMOUS = core.E_WRITE
VERSIONS = (618, 612, 601)
BATCH = 31

rng = np.random.default_rng


def run(trace: Events, limit: int, kernel: int = 618, vma_pages: int = 0, **params: int) -> Simulation:
    return run_in("O3", trace, limit, kernel, vma_pages, params)


def run_in(kind: str, trace: Events, limit: int, kernel: int, vma_pages: int, params: dict[str, int]) -> Simulation:
    machine = Machine(limit, kernel=kernel, vma_pages=vma_pages)
    simulation = simulate(program("builtin:mglru"), trace, machine, kind, params)
    check_sizes(simulation)
    return simulation


def word(simulation: Simulation, number: int) -> int:
    return int(simulation.regions["policy"].view("<i8")[number])


def sizes(simulation: Simulation, type: int) -> list[int]:
    """Folios of a type by generation, from the oldest that there can be to the youngest."""
    max_seq = word(simulation, mglru_state.MAX_SEQ)
    return [word(simulation, mglru_state.SIZES + (max_seq - depth) % 4 * 2 + type) for depth in (3, 2, 1, 0)]


def check_sizes(simulation: Simulation) -> None:
    """The sizes are those that the folios' own marks add up to, and each type has two to four generations."""
    check_invariants(simulation)
    folios = simulation.regions["folios"].view("<u4").reshape(-1, simulation.layout.folio_columns)
    counted = [0] * 8
    for f in resident(simulation).values():
        flags = int(folios[f, core.FLAGS])
        gen = (flags & mglru_state.F_GEN) >> mglru_state.GEN_SHIFT
        on_list = 0 < folios[f, core.LIST] <= simulation.layout.nr_lists
        assert on_list == (gen > 0)
        if gen:
            counted[(gen - 1) * 2 + (flags & core.F_FILE)] += 1
    assert counted == [word(simulation, mglru_state.SIZES + i) for i in range(8)]
    for type in (core.ANON, core.FILE):
        generations = word(simulation, mglru_state.MAX_SEQ) - word(simulation, mglru_state.MIN_SEQ + type) + 1
        assert 2 <= generations <= 4


def resident(simulation: Simulation) -> dict[int, int]:
    """Folio by page."""
    table = simulation.regions["page_table"].view("<i8")
    return {page: int(f) for page, f in enumerate(table) if f > 0}


def hit_ratio(simulation: Simulation) -> float:
    counters = simulation.counters()
    return counters["hits"] / counters["accesses"]


def with_words(**words: int) -> Context:
    """A context whose policy state can be set, for functions that decide by it alone."""
    kernel = words.pop("kernel", 618)
    return context_of(run(events([0]), 100, kernel, **words))


# --- params -----------------------------------------------------------------------------------------------


def test_params_are_documented_and_numbered() -> None:
    assert [p.name for p in PARAMS][mglru_state.BLOOM] == "bloom"
    assert len({p.name for p in PARAMS}) == len(PARAMS)
    assert all(p.doc and p.low <= p.default <= p.high for p in PARAMS)


def test_the_version_is_that_of_the_machine_unless_given() -> None:
    for kernel in VERSIONS:
        assert word(run(events([1]), 10, kernel), mglru_state.KERNEL_VERSION) == kernel
    assert word(run(events([1]), 10, 618, version=601), mglru_state.KERNEL_VERSION) == 601


SWITCHES = [p.name for p in PARAMS if p.name != "version"]


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("kernel", VERSIONS)
def test_every_switch_in_native_code_and_in_python(kernel: int, switch: str) -> None:
    flags = rng(1).choice([READ, READ | core.E_WRITE, MAPPED, MAPPED | core.E_EXECUTE, 0, core.E_WRITE], 2500)
    trace = events(rng(2).zipf(1.15, 2500) % 300, flags)
    digests = {kind: run_in(kind, trace, 90, kernel, 0, {switch: 0}).digest() for kind in ("python", "O3")}
    assert len(set(digests.values())) == 1


# --- placement --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "kernel", "placement", "expected"),
    [
        (READ, 618, 1, [BATCH, 0, 0, 0]),
        (READ, 618, 0, [0, BATCH, 0, 0]),
        (READ, 612, 1, [0, BATCH, 0, 0]),
        (READ, 612, 0, [BATCH, 0, 0, 0]),
        (MAPPED, 618, 1, [0, 0, BATCH, 0]),
        (MAPPED, 612, 1, [0, 0, 0, BATCH]),
        (ANONYMOUS, 618, 1, [0, 0, BATCH, 0]),
        (ANONYMOUS, 612, 1, [0, 0, 0, BATCH]),
    ],
)
def test_where_folios_start(flags: int, kernel: int, placement: int, expected: list[int]) -> None:
    simulation = run(events(np.arange(BATCH), flags), 100, kernel, placement=placement)
    assert sizes(simulation, core.FILE if flags & core.E_FILE else core.ANON) == expected


def test_before_6_14_read_folios_start_in_the_oldest_of_three_generations() -> None:
    ctx = with_words(kernel=612)
    for max_seq, expected in ((3, 1), (2, 0)):
        assert mglru_generations.second_oldest_of_four(ctx, max_seq, 0) == expected


def test_a_batch_has_15_folios_in_6_1() -> None:
    assert sum(sizes(run(events(np.arange(20), READ), 100, 601), core.FILE)) == 15


# --- reads and tiers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kernel", "refs", "tiers"),
    [(618, [1, 2, 3, 4, 4, 4], [0, 1, 2, 2, 3, 3]), (612, [0, 1, 2, 3, 4, 4], [0, 1, 2, 2, 3, 3])],
)
def test_reads_and_their_tiers(kernel: int, refs: list[int], tiers: list[int]) -> None:
    for reads in range(1, 7):
        ctx = context_of(run(events([7, 8] * reads), 100, kernel))
        f = ctx.page_table[0]
        assert mglru_tiers.folio_lru_refs(ctx, 0, f) == refs[reads - 1]
        assert mglru_tiers.folio_lru_tier(ctx, 0, f) == tiers[reads - 1]
        assert mglru_tiers.is_full(ctx, 0, f) == (reads >= 5)


@pytest.mark.parametrize("kernel", VERSIONS)
@pytest.mark.parametrize("protection", [0, 1])
def test_full_folios_outlive_a_stream(kernel: int, protection: int) -> None:
    hot = np.tile(np.arange(20), 6)
    trace = events(np.concatenate([np.arange(BATCH), hot, np.arange(100, 220)]))
    simulation = run(trace, 100, kernel, full_protection=protection)
    kept = sum(page < 20 for page in resident(simulation))
    assert kept == (20 if protection else 0)


def set_tier(ctx: Context, type: int, tier: int, refaulted: int, evicted: int) -> None:
    at = mglru_tiers.tier_word(ctx, type, tier)
    mglru_state.set_word(ctx, 0, mglru_state.REFAULTED + at, refaulted)
    mglru_state.set_word(ctx, 0, mglru_state.EVICTED + at, evicted)


def test_a_tier_is_protected_when_it_refaults_clearly_more_than_the_first() -> None:
    def limit(kernel: int, percent: int) -> int:
        ctx = with_words(kernel=kernel)
        set_tier(ctx, core.FILE, 0, 10_000, 100_000)
        set_tier(ctx, core.FILE, 2, percent * 10, 1_000)
        return mglru_tiers.get_tier_idx(ctx, 0, core.FILE)

    assert limit(618, 14) == 3
    assert limit(618, 16) == 1, "more than 3 : 2"
    assert limit(612, 16) == 3
    assert limit(612, 21) == 1, "more than 2 : 1"
    assert limit(618, 6) == 3, "fewer than 64 refaults say nothing"


def test_without_tiers_none_is_protected() -> None:
    ctx = with_words(tiers=0)
    set_tier(ctx, core.FILE, 1, 1_000, 1_000)
    assert mglru_tiers.get_tier_idx(ctx, 0, core.FILE) == 3


def test_histories_fade_by_half_when_a_generation_is_used_up() -> None:
    ctx = with_words()
    set_tier(ctx, core.FILE, 1, 100, 400)
    mglru_tiers.reset_ctrl_pos(ctx, 0, core.FILE)
    mglru_tiers.reset_ctrl_pos(ctx, 0, core.FILE)
    assert mglru_tiers.refaulted_of(ctx, 0, core.FILE, 1) == 25
    assert mglru_tiers.total_of(ctx, 0, core.FILE, mglru_tiers.ALL_TIERS) == 100


def test_counts_of_any_size_can_be_compared() -> None:
    ctx = with_words()
    set_tier(ctx, core.FILE, 0, 1 << 40, 1 << 50)
    set_tier(ctx, core.FILE, 1, 1 << 45, 1 << 50)
    assert mglru_tiers.get_tier_idx(ctx, 0, core.FILE) == 0


# --- types ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("swappiness", "anon", "file", "expected"),
    [
        (0, 0, 900, core.FILE),
        (1, 0, 900, core.FILE),
        (200, 900, 0, core.ANON),
        (100, 100, 900, core.ANON),
        (100, 900, 100, core.FILE),
        (60, 100, 210, core.FILE),
        (60, 100, 300, core.ANON),
    ],
)
def test_the_type_that_refaults_less_is_evicted(swappiness: int, anon: int, file: int, expected: int) -> None:
    """In parts of 1,000 evicted; swappiness 60 lets files refault 140 : 60 as often."""
    ctx = with_words()
    set_tier(ctx, core.ANON, 0, anon * 10, 10_000)
    set_tier(ctx, core.FILE, 2, file * 10, 10_000)
    assert mglru_tiers.get_type_to_scan(ctx, 0, swappiness) == expected


def test_before_6_14_an_older_generation_of_anonymous_folios_goes_first() -> None:
    ctx = with_words(kernel=612)
    mglru_state.set_word(ctx, 0, mglru_state.MIN_SEQ + core.FILE, 1)
    assert mglru_tiers.get_type_to_scan(ctx, 0, 1) == core.ANON


@pytest.mark.parametrize(("anon", "expected"), [(100, core.FILE), (250, core.ANON)])
def test_without_refaults_the_larger_type_goes(anon: int, expected: int) -> None:
    ctx = with_words(type_selection=0)
    mglru_state.set_word(ctx, 0, mglru_state.SIZES + core.ANON, anon)
    mglru_state.set_word(ctx, 0, mglru_state.SIZES + core.FILE, 100)
    set_tier(ctx, core.FILE, 0, 1_000, 1_000)
    assert mglru_tiers.get_type_to_scan(ctx, 0, 60) == expected


# --- refaults ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", VERSIONS)
def test_a_recent_refault_counts_for_its_tier(kernel: int) -> None:
    trace = np.concatenate([np.arange(280), np.arange(280), np.arange(1000, 1060), [5]])
    simulation = run(events(trace), 300, kernel)
    tiers = [word(simulation, mglru_state.REFAULTED + 4 + tier) for tier in range(4)]
    assert tiers == [0, 1, 0, 0]
    assert simulation.counters()["workingset_refault_file"] == 1


def test_the_read_that_brings_a_page_back_begins_a_new_count() -> None:
    ctx = context_of(run(events(np.concatenate([np.tile(np.arange(60), 3), np.arange(100, 260), [5]])), 64))
    f = ctx.page_table[5]
    assert mglru_tiers.folio_lru_refs(ctx, 0, f) == 1
    assert ctx.folios[f, core.FLAGS] & core.F_WORKINGSET == 0


@pytest.mark.parametrize(("kernel", "expected"), [(618, 40), (612, 40), (601, 0)])
def test_a_recent_refault_by_a_fault_is_an_activation(kernel: int, expected: int) -> None:
    trace = events(np.concatenate([np.arange(360), np.arange(40)]), MAPPED)
    assert run(trace, 300, kernel, vma_pages=1).counters()["workingset_activate_file"] == expected


@pytest.mark.parametrize(("kernel", "expected"), [(618, 0), (612, 40), (601, 0)])
def test_6_12_counts_refaults_by_reads_as_activations_but_starts_them_cold(kernel: int, expected: int) -> None:
    simulation = run(events(np.concatenate([np.arange(360), np.arange(40)])), 300, kernel)
    assert simulation.counters()["workingset_activate_file"] == expected
    assert sizes(simulation, core.FILE)[2:] == [0, 0]


# --- aging ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", VERSIONS)
@pytest.mark.parametrize("flags", [MAPPED, ANONYMOUS])
def test_mapped_memory_is_aged_and_generations_stay_a_window(kernel: int, flags: int) -> None:
    keys = rng(3).zipf(1.2, 6000) % 500
    simulation = run(events(keys[:0]), 150, kernel)
    trace = events(keys, flags)
    for first in range(0, 6000, 500):
        simulation.run(trace, first, first + 500)
        check_sizes(simulation)
    counters = simulation.counters()
    assert counters["aged"] > 5
    assert word(simulation, mglru_state.MAX_SEQ) == 3 + counters["aged"]


def test_read_files_need_no_aging_in_6_18() -> None:
    assert run(events(rng(4).integers(0, 400, 5000)), 150).counters()["aged"] == 0


def test_the_walk_saves_scans() -> None:
    keys = rng(5).zipf(1.3, 8000) % 600
    scans = {walk: run(events(keys, ANONYMOUS), 200, walk=walk).counters()["pgscan_direct"] for walk in (0, 1)}
    assert scans[1] < scans[0]


def test_the_look_around_saves_scans() -> None:
    keys = np.sort(rng(6).integers(0, 120, (200, 30)), axis=1).ravel()
    stream = np.arange(1000, 1000 + len(keys))
    trace = events(np.where(rng(7).random(len(keys)) < 0.7, keys, stream), ANONYMOUS)
    scans = {on: run(trace, 200, look_around=on, walk=0).counters()["pgscan_direct"] for on in (0, 1)}
    assert scans[1] < 0.9 * scans[0]


def test_where_each_page_is_its_own_mapping_only_6_1_keeps_walking() -> None:
    trace = events(rng(8).zipf(1.2, 8000) % 600, MAPPED)
    scans = {v: run(trace, 200, v, vma_pages=1).counters()["pgscan_direct"] for v in VERSIONS}
    assert scans[601] < 0.7 * scans[612]
    assert scans[601] < 0.7 * run(trace, 200, 601, vma_pages=1, walk=0).counters()["pgscan_direct"]


# --- filters ----------------------------------------------------------------------------------------------


def test_a_filter_that_was_never_begun_has_everything() -> None:
    ctx = with_words()
    assert mglru_bloom.test_bloom_filter(ctx, 0, 4, 17)
    mglru_bloom.reset_bloom_filter(ctx, 0, 4)
    assert not mglru_bloom.test_bloom_filter(ctx, 0, 4, 17)
    assert mglru_bloom.test_bloom_filter(ctx, 0, 5, 17)


def test_a_filter_has_what_was_put_in_and_little_else() -> None:
    ctx = with_words()
    for seq in (4, 5):
        mglru_bloom.reset_bloom_filter(ctx, 0, seq)
    for table in range(0, 2000, 2):
        mglru_bloom.update_bloom_filter(ctx, 0, 4, table)
    assert all(mglru_bloom.test_bloom_filter(ctx, 0, 4, table) for table in range(0, 2000, 2))
    assert sum(mglru_bloom.test_bloom_filter(ctx, 0, 4, table) for table in range(1, 2000, 2)) < 50
    assert not any(mglru_bloom.test_bloom_filter(ctx, 0, 5, table) for table in range(2000))


@pytest.mark.parametrize(("seen", "young", "dense"), [(64, 8, True), (64, 7, False), (1, 1, True), (512, 64, True)])
def test_dense_is_one_young_entry_per_cache_line(seen: int, young: int, dense: bool) -> None:
    assert mglru_bloom.suitable_to_scan(with_words(), seen, young) == dense


# --- the whole --------------------------------------------------------------------------------------------


def phases() -> Any:
    """Ten phases, half of the pages of each new: of 750 pages, uniformly."""
    return np.concatenate([375 * phase + rng(phase).integers(0, 750, 6000) for phase in range(10)])


def test_why_6_18_collapses_on_phases_that_are_read() -> None:
    """Dead pages fill the second-oldest generation, which is never scanned: no aging in the whole run. Mapped, or with
    the placement of 6.12, nothing of the kind happens."""
    collapsed = run(events(phases()), 1000)
    assert hit_ratio(collapsed) < 0.5
    assert collapsed.counters()["aged"] == 0
    assert sizes(collapsed, core.FILE)[1] > 700
    read, as_mapped = events(phases()), events(phases(), MAPPED)
    for healthy in (run(read, 1000, 612), run(as_mapped, 1000), run(read, 1000, placement=0)):
        assert hit_ratio(healthy) > 0.75
        assert healthy.counters()["aged"] > 0


def test_a_loop_misses_always() -> None:
    for kernel in VERSIONS:
        assert hit_ratio(run(events(np.arange(3000) % 240), 200, kernel)) == 0


def test_dirty_files_are_written_and_then_go() -> None:
    simulation = run(events(rng(9).integers(0, 500, 4000), READ | core.E_WRITE), 120)
    counters = simulation.counters()
    assert counters["nr_written"] > 500
    assert counters["pgrotated"] > 0


def test_min_ttl_keeps_kswapd_off_a_young_working_set() -> None:
    trace = events(rng(10).integers(0, 500, 3000))
    for ttl, on, runs in ((0, 1, True), (1 << 40, 1, False), (1 << 40, 0, True)):
        machine = Machine(200, watermarks=(4, 20, 40), min_ttl_ns=ttl)
        counters = simulate(program("builtin:mglru"), trace, machine, params={"min_ttl": on}).counters()
        assert (counters["pgscan_kswapd"] > 0) == runs
