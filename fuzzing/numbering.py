"""Policies by number.

In: a number. Out: the policies of that number: one written in the language or in IR, and mutants of it. The
same number gives the same policies.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import lru_cache

from dsl import ir
from dsl.compile import Compilation
from dsl.source import Source
from fuzzing.ir_programs import random_policy
from fuzzing.mutations import mutated
from fuzzing.source_programs import source_text
from fuzzing.tables import Calls, calls_of, random_tables

GROUP = 64
"""Policies in IR that share their declarations."""
SOURCE_EVERY = 40
MUTANTS_OF_SOURCE = 3


@lru_cache(maxsize=4)
def _tables(group: int) -> tuple[ir.Policy, dict[str, Calls]]:
    tables = random_tables(group)
    return tables, calls_of(tables)


def ir_policy(number: int) -> ir.Policy:
    """The policy in IR of a number."""
    return random_policy(*_tables(number // GROUP), number)


def source_policy(number: int) -> ir.Policy | None:
    """The policy of generated text; None if the front end refuses it."""
    return Compilation(Source("fuzzed.rx", source_text(number))).policy


def policies(number: int) -> Iterator[tuple[str, ir.Policy | None]]:
    """The policies of a number, with their kinds."""
    chance = random.Random(f"mutant {number}")
    if number % SOURCE_EVERY == 0:
        policy = source_policy(number)
        yield "source", policy
        for _ in range(MUTANTS_OF_SOURCE if policy is not None else 0):
            assert policy is not None
            yield "mutant of source", mutated(policy, chance)
        return
    written = ir_policy(number)
    yield "IR", written
    if number % 2:
        yield "mutant of IR", mutated(written, chance)
