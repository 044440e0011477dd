"""The states of the analysis, for people.

In: a policy whose structure is sound. Out: for each line of each hook what is known when it is first reached, in names
of the source and never in numbers of registers. Nothing depends on it: the verdict is the same whether it is asked for
or not.
"""

from __future__ import annotations

from dataclasses import dataclass

from dsl import ir
from verifier.explain import Explainer
from verifier.fixpoint import Fixpoint
from verifier.state import UNINITIALISED, Space, State
from verifier.wording import Wording


@dataclass(frozen=True, slots=True)
class LineStates:
    """What is known where `line` is first reached in `hook`, each fact as text such as `i ∈ [0, 7]`."""

    hook: str
    line: int
    facts: tuple[str, ...]


class _Recorder:
    """Keeps the state before the first instruction of each line."""

    def __init__(self) -> None:
        self.states: dict[int, State] = {}
        self.space: Space | None = None

    def observe(self, node: ir.Node, state: State, space: Space) -> None:
        if space is not self.space:
            self.space = space
        self.states.setdefault(node.span.line, state.fork())


def trace(policy: ir.Policy) -> tuple[LineStates, ...]:
    """The states at all lines that can be reached."""
    found: list[LineStates] = []
    for function in policy.hooks:
        recorder = _Recorder()
        Fixpoint(policy, function, Explainer(), recorder.observe).run()
        if recorder.space is not None:
            words = Wording(recorder.space)
            for line, state in sorted(recorder.states.items()):
                found.append(LineStates(function.hook, line, _facts(recorder.space, words, state)))
    return tuple(found)


def _facts(space: Space, words: Wording, state: State) -> tuple[str, ...]:
    """What is known of everything that has a name and a value."""
    facts = []
    for cell, name in sorted(space.layout.names.items()):
        value = state.value(cell)
        known = words.value(value)
        if value is not UNINITIALISED and known:
            facts.append(f"{name} {known}")
    return tuple(facts)
