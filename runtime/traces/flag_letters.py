"""Flags as letters, for text formats.

In: flags, or words such as `wf`. Out: the other. The letters: `r` read, `w` write, `x` instruction fetch; `f` page of
a file, `a` anonymous page; `s` by a system call, `m` through a mapping; `d` (discard) alone: the page is freed. What a
word leaves open is as in a trace without flags: read, file, system call, but anonymous pages and instructions are
reached through mappings. `read` and `write` in full, and the operations of key-value caches, are understood as well.
"""

from __future__ import annotations

import numpy as np

from runtime.traces.model import ACCESS_FLAGS, EXEC, FILE, FREE, OBJECT_FLAGS, SYSCALL, WRITE, Flags

_READS = ("read", "get", "gets", "load", "fetch", "miss", "hit")
_WRITES = ("write", "set", "put", "add", "cas", "replace", "append", "prepend", "incr", "decr", "update", "store")
_WORDS = {word: OBJECT_FLAGS for word in _READS} | {word: OBJECT_FLAGS | WRITE for word in _WRITES}
_WORDS |= {word: FREE for word in ("delete", "free", "discard")}

DEFAULT_WORD = "rfs"


def flags_of(word: str) -> int | None:
    """The flags that a word stands for, or None if it stands for none."""
    word = word.lower()
    known = _WORDS.get(word)
    if known is not None:
        return known
    if word == "d":
        return FREE
    letters = set(word)
    if not letters or len(letters) != len(word) or letters - set("rwxfasm"):
        return None
    if letters >= {"f", "a"} or letters >= {"s", "m"} or letters >= {"r", "w"}:
        return None
    flags = (WRITE if "w" in letters else 0) | (EXEC if "x" in letters else 0) | (0 if "a" in letters else FILE)
    mapped = "m" in letters or ("s" not in letters and letters & {"a", "x"})
    return flags | (0 if mapped else SYSCALL)


def word_of(flags: int) -> str:
    """The word that stands for flags; `flags_of` gives them back."""
    if flags & FREE:
        return "d"
    write, execute = "w" if flags & WRITE else "r", "x" if flags & EXEC else ""
    return write + execute + ("f" if flags & FILE else "a") + ("s" if flags & SYSCALL else "m")


def words_of(flags: Flags) -> list[str]:
    """The words for a run of events."""
    table = {value: word_of(value) for value in (*range(ACCESS_FLAGS + 1), FREE)}
    return [table[value] for value in flags.tolist()]


def flags_of_words(words: list[bytes]) -> tuple[Flags, int | None]:
    """The flags of a run of events, and the index of the first word that means nothing, or None."""
    table = {word: flags_of(word.strip().decode("latin-1")) for word in set(words)}
    if None in table.values():
        return np.zeros(0, np.uint8), next(i for i, word in enumerate(words) if table[word] is None)
    return np.array([table[word] for word in words], np.uint8), None
