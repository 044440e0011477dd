"""Which format a file has.

In: a path, and the format the user names, if any. Out: a reader. The content decides: magic numbers, zero bytes,
what the first line looks like; the extension is asked only when the content says nothing.
"""

from __future__ import annotations

import os

from runtime.traces import csv_layout, csv_reader, msr, oracle, pgt1, rxt, rxt_reader, text
from runtime.traces.errors import TraceError, nearest
from runtime.traces.model import Reader
from runtime.traces.unpack import SUFFIXES, ByteStream

FORMATS = (rxt_reader.FORMAT, pgt1.FORMAT, oracle.FORMAT, csv_reader.FORMAT, msr.FORMAT, text.FORMAT)

_SAMPLE = 24 * 4096


def open_file(path: str, name: str, format: str | None) -> Reader:
    """A reader for a file. `format` may be one of `FORMATS`, `csv:` with options, or None to find out."""
    kind, _, options = (format or detect(path)).partition(":")
    if kind not in FORMATS:
        help = nearest(kind, FORMATS) or f"there are {', '.join(FORMATS)}"
        raise TraceError(path, 0, f"unknown format `{kind}`", help)
    if kind == csv_reader.FORMAT:
        return csv_reader.CsvReader(path, name, options)
    if options:
        raise TraceError(path, 0, f"the format `{kind}` has no options")
    if kind == rxt_reader.FORMAT:
        return rxt_reader.RxtReader(path, name)
    if kind == pgt1.FORMAT:
        return pgt1.Pgt1Reader(path, name)
    if kind == oracle.FORMAT:
        return oracle.OracleReader(path, name)
    return msr.MsrReader(path, name) if kind == msr.FORMAT else text.TextReader(path, name)


def detect(path: str) -> str:
    """The format of a file."""
    with ByteStream(path) as stream:
        sample = stream.read(_SAMPLE)
        packing = stream.packing
    if packing and sample.startswith(rxt.MAGIC):
        raise TraceError(path, 0, f"a .rxt file packed with {packing}", "unpack it: its content is packed already")
    if not sample:
        raise TraceError(path, 0, "the file is empty")
    if sample.startswith(rxt.MAGIC[:4]):
        return rxt_reader.FORMAT
    if sample.startswith(pgt1.MAGIC):
        return pgt1.FORMAT
    if b"\0" in sample:
        if oracle.looks_like_records(sample) or ".oraclegeneral" in os.path.basename(path).lower():
            return oracle.FORMAT
        help = f"`rext trace convert` takes --trace-format, one of {', '.join(FORMATS)}"
        raise TraceError(path, 0, "the format is not known", help)
    return _text_format(path, sample)


def _text_format(path: str, sample: bytes) -> str:
    first = next((line for line in sample.split(b"\n") if line.strip() and not line.startswith(b"#")), b"")
    if msr.looks_like_msr(first):
        return msr.FORMAT
    if any(mark in first for name, mark in csv_layout.DELIMITERS.items() if name != "space"):
        tabs_only = b"\t" in first and len(first.split()) <= 2 and b"," not in first
        return text.FORMAT if tabs_only and extension(path) != ".csv" else csv_reader.FORMAT
    return csv_reader.FORMAT if extension(path) == ".csv" else text.FORMAT


def extension(path: str) -> str:
    """The extension of a path, that of a packing aside, in lower case."""
    stem, last = os.path.splitext(path.lower())
    return os.path.splitext(stem)[1] if last in SUFFIXES else last
