"""The rules of the typed subset of Python that are checked before a core function is compiled.

In: the syntax tree of a function. Out: nothing, or `SubsetError` naming file, line and what is not in the subset.
Guaranteed afterwards: no local is read before it is assigned on every path, and a function with a result returns
one on every path; comparisons, loops and signatures have the forms that the frontend compiles. These are the things
in which Python would do something that native code would not.
"""

from __future__ import annotations

import ast


class SubsetError(SyntaxError):
    """A construct of the core that the subset does not have, or a local that may be unassigned."""

    def __init__(self, path: str, node: ast.AST, what: str) -> None:
        line = getattr(node, "lineno", 0)
        super().__init__(f"{path}:{line}: {what}: {ast.unparse(node).splitlines()[0]}")


def always_true(test: ast.expr) -> bool:
    return isinstance(test, ast.Constant) and test.value is True


def leaves(statements: list[ast.stmt]) -> bool:
    """Whether control never reaches the end of the statements."""
    return any(_leaves_statement(s) for s in statements)


def _leaves_statement(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Return | ast.Break | ast.Continue):
        return True
    if isinstance(statement, ast.If):
        return leaves(statement.body) and leaves(statement.orelse)
    return isinstance(statement, ast.While) and always_true(statement.test) and not _has_break(statement.body)


def _has_break(statements: list[ast.stmt]) -> bool:
    for s in statements:
        if isinstance(s, ast.Break):
            return True
        if isinstance(s, ast.If) and (_has_break(s.body) or _has_break(s.orelse)):
            return True
    return False


def _check_forms(path: str, function: ast.FunctionDef) -> None:
    """Refuse what looks like a form of the subset and is another: `a < b < c`, `range` with a step, `*args`."""
    a = function.args
    if a.vararg or a.kwarg or a.kwonlyargs or a.posonlyargs or a.defaults:
        raise SubsetError(path, function, "only plain parameters")
    for n in ast.walk(function):
        if isinstance(n, ast.Compare) and (
            len(n.ops) != 1 or isinstance(n.ops[0], ast.Is | ast.IsNot | ast.In | ast.NotIn)
        ):
            raise SubsetError(path, n, "not a comparison of two integers")
        if isinstance(n, ast.For) and not (isinstance(n.target, ast.Name) and _is_range(n.iter)):
            raise SubsetError(path, n, "not `for NAME in range(FIRST, LAST)`")


def _is_range(n: ast.expr) -> bool:
    named = isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "range"
    return named and isinstance(n, ast.Call) and len(n.args) in (1, 2) and not n.keywords


def check_function(path: str, function: ast.FunctionDef) -> None:
    """Raise `SubsetError` unless every local is assigned before use, every path returns what it should, and every form
    is one of the subset's."""
    _check_forms(path, function)
    result = function.returns
    returns_value = not (isinstance(result, ast.Constant) and result.value is None)
    if returns_value and not leaves(function.body):
        raise SubsetError(path, function, "falls off its end without a result")
    locals_: set[str] = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    _Assignment(path, locals_).block(function.body, {a.arg for a in function.args.args})


class _Assignment:
    """Definite assignment, statement by statement."""

    def __init__(self, path: str, locals_: set[str]) -> None:
        self._path = path
        self._locals = locals_

    def _reads(self, node: ast.AST | None, assigned: set[str]) -> None:
        for n in ast.walk(node) if node is not None else ():
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and n.id in self._locals - assigned:
                raise SubsetError(self._path, n, "may be read before it is assigned")

    def block(self, statements: list[ast.stmt], assigned: set[str]) -> set[str]:
        for s in statements:
            assigned = self._statement(s, assigned)
        return assigned

    def _statement(self, s: ast.stmt, assigned: set[str]) -> set[str]:
        if isinstance(s, ast.If):
            self._reads(s.test, assigned)
            then, orelse = self.block(s.body, assigned), self.block(s.orelse, assigned)
            if leaves(s.body):
                return orelse
            return then if leaves(s.orelse) else then & orelse
        if isinstance(s, ast.While):
            self._reads(s.test, assigned)
            self.block(s.body, assigned)
            return assigned
        if isinstance(s, ast.For):
            self._reads(s.iter, assigned)
            assert isinstance(s.target, ast.Name)
            self.block(s.body, assigned | {s.target.id})
            return assigned
        if isinstance(s, ast.AugAssign):
            self._reads(s.value, assigned)
            if isinstance(s.target, ast.Name) and s.target.id not in assigned:
                raise SubsetError(self._path, s, "may be read before it is assigned")
            self._reads(s.target, assigned)
            return assigned
        self._reads(s, assigned)
        if isinstance(s, ast.Assign):
            return assigned | {t.id for t in s.targets if isinstance(t, ast.Name)}
        return assigned
