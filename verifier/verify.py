"""The verifier: may this policy run?

In: an untrusted `ir.Policy`, from source or from an object. Out: a `Verdict`. `accepted` means: in every hook, called
in any state of the core, each instruction meets the obligations of `verifier/obligations.py`, no folio is lost, and
the hook ends within its stated cost. A rejection is a value that explains itself, never an exception. The verdict
depends on the policy alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dsl import ir
from dsl.abi import HOOKS
from dsl.diagnostics import Collector, Diagnostic, Label
from verifier.cost import Cost, HookCost, LineCost, cost_of
from verifier.explain import Explainer
from verifier.fixpoint import Fixpoint, Work
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


def verify(policy: ir.Policy) -> Verdict:
    """The verdict on `policy`."""
    collector = Collector()
    faults = check_structure(policy)
    for fault in faults.found:
        collector.add(fault)
    if any(fault.code not in WELL_FORMED for fault in faults.found):
        return Verdict(False, tuple(collector), ())
    costs = []
    work = Work()
    for function in policy.hooks:
        cost = _verify_hook(policy, function, collector, work)
        if cost is None:
            break
        costs.append(cost)
    return Verdict(not collector, tuple(collector), tuple(costs), policy)


def _verify_hook(policy: ir.Policy, function: ir.Function, collector: Collector, work: Work) -> HookCost | None:
    """The cost of a hook, after its mistakes are told; None if it is too much work to find either."""
    explainer = Explainer()
    fixpoint = Fixpoint(policy, function, explainer, work=work)
    fixpoint.run()
    for diagnostic in explainer.found:
        collector.add(diagnostic)
    if not fixpoint.finished:
        return None
    if HOOKS[function.hook].folio == "owned" and not function.params:
        collector.add(_ignored_folio(function))
    cost, too_dear = cost_of(fixpoint.space, fixpoint.limits)
    if too_dear is not None:
        collector.add(too_dear)
    return cost


def _ignored_folio(function: ir.Function) -> Diagnostic:
    return Diagnostic(
        "folio-leak",
        f"the folio handed to `{function.hook}` is lost",
        Label(function.span, "this hook owns a folio, and takes no parameter for it"),
        help=f"write `hook {function.hook}(f) {{ … }}` and put `f` on a list",
    )
