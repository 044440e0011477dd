"""What a policy keeps, in bytes per folio: counted from its layout, and as its file, `rext list` and results state."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from dsl.compile import Compilation
from dsl.source import Source
from runtime.cli.list import program
from runtime.machine import Machine
from runtime.metadata import LISTED_PAGES, POSITION_BYTES, Metadata, metadata, per_folio_text
from runtime.policies import lru, mglru
from runtime.policy_file import PROGRAMS
from runtime.program import load_program
from runtime.regions import Attachment, Lineup, allocate
from runtime.run import run_program
from runtime.traces import load, open_trace

STATED = re.compile(r"^// Metadata: (\d+) bytes? per folio\.$", re.MULTILINE)
FILES = sorted(PROGRAMS.glob("*.rx"))


def kept(text: str, nr_pages: int = 1000, **params: int) -> Metadata:
    policy = Compilation(Source("kept.rx", f"policy kept;\nlist queue;\n{text}\n")).policy
    assert policy is not None
    return metadata(policy, params, nr_pages)


def test_a_policy_that_keeps_nothing_has_none() -> None:
    assert kept("") == Metadata(1000, 0, 0, 0, 0)


def test_fields_are_counted_for_every_folio() -> None:
    assert kept("folio { hits: u8, since: u64 }").fields == 16 * 1000
    assert kept("folio { hits: u8, seen: bool }").per_folio == 2.0


def test_state_and_cursors_are_counted_once() -> None:
    assert kept("state turn: u8; state table: u64[64]; cursor hand on queue;").state == 65 * 8 + 4


def test_bags_and_heaps_are_counted_as_they_are_allocated() -> None:
    text = "policy kept;\nbag all;\nbag two;\nheap uses;\nhook folio_accessed(f) { }\n"
    policy = Compilation(Source("kept.rx", text)).policy
    assert policy is not None
    regions = allocate(Lineup((Attachment(policy),)), Machine(1000))
    index = sum(len(regions[name]) for name in ("bag_folios", "heap_folios", "heap_nodes"))
    assert 0 <= index - (metadata(policy, {}, 1000).index - POSITION_BYTES * 1000) < 500
    assert kept("").index == 0


def test_maps_are_counted_with_their_index_and_by_their_params() -> None:
    text = "param percent: u64 = 50 in 1..=400; map ghost: lru_hash<page_key, u64>[nr_pages * percent / 100];"
    half, whole, none = kept(text).maps, kept(text, percent=100).maps, kept("").maps
    assert none == 0 < half < whole
    assert whole >= 1000 * (8 + 8) and kept(text, nr_pages=2000).maps == whole


def test_built_in_policies_say_what_they_keep_in_a_folio() -> None:
    assert metadata(lru, {}, 1000).per_folio < 0.1
    found = metadata(mglru, {}, LISTED_PAGES)
    assert found.fields == LISTED_PAGES and found.state > 2 * 4096


def test_text_is_whole_bytes_or_a_range() -> None:
    assert per_folio_text([None]) == "-"
    assert per_folio_text([1.2, 0.9, None]) == "1"
    assert per_folio_text([36.4, 41.7]) == "36-42"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_program_states_what_is_measured(path: Path) -> None:
    stated = STATED.search(path.read_text(encoding="utf-8"))
    measured = round(program(path)["metadata"]["bytes_per_folio"])
    assert stated is not None, f"the header lacks `// Metadata: {measured} bytes per folio.`"
    assert int(stated[1]) == measured


def test_a_result_has_it_for_its_own_memory_and_params() -> None:
    trace = load(open_trace("zipf:alpha=1.0,pages=500,accesses=2K,seed=1"))
    chosen = load_program("s3fifo:ghost_percent=0")
    row = run_program(chosen, trace, Machine(100), lambda _: None, threading.Event())
    assert row.metadata_bytes_per_folio == chosen.metadata(100).per_folio
    assert load_program("s3fifo").metadata(100).per_folio > chosen.metadata(100).per_folio
    assert load_program("builtin:lru").metadata(100).per_folio == 0.16
