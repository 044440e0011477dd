"""Functions that call themselves.

In: the functions of a program. Out: a diagnostic for each cycle of calls. Functions are inlined, so that there must be
none. Works without recursion of its own, for any number of functions.
"""

from __future__ import annotations

from dsl import ast
from dsl.diagnostics import Collector, Diagnostic, Label
from dsl.source import Span
from dsl.symbols import Program


def check_recursion(program: Program, diagnostics: Collector) -> None:
    """Depth-first over the calls; a call to a function still being visited closes a cycle."""
    calls = {name: _calls(function, program) for name, function in program.functions.items()}
    done: set[str] = set()
    for root in calls:
        if root in done:
            continue
        path = [root]
        position = {root: 0}
        pending = [iter(calls[root])]
        while path:
            step = next(pending[-1], None)
            if step is None:
                finished = path.pop()
                del position[finished]
                pending.pop()
                done.add(finished)
                continue
            callee, span = step
            if callee in position:
                diagnostics.add(_cycle(program, path[position[callee] :], span))
            elif callee not in done:
                position[callee] = len(path)
                path.append(callee)
                pending.append(iter(calls[callee]))


def _calls(function: ast.Fn, program: Program) -> list[tuple[str, Span]]:
    """The functions that `function` calls, with the places."""
    found: list[tuple[str, Span]] = []
    stack: list[ast.Node] = [function.body]
    while stack:
        node = stack.pop()
        if (
            isinstance(node, ast.Call)
            and isinstance(node.callee, ast.Variable)
            and node.callee.name in program.functions
        ):
            found.append((node.callee.name, node.span))
        stack.extend(reversed(list(ast.children(node))))
    return found


def _cycle(program: Program, names: list[str], span: Span) -> Diagnostic:
    route = " → ".join(f"`{name}`" for name in [*names[:8], names[0]])
    related = tuple(Label(program.functions[name].name.span, f"`{name}` is declared here") for name in names[:3])
    return Diagnostic(
        "recursive-function",
        f"`{names[0]}` calls itself",
        Label(span, f"closes the circle {route}"),
        related,
        help="functions are inlined: use `for`, `scan` or `loop up to` instead of recursion",
    )
