"""What the verifier understands, and where it must not be too clever."""

from __future__ import annotations

import pytest
from judged import codes

BOUNDS = ["index-out-of-bounds"]

ACCEPTED = {
    "test through a widened copy": "if f.slot < 16 { hist[f.slot] += 1; }",
    "test of a wider variable": "let i: u64 = f.slot; if i < 16 { small = i; hist[f.slot] = 1; }",
    "state keeps its value": "if small < 16 { hist[small] += 1; }",
    "state after a store": "small = 3; hist[small] = 1; small += 12; hist[small] = 1;",
    "state in both branches": "if flag { total = 3; } else { total = 9; } hist[total] = 1;",
    "param read twice": "if few > 3 { hist[few + 7] = 1; }",
    "equality": "if total == few { hist[total] = 1; }",
    "inequality at an end": "if small < 17 && small != 16 { hist[small] = 1; }",
    "difference": "if total >= 100 && total < 116 { hist[total - 100] = 1; }",
    "sum, backwards": "if total < 100 && few + total < 16 { hist[total] = 1; }",
    "named condition": "let low = total < 16; if low { hist[total] = 1; }",
    "negated name": "let high = !(total < 16); if !high { hist[total] = 1; }",
    "conjunction as a value": "let both = total < 32 && flag; if both { total = 1; }",
    "disjunction": "if total > 15 || flag { return; } hist[total] = 1;",
    "ifs as expressions": "hist[if flag { 3 } else { few }] = 1;",
    "bits": "hist[(total << 2) & 12 | 3] = 1;",
    "shift by a variable": "hist[(1 << (total & 3)) + 7] = 1;",
    "known bits across a test": "let i = total & 24; if i < 16 { hist[i + 7] = 1; }",
    "signed": "let i = signed; if i >= -8 && i < 8 { hist[(i + 8) as u64] = 1; }",
    "signed division": "let i = signed % 8; if i > 0 { hist[i as u64] = 1; }",
    "loop index": "for i in 0..16 { hist[i] = i; }",
    "loop from": "for i in 3..17 { hist[i - 3] = i; }",
    "counter with a test": "let i = 0; loop up to 100 { if i == 16 { break; } hist[i] = 1; i += 1; }",
    "counter kept by wrapping": "let i = 0; loop up to 100 { hist[i] = 1; i += 1; if i >= 16 { i = 0; } }",
    "counter in steps": "let i = 0; loop up to 100 { hist[i + 3] = 1; i = (i + 4) % 16; }",
    "outer counter": "let i = 0; loop up to 9 { for j in 0..3 { hist[i] = j; } i = min(i + 1, 15); }",
    "after a loop": "let i = 0; loop up to 9 { if i < 15 { i += 1; } } hist[i] = 1;",
    "at least one round": "let i = 99; for j in 0..3 { i = j; } hist[i] = 1;",
    "a dead branch": "if few > 8 { hist[99 + few] = 1; }",
    "a call does not change a field": "if f.slot < 16 { queue.move_tail(f); hist[f.slot] = 1; }",
    "a counter of rounds": "let n = 0; loop up to 15 { if flag { n += 1; } } hist[n] = 1;",
    "a counter of rounds of rounds": "let n = 0; for i in 0..3 { for j in 0..5 { if j > i { n += 1; } } } hist[n] = 1;",
    "a counter that falls": "let n = 15; loop up to 15 { hist[n] = 1; if flag { n -= 1; } } hist[n] = 1;",
    "field of one folio": "f.slot = 3; let i = f.slot; hist[i] = 1;",
    "reference field": "let e = counts.lookup(f.key); if e != null && e.value < 16 { hist[e.value] = 1; }",
    "key of an entry": "let e = counts.oldest; if e != null { others.insert(e.key); }",
    "mul_div": "hist[mul_div(small, 15, 255)] = 1;",
    "context read twice": "if ctx.nr_resident < 16 { hist[ctx.nr_resident] = 1; }",
    "null through a copy": "let g = queue.head; let h = g; if h != null { g.age = 1; }",
    "not null from a loop": "let g = queue.head; if g == null { return; } for i in 0..4 { g.age = 1; }",
    "lists by index": "for i in 0..4 { gen[i].move_tail(f); }",
}  # fmt: skip


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_understood(body: str) -> None:
    assert codes(body) == []


