"""What tests of the command line share: two small policies, and what a run of `rext` gave."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

GOOD = """\
policy mine;
param rounds: u64 = 2 in 1..=8;
list queue;
hook folio_added(f) { queue.push_tail(f); }
hook evict_folios(ctx) { scan f in queue limit ctx.nr_to_scan { ctx.evict(f); } }
"""
BAD = """\
policy bad;
list queue;
hook folio_added(f) { queue.push_tail(f); }
hook evict_folios(ctx) { let f = queue.head; ctx.evict(f); }
"""


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


Rext = Callable[..., Outcome]
