"""SIEVE: Zhang and others, NSDI 2024, algorithm 1."""

from __future__ import annotations

from collections.abc import Sequence


def misses(trace: Sequence[int], size: int) -> list[bool]:
    """Whether each access misses. `newer` and `older` link the queue; the hand is an object, or past the newest."""
    newer: dict[int | None, int | None] = {None: None}  # None is before the oldest and past the newest
    older: dict[int | None, int | None] = {None: None}
    visited: dict[int, bool] = {}
    hand: int | None = None
    missed = []
    for page in trace:
        missed.append(page not in visited)
        if not missed[-1]:
            visited[page] = True
            continue
        if len(visited) == size:
            if hand is None:
                hand = newer[None]
            while hand is not None and visited[hand]:
                visited[hand] = False
                hand = newer[hand] if newer[hand] is not None else newer[None]
            assert hand is not None
            before, after = older.pop(hand), newer.pop(hand)
            newer[before], older[after] = after, before
            del visited[hand]
            hand = after
        newest = older[None]
        newer[newest], newer[page] = page, None
        older[page], older[None] = newest, page
        visited[page] = False
    return missed
