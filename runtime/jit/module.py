"""One module of a core and the policies of a simulation: which functions it holds, and its text.

In: `Attachable`s (verified policies or built-in ones) and what the core is compiled for. Out: `Module`: the core
functions and hooks in IR, for the interpreter, and the text of the whole as LLVM. With one policy a hook is a direct
call, with several the number of the lruvec's policy decides. Everything in the text is
`internal` but the entry points, so that optimisation may inline hooks and kfuncs into the replay loop.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from dsl import abi, ir
from dsl.types import I64
from runtime.core import belady, lists, replay
from runtime.core.context import CoreCallable
from runtime.core.kfuncs import implementation
from runtime.jit import trusted
from runtime.jit.emit import Emitter, HookTarget, ModulePlan
from runtime.jit.frontend import compile_functions, qualified
from runtime.jit.guards import GUARD, GuardedEmitter
from runtime.jit.llvm_text import MUL_DIV, PREFETCH, tbaa
from runtime.jit.metering import metered, size
from runtime.policies.params import BuiltinParam
from runtime.policy_layout import PolicyLayout, layout_of_builtin, layout_of_policy, share_strides

ENTRY_POINTS: tuple[CoreCallable, ...] = (
    replay.attach,
    replay.detach,
    replay.adopt,
    replay.reclaim_pages,
    replay.replay,
    replay.replay_tasks,
)
BELADY_ENTRY_POINTS: tuple[CoreCallable, ...] = (belady.find_next_uses, belady.count_misses)
SCAN_FUNCTIONS: list[CoreCallable] = [lists.list_len, lists.scan_begin, lists.scan_next, lists.cursor_next]
"""What a `Scan` calls."""


COLD_MODULES = ("oom", "psi", "swapfile", "tick", "truncate", "vmscan", "writeback")
"""Modules of the core that the kernel model runs rarely against the cost of what they call. Compiled for size and never
inlined, which takes a third off LLVM's time and nothing off the speed of replay."""

LARGE_POLICY = 3_000
"""Instructions; of the shipped programs `mglru` has 2,600, the next one 500."""


@dataclass(frozen=True, slots=True)
class Builtin:
    """A policy that is part of the core: a module whose functions are named as the hooks they implement."""

    name: str
    module: ModuleType

    @property
    def hooks(self) -> dict[str, CoreCallable]:
        return {h: vars(self.module)[h] for h in abi.HOOKS if h in vars(self.module)}

    @property
    def params(self) -> tuple[BuiltinParam, ...]:
        return tuple(vars(self.module).get("PARAMS", ()))

    @property
    def oldest_at_tail(self) -> bool:
        """Whether folios join its lists at the head, as in the kernel."""
        return bool(vars(self.module).get("OLDEST_AT_TAIL", False))

    @property
    def list_names(self) -> tuple[str, ...]:
        """The names of its lists, in the order of their numbers."""
        return tuple(vars(self.module).get("LIST_NAMES", ()))

    def list_sizes(self, words: Sequence[int]) -> dict[str, int] | None:
        """What it counts by itself, from the words of its state; None if the lengths of its lists say all."""
        sizes = vars(self.module).get("list_sizes")
        return None if sizes is None else dict(sizes(words))


Attachable = ir.Policy | Builtin


@dataclass(frozen=True, slots=True)
class Variant:
    """What the core is compiled for besides the policies: see `runtime/core/context.py`."""

    ideal: bool = False
    single: bool = True
    addressed: bool = False
    checked: bool = False

    @property
    def name(self) -> str:
        parts = ["ideal" if self.ideal else "kernel", "" if self.single else "tree", "addressed" * self.addressed]
        parts.append("checked" * self.checked)
        return "-".join(part for part in parts if part)


def layout_of(policy: Attachable) -> PolicyLayout:
    """The layout of a policy that is attached alone."""
    if isinstance(policy, Builtin):
        declared = vars(policy.module)
        return layout_of_builtin(declared.get("LISTS", 0), declared.get("STATE_WORDS", 0))
    return layout_of_policy(policy)


def layouts_of(policies: Sequence[Attachable]) -> tuple[PolicyLayout, ...]:
    """The layouts of policies that share a simulation."""
    return share_strides([layout_of(policy) for policy in policies])


def hook_names(policy: Attachable) -> tuple[str, ...]:
    return tuple(policy.hooks) if isinstance(policy, Builtin) else tuple(h.hook for h in policy.hooks)


def hook_bits(policy: Attachable) -> int:
    """The hooks of a policy, a bit each."""
    names = hook_names(policy)
    return sum(1 << number for number, name in enumerate(abi.HOOKS) if name in names)


def settings_of(policies: Sequence[Attachable], variant: Variant) -> dict[str, int]:
    """The constants of a run, by the names they have in the core (`runtime/core/context.py`)."""
    layout = layouts_of(policies)[0]
    hooks = [hook_bits(policy) for policy in policies]
    return {
        "IDEAL": variant.ideal,
        "SINGLE": variant.single,
        "ADDRESSED": variant.addressed,
        "CHECKED": variant.checked,
        "RECLAIMS_ON_ACCESS": any(map(_reclaims_on_access, policies)),
        "NR_LISTS": layout.nr_lists,
        "NR_CURSORS": layout.nr_cursors,
        "NR_BAGS": layout.nr_bags,
        "NR_HEAPS": layout.nr_heaps,
        "FOLIO_COLUMNS": layout.folio_columns,
        "FIELD_BASE": layout.field_base,
        "FIELD_BYTES": layout.field_bytes,
        "STATE_STRIDE": layout.state_stride,
        "NR_PARAMS": max(1, *(len(policy.params) for policy in policies)),
        "HOOKS_ALL": functools.reduce(operator.and_, hooks),
        "HOOKS_ANY": functools.reduce(operator.or_, hooks),
    }


