"""The verifier: may this policy run?

In: an untrusted `ir.Policy`, from source or from an object. Out: a `Verdict`. `accepted` means: in every hook, called
in any state of the core, each instruction meets the obligations of `verifier/obligations.py`, no folio is lost, and
the hook ends within its stated cost. A rejection is a value that explains itself, never an exception. The verdict
depends on the policy alone.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dsl import ir
from dsl.abi import HOOKS
from dsl.diagnostics import Collector, Diagnostic
from verifier.cost import Cost, HookCost, LineCost, cost_of
from verifier.explain import Explainer
from verifier.fixpoint import Fixpoint, Observer, Work
from verifier.folio_words import ignored_folio
from verifier.log import LineStates, trace
from verifier.structure import WELL_FORMED, check_structure

__all__ = ["Cost", "HookCost", "LineCost", "LineStates", "Verdict", "verify"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`diagnostics` in the order of the source, empty if `accepted`; `costs` of every hook, if the form was sound."""

    accepted: bool
    diagnostics: tuple[Diagnostic, ...]
    costs: tuple[HookCost, ...]
    _policy: ir.Policy | None = field(default=None, repr=False, compare=False)

    @property
    def states(self) -> tuple[LineStates, ...]:
        """What is known at each line, in names of the source; computed when asked for."""
        return () if self._policy is None else trace(self._policy)


def verify(policy: ir.Policy, observe: Observer | None = None) -> Verdict:
    """The verdict on `policy`. `observe` is shown states, last of each point the one that was
    confirmed (`verifier/fixpoint.py`), and has no say."""
    with _uncollected():
        return _verify(policy, observe)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Pauses the collector of cyclic garbage. An analysis leaves next to none, but its many objects make the collector
    go through everything alive again and again, so that the time would grow faster than the policy."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _verify(policy: ir.Policy, observe: Observer | None) -> Verdict:
    collector = Collector()
    faults = check_structure(policy)
    for fault in faults.found:
        collector.add(fault)
    if any(fault.code not in WELL_FORMED for fault in faults.found):
        return Verdict(False, tuple(collector), ())
    costs = []
    work = Work()
    for function in policy.hooks:
        cost = _verify_hook(policy, function, collector, work, observe)
        if cost is None:
            break
        costs.append(cost)
    return Verdict(not collector, tuple(collector), tuple(costs), policy)


def _verify_hook(
    policy: ir.Policy, function: ir.Function, collector: Collector, work: Work, observe: Observer | None
) -> HookCost | None:
    """The cost of a hook, after its mistakes are told; None if it is too much work to find either."""
    explainer = Explainer()
    fixpoint = Fixpoint(policy, function, explainer, observe, work, always=True)
    fixpoint.run()
    for diagnostic in explainer.found:
        collector.add(diagnostic)
    if not fixpoint.finished:
        return None
    if HOOKS[function.hook].folio == "owned" and not function.params:
        collector.add(ignored_folio(function))
    cost, too_dear = cost_of(fixpoint.space, fixpoint.limits)
    if too_dear is not None:
        collector.add(too_dear)
    return cost
