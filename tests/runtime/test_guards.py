"""Guarded code notices every access that leaves its bounds, and stays within them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from dsl import ir
from dsl.ir_text import parse_policy
from dsl.source import NOWHERE
from dsl.types import I64
from runtime.core import layout as core
from runtime.executors import GuardedExecutor
from runtime.jit import engine, trusted
from runtime.jit.emit import ModulePlan
from runtime.jit.guards import GUARD, GuardedEmitter, OutOfBounds, check_noted, guarded_context
from runtime.jit.llvm_text import tbaa
from runtime.jit.module import Attachable, Variant, layout_of
from runtime.machine import Machine
from runtime.regions import Attachment
from runtime.simulation import Simulation
from tests.runtime.attaching import mixed
from tests.runtime.hostile import MODELS
from tests.runtime.policies import module_of, program, simulate

HEAD = """
policy guarded
state s: u64
state a: u8[8]
list queue
list levels[4]
field hits: u64
map m: hash<page_key> {n: u64} [64]
"""


def guarded(policy: Attachable, machine: Machine, level: int = 0) -> Simulation:
    module = module_of((policy,), Variant(machine.ideal))
    code = engine.load(engine.object_code(module.guarded_text, level), module.symbols)
    return Simulation(Attachment(policy), machine, GuardedExecutor(code))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("var %0: u64\n%0 = copy 8\nstore state a[%0], 1:u8", "state index 8"),
        ("var %0: u64\nvar %1: u8\n%0 = copy 9\n%1 = load state a[%0]", "state index 9"),
        ("var %0: u64\nvar %1: list\n%0 = copy 4\n%1 = list levels[%0]", "list index 4"),
        ("var %0: folio\nvar %1: u64\n%0 = copy null:folio\n%1 = load field hits of %0", "folio"),
        ("var %0: folio\n%0 = copy null:folio\nstore field hits of %0, 1", "folio"),
        ("var %0: ref(0)\nvar %1: u64\n%0 = copy null:ref(0)\n%1 = load value n of %0", "reference"),
        ("var %0: ref(0)\n%0 = copy null:ref(0)\nstore value n of %0, 1", "reference"),
        ("var %0: u64\nvar %1: u8\n%0 = copy 256\n%1 = narrow %0", "narrowed value 256"),
        ("var %0: i64\nvar %1: u64\n%0 = copy -1:i64\n%1 = narrow %0", "narrowed value"),
    ],
)
@pytest.mark.parametrize("level", [0, 3])
def test_what_a_policy_must_not_do_is_noted(body: str, told: str, level: int) -> None:
    """None of these is accepted; the hook runs when the policy is attached."""
    policy = parse_policy(f"{HEAD}hook init() {{\n{body}\n}}\n")
    with pytest.raises(OutOfBounds, match=f"guards failed, first: {told}"):
        guarded(policy, Machine(40, True), level)


@dataclass(frozen=True)
class Store:
    """A function of the core that stores in a row of `folios`, compiled with guards."""

    row: int
    column: int
    value: int

    def run(self, rows: int = 4) -> object:
        row, column, value = (ir.Reg(number, I64) for number in range(3))
        body = (trusted.ViewStore("folios", row, column, value, NOWHERE),)
        function = trusted.CoreFunction("store", (row, column, value), None, (row, column, value), body, "")
        layout = layout_of(program("fifo"))
        plan = ModulePlan(layout, {"FOLIO_COLUMNS": 8}, (), {}, None)
        text = GUARD + GuardedEmitter(plan, function).emit("store", "", "") + tbaa()
        region = np.zeros(rows * 32 + 16, "u1")
        context = guarded_context({"folios": region})
        engine.load(engine.object_code(text, 0), ["store"]).call(
            "store", context.ctypes.data, self.row, self.column, self.value
        )
        check_noted(context)
        return int(region.view("<u4")[self.row * 8 + self.column])


def test_the_last_element_may_be_stored() -> None:
    assert Store(3, 7, (1 << 32) - 1).run() == (1 << 32) - 1


@pytest.mark.parametrize(
    ("store", "told"),
    [
        (Store(4, 0, 1), "row 4"),
        (Store(-1, 0, 1), "row -1|row 18446744073709551615"),
        (Store(1, 8, 1), "column 8"),
        (Store(1, -1, 1), "column 18446744073709551615"),
        (Store(1, 1, 1 << 32), "stored value 4294967296"),
        (Store(1, 1, -1), "stored value 18446744073709551615"),
    ],
)
def test_what_the_core_must_not_do_is_noted(store: Store, told: str) -> None:
    with pytest.raises(OutOfBounds, match=told):
        store.run()


def test_a_broken_list_is_noted() -> None:
    simulation = guarded(program("fifo"), Machine(24, True))
    trace = mixed(200, 60)
    simulation.run(trace, 0, 100)
    folios = simulation.regions["folios"].view("<u4").reshape(-1, simulation.layout.folio_columns)
    folios[core.FIRST_POLICY_LIST, core.NEXT] = 1 << 31
    with pytest.raises(OutOfBounds, match="first: row"):
        simulation.run(trace, 100)


@MODELS
@pytest.mark.parametrize("name", ["s3fifo", "builtin:lru"])
def test_guards_change_nothing(name: str, ideal: bool) -> None:
    trace, machine = mixed(1_500, 160), Machine(50, ideal)
    simulation = guarded(program(name), machine)
    simulation.run(trace)
    assert simulation.counters()["evictions"] > 100
    assert simulation.digest() == simulate(program(name), trace, machine, "O0").digest()


def test_other_code_has_no_trace_of_them() -> None:
    module = module_of((program("s3fifo"),), Variant(True))
    assert "@guard" not in module.text
    assert "call void @guard(" in module.guarded_text
