"""Every way to weaken the verifier by one step, derived from its text.

In: the sources of `verifier/`. Out: `Weakening`s: an obligation that is not asked for, a check that always says yes, a
transfer rule or a part of it left out, an end of an interval or a known bit made up, a join that keeps one side, a
branch taken the other way round, a cost of nothing. `fuzzing/mutants.py` tries whether anything notices.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
OBLIGATIONS = (
    "Readable", "NotNull", "Alive", "InBounds", "Fits", "InRange", "Owns", "Droppable", "ResultKept", "NothingOwned",
)  # fmt: skip

WORDS = ("culprit", "_too_many_steps", "_blame", "_nested")
"""Functions that only say what is wrong with a policy that is refused already."""
OF_TYPE = ("self._register", "self._operand")
"""Checks of an operand that take the type it must have."""


@dataclass(frozen=True)
class Weakening:
    """`module` with the text `source`. `kind` says what was weakened, `place` where: function and line."""

    module: str
    kind: str
    place: str
    source: str

    @property
    def name(self) -> str:
        return f"{self.module}:{self.place}: {self.kind}"


Change = tuple[str, Callable[[], None], Callable[[], None]]
"""What is changed in a tree, how, and how it is undone."""


def weakenings() -> Iterator[Weakening]:
    """All of them, in the order of the files."""
    for module, rules in RULES.items():
        path = ROOT / (module.replace(".", "/") + ".py")
        tree = ast.parse(path.read_text())
        seen = {ast.unparse(tree)}
        for function, line, kind, apply, undo in _changes(tree, rules):
            apply()
            source = ast.unparse(tree)
            undo()
            if source not in seen:
                seen.add(source)
                yield Weakening(module, kind, f"{function}:{line}", source)


Found = tuple[str, int, str, Callable[[], None], Callable[[], None]]


def _changes(tree: ast.Module, rules: tuple[str, ...]) -> Iterator[Found]:
    for table in tree.body:
        if isinstance(table, ast.AnnAssign) and ast.unparse(table.target) == "_OPERANDS":
            for line, kind, apply, undo in unread(table):
                yield "_OPERANDS", line, kind, apply, undo
    for name, function in _functions(tree):
        for rule in rules:
            if not function.name.startswith("__") and function.name not in WORDS:
                for line, kind, apply, undo in _RULE[rule](function):
                    yield name, line, kind, apply, undo


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}", inner


Local = tuple[int, str, Callable[[], None], Callable[[], None]]


def _exchange(line: int, kind: str, holder: object, name: str, new: object) -> Local:
    old = getattr(holder, name)
    return line, kind, lambda: setattr(holder, name, new), lambda: setattr(holder, name, old)


def _in_list(line: int, kind: str, items: list[ast.stmt] | list[ast.expr], at: int, new: list[object]) -> Local:
    kept = list(items)

    def apply() -> None:
        items[at : at + 1] = new  # type: ignore[assignment]

    def undo() -> None:
        items[:] = kept  # type: ignore[assignment]

    return line, kind, apply, undo


def _body(function: ast.FunctionDef, text: str, kind: str) -> Local:
    return _exchange(function.lineno, kind, function, "body", ast.parse(text).body)


def _lists_of_statements(function: ast.FunctionDef) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(function):
        for name in ("body", "orelse"):
            found = getattr(node, name, None)
            if isinstance(found, list) and found and isinstance(found[0], ast.stmt):
                yield found


def _returns(function: ast.FunctionDef) -> str:
    return "" if function.returns is None else ast.unparse(function.returns)


# --- rules ------------------------------------------------------------------------------------------------


def dropped_obligations(function: ast.FunctionDef) -> Iterator[Local]:
    """An obligation that is not asked for."""
    for node in ast.walk(function):
        if isinstance(node, ast.List):
            for at, item in enumerate(node.elts):
                name = _made(item)
                if name:
                    yield _in_list(item.lineno, f"{name} is not asked for", node.elts, at, [])
        if isinstance(node, ast.ListComp) and (name := _made(node.elt)):
            never = ast.comprehension(node.generators[0].target, ast.List([], ast.Load()), [], 0)
            yield _exchange(node.lineno, f"{name} is not asked for", node, "generators", [never])
    for body in _lists_of_statements(function):
        for at, statement in enumerate(body):
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
                made = [name for argument in statement.value.args if (name := _made(argument))]
                if made:
                    yield _in_list(statement.lineno, f"{made[0]} is not asked for", body, at, [ast.Pass()])


def _made(node: ast.expr) -> str:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in OBLIGATIONS:
        return node.func.id
    return ""


def always_yes(function: ast.FunctionDef) -> Iterator[Local]:
    """A test that always holds."""
    if _returns(function) == "bool":
        yield _body(function, "return True", "always holds")


def left_out(function: ast.FunctionDef) -> Iterator[Local]:
    """A statement with an effect that does not happen."""
    for body in _lists_of_statements(function):
        for at, statement in enumerate(body):
            effect = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
            stored = isinstance(statement, ast.Assign | ast.AugAssign) and _is_stored(_target(statement))
            if effect or stored:
                what = ast.unparse(statement).split("\n")[0][:50]
                yield _in_list(statement.lineno, f"left out: {what}", body, at, [ast.Pass()])


def _target(statement: ast.Assign | ast.AugAssign) -> ast.expr:
    return statement.targets[0] if isinstance(statement, ast.Assign) else statement.target


def _is_stored(target: ast.expr) -> bool:
    """Whether an assignment changes more than local names. Without one of those nothing would run any more."""
    if isinstance(target, ast.Tuple):
        return any(_is_stored(part) for part in target.elts)
    return not isinstance(target, ast.Name)


def no_rule(function: ast.FunctionDef) -> Iterator[Local]:
    """A transfer rule that does nothing."""
    if _returns(function) == "None" and len(function.args.args) == 3:
        yield _body(function, "return None", "does nothing")


def other_way(function: ast.FunctionDef) -> Iterator[Local]:
    """A branch taken the other way round."""
    for node in ast.walk(function):
        if isinstance(node, ast.If | ast.IfExp):
            what = f"the other way round: {ast.unparse(node.test)[:50]}"
            yield _exchange(node.lineno, what, node, "test", ast.UnaryOp(ast.Not(), node.test))


def part_of_decision(function: ast.FunctionDef) -> Iterator[Local]:
    """One of several conditions of a branch that is not looked at. Those about kinds of Python objects are for the type
    checker."""
    for node in ast.walk(function):
        for test in _tests(node):
            for inner in ast.walk(test):
                if isinstance(inner, ast.BoolOp):
                    yield from _each_left_out(inner, "not looked at", _is_about_values)


def _tests(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.If | ast.IfExp):
        return [node.test]
    return node.ifs if isinstance(node, ast.comprehension) else []


def _is_about_values(condition: ast.expr) -> bool:
    text = ast.unparse(condition)
    return "isinstance(" not in text and not text.endswith((" is None", " is not None"))


def made_up(function: ast.FunctionDef) -> Iterator[Local]:
    """An end of an interval, or a bit, that is claimed to be known."""
    for node in ast.walk(function):
        if not isinstance(node, ast.Call) or len(node.args) != 2:
            continue
        name = ast.unparse(node.func)
        if name in ("Interval", "interval", "between"):
            low, high = node.args
            if ast.unparse(low) != ast.unparse(high):
                yield _exchange(node.lineno, f"{name} ends where it begins", node, "args", [low, low])
                yield _exchange(node.lineno, f"{name} begins where it ends", node, "args", [high, high])
        elif name == "Tnum" and ast.unparse(node.args[1]) != "0":
            yield _exchange(node.lineno, "all bits known", node, "args", [node.args[0], ast.Constant(0)])


def one_side(function: ast.FunctionDef) -> Iterator[Local]:
    """A join that keeps what one side knows."""
    names = [argument.arg for argument in function.args.args]
    if function.name.startswith(("join", "widen", "merge", "_same")) and len(names) >= 2:
        for name in [n for n in names if n in ("self", "a", "b", "other", "grown")][:2]:
            yield _body(function, f"return {name}", f"keeps `{name}`")


def costs_nothing(function: ast.FunctionDef) -> Iterator[Local]:
    """A part of a cost that is left out."""
    if _returns(function) == "Cost" and function.name not in ("own_steps",):
        yield _body(function, "return Cost(0)", "costs nothing")
    if _returns(function) == "int":
        yield _body(function, "return 0", "costs nothing")
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Cost":
            yield _exchange(node.lineno, f"costs nothing: {ast.unparse(node)[:40]}", node, "args", [ast.Constant(0)])


def part_of_check(function: ast.FunctionDef) -> Iterator[Local]:
    """Of several conditions of a check one that is not asked for, whatever it is about, since objects are anything. Of
    several reasons to refuse one that is not seen."""
    for node in ast.walk(function):
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            yield from _each_left_out(node, "not asked")
        if isinstance(node, ast.If) and ast.unparse(node.body[0]) == "return False":
            yield _exchange(
                node.lineno, f"not refused: {ast.unparse(node.test)[:50]}", node, "test", ast.Constant(False)
            )
            if isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.Or):
                yield from _each_left_out(node.test, "not refused")


def _each_left_out(
    node: ast.BoolOp, kind: str, chosen: Callable[[ast.expr], bool] = lambda part: True
) -> Iterator[Local]:
    for at, item in enumerate(node.values):
        if chosen(item):
            yield _in_list(item.lineno, f"{kind}: {ast.unparse(item)[:50]}", node.values, at, [])


def any_type(function: ast.FunctionDef) -> Iterator[Local]:
    """An operand whose type is not looked at."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and len(node.args) == 2 and ast.unparse(node.func) in OF_TYPE:
            yield _in_list(node.lineno, f"of any type: {ast.unparse(node)[:50]}", node.args, 1, [])


