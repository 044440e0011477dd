"""The builds of native code that are compared: not optimised, optimised, and with a guard at every access.

In: a module whose hooks are to be called one by one. Out: `HookBuilds`, its code in every build. All are made by the
emitter, from the IR that the interpreter runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dsl import ir
from runtime.jit import engine
from runtime.jit.emit import Emitter, ModulePlan
from runtime.jit.engine import NativeCode
from runtime.jit.guards import GUARD, GuardedEmitter, check_noted, guarded_context
from runtime.jit.llvm_text import MUL_DIV, PREFETCH, llvm_type, tbaa
from runtime.jit.module import Module

GUARDED = "guarded"
LEVELS = {"O0": 0, "O3": 3, GUARDED: 0}
"""The builds, and how hard LLVM optimises each."""


class HookBuilds:
    """A module of hooks alone, each behind an entry point that takes and gives 64 bits."""

    def __init__(self, module: Module) -> None:
        self._code: dict[str, NativeCode] = {}
        plain, guarded = _text(module, Emitter), GUARD + _text(module, GuardedEmitter)
        for build, level in LEVELS.items():
            text = guarded if build == GUARDED else plain
            self._code[build] = engine.load(engine.object_code(text, level), _symbols(module))

    def call(self, build: str, regions: dict[str, Any], number: int, hook: str, lruvec: int, folio: int) -> int:
        """Calls a hook of policy `number` of the module. `OutOfBounds` if a guard fails."""
        context = guarded_context(regions)
        result = self._code[build].call(f"entry.{number}.{hook}", context.ctypes.data, lruvec, folio)
        check_noted(context)
        return result


def _text(module: Module, emitter: type[Emitter]) -> str:
    """The core, and every hook with its entry point."""
    core = ModulePlan(module.layouts[0], module.settings, (), module.core, None)
    parts = [PREFETCH]
    parts += [emitter(core, function).emit(name, "internal", "") for name, function in module.core.items()]
    for number, hook in _hooks(module):
        policy = module.metered[number]
        assert isinstance(policy, ir.Policy)
        plan = ModulePlan(module.layouts[number], module.settings, (), module.core, policy)
        parts.append(emitter(plan, hook).emit(f"hook.{number}.{hook.hook}", "internal", ""))
        parts.append(_entry(number, hook))
    if any("@mul_div(" in part for part in parts):
        parts.append(MUL_DIV)
    return "\n".join(parts) + tbaa()


def _hooks(module: Module) -> Iterator[tuple[int, ir.Function]]:
    for number, policy in enumerate(module.metered):
        assert isinstance(policy, ir.Policy)
        for hook in policy.hooks:
            yield number, hook


def _symbols(module: Module) -> list[str]:
    return [f"entry.{number}.{hook.hook}" for number, hook in _hooks(module)]


def _entry(number: int, hook: ir.Function) -> str:
    name, symbol = f"hook.{number}.{hook.hook}", f"entry.{number}.{hook.hook}"
    arguments = ["ptr %ctx", "i64 %lruvec", *(f"{llvm_type(p.type)} %f" for p in hook.params)]
    head = f"define i64 @{symbol}(ptr %ctx, i64 %lruvec, i64 %f) {{\n"
    if hook.result is None:
        return head + f"  call void @{name}({', '.join(arguments)})\n  ret i64 0\n}}\n"
    type = llvm_type(hook.result)
    wide = f"  %w = zext {type} %r to i64\n" if type != "i64" else "  %w = add i64 %r, 0\n"
    return head + f"  %r = call {type} @{name}({', '.join(arguments)})\n{wide}  ret i64 %w\n}}\n"