@dataclass(frozen=True)
class Module:
    """A core and the policies of a simulation, as IR. `entry_points` are the functions that are called from outside."""

    policies: tuple[Attachable, ...]
    settings: dict[str, int]
    entry_points: tuple[CoreCallable, ...] = ENTRY_POINTS

    @functools.cached_property
    def layouts(self) -> tuple[PolicyLayout, ...]:
        return layouts_of(self.policies)

    @functools.cached_property
    def metered(self) -> tuple[Attachable, ...]:
        """The policies as they are run."""
        return tuple(metered(policy) if isinstance(policy, ir.Policy) else policy for policy in self.policies)

    @functools.cached_property
    def core(self) -> dict[str, trusted.CoreFunction]:
        """The core functions the run can reach, by qualified name."""
        hooks: dict[str, list[CoreCallable]] = {}
        for policy in self.policies:
            if isinstance(policy, Builtin):
                for hook, function in policy.hooks.items():
                    hooks.setdefault(hook, []).append(function)
        roots = self._entry_points()
        return compile_functions([*roots, *self._called_by_policies()], self.settings, hooks)

    def _entry_points(self) -> list[CoreCallable]:
        """One task runs by `replay`, several by `replay_tasks`."""
        left_out = replay.replay_tasks if self.settings.get("SINGLE") else replay.replay
        return [f for f in self.entry_points if f is not left_out]

    def _called_by_policies(self) -> list[CoreCallable]:
        found: dict[str, CoreCallable] = {}
        for policy in self.policies:
            if isinstance(policy, ir.Policy):
                for hook in policy.hooks:
                    for function in _core_functions(policy, hook.body):
                        found[qualified(function)] = function
        return list(found.values())

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the entry points."""
        return tuple(qualified(f) for f in self._entry_points())

    def _attributes(self, function: str) -> str:
        """What LLVM is told of a core function."""
        if self.settings.get("IDEAL", True) or function.split(".")[0] not in COLD_MODULES or function in self.symbols:
            return ""
        return "noinline minsize cold "

    @property
    def level(self) -> int:
        """How hard LLVM optimises: 3, or 1 for policies so large that its time, which grows faster than they do, would
        be minutes."""
        written = [policy for policy in self.policies if isinstance(policy, ir.Policy)]
        return 3 if sum(size(h.body) for policy in written for h in policy.hooks) <= LARGE_POLICY else 1

    @functools.cached_property
    def text(self) -> str:
        """The module as LLVM text."""
        return self._written(Emitter)

    @functools.cached_property
    def guarded_text(self) -> str:
        """The same with every access tested, for a context of `guards.guarded_context`."""
        return GUARD + self._written(GuardedEmitter)

    def _written(self, emitter: type[Emitter]) -> str:
        targets = tuple(_targets(number, policy) for number, policy in enumerate(self.policies))
        parts = [PREFETCH]
        plan = ModulePlan(self.layouts[0], self.settings, targets, self.core, None)
        for name, function in self.core.items():
            entry = name in self.symbols
            parts.append(emitter(plan, function).emit(name, "" if entry else "internal", self._attributes(name)))
        for number, policy in enumerate(self.metered):
            if isinstance(policy, ir.Policy):
                plan = ModulePlan(self.layouts[number], self.settings, targets, self.core, policy)
                for hook in policy.hooks:
                    parts.append(emitter(plan, hook).emit(_symbol(number, hook.hook), "internal", "alwaysinline "))
        if any("@mul_div(" in part for part in parts):
            parts.append(MUL_DIV)
        return "\n".join(parts) + tbaa()


def _reclaims_on_access(policy: Attachable) -> bool:
    if not isinstance(policy, ir.Policy):
        return False
    hook = policy.hook("folio_accessed")
    return hook is not None and implementation("ctx_reclaim") in _core_functions(policy, hook.body)


def _symbol(policy: int, hook: str) -> str:
    return f"hook.{policy}.{hook}"


def _targets(number: int, policy: Attachable) -> dict[str, HookTarget]:
    """What a call of each hook of a policy calls."""
    if isinstance(policy, Builtin):
        return {
            h: HookTarget(qualified(f), 1 + (abi.HOOKS[h].folio is not None), abi.HOOKS[h].result and I64)
            for h, f in policy.hooks.items()
        }
    return {h.hook: HookTarget(_symbol(number, h.hook), 1 + len(h.params), h.result) for h in policy.hooks}


def _core_functions(policy: ir.Policy, body: Sequence[ir.Node]) -> list[CoreCallable]:
    """The core functions that a body calls, directly or through `scan`."""
    found: list[CoreCallable] = []
    for node in body:
        if isinstance(node, ir.Call):
            kind = policy.maps[node.table].kind if abi.KFUNCS[node.kfunc].receiver in ("map", "ref") else ""
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
    return Module((Builtin("opt", belady),), {}, BELADY_ENTRY_POINTS)
