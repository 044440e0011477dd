"""From a trace and the way it was replayed to the events of a simulation.

In: the name of a trace: one of ours, or any that the product reads. Out: its words (`words_of`), which the harness
replays on a real kernel, and the same accesses as a `Chunk` (`events_of`).
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from fidelity.errors import FidelityError
from fidelity.traces import ANONYMOUS, MAKERS, Words, made
from runtime.traces.dense import DenseMapper
from runtime.traces.errors import TraceError
from runtime.traces.model import FILE, FILE_KEY, FREE, SYSCALL, WRITE, Chunk
from runtime.traces.opening import open_trace
from runtime.traces.trace import load


def words_of(trace: str, accesses: int | None, mode: str) -> Words:
    """The first `accesses` accesses of a trace as words for a mode; all of them if None, which one of ours has no end
    for."""
    if trace not in MAKERS:
        return _read(trace, accesses, mode == "mix")
    if accesses is None:
        raise FidelityError(f"the trace {trace} is made up: say how many accesses of it are wanted")
    words = made(trace, accesses)
    if mode != "mix" and int(words.max()) >= ANONYMOUS:
        raise FidelityError(f"the trace {trace} has pages of both kinds: it goes with mode mix, not {mode}")
    return words


@functools.lru_cache(maxsize=4)
def _read(trace: str, accesses: int | None, mixed: bool) -> Words:
    """A trace of the product's. Its pages are numbered closely in the order of their keys: neighbours stay
    neighbours, as far as nothing lies between them. Mixed: file and anonymous pages have numbers of their own. Ends
    of pages are left out."""
    try:
        loaded = load(open_trace(trace), accesses)
    except TraceError as error:
        raise FidelityError(str(error)) from None
    accessed = (loaded.flags & FREE) == 0
    page, flags = loaded.page[accessed].astype(np.int64), loaded.flags[accessed]
    place = np.arange(loaded.nr_pages, dtype=np.uint64) if loaded.keys is None else loaded.keys
    anonymous = (flags & FILE == 0) & mixed
    words = np.empty(len(page), np.uint32)
    for kind, mark in ((~anonymous, 0), (anonymous, ANONYMOUS)):
        words[kind] = np.unique(place[page[kind]], return_inverse=True)[1].astype(np.uint32) | np.uint32(mark)
    words.setflags(write=False)
    return words


def events_of(words: Words, mode: str) -> Chunk:
    """The accesses as events: how they reach their pages is the mode's, which of them are anonymous the word's in
    `mix`. A page's key is its number, so that neighbours in memory are neighbours in the simulation, too. The first
    access to an anonymous page writes it, as the harness does; all others read."""
    anonymous = words >= ANONYMOUS if mode == "mix" else np.full(len(words), mode == "anon")
    number = (words & np.uint32(ANONYMOUS - 1)).astype(np.uint64)
    mapper = DenseMapper()
    page, keys = mapper.map(np.where(anonymous, number, number | np.uint64(FILE_KEY)))
    flags = np.where(anonymous, 0, FILE if mode == "mmap" else FILE | SYSCALL).astype(np.uint8)
    flags[anonymous & _is_first(page, mapper.nr_pages)] |= WRITE
    return Chunk(page, flags, mapper.nr_pages, keys=keys)


def _is_first(page: npt.NDArray[np.uint32], nr_pages: int) -> npt.NDArray[np.bool_]:
    first = np.zeros(len(page), np.bool_)
    first[np.unique(page, return_index=True)[1]] = True
    return first