REJECTED = {
    "the folio's field was set through another name":
        "let g = queue.head; if g != null && f.slot < 16 { g.slot = 200; hist[f.slot] = 1; }",
    "the field was set to something else": "if f.slot < 16 { f.slot = f.age; hist[f.slot] = 1; }",
    "a call may have changed the length": "if queue.len < 16 { queue.move_tail(f); hist[queue.len] = 1; }",
    "a store may have changed the element":
        "if hist[small & 15] < 16 { hist[few] = total; hist[hist[small & 15]] = 1; }",
    "a flag of another test": "let low = total < 16; if small < 16 { low = true; } if low { hist[total] = 1; }",
    "a counter that skips": "let n = 0; loop up to 14 { if flag { n += 2; } } hist[n] = 1;",
    "a counter of two loops": "let n = 0; for i in 0..4 { for j in 0..4 { n += 1; } } hist[n] = 1;",
    "a difference the wrong way": "if total < 16 && f.slot < total { hist[f.slot - total] = 1; }",
    "a sum past the end": "for i in 0..16 { for j in 0..17 - i { hist[i + j] = 1; } }",
    "another field": "if f.age < 16 { hist[f.slot] = 1; }",
    "another folio": "let g = queue.head; if g != null && g.slot < 16 { hist[f.slot] = 1; }",
    "the state was changed in a branch": "if small < 16 { if flag { small += 1; } hist[small] = 1; }",
    "the state is changed in the loop": "if small < 16 { for i in 0..3 { hist[small] = 1; small += 1; } }",
    "the field is changed in the loop":
        "if f.slot < 16 { for i in 0..3 { hist[f.slot] = 1; f.slot += 1; } }",
    "the condition is stale": "let low = total < 16; total += 1; if low { hist[total] = 1; }",
    "the condition is of the last round":
        "let i = total; let low = i < 16; for j in 0..3 { if low { hist[i] = 1; } i += 1; }",
    "the other branch": "if total < 16 { flag = true; } hist[total] = 1;",
    "a wrapped sum": "let i = total + 1; if i < 16 { hist[total] = 1; }",
    "a cut-off value": "if total as u8 < 16 { hist[total] = 1; }",
    "a signed value below": "if signed < 16 { hist[signed as u64] = 1; }",
    "broken out of": "let i = 0; loop up to 9 { i = 99; if flag { break; } i = 1; } hist[i] = 1;",
    "continued": "let i = 0; loop up to 9 { hist[i] = 1; i = 99; if flag { continue; } i = 1; }",
    "after no round": "let i = 99; for j in 0..few - 1 { i = 1; } hist[i] = 1;",
    "inner loop's effect": "let i = 0; for j in 0..3 { hist[i] = 1; for k in 0..9 { i += 1; } if i > 20 { i = 0; } }",
    "one side of an or": "if total < 16 || flag { hist[total] = 1; }",
    "the context after a call": "if ctx.nr_resident < 16 { queue.move_tail(f); hist[ctx.nr_resident] = 1; }",
}  # fmt: skip


@pytest.mark.parametrize("body", REJECTED.values(), ids=REJECTED.keys())
def test_not_believed(body: str) -> None:
    assert codes(body) == BOUNDS


STALE = {
    "changed on one path":
        "let e = counts.lookup(f.key); if flag { counts.insert(f.key); } if e != null { e.value = 1; }",
    "changed on the other path":
        "let e = counts.lookup(f.key); if flag { total = 1; } else { counts.insert(f.key); }"
        " if e != null { e.value = 1; }",
    "taken on one path before the change":
        "let e = counts.lookup(f.key); if flag { e = counts.lookup(f.key); counts.insert(f.key); }"
        " if e != null { e.value = 1; }",
    "changed in the loop":
        "let e = counts.lookup(f.key); for i in 0..2 { if e != null { e.value = 1; } counts.delete(f.key); }",
    "changed before leaving":
        "let e = counts.lookup(f.key); for i in 0..2 { if flag { counts.delete(f.key); break; } }"
        " if e != null { e.value = 1; }",
}  # fmt: skip


@pytest.mark.parametrize("body", STALE.values(), ids=STALE.keys())
def test_references_that_died(body: str) -> None:
    assert codes(body) == ["stale-map-value"]


ALIVE = {
    "another map": "let e = counts.lookup(f.key); others.insert(f.key); if e != null { e.value = 1; }",
    "renewed on the path": "let e = counts.lookup(f.key); if flag { counts.insert(f.key); e = counts.lookup(f.key); }"
        " if e != null { e.value = 1; }",
    "renewed on both paths": "let e = counts.lookup(f.key); if flag { counts.insert(f.key); e = counts.lookup(f.key); }"
        " else { counts.delete(f.key); e = counts.lookup(f.key); } if e != null { e.value = 1; }",
    "renewed in each round": "let e = counts.lookup(f.key); for i in 0..3 { if e != null { e.value = 1; }"
        " counts.insert(f.key); e = counts.lookup(f.key); }",
    "null after the change": "let e = counts.lookup(f.key); counts.insert(f.key); if e == null { total = 1; }",
}  # fmt: skip


@pytest.mark.parametrize("body", ALIVE.values(), ids=ALIVE.keys())
def test_references_that_live(body: str) -> None:
    assert codes(body) == []