def sums(function: ast.FunctionDef) -> Iterator[Local]:
    """A term that is not added, or the lesser of two taken for the greater."""
    for body in _lists_of_statements(function):
        for at, statement in enumerate(body):
            if isinstance(statement, ast.AugAssign):
                yield _in_list(statement.lineno, f"left out: {ast.unparse(statement)}", body, at, [ast.Pass()])
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "max":
            yield _exchange(
                node.lineno, f"the least: {ast.unparse(node)[:50]}", node, "func", ast.Name("min", ast.Load())
            )


def unread(table: ast.AnnAssign) -> Iterator[Local]:
    """An operand that an instruction reads and that need not be readable."""
    for node in ast.walk(table):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                for read in ast.walk(value):
                    if key is not None and isinstance(read, ast.Tuple):
                        for at, item in enumerate(read.elts):
                            what = f"Readable is not asked for: {ast.unparse(item)} of {ast.unparse(key)}"
                            yield _in_list(item.lineno, what, read.elts, at, [])


_RULE: dict[str, Callable[[ast.FunctionDef], Iterator[Local]]] = {
    rule.__name__: rule
    for rule in (
        dropped_obligations, always_yes, left_out, no_rule, other_way, part_of_decision, made_up, one_side,
        costs_nothing, part_of_check, any_type, sums,
    )
}  # fmt: skip

