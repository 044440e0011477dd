"""The claims of docs/claims.md, on scenarios that are much smaller, and the document itself."""

from __future__ import annotations

import re
import tomllib

import pytest

from benchmarks.claims import CLAIMS, DOCUMENT, SCENARIOS, TEMPLATE, Claim, run_claim, section, shrunk

BY = 64


@pytest.mark.parametrize("claim", CLAIMS, ids=[claim.key for claim in CLAIMS])
def test_the_simulator_agrees(claim: Claim) -> None:
    found = run_claim(claim, BY)
    assert claim.holds(found)
    text = section(claim, found)
    assert text.startswith("The simulator agrees.")
    assert all(f"`{config.policy}`" in text for config in claim.configs if not config.switches)
    assert text.count(f"docs/scenarios/{claim.scenario}.toml") == 1 + sum(bool(c.switches) for c in claim.configs)


def test_a_verdict_can_be_no() -> None:
    """Of configurations that are one and the same, none is better."""
    claim = CLAIMS[0]
    found = run_claim(Claim(claim.key, claim.scenario, claim.configs[:1], claim.tasks, claim.holds), 512)
    same = {name: found["builtin:lru"] for name in ("builtin:lru", "builtin:mglru", "file_search")}
    assert not claim.holds(same)
    assert section(claim, same).startswith("**The simulator disagrees.**")


def test_scenarios_shrink_in_memory_accesses_and_time() -> None:
    text = shrunk((SCENARIOS / "compaction.toml").read_text(encoding="utf-8"), BY)
    tables = tomllib.loads(text)
    assert tables["node"][0]["memory"] == "4096p"
    assert tables["task"][0]["trace"].startswith("uniform:pages=859,accesses=93750,")
    assert tables["task"][1]["start"] == f"{2 * 10**9 // BY}ns"


def test_the_document_is_what_the_template_and_the_scenarios_make_of_it() -> None:
    """But for the figures: the prose is the template's, and each claim has its table and a verdict."""
    written = DOCUMENT.read_text(encoding="utf-8")
    prose = re.split(r"@\w+@", TEMPLATE.read_text(encoding="utf-8"))
    assert len(prose) == len(CLAIMS) + 1
    at = 0
    for part in prose:
        assert part.strip() in written[at:], f"stale: python -m benchmarks.claims --write: {part.strip()[:60]}"
        at = written.index(part.strip(), at)
    for claim in CLAIMS:
        assert all(f"| {task} |" in written for task in claim.tasks)
        assert all(config.policy in written for config in claim.configs)
