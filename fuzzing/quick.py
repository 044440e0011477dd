"""A short look for anything wrong with the verifier.

In: nothing. Out: the first thing found, in words, or nothing: the examples of `rext explain` must be judged as they
say, and policies with many mistakes must, where they are accepted, do what was proved.
"""

from __future__ import annotations

from collections.abc import Iterator

from fuzzing.oracle import Violation, judge
from fuzzing.samples import examples, numbered
from verifier.verify import verify

RUNS = 4


def quick() -> str:
    """What is wrong; empty if nothing was found."""
    return next(_wrong(), "")


def _wrong() -> Iterator[str]:
    for code, refused, policy, told in examples():
        codes = told if policy is None else tuple(d.code for d in verify(policy).diagnostics)
        if (code in codes) != refused:
            yield f"the example of {code}, {'refused' if refused else 'accepted'}, is judged {codes}"
    for number, kind, policy in numbered():
        try:
            judge(policy, number, RUNS)
        except Violation as violation:
            yield f"fuzzing, number {number}, {kind}: {violation}"
