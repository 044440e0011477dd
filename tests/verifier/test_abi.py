"""What the verifier takes for granted of the tables of the `abi`."""

from __future__ import annotations

from dsl import abi
from dsl.types import FOLIO


def test_the_abi_says_what_the_verifier_relies_on() -> None:
    for kfunc in abi.KFUNCS.values():
        if kfunc.result is not None and kfunc.result.is_integer:
            assert kfunc.result.minimum <= kfunc.low < kfunc.high <= kfunc.result.maximum, kfunc.name
        assert not kfunc.clears_refs or kfunc.receiver == "map", kfunc.name
        assert kfunc.steps >= 1, kfunc.name
        takes = [argument.ownership for argument in kfunc.args]
        assert not kfunc.pure or (set(takes) <= {"", "borrow"} and kfunc.ownership != "owned"), kfunc.name
        assert not (kfunc.result == FOLIO and {"consume", "propose"} & set(takes)), kfunc.name
    for hook in abi.HOOKS.values():
        assert hook.result is None or hook.low <= hook.default <= hook.high, hook.name