RULES: dict[str, tuple[str, ...]] = {
    "verifier.obligations": ("dropped_obligations",),
    "verifier.check": ("always_yes", "part_of_check", "made_up"),
    "verifier.plan": ("left_out", "other_way"),
    "verifier.structure": ("always_yes", "left_out", "part_of_check", "any_type"),
    "verifier.tables": ("left_out", "always_yes", "part_of_check"),
    "verifier.transfer": ("no_rule", "left_out", "other_way", "part_of_decision"),
    "verifier.refine": ("other_way", "part_of_decision", "made_up"),
    "verifier.order": ("other_way", "part_of_decision", "always_yes"),
    "verifier.state": ("one_side", "left_out", "other_way"),
    "verifier.invariant": ("left_out", "other_way"),
    "verifier.pace": ("left_out", "other_way"),
    "verifier.fixpoint": ("dropped_obligations", "left_out", "other_way"),
    "verifier.cost": ("costs_nothing", "always_yes", "sums", "other_way"),
    "verifier.domains.interval": ("made_up", "one_side"),
    "verifier.domains.tnum": ("made_up", "one_side"),
    "verifier.domains.value": ("made_up", "one_side"),
    "verifier.domains.reference": ("one_side", "other_way", "part_of_decision"),
}
"""Which rules a module is weakened by."""
