"""The kfuncs of lists, cursors and scans do what Python's lists do."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from runtime.core import layout as core
from runtime.core import lists
from runtime.core.folio import folio_alloc
from runtime.machine import Machine
from runtime.regions import Attachment
from runtime.simulation import Simulation
from tests.runtime.policies import compiled, context_of, executor

LISTS = 3
FOLIOS = 9
CURSORS = 2
POLICY = """
policy lists;
list first;
list more[2];
cursor one on first;
cursor two on more[1];
hook folio_added(f) { first.push_tail(f); }
hook evict_folios(ctx) { scan f in first limit 1 { ctx.evict(f); } }
"""
CURSOR_LIST = (0, 2)
"""The list of each cursor, by its place in the model."""

numbers = st.integers(0, LISTS - 1)
folios = st.integers(0, FOLIOS - 1)


class ListMachine(RuleBasedStateMachine):
    """Folios on lists, in the policy's hand or proposed. `cursors` and `scan` hold the folio to visit next, None at the
    end of the list."""

    @initialize()
    def attach(self) -> None:
        policy = compiled(POLICY)
        simulation = Simulation(Attachment(policy), Machine(FOLIOS), executor("python", policy, False))
        self.ctx = context_of(simulation)
        self.heads = [core.FIRST_POLICY_LIST + i for i in range(LISTS)]
        self.rows = [folio_alloc(self.ctx, 0, page, 0) for page in range(FOLIOS)]
        self.model: list[list[int]] = [[] for _ in range(LISTS)]
        self.proposed: list[int] = []
        self.cursors: list[int | None] = [None] * CURSORS
        self.scanned = 0
        self.scan: int | None = None
        self.ctx.cursors[0] = self.heads[0]

    def place(self, f: int) -> int | None:
        """The list the folio is on."""
        return next((i for i in range(LISTS) if f in self.model[i]), None)

    def after(self, number: int, f: int) -> int | None:
        on = self.model[number]
        at = on.index(f) + 1
        return on[at] if at < len(on) else None

    def leave(self, number: int, f: int) -> None:
        following = self.after(number, f)
        self.cursors = [following if c == f else c for c in self.cursors]
        self.scan = following if self.scan == f else self.scan
        self.model[number].remove(f)

    def row(self, f: int | None) -> int:
        return 0 if f is None else self.rows[f]

    @rule(number=numbers, f=folios, at_head=st.booleans())
    def push(self, number: int, f: int, at_head: bool) -> None:
        """A folio that is not in the hand stays where it is."""
        (lists.list_push_head if at_head else lists.list_push_tail)(self.ctx, 0, self.heads[number], self.rows[f])
        if self.place(f) is None and f not in self.proposed:
            self.model[number].insert(0 if at_head else len(self.model[number]), f)

    @rule(number=numbers, at_head=st.booleans())
    def pop(self, number: int, at_head: bool) -> None:
        found = (lists.list_pop_head if at_head else lists.list_pop_tail)(self.ctx, 0, self.heads[number])
        on = self.model[number]
        expected = (on[0] if at_head else on[-1]) if on else None
        assert found == self.row(expected)
        if expected is not None:
            self.leave(number, expected)

    @rule(number=numbers, f=folios, at_head=st.booleans())
    def move(self, number: int, f: int, at_head: bool) -> None:
        kfunc = lists.list_move_head if at_head else lists.list_move_tail
        place = self.place(f)
        assert kfunc(self.ctx, 0, self.heads[number], self.rows[f]) == (place is not None)
        if place is not None:
            self.leave(place, f)
            self.model[number].insert(0 if at_head else len(self.model[number]), f)

    @rule(f=folios, wanted=st.integers(0, 2))
    def evict(self, f: int, wanted: int) -> None:
        """One in the hand is always taken, one on a list while more are wanted, one proposed never again."""
        self.ctx.state[core.CTX_WANTED] = wanted
        place = self.place(f)
        taken = f not in self.proposed and (place is None or wanted > 0)
        assert lists.ctx_evict(self.ctx, 0, self.rows[f]) == taken
        assert self.ctx.state[core.CTX_WANTED] == (max(wanted - 1, 0) if taken else wanted)
        if taken:
            if place is not None:
                self.leave(place, f)
            self.proposed.append(f)
        self.ctx.state[core.CTX_WANTED] = 1

    @rule()
    def come_back(self) -> None:
        if self.proposed:
            assert lists.queue_pop(self.ctx, core.ISOLATED_FIRST) == self.rows[self.proposed.pop(0)]

    @rule(number=numbers)
    def begin_scan(self, number: int) -> None:
        lists.scan_begin(self.ctx, 0, self.heads[number])
        self.scanned, self.scan = number, self.model[number][0] if self.model[number] else None

    @rule(wanted=st.integers(0, 1))
    def go_on_scanning(self, wanted: int) -> None:
        self.ctx.state[core.CTX_WANTED] = wanted
        looked_at = self.ctx.state[core.LOOKED_AT]
        found = lists.scan_next(self.ctx, 0, self.heads[self.scanned])
        self.ctx.state[core.CTX_WANTED] = 1
        expected = self.scan if wanted else None
        assert found == self.row(expected)
        assert self.ctx.state[core.LOOKED_AT] - looked_at == (expected is not None)
        if expected is not None:
            self.scan = self.after(self.scanned, expected)

    @rule(cursor=st.integers(0, CURSORS - 1), wanted=st.integers(0, 1))
    def advance(self, cursor: int, wanted: int) -> None:
        self.ctx.state[core.CTX_WANTED] = wanted
        number = CURSOR_LIST[cursor]
        found = lists.cursor_next(self.ctx, 0, cursor + 1, self.heads[number])
        self.ctx.state[core.CTX_WANTED] = 1
        on = self.model[number]
        expected = (self.cursors[cursor] if self.cursors[cursor] is not None else on[0]) if on and wanted else None
        assert found == self.row(expected)
        if expected is not None:
            self.cursors[cursor] = self.after(number, expected)

    @rule(cursor=st.integers(0, CURSORS - 1))
    def reset(self, cursor: int) -> None:
        lists.cursor_reset(self.ctx, 0, cursor + 1, self.heads[CURSOR_LIST[cursor]])
        self.cursors[cursor] = None

    @invariant()
    def the_lists_are_the_models(self) -> None:
        assert self.ctx.lruvecs[0, core.NR_FOLIOS] == sum(len(on) for on in self.model)
        for head, on in zip(self.heads, self.model, strict=True):
            rows = [self.rows[f] for f in on]
            assert lists.list_len(self.ctx, 0, head) == len(rows)
            assert lists.list_head(self.ctx, 0, head) == (rows[0] if rows else 0)
            assert lists.list_tail(self.ctx, 0, head) == (rows[-1] if rows else 0)
            for f in self.rows:
                at = rows.index(f) if f in rows else None
                assert lists.list_holds(self.ctx, 0, head, f) == (at is not None)
                after = rows[at + 1] if at is not None and at + 1 < len(rows) else 0
                before = rows[at - 1] if at else 0
                assert lists.list_next(self.ctx, 0, head, f) == after
                assert lists.list_prev(self.ctx, 0, head, f) == before


ListMachine.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None, derandomize=True)
TestLists = ListMachine.TestCase
