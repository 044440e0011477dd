"""Reads csv files, plain or packed: one access a line.

In: lines of columns in some layout (csv_layout.py). Out: accesses by object, with time, flags and tenant if there are
such columns. Times are cut to whole numbers. Quotes around a field are taken off; a delimiter within quotes is not
understood.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np

from runtime.traces.csv_layout import Layout, clean, find_layout, read_options
from runtime.traces.errors import TraceError
from runtime.traces.flag_letters import flags_of_words
from runtime.traces.keyed import KeyedEvents
from runtime.traces.lines import LineBlock, WordKeys, line_blocks
from runtime.traces.model import Chunk, Flags, Numbers, Tenants, TraceInfo
from runtime.traces.unpack import ByteStream

FORMAT = "csv"


class CsvReader:
    """A trace of one access a line, in columns."""

    def __init__(self, path: str, name: str, options: str = "") -> None:
        self._path = path
        chosen = read_options(options)
        with ByteStream(path) as stream:
            size = os.fstat(stream.file.fileno()).st_size
            first = next((block.text.split(b"\n", 1)[0] for block in line_blocks(stream)), b"")
        self._layout = find_layout(path, first, chosen)
        timed = self._layout.time is not None
        columns = ("tenant",) * (self._layout.tenant is not None) + ("keys",) + ("clock",) * timed
        self.info = TraceInfo(name=name, format=FORMAT, bytes=size, columns=columns, clock_step=int(timed))

    def blocks(self) -> Iterator[Chunk]:
        """Chunks as they are read."""
        with ByteStream(self._path) as stream:
            events, words = KeyedEvents(stream), WordKeys()
            for block in line_blocks(stream):
                rows = _Rows(block, self._layout, stream)
                if rows.empty:
                    continue
                yield events.chunk(words.keys(rows.objects()), rows.flags(), rows.times(), rows.tenants())


def _even_fields(text: bytes, delimiter: bytes) -> tuple[list[bytes], int] | None:
    """All fields of a text and how many each line has, if that is the same for all and nothing is to be cleaned."""
    if any(mark in text for mark in (b'"', b"\r", b" ", b"\n\n")):
        return None
    if not text or text.startswith(b"\n"):
        return None
    text += b"\n"
    width = text[: text.index(b"\n")].count(delimiter) + 1
    characters = np.frombuffer(text, np.uint8)
    marks = characters[(characters == ord("\n")) | (characters == ord(delimiter))]
    if len(marks) % width:
        return None
    marks = marks.reshape(-1, width)
    if np.any(marks[:, :-1] != ord(delimiter)) or np.any(marks[:, -1] != ord("\n")):
        return None
    return text[:-1].replace(b"\n", delimiter).split(delimiter), width


class _Rows:
    """The lines of a block, cut into columns."""

    def __init__(self, block: LineBlock, layout: Layout, stream: ByteStream) -> None:
        self._layout = layout
        self._block = block
        self._stream = stream
        self._even: tuple[list[bytes], int] | None = None
        if not (layout.header and block.offset == 0):
            self._even = _even_fields(block.text, layout.delimiter)
            if self._even is not None and self._even[1] < layout.width:
                self._even = None
        if self._even is None:
            self._cut_unevenly(block, layout)

    def _cut_unevenly(self, block: LineBlock, layout: Layout) -> None:
        lines = block.lines
        if layout.header and block.offset == 0:
            lines[0] = b""
        rows = [line.rstrip(b"\r").split(layout.delimiter) for line in lines]
        self._numbers = [i for i, line in enumerate(lines) if line.strip()]
        if len(self._numbers) < len(rows):
            rows = [rows[i] for i in self._numbers]
        self._rows = rows
        if rows and len(min(rows, key=len)) < layout.width:
            short = next(i for i, row in enumerate(rows) if len(row) < layout.width)
            raise self._error(short, f"{len(rows[short])} columns where {layout.width} are needed")

    @property
    def empty(self) -> bool:
        """Whether there is nothing but empty lines."""
        return self._even is None and not self._rows

    def objects(self) -> list[bytes]:
        """The words that name the objects."""
        words = self._column(self._layout.object)
        if not all(words):
            raise self._error(words.index(b""), "no object")
        return words

    def flags(self) -> Flags | None:
        """Flags, if there is such a column."""
        if self._layout.flags is None:
            return None
        words = self._column(self._layout.flags)
        flags, wrong = flags_of_words(words)
        if wrong is not None:
            shown = words[wrong][:40].decode("utf-8", "replace")
            raise self._error(wrong, f"`{shown}` does not say how the page is accessed")
        return flags

    def times(self) -> Numbers | None:
        """Times, if there is such a column."""
        return None if self._layout.time is None else self._numbers_in(self._layout.time, 1 << 64, "a time")

    def tenants(self) -> Tenants | None:
        """Tenants, if there is such a column."""
        if self._layout.tenant is None:
            return None
        return self._numbers_in(self._layout.tenant, 1 << 16, "a tenant (0 to 65535)").astype(np.uint16)

    def _numbers_in(self, column: int, limit: int, what: str) -> Numbers:
        words = self._column(column)
        if b"".join(words).isdigit() and all(words) and len(max(words, key=len)) < len(str(limit)):
            return np.fromiter(map(int, words), np.uint64, len(words))
        numbers = np.empty(len(words), np.uint64)
        for i, word in enumerate(words):
            number = _number(word)
            if number is None or not 0 <= number < limit:
                raise self._error(i, f"`{word[:40].decode('utf-8', 'replace')}` is not {what}")
            numbers[i] = number
        return numbers

    def _column(self, column: int) -> list[bytes]:
        if self._even is not None:
            fields, width = self._even
            return fields[column::width]
        words = [row[column] for row in self._rows]
        if b'"' in self._block.text or b" " in self._block.text:
            words = [clean(word) for word in words]
        return words

    def _error(self, row: int, message: str) -> TraceError:
        index = row if self._even is not None else self._numbers[row]
        return self._stream.error(self._block.offset_of(index), message)


def _number(word: bytes) -> int | None:
    """The whole part of a number, or None. Integers are exact; a fraction or an exponent is a float's."""
    try:
        return int(word) if word.isdigit() and len(word) <= 20 else int(float(word))
    except (ValueError, OverflowError):
        return None
