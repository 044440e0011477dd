"""What is known where two paths have met: what both knew, and of the rest which path knew it.

Each case beside its nearest that does not hold: what is accepted and what must not be.
"""

from __future__ import annotations

import pytest
from judged import codes

BOUNDS = ["index-out-of-bounds"]
ANOTHER_READ = (
    "let g = queue.head; if g == null {{ return; }} let kept = g; total = g.slot; let low = false; "
    "if flag {{ g = f; if g.slot >= 16 {{ return; }} low = true; g = kept; {} }} else {{ f.slot = 77; }} "
    "if low {{ hist[g.slot] = 1; }}"
)
TWO_TESTS = (
    "if flag {{ if small < 5 {{ total = 1; }} else {{ if small > 10 {{ total = 2; }} else {{ return; }} }} }} {} "
    "if small >= 5 && small <= 10 {{ hist[99] = 1; }}"
)

TWINS: dict[str, tuple[str, str]] = {
    "a field that was set on one path": (
        "if flag { f.slot = 3; } else { f.slot = 9; } hist[f.slot] = 1;",
        "if flag { f.slot = 3; } hist[f.slot] = 1;",
    ),
    "a field that was set on the other path": (
        "if flag { f.slot = 3; } else { f.slot = 9; } hist[f.slot] = 1;",
        "if flag { total = 3; } else { f.slot = 9; } hist[f.slot] = 1;",
    ),
    "a field that was read of another folio on one path": (
        ANOTHER_READ.format("if g.slot >= 16 { return; }"),
        ANOTHER_READ.format(""),
    ),
    "a field that was read and tested on one path": (
        "let low = false; if flag { if f.slot >= 16 { return; } low = true; } if low { hist[f.slot] = 1; }",
        "let low = true; if flag { if f.slot >= 16 { return; } low = true; } if low { hist[f.slot] = 1; }",
    ),
    "two values that were compared on one path": (
        "if flag { if total > few { return; } } else { if total > few { return; } } hist[few - total] = 1;",
        "if flag { if total > few { return; } } hist[few - total] = 1;",
    ),
    "two values that were compared on the other path": (
        "if flag { if total > few { return; } } else { if total > few { return; } } hist[few - total] = 1;",
        "if flag { small = 1; } else { if total > few { return; } } hist[few - total] = 1;",
    ),
    "paths that met on one path": (
        TWO_TESTS.format("else { return; }"),
        TWO_TESTS.format(""),
    ),
    "paths that met on the other path": (
        TWO_TESTS.replace("if flag", "if !flag").format("else { return; }"),
        "if flag {{ total = 3; }} else {}".format(TWO_TESTS.format("")[len("if flag ") :]),
    ),
    "two values that became equal on one path": (
        "let a = total; let b = total; if flag { a = few; b = few; } if a < 16 { hist[b] = 1; }",
        "let a = total; let b = total; if flag { a = few; b = small; } if a < 16 { hist[b] = 1; }",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("accepted", "refused"), TWINS.values(), ids=TWINS.keys())
def test_what_both_paths_knew_and_no_more(accepted: str, refused: str) -> None:
    assert codes(accepted) == []
    assert codes(refused) == BOUNDS
