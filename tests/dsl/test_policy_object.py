"""Policy objects: round trips, and that no bytes do more harm than an error."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl import ir
from dsl.compile import Compilation
from dsl.ir_text import parse_policy
from dsl.policy_object import PolicyObjectError, decode, encode
from dsl.source import NOWHERE, Source
from dsl.types import U64

TEXT = """\
policy example;
param percent: u64 = 10 in 1..=50;
state hist: i64[8] = -1;
list small;
cursor hand on small;
struct entry { refs: u32, last: i64 }
map ghost: lru_hash<page_key, entry>[nr_pages * percent / 100];
folio { hits: u8 }
fn half(n: u64) -> u64 { return n / 2; }
hook folio_added(f) { small.push_tail(f); }
hook evict_folios(ctx) {
    scan f in hand limit half(ctx.nr_to_scan) {
        let e = ghost.lookup(f.key);
        if e != null && e.refs > 3 { e.refs -= 1; } else if !f.dirty { ctx.evict(f); }
    }
    for i in 0..8 { if hist[i] < 0 { continue; } hist[i] >>= 1; }
}
hook folio_check(f) { if f.dirty { return KEEP; } }
"""
HEADER = 82


def example() -> ir.Policy:
    policy = Compilation(Source("example.rx", TEXT)).policy
    assert policy is not None
    return policy


def sealed(data: bytes) -> bytes:
    """`data` with length and checksum set right, as someone who means harm would."""
    head = data[:42] + (len(data) - HEADER).to_bytes(8, "little")
    return head + hashlib.sha256(head + data[HEADER:]).digest() + data[HEADER:]


def test_round_trip() -> None:
    policy = example()
    assert decode(encode(policy)) == policy


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: b"", "offset 0: not a policy object"),
        (lambda data: b"policy example;", "offset 0: not a policy object"),
        (lambda data: data[:60], "offset 60: cut short: expected a header of 82 bytes"),
        (lambda data: data[:-1], "cut short"),
        (lambda data: data + b"x", "followed by other data"),
        (lambda data: data[:8] + b"\x09\x00" + data[10:], "offset 8: format 9"),
        (lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:], "offset 50: corrupt"),
        (lambda data: sealed(data[:10] + b"0" * 32 + data[42:]), "offset 10: built for another abi"),
        (lambda data: data + bytes(5_000_000), "larger than"),
    ],
)
def test_spoilt_objects_are_refused(spoil: object, message: str) -> None:
    assert callable(spoil)
    with pytest.raises(PolicyObjectError, match=f"some.rxo: .*{message}"):
        decode(spoil(encode(example())), "some.rxo")


def test_every_truncation_is_an_error() -> None:
    data = encode(example())
    for length in range(HEADER, len(data)):
        with pytest.raises(PolicyObjectError):
            decode(sealed(data[:length]))


def test_mutated_objects_decode_or_are_refused() -> None:
    data = encode(example())
    chance = random.Random(1)
    decoded = 0
    for _ in range(1500):
        mutant = bytearray(data)
        for _ in range(chance.randint(1, 3)):
            mutant[chance.randrange(HEADER, len(mutant))] = chance.randrange(256)
        try:
            policy = decode(sealed(bytes(mutant)))
        except PolicyObjectError:
            continue
        decoded += 1
        assert decode(encode(policy)) == policy
    assert 50 < decoded < 1450


@given(st.binary(max_size=200))
def test_any_payload_decodes_or_is_refused(payload: bytes) -> None:
    head = encode(example())[:HEADER]
    try:
        decode(sealed(head + payload))
    except PolicyObjectError as error:
        assert error.offset <= HEADER + len(payload)


def test_absurd_counts_are_refused_before_anything_is_built() -> None:
    head = encode(example())[:HEADER]
    strings = b"\x01p\x01s\x00"
    with pytest.raises(PolicyObjectError, match="more than the data can hold"):
        decode(sealed(head + strings + b"\xff\xff\x03" + bytes(20)))
    with pytest.raises(PolicyObjectError, match="at most 10 bytes"):
        decode(sealed(head + b"\xff" * 12))


def nested(depth: int) -> ir.Policy:
    policy = parse_policy("policy p\nhook init() {\n}")
    body: tuple[ir.Node, ...] = ()
    for _ in range(depth):
        body = (ir.Block(body, NOWHERE),)
    return replace(policy, hooks=(replace(policy.hooks[0], body=body),))


def test_deep_nesting_is_refused_on_both_sides() -> None:
    assert decode(encode(nested(120))) == nested(120)
    with pytest.raises(PolicyObjectError, match="nested too deeply"):
        encode(nested(400))
    data = encode(nested(120))
    block = data.index(b"\x01\x10" * 5)
    with pytest.raises(PolicyObjectError, match="levels of nesting"):
        decode(sealed(data[:block] + b"\x01\x10" * 5000 + data[block:]))


def test_what_no_object_can_hold_is_not_saved() -> None:
    policy = parse_policy("policy p\nhook init() {\n var %0: u64\n %0 = copy 1\n}")
    hook = policy.hooks[0]
    stranger = replace(hook, body=(ir.Copy(ir.Reg(4, U64), ir.Const(1, U64), NOWHERE),))
    huge = replace(hook, body=(ir.Copy(hook.registers[0], ir.Const(1 << 70, U64), NOWHERE),))
    for broken in (stranger, huge):
        with pytest.raises(PolicyObjectError, match="cannot be saved"):
            encode(replace(policy, hooks=(broken,)))
    with pytest.raises(PolicyObjectError, match="not the hash of an abi"):
        encode(replace(policy, abi_hash="short"))


MANY = " ".join(f"let {'a' * 1000}{number} = x;" for number in range(70))


@pytest.mark.parametrize(
    "text",
    [
        f"policy p; state {'x' * 2000}: u64;",
        f"policy {'p' * 1025};",
        f"policy p; state x: u64; fn f() {{ {MANY} }} hook init() {{ {'f(); ' * 70} }}",
    ],
    ids=["a long name", "a long name of the policy", "many long names"],
)
def test_what_could_not_be_read_back_is_not_saved(text: str) -> None:
    policy = Compilation(Source("t.rx", text)).policy
    assert policy is not None
    with pytest.raises(PolicyObjectError, match="cannot be saved"):
        encode(policy)
