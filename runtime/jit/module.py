"""One module of a core and a policy: which functions it holds, and its text.

In: an `Attachable` (a verified policy or a built-in one) and whether the model is ideal. Out: `Module`: the core
functions and hooks in IR, for the interpreter, and the text of the whole as LLVM. Everything in the text is
`internal` but the entry points, so that optimisation may inline hooks and kfuncs into the replay loop.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from dsl import abi, ir
from dsl.types import I64
from runtime.core import belady, lists, replay
from runtime.core.context import CoreCallable
from runtime.core.kfuncs import implementation
from runtime.jit import trusted
from runtime.jit.emit import Emitter, ModulePlan
from runtime.jit.frontend import compile_functions, qualified
from runtime.jit.llvm_text import MUL_DIV, PREFETCH, tbaa
from runtime.policy_layout import PolicyLayout, layout_of_builtin, layout_of_policy

ENTRY_POINTS: tuple[CoreCallable, ...] = (replay.attach, replay.replay)
BELADY_ENTRY_POINTS: tuple[CoreCallable, ...] = (belady.find_next_uses, belady.count_misses)
SCAN_FUNCTIONS: list[CoreCallable] = [lists.list_len, lists.scan_begin, lists.scan_next, lists.cursor_next]
"""What a `Scan` calls."""


LARGE_POLICY = 2_000
"""Instructions; the shipped programs have up to 150."""


@dataclass(frozen=True, slots=True)
class Builtin:
    """A policy that is part of the core: a module whose functions are named as the hooks they implement."""

    name: str
    module: ModuleType

    @property
    def hooks(self) -> dict[str, CoreCallable]:
        return {h: vars(self.module)[h] for h in abi.HOOKS if h in vars(self.module)}


Attachable = ir.Policy | Builtin


def layout_of(policy: Attachable) -> PolicyLayout:
    if isinstance(policy, Builtin):
        return layout_of_builtin(vars(policy.module).get("LISTS", 0), vars(policy.module).get("STATE_WORDS", 0))
    return layout_of_policy(policy)


def hook_names(policy: Attachable) -> tuple[str, ...]:
    return tuple(policy.hooks) if isinstance(policy, Builtin) else tuple(h.hook for h in policy.hooks)


def settings_of(policy: Attachable, ideal: bool) -> dict[str, int]:
    """The constants of a run, by the names they have in the core (`runtime/core/context.py`)."""
    layout, hooks = layout_of(policy), hook_names(policy)
    return {
        "IDEAL": ideal,
        "NR_LISTS": layout.nr_lists,
        "NR_CURSORS": layout.nr_cursors,
        "FOLIO_COLUMNS": layout.folio_columns,
        "FIELD_BYTES": layout.field_bytes,
        "STATE_STRIDE": layout.state_stride,
        "HAS_SCAN_PLAN": "scan_plan" in hooks,
        "HAS_FOLIO_CHECK": "folio_check" in hooks,
        "HAS_FOLIO_KEPT": "folio_kept" in hooks,
        "HAS_FOLIO_ADDED": "folio_added" in hooks,
        "HAS_MISS": "miss" in hooks,
        "HAS_REFAULT": "refault" in hooks,
        "HAS_FOLIO_ACCESSED": "folio_accessed" in hooks,
        "HAS_FOLIO_ACTIVATED": "folio_activated" in hooks,
    }


@dataclass(frozen=True)
class Module:
    """A core and a policy, as IR. `entry_points` are the functions that are called from outside."""

    policy: Attachable
    settings: dict[str, int]
    entry_points: tuple[CoreCallable, ...] = ENTRY_POINTS

    @functools.cached_property
    def core(self) -> dict[str, trusted.CoreFunction]:
        """The core functions the run can reach, by qualified name."""
        hooks = self.policy.hooks if isinstance(self.policy, Builtin) else {}
        return compile_functions([*self.entry_points, *self._called_by_policy()], self.settings, hooks)

    def _called_by_policy(self) -> list[CoreCallable]:
        if isinstance(self.policy, Builtin):
            return []
        found: dict[str, CoreCallable] = {}
        for hook in self.policy.hooks:
            for function in _core_functions(self.policy, hook.body):
                found[qualified(function)] = function
        return list(found.values())

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the entry points."""
        return tuple(qualified(f) for f in self.entry_points)

    @property
    def level(self) -> int:
        """How hard LLVM optimises: 3, or 1 for a policy so large that its time, which grows faster than the policy,
        would be minutes."""
        if isinstance(self.policy, Builtin):
            return 3
        return 3 if sum(_size(h.body) for h in self.policy.hooks) <= LARGE_POLICY else 1

    @functools.cached_property
    def text(self) -> str:
        """The module as LLVM text."""
        plan = self._plan()
        parts = [PREFETCH]
        for name, function in self.core.items():
            entry = name in self.symbols
            parts.append(Emitter(plan, function).emit(name, "" if entry else "internal", ""))
        if isinstance(self.policy, ir.Policy):
            for hook in self.policy.hooks:
                parts.append(Emitter(plan, hook).emit(f"hook.{hook.hook}", "internal", "alwaysinline "))
        if any("@mul_div(" in part for part in parts):
            parts.append(MUL_DIV)
        return "\n".join(parts) + tbaa()

    def _plan(self) -> ModulePlan:
        policy = self.policy
        if isinstance(policy, Builtin):
            targets = {h: (qualified(f), 1 + (abi.HOOKS[h].folio is not None)) for h, f in policy.hooks.items()}
            results = {h: None if abi.HOOKS[h].result is None else I64 for h in targets}
            return ModulePlan(layout_of(policy), self.settings, targets, results, self.core, None)
        targets = {h.hook: (f"hook.{h.hook}", 1 + len(h.params)) for h in policy.hooks}
        results = {h.hook: h.result for h in policy.hooks}
        return ModulePlan(layout_of(policy), self.settings, targets, results, self.core, policy)


def _size(body: Sequence[ir.Node]) -> int:
    """The instructions of a body."""
    size = 0
    for node in body:
        size += 1
        if isinstance(node, ir.If):
            size += _size(node.then) + _size(node.orelse)
        elif isinstance(node, ir.Block | ir.Loop | ir.Scan):
            size += _size(node.body)
    return size


def _core_functions(policy: ir.Policy, body: Sequence[ir.Node]) -> list[CoreCallable]:
    """The core functions that a body calls, directly or through `scan`."""
    found: list[CoreCallable] = []
    for node in body:
        if isinstance(node, ir.Call):
            kind = policy.maps[node.table].kind if abi.KFUNCS[node.kfunc].receiver == "map" else ""
            found.append(implementation(node.kfunc, kind))
        elif isinstance(node, ir.If):
            found += _core_functions(policy, node.then) + _core_functions(policy, node.orelse)
        elif isinstance(node, ir.Scan):
            found += SCAN_FUNCTIONS + _core_functions(policy, node.body)
        elif isinstance(node, ir.Block | ir.Loop):
            found += _core_functions(policy, node.body)
    return found


def opt_module() -> Module:
    """The offline optimum: core functions and no policy."""
    return Module(Builtin("opt", belady), {}, BELADY_ENTRY_POINTS)
