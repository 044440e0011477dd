"""The builds of native code that are compared: not optimised, optimised, and with a guard at every access.

In: a module whose hooks are to be called one by one (`HookBuilds`) or within whole simulations (`executors_of`). Out:
code. All builds are made by the emitter, from the IR that the interpreter runs.
"""

from __future__ import annotations

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
        self._module = module
        self._symbols: list[str] = []
        plain, guarded = self._text(Emitter), self._text(GuardedEmitter)
        self._code: dict[str, NativeCode] = {}
        for build, level in LEVELS.items():
            text = GUARD + guarded if build == GUARDED else plain
            self._code[build] = engine.load(engine.object_code(text, level), self._symbols)

    def call(self, build: str, regions: dict[str, Any], number: int, hook: str, lruvec: int, folio: int) -> int:
        """Calls a hook of policy `number` of the module. `OutOfBounds` if a guard fails."""
        context = guarded_context(regions)
        result = self._code[build].call(f"entry.{number}.{hook}", context.ctypes.data, lruvec, folio)
        check_noted(context)
        return result

    def _text(self, emitter: type[Emitter]) -> str:
        module, self._symbols = self._module, []
        parts, core = (
            [PREFETCH],
            ModulePlan(self._module.layouts[0], self._module.settings, (), self._module.core, None),
        )
        parts += [emitter(core, function).emit(name, "internal", "") for name, function in module.core.items()]
        for number, policy in enumerate(module.metered):
            assert isinstance(policy, ir.Policy)
            plan = ModulePlan(module.layouts[number], module.settings, (), module.core, policy)
            for hook in policy.hooks:
                name = f"hook.{number}.{hook.hook}"
                parts.append(emitter(plan, hook).emit(name, "internal", ""))
                parts.append(_entry(number, hook, name))
                self._symbols.append(f"entry.{number}.{hook.hook}")
        if any("@mul_div(" in part for part in parts):
            parts.append(MUL_DIV)
        return "\n".join(parts) + tbaa()


def _entry(number: int, hook: ir.Function, name: str) -> str:
    arguments = ["ptr %ctx", "i64 %lruvec", *(f"{llvm_type(p.type)} %f" for p in hook.params)]
    symbol = f"entry.{number}.{hook.hook}"
    head = f"define i64 @{symbol}(ptr %ctx, i64 %lruvec, i64 %f) {{\n"
    if hook.result is None:
        return head + f"  call void @{name}({', '.join(arguments)})\n  ret i64 0\n}}\n"
    type = llvm_type(hook.result)
    wide = f"  %w = zext {type} %r to i64\n" if type != "i64" else "  %w = add i64 %r, 0\n"
    return head + f"  %r = call {type} @{name}({', '.join(arguments)})\n{wide}  ret i64 %w\n}}\n"
