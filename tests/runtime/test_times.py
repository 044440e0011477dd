"""Times of a simulation, the cost model and its settings, samples over time."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reclaim_ext as rx
from runtime.core import layout as core
from runtime.cost_sources import DOCUMENT, ESTIMATE, MEASURED, SOURCES
from runtime.costs import DEVICE_SETTINGS, MOST_NS, NVME, Costs, CostsError, parse_costs
from runtime.machine import Machine
from runtime.run_settings import SettingsError, run_settings
from runtime.samples import UNLISTED, Sampler, every, list_lengths, list_names, take_sample
from runtime.simulation import Simulation
from runtime.times import bucket_bounds, latencies, percentile, times_of
from tests.runtime.policies import compiled, events, program, simulate
from tests.runtime.test_reclaim import mixed

# --- percentiles ------------------------------------------------------------------------------------------


def histogram_of(durations: list[int]) -> list[int]:
    found = [0] * core.LATENCY_BUCKETS
    for duration in durations:
        found[next(n for n in range(core.LATENCY_BUCKETS) if duration < bucket_bounds(n)[1])] += 1
    return found


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=60), st.sampled_from([0.5, 0.9, 0.99, 0.999, 1.0]))
def test_percentiles_are_right_to_the_width_of_a_bucket(durations: list[int], share: float) -> None:
    found = percentile(histogram_of(durations), share, max(durations))
    exact = sorted(durations)[max(int(np.ceil(share * len(durations))), 1) - 1]
    low, high = next(b for b in map(bucket_bounds, range(core.LATENCY_BUCKETS)) if exact < b[1])
    assert low <= found < high
    assert found <= max(durations)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=60))
def test_percentiles_grow(durations: list[int]) -> None:
    found = latencies(histogram_of(durations), max(durations))
    assert found.p50 <= found.p90 <= found.p99 <= found.p999 <= found.max == max(durations)
    assert found.accesses == len(durations)


def test_nothing_has_no_latency() -> None:
    assert latencies([0] * core.LATENCY_BUCKETS, 0).max == 0


# --- times ------------------------------------------------------------------------------------------------


def test_times_are_what_the_clock_says_and_what_was_lost_is_part_of_it() -> None:
    simulation = simulate(program("builtin:lru"), mixed(5000, 300), Machine(90))
    times = times_of(simulation)
    assert times is not None
    assert times.simulated == times.of_tasks == simulation.state[core.NOW]
    assert 0 < times.refault_wait <= times.read_wait + times.swapin_wait
    assert times.lost == (times.reclaim + times.throttle + times.refault_wait) / times.simulated
    assert 0 < times.lost < 1
    assert times.pressure.some == times.pressure.full
    assert times.reclaim <= times.pressure.some <= times.reclaim + times.refault_wait
    assert times.latencies.accesses == simulation.counters()["accesses"]
    assert [device.name for device in times.devices] == ["files", "swap0"]
    assert [memcg.name for memcg in times.memcgs] == ["root"]


def test_pressure_counts_reads_of_the_working_set_only() -> None:
    """Pages that come round once in a long loop were never active: waiting for them is no pressure, but time lost."""
    trace = events(np.arange(3000) % 300)
    times = times_of(simulate(program("builtin:lru"), trace, Machine(100)))
    assert times is not None
    assert times.pressure.some == times.reclaim
    assert times.refault_wait > 50 * times.reclaim
    # A policy that does not say what its working set is: all that comes back is.
    silent = times_of(simulate(program("fifo"), trace, Machine(100)))
    assert silent is not None
    assert silent.pressure.some == silent.reclaim + silent.refault_wait


# --- costs ------------------------------------------------------------------------------------------------


def test_every_cost_has_a_source() -> None:
    assert set(SOURCES) == {field.name for field in fields(Costs)} | {n for n in DEVICE_SETTINGS if n in SOURCES}
    assert set(DEVICE_SETTINGS) <= set(SOURCES)
    assert {source.kind for source in SOURCES.values()} == {MEASURED, DOCUMENT, ESTIMATE}


def test_costs_are_numbered_as_the_core_has_them() -> None:
    numbers = {name: getattr(core, f"COST_{name.upper()}") for name, _ in Costs().items()}
    assert list(numbers.values()) == list(range(len(numbers)))
    assert len(numbers) <= core.NR_COSTS


def test_costs_are_set_by_name() -> None:
    assert parse_costs("scan=80, nvme.read=70_000") == {"scan": 80, "nvme.read": 70_000}
    assert Costs().with_settings({"scan": 80}).scan == 80
    assert NVME.with_settings({"nvme.read": 1, "zram.read": 2}).read_ns == 1
    machine = run_settings({"memory": "10p", "costs": "scan=80,nvme.write=7,zram.read=9"}).machine(10)
    assert (machine.costs.scan, machine.files.write_ns, machine.swap[0].device.read_ns) == (80, 7, 9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scna=1", "there is no cost `scna` (did you mean `scan`?)"),
        ("scan", "`scan` sets nothing: write NAME=NANOSECONDS"),
        ("scan=-1", "cost `scan`: `-1` is not a whole number of nanoseconds in 0..=1000000000"),
        ("scan=1e3", "cost `scan`: `1e3` is not a whole number of nanoseconds in 0..=1000000000"),
        (f"scan={MOST_NS + 1}", f"cost `scan`: `{MOST_NS + 1}` is not a whole number"),
        ("scan=" + "9" * 5000, "is not a whole number"),
        ("scan=1,scan=2", "cost `scan` is set twice"),
        ("", "`` sets nothing"),
    ],
)
def test_a_wrong_cost_is_named(text: str, message: str) -> None:
    with pytest.raises(CostsError) as raised:
        parse_costs(text)
    assert message in str(raised.value)
    with pytest.raises(SettingsError, match="costs "):
        run_settings({"memory": "10p", "costs": text})


def test_costs_out_of_range_are_refused() -> None:
    with pytest.raises(CostsError, match="cost `scan`: -1 is out of range"):
        Costs(scan=-1)
    with pytest.raises(CostsError, match="no cost `scna`"):
        Costs().with_settings({"scna": 1})


def test_a_dearer_device_makes_a_longer_run_and_the_same_decisions() -> None:
    runs = [
        rx.compare("builtin:lru", "zipf:pages=500,accesses=5K", memory="50p", costs=costs).rows[0]
        for costs in ("nvme.read=1000", "nvme.read=2000")
    ]
    assert runs[0].counters == runs[1].counters
    assert runs[0].times is not None and runs[1].times is not None
    assert runs[1].times.simulated - runs[0].times.simulated == 1000 * runs[0].misses


# --- samples ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["fifo", "s3fifo", "builtin:lru", "builtin:mglru"])
@pytest.mark.parametrize("model", ["kernel", "ideal"])
def test_samples_change_nothing_and_add_up(policy: str, model: str) -> None:
    trace = "zipf:pages=2000,accesses=40K,write=0.2,anon=0.3,mapped=0.4"
    (plain,) = rx.compare(policy, trace, memory="10%", model=model).rows
    (sampled,) = rx.compare(policy, trace, memory="10%", model=model, samples=13).rows
    assert sampled.counters == plain.counters
    assert sampled.times == plain.times
    assert plain.samples == ()
    points = [sample.accesses for sample in sampled.samples]
    assert points == [*range(0, 40_000, 3077), 40_000]
    last = sampled.samples[-1]
    assert (last.hits, last.refaults, last.pgscan) == (plain.hits, plain.refaults, plain.scanned)
    assert all(sum(sample.lists.values()) == sample.resident for sample in sampled.samples)
    assert all(min(sample.lists.values()) >= 0 for sample in sampled.samples)
    if plain.times is not None:
        assert last.time_ns == plain.times.simulated


def test_samples_at_accesses_in_spite_of_frees() -> None:
    trace = mixed(6000, 300)
    simulation = simulate(program("fifo"), trace.first(0), Machine(90))
    sampler, at = Sampler(500), 0
    while at < len(trace.page):
        sampler.take_if_due(simulation)
        at = simulation.run(trace, at, sampler.stretch(simulation, trace, at, len(trace.page)))
    samples = sampler.finish(simulation)
    accesses = simulation.counters()["accesses"]
    assert simulation.counters()["frees"] > 100
    assert [sample.accesses for sample in samples] == [*range(0, accesses, 500), accesses]


def test_how_often_samples_are_taken() -> None:
    assert every(None, None, 1000) == 0
    assert every(10, None, 1001) == 101
    assert every(None, 7, 1000) == 7
    assert every(5000, None, 100) == 1
    with pytest.raises(SettingsError, match="give one of them"):
        run_settings({"memory": "10p", "samples": 3, "sample_every": 5})
    with pytest.raises(SettingsError, match="samples 0"):
        run_settings({"memory": "10p", "samples": 0})


ARRAYS = """
policy arrays;
list first;
list both[2];
state n: u64;
hook folio_added(f) { n += 1; if n % 3 == 1 { first.push_tail(f); } else { both[n % 2].push_tail(f); } }
"""


def test_lists_have_the_names_of_the_policy() -> None:
    policy = compiled(ARRAYS)
    assert list_names(policy) == ("first", "both[0]", "both[1]")
    simulation = simulate(policy, events(np.arange(62)), Machine(100))
    expected = {"first": 21, "both[0]": 21, "both[1]": 20}
    assert list_lengths(simulation) == expected
    sample = take_sample(simulation)
    assert sample.lists == {**expected, UNLISTED: 0}


def generations(simulation: Simulation) -> dict[str, int]:
    return {name: length for name, length in list_lengths(simulation).items() if length}


def test_lists_of_builtin_policies() -> None:
    simulation = simulate(program("builtin:lru"), events(np.arange(62)), Machine(100))
    assert list_lengths(simulation) == {
        "inactive anon": 0, "active anon": 0, "inactive file": 62, "active file": 0,
    }  # fmt: skip
    simulation = simulate(program("builtin:mglru"), events(np.arange(62)), Machine(100))
    assert generations(simulation) == {"file gen 3 (oldest)": 62}
    mapped = simulate(program("builtin:mglru"), events(np.arange(62), core.E_FILE), Machine(100))
    assert sum(generations(mapped).values()) == 62
    assert "file gen 3 (oldest)" not in generations(mapped)
