"""The object cache: verdicts and native code kept between runs.

In: a key, the hash of a policy's text and of everything that turns it into code. Out: the sections that were stored
under it: the verdict, the policy object, and native code for each model.

Native code on disk is a way into the process, so what is read must be the user's own: the directory is theirs, closed
to others and no symbolic link; every file is opened without following links and its owner and mode are checked through
the descriptor; files are written aside and renamed. A damaged, foreign or unreadable entry is no entry. `REXT_CACHE`
names another directory; `REXT_CACHE=off` keeps nothing.
"""

from __future__ import annotations

import functools
import hashlib
import os
import stat
import struct
import tempfile
from pathlib import Path

MAGIC = b"RXCACHE1"
DIGEST_BYTES = 32
MAX_ENTRY_BYTES = 64 << 20

ROOT = Path(__file__).resolve().parent.parent
TOOLCHAIN = ("dsl", "verifier", "runtime/core", "runtime/jit", "runtime/policies")
"""Folders of the sources that decide what a policy is compiled to."""
TOOLCHAIN_FILES = ("runtime/cache.py", "runtime/policy_layout.py", "runtime/program.py")


@functools.cache
def toolchain_hash() -> bytes:
    """A hash of everything but the policy: our sources, LLVM's version, the CPU and its features."""
    from runtime.jit.engine import host

    whole = hashlib.sha256("\0".join(host()).encode())
    files = [ROOT / name for name in TOOLCHAIN_FILES]
    for folder in TOOLCHAIN:
        files += (p for p in (ROOT / folder).rglob("*") if p.suffix in (".py", ".lark", ".json"))
    for path in sorted(files):
        whole.update(str(path.relative_to(ROOT)).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return whole.digest()


def key_of(kind: str, content: bytes) -> str:
    """The key of a policy's text (`source`), of a policy object (`object`) or of a built-in policy (`builtin`)."""
    return hashlib.sha256(toolchain_hash() + kind.encode() + b"\0" + content).hexdigest()


def directory() -> Path | None:
    """The cache directory, made if need be; None if it is switched off or is not safely ours."""
    setting = os.environ.get("REXT_CACHE", "")
    if setting == "off":
        return None
    base = (
        Path(setting) if setting else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reclaim-ext"
    )
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = os.lstat(base)
    except OSError:
        return None
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return base if ours else None


def get(key: str) -> dict[str, bytes]:
    """The sections stored under a key; none if there is no entry that can be trusted."""
    base = directory()
    if base is None:
        return {}
    try:
        descriptor = os.open(base / key, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return {}
    try:
        found = os.fstat(descriptor)
        safe = stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
        if not safe or found.st_size > MAX_ENTRY_BYTES:
            return {}
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            return _decode(stream.read())
    except OSError:
        return {}
    finally:
        os.close(descriptor)


def put(key: str, sections: dict[str, bytes]) -> None:
    """Store the sections under a key, whole or not at all. That the disk is full or the cache is off is no error."""
    base = directory()
    if base is None:
        return
    try:
        descriptor, name = tempfile.mkstemp(dir=base, prefix=".new-")
    except OSError:
        return
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(_encode(sections))
        os.replace(name, base / key)
    except OSError:
        Path(name).unlink(missing_ok=True)


def _encode(sections: dict[str, bytes]) -> bytes:
    body = b"".join(
        struct.pack("<IQ", len(name), len(data)) + name.encode() + data for name, data in sorted(sections.items())
    )
    return MAGIC + hashlib.sha256(body).digest() + body


def _decode(data: bytes) -> dict[str, bytes]:
    start = len(MAGIC) + DIGEST_BYTES
    body = data[start:]
    if not data.startswith(MAGIC) or data[len(MAGIC) : start] != hashlib.sha256(body).digest():
        return {}
    sections, at = {}, 0
    while at < len(body):
        name_length, length = struct.unpack_from("<IQ", body, at)
        at += 12
        name = body[at : at + name_length].decode()
        sections[name] = body[at + name_length : at + name_length + length]
        at += name_length + length
    return sections
