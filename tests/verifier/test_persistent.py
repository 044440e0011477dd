"""The persistent array against a dict."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.persistent import PersistentArray

writes = st.lists(st.tuples(st.sampled_from([0, 1, 31, 32, 33, 1023, 1024, 40_000]), st.integers(0, 5)), max_size=12)


def written(array: PersistentArray[int], model: dict[int, int], ops: list[tuple[int, int]]) -> PersistentArray[int]:
    for index, value in ops:
        array[index] = value
        model[index] = value
    return array


@settings(max_examples=150, deadline=None)
@given(writes, writes, writes)
def test_versions_and_merges(
    common: list[tuple[int, int]], ours: list[tuple[int, int]], theirs: list[tuple[int, int]]
) -> None:
    shared: dict[int, int] = {}
    base = written(PersistentArray(0), shared, common)
    left_model, right_model = dict(shared), dict(shared)
    left, right = written(base.fork(), left_model, ours), written(base.fork(), right_model, theirs)
    indices = sorted(left_model.keys() | right_model.keys() | {5, 2000})
    assert all(base[i] == shared.get(i, 0) for i in indices)
    seen = []

    def combine(index: int, a: int, b: int) -> int:
        seen.append((index, a, b))
        return 10 * a + b

    merged = left.merge(right, combine)
    different = [(i, left[i], right[i]) for i in indices if left[i] != right[i]]
    assert seen == different == list(left.differences(right))
    for i in indices:
        expected = left[i] if left[i] == right[i] else 10 * left[i] + right[i]
        assert merged[i] == expected and left[i] == left_model.get(i, 0) and right[i] == right_model.get(i, 0)


def test_what_is_shared_is_not_visited() -> None:
    base = PersistentArray(0)
    for i in range(5000):
        base[i] = i
    left, right = base.fork(), base.fork()
    left[70], right[4000] = 1, 2
    assert list(left.differences(right)) == [(70, 1, 70), (4000, 4000, 2)]
    assert base.merge(base.fork(), lambda *_: 1 // 0) is not None
