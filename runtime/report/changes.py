"""Which policy ran from where, in a run during which it changed.

In: a `Row`. Out: its `Change`s in the order of their accesses: switches that were asked for, and ejections, after which
the built-in LRU goes on; and a sentence that says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from runtime.attach import FALLBACK
from runtime.row import Row
from runtime.switches import DETACH


@dataclass(frozen=True, slots=True)
class Change:
    """From `access` on, counted from 0, `policy` has the memcg; "": the only one there is. `why` is "" for a switch to
    a policy that was named."""

    access: int
    memcg: str
    policy: str
    why: str = ""


def changes(row: Row) -> list[Change]:
    """The changes of policy in a run."""
    ejected = [Change(e.access, e.memcg, FALLBACK, "ejected") for e in row.ejections]
    return sorted([*map(_switched, row.switches), *ejected], key=lambda change: change.access)


def _switched(text: str) -> Change:
    """A switch as it was written: `ACCESS:POLICY` or `ACCESS:MEMCG=POLICY`; params have a `=` behind a `:`."""
    access, _, rest = text.partition(":")
    memcg, found, policy = rest.partition("=")
    if not found or ":" in memcg:
        memcg, policy = "", rest
    if policy == DETACH:
        return Change(int(access), memcg, FALLBACK, "detached")
    return Change(int(access), memcg, policy)


def sentence(row: Row) -> str:
    """Which policy ran from where; "" if none took over from the first."""
    found = changes(row)
    if not found:
        return ""
    parts = [f"{row.policy} up to access {found[0].access:,}"]
    for change in found:
        where = f" in {change.memcg}" if change.memcg else ""
        why = f" ({change.why})" if change.why else ""
        parts.append(f"{change.policy}{where} from access {change.access:,} on{why}")
    return ", ".join(parts) + "."
