"""What once went wrong on the way from a policy to a run."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from dsl import abi
from dsl.ir_text import parse_policy
from runtime.machine import Machine, Memcg, Task
from runtime.map_sizes import AttachError, place_maps, words_of
from runtime.program import load_program
from runtime.regions import Attachment, Lineup, allocate, zeroed
from runtime.traces import load, open_trace
from runtime.workload import open_workloads
from tests.runtime.policies import compiled
from verifier.verify import verify


def test_a_policy_that_no_object_can_hold_loads_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REXT_CACHE", str(tmp_path / "cache"))
    name = "x" * 2000
    path = tmp_path / "long.rx"
    path.write_text(f"policy p; state {name}: u64; hook miss(ctx) {{ {name} += 1; }}")
    for _ in range(2):
        assert load_program(str(path)).name == "p"


def test_a_map_of_a_size_that_nobody_can_print_is_refused_with_an_error() -> None:
    size = f"{(1 << 64) - 1} " * 500 + "* " * 499
    policy = parse_policy(f"policy p\nmap m: hash<u64> {{}} [{size}]\n")
    assert verify(policy).accepted
    with pytest.raises(AttachError, match=r"`m` would have over 2\^31999 entries"):
        place_maps(policy.maps, [0], 100, [])


def test_entries_of_all_maps_are_numbered_in_32_bits() -> None:
    policy = parse_policy("policy p\nmap m: hash<u64> {} [2147483648]\nmap n: hash<u64> {} [2147483648]\n")
    places = place_maps(policy.maps, [0, 0], abi.MAX_MEMORY_PAGES, [])
    with pytest.raises(AttachError, match="the maps would have 8,589,934,600 words of entries"):
        words_of(places)


def test_entries_of_all_memcgs_are_numbered_together() -> None:
    """Each memcg's maps were looked at alone: of enough memcgs, the links of the last named entries of the first."""
    memcgs = tuple(Memcg(f"m{number}", -1 if number == 0 else 0) for number in range(600))
    greedy = compiled("policy greedy; map m: array<u64, u64>[8000000]; hook evict_folios(ctx) {}")
    with pytest.raises(AttachError, match="the maps would have 4,800,000,000 words of entries"):
        allocate(Lineup((Attachment(greedy),) * 600), Machine(100_000, memcgs=memcgs, tasks=(Task("t", 1),)))


def test_a_comparison_keeps_the_addresses_of_pages() -> None:
    """Traces that were held in memory had lost the keys of their pages, and MGLRU walked page tables in which pages lay
    side by side in the order of their first use."""
    spec = "zipf:pages=500,accesses=8K,mapped=0.5,seed=4"
    whole = load(open_trace(spec))
    workload = open_workloads([spec], None, lambda *_: None, threading.Event())[0]
    chunks = list(workload.events.chunks())
    assert whole.keys is not None
    assert np.array_equal(np.concatenate([chunk.keys for chunk in chunks]), whole.keys)


def test_memory_that_is_not_there_is_no_defect() -> None:
    with pytest.raises(MemoryError, match="bytes"):
        zeroed(1 << 60)
