"""Pressure of two tasks at a time, by hand: `some` and `full`, for memcgs and those above them."""

from __future__ import annotations

import pytest

from runtime.core import layout as core
from runtime.core.context import Context
from runtime.core.psi import add_stall, add_wait, settle
from runtime.machine import Machine, Memcg, Task
from tests.runtime.policies import context_of
from tests.runtime.tree_samples import loop, start

Spans = list[tuple[int, int]]
LATER = 1_000
"""When both tasks have begun their next access."""


def pressure(
    stalls: tuple[Spans, Spans], waits: tuple[Spans, Spans] = ([], []), ended: int | None = None
) -> list[tuple[int, int]]:
    """`some` and `full` of the top, of the first task's memcg and of the second's, when the tasks were stalled and
    waited in these spans of their last accesses, which began at 0. `ended`: when the second ended."""
    memcgs = (Memcg("/"), Memcg("a", 0), Memcg("b", 0))
    machine = Machine(100, memcgs=memcgs, tasks=(Task("a", 1), Task("b", 2)))
    context: Context = context_of(start(machine, [loop(1, 1), loop(1, 1)], kind="python"))
    for task in range(2):
        for begin, end in stalls[task]:
            add_stall(context, task, begin, end)
        for begin, end in waits[task]:
            add_wait(context, task, begin, end)
        context.tasks[task, core.TASK_CLOCK] = LATER
    if ended is not None:
        context.tasks[1, core.TASK_CLOCK], context.tasks[1, core.TASK_ENDED] = ended, 2
    for memcg in range(3):
        settle(context, memcg, LATER)
    return [(context.memcgs[m, core.MEMCG_SOME], context.memcgs[m, core.MEMCG_FULL]) for m in range(3)]


def test_stalls_that_overlap() -> None:
    """[100, 200) and [150, 300): some 200, both 50."""
    assert pressure(([(100, 200)], [(150, 300)])) == [(200, 50), (100, 100), (150, 150)]


def test_stalls_that_do_not_overlap() -> None:
    assert pressure(([(100, 200)], [(300, 350)])) == [(150, 0), (100, 100), (50, 50)]


def test_a_stall_within_another() -> None:
    assert pressure(([(100, 500)], [(200, 300)])) == [(400, 100), (400, 400), (100, 100)]


def test_two_stalls_of_one_access() -> None:
    """[100, 150) for reclaim, [200, 300) for its page, against [120, 250): both in [120, 150) and [200, 250)."""
    assert pressure(([(100, 150), (200, 300)], [(120, 250)])) == [(200, 80), (150, 150), (130, 130)]


def test_who_waits_for_a_device_does_no_useful_work() -> None:
    assert pressure(([(100, 200)], []), ([], [(120, 180)])) == [(100, 60), (100, 100), (0, 0)]


def test_who_has_ended_does_not_count() -> None:
    assert pressure(([(100, 200)], []), ended=150) == [(100, 50), (100, 100), (0, 0)]


@pytest.mark.parametrize("pieces", [[50], [10, 120, 130, 160, 400], [100, 200, 300]])
def test_settling_in_pieces_is_the_same(pieces: list[int]) -> None:
    memcgs = (Memcg("/"), Memcg("a", 0), Memcg("b", 0))
    machine = Machine(100, memcgs=memcgs, tasks=(Task("a", 1), Task("b", 2)))
    context = context_of(start(machine, [loop(1, 1), loop(1, 1)], kind="python"))
    add_stall(context, 0, 100, 200)
    add_stall(context, 1, 150, 300)
    for until in [*pieces, LATER]:
        settle(context, 0, until)
    assert (context.memcgs[0, core.MEMCG_SOME], context.memcgs[0, core.MEMCG_FULL]) == (200, 50)
