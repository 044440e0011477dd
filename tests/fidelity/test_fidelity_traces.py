"""The traces are those that were measured, whatever numpy makes of random numbers."""

from __future__ import annotations

import numpy as np
import pytest

from fidelity import traces
from fidelity.draws import Draws
from fidelity.errors import FidelityError
from fidelity.traces import ANONYMOUS, CHECKSUMS, MAKERS, checksum, made

MEASURED_CHECKSUMS = {
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
"""What the traces that real kernels replayed hashed to when they were measured."""


@pytest.mark.parametrize(("name", "accesses"), MEASURED_CHECKSUMS)
def test_a_trace_is_the_one_that_was_measured(name: str, accesses: int) -> None:
    words = made(name, accesses)
    assert len(words) == accesses and words.dtype == np.uint32
    assert checksum(words) == MEASURED_CHECKSUMS[name, accesses] == CHECKSUMS[name, accesses]


def test_every_trace_was_measured() -> None:
    assert {name for name, _ in MEASURED_CHECKSUMS} == set(MAKERS)


def test_draws_are_those_of_the_generator_that_was_used() -> None:
    draws = Draws(8)
    assert list(draws.permutation(50)[:8]) == [14, 16, 1, 40, 0, 15, 11, 29]
    assert len(set(draws.below(7, 1000))) == 7
    uniform = draws.uniform(1000)
    assert uniform.min() >= 0 and uniform.max() < 1


def test_a_half_word_waits_for_the_next_whole_number() -> None:
    one_by_one, together = Draws(3), Draws(3)
    alone = [int(one_by_one.below(1000, 1)[0]) for _ in range(7)]
    assert alone == list(together.below(1000, 7))
    assert one_by_one.below(1000, 0).size == 0


def test_only_mixed_traces_mark_anonymous_pages() -> None:
    assert {name for name in MAKERS if made(name, 250_000).max() >= ANONYMOUS} == {"mixzipf", "mixanonhot"}


def test_a_trace_that_differs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(traces.CHECKSUMS, ("loop12", 1000), "0" * 64)
    with pytest.raises(FidelityError, match="loop12 with 1,000 accesses is not the one that was measured"):
        traces.made.__wrapped__("loop12", 1000)
