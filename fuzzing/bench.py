"""A simulation in the midst of things, on which single hooks are called.

In: the declarations that some policies share, and those policies. Out: `Bench`: the memory of a run with folios on
lists, bags and heaps and entries in the maps. `prepare` puts it back there and then sets everything that is the core's
or another hook's to choose, at random within what the `abi` says: context, state variables, fields, params.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np

from dsl import abi, ir
from dsl.source import NOWHERE
from dsl.types import BOOL, FOLIO, LIST, U64, Type
from runtime.core import layout as core
from runtime.core.context import Context
from runtime.core.kfuncs import implementation
from runtime.core.layout import FIRST_MAP
from runtime.executors import PythonExecutor
from runtime.interp import Interpreter
from runtime.jit.module import Module, Variant, settings_of
from runtime.machine import Machine
from runtime.regions import Attachment
from runtime.simulation import Simulation

PAGES, MEMORY = 60, 40
_NOT_RANGES = ("nr_pages", "nr_resident", "swappiness", "swap_left", "can_age_anon", "lruvec", "memcg", "can_promote")
"""Properties of the context that are computed from the machine, not read from a word."""


class Events:
    """A trace of reads of file pages, written down."""

    def __init__(self, pages: list[int]) -> None:
        self.page = np.array(pages, "u4")
        self.flags = np.full(len(pages), core.E_FILE | core.E_SYSCALL, "u1")
        self.nr_pages = PAGES
        self.keys = None


def _base_hooks() -> tuple[ir.Function, ...]:
    """Hooks of the policy that fills the bench: first in, first out."""
    f, xs, count = ir.Reg(0, FOLIO), ir.Reg(1, LIST), ir.Const(0, U64)
    added = (ir.ListAt(xs, 0, count, NOWHERE), ir.Call(None, "list_push_tail", -1, (xs, f), NOWHERE))
    take = ir.Call(ir.Reg(2, BOOL), "ctx_evict", -1, (ir.Reg(0, FOLIO),), NOWHERE)
    evict = (added[0], ir.Scan(f, xs, -1, ir.Const(8, U64), (take,), NOWHERE))
    return (
        ir.Function("folio_added", (f,), None, (f, xs), added, NOWHERE),
        ir.Function("evict_folios", (), None, (f, xs, ir.Reg(2, BOOL)), evict, NOWHERE),
    )


class Bench:
    """`module` holds the policy that fills the bench and then `policies`."""

    def __init__(self, tables: ir.Policy, policies: list[ir.Policy]) -> None:
        self.base = replace(tables, hooks=_base_hooks())
        everything = (self.base, *policies)
        self.module = Module(everything, settings_of(everything, Variant()), entry_points=())
        alone = Module((self.base,), settings_of(everything, Variant()))
        simulation = Simulation(Attachment(self.base, {}), Machine(MEMORY), PythonExecutor(alone))
        chance = random.Random(1)
        simulation.run(Events([*range(PAGES), *(chance.randrange(PAGES) for _ in range(100))]))
        simulation.regions["page_table"] = simulation.regions["page_table"][: 8 * 4 * PAGES].copy()
        self.simulation = simulation
        self.context = Context(dict(simulation.views()), self.module.settings)
        self._spread(chance)
        self._start = {name: region.copy() for name, region in simulation.regions.items()}
        self._words = _context_words()

    def call(self, kfunc: str, *args: int, kind: str = "") -> Any:
        return implementation(kfunc, kind)(self.context, 0, *args)

    def head(self, number: int) -> int:
        """The list head of declaration `number`."""
        return int(self.module.layouts[0].list_base[number])

    def _spread(self, chance: random.Random) -> None:
        """Folios on every list, entries in every map."""
        for f in self.resident():
            number = chance.randrange(len(self.base.lists))
            if self.base.lists[number].kind == "heap":
                self.call("heap_move", self.head(number), f, chance.randrange(4))
            else:
                self.call("list_move_tail", self.head(number), f)
        for number, declared in enumerate(self.base.maps):
            for key in range(6 if declared.kind != "array" else 0):
                self.call("map_insert", self._map(number), key & declared.key.maximum, kind=declared.kind)

    def _map(self, number: int) -> int:
        return int(self.context.lruvecs[0, FIRST_MAP]) + number

    def resident(self) -> list[int]:
        """The folios that are on a list of the policy."""
        found = [f for page in range(PAGES) if (f := self.context.page_table[page]) > 0]
        return sorted(f for f in found if self.context.folios[f, core.LIST] >= core.FIRST_POLICY_LIST)

    # --- before a call -------------------------------------------------------------------------------------

    def prepare(self, function: ir.Function, seed: int) -> tuple[int, ...]:
        """Sets the scene; the arguments of the hook after lruvec."""
        chance = random.Random(seed)
        for name, region in self._start.items():
            self.simulation.regions[name][:] = region
        for word, low, high in self._words:
            self.context.state[word] = chance.choice((low, high, chance.randint(low, high)))
        self._declared(chance)
        folios = self.resident()
        if not function.params:
            return ()
        f = chance.choice(folios)
        if abi.HOOKS[function.hook].folio == "owned":
            f = next(f for n in range(2) if (f := self.call("list_pop_head", self.head(n))))
        return (f,)

    def _declared(self, chance: random.Random) -> None:
        layout, ctx, policy = self.module.layouts[0], self.context, self.base
        for number, param in enumerate(policy.params):
            ctx.params[number] = _signed(_any(chance, param.low, param.high))
        for state, first in zip(policy.states, layout.state_words, strict=True):
            for index in range(state.length):
                ctx.policy[first + index] = _signed(_any(chance, state.type.minimum, state.type.maximum))
        folios = self.simulation.regions["folios"]
        for f in self.resident():
            for declared, offset in zip(policy.fields, layout.field_offsets, strict=True):
                _store(folios, f * layout.folio_bytes + layout.field_base + offset, declared.type, chance)
        self._map_values(chance)

    def _map_values(self, chance: random.Random) -> None:
        entries, layout = self.simulation.regions["map_entries"], self.module.layouts[0]
        for number, declared in enumerate(self.base.maps):
            for key in range(6):
                at = self.call("map_lookup", self._map(number), key & declared.key.maximum, kind=declared.kind)
                for value, offset in zip(declared.fields, layout.value_offsets[number], strict=True):
                    if at:
                        _store(entries, at + offset, value.type, chance)

    # --- calls ---------------------------------------------------------------------------------------------

    def interpreted(self, number: int, function: ir.Function, arguments: tuple[int, ...]) -> int:
        """Calls a hook of policy `number` of the module, with every access checked."""
        interpreter = Interpreter(self.simulation, self.module, self.context, number)
        metered = self.module.metered[number]
        assert isinstance(metered, ir.Policy)
        hook = metered.hook(function.hook)
        assert hook is not None
        return interpreter.hook(hook)(self.context, 0, *arguments)

    def memory(self) -> dict[str, bytes]:
        """Everything a hook may change."""
        return {name: region.tobytes() for name, region in self.simulation.regions.items()}


def _context_words() -> list[tuple[int, int, int]]:
    """The words that `ctx` shows, with their ranges."""
    found = []
    for kfunc in abi.KFUNCS.values():
        if kfunc.receiver != "ctx" or not kfunc.is_property or kfunc.member in _NOT_RANGES:
            continue
        names = [f"{prefix}{kfunc.member.upper()}" for prefix in ("CTX_", "", "NR_")]
        word = next((vars(core)[name] for name in names if name in vars(core)), None)
        if word is not None:
            high = kfunc.high if kfunc.member != "key" else PAGES - 1
            found.append((word, kfunc.low, high))
    return found


def _any(chance: random.Random, low: int, high: int) -> int:
    return chance.choice((low, high, min(high, max(low, 0)), chance.randint(low, high)))


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _store(region: Any, at: int, type: Type, chance: random.Random) -> None:
    value, size = _any(chance, type.minimum, type.maximum), type.storage_bytes
    region[at : at + size] = np.frombuffer(value.to_bytes(size, "little", signed=type.signed), "u1")
