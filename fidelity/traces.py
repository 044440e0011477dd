"""The traces that were replayed on real kernels.

In: a name and a number of accesses. Out: one word for each access: the page, with bit 31 set for an anonymous page in
the `mix` traces. The very words that were measured: CHECKSUMS holds the SHA-256 of their little-endian bytes for the
lengths that kernels.csv has rows of, and a trace that differs is an error."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from fidelity.draws import Draws
from fidelity.errors import FidelityError

Words = npt.NDArray[np.uint32]
Numbers = npt.NDArray[np.int64]

ANONYMOUS = 1 << 31
"""The bit of a word that says its page is anonymous."""

MEMORY = 4000
"""The memory limit, in pages, that the traces were made for."""


def zipf(draws: Draws, count: int, exponent: float, pages: int) -> Numbers:
    """Pages by Zipf's law, the ranks strewn over the pages."""
    chance = np.cumsum(1.0 / np.arange(1, pages + 1) ** exponent)
    chance /= chance[-1]
    page_of_rank = draws.permutation(pages)
    rank = np.minimum(np.searchsorted(chance, draws.uniform(count)), pages - 1)
    return page_of_rank[rank]


def zipf08(accesses: int) -> Numbers:
    """Zipf with exponent 0.8 over 20,000 pages."""
    return zipf(Draws(8), accesses, 0.8, 20_000)


def zipf10(accesses: int) -> Numbers:
    """Zipf with exponent 1 over 20,000 pages."""
    return zipf(Draws(10), accesses, 1.0, 20_000)


def loop12(accesses: int) -> Numbers:
    """A loop over 1.2 times the memory."""
    return np.arange(accesses, dtype=np.int64) % (MEMORY * 12 // 10)


def phases(accesses: int) -> Numbers:
    """Ten phases over 3,000 pages each, all equally likely; half of them are new in each phase."""
    draws = Draws(31)
    return np.concatenate([1500 * phase + draws.below(3000, accesses // 10) for phase in range(10)])


def mix7030(accesses: int) -> Numbers:
    """70% over 2,000 hot pages, 30% a loop over 18,000 others."""
    draws = Draws(41)
    hot = draws.uniform(accesses) < 0.7
    page = draws.below(2000, accesses)
    page[~hot] = 2000 + np.arange(int((~hot).sum())) % 18_000
    return page


def twohit(accesses: int) -> Numbers:
    """40% over 3,000 hot pages, 60% a stream of 40,000 others in which each page is read twice, eight steps apart."""
    draws = Draws(51)
    hot = draws.uniform(accesses) < 0.4
    page = draws.below(3000, accesses)
    step = np.arange(int((~hot).sum()))
    page[~hot] = 3000 + (step // 16 * 8 + step % 16 % 8) % 40_000
    return page


def mixzipf(accesses: int) -> Numbers:
    """Half anonymous, half file: Zipf with exponent 1 over 8,000 pages each."""
    anonymous = Draws(61).uniform(accesses) < 0.5
    anonymous_page = zipf(Draws(62), accesses, 1.0, 8000)
    file_page = zipf(Draws(63), accesses, 1.0, 8000)
    return np.where(anonymous, anonymous_page | ANONYMOUS, file_page)


def mixanonhot(accesses: int) -> Numbers:
    """Half over 3,000 hot anonymous pages, half a loop over 20,000 pages of a file."""
    draws = Draws(71)
    anonymous = draws.uniform(accesses) < 0.5
    page = draws.below(3000, accesses) | ANONYMOUS
    page[~anonymous] = np.arange(int((~anonymous).sum())) % 20_000
    return page


MAKERS: dict[str, Callable[[int], Numbers]] = {
    maker.__name__: maker for maker in (zipf08, zipf10, loop12, phases, mix7030, twohit, mixzipf, mixanonhot)
}
"""The traces, by name."""

CHECKSUMS: dict[tuple[str, int], str] = {
    ("zipf08", 250_000): "2261451d6d979100c3f994ed07c300eeb74c60dba660f2f8c5b1eeeb95cae19b",
    ("zipf10", 250_000): "de69f39d5de45164ae51efd477c3c442beb8ac4f91c1a547793c72e6293fe1e6",
    ("loop12", 250_000): "01161e99d074da121b14cd519b3385e6f62260cb45ec64d10b28e489497fa53a",
    ("phases", 250_000): "b85357c7facafbe88f6652c7e5ade488ea5bf8eb4f532c613a1ce33f38a269e4",
    ("mix7030", 250_000): "7f68dbab123ef48b2a6302321478fe89d28805978442293ec79c34c2d2a15844",
    ("twohit", 250_000): "9c3fb24e1ae5a01dd6843ec28ff9ac99d45ef6f434bbf64ef00e9e1a06693d88",
    ("mixzipf", 250_000): "7c817a79413236a13621a7765a48c243876056096c82e54974d1b9ea32fe9609",
    ("mixanonhot", 250_000): "001d11acd34c1a26b58a22a43de222b8ff1f8f97d3c315133705f74a39b48949",
    ("zipf08", 1_000_000): "9f7b11295ee08edde66581f4e3cb88f635216e653eabb3ab040f8f5f554f6d40",
    ("zipf10", 1_000_000): "192c5e244a657b139c1ad5686881dc5e78226116181a391e743862c0b788f46b",
    ("loop12", 1_000_000): "4a7e91c2c63c6b350374a859b20866629ed9a37d6caa9351a37ba14e69487870",
    ("phases", 1_000_000): "5e32ac918ae898d3434081e320d8c59c0589def36c8493a4451cbbfb479a9d25",
    ("mix7030", 1_000_000): "b1d6759ca9d1eed47cf0f5edfaaefff32ae9c81c84bd9ac745552ea8ca80c289",
    ("twohit", 1_000_000): "7d9de313ca7a7e7e94aff279203d932d5dbf13db5503b941129aa1a3f88cb5c2",
    ("mixzipf", 1_000_000): "095cdb73c17d6ea0c3857a85281c03e831b7b96c3add2c880e08e1ef97b2123e",
    ("mixanonhot", 1_000_000): "8aca57b42a8bbe30d874d736b39891e232069534369df9127cb14f0604b6b456",
}
"""SHA-256 of what was measured, by name and number of accesses."""


def checksum(words: Words) -> str:
    """SHA-256 of the words as little-endian bytes."""
    return hashlib.sha256(words.astype("<u4").tobytes()).hexdigest()


@functools.lru_cache(maxsize=16)
def made(name: str, accesses: int) -> Words:
    """The words of one of our traces; the array is shared and cannot be written."""
    words = MAKERS[name](accesses).astype(np.uint32)
    expected = CHECKSUMS.get((name, accesses))
    if expected is not None and checksum(words) != expected:
        raise FidelityError(
            f"the trace {name} with {accesses:,} accesses is not the one that was measured: this version of numpy"
            f" ({np.__version__}) computes differently; try another one"
        )
    words.setflags(write=False)
    return words
