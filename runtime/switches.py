"""Policies that change during a run, at given accesses.

In: what a user writes: `ACCESS:POLICY`, `ACCESS:detach`, and `ACCESS:MEMCG=POLICY` or `ACCESS:MEMCG=detach` where there
are several memcgs. Out: `Switch`es, and `Schedule`, which cuts a run into the stretches between them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runtime.attach import FALLBACK, Linker, native, replace_policy
from runtime.core.layout import ACCESSES, E_FREE
from runtime.machine import Machine
from runtime.program import OPT, Program, ProgramError, load_program
from runtime.simulation import Chunk, Simulation

DETACH = "detach"
_SWITCH = re.compile(r"(?P<access>\d{1,18}):(?:(?P<memcg>[^:=]+)=)?(?P<policy>.+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Switch:
    """Before access number `access`, counted from 0, the memcg gets the policy. `memcg` "": the only one there is."""

    access: int
    memcg: str
    program: Program
    text: str

    @property
    def policy(self) -> str:
        return self.program.spec

    def number(self, machine: Machine) -> int:
        """The number of the memcg. `ProgramError` if there is none of this name."""
        names = [memcg.name for memcg in machine.all_memcgs]
        if not self.memcg and len(names) == 1:
            return 0
        if self.memcg in names:
            return names.index(self.memcg)
        which = f"there is no memcg `{self.memcg}`" if self.memcg else "which memcg?"
        raise ProgramError(f"switch {self.text}: {which}", f"there are: {', '.join(names)}")


def check_switch(text: str) -> str:
    """The text of a switch, if it has the form of one; else `ValueError`."""
    if not _SWITCH.fullmatch(text):
        raise ValueError("must be ACCESS:POLICY, ACCESS:MEMCG=POLICY or ACCESS:detach")
    return text


def load_switch(text: str, load: Callable[[str], Program] = load_program) -> Switch:
    """A switch with its policy, as `load` finds it. Raises `ProgramError` or `Rejected`."""
    match = _SWITCH.fullmatch(check_switch(text))
    assert match is not None
    spec = FALLBACK if match["policy"] == DETACH else match["policy"]
    if spec == OPT:
        raise ProgramError(f"switch {text}: {OPT} is no policy that could be attached")
    return Switch(int(match["access"]), match["memcg"] or "", load(spec), text)


def numbers_of(switches: Sequence[Switch], machine: Machine) -> list[int]:
    """The numbers of the switches' memcgs. `ProgramError` if one is not there, or two switches are for one memcg at one
    access: which of them came last would be a guess."""
    found: dict[tuple[int, int], Switch] = {}
    for switch in switches:
        place = (switch.number(machine), switch.access)
        if place in found:
            raise ProgramError(f"switch {switch.text}: at this access there is already the switch {found[place].text}")
        found[place] = switch
    return [number for number, _ in found]


class Schedule:
    """The switches of one run, in the order of their accesses."""

    def __init__(self, switches: Sequence[Switch], machine: Machine) -> None:
        self._waiting = sorted(switches, key=lambda switch: switch.access)
        self._numbers = dict(zip(map(id, switches), numbers_of(switches, machine), strict=True))
        self.done: list[Switch] = []

    @property
    def waiting(self) -> tuple[Switch, ...]:
        """The switches that have not been made."""
        return tuple(self._waiting)

    def stretch(self, simulation: Simulation, chunk: Chunk, first: int) -> int:
        """The event of the chunk, from `first` on, before which the next switch is due; its end if none is."""
        end = len(chunk.page)
        if not self._waiting:
            return end
        ahead = self._waiting[0].access - int(simulation.state[ACCESSES])
        if ahead > end - first:
            return end
        flags: Any = chunk.flags[first:]
        places = np.flatnonzero((flags & E_FREE) == 0)
        return first + int(places[ahead]) if ahead < len(places) else end

    def ahead(self, accesses: int) -> int:
        """Accesses from access number `accesses` to the next switch; more than any run has if there is none."""
        return max(self._waiting[0].access - accesses, 0) if self._waiting else 1 << 62

    def apply(self, simulation: Simulation, link: Linker = native) -> list[Switch]:
        """Make the switches that are due. Returns them."""
        due = []
        while self._waiting and self._waiting[0].access <= int(simulation.state[ACCESSES]):
            switch = self._waiting.pop(0)
            replace_policy(simulation, self._numbers[id(switch)], switch.program, link)
            due.append(switch)
        self.done += due
        return due
