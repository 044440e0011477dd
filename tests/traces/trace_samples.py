"""Small traces for the tests, and readers made of them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from runtime.traces.model import FREE, Chunk, TraceInfo
from runtime.traces.trace import LoadedTrace, Trace, load


class MemoryReader:
    """A trace from chunks in memory."""

    def __init__(self, chunks: list[Chunk], info: TraceInfo) -> None:
        self._chunks = chunks
        self.info = info

    def blocks(self) -> Iterator[Chunk]:
        return iter(self._chunks)


def make_chunk(
    keys: Iterable[int], flags: Iterable[int], *, tenant: bool = False, named: bool = True, step: int = 0
) -> Chunk:
    """A whole trace of these keys, with columns derived from them; frees of unseen keys are left out."""
    seen: dict[int, int] = {}
    events: list[tuple[int, int]] = []
    for key, flag in zip(keys, flags, strict=True):
        if flag == FREE:
            if key in seen:
                events.append((seen[key], FREE))
        else:
            events.append((seen.setdefault(key, len(seen)), flag))
    accesses = sum(flag != FREE for _, flag in events)
    tenants = [0 if flag == FREE else page % 5 for page, flag in events]
    return Chunk(
        np.array([page for page, _ in events], np.uint32),
        np.array([flag for _, flag in events], np.uint8),
        len(seen),
        np.array(tenants, np.uint16) if tenant else None,
        np.array(list(seen), np.uint64) if named else None,
        np.arange(0, accesses, step, dtype=np.uint64) * np.uint64(1 << 61) if step else None,
    )


def trace_of(chunk: Chunk, step: int = 0, page_size: int = 4096) -> Trace:
    """The trace that is this one chunk."""
    columns = tuple(name for name in ("tenant", "keys", "clock") if getattr(chunk, name) is not None)
    info = TraceInfo("sample", "memory", page_size=page_size, columns=columns, clock_step=step)
    return Trace(MemoryReader([chunk], info))


def same(one: LoadedTrace, other: LoadedTrace, columns: tuple[str, ...] = ("tenant", "keys", "clock")) -> bool:
    """Whether two traces have the same events."""
    for name in ("page", "flags", *columns):
        left, right = getattr(one, name), getattr(other, name)
        if (left is None) != (right is None) or (left is not None and not np.array_equal(left, right)):
            return False
    return one.nr_pages == other.nr_pages and one.accesses == other.accesses


def loaded(chunk: Chunk, step: int = 0) -> LoadedTrace:
    return load(trace_of(chunk, step))


def write_pgt1(path: Path, chunk: Chunk, clock_step: int = 0, **changes: int) -> bytes:
    """A PGT1 file of a chunk; `changes` replace header fields."""
    accessed = chunk.flags != FREE
    free_at = np.cumsum(accessed)[~accessed]
    mask = (chunk.tenant is not None) | (chunk.keys is not None) << 1 | (clock_step > 0) << 2 | (len(free_at) > 0) << 3
    fields = {
        "version": 1,
        "accesses": int(accessed.sum()),
        "pages": chunk.nr_pages,
        "mask": mask,
        "page_size": 4096,
        "step": clock_step,
        "frees": len(free_at),
    } | changes
    parts = [struct.pack("<4sIQIIIIQ", b"PGT1", *fields.values()).ljust(64, b"\0")]
    parts += [chunk.page[accessed].astype("<u4").tobytes(), chunk.flags[accessed].tobytes()]
    if chunk.tenant is not None:
        parts.append(chunk.tenant[accessed].astype("<u2").tobytes())
    if chunk.keys is not None:
        parts.append(chunk.keys.astype("<u8").tobytes())
    if chunk.clock is not None:
        parts.append(chunk.clock.astype("<u8").tobytes())
    parts += [free_at.astype("<u4").tobytes(), chunk.page[~accessed].astype("<u4").tobytes()]
    data = b"".join(parts)
    path.write_bytes(data)
    return data


ACCESS = st.integers(0, 15)
EVENT_FLAGS = st.one_of(ACCESS, ACCESS, ACCESS, st.just(FREE))
KEYS = st.one_of(st.integers(0, 20), st.integers(0, (1 << 64) - 1), st.integers(1 << 24, (1 << 24) + 3))


@st.composite
def chunks(draw: st.DrawFn, tenants: bool = True) -> tuple[Chunk, int]:
    """A whole trace with at least one access, in one chunk, and its clock step."""
    events = draw(st.lists(st.tuples(KEYS, EVENT_FLAGS), max_size=60))
    events.append((draw(KEYS), draw(ACCESS)))
    step = draw(st.integers(0, 4))
    keys, flags = zip(*events, strict=True)
    tenant = tenants and draw(st.booleans())
    return make_chunk(keys, flags, tenant=tenant, named=draw(st.booleans()), step=step), step
