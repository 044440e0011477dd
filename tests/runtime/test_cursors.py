"""`scan` and cursors in policies, while folios leave and join under them."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.machine import Machine
from runtime.simulation import Simulation
from tests.runtime.policies import check_invariants, compiled, events, simulate

KINDS = ("python", "interpreted", "O0", "O3")


def seen_by(text: str, trace: list[int], machine: Machine, kind: str) -> list[int]:
    """The words of state of a policy after a trace, unused ones left out."""
    simulation: Simulation = simulate(compiled(text), events(trace), machine, kind)
    assert not simulation.stopped
    check_invariants(simulation)
    words = [int(w) for w in simulation.regions["policy"].view("<i8")]
    return words[: simulation.layout.state_stride]


ORDER = """
policy order;
list queue;
state at: u64;
state seen: u64[16];
folio { number: u8 }
state count: u8;
hook folio_added(f) { count += 1; f.number = count; queue.push_tail(f); }
hook evict_folios(ctx) {
    CALL
    let f = queue.head;
    if f != null { ctx.evict(f); }
}
fn note(f: folio) { seen[at % 16] = f.number; at += 1; }
"""


def order(call: str, kind: str, pages: int = 5) -> list[int]:
    """The numbers of the folios that `call` visits, five of them resident, at the only reclaim."""
    at, *seen = seen_by(ORDER.replace("CALL", call), list(range(pages + 1)), Machine(pages, True), kind)
    return seen[:at]


@pytest.mark.parametrize("kind", KINDS)
def test_a_scan_visits_each_folio_once(kind: str) -> None:
    assert order("scan f in queue limit 100 { note(f); }", kind) == [1, 2, 3, 4, 5]
    assert order("scan f in queue limit 3 { note(f); }", kind) == [1, 2, 3]
    assert order("scan f in queue limit 0 { note(f); }", kind) == []
    assert order("scan f in queue limit 0xffff_ffff_ffff_ffff { note(f); }", kind) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_scan_moves_it_meets_again_only_within_its_limit(kind: str) -> None:
    assert order("scan f in queue limit 100 { note(f); queue.move_tail(f); }", kind) == [1, 2, 3, 4, 5]
    assert order("scan f in queue limit 100 { note(f); if f.number < 3 { queue.move_tail(f); } }", kind) == [
        1,
        2,
        3,
        4,
        5,
    ]
    assert order("scan f in queue limit 100 { note(f); queue.move_head(f); }", kind) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("kind", KINDS)
def test_a_scan_goes_on_when_the_next_folio_leaves(kind: str) -> None:
    drop = "let n = queue.next(f); if n != null && f.number == 2 { queue.move_head(n); }"
    assert order("scan f in queue limit 100 { note(f); " + drop + " }", kind) == [1, 2, 4, 5]
    rest = "if f.number == 2 { let t = queue.pop_tail(); if t != null { queue.push_head(t); } }"
    assert order("scan f in queue limit 100 { note(f); " + rest + " }", kind) == [1, 2, 3, 4]


@pytest.mark.parametrize("kind", KINDS)
def test_a_scan_ends_when_no_more_is_wanted(kind: str) -> None:
    assert order("scan f in queue limit 100 { note(f); if f.number >= 2 { ctx.evict(f); } }", kind) == [1, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_break_and_continue_in_a_scan(kind: str) -> None:
    assert order(
        "scan f in queue limit 9 { if f.number == 2 { continue; } note(f); if f.number == 4 { break; } }", kind
    ) == [1, 3, 4]


CURSOR = ORDER.replace("list queue;", "list queue;\ncursor hand on queue;")


@pytest.mark.parametrize("kind", KINDS)
def test_a_cursor_goes_on_where_it_was(kind: str) -> None:
    def visited(call: str) -> list[int]:
        text = CURSOR.replace("CALL", call)
        at, *seen = seen_by(text, list(range(8)), Machine(5, True), kind)
        return seen[:at]

    # Three reclaims: 1, 2 and 3 leave from the head, and 6 and 7 join at the tail.
    assert visited("scan f in hand limit 2 { note(f); }") == [1, 2, 3, 4, 5, 6]
    assert visited("scan f in hand limit 4 { note(f); }") == [1, 2, 3, 4, 5, 6, 2, 3, 4, 5, 6, 7]
    assert visited("scan f in hand limit 2 { note(f); } hand.reset();") == [1, 2, 2, 3, 3, 4]


def test_a_cursor_on_one_of_several_lists() -> None:
    text = """
    policy several;
    list gen[3];
    cursor hand on gen[1];
    state at: u64;
    state seen: u64[8];
    state count: u8;
    folio { number: u8 }
    hook folio_added(f) { count += 1; f.number = count; gen[count % 3].push_tail(f); }
    hook evict_folios(ctx) {
        scan f in hand limit 2 { seen[at % 8] = f.number; at += 1; }
        for i in 0..3 { let f = gen[i].head; if f != null { ctx.evict(f); } }
    }
    """
    for kind in KINDS:
        at, *rest = seen_by(text, list(np.arange(7)), Machine(6, True), kind)
        assert (at, rest[:2]) == (2, [1, 4]), kind
