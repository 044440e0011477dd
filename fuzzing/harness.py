"""A simulation in the midst of things, on which single hooks are called.

In: the declarations that some policies share, those policies, and a model. Out: `Harness`: the memory of a run with
folios on lists, bags and heaps and entries in the maps of every lruvec. `prepare` puts it back there and then sets
everything that is the core's or another hook's to choose, at random within what the `abi` says, often at its limits:
the context, marks of folios, state variables, fields, params, what memory, swap and swappiness are said to be.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dsl import abi, ir
from dsl.source import NOWHERE
from dsl.types import BOOL, FOLIO, LIST, U64, Type
from fuzzing.workloads import VARIANTS, TraceRun, random_machine, random_trace
from runtime.core import layout as core
from runtime.core.context import Context
from runtime.core.kfuncs import implementation
from runtime.costs import ZRAM
from runtime.executors import PythonExecutor
from runtime.interp import Interpreter
from runtime.jit.module import Module, settings_of
from runtime.machine import SwapDevice
from runtime.regions import PAGE_TABLE_ENTRY_BYTES, Attachment
from runtime.simulation import Simulation

EVENTS = 300
BATCH = 4
"""Folios of a folio batch: some wait there, most are on lists."""
LATEST = (1 << 63) - (1 << 40)
"""The last nanosecond of `ctx.now`: what a hook makes the core spend still fits a word."""
FOLIO_FLAGS = (
    core.F_REFERENCED,
    core.F_ACTIVE,
    core.F_WORKINGSET,
    core.F_RECLAIM,
    core.F_DIRTY,
    core.F_WRITEBACK,
    core.F_FAULT,
)
"""Marks that any folio on a list may have."""
_NOT_WORDS = ("nr_pages", "nr_resident", "swappiness", "swap_left", "can_age_anon", "lruvec", "memcg", "can_promote")
"""Properties of the context that are computed from the machine, not read from a word."""


def base_hooks(tables: ir.Policy, after: ir.Function | None = None) -> tuple[ir.Function, ...]:
    """`folio_added` and `evict_folios` of a policy that gets along: first in, first out, and whatever else is on its
    lists. `after`: a hook `evict_folios` that has its turn then."""
    f, xs = ir.Reg(0, FOLIO), ir.Reg(1, LIST)
    push = (ir.ListAt(xs, 0, ir.Const(0, U64), NOWHERE), ir.Call(None, "list_push_tail", -1, (xs, f), NOWHERE))
    added = ir.Function("folio_added", (f,), None, (f, xs), push, NOWHERE)
    before = () if after is None else after.registers
    registers = tuple(ir.Reg(len(before) + number, type) for number, type in enumerate((FOLIO, LIST, BOOL)))
    body = _evict_all(tables, *registers) + (() if after is None else after.body)
    return added, ir.Function("evict_folios", (), None, (*before, *registers), body, NOWHERE)


def _evict_all(tables: ir.Policy, f: ir.Reg, xs: ir.Reg, taken: ir.Reg) -> tuple[ir.Node, ...]:
    """Proposes the first folios of every list, and the first of every heap."""
    found: list[ir.Node] = []
    for number, declared in enumerate(tables.lists):
        for index in range(declared.length):
            take = ir.Call(taken, "ctx_evict", -1, (f,), NOWHERE)
            if declared.kind == "heap":
                found.append(ir.Call(f, "heap_head", number, (), NOWHERE))
                found.append(ir.Compare(taken, "ne", f, ir.Const(0, FOLIO), NOWHERE))
                found.append(ir.If(taken, (take,), (), NOWHERE))
            else:
                found.append(ir.ListAt(xs, number, ir.Const(index, U64), NOWHERE))
                found.append(ir.Scan(f, xs, -1, ir.Const(8, U64), (take,), NOWHERE))
    return tuple(found)


@dataclass(frozen=True)
class Call:
    """A hook is called on a lruvec, with a folio if it takes one."""

    lruvec: int
    folios: tuple[int, ...]


class Harness:
    """`module` holds the policy that fills the harness and then `policies`."""

    def __init__(self, tables: ir.Policy, policies: list[ir.Policy], model: str = "kernel") -> None:
        self.base = replace(tables, hooks=base_hooks(tables))
        everything = (self.base, *policies)
        self.module = Module(everything, settings_of(everything, VARIANTS[model]), entry_points=())
        alone, chance = Module((self.base,), self.module.settings), random.Random(f"bench {model}")
        machine = replace(random_machine(model, chance), swap=(SwapDevice(ZRAM),))
        self.simulation = Simulation(Attachment(self.base), machine, PythonExecutor(alone))
        self.simulation.state[core.BATCH_SIZE] = BATCH
        self.tasks = len(self.simulation.machine.all_tasks)
        TraceRun(self.simulation, [random_trace(EVENTS, chance) for _ in range(self.tasks)]).go_on()
        self.pages = int(self.simulation.state[core.NR_PAGE_IDS])
        regions = self.simulation.regions
        regions["page_table"] = regions["page_table"][: PAGE_TABLE_ENTRY_BYTES * self.pages].copy()
        self.context = Context(dict(self.simulation.views()), self.module.settings)
        self._spread(chance)
        self._start = self.snapshot()
        self._words = self._context_words()
        self._lruvecs = [n for n in range(self.simulation.machine.nr_lruvecs) if self.resident(n)]

    def call(self, kfunc: str, lruvec: int, *args: int, kind: str = "") -> Any:
        return implementation(kfunc, kind)(self.context, lruvec, *args)

    def head(self, lruvec: int, number: int) -> int:
        """The list head of declaration `number`."""
        layout = self.module.layouts[0]
        return lruvec * layout.nr_lists + layout.list_base[number]

    def _spread(self, chance: random.Random) -> None:
        """Folios on every list, the first of them on the first, and entries in every map."""
        for lruvec in range(self.simulation.machine.nr_lruvecs):
            for f in self.resident(lruvec)[1:]:
                number = chance.randrange(len(self.base.lists))
                if self.base.lists[number].kind == "heap":
                    self.call("heap_move", lruvec, self.head(lruvec, number), f, chance.randrange(4))
                else:
                    self.call("list_move_tail", lruvec, self.head(lruvec, number), f)
            for number, declared in enumerate(self.base.maps):
                for key in range(6 if declared.kind != "array" else 0):
                    row = self._map(lruvec, number)
                    self.call("map_insert", lruvec, row, key & declared.key.maximum, kind=declared.kind)

    def _map(self, lruvec: int, number: int) -> int:
        return int(self.context.lruvecs[lruvec, core.FIRST_MAP]) + number

    def resident(self, lruvec: int) -> list[int]:
        """The folios that are on a list of the policy."""
        nr_lists = self.module.layouts[0].nr_lists
        lists = range(lruvec * nr_lists + core.FIRST_POLICY_LIST, (lruvec + 1) * nr_lists + 1)
        found = [f for page in range(self.pages) if (f := self.context.page_table[page]) > 0]
        return sorted(f for f in found if self.context.folios[f, core.LIST] in lists)

    # --- before a call -------------------------------------------------------------------------------------

    def prepare(self, function: ir.Function, seed: int) -> Call:
        """Sets the scene, the same for the same seed."""
        chance = random.Random(seed)
        self.restore(self._start)
        lruvec = chance.choice(self._lruvecs)
        folios = self.resident(lruvec)
        for word, low, high in self._words:
            self.context.state[word] = chance.choice((low, high, chance.randint(low, high)))
        self._machine(chance)
        self._marks(chance, folios)
        self._declared(chance, lruvec, folios)
        if not function.params:
            return Call(lruvec, ())
        if abi.HOOKS[function.hook].folio == "owned":
            return Call(lruvec, (self.call("list_pop_head", lruvec, self.head(lruvec, 0)),))
        return Call(lruvec, (chance.choice(folios),))

    def snapshot(self) -> dict[str, Any]:
        """A copy of all memory."""
        return {name: region.copy() for name, region in self.simulation.regions.items()}

    def restore(self, snapshot: dict[str, Any]) -> None:
        for name, region in snapshot.items():
            self.simulation.regions[name][:] = region

    def _context_words(self) -> list[tuple[int, int, int]]:
        """The words that `ctx` shows, with their ranges."""
        found = [(core.RECLAIM_SWAPPINESS, -1, 200), (core.SWAPPINESS, 0, 200)]
        found += [(core.NR_SWAP_DEVICES, 0, len(self.simulation.machine.swap))]
        found += [(core.CTX_SHADOW_LRUVEC, 0, self.simulation.machine.nr_lruvecs - 1)]
        single = self.simulation.machine.single
        highest = {"key": self.pages - 1, "now": LATEST, "task": abi.MAX_TASKS - 1 if single else self.tasks - 1}
        for kfunc in abi.KFUNCS.values():
            if kfunc.receiver == "ctx" and kfunc.is_property and kfunc.member not in _NOT_WORDS:
                names = [f"{prefix}{kfunc.member.upper()}" for prefix in ("CTX_", "", "NR_")]
                word = next(vars(core)[name] for name in names if name in vars(core))
                found.append((word, kfunc.low, highest.get(kfunc.member, kfunc.high)))
        return found

    def _machine(self, chance: random.Random) -> None:
        """What the machine is said to be like: all limits at their least, at their most, or anywhere."""
        most = core.MAX_PLAN
        least, most = chance.choice(((1, 1), (most, most), (1, most)))
        self.context.state[core.NR_PAGES] = chance.randint(least, most)
        if self.simulation.machine.single:
            self.context.state[core.NR_RESIDENT] = _any(chance, 0, core.MAX_PLAN)
        for memcg in range(len(self.simulation.machine.all_memcgs)):
            self.context.memcgs[memcg, core.MEMORY_USAGE] = _any(chance, 0, core.MAX_PLAN)
            self.context.memcgs[memcg, core.MEMORY_MAX] = chance.randint(least, most)
            self.context.memcgs[memcg, core.MEMCG_SWAPPINESS] = _any(chance, 0, 200)
        if len(self.simulation.machine.all_nodes) > 1:
            self.context.nodes[0, core.DEMOTION_TARGET] = chance.choice((-1, 1))
            self.context.nodes[1, core.FASTER_NODE] = chance.choice((-1, 0))
        for device in range(1, core.MAX_SWAP_DEVICES + 1):
            slots = self.context.devices[device, core.DEVICE_PAGES]
            self.context.devices[device, core.DEVICE_USED] = chance.choice((0, slots))

    def _marks(self, chance: random.Random, folios: list[int]) -> None:
        """Folios in every state that one on a list may be in."""
        for f in folios:
            flags = self.context.folios[f, core.FLAGS]
            marks = [*FOLIO_FLAGS, core.F_MAPPED, core.F_EXECUTABLE if flags & core.F_FILE else core.F_SWAPCACHE]
            for mark in marks:
                flags = flags ^ mark if chance.random() < 0.5 else flags
            young = core.F_YOUNG if flags & core.F_MAPPED and chance.random() < 0.5 else 0
            self.context.folios[f, core.FLAGS] = flags & ~core.F_YOUNG | young

    def _declared(self, chance: random.Random, lruvec: int, folios: list[int]) -> None:
        layout, ctx, policy = self.module.layouts[0], self.context, self.base
        first_param, first_word = lruvec * self.module.settings["NR_PARAMS"], lruvec * layout.state_stride
        for number, param in enumerate(policy.params):
            ctx.params[first_param + number] = _signed(_any(chance, param.low, param.high))
        for state, first in zip(policy.states, layout.state_words, strict=True):
            for index in range(state.length):
                ctx.policy[first_word + first + index] = _signed(_any(chance, state.type.minimum, state.type.maximum))
        region = self.simulation.regions["folios"]
        for f in folios:
            for declared, offset in zip(policy.fields, layout.field_offsets, strict=True):
                _store(region, f * layout.folio_bytes + layout.field_base + offset, declared.type, chance)
        self._map_values(chance, lruvec)

    def _map_values(self, chance: random.Random, lruvec: int) -> None:
        entries, layout = self.simulation.regions["map_entries"], self.module.layouts[0]
        for number, declared in enumerate(self.base.maps):
            for key in range(6):
                row = self._map(lruvec, number)
                at = self.call("map_lookup", lruvec, row, key & declared.key.maximum, kind=declared.kind)
                for value, offset in zip(declared.fields, layout.value_offsets[number], strict=True):
                    if at:
                        _store(entries, at + offset, value.type, chance)

    # --- calls ---------------------------------------------------------------------------------------------

    def interpreted(self, number: int, function: ir.Function, call: Call) -> int:
        """Calls a hook of policy `number` of the module, with every access checked."""
        interpreter = Interpreter(self.simulation, self.module, self.context, number)
        metered = self.module.metered[number]
        assert isinstance(metered, ir.Policy)
        hook = metered.hook(function.hook)
        assert hook is not None
        return interpreter.hook(hook)(self.context, call.lruvec, *call.folios)


def _any(chance: random.Random, low: int, high: int) -> int:
    return chance.choice((low, high, min(high, max(low, 0)), chance.randint(low, high)))


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _store(region: Any, at: int, type: Type, chance: random.Random) -> None:
    value, size = _any(chance, type.minimum, type.maximum), type.storage_bytes
    region[at : at + size] = np.frombuffer(value.to_bytes(size, "little", signed=type.signed), "u1")
