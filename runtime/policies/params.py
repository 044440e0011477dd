"""The params that built-in policies declare, as policies in the language do with `param`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BuiltinParam:
    """A setting of a built-in policy. Its place in `PARAMS` of the module is the number that `param` takes."""

    name: str
    default: int
    low: int
    high: int
    doc: str
    choices: tuple[int, ...] = ()
    """The values it may have, if not all in between."""
