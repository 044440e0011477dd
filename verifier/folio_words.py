"""What to call a folio and its way through a hook: the words that explanations of ownership share."""

from __future__ import annotations

from dsl import ir
from dsl.abi import KFUNCS
from dsl.diagnostics import Diagnostic, Label
from verifier.domains.reference import Gone
from verifier.report import Report, owns
from verifier.state import Definition


class FolioWords:
    """Words for the folios of one hook, which cells hold."""

    def __init__(self, report: Report) -> None:
        self._space = report.space
        self._words = report.words

    def is_named(self, cell: int) -> bool:
        return bool(self._space.function.registers[cell - self._space.layout.registers].name)

    def the_folio(self, cell: int) -> str:
        """A folio, by the variable it is in, or by the call that gave it."""
        name = self._words.cell(cell)
        if self.is_named(cell):
            return f"the folio in {name}"
        return f"the folio that {name} gives" if name.startswith("`") else "a folio that the hook owns"

    def example(self, cell: int) -> str:
        """A statement that gives a folio away, for a list of this policy."""
        register = self._space.function.registers[cell - self._space.layout.registers]
        name = register.name or "f"
        for declared in self._space.policy.lists:
            if declared.kind == "heap":
                return f"{declared.name}.push({name}, …);"
            return f"{declared.name}{'[…]' if declared.is_array else ''}.push_tail({name});"
        return f"queue.push_tail({name});"

    def give_away(self, cell: int) -> str:
        also = ", or propose it with `ctx.evict`" if self._space.function.hook == "evict_folios" else ""
        return f"give it to a list, as in `{self.example(cell)}`{also}"

    def taken_label(self, definition: Definition) -> tuple[Label, ...]:
        """Where an owned folio came from."""
        source = self._words.origin(definition, owns)
        if source is None:
            return ()
        if source.node is None:
            hook = self._space.function
            return (Label(hook.span, f"`{hook.hook}` owns the folio it is handed"),)
        return (Label(source.node.span, "taken here"),)

    def keep_it(self, cell: int, origin: ir.Node | None) -> str | None:
        """What to do with a folio that has no name yet."""
        if self.is_named(cell) or origin is None:
            return None
        call = self._words.quote(origin.span) or "…"
        return f"keep it, `let f = {call};`, and where it is not null, {self.give_away(cell)}"


def ignored_folio(function: ir.Function) -> Diagnostic:
    """A hook that owns a folio, and has no name for it."""
    return Diagnostic(
        "folio-leak",
        f"the folio handed to `{function.hook}` is lost",
        Label(function.span, "this hook owns a folio, and takes no parameter for it"),
        help=f"write `hook {function.hook}(f) {{ … }}` and put `f` on a list",
    )


def is_gone(value: object) -> bool:
    return isinstance(value, Gone)


def gives_away(node: ir.Node, register: ir.Reg) -> bool:
    """Whether a call takes the folio in a register."""
    if not isinstance(node, ir.Call):
        return False
    arguments = zip(node.args, KFUNCS[node.kfunc].args, strict=False)
    return any(
        isinstance(operand, ir.Reg) and operand.index == register.index and argument.ownership in ("consume", "propose")
        for operand, argument in arguments
    )
