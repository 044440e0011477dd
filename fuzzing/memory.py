"""The concrete state of one run of a hook, as a hostile core would have it.

In: a policy, one of its hooks and a source of chance. Out: `Memory`: registers, state variables, fields, map values,
and who owns which folio. What the core decides is drawn at random within what the `abi` says: which folios stand on a
list, what `ctx` shows, what a call returns, and what a call with effects changes. Two registers may name the same
folio, and a folio that a hook owns may also be known to it by a borrowed name.
"""

from __future__ import annotations

import random
from typing import Any

from dsl import abi, ir
from dsl.types import FOLIO

FOLIOS = range(1, 6)
"""The folios there are."""
NEAR = (0, 1, 2, 3, 4, 6, 7, 8, 9, 15, 16, 17, 63, 64, 255, 256, -1, -2, -8)
"""Numbers that programs compare with, and their neighbours."""


class Trap(Exception):
    """What an accepted policy must not do."""


class TooLong(Exception):
    """The run was stopped; nothing follows from it."""


class _Unset:
    def __repr__(self) -> str:
        return "unset"


UNSET: Any = _Unset()
"""What a register holds that was never assigned, or whose folio was given away."""


class Memory:
    """A reference into a map is a pair of the map's generation and a number; null is 0, as for folios."""

    __slots__ = (
        "answers", "chance", "fields", "function", "generations", "hand", "lists", "params", "policy", "registers",
        "scanning", "states", "steps", "values",
    )  # fmt: skip

    def __init__(self, policy: ir.Policy, function: ir.Function) -> None:
        self.policy, self.function = policy, function
        self.registers: list[Any] = [UNSET] * len(function.registers)

    def begin(self, chance: random.Random) -> None:
        """Whatever the core may have before it calls the hook."""
        self.chance = chance
        self.params = [chance.choice((p.low, p.high, chance.randint(p.low, p.high))) for p in self.policy.params]
        self.states: dict[tuple[int, int], int] = {}
        self.registers[:] = [UNSET] * len(self.registers)
        self.fields: dict[tuple[int, int], int] = {}
        self.values: dict[tuple[int, Any, int], int] = {}
        self.hand: dict[int, int] = {}
        """The register that owns a folio, and the folio."""
        self.generations: dict[int, int] = {}
        self.answers: dict[tuple[Any, ...], Any] = {}
        """What calls without effects gave since the last one with effects: by kfunc, declaration and arguments."""
        self.scanning = False
        self.steps = 0
        for param in self.function.params:
            self.registers[param.index] = chance.choice(FOLIOS)
            if abi.HOOKS[self.function.hook].folio == "owned":
                self.hand[param.index] = self.registers[param.index]

    def param(self, number: int) -> int:
        """The value of a param; each run has others."""
        return self.params[number]

    def element(self, number: int, index: int) -> int:
        """An element of a state variable. The hook finds anything of its type there."""
        place = number, index
        if place not in self.states:
            type = self.policy.states[number].type
            self.states[place] = self.any_of(type.minimum, type.maximum)
        return self.states[place]

    def any_of(self, low: int, high: int) -> int:
        """A number of a range, more often one at its ends or near small bounds."""
        chance = self.chance
        if chance.random() < 0.6:
            value: int = chance.choice((low, high, low + 1, high - 1, *NEAR))
            if low <= value <= high:
                return value
        return chance.randint(low, high)

    # --- ownership -----------------------------------------------------------------------------------------

    def attached(self) -> list[int]:
        """The folios that are in nobody's hand."""
        held = self.hand.values()
        return [folio for folio in FOLIOS if folio not in held]

    def put(self, register: int, value: Any) -> None:
        """Assigns a register. The folio it may own would be lost."""
        if register in self.hand:
            raise Trap(f"%{register} is overwritten and owns folio {self.hand[register]}")
        self.registers[register] = value

    def move(self, source: int, target: int) -> None:
        """Copies a register; an owned folio changes hands."""
        if source == target:
            return
        value = self.registers[source]
        if source in self.hand:
            folio = self.hand.pop(source)
            self.put(target, value)
            self.hand[target] = folio
            self.registers[source] = UNSET
        else:
            self.put(target, value)

    def give(self, register: int, must_own: bool) -> None:
        """A folio is given to the core: one that is owned is gone."""
        if register in self.hand:
            del self.hand[register]
            self.registers[register] = UNSET
        elif must_own:
            raise Trap(f"%{register} is given away and owns nothing")

    # --- what the core answers -----------------------------------------------------------------------------

    def changed(self, table: int) -> None:
        """A call with effects: other calls may give anything now, and in map `table` there may be anything."""
        self.answers.clear()
        if table >= 0:
            self.values = {place: value for place, value in self.values.items() if place[0] != table}

    def invalidate(self, table: int) -> None:
        """References into a map die."""
        self.generations[table] = self.generations.get(table, 0) + 1

    def result(self, kfunc: abi.Kfunc, table: int) -> Any:
        """Anything the `abi` lets a kfunc return. An owned folio was in nobody's hand."""
        if kfunc.ownership == "ref":
            reference = self.generations.get(table, 0), self.chance.randint(1, 2)
            return self.chance.choice((0, reference, reference))
        if kfunc.result is None:
            return None
        if kfunc.result == FOLIO:
            choices = self.attached() if kfunc.ownership == "owned" else list(FOLIOS)
            return self.chance.choice([0, *choices])
        type = ir.meant(kfunc.result, table, self.policy.maps)
        if type.is_integer and type == kfunc.result:
            return self.any_of(kfunc.low, kfunc.high)
        return self.any_of(type.minimum, type.maximum)
