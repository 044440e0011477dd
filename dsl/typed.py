"""The typed tree: bodies with every name resolved, every conversion explicit and every operator chosen.

Made by the type checker, read by lowering. Expressions have a `type` and the `span` of their text. Operators are those
of the IR. `Local` is compared by identity.
"""

from __future__ import annotations

from dsl.node import Record
from dsl.source import Span
from dsl.types import Type


class Local(Record):
    """A variable of a body. `kind` is `local`, `parameter` or `loop variable`; only locals are assigned to."""

    name: str
    type: Type
    kind: str
    span: Span


class Expression(Record):
    type: Type
    span: Span


class Poison(Expression):
    """What was already reported."""


class Constant(Expression):
    """A literal, a const, or null (0)."""

    value: int


class Read(Expression):
    local: Local


class ReadParam(Expression):
    param: int


class ReadState(Expression):
    state: int
    index: Expression


class ReadField(Expression):
    folio: Expression
    field: int


class ReadValue(Expression):
    reference: Expression
    field: int


class ListElement(Expression):
    list: int
    index: Expression


class KfuncCall(Expression):
    kfunc: str
    table: int
    arguments: tuple[Expression, ...]


class InsertValue(Expression):
    """`map.insert(key, value)`: insert, then store the value if the key is there."""

    table: int
    key: Expression
    value: Expression


class FunctionCall(Expression):
    function: str
    arguments: tuple[Expression, ...]


class Arithmetic(Expression):
    op: str
    left: Expression
    right: Expression


class MulDivide(Expression):
    a: Expression
    b: Expression
    c: Expression


class Comparison(Expression):
    op: str
    left: Expression
    right: Expression


class Logic(Expression):
    """`op` is `and` or `or`; `right` is evaluated only if it decides."""

    op: str
    left: Expression
    right: Expression


class Not(Expression):
    operand: Expression


class Conversion(Expression):
    """To another integer type; `proven`: the verifier must show that the value fits."""

    operand: Expression
    proven: bool


class Choice(Expression):
    condition: Expression
    then: Expression
    orelse: Expression


Place = Read | ReadState | ReadField | ReadValue

# --- statements -------------------------------------------------------------------------------------------


class Statement(Record):
    span: Span


Body = tuple[Statement, ...]


class Declare(Statement):
    local: Local
    value: Expression | None


class Store(Statement):
    place: Place
    value: Expression


class Update(Statement):
    """`place op= value`, computed in `type`, that of `value` unless `op` shifts."""

    place: Place
    op: str
    value: Expression
    type: Type


class If(Statement):
    condition: Expression
    then: Body
    orelse: Body


class For(Statement):
    local: Local
    low: Expression
    high: Expression
    body: Body


class Scan(Statement):
    """Over `source`, or over cursor number `cursor` if that is not -1."""

    local: Local
    source: Expression | None
    cursor: int
    limit: Expression
    body: Body


class Loop(Statement):
    limit: Expression
    body: Body


class Break(Statement):
    pass


class Continue(Statement):
    pass


class Return(Statement):
    value: Expression | None


class Evaluate(Statement):
    value: Expression


class Routine(Record):
    """A function or hook. `end` is the brace that closes it."""

    name: str
    parameters: tuple[Local, ...]
    result: Type | None
    body: Body
    span: Span
    end: Span


def ends(body: Body) -> bool:
    """Whether no execution reaches the end of `body`."""
    return any(
        isinstance(statement, Return | Break | Continue)
        or (isinstance(statement, If) and ends(statement.then) and ends(statement.orelse))
        for statement in body
    )
