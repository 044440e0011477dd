"""Lines of text, and the keys in them.

In: a file of lines, plain or packed. Out: blocks of whole lines with their offset, and 64-bit keys of words. A
number below 2^64 (decimal, or hexadecimal after 0x) is its own key; any other word has the first 8 bytes of its
BLAKE2b hash: among a million words, two share a key with a probability of 3 in 10^8.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from runtime.traces.model import Numbers
from runtime.traces.unpack import PIECE, ByteStream

LONGEST_LINE = 1 << 16

_MOST_DIGITS = 20
"""Decimal digits that a number below 2^64 has at most, but for leading zeros."""


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Whole lines; the first begins at byte `offset`."""

    offset: int
    text: bytes

    @property
    def lines(self) -> list[bytes]:
        """The lines without their ends."""
        return self.text.split(b"\n")

    def offset_of(self, index: int) -> int:
        """Where a line begins."""
        return self.offset + sum(len(line) + 1 for line in self.lines[:index])


def line_blocks(stream: ByteStream) -> Iterator[LineBlock]:
    """The lines of a file. Only a line feed ends a line; a carriage return before it stays."""
    rest = b""
    start = stream.position
    while data := stream.read(PIECE):
        if b"\0" in data:
            raise stream.error(stream.position - len(data) + data.index(b"\0"), "a zero byte: this is not text")
        whole, newline, tail = (rest + data).rpartition(b"\n")
        if len(tail) > LONGEST_LINE:
            raise stream.error(stream.position - len(tail), f"a line of more than {LONGEST_LINE} bytes")
        if newline:
            yield LineBlock(start, whole)
            start += len(whole) + 1
        rest = tail
    if rest:
        yield LineBlock(start, rest)


class WordKeys:
    """Keys of words; remembers those it had to hash."""

    def __init__(self) -> None:
        self._known: dict[bytes, int] = {}

    def keys(self, words: list[bytes]) -> Numbers:
        """The key of each word."""
        if len(max(words, key=len, default=b"")) <= _MOST_DIGITS and all(words) and b"".join(words).isdigit():
            try:
                return np.fromiter(map(int, words), np.uint64, len(words))
            except OverflowError:
                pass  # one of them is not below 2^64: the slow way tells them apart
        known = self._known
        for word in set(words) - known.keys():
            known[word] = key_of(word)
        return np.fromiter(map(known.__getitem__, words), np.uint64, len(words))


def key_of(word: bytes) -> int:
    """The key of one word."""
    number = -1
    if word.isdigit():
        number = int(word) if len(word) <= 64 else -1
    elif word[:2] in (b"0x", b"0X") and word[2:].isalnum():
        try:
            number = int(word[2:], 16)
        except ValueError:
            number = -1
    if 0 <= number < 1 << 64:
        return number
    return int.from_bytes(hashlib.blake2b(word, digest_size=8).digest(), "little")
