"""`rext check`: verify policies.

In: policies as text or objects. Out: for each, that it is accepted and at what cost, or every error with its
explanation. Starts fast: it needs the front end and the verifier, and nothing that runs a policy.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from dsl.diagnostics import MAX_REPORTED, Diagnostic
from dsl.render import render_text, to_json
from dsl.source import Source
from runtime.cli import sources, status
from runtime.cli.output import emit, emit_json, printable_line, use_color
from runtime.cli.parser import add_output_options
from runtime.cli.sources import Subject
from verifier.verify import HookCost, LineCost, LineStates, Verdict, verify

EXAMPLE = "rext check my_policy.rx --cost"
LEGEND = """\
n is the number of resident folios or, if that is more, of the elements of an array. A step is one instruction of the
IR; a kfunc counts as several.
A line shows the most that what stands on it takes in one call, all rounds of its loops together. Of two branches the
bound of a hook takes the dearer, but each has its line: so the lines may add up to more than the bound."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("policies", nargs="+", metavar="P", help="a file (.rx, .rxo), or a name that `rext list` shows")
    parser.add_argument("--cost", action="store_true", help="the most steps each hook can take, line by line")
    parser.add_argument(
        "--log",
        choices=("verdict", "slice", "state"),
        default="slice",
        help="verdict: accepted or not; slice: errors with what led to them; state: what is known at each line"
        " (default: %(default)s)",
    )
    add_output_options(parser)


def execute(arguments: argparse.Namespace) -> int:
    subjects = [sources.read(name) for name in arguments.policies]
    verdicts = [None if subject.policy is None else verify(subject.policy) for subject in subjects]
    if arguments.format == "json":
        emit_json({"policies": [_data(s, v, arguments.log) for s, v in zip(subjects, verdicts, strict=True)]})
    else:
        color = use_color(arguments.color, sys.stdout)
        for subject, verdict in zip(subjects, verdicts, strict=True):
            emit(_text(subject, verdict, arguments, color))
    accepted = all(verdict is not None and verdict.accepted for verdict in verdicts)
    return status.SUCCESS if accepted else status.REJECTED


def _diagnostics(subject: Subject, verdict: Verdict | None) -> tuple[Diagnostic, ...]:
    return subject.diagnostics if verdict is None else verdict.diagnostics


def _data(subject: Subject, verdict: Verdict | None, log: str) -> dict[str, Any]:
    found = _diagnostics(subject, verdict)
    data: dict[str, Any] = {
        "file": subject.title,
        "policy": None if subject.policy is None else subject.policy.name,
        "accepted": verdict is not None and verdict.accepted,
        "diagnostics": [to_json(diagnostic, subject.source) for diagnostic in found[:MAX_REPORTED]],
        "omitted": max(len(found) - MAX_REPORTED, 0),
        "costs": [_cost_data(cost) for cost in ([] if verdict is None else verdict.costs)],
    }
    if log == "state" and verdict is not None:
        data["states"] = [_state_data(state) for state in verdict.states]
    return data


def _state_data(state: LineStates) -> dict[str, Any]:
    data: dict[str, Any] = {"hook": state.hook, "line": state.line, "facts": list(state.facts)}
    return data | ({"rounds": list(state.rounds)} if state.rounds else {})


def _cost_data(cost: HookCost) -> dict[str, Any]:
    lines = [
        {"line": c.line, "constant": c.constant, "per_folio": c.per_folio} | ({"rounds": c.rounds} if c.rounds else {})
        for c in cost.lines
    ]
    return {"hook": cost.hook, "constant": cost.constant, "per_folio": cost.per_folio, "lines": lines}


def _text(subject: Subject, verdict: Verdict | None, arguments: argparse.Namespace, color: bool) -> str:
    found = _diagnostics(subject, verdict)
    name = printable_line(subject.title)
    count = f"{len(found)} error{'' if len(found) == 1 else 's'}"
    summary = f"{name}: rejected, {count}" if found else f"{name}: accepted"
    parts = []
    if found and arguments.log != "verdict":
        parts.append(render_text(found, subject.source, color))
    if verdict is not None and arguments.log == "state":
        parts.append(state_text(subject.source, verdict))
    if verdict is not None and verdict.costs and arguments.cost:
        parts.append(cost_text(subject.source, verdict))
    parts.append(summary + "\n")
    return "\n".join(parts)


def cost_text(source: Source, verdict: Verdict) -> str:
    """What each hook costs at most, line by line."""
    blocks = []
    for cost in verdict.costs:
        rows = [(c.line, _steps(c.constant, c.per_folio), _cost_line(source, c)) for c in cost.lines]
        wide = max((len(steps) for _, steps, _ in rows), default=0)
        lines = [f"  {line:>5}  {steps:>{wide}}  {printable_line(text)}" for line, steps, text in rows]
        plural = "" if (cost.constant, cost.per_folio) == (1, 0) else "s"
        title = f"{cost.hook}: at most {_steps(cost.constant, cost.per_folio)} step{plural}"
        blocks.append("\n".join([title, *lines]))
    return "\n\n".join([*blocks, LEGEND]) + "\n"


def _cost_line(source: Source, cost: LineCost) -> str:
    text = source.line(cost.line).expandtabs(4)
    if not cost.rounds:
        return text
    return f"{text}   <- {'a round per folio' if cost.per_folio else f'up to {cost.rounds:,} rounds'}"


def _steps(constant: int, per_folio: int) -> str:
    return f"{constant:,} + {per_folio:,}·n" if per_folio else f"{constant:,}"


def state_text(source: Source, verdict: Verdict) -> str:
    """What is known where each line is first reached, below the line."""
    lines, hook = [], ""
    for state in verdict.states:
        if state.hook != hook:
            hook = state.hook
            lines.append(f"{hook}:")
        text = source.line(state.line).expandtabs(4)
        lines.append(f"  {state.line:>5}  {printable_line(text)}".rstrip())
        margin = f"         {' ' * (len(text) - len(text.lstrip()))}"
        for what, facts in (("known", state.facts), ("each round", state.rounds)):
            if facts:
                lines.append(f"{margin}{what}: {printable_line(', '.join(facts))}")
    return "\n".join(lines) + "\n"
