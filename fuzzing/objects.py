"""`python -m fuzzing.objects`: any bytes given as a policy object get an error or a verified program.

In: objects of accepted policies, changed: bytes flipped, cut, doubled, moved, numbers at their limits, all with a
checksum that is right again, and some without. Out: counts, and whatever ended in something other than an error or a
verdict. A limit on memory (`--memory`, MiB) holds for the whole process; nothing is compiled or run here but by the
verifier's leave: what is accepted is run on the fuzzers' own machine.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import resource
import sys
import time
from collections import Counter

from dsl import ir
from dsl.policy_object import PolicyObjectError, decode, encode
from fuzzing.numbering import ir_policy, source_policy
from fuzzing.oracle import Violation, judge

HEADER = 82
LENGTH, DIGEST = slice(42, 50), slice(50, 82)
SLOWEST = 2.0
"""Seconds of CPU time for one object."""
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF)


def sealed(data: bytes) -> bytes:
    """The object with its length and checksum right again."""
    payload = data[HEADER:]
    head = data[: LENGTH.start] + len(payload).to_bytes(8, "little")
    return head + hashlib.sha256(head + payload).digest() + payload


def changed(data: bytes, chance: random.Random) -> bytes:
    """An object with a few bytes changed."""
    payload = bytearray(data[HEADER:])
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        _change(payload, chance)
    whole = data[:HEADER] + bytes(payload)
    if chance.random() < 0.95:
        return sealed(whole)
    damaged = bytearray(whole)
    damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged[: chance.randint(0, len(damaged))] if chance.random() < 0.3 else damaged)


def _change(payload: bytearray, chance: random.Random) -> None:
    if not payload:
        payload += b"\0"
    at, what = chance.randrange(len(payload)), chance.randrange(7)
    length = chance.choice((1, 2, 8, 40))
    if what < 2:
        payload[at] ^= 1 << chance.randrange(8)
    elif what == 2:
        payload[at] = chance.choice(NUMBERS)
    elif what == 3:
        payload[at : at + 1] = b"\xff" * chance.choice((3, 9, 10))  # a number as large as can be
    elif what == 4:
        del payload[at : at + length]
    elif what == 5:
        payload[at:at] = payload[at : at + length]
    else:
        other = chance.randrange(len(payload))
        payload[at : at + length] = payload[other : other + length]


def originals(first: int) -> list[bytes]:
    """Objects to begin with: one of text, the others written as IR."""
    policies: list[ir.Policy | None] = [source_policy(first), *(ir_policy(first * 64 + n) for n in range(7))]
    return [encode(policy) for policy in policies if policy is not None]


def answer(data: bytes, seed: int) -> str:
    """What the loader and the verifier say: `refused`, `rejected` or `accepted`. Raises what nobody expects."""
    start = time.process_time()
    try:
        policy = decode(data)
    except PolicyObjectError:
        found = "refused by the loader"
    else:
        found = "accepted" if judge(policy, seed, runs=1).accepted else "rejected by the verifier"
    if time.process_time() - start > SLOWEST:
        raise TimeoutError(f"{time.process_time() - start:.1f} s")
    return found


def run(count: int, first: int = 0) -> tuple[Counter[str], list[str]]:
    """Answers to `count` changed objects."""
    answers: Counter[str] = Counter()
    found: list[str] = []
    objects: list[bytes] = []
    for number in range(first, first + count):
        if not objects or number % 256 == 0:
            objects = originals(number // 256)
        chance = random.Random(f"object {number}")
        try:
            answers[answer(changed(chance.choice(objects), chance), number)] += 1
        except (Violation, Exception) as error:
            found.append(f"object {number}: {type(error).__name__}: {error}")
    return answers, found


def main() -> int:
    """Exit status 1 if something was found."""
    parser = argparse.ArgumentParser(prog="python -m fuzzing.objects", description=__doc__)
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument(
        "--memory", type=int, default=256, help="MiB of address space beyond what is there at the start"
    )
    options = parser.parse_args()
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + (options.memory << 20),) * 2)
    start = time.process_time()
    answers, found = run(options.objects, options.first)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{options.objects:,} objects in {time.process_time() - start:,.0f} s of CPU time, {peak:,} MiB at most")
    for name, times in answers.most_common():
        print(f"  {name}: {times:,}")
    print("\n".join([f"  found: {len(found)}", *found[:20]]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
