"""Page tables: the rmap walk of a folio, the look-around, and the walk of a memcg's tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from runtime.core import layout as core
from runtime.core import walk
from runtime.core.context import Context
from runtime.core.folio import folio_activate
from runtime.executors import NativeExecutor, PythonExecutor
from runtime.jit.module import Module, Variant, settings_of
from runtime.machine import Machine
from runtime.program import load_program, native_code
from runtime.regions import Attachment
from runtime.simulation import Simulation
from runtime.traces import load, open_trace
from tests.runtime.policies import Events, program

MAPPED = core.E_FILE


@dataclass
class Recorder:
    """Hooks that note what they are called for. `visits` answers `walk_table`."""

    visits: Callable[[int, int], int] = lambda source, table: 1
    young_pages: list[int] = field(default_factory=list)
    sources: set[int] = field(default_factory=set)
    asked: list[tuple[int, int]] = field(default_factory=list)
    done: list[tuple[int, int, int]] = field(default_factory=list)
    begun: int = 0
    activated: list[int] = field(default_factory=list)
    activate: bool = False

    def walk_begin(self, ctx: Context, lruvec: int) -> None:
        self.begun += 1

    def walk_table(self, ctx: Context, lruvec: int) -> int:
        self.asked.append((ctx.state[core.CTX_SOURCE], ctx.state[core.CTX_TABLE]))
        return self.visits(*self.asked[-1])

    def young(self, ctx: Context, lruvec: int, f: int) -> None:
        self.young_pages.append(ctx.folios[f, core.PAGE])
        self.sources.add(ctx.state[core.CTX_SOURCE])
        if self.activate:
            folio_activate(ctx, lruvec, f)

    def walk_table_done(self, ctx: Context, lruvec: int) -> None:
        words = (core.CTX_TABLE, core.CTX_PTES_SEEN, core.CTX_PTES_YOUNG)
        self.done.append((ctx.state[words[0]], ctx.state[words[1]], ctx.state[words[2]]))

    def folio_activated(self, ctx: Context, lruvec: int, f: int) -> None:
        self.activated.append(ctx.folios[f, core.PAGE])


@dataclass
class Mapped:
    """A task with pages mapped and on lists, none of them young."""

    ctx: Context
    hooks: Recorder

    def touch(self, pages: Iterator[int] | list[int] | range) -> None:
        for page in pages:
            self.ctx.folios[self.ctx.page_table[page], core.FLAGS] |= core.F_YOUNG

    def is_young(self, page: int) -> bool:
        return self.ctx.folios[self.ctx.page_table[page], core.FLAGS] & core.F_YOUNG != 0

    def referenced(self, page: int) -> bool:
        return walk.folio_referenced(self.ctx, 0, self.ctx.page_table[page])


def mapped(
    count: int, vma_pages: int = 0, addresses: list[int] | None = None, flags: int | list[int] = MAPPED
) -> Mapped:
    """`count` pages, whose number must be one of full batches, at addresses of their own or at their numbers."""
    policy = program("builtin:mglru")
    module = Module((policy,), settings_of((policy,), Variant(False, True, addresses is not None)))
    machine = Machine(2 * count, vma_pages=vma_pages)
    simulation = Simulation(Attachment(policy, {}), machine, PythonExecutor(module), addresses is not None)
    keys = None if addresses is None else np.array(addresses, "u8")
    all_flags = np.broadcast_to(np.asarray(flags, "u1"), count).copy()
    simulation.run(Events(np.arange(count, dtype="u4"), all_flags, count, keys))
    ctx = Context(dict(simulation.views()), settings_of((policy,), simulation.variant))
    ctx.hooks = hooks = Recorder()  # type: ignore[assignment]
    for page in range(count):
        ctx.folios[ctx.page_table[page], core.FLAGS] &= ~core.F_YOUNG
    return Mapped(ctx, hooks)


BATCH = 31

# --- one folio --------------------------------------------------------------------------------------------


def test_what_was_not_accessed_is_not_referenced() -> None:
    space = mapped(4 * BATCH)
    space.touch([50])
    assert not space.referenced(51)
    assert space.is_young(50)
    assert not space.hooks.asked
    assert not space.hooks.done


def test_the_young_bit_is_taken_once() -> None:
    space = mapped(4 * BATCH)
    space.touch([50])
    assert space.referenced(50)
    assert not space.referenced(50)


@pytest.mark.parametrize(
    ("page", "first"), [(0, 0), (31, 0), (32, 0), (33, 1), (300, 268), (479, 447), (480, 448), (511, 448)]
)
def test_the_window_is_64_entries_within_the_table(page: int, first: int) -> None:
    space = mapped(20 * BATCH)
    space.touch(range(20 * BATCH))
    assert space.referenced(page)
    assert space.hooks.young_pages == [p for p in range(first, first + 64) if p != page]
    assert space.hooks.done == [(0, 64, 64)]
    assert space.hooks.sources == {core.BY_LOOK_AROUND}
    assert [p for p in range(20 * BATCH) if not space.is_young(p)] == list(range(first, first + 64))


def test_the_window_of_another_table() -> None:
    space = mapped(20 * BATCH)
    space.touch([515, 511])
    space.referenced(515)
    assert space.is_young(511)
    assert space.hooks.done == [(1, 64, 1)]


def test_a_mapping_of_one_page_has_no_neighbours() -> None:
    space = mapped(4 * BATCH, vma_pages=1)
    space.touch([50, 51])
    assert space.referenced(50)
    assert space.is_young(51)
    assert space.hooks.done == [(0, 1, 1)]


def test_a_policy_may_do_without() -> None:
    space = mapped(4 * BATCH)
    space.hooks.visits = lambda source, table: int(source != core.BY_LOOK_AROUND)
    space.touch([50, 51])
    assert space.referenced(50)
    assert space.is_young(51)
    assert space.hooks.asked == [(core.BY_LOOK_AROUND, 0)]
    assert space.hooks.done == []


def test_holes_and_pages_of_the_other_kind_are_no_neighbours() -> None:
    flags = [MAPPED if page % 2 else core.E_WRITE for page in range(4 * BATCH)]
    space = mapped(4 * BATCH, addresses=[2 * page for page in range(4 * BATCH)], flags=flags)
    space.touch([20, 21, 22])
    assert space.referenced(20)
    assert space.is_young(21)
    assert space.hooks.young_pages == [22]
    assert space.hooks.done == [(0, 16, 2)], "16 of 32 pages in 64 slots are anonymous"


def test_what_is_on_no_list_is_left_alone() -> None:
    space = mapped(2 * BATCH + 3)
    space.touch([40, 2 * BATCH + 1])
    assert space.referenced(40)
    assert space.is_young(2 * BATCH + 1), "in the batch"


def test_a_full_batch_of_activations_is_drained() -> None:
    space = mapped(4 * BATCH)
    space.hooks.activate = True
    space.touch(range(BATCH + 2))
    space.referenced(0)
    assert space.hooks.activated == list(range(1, BATCH + 1))
    assert space.ctx.tasks[0, core.NR_ACTIVATE_BATCH] == 1


# --- all of a memcg ---------------------------------------------------------------------------------------


def test_a_walk_clears_every_young_entry_and_counts_by_table() -> None:
    space = mapped(20 * BATCH)
    space.touch(range(0, 20 * BATCH, 10))
    walk.walk_page_tables(space.ctx, 0)
    assert space.hooks.begun == 1
    assert space.hooks.young_pages == list(range(0, 20 * BATCH, 10))
    assert space.hooks.sources == {core.BY_WALK}
    assert space.hooks.done == [(0, 512, 52), (1, 108, 10)]
    assert not any(space.is_young(page) for page in range(20 * BATCH))


def test_tables_that_are_refused_stay_as_they_are() -> None:
    space = mapped(20 * BATCH)
    space.hooks.visits = lambda source, table: table
    space.touch([5, 515])
    walk.walk_page_tables(space.ctx, 0)
    assert space.hooks.asked == [(core.BY_WALK, 0), (core.BY_WALK, 1)]
    assert space.is_young(5)
    assert not space.is_young(515)


def test_tables_are_walked_in_the_order_of_their_addresses() -> None:
    count = 4 * BATCH
    space = mapped(count, addresses=[(count - page) * 600 for page in range(count)])
    space.touch(range(count))
    walk.walk_page_tables(space.ctx, 0)
    assert space.hooks.young_pages == list(reversed(range(count)))


def test_mappings_of_single_pages_are_walked_like_others() -> None:
    space = mapped(4 * BATCH, vma_pages=1)
    space.touch([7])
    walk.walk_page_tables(space.ctx, 0)
    assert space.hooks.young_pages == [7]
    assert space.hooks.done == [(0, 4 * BATCH, 1)]


def test_without_page_tables_there_is_no_walk() -> None:
    space = mapped(4 * BATCH)
    space.ctx.state[core.HAS_WALKS] = 0
    space.touch([50, 51])
    walk.walk_page_tables(space.ctx, 0)
    assert space.hooks.begun == 0
    assert space.referenced(50)
    assert space.is_young(51)


@pytest.mark.parametrize("addressed", [True, False])
def test_how_a_trace_is_cut_into_chunks_does_not_matter(addressed: bool) -> None:
    """Pages that the chunk in memory only names had counted as entries of page tables."""
    whole = load(open_trace("zipf:pages=4K,accesses=20K,mapped=0.7,anon=0.4,write=0.2,seed=3"))
    mglru = load_program("builtin:mglru")
    code = NativeExecutor(native_code([mglru], Variant(addressed=addressed)))
    results = set()
    for size in (1 << 20, 3000, 777):
        simulation = Simulation(mglru.attachment, Machine(600), code, addressed)
        for chunk in whole.chunks(size):
            simulation.run(chunk if addressed else replace(chunk, keys=None))
        results.add(tuple(simulation.counters().values()))
    assert len(results) == 1
    assert simulation.counters()["aged"] > 3
