"""What relates values: repeated expressions, sides of a join, differences, the pace of counters.

Each relation beside the nearest that does not hold: what is accepted and what must not be.
"""

from __future__ import annotations

import pytest
from judged import codes

BOUNDS = ["index-out-of-bounds"]
AB = "let a: u64 = f.slot & 15; let b: u64 = f.age & 15; "
"""Two values in [0, 15] of which nothing else is known."""

PARTS = "let p = signed % 4; let w: i64 = (f.slot & 7) as i64; let x: i64 = (f.age & 7) as i64; "
"""Signed values in [-3, 3], [0, 7] and [0, 7]."""

TWINS: dict[str, tuple[str, str]] = {
    # backwards through a cast or a scale
    "a signed view": (
        "let s = total as i64; if s >= 0 && s < 16 { hist[total] = 1; }",
        "let s = total as i64; if s < 16 { hist[total] = 1; }",
    ),
    "an unsigned view": (
        "let u = signed as u64; if u < 16 { hist[(signed + 0) as u64] = 1; }",
        "let u = signed as u64; if u >= 16 { hist[(signed + 0) as u64] = 1; }",
    ),
    "a negative view": (
        "let s = total as i64; if s < 0 && s > -9 { hist[total + 8] = 1; hist[0 - total] = 1; }",
        "let s = total as i64; if s < 0 && s > -17 { hist[total + 8] = 1; }",
    ),
    "the bits of a cut-off value": (
        "if total as u8 == 3 { hist[total & 255] = 1; }",
        "if total as u8 == 3 { hist[total & 511] = 1; }",
    ),
    "what was divided": ("if total / 4 < 4 { hist[total] = 1; }", "if total / 4 < 5 { hist[total] = 1; }"),
    "what was shifted": ("if total >> 2 < 4 { hist[total] = 1; }", "if total >> 2 <= 4 { hist[total] = 1; }"),
    "what was multiplied": (
        "let n: u64 = f.slot; if n * 4 < 64 { hist[n] = 1; }",
        "let n: u64 = f.slot; if n * 4 <= 64 { hist[n] = 1; }",
    ),
    "what was multiplied and wrapped": (
        "let n: u64 = f.slot; if 4 * n < 61 { hist[n] = 1; }",
        "let n = total; if n * 4 < 61 { hist[n] = 1; }",
    ),
    "what was multiplied, from below": (
        "let n: u64 = f.age; if n * 3 >= 10 { hist[n / 17 + 0] = 1; if n < 17 { hist[n - 4 + 3] = 1; } }",
        "let n: u64 = f.age; if n * 3 >= 10 && n < 17 { hist[n - 5] = 1; }",
    ),
    # repeated expressions
    "a length": (
        "if queue.len < 16 { hist[queue.len] = 1; }",
        "if queue.len < 16 { queue.move_tail(f); hist[queue.len] = 1; }",
    ),
    "of another list": ("if queue.len < 16 { hist[queue.len] = 1; }", "if queue.len < 16 { hist[other.len] = 1; }"),
    "of a list by index": (
        "if gen[few & 3].len < 16 { hist[gen[few & 3].len] = 1; }",
        "if gen[few & 3].len < 16 { hist[gen[few & 1].len] = 1; }",
    ),
    "a sum": ("if total + 1 < 16 { hist[total + 1] = 1; }", "if total + 1 < 16 { hist[total + 2] = 1; }"),
    "a sum of what changed": (
        "if total + 1 < 16 { hist[total + 1] = 1; }",
        "if total + 1 < 16 { total += 1; hist[total + 1] = 1; }",
    ),
    "a cut-off value": (
        "if total as u8 < 16 { hist[total as u8] = 1; }",
        "if total as u8 < 16 { hist[total as u16] = 1; }",
    ),
    "an element": (
        "if hist[few] < 16 { hist[hist[few]] = 1; }",
        "if hist[few] < 16 { hist[total & 15] = 99; hist[hist[few]] = 1; }",
    ),
    "an element at another place": (
        "if hist[2] < 16 { hist[3] = 99; hist[hist[2]] = 1; }",
        "if hist[2] < 16 { hist[2] = 99; hist[hist[2]] = 1; }",
    ),
    "an element set in a branch": (
        "if hist[2] < 16 { if flag { hist[2] = 3; } hist[hist[2]] = 1; }",
        "if hist[2] < 16 { if flag { hist[2] = 16; } hist[hist[2]] = 1; }",
    ),
    "an element set in a loop": (
        "if hist[2] < 16 { for i in 0..3 { hist[3] = i; } hist[hist[2]] = 1; }",
        "if hist[2] < 16 { for i in 0..3 { hist[i] = 99; } hist[hist[2]] = 1; }",
    ),
    "fields of two folios": (
        "let g = queue.head; if g != null && f.slot < 16 && g.slot < 16 { hist[f.slot] = 1; hist[g.slot] = 1; }",
        "let g = queue.head; if g != null && f.slot < 16 && g.slot < 16 { f.slot = 99; hist[g.slot] = 1; }",
    ),
    "a field after a call": (
        "if f.slot < 16 { queue.move_tail(f); hist[f.slot] = 1; }",
        "if f.slot < 16 { queue.move_tail(f); hist[f.age] = 1; }",
    ),
    "a value of a map": (
        "let e = counts.lookup(f.key); if e != null && e.value < 16 { others.insert(f.key); hist[e.value] = 1; }",
        "let e = counts.lookup(f.key); let g = counts.newest; if e != null && g != null && e.value < 16"
        " { g.value = 99; hist[e.value] = 1; }",
    ),
    "a value of an array": (
        "let e = levels.lookup(3); if e != null && e.value < 16 { queue.move_tail(f); hist[e.value] = 1; }",
        "let e = levels.lookup(3); if e != null && e.value < 16 { levels.fill(99); hist[e.value] = 1; }",
    ),
    "what was negative and divided": (
        "let s = signed; if s >= 0 && s / 4 == 1 { hist[(s - 4) as u64] = 1; }",
        "let s = signed; if s / 4 == -1 { hist[(s + 4) as u64] = 1; }",
    ),
    "a shift of what is negative": (
        PARTS + "let n = -1 - x; let q = n >> (w & 3); if q >= n { hist[((q - n) * 2) as u64] = 1; }",
        PARTS + "let n = -1 - x; let q = n >> (w & 3); if q >= n { hist[((q - n) * 3) as u64] = 1; }",
    ),
    "what is left of a whole": (
        "if total <= few { let m = few - total; let n: u64 = f.slot; if n <= m { hist[n + total] = 1; } }",
        "let m = few - total; let n: u64 = f.slot; if n <= m { hist[n + total] = 1; }",
    ),
    # a share of a whole
    "a share of what may be negative": (
        PARTS + "if p >= 0 && p <= w { let q = p * 10 / w; hist[q as u64] = 1; }",
        PARTS + "if p <= w { let q = p * 10 / w; hist[q as u64] = 1; }",
    ),
    "negative parts and scales": (
        PARTS + "let a = -1 - x % 4; let b = -1 - x % 2; let q = a * b / (w + 1); hist[q as u64] = 1;",
        PARTS + "let a = -1 - x; let b = -1 - x; let q = a * b / (w + 1); hist[q as u64] = 1;",
    ),
    "a share of a whole that is negative": (
        PARTS + "let v = p * 2; let r = -1 - x; if v >= r && v < 0 { let q = v * 5 / r; hist[q as u64] = 1; }",
        PARTS + "let v = -1 - w; let r = -1 - x; if v <= r { let q = v * 5 / r; hist[q as u64] = 1; }",
    ),
    # sides of a join
    "a flag": (
        "let low = total < 16; if low { hist[total] = 1; }",
        "let low = total < 16; total += 1; if low { hist[total] = 1; }",
    ),
    "both of two": (
        "let both = total < 16 && few < 5; if both { hist[total] = 1; }",
        "let any = total < 16 || few < 5; if any { hist[total] = 1; }",
    ),
    "neither of two": (
        "let any = total >= 16 || flag; if !any { hist[total] = 1; }",
        "let any = total >= 16 && flag; if !any { hist[total] = 1; }",
    ),
    "which of three": (
        "let kind = if total < 16 { 1 } else if total < 32 { 2 } else { 3 }; if kind == 2 { hist[total - 16] = 1; }",
        "let kind = if total < 16 { 1 } else if total < 32 { 2 } else { 3 }; if kind >= 2 { hist[total - 16] = 1; }",
    ),
    "found": (
        "let found = false; let at = 99; for i in 0..16 { if hist[i] == 3 { found = true; at = i; break; } }"
        " if found { hist[at] = 1; }",
        "let found = false; let at = 99; for i in 0..16 { if hist[i] == 3 { found = true; break; } at = i + 1; }"
        " if found { hist[at] = 1; }",
    ),
    "a flag of another round": (
        "let low = false; let i = total; loop up to 3 { low = i < 16; if low { hist[i] = 1; } i += 1; }",
        "let low = false; let i = total; loop up to 3 { if low { hist[i] = 1; } low = i < 16; i += 1; }",
    ),
    "a folio that is there": (
        "let g = queue.head; let h = other.head; if g == null && h == null { return; }"
        " if g == null { hist[h.slot & 15] = 1; }",
        "let g = queue.head; let h = other.head; if g == null && flag { return; } if g == null { total = h.slot; }",
    ),
    # differences
    "the greater less the smaller": (AB + "if a <= b { hist[b - a] = 1; }", AB + "if a <= b { hist[a - b] = 1; }"),
    "by one more": (AB + "if a < b { hist[b - a - 1] = 1; }", AB + "if a <= b { hist[b - a - 1] = 1; }"),
    "at least": (AB + "if a >= b { hist[a - b] = 1; }", AB + "if a != b { hist[a - b] = 1; }"),
    "equal": (AB + "if a == b { hist[a - b] = 1; }", AB + "if a + 1 == b { hist[a - b] = 1; }"),
    "through a third": (
        AB + "let c = total & 15; if a <= c && c <= b { hist[b - a] = 1; }",
        AB + "let c = total & 15; if a <= c && b <= c { hist[b - a] = 1; }",
    ),
    "of the lesser": (AB + "hist[a - min(a, b)] = 1;", AB + "hist[min(a, b) - a] = 1;"),
    "of the greater": (AB + "hist[max(a, b) - a] = 1;", AB + "hist[a - max(a, b)] = 1;"),
    "of both": (AB + "hist[max(a, b) - min(a, b)] = 1;", AB + "hist[min(a, b) - max(a, b)] = 1;"),
    "of a part": (AB + "hist[a - a / 2] = 1;", AB + "hist[a / 2 - a] = 1;"),
    "of a shifted part": (AB + "hist[a - (a >> 1)] = 1;", AB + "hist[a - (a << 1)] = 1;"),
    "of some bits": (AB + "hist[a - (a & b)] = 1;", AB + "hist[a - (a ^ b)] = 1;"),
    "of more bits": (AB + "hist[(a | b) - b] = 1;", AB + "hist[b - (a | b)] = 1;"),
    "of a remainder": (AB + "hist[a - a % 7] = 1;", AB + "hist[a % 7 - a] = 1;"),
    "of a remainder to its divisor": (
        AB + "if b > 0 { hist[b - 1 - a % b] = 1; }",
        AB + "if b > 0 { hist[b - 2 - a % b] = 1; }",
    ),
    "of a difference": (AB + "if b <= a { hist[a - (a - b)] = 1; }", AB + "hist[a - (a - b)] = 1;"),
    "of an earlier sum": (
        "let n: u64 = f.slot; let m = n + few; if m < 17 { hist[m - n - 1] = 1; }",
        "let n = total; let m = n + few; if m < 17 { hist[m - n - 1] = 1; }",
    ),
    "of the round": ("for i in 0..few { hist[few - 1 - i] = 1; }", "for i in 0..few { hist[few - 2 - i] = 1; }"),
    "the sum of a triangle": (
        "for i in 0..16 { for j in 0..16 - i { hist[i + j] = 1; } }",
        "for i in 0..16 { for j in 0..17 - i { hist[i + j] = 1; } }",
    ),
    "the middle": (
        AB + "if a < b { hist[a + (b - a) / 2] = 1; if a + (b - a) / 2 < b { } }",
        "let a: u64 = f.slot; let b: u64 = f.age & 15; if a < b + 1 { hist[a + (b - a) / 2 + 1] = 1; }",
    ),
    "swapped": (
        AB + "if a > b { let t = a; a = b; b = t; } hist[b - a] = 1;",
        AB + "if a > b { let t = a; a = b; } hist[b - a - 1] = 1;",
    ),
    "a share": (
        "let n = queue.len; let all = n + other.len; hist[n * 15 / all] = 1;",
        "let n = queue.len; let all = max(n, other.len) - 1; hist[n * 15 / all] = 1;",
    ),
    "a share by mul_div": (
        "let n = total; let all = max(n, f.age); hist[mul_div(n, 15, all)] = 1;",
        "let n = total; let all = min(n, f.age); hist[mul_div(n, 15, all)] = 1;",
    ),
    "a share of what wrapped": (
        "let n: u64 = f.age; hist[n * 15 / max(n, few)] = 1;",
        "let n = total; hist[n * 15 / max(n, few)] = 1;",
    ),
    "less than what is small": (
        "let n = total; let m: u64 = f.age; if n < m && m < 17 { hist[n] = 1; }",
        "let n = total; let m: u64 = f.age; if n <= m && m < 17 { hist[n] = 1; }",
    ),
    "less than what is small, times": (
        "let n = total; let m: u64 = f.age; if n < m && m < 5 { hist[n * 5] = 1; }",
        "let n = total; let m: u64 = f.age; if n <= m && m < 5 { hist[n * 5] = 1; }",
    ),
    "greater than what is great, times": (
        "let n: u64 = f.slot & 7; let m: u64 = f.age; if n > m && m > 4 { hist[(7 - n) * 15] = 1; }",
        "let n: u64 = f.slot & 7; let m: u64 = f.age; if n >= m && m > 4 { hist[(7 - n) * 15] = 1; }",
    ),
    "the first, which is less": (
        AB + "let n = min(a, 20); if n < 3 { hist[a + 13] = 1; }",
        AB + "let n = min(a, 10); if n > 3 { hist[a + 5] = 1; }",
    ),
    "the second, which is less": (
        AB + "let n = min(20, a); if n > 9 { hist[a - 10] = 1; }",
        AB + "let n = min(10, a); if n > 9 { hist[a - 11] = 1; }",
    ),
    "the first, which is greater": (
        AB + "let n = max(a + 20, b); if n < 23 { hist[a + 13] = 1; }",
        AB + "let n = max(a, b); if n > 3 { hist[a - 4] = 1; }",
    ),
    "greater bounded, lesser used": (
        "let n = total; if max(n, few) < 16 { hist[n] = 1; }",
        "let n = total; if min(n, few) < 16 { hist[n] = 1; }",
    ),
    # counters
    "rounds": (
        "let n = 0; loop up to 15 { if flag { n += 1; } } hist[n] = 1;",
        "let n = 0; loop up to 16 { n += 1; } hist[n] = 1;",
    ),
    "in the loop": (
        "let n = 0; loop up to 16 { hist[n] = 1; if flag { n += 1; } }",
        "let n = 0; loop up to 17 { hist[n] = 1; n += 1; }",
    ),
    "steps of two": (
        "let n = 0; loop up to 7 { if flag { n += 2; } } hist[n] = 1;",
        "let n = 0; loop up to 8 { if flag { n += 2; } } hist[n] = 1;",
    ),
    "downwards": (
        "let n = 15; loop up to 15 { if flag { n -= 1; } } hist[n] = 1;",
        "let n = 15; loop up to 16 { if flag { n -= 1; } } hist[n] = 1;",
    ),
    "as many as a param": (
        "let n = 0; loop up to few { if flag { n += 1; } } hist[n] = 1;",
        "let n = 8; loop up to few { if flag { n += 1; } } hist[n] = 1;",
    ),
    "of a loop in a loop": (
        "let n = 0; for i in 0..3 { for j in 0..5 { if flag { n += 1; } } } hist[n] = 1;",
        "let n = 0; for i in 0..4 { for j in 0..4 { if flag { n += 1; } } } hist[n] = 1;",
    ),
    "reset in between": (
        "let n = 0; for i in 0..9 { n = 0; for j in 0..15 { if flag { n += 1; } } hist[n] = 1; }",
        "let n = 0; for i in 0..9 { if flag { n = 0; } for j in 0..15 { n += 1; } hist[n] = 1; }",
    ),
    "by a pace that grows": (
        "let n = 0; let k = 0; loop up to 3 { k += 1; n += k; } hist[n] = 1;",
        "let n = 0; let k = 1; loop up to 6 { k += k; n += k; } hist[n] = 1;",
    ),
    "of a scan": (
        "let n = 0; scan g in queue limit 15 { if g.dirty { n += 1; } } hist[n] = 1;",
        "let n = 0; scan g in queue limit 16 { n += 1; } hist[n] = 1;",
    ),
}


@pytest.mark.parametrize("name", TWINS)
def test_understood(name: str) -> None:
    assert codes(TWINS[name][0]) == []


@pytest.mark.parametrize("name", TWINS)
def test_not_believed(name: str) -> None:
    assert codes(TWINS[name][1]) in (BOUNDS, BOUNDS * 2, ["folio-maybe-null"], ["too-many-steps"])
