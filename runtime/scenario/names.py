"""Whether the names in a scenario refer to something, and the tree that the memcgs' names make.

In: a `Scenario`. Out: `wrong_name`, what is wrong with the first name that is, in words; and `memcg_paths`, every memcg
in preorder, those included that are only named as parents of others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dsl.nearest import nearest
from runtime.scenario.model import ROOT, Scenario

MOST_DEPTH = 64


class UnknownName(Exception):
    """The setting of a policy names a task or a memcg that is not there."""


def memcg_paths(scenario: Scenario) -> list[str]:
    """The paths of all memcgs in preorder, children in the order in which the file first names them."""
    children: dict[str, list[str]] = {ROOT: []}
    for memcg in scenario.memcg:
        parts = memcg.name.split("/")
        for depth in range(1, len(parts) + 1):
            path, above = "/".join(parts[:depth]), "/".join(parts[: depth - 1]) or ROOT
            if path not in children:
                children[path] = []
                children[above].append(path)
    ordered, waiting = [], [ROOT]
    while waiting:
        path = waiting.pop()
        ordered.append(path)
        waiting += reversed(children[path])
    return ordered


def parent_of(path: str) -> str:
    """The path of the memcg that a memcg other than the root lies in."""
    return path.rpartition("/")[0] or ROOT


def wrong_name(scenario: Scenario) -> str | None:
    """What is wrong with the names, or None."""
    checks = (_repeated, _bad_path, _unknown_node, _demotion_ring, _unknown_memcg, _task_above_others)
    return next((wrong for check in checks if (wrong := check(scenario)) is not None), None)


def numbered(spec: str, scenario: Scenario) -> str:
    """A policy as named on the command line, with numbers for the values of params that name a task or a memcg:
    `get_scan:scan_task=task.reports`, `x:of=memcg.apps/db`. `UnknownName` if there is none of this name."""
    head, colon, settings = spec.rpartition(":")
    if not colon or "=" not in settings:
        return spec
    return head + colon + ",".join(_numbered_setting(setting, scenario) for setting in settings.split(","))


def _numbered_setting(setting: str, scenario: Scenario) -> str:
    param, _, value = setting.partition("=")
    kind, dot, name = value.partition(".")
    if not dot or kind not in ("task", "memcg"):
        return setting
    known = [task.name for task in scenario.task] if kind == "task" else memcg_paths(scenario)
    if name not in known:
        raise UnknownName(f"{setting}: {_no_such(kind, name, known)}")
    return f"{param}={known.index(name)}"


def _repeated(scenario: Scenario) -> str | None:
    for title, tables in (("node", scenario.node), ("memcg", scenario.memcg), ("task", scenario.task)):
        seen: set[str] = set()
        for table in tables:
            if table.name in seen:
                return f"[[{title}]] `{table.name}`: there is another of this name"
            seen.add(table.name)
    return None


def _bad_path(scenario: Scenario) -> str | None:
    for memcg in scenario.memcg:
        where = f"[[memcg]] `{memcg.name}`: field `name`: "
        parts = memcg.name.split("/")
        if memcg.name == ROOT:
            return where + "the top of the tree has no limits: memory is what the nodes have"
        if not all(parts) or any(part in (".", "..") or part != part.strip() for part in parts):
            return where + "must be a path such as `apps/db`, without a slash at either end"
        if len(parts) > MOST_DEPTH:
            return where + f"lies {len(parts)} deep; the most is {MOST_DEPTH}"
    return None


def _unknown_node(scenario: Scenario) -> str | None:
    known = [node.name for node in scenario.node]
    for node in scenario.node:
        if node.demotes_to is not None and node.demotes_to not in known:
            return f"[[node]] `{node.name}`: field `demotes_to`: {_no_such('node', node.demotes_to, known)}"
    for task in scenario.task:
        if task.node is not None and task.node not in known:
            return f"[[task]] `{task.name}`: field `node`: {_no_such('node', task.node, known)}"
    return None


def _demotion_ring(scenario: Scenario) -> str | None:
    to = {node.name: node.demotes_to for node in scenario.node}
    for name in to:
        seen, at = {name}, to[name]
        while at is not None:
            if at in seen:
                return f"[[node]] `{name}`: field `demotes_to`: demotion goes round in a ring by way of `{at}`"
            seen.add(at)
            at = to[at]
    return None


def _unknown_memcg(scenario: Scenario) -> str | None:
    known = memcg_paths(scenario)
    for task in scenario.task:
        if task.memcg not in known:
            return f"[[task]] `{task.name}`: field `memcg`: {_no_such('memcg', task.memcg, known)}"
    for number, proactive in enumerate(scenario.proactive, 1):
        if proactive.memcg not in known:
            return f"[[proactive]] number {number}: field `memcg`: {_no_such('memcg', proactive.memcg, known)}"
    return None


def _task_above_others(scenario: Scenario) -> str | None:
    """Only the root may have both tasks and memcgs below it."""
    parents = {parent_of(path) for path in memcg_paths(scenario)[1:]} - {ROOT}
    for task in scenario.task:
        if task.memcg in parents:
            below = sorted(memcg.name for memcg in scenario.memcg if memcg.name.startswith(task.memcg + "/"))
            return (
                f"[[task]] `{task.name}`: field `memcg`: `{task.memcg}` has memcgs below it (`{below[0]}`), and then no"
                " tasks of its own"
            )
    return None


def _no_such(kind: str, name: str, known: Sequence[str] | Iterable[str]) -> str:
    known = list(known)
    close = nearest(name.lstrip("/"), known) if kind == "memcg" else nearest(name, known)
    return f"there is no {kind} `{name}`; " + (f"did you mean `{close}`?" if close else f"there are {', '.join(known)}")
