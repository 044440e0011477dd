"""Random replacement: any resident page, each as likely as the others."""

from __future__ import annotations

from collections.abc import Sequence

from tests.gallery.textbook.generator import Bag, Generator


def misses(trace: Sequence[int], size: int, seed: int = 0) -> list[bool]:
    """Whether each access misses."""
    resident = Bag(Generator(seed))
    missed = []
    for page in trace:
        missed.append(page not in resident.place)
        if missed[-1]:
            if len(resident.items) == size:
                victim = resident.random()
                assert victim is not None
                resident.remove(victim)
            resident.add(page)
    return missed
