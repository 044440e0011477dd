"""`python -m fuzzing`: a run of the fuzzers.

`--accepted N` or `--seconds S` say how far, `--first N` where to begin, `--keep FOLDER` where to put what is found.
`python -m fuzzing.native`, `python -m fuzzing.objects` and `python -m fuzzing.mutants` are the others.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fuzzing.campaign import Tally, run
from fuzzing.numbering import policies
from fuzzing.oracle import judge


def main() -> int:
    """Exit status 1 if something was found."""
    parser = argparse.ArgumentParser(prog="python -m fuzzing", description=__doc__)
    parser.add_argument("--accepted", type=int, default=1 << 60, help="stop after as many accepted policies")
    parser.add_argument("--seconds", type=float, default=1e18, help="stop after as much CPU time")
    parser.add_argument("--first", type=int, default=0, help="the number of the first policy")
    parser.add_argument("--only", type=int, help="judge the policies of one number and print them")
    parser.add_argument("--keep", type=Path, help="a folder for what is found")
    options = parser.parse_args()
    if options.only is not None:
        return _only(options.only)

    def tell(tally: Tally) -> None:
        print(f"{tally.accepted.total():,} accepted, {len(tally.found)} found, {tally.seconds:,.0f} s", flush=True)

    tally = run(options.first, options.accepted, options.seconds, options.keep, tell)
    print("\n".join(tally.lines()))
    for text in tally.found[:10]:
        print(text)
    return 1 if tally.found else 0


def _only(number: int) -> int:
    from dsl.ir_text import print_policy

    for kind, policy in policies(number):
        if policy is not None:
            print(f"// {kind}\n{print_policy(policy)}")
            print(judge(policy, number))
    return 0


if __name__ == "__main__":
    sys.exit(main())
