"""The bytes of a file, unpacked if it is packed.

In: a file, plain or packed with zstd, gzip or xz (told by its first bytes). Out: its content, in pieces of bounded
size, so that neither a large nor a maliciously packed file needs memory. A file that ends too early, goes on after
its end or fails its checksum is a `TraceError` with the offset in the file on disk.
"""

from __future__ import annotations

import lzma
import os
import stat
import zlib
from collections.abc import Generator
from typing import BinaryIO, Protocol

import zstandard

from runtime.traces.errors import TraceError

PIECE = 1 << 18
"""Bytes read, and about the most unpacked, at a time."""

MEMORY_LIMIT = 1 << 28
"""Most bytes that unpacking may need; what usual settings pack needs a quarter of it."""

_FRAME_HEADER_MOST = 18
_SKIPPABLE = range(0x184D2A50, 0x184D2A60)

MAGICS = {b"\x28\xb5\x2f\xfd": "zstd", b"\x1f\x8b": "gzip", b"\xfd7zXZ\x00": "xz"}
SUFFIXES = {".zst": "zstd", ".gz": "gzip", ".xz": "xz"}


class ByteStream:
    """Reads a file's unpacked content in order. `position` counts unpacked bytes handed out."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.file = open_regular(path)
        magic = self.file.read(8)
        self.file.seek(0)
        self.packing = next((name for first, name in MAGICS.items() if magic.startswith(first)), None)
        self.position = 0
        self._pieces = self._unpacked()
        self._left = b""

    def read(self, count: int) -> bytes:
        """The next `count` bytes; fewer at the end only."""
        parts = [self._left]
        have = len(self._left)
        while have < count:
            piece = next(self._pieces, b"")
            if not piece:
                break
            parts.append(piece)
            have += len(piece)
        whole = b"".join(parts)
        self._left = whole[count:]
        self.position += min(have, count)
        return whole[:count]

    def error(self, offset: int, message: str, help: str | None = None) -> TraceError:
        """An error at `offset` of the unpacked content."""
        return TraceError(self.path, offset, message, help, "byte" if self.packing is None else "unpacked byte")

    def close(self) -> None:
        """Close the file."""
        self._pieces.close()
        self.file.close()

    def __enter__(self) -> ByteStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _unpacked(self) -> Generator[bytes, None, None]:
        if self.packing is None:
            while piece := self.file.read(PIECE):
                yield piece
        elif self.packing == "zstd":
            yield from _zstd_content(self.path, self.file)
        else:
            yield from _member_content(self.path, self.file, self.packing)


def open_regular(path: str) -> BinaryIO:
    """Open a file for reading; whatever is not a file with a size is refused."""
    try:
        file = open(path, "rb")  # noqa: SIM115 - handed to the caller
    except OSError as error:
        raise TraceError(path, 0, f"cannot be opened: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise TraceError(path, 0, "is not a regular file", "traces are read more than once: store it in a file first")
    return file


class _Decompressor(Protocol):
    """What the decompressors of gzip and xz have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _member_content(path: str, file: BinaryIO, packing: str) -> Generator[bytes, None, None]:
    """The content of gzip members or xz streams, one after the other."""
    data = b""
    while data := data or file.read(PIECE):
        member: _Decompressor
        member = zlib.decompressobj(31) if packing == "gzip" else lzma.LZMADecompressor(lzma.FORMAT_XZ, MEMORY_LIMIT)
        try:
            while not member.eof:
                if not data and not _wants_no_input(member) and not (data := file.read(PIECE)):
                    raise TraceError(path, file.tell(), f"the file ends inside its {packing} data")
                piece = member.decompress(data, PIECE)
                data = _unconsumed(member)
                if piece:
                    yield piece
        except (zlib.error, lzma.LZMAError) as error:
            raise TraceError(path, file.tell(), f"damaged {packing} data: {error}") from error
        data = member.unused_data
        if packing == "xz":
            data = data.lstrip(b"\0")  # padding between streams


def _wants_no_input(member: _Decompressor) -> bool:
    return isinstance(member, lzma.LZMADecompressor) and not member.needs_input


def _unconsumed(member: _Decompressor) -> bytes:
    # gzip hands back what it has not looked at yet, xz keeps it.
    return b"" if isinstance(member, lzma.LZMADecompressor) else bytes(getattr(member, "unconsumed_tail", b""))


def _zstd_content(path: str, file: BinaryIO) -> Generator[bytes, None, None]:
    """The content of zstd frames, fed block by block: a block unpacks to at most 128 KiB."""
    while magic := file.read(4):
        if int.from_bytes(magic, "little") in _SKIPPABLE:
            _skip(path, file, int.from_bytes(_exactly(path, file, 4), "little"))
            continue
        start = file.tell() - 4
        header = magic + file.read(_FRAME_HEADER_MOST - 4)
        try:
            length = zstandard.frame_header_size(header)
            parameters = zstandard.get_frame_parameters(header)
        except zstandard.ZstdError as error:
            raise TraceError(path, start, f"damaged zstd data: {error}") from error
        if parameters.window_size > MEMORY_LIMIT:
            raise TraceError(path, start, f"unpacking needs {parameters.window_size} bytes of memory: too many")
        file.seek(start + length)
        yield from _zstd_blocks(path, file, header[:length], parameters.has_checksum)


def _zstd_blocks(path: str, file: BinaryIO, header: bytes, checksum: bool) -> Generator[bytes, None, None]:
    frame = zstandard.ZstdDecompressor(max_window_size=MEMORY_LIMIT).decompressobj()
    last = False
    try:
        frame.decompress(header)
        while not last:
            block = _exactly(path, file, 3)
            word = int.from_bytes(block, "little")
            last, kind, size = bool(word & 1), word >> 1 & 3, word >> 3
            block += _exactly(path, file, 1 if kind == 1 else size)
            if last and checksum:
                block += _exactly(path, file, 4)
            if piece := frame.decompress(block):
                yield piece
    except zstandard.ZstdError as error:
        raise TraceError(path, file.tell(), f"damaged zstd data: {error}") from error


def _exactly(path: str, file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise TraceError(path, file.tell(), "the file ends inside its zstd data")
    return data


def _skip(path: str, file: BinaryIO, count: int) -> None:
    file.seek(count, os.SEEK_CUR)
    if file.tell() > os.fstat(file.fileno()).st_size:
        raise TraceError(path, file.tell() - count, "the file ends inside a zstd frame that is to be skipped")
