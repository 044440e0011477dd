"""The ways to run a simulation: native code, plain Python, and interpreted IR.

All work on the same regions and leave the same bytes behind; tests compare them. `NativeExecutor` runs what
`runtime/jit` made. `PythonExecutor` runs the core as the Python it is written in, with the policy interpreted or, if
it is built in, as Python, too. `GuardedExecutor` runs native code that tests every access. `InterpretedExecutor`
interprets the IR of core and policy, checking every access.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from dsl import abi
from runtime.core import replay
from runtime.core.context import Context
from runtime.core.layout import OPS
from runtime.interp import Interpreter
from runtime.jit.engine import NativeCode
from runtime.jit.frontend import qualified
from runtime.jit.guards import check_noted, guarded_context
from runtime.jit.module import Builtin, Module
from runtime.simulation import Simulation


class NativeExecutor:
    """Runs compiled code. The same code serves any number of simulations."""

    def __init__(self, code: NativeCode) -> None:
        self._code = code

    def call(self, simulation: Simulation, entry: str, *args: int) -> int:
        addresses = simulation.addresses()
        return self._code.call(_symbol(entry), addresses.ctypes.data, *args)


class GuardedExecutor:
    """Runs native code with guards (`Module.guarded_text`); raises `OutOfBounds` when a guard has failed."""

    def __init__(self, code: NativeCode) -> None:
        self._code = code

    def call(self, simulation: Simulation, entry: str, *args: int) -> int:
        context = guarded_context(simulation.regions)
        result = self._code.call(_symbol(entry), context.ctypes.data, *args)
        check_noted(context)
        return result


def _symbol(entry: str) -> str:
    return qualified(vars(replay)[entry])


def _absent(hook: abi.Hook) -> Any:
    return lambda *_: hook.default


class PythonExecutor:
    """Runs the core as plain Python: slow, for tests, debugging and reference."""

    def __init__(self, module: Module) -> None:
        self._module = module

    def _context(self, simulation: Simulation) -> Context:
        context = Context(dict(simulation.views()), self._module.settings)
        hooks = [self._hooks_of(number, simulation, context) for number in range(len(self._module.policies))]
        context.hooks = SimpleNamespace(**(hooks[0] if len(hooks) == 1 else _by_lruvec(hooks)))
        return context

    def _hooks_of(self, number: int, simulation: Simulation, context: Context) -> dict[str, Any]:
        """All hooks of a policy as Python functions, absent ones as functions that do nothing."""
        policy = self._module.metered[number]
        hooks = {name: _absent(hook) for name, hook in abi.HOOKS.items()}
        if isinstance(policy, Builtin):
            return {**hooks, **policy.hooks}
        interpreter = Interpreter(simulation, self._module, context, number)
        return {**hooks, **{hook.hook: interpreter.hook(hook) for hook in policy.hooks}}

    def call(self, simulation: Simulation, entry: str, *args: int) -> int:
        return int(vars(replay)[entry](self._context(simulation), *args))


def _by_lruvec(hooks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Hooks that call those of the policy attached to the lruvec."""

    def chosen(name: str) -> Any:
        def call(ctx: Context, lruvec: int, *args: int) -> Any:
            return hooks[ctx.lruvecs[lruvec, OPS]][name](ctx, lruvec, *args)

        return call

    return {name: chosen(name) for name in abi.HOOKS}


class InterpretedExecutor:
    """Interprets core and policy from their IR; an overflow or an access out of bounds raises `Trap`."""

    def __init__(self, module: Module) -> None:
        self._module = module

    def call(self, simulation: Simulation, entry: str, *args: int) -> int:
        context = Context(dict(simulation.views()), self._module.settings)
        interpreter = Interpreter(simulation, self._module, context)
        return int(interpreter.call_core(_symbol(entry), args))
