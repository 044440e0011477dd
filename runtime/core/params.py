"""The params of built-in policies, as the core reads them."""

from __future__ import annotations

from runtime.core.context import Context


def param(ctx: Context, lruvec: int, number: int) -> int:
    """The value of param `number` of the policy attached to the lruvec."""
    return ctx.params[lruvec * ctx.NR_PARAMS + number]
