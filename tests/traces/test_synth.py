"""Made-up traces: the same for the same text, of the statistics asked for, with good errors."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.traces.errors import TraceError
from runtime.traces.model import FILE, FILE_KEY, OBJECT_FLAGS, SYSCALL, WRITE
from runtime.traces.opening import open_trace
from runtime.traces.trace import LoadedTrace, load


def made(spec: str) -> LoadedTrace:
    return load(open_trace(spec))


def page_keys(trace: LoadedTrace) -> np.ndarray:
    """The page within its part, of each access."""
    assert trace.keys is not None
    return (trace.keys & np.uint64((1 << 40) - 1))[trace.page]


KNOWN_ZIPF = [0, 1, 0, 0, 2, 0, 3, 0, 4, 0, 0, 5]
KNOWN_UNIFORM = [3, 8, 1, 0, 9, 0, 7, 2, 4, 1, 2, 8]

ALL = (
    "zipf:alpha=0.8,pages=3K,accesses=150K,write=0.3,anon=0.5,mapped=0.5",
    "uniform:pages=3000,accesses=150K",
    "loop:pages=700,accesses=150K",
    "scan:accesses=150K",
    "phases:pages=1K,phases=7,overlap=0.25,accesses=150K,alpha=1",
    "mix:0.7*zipf(pages=1K,write=1)+0.2*loop(pages=500)+0.1*scan,accesses=150K,anon=0.2",
)


@pytest.mark.parametrize("spec", ALL)
def test_independent_of_chunk_size(spec: str) -> None:
    trace = open_trace(spec)
    whole = load(trace)
    for size in (1000, 65_537):
        parts = list(trace.chunks(size))
        assert np.array_equal(np.concatenate([part.page for part in parts]), whole.page)
        assert np.array_equal(np.concatenate([part.flags for part in parts]), whole.flags)
        assert parts[-1].nr_pages == whole.nr_pages
    assert whole.accesses == 150_000


def test_seed_and_length() -> None:
    one, other = made("zipf:pages=1K,accesses=5K,seed=1"), made("zipf:pages=1K,accesses=5K,seed=2")
    assert not np.array_equal(page_keys(one), page_keys(other))
    longer = made("zipf:pages=1K,accesses=70K,seed=1")
    assert np.array_equal(longer.page[:5000], one.page)


def test_known_beginning() -> None:
    """The sequence is a promise: changing it would change everyone's published numbers."""
    assert made("zipf:pages=10,accesses=12").page.tolist() == KNOWN_ZIPF
    assert page_keys(made("uniform:pages=10,accesses=12")).tolist() == KNOWN_UNIFORM


def test_zipf_follows_its_law() -> None:
    trace = made("zipf:alpha=1.0,pages=1000,accesses=400K")
    counts = np.sort(np.bincount(trace.page))[::-1]
    harmonic = (1 / np.arange(1, 1001)).sum()
    for rank in (1, 2, 5, 10):
        expected = 400_000 / harmonic / rank
        assert abs(counts[rank - 1] - expected) < 6 * expected**0.5
    assert trace.nr_pages == 1000


def test_uniform_is_even() -> None:
    counts = np.bincount(made("uniform:pages=100,accesses=100K").page)
    assert len(counts) == 100
    assert counts.min() > 800
    assert counts.max() < 1200


def test_loop_and_scan() -> None:
    assert np.array_equal(made("loop:pages=30,accesses=100").page, np.arange(100) % 30)
    assert np.array_equal(made("scan:accesses=100").page, np.arange(100))


def test_phases_move_on() -> None:
    keys = page_keys(made("phases:pages=100,phases=4,overlap=0.5,accesses=40K"))
    for phase in range(4):
        part = keys[phase * 10_000 : (phase + 1) * 10_000]
        assert (part.min(), part.max()) == (50 * phase, 50 * phase + 99)


def test_flags() -> None:
    plain = made("zipf:accesses=1K")
    assert set(plain.flags.tolist()) == {OBJECT_FLAGS}
    trace = made("uniform:pages=10K,accesses=200K,write=0.1,anon=0.3,mapped=0.5")
    file = (trace.flags & FILE) != 0
    assert abs(np.mean((trace.flags & WRITE) != 0) - 0.1) < 0.005
    assert np.all((trace.flags[~file] & SYSCALL) == 0)
    assert abs(np.mean((trace.flags[file] & SYSCALL) != 0) - 0.5) < 0.01
    assert trace.keys is not None
    file_pages = (trace.keys & np.uint64(FILE_KEY)) != 0
    assert abs(np.mean(~file_pages) - 0.3) < 0.03
    assert np.array_equal(file_pages[trace.page], file)
    assert not np.any(made("loop:accesses=1K,anon=1").flags)


def test_mix_has_the_weights_and_pages_of_its_parts() -> None:
    trace = made("mix:3*loop(pages=50)+scan(write=1),accesses=40K,write=0")
    assert trace.keys is not None
    of_scan = ((trace.keys >> np.uint64(40)) & np.uint64(63) == 2)[trace.page]
    assert abs(of_scan.mean() - 0.25) < 0.02
    assert np.array_equal((trace.flags & WRITE) != 0, of_scan)
    assert trace.nr_pages == 50 + of_scan.sum()
    assert np.array_equal(page_keys(trace)[of_scan], np.arange(of_scan.sum()))


def test_numbers_with_suffixes() -> None:
    assert open_trace("loop:accesses=1.5K").info.accesses == 1500
    assert open_trace("loop:accesses=2m").info.accesses == 2_000_000
    assert open_trace("loop:accesses=1_000").info.accesses == 1000
    assert open_trace("loop").info.accesses == 1_000_000


@pytest.mark.parametrize(
    ("spec", "offset", "message"),
    [
        ("zipf:alhpa=1", 5, "no option `alhpa`; did you mean `alpha`"),
        ("zipf:pages=1K,alpha=11", 20, "alpha=11 is out of range; alpha is 0.0 to 10.0"),
        ("zipf:pages=0", 11, "out of range"),
        ("zipf:pages=1.5", 11, "whole number"),
        ("zipf:pages=many", 11, "`many` is not a number"),
        ("zipf:pages=1T", 11, "`1T` is not a number"),
        ("zipf:pages", 10, "needs a value; as in pages=100000"),
        ("zipf:", 5, "no option ``"),
        ("zipf:pages=1,", 13, "no option ``"),
        ("zipf:pages=1,pages=2", 13, "given twice"),
        ("zipf:pages=1)", 12, "`\\)` is left over"),
        ("scan:pages=5", 5, "no option `pages`"),
        ("mix", 3, "is no part of a mix"),
        ("mix:", 4, "is no part of a mix"),
        ("mix:zpif", 4, "`zpif` is no part of a mix; did you mean `zipf`"),
        ("mix:0*zipf", 4, "weight `0`"),
        ("mix:x*zipf", 4, "`x` is not a number"),
        ("mix:zipf(pages=1", 16, "`\\)` is missing"),
        ("mix:zipf(seed=1)", 9, "`seed` belongs to the whole mix"),
        ("mix:zipf+loop,pages=5", 14, "`mix` has no option `pages`"),
        ("mix:" + "+".join(["scan"] * 65), 0, "65 parts"),
        ("zpif:pages=1", 0, "unknown kind of trace `zpif`, and no such file; did you mean `zipf`"),
    ],
)
def test_errors_name_the_place(spec: str, offset: int, message: str) -> None:
    with pytest.raises(TraceError, match=message) as caught:
        open_trace(spec)
    assert (caught.value.path, caught.value.offset, caught.value.unit) == (spec, offset, "character")
