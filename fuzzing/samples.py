"""What a weakened verifier is tried on first, made before it is loaded.

In: nothing. Out: the examples of `rext explain`, and policies with few and with many mistakes. Nothing here needs the
verifier, so that `fuzzing/mutants.py` makes it once for all the processes that it starts.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import dsl
from dsl import ir
from dsl.compile import Compilation
from dsl.source import Source
from fuzzing import ir_programs, source_programs
from fuzzing.numbering import policies

NUMBERS = {0.1: range(240, 400), 0.02: range(40, 120), 0.3: range(10_000, 10_400)}
"""Numbers of policies, by how often they have a mistake."""
_EXAMPLE = re.compile(r"## (Rejected|Accepted)\n(?:.*?)```rx\n(.*?)```", re.DOTALL)

Example = tuple[str, bool, ir.Policy | None, tuple[str, ...]]
"""The code, whether it is refused, the policy and, without one, what the front end says."""


@cache
def examples() -> tuple[Example, ...]:
    assert dsl.__file__ is not None
    found: list[Example] = []
    for page in sorted((Path(dsl.__file__).parent / "explanations").glob("*.md")):
        for what, text in _EXAMPLE.findall(page.read_text()):
            compilation = Compilation(Source("example.rx", text))
            codes = tuple(d.code for d in compilation.diagnostics)
            found.append((page.stem, what == "Rejected", compilation.policy, codes))
    return tuple(found)


@cache
def numbered() -> tuple[tuple[int, str, ir.Policy], ...]:
    """Policies with their numbers and kinds."""
    before = ir_programs.MISTAKE, source_programs.MISTAKE
    found = []
    try:
        for mistake, numbers in NUMBERS.items():
            ir_programs.MISTAKE = source_programs.MISTAKE = mistake
            for number in numbers:
                found += [(number, kind, policy) for kind, policy in policies(number) if policy is not None]
    finally:
        ir_programs.MISTAKE, source_programs.MISTAKE = before
    return tuple(found)
