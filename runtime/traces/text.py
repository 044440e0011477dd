"""Reads plain text, plain or packed: one access a line.

In: lines `key` or `key flags`, where the key is a number or any word without blanks and the flags are `r`, `w` or
more (flag_letters.py); empty lines and what follows a `#` at the start of a line are left out. Out: accesses.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np

from runtime.traces.flag_letters import DEFAULT_WORD, flags_of_words
from runtime.traces.keyed import KeyedEvents
from runtime.traces.lines import LineBlock, WordKeys, line_blocks
from runtime.traces.model import OBJECT_FLAGS, Chunk, Flags, TraceInfo
from runtime.traces.unpack import ByteStream

FORMAT = "txt"


class TextReader:
    """A trace of one key a line."""

    def __init__(self, path: str, name: str) -> None:
        self._path = path
        with ByteStream(path) as stream:
            size = os.fstat(stream.file.fileno()).st_size
        self.info = TraceInfo(name=name, format=FORMAT, bytes=size, columns=("keys",))

    def blocks(self) -> Iterator[Chunk]:
        """Chunks as they are read."""
        with ByteStream(self._path) as stream:
            events, words = KeyedEvents(stream), WordKeys()
            for block in line_blocks(stream):
                keys, flags = _fields(block, stream)
                if keys:
                    yield events.chunk(words.keys(keys), flags)


def _fields(block: LineBlock, stream: ByteStream) -> tuple[list[bytes], Flags | None]:
    """The keys of a block's lines, and their flags if any line has some."""
    if not any(mark in block.text for mark in (b" ", b"\t", b"#")):
        return block.text.split(), None
    rows = [(i, line.split()) for i, line in enumerate(block.lines) if line.strip() and not line.startswith(b"#")]
    for i, row in rows:
        if len(row) > 2:
            raise stream.error(block.offset_of(i), f"{len(row)} words on a line; `key` or `key flags` belongs here")
    words = [row[1] if len(row) == 2 else DEFAULT_WORD.encode() for _, row in rows]
    flags, wrong = flags_of_words(words)
    if wrong is not None:
        index, row = rows[wrong]
        shown = row[1][:40].decode("utf-8", "replace")
        raise stream.error(block.offset_of(index), f"`{shown}` does not say how the page is accessed", "try r or w")
    return [row[0] for _, row in rows], flags if np.any(flags != OBJECT_FLAGS) else None
