"""The syntax tree of a policy.

Made by `dsl/build_ast.py` from text, checked by nobody yet: names may be undeclared and types wrong. Every node has the
`span` of its text. Nodes are frozen data.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsl.node import Record
from dsl.source import Span


class Node(Record):
    span: Span


class Identifier(Node):
    text: str


class TypeName(Node):
    text: str


# --- expressions ------------------------------------------------------------------------------------------


class Expression(Node):
    pass


class Integer(Expression):
    value: int


class Boolean(Expression):
    value: bool


class Null(Expression):
    pass


class Variable(Expression):
    name: str


class Member(Expression):
    object: Expression
    name: Identifier


class Index(Expression):
    object: Expression
    index: Expression


class Call(Expression):
    callee: Expression
    arguments: tuple[Expression, ...]


class Prefixed(Expression):
    op: str
    operand: Expression


class Operation(Expression):
    """`left op right`: arithmetic, comparison or logic."""

    op: str
    op_span: Span
    left: Expression
    right: Expression


class Cast(Expression):
    operand: Expression
    type: TypeName


class Choice(Expression):
    """`if condition { then } else { orelse }`."""

    condition: Expression
    then: Expression
    orelse: Expression


# --- statements -------------------------------------------------------------------------------------------


class Statement(Node):
    pass


class Block(Node):
    """`span` includes the braces; `end` is the closing one."""

    statements: tuple[Statement, ...]
    end: Span


class Let(Statement):
    name: Identifier
    type: TypeName | None
    value: Expression | None


class Assign(Statement):
    """`place = value`, or with `op` (such as `+`) `place op= value`."""

    place: Expression
    op: str
    value: Expression


class If(Statement):
    condition: Expression
    then: Block
    orelse: Block | If | None


class For(Statement):
    """`head` is the span of the statement up to its body, for this and the other loops."""

    head: Span
    name: Identifier
    low: Expression
    high: Expression
    body: Block


class Scan(Statement):
    head: Span
    name: Identifier
    source: Expression
    limit: Expression
    body: Block


class Loop(Statement):
    head: Span
    limit: Expression
    body: Block


class Break(Statement):
    pass


class Continue(Statement):
    pass


class Return(Statement):
    value: Expression | None


class ExpressionStatement(Statement):
    value: Expression


# --- items ------------------------------------------------------------------------------------------------


class Item(Node):
    pass


class PolicyName(Item):
    name: Identifier


class Const(Item):
    name: Identifier
    type: TypeName
    value: Expression


class Param(Item):
    name: Identifier
    type: TypeName
    default: Expression
    low: Expression
    high: Expression


class State(Item):
    name: Identifier
    type: TypeName
    length: Expression | None
    initial: Expression | None


class ListItem(Item):
    """`kind` is `list`, `bag` or `heap`."""

    kind: str
    name: Identifier
    length: Expression | None


class CursorItem(Item):
    name: Identifier
    list: Identifier
    index: Expression | None


class Field(Node):
    name: Identifier
    type: TypeName


class FolioFields(Item):
    fields: tuple[Field, ...]


class Struct(Item):
    name: Identifier
    fields: tuple[Field, ...]


class MapItem(Item):
    name: Identifier
    kind: Identifier
    key: TypeName
    value: TypeName | None
    size: Expression


class Parameter(Node):
    name: Identifier
    type: TypeName | None


class Routine(Item):
    """What `fn` and `hook` have in common. `head` is the span up to the body."""

    head: Span
    name: Identifier
    parameters: tuple[Parameter, ...]
    result: TypeName | None
    body: Block


class Fn(Routine):
    pass


class Hook(Routine):
    pass


class File(Record):
    items: tuple[Item, ...]


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below `node`, in the order of their fields."""
    for value in vars(node).values():
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from (item for item in value if isinstance(item, Node))
