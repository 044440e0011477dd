"""CLOCK: F. J. Corbató, "A Paging Experiment with the Multics System", 1968.

A ring of frames with a use bit each, and a hand.
"""

from __future__ import annotations

from collections.abc import Sequence


def misses(trace: Sequence[int], size: int) -> list[bool]:
    """Whether each access misses."""
    frames: list[int] = []
    frame_of: dict[int, int] = {}
    used: list[bool] = []
    hand = 0
    missed = []
    for page in trace:
        missed.append(page not in frame_of)
        if not missed[-1]:
            used[frame_of[page]] = True
            continue
        if len(frames) < size:
            frame_of[page] = len(frames)
            frames.append(page)
            used.append(False)
            continue
        while used[hand]:
            used[hand] = False
            hand = (hand + 1) % size
        del frame_of[frames[hand]]
        frames[hand] = page
        frame_of[page] = hand
        hand = (hand + 1) % size
    return missed
