"""Accepted policies that share their declarations, so that their native code can share a module.

In: the number of a group. Out: declarations and policies: those of every eighth group written in the language, the
others in IR, a third of them mutants.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice
from typing import Any

from dsl import ir
from fuzzing.ir_programs import random_policy
from fuzzing.mutations import mutated
from fuzzing.numbering import source_policy
from fuzzing.tables import calls_of, random_tables
from verifier.verify import verify

SOURCE_GROUPS = 8
"""One group in so many is of policies in the language."""


def accepted_policies(group: int, wanted: int) -> tuple[ir.Policy, list[ir.Policy]]:
    """Declarations, and as many accepted policies that have them."""
    written = _in_language(group) if group % SOURCE_GROUPS == SOURCE_GROUPS - 1 else _in_ir(group)
    tables = next(written)
    candidates = (
        replace(mutated(policy, random.Random(number)) if number % 3 == 0 else policy, **_declared(tables))
        for number, policy in enumerate(written, group << 20)
    )
    return tables, list(islice((policy for policy in candidates if verify(policy).accepted), wanted))


def _in_ir(group: int) -> Iterator[ir.Policy]:
    """Declarations, and then policies."""
    tables = random_tables(group)
    calls = calls_of(tables)
    yield tables
    yield from (random_policy(tables, calls, number) for number in count(group << 20))


def _in_language(group: int) -> Iterator[ir.Policy]:
    """The same of generated text. What its maps may hold differs; that of the first is taken for all."""
    policies = (policy for number in count(group << 20) if (policy := source_policy(number)) is not None)
    first = next(policies)
    yield replace(first, hooks=())
    yield first
    yield from policies


def _declared(tables: ir.Policy) -> dict[str, Any]:
    return {name: getattr(tables, name) for name in ("params", "states", "lists", "cursors", "fields", "maps")}
