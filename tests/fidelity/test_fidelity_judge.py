"""Differences against the goals."""

from __future__ import annotations

import dataclasses

import pytest
from fidelity_samples import compared, row

from fidelity.compare import Compared
from fidelity.judge import NOT_JUDGED, Verdict, contests, counter_is_judged, counter_off, verdicts


def named(found: list[Verdict], start: str) -> Verdict:
    (verdict,) = [v for v in found if v.goal.startswith(start)]
    return verdict


def test_hit_ratios_are_judged_by_mean_and_worst() -> None:
    good = verdicts([compared(0.502), compared(0.4982, trace="loop12")])
    assert named(good, "mean").reached == "0.19 over 2 rows"
    assert named(good, "mean").met and named(good, "no difference").met
    bad = verdicts([compared(0.5101), compared(0.5, trace="loop12")])
    assert named(bad, "mean").met is False
    assert named(bad, "no difference") == Verdict(
        "LRU 6.18", "no difference above 1 point", "at most 1.01 (pread zipf10)", False
    )


def test_longer_rows_are_judged_one_by_one() -> None:
    found = verdicts([compared(0.5), compared(0.52, accesses=1_000_000)])
    assert named(found, "mean").reached == "0.00 over 1 row"
    assert named(found, "pread zipf10 with 1,000,000 accesses").met is False


def test_a_chaotic_row_is_judged_by_its_band() -> None:
    inside = verdicts([compared(0.9, band=(0.45, 0.55))])
    assert named(inside, "pread zipf10, chaotic").met is True
    assert named(inside, "mean").met is None
    outside = verdicts([compared(0.9, band=(0.51, 0.55))])
    assert named(outside, "pread zipf10, chaotic").met is False


def test_counters_are_judged_where_they_count_the_same() -> None:
    found = verdicts([compared(0.5, counts={"pgscan": 2300, "refaults": 1240})])
    assert named(found, "pgscan within 10%").reached == "off by 15.0% at most (pread zipf10), 1 row"
    assert named(found, "pgscan within 10%").met is False
    assert named(found, "refaults within 25%").met is True
    assert not counter_is_judged(compared(0.5, activations=99), "activations")
    assert counter_is_judged(compared(0.5, policy="mglru"), "activations")
    assert not counter_is_judged(compared(0.5, policy="mglru", kernel="6.1.0"), "activations")
    assert not counter_is_judged(compared(0.5, policy="mglru", kernel="6.1.0"), "refaults")
    assert counter_is_judged(compared(0.5, policy="mglru", kernel="6.12.1"), "refaults")


def test_counts_are_judged_by_their_band_where_the_hit_ratio_is_chaotic_and_only_there() -> None:
    lonely = compared(0.5, counts={"refaults": 1400})
    assert lonely.simulated is not None
    calm = [dataclasses.replace(lonely.simulated, refaults=count) for count in (900, 1400, 1900)]
    around = [dataclasses.replace(s, hit_ratio=ratio) for s, ratio in zip(calm, (0.45, 0.5, 0.55), strict=True)]
    assert dataclasses.replace(lonely, around=tuple(calm)).band("refaults") is None
    assert counter_off(dataclasses.replace(lonely, around=tuple(calm)), "refaults") == pytest.approx(0.4)
    inside = dataclasses.replace(lonely, around=tuple(around))
    assert inside.band("refaults") == (900, 1400, 1900)
    assert counter_off(lonely, "refaults") == pytest.approx(0.4) and counter_off(inside, "refaults") == 0
    outside = dataclasses.replace(inside, around=tuple(around[1:]))
    assert counter_off(outside, "refaults") == pytest.approx(0.4)


def test_a_family_that_was_not_simulated_is_not_judged() -> None:
    found = verdicts([Compared(row(policy="mglru"), None, "not there")])
    assert [v.reached for v in found if v.family == "MGLRU 6.18"] == [NOT_JUDGED]
    assert all(v.met is None for v in found)


def test_winners_must_be_the_same_with_half_of_the_gap() -> None:
    lru = compared(0.5)
    older = compared(0.5, kernel="6.12.1")
    (won,) = contests([older, lru, compared(0.53, policy="mglru", hit_ratio_mean=0.55)])
    assert won.lru == lru and won.met
    (too_little,) = contests([lru, compared(0.52, policy="mglru", hit_ratio_mean=0.55)])
    assert not too_little.met
    (wrong,) = contests([lru, compared(0.45, policy="mglru", hit_ratio_mean=0.55)])
    assert not wrong.met
    (other,) = contests([lru, compared(0.45, policy="mglru", hit_ratio_mean=0.45, kernel="6.1.0")])
    assert other.lru == lru and other.met
    assert not contests([lru, compared(0.2, policy="mglru", hit_ratio_mean=0.509)])
    assert not contests([lru, compared(0.2, policy="mglru", hit_ratio_mean=0.2, trace="loop12")])
