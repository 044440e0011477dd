"""Numbering pages: the same as a dictionary would, in whatever pieces the keys come."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from trace_samples import EVENT_FLAGS, KEYS

from runtime.traces.dense import DIRECT_LIMIT, DenseMapper, mix
from runtime.traces.model import FREE


def by_dictionary(keys: list[int]) -> list[int]:
    seen: dict[int, int] = {}
    return [seen.setdefault(key, len(seen)) for key in keys]


@given(st.lists(st.lists(KEYS, max_size=40), max_size=6))
@settings(deadline=None)
def test_agrees_with_a_dictionary(pieces: list[list[int]]) -> None:
    mapper = DenseMapper()
    pages: list[int] = []
    keys: list[int] = []
    for piece in pieces:
        numbers, new = mapper.map(np.array(piece, np.uint64))
        pages += numbers.tolist()
        keys += new.tolist()
    flat = [key for piece in pieces for key in piece]
    assert pages == by_dictionary(flat)
    assert keys == list(dict.fromkeys(flat))
    assert mapper.nr_pages == len(keys)


@given(st.lists(st.tuples(KEYS, EVENT_FLAGS), max_size=60), st.integers(1, 60))
@settings(deadline=None)
def test_frees_of_unseen_pages_are_dropped(events: list[tuple[int, int]], cut: int) -> None:
    mapper, seen = DenseMapper(), dict[int, int]()
    expected = []
    for key, flag in events:
        if flag != FREE:
            expected.append((seen.setdefault(key, len(seen)), flag))
        elif key in seen:
            expected.append((seen[key], flag))
    found = []
    for part in (events[:cut], events[cut:]):
        keys = np.array([key for key, _ in part], np.uint64)
        flags = np.array([flag for _, flag in part], np.uint8)
        kept, pages, _ = mapper.map_events(keys, flags)
        found += list(zip(pages.tolist(), flags[kept].tolist(), strict=True))
    assert found == expected


def test_many_keys_in_many_chunks() -> None:
    source = np.random.Philox(key=5)
    keys = source.random_raw(60_000) % np.uint64(20_000) * np.uint64(0x9E3779B97F4A7C15)
    keys[:30_000] %= np.uint64(DIRECT_LIMIT)
    mapper = DenseMapper()
    pages = np.concatenate([mapper.map(part)[0] for part in np.array_split(keys, 13)])
    assert pages.tolist() == by_dictionary(keys.tolist())


def test_keys_that_share_a_slot() -> None:
    candidates = np.arange(DIRECT_LIMIT, DIRECT_LIMIT + 400_000, dtype=np.uint64)
    crowded = candidates[(mix(candidates) & np.uint64(0xFFF)) == 0xFFF]
    assert len(crowded) > 50
    keys = np.concatenate((crowded, crowded[::-1], crowded + np.uint64(1)))
    mapper = DenseMapper()
    assert mapper.map(keys)[0].tolist() == by_dictionary(keys.tolist())
