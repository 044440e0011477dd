"""Policies as files: where they lie, what they are called, and their bytes.

In: a path. Out: the bytes of a file of sensible size, or `SourceError`. Light on purpose: `rext check` needs it.
"""

from __future__ import annotations

from pathlib import Path

from dsl.compile import SourceError

PROGRAMS = Path(__file__).resolve().parent.parent / "programs"
TEXT_SUFFIX = ".rx"
OBJECT_SUFFIX = ".rxo"
MAX_BYTES = 16 << 20


def read_policy_file(path: Path, title: str) -> bytes:
    """The bytes of a policy's file; `title` is what messages call it."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise SourceError(f"{title}: cannot be read: {error.strerror or error}") from None
    if len(data) > MAX_BYTES:
        raise SourceError(f"{title}: larger than {MAX_BYTES:,} bytes, not a policy")
    return data
