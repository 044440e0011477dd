"""No two words of a table, and no two flags, are the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runtime.core import layout

TEXT = Path(layout.__file__).read_text()
SECTIONS = {
    "words of a row of `nodes`": 16,
    "words of a row of `memcgs`": layout.MEMCG_COLUMNS,
    "words of a row of `tasks`": 32,
    "words of a row of `devices`": 32,
    "words of a row of `lruvecs`": 32,
    "words of `state`": layout.STATE_WORDS,
    "a row of `maps`": 16,
}
"""What a section of the layout is about, and how many words there are."""
NO_WORDS = {
    "MAX_NODES", "MAX_SWAP_DEVICES", "MAX_QUEUES", "FILES", "NR_COUNTERS", "FLUSH_MARKS",
}  # fmt: skip
SPANS = {
    "RECLAIM_POSITION": layout.MAX_NODES,
    "SWAP_OF_OWN": layout.MAX_SWAP_DEVICES,
    "MEMCG_COUNTERS": layout.NR_COUNTERS,
    "DEVICE_FREE_AT": layout.MAX_QUEUES,
    "FLUSH_MARK": layout.FLUSH_MARKS,
    "ISOLATED_FIRST": 2,
    "KEPT_FIRST": 2,
    "PENDING_STALLS": 4,
}
"""Words that others follow; the docstring `and the next word` says so, too."""


def section(title: str) -> str:
    """The text of a section; of `state` up to its length, after which the values of some words follow."""
    (text,) = re.findall(rf"^# --- {re.escape(title)} -.*?$(.*?)(?=^# --- |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    return str(text).split("\nSTATE_WORDS")[0]


def words_of(title: str) -> dict[str, range]:
    """The words of a section, each with those that belong to it."""
    found = {}
    for name, number, after in re.findall(
        r"^([A-Z_]+) = (\d+)$(?=(.{0,40}))", section(title), re.MULTILINE | re.DOTALL
    ):
        if name not in NO_WORDS:
            span = SPANS.get(name, 2 if after.startswith('\n"""and the next word') else 1)
            found[name] = range(int(number), int(number) + span)
    return found


@pytest.mark.parametrize("title", SECTIONS)
def test_no_word_is_used_twice(title: str) -> None:
    words = words_of(title)
    assert len(words) > 5
    owner: dict[int, str] = {}
    for name, places in words.items():
        for place in places:
            assert place < SECTIONS[title], name
            assert place not in owner, f"{name} and {owner[place]} are both word {place}"
            owner[place] = name


def test_no_flag_is_used_twice() -> None:
    flags = {name: value for name, value in vars(layout).items() if re.fullmatch(r"F_[A-Z_]+", name)}
    single = {name: value for name, value in flags.items() if not name.endswith("_SHIFT")}
    taken = 0xFF << layout.F_POLICY_SHIFT | layout.REASON_MASK << layout.REASON_SHIFT
    taken |= layout.SHADOW_DEVICE_MASK << layout.SWAP_DEVICE_SHIFT
    for name, flag in single.items():
        assert flag & taken == 0 and flag.bit_count() == 1, name
        taken |= flag
    assert taken < 1 << 32
