"""From traces to events of a simulation."""

from __future__ import annotations

import numpy as np
import pytest

from fidelity.errors import FidelityError
from fidelity.events import events_of, words_of
from fidelity.traces import ANONYMOUS
from runtime.traces.model import FILE, FILE_KEY, SYSCALL, WRITE, check_chunk

WORDS = np.array([5, 3, 5, 9, 3], np.uint32)


def test_reads_and_mapped_accesses_are_to_file_pages() -> None:
    for mode, flags in (("pread", FILE | SYSCALL), ("mmap", FILE)):
        chunk = events_of(WORDS, mode)
        assert check_chunk(chunk, 0) is None
        assert list(chunk.page) == [0, 1, 0, 2, 1] and set(chunk.flags) == {flags}
        assert chunk.keys is not None and [int(k) for k in chunk.keys] == [FILE_KEY | 5, FILE_KEY | 3, FILE_KEY | 9]


def test_anonymous_pages_are_written_first() -> None:
    chunk = events_of(WORDS, "anon")
    assert list(chunk.flags) == [WRITE, WRITE, 0, WRITE, 0]
    assert chunk.keys is not None and list(chunk.keys) == [5, 3, 9]


def test_the_word_says_which_pages_are_anonymous_in_a_mixture() -> None:
    words = np.array([5, 5 | ANONYMOUS, 5, 5 | ANONYMOUS], np.uint32)
    chunk = events_of(words, "mix")
    assert list(chunk.page) == [0, 1, 0, 1]
    assert list(chunk.flags) == [FILE | SYSCALL, WRITE, FILE | SYSCALL, 0]


def test_a_trace_of_the_product_keeps_its_neighbours() -> None:
    words = words_of("mem_rg", 5000, "anon")
    assert len(words) == 5000 and set(words) == set(range(int(words.max()) + 1))
    mixed = words_of("mem_rg", 5000, "mix")
    anonymous = mixed >= ANONYMOUS
    assert anonymous.any() and not anonymous.all()
    file_pages = set(mixed[~anonymous])
    assert file_pages == set(range(len(file_pages)))


def test_traces_that_cannot_be_replayed_are_errors() -> None:
    with pytest.raises(FidelityError, match="mixzipf has pages of both kinds: it goes with mode mix, not pread"):
        words_of("mixzipf", 1000, "pread")
    with pytest.raises(FidelityError, match="zipf10 is made up: say how many accesses"):
        words_of("zipf10", None, "pread")
    with pytest.raises(FidelityError, match="no such file"):
        words_of("./none.rxt", None, "pread")
