"""Typed tree to IR.

In: a `TypedProgram` without errors. Out: the `ir.Policy`, or None and a diagnostic when it is too large with all
functions inlined.
"""

from __future__ import annotations

from dsl import ir
from dsl.abi import ABI_HASH
from dsl.diagnostics import Collector
from dsl.lower_emit import Budget, LoweringLimit
from dsl.lower_statements import HookLowering
from dsl.source import Source
from dsl.typecheck import TypedProgram


def lower(checked: TypedProgram, source: Source, diagnostics: Collector) -> ir.Policy | None:
    """The policy that `checked` describes."""
    program = checked.program
    budget = Budget()
    try:
        hooks = tuple(HookLowering(checked.functions, budget).lower(hook) for hook in checked.hooks)
    except LoweringLimit as limit:
        diagnostics.add(limit.diagnostic)
        return None
    return ir.Policy(
        program.name, ABI_HASH, tuple(program.params), tuple(program.states), tuple(program.lists),
        tuple(program.cursors), tuple(program.fields), tuple(program.maps), hooks, source,
    )  # fmt: skip
