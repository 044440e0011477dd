"""`rext check`: verify policies.

In: policies as text or objects. Out: for each, that it is accepted and at what cost, or every error with its
explanation. Starts fast: it needs the front end and the verifier, and nothing that runs a policy.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from dsl.diagnostics import Diagnostic
from dsl.render import render_text, to_json
from runtime.cli import sources, status
from runtime.cli.output import emit, emit_json, printable_line, use_color
from runtime.cli.parser import add_output_options
from runtime.cli.sources import Subject
from verifier.verify import HookCost, Verdict, verify

EXAMPLE = "rext check my_policy.rx --cost"
LEGEND = """\
n is the number of resident folios; a step is one instruction of the IR, a kfunc counts as several.
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
        "diagnostics": [to_json(diagnostic, subject.source) for diagnostic in found],
        "costs": [_cost_data(cost) for cost in ([] if verdict is None else verdict.costs)],
    }
    if log == "state" and verdict is not None:
        data["states"] = [{"hook": s.hook, "line": s.line, "facts": list(s.facts)} for s in verdict.states]
    return data


def _cost_data(cost: HookCost) -> dict[str, Any]:
    lines = [{"line": c.line, "constant": c.constant, "per_folio": c.per_folio} for c in cost.lines]
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
        parts.append(_state_text(subject, verdict))
    if verdict is not None and verdict.accepted and arguments.cost:
        parts.append(_cost_text(subject, verdict))
    parts.append(summary + "\n")
    return "\n".join(parts)


def _cost_text(subject: Subject, verdict: Verdict) -> str:
    blocks = []
    for cost in verdict.costs:
        rows = [(str(c.line), _steps(c.constant, c.per_folio), subject.source.line(c.line)) for c in cost.lines]
        wide = max((len(steps) for _, steps, _ in rows), default=0)
        lines = [f"  {line:>5}  {steps:>{wide}}  {printable_line(text.expandtabs(4))}" for line, steps, text in rows]
        blocks.append("\n".join([f"{cost.hook}: at most {_steps(cost.constant, cost.per_folio)} steps", *lines]))
    return "\n\n".join([*blocks, LEGEND]) + "\n"


def _steps(constant: int, per_folio: int) -> str:
    return f"{constant:,} + {per_folio:,}·n" if per_folio else f"{constant:,}"


def _state_text(subject: Subject, verdict: Verdict) -> str:
    """What is known where each line is first reached, below the line."""
    lines, hook = [], ""
    for state in verdict.states:
        if state.hook != hook:
            hook = state.hook
            lines.append(f"{hook}:")
        text = subject.source.line(state.line).expandtabs(4)
        lines.append(f"  {state.line:>5}  {printable_line(text)}".rstrip())
        facts = ", ".join(state.facts) or "nothing"
        lines.append(f"         {' ' * (len(text) - len(text.lstrip()))}known: {printable_line(facts)}")
    return "\n".join(lines) + "\n"
