"""Policies attached, replaced and detached while a simulation runs, memcg by memcg.

In: a simulation between two calls of its core, a memcg, and the policy that is to come. Out: the same simulation with
that policy in place of the one before: no folio is lost, none of the run's counters changes, and the policies of the
other memcgs do not notice. In this order: all that can fail (code is made, memory laid out); the hook `exit`; the core
takes the folios over, oldest first (`runtime/core/takeover.py`); the memory moves (`runtime/relayout.py`); the hook
`init`; `folio_added` for one folio after another.

What a policy kept with folios, in shadows, state and maps is gone with it. The core's marks stay: active, workingset,
referenced, dirty, young; and folios on lists that the policy marked active are active. Detached is the memcg whose
policy is `builtin:lru`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from runtime.executors import NativeExecutor
from runtime.jit.module import Attachable, Builtin, Variant
from runtime.program import Program, load_program, native_code
from runtime.regions import Attachment, Lineup, allocate
from runtime.relayout import Relayout
from runtime.simulation import Executor, Simulation

FALLBACK = "builtin:lru"
"""The policy of a memcg that has no other."""

Linker = Callable[[Lineup, Variant], Executor]
"""Makes an executor for the policies of a line-up."""


def native(lineup: Lineup, variant: Variant) -> Executor:
    """The linker of native code."""
    return NativeExecutor(native_code(lineup.of_memcg, variant))


def replace_policy(simulation: Simulation, memcg: int, attached: Program | Attachment, link: Linker = native) -> None:
    """Put another policy, or the same one with other params, in place of a memcg's. `AttachError` if its maps are too
    large; then nothing has changed. A simulation whose pages have no addresses (`Simulation.addressed`) takes pages for
    neighbours in the order of their first use, should the new policy walk page tables."""
    attachment = attached.attachment if isinstance(attached, Program) else attached
    lineup = _with(simulation.lineup, memcg, attachment)
    executor = link(lineup, simulation.variant)
    fresh = allocate(lineup, simulation.machine)
    nodes = len(simulation.machine.all_nodes)
    lruvecs = range(memcg * nodes, (memcg + 1) * nodes)
    from_tail = oldest_at_tail(simulation.lineup.of_memcg[memcg].policy)
    for lruvec in lruvecs:
        simulation.call("detach", lruvec, from_tail)
    regions = Relayout(simulation, lineup, fresh, frozenset({memcg})).moved()
    simulation.exchange(lineup, regions, executor)
    for lruvec in lruvecs:
        simulation.call("attach", lruvec)
        simulation.call("adopt", lruvec)


def detach_policy(simulation: Simulation, memcg: int, link: Linker = native) -> None:
    """Leave a memcg to the built-in LRU."""
    replace_policy(simulation, memcg, load_program(FALLBACK), link)


def _with(lineup: Lineup, memcg: int, attachment: Attachment) -> Lineup:
    """The line-up with another attachment for one memcg. A policy that another memcg has already, if loaded once more,
    is taken for the same: one with the same key."""
    others = [a for number, a in enumerate(lineup.of_memcg) if number != memcg]
    same = next((a.policy for a in others if attachment.key and a.key == attachment.key), attachment.policy)
    of_memcg = list(lineup.of_memcg)
    of_memcg[memcg] = replace(attachment, policy=same)
    return Lineup(tuple(of_memcg))


def oldest_at_tail(policy: Attachable) -> bool:
    """Whether the policy has the oldest folios at the tails of its lists, as the kernel has; else they are at the
    heads, by the convention of the language."""
    return isinstance(policy, Builtin) and policy.oldest_at_tail
