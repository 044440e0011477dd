"""The benchmark of the kernel model counts what `compare` counts; the ablation leaves out one mechanism at a time."""

from __future__ import annotations

import pytest

from benchmarks import ablation, plan
from benchmarks.kernel import KernelResult, fill, run_kernel
from benchmarks.tables import OK, SHORT, kernel_table
from benchmarks.timing import Timing
from runtime.comparison import compare

TINY = "zipf:pages=500,accesses=8K,mapped=0.5,anon=0.3,seed=4"


@pytest.mark.parametrize("policy", plan.KERNEL_POLICIES)
def test_a_run_counts_what_compare_counts_and_says_what_memory_it_took(policy: str) -> None:
    measured = run_kernel(TINY, policy, 100)
    row = compare([policy], [TINY], memory="100p").rows[0]
    assert (measured.accesses, measured.hits) == (row.accesses, row.hits)
    assert measured.cpu_s > 0
    assert measured.folio_bytes >= 32
    assert measured.page_bytes == (16 if policy == "builtin:mglru" else 8)


def test_filling_memory_leaves_it_full() -> None:
    result = fill("builtin:lru", 5000)
    assert result.resident > 4900
    assert result.evictions > 0


def result(hit_ratio: float, ours: float, page_bytes: float = 8) -> KernelResult:
    return KernelResult("p", "t", 10, 1_000_000, hit_ratio, 40, page_bytes, Timing((ours,)), Timing((0.1,)))


def test_the_goal_is_a_speed_where_nearly_all_hits_and_else_a_ratio() -> None:
    rows = kernel_table([result(0.96, 0.04), result(0.96, 0.06), result(0.5, 0.04), result(0.5, 0.06, 16)]).rows
    assert [row[7] for row in rows] == [OK, SHORT, OK, SHORT]
    assert [row[12] for row in rows] == [OK, OK, OK, SHORT]


def test_the_ablation_compares_each_mechanism_with_all() -> None:
    titles = [v.title for v in ablation.variations()]
    assert titles[0] == "6.18" and titles[-1] == "traditional LRU"
    assert {"without walk", "without tiers", "without bloom", "6.12", "6.1"} <= set(titles)
    document = ablation.markdown(ablation.measure([TINY], "100p", 1))
    assert f"## {TINY}, 100 pages" in document
    for title in titles:
        assert f"| {title} |" in document
