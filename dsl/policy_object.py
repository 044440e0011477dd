"""Policy objects: the IR of a policy as bytes.

`encode` and `decode` are inverse to each other. The form is a header (magic, version, hash of the `abi`, length and
SHA-256) and length-prefixed data: no pickle, no code. `decode` gives a policy made of the right classes, with its
registers numbered as the table has them and all numbers in range, or raises `PolicyObjectError` naming the offset: for
any bytes, in memory bounded by a multiple of theirs. It proves nothing: who loads an object verifies it.
"""

from __future__ import annotations

import hashlib

from dsl import ir
from dsl.abi import ABI_HASH
from dsl.object_reader import ObjectReader, PolicyObjectError
from dsl.object_schema import FORMAT_VERSION, MAGIC, MAX_OBJECT_BYTES
from dsl.object_writer import ObjectWriter

__all__ = ["PolicyObjectError", "decode", "encode"]

_VERSION = slice(8, 10)
_ABI = slice(10, 42)
_LENGTH = slice(42, 50)
_DIGEST = slice(50, 82)
_HEADER = 82


def encode(policy: ir.Policy) -> bytes:
    """The bytes of `policy`. What no object can hold raises `PolicyObjectError`."""
    writer = ObjectWriter()
    try:
        writer.policy(policy)
        head = MAGIC + FORMAT_VERSION.to_bytes(2, "little") + policy.abi_hash.encode("ascii")
    except (ValueError, KeyError, OverflowError) as error:
        raise PolicyObjectError(policy.source.name, len(writer.data), f"cannot be saved: {error}") from None
    if _HEADER + len(writer.data) > MAX_OBJECT_BYTES:
        message = f"cannot be saved: larger than {MAX_OBJECT_BYTES:,} bytes"
        raise PolicyObjectError(policy.source.name, MAX_OBJECT_BYTES, message)
    if len(head) != _ABI.stop:
        raise PolicyObjectError(policy.source.name, _ABI.start, "cannot be saved: not the hash of an abi")
    head += len(writer.data).to_bytes(8, "little")
    return head + hashlib.sha256(head + writer.data).digest() + bytes(writer.data)


def decode(data: bytes, name: str = "<object>") -> ir.Policy:
    """The policy in `data`, not verified. `name` is what messages call it."""
    if data[: len(MAGIC)] != MAGIC:
        raise PolicyObjectError(name, 0, "not a policy object")
    if len(data) > MAX_OBJECT_BYTES:
        raise PolicyObjectError(name, MAX_OBJECT_BYTES, f"larger than {MAX_OBJECT_BYTES:,} bytes")
    if len(data) < _HEADER:
        raise PolicyObjectError(name, len(data), f"cut short: expected a header of {_HEADER} bytes")
    version = int.from_bytes(data[_VERSION], "little")
    if version != FORMAT_VERSION:
        raise PolicyObjectError(name, _VERSION.start, f"format {version}, this program reads {FORMAT_VERSION}")
    expected = _HEADER + int.from_bytes(data[_LENGTH], "little")
    if len(data) != expected:
        what = "cut short" if len(data) < expected else "followed by other data"
        raise PolicyObjectError(name, min(len(data), expected), f"{what}: expected {expected:,} bytes")
    if hashlib.sha256(data[: _DIGEST.start] + data[_HEADER:]).digest() != data[_DIGEST]:
        raise PolicyObjectError(name, _DIGEST.start, "corrupt: the checksum does not match")
    if data[_ABI] != ABI_HASH.encode("ascii"):
        message = "built for another abi than this program's: build it again from its source"
        raise PolicyObjectError(name, _ABI.start, message)
    return ObjectReader(data, _HEADER, name).policy()
