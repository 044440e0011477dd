"""The ways to run a simulation: native code, plain Python, and interpreted IR.

All work on the same regions and leave the same bytes behind; tests compare them. `NativeExecutor` runs what
`runtime/jit` made. `PythonExecutor` runs the core as the Python it is written in, with the policy interpreted or, if
it is built in, as Python, too. `InterpretedExecutor` interprets the IR of core and policy, checking every access.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from dsl import abi
from runtime.core import replay
from runtime.core.context import Context
from runtime.interp import Interpreter
from runtime.jit.engine import NativeCode
from runtime.jit.frontend import qualified
from runtime.jit.module import ENTRY_POINTS, Builtin, Module
from runtime.simulation import Simulation

ATTACH, REPLAY = (qualified(f) for f in ENTRY_POINTS)


class NativeExecutor:
    """Runs compiled code. The same code serves any number of simulations."""

    def __init__(self, code: NativeCode) -> None:
        self._code = code

    def attach(self, simulation: Simulation) -> None:
        addresses = simulation.addresses()
        self._code.call(ATTACH, addresses.ctypes.data)

    def replay(self, simulation: Simulation, first: int, last: int) -> int:
        addresses = simulation.addresses()
        return self._code.call(REPLAY, addresses.ctypes.data, first, last)


def _absent(hook: abi.Hook) -> Any:
    return lambda *_: hook.default


class PythonExecutor:
    """Runs the core as plain Python: slow, for tests, debugging and reference."""

    def __init__(self, module: Module) -> None:
        self._module = module

    def _context(self, simulation: Simulation) -> Context:
        policy = self._module.policy
        context = Context(dict(simulation.views()), self._module.settings)
        hooks = {name: _absent(hook) for name, hook in abi.HOOKS.items()}
        if isinstance(policy, Builtin):
            hooks.update(policy.hooks)
        else:
            interpreter = Interpreter(simulation, self._module, context)
            for hook in policy.hooks:
                hooks[hook.hook] = interpreter.hook(hook)
        context.hooks = SimpleNamespace(**hooks)
        return context

    def attach(self, simulation: Simulation) -> None:
        replay.attach(self._context(simulation))

    def replay(self, simulation: Simulation, first: int, last: int) -> int:
        return replay.replay(self._context(simulation), first, last)


class InterpretedExecutor:
    """Interprets core and policy from their IR; an overflow or an access out of bounds raises `Trap`."""

    def __init__(self, module: Module) -> None:
        self._module = module

    def _run(self, simulation: Simulation, function: str, *args: int) -> int:
        context = Context(dict(simulation.views()), self._module.settings)
        interpreter = Interpreter(simulation, self._module, context)
        return int(interpreter.call_core(function, args))

    def attach(self, simulation: Simulation) -> None:
        self._run(simulation, ATTACH)

    def replay(self, simulation: Simulation, first: int, last: int) -> int:
        return self._run(simulation, REPLAY, first, last)
