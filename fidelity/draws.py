"""Random draws that are the same with every version of numpy.

In: a seed. Out: uniform numbers, whole numbers and permutations: those that `numpy.random.Generator` gave when the
traces were measured. numpy promises the raw words of PCG64 for all times, but not what `Generator` makes of them: so
that is done here."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

WORD = 1 << 32


class Draws:
    """A stream of draws. Real numbers take 64 bits of the generator each, whole ones 32, low half first; the half that
    is left over waits for the next whole number."""

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)
        self._half: npt.NDArray[np.uint64] = np.empty(0, np.uint64)

    def uniform(self, count: int) -> npt.NDArray[np.float64]:
        """Numbers in [0, 1), with 53 bits each."""
        raw: npt.NDArray[np.uint64] = self._bits.random_raw(count)
        return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def below(self, bound: int, count: int) -> npt.NDArray[np.int64]:
        """Whole numbers in [0, `bound`), all equally likely (Lemire's method: multiply, and refuse the few products
        whose low half would favour some)."""
        found: list[npt.NDArray[np.uint64]] = []
        missing = count
        while missing:
            product = self._words(missing) * np.uint64(bound)
            found.append(product[_is_fair(product, bound)] >> np.uint64(32))
            missing -= len(found[-1])
        return np.concatenate(found).astype(np.int64) if found else np.empty(0, np.int64)

    def permutation(self, count: int) -> npt.NDArray[np.int64]:
        """The numbers [0, `count`) in any order (Fisher and Yates, from the last to the second; a draw is cut to the
        bits of its bound and refused if it is still above)."""
        order = list(range(count))
        for last in range(count - 1, 0, -1):
            mask = (1 << last.bit_length()) - 1
            other = self._word() & mask
            while other > last:
                other = self._word() & mask
            order[last], order[other] = order[other], order[last]
        return np.array(order, np.int64)

    def _word(self) -> int:
        return int(self._words(1)[0])

    def _words(self, count: int) -> npt.NDArray[np.uint64]:
        """The next `count` words of 32 bits."""
        raw: npt.NDArray[np.uint64] = self._bits.random_raw((count - len(self._half) + 1) // 2)
        halves = np.stack((raw & np.uint64(WORD - 1), raw >> np.uint64(32)), axis=1).ravel()
        words = np.concatenate((self._half, halves))
        self._half = words[count:]
        return words[:count]


def _is_fair(product: npt.NDArray[np.uint64], bound: int) -> npt.NDArray[Any]:
    return (product & np.uint64(WORD - 1)) >= np.uint64(WORD % bound)
