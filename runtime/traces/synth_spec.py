"""The text that describes a made-up trace.

In: a text such as

    zipf:alpha=1.0,pages=1M,accesses=10M,seed=1
    loop:pages=20K,accesses=1M,write=0.1,anon=0.5,mapped=0.5
    mix:0.7*zipf(pages=100K)+0.3*loop(pages=50K),accesses=10M

Out: a `Synthetic` with every option given or defaulted, within its range. A mistake is a `TraceError` at its place in
the text. Counts may end in K, M or G, for a thousand, a million and a thousand million.

A `mix` chooses one of its parts for each access, with the probabilities that the weights give (1 if left out, made to
add up to 1); each part has pages of its own. `accesses` and `seed` belong to the whole; `write`, `anon` and `mapped`
may stand in a part, where they replace those of the whole. In a shell, quote it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from runtime.traces.errors import TraceError, nearest

MOST_PAGES = 1 << 28
MOST_ACCESSES = 1 << 40
MOST_PARTS = 64

Values = dict[str, int | float]

_SUFFIXES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
_NUMBER = re.compile(r"(\d[\d_]*(?:\.\d+)?|\.\d+)([KMG]?)", re.IGNORECASE)
_WORD = re.compile(r"[^:,=*+()]*")


@dataclass(frozen=True, slots=True)
class Option:
    """A number, from `least` to `most`; whole if these are integers."""

    default: int | float
    least: int | float
    most: int | float
    meaning: str

    @property
    def whole(self) -> bool:
        """Whether it is a count."""
        return isinstance(self.most, int)


PAGES = Option(100_000, 1, MOST_PAGES, "distinct pages it chooses from")
ALPHA = Option(1.0, 0.0, 10.0, "the page of rank r is chosen in proportion to 1 / r^alpha")

SHAPES: dict[str, tuple[str, dict[str, Option]]] = {
    "zipf": ("few pages get most accesses, independently of each other", {"pages": PAGES, "alpha": ALPHA}),
    "uniform": ("every page is as likely as any other", {"pages": PAGES}),
    "loop": ("the same pages in the same order, over and over", {"pages": PAGES}),
    "scan": ("new pages in order, each accessed once", {}),
    "phases": (
        "a working set that changes from phase to phase",
        {
            "pages": Option(100_000, 1, MOST_PAGES, "pages of the working set"),
            "phases": Option(4, 1, 4096, "how many phases, of equal length"),
            "overlap": Option(0.5, 0.0, 1.0, "share of the working set that stays in the next phase"),
            "alpha": Option(0.0, 0.0, 10.0, "as for zipf, within a phase; 0: uniform"),
        },
    ),
}
"""What each shape is and the options it has."""

FLAG_OPTIONS = {
    "write": Option(0.0, 0.0, 1.0, "share of the accesses that write"),
    "anon": Option(0.0, 0.0, 1.0, "share of the pages that are anonymous, which are always mapped"),
    "mapped": Option(0.0, 0.0, 1.0, "share of the accesses to file pages made through a mapping"),
}
WHOLE_OPTIONS = {
    "accesses": Option(1_000_000, 1, MOST_ACCESSES, "how many accesses"),
    "seed": Option(1, 0, (1 << 64) - 1, "another seed, another trace of the same kind"),
}
KINDS = (*SHAPES, "mix")


@dataclass(frozen=True, slots=True)
class Part:
    """One shape with its options; `weight` is its share of the accesses."""

    kind: str
    weight: float
    options: Values


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part as it is written: its weight, and the options given."""

    kind: str
    weight: float
    options: Values


@dataclass(frozen=True, slots=True)
class Synthetic:
    """A trace to make up."""

    text: str
    parts: tuple[Part, ...]
    accesses: int
    seed: int


def is_synthetic(text: str) -> bool:
    """Whether a text names a made-up trace, rightly spelt or not in what follows the kind."""
    return text.partition(":")[0] in KINDS


def parse_synthetic(text: str) -> Synthetic:
    """What `text`, whose kind is known, describes."""
    return _Parser(text).synthetic()


class _Parser:
    """Reads the text from left to right; `_at` is where it has got to."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def synthetic(self) -> Synthetic:
        kind = self._word()
        if kind not in KINDS:
            raise self._error(0, f"unknown kind of trace `{kind}`", nearest(kind, KINDS))
        given: Values = {}
        pieces: list[_Piece] = []
        colon = self._take(":")
        if kind == "mix":
            pieces = self._pieces()
            if self._take(","):
                given = self._options("mix", WHOLE_OPTIONS | FLAG_OPTIONS)
        elif colon:
            given = self._options(kind, SHAPES[kind][1] | WHOLE_OPTIONS | FLAG_OPTIONS)
        if self._at < len(self._text):
            raise self._error(self._at, f"`{self._text[self._at :][:40]}` is left over")
        own = {name: value for name, value in given.items() if name not in WHOLE_OPTIONS}
        if kind != "mix":
            pieces, own = [_Piece(kind, 1.0, own)], {}
        whole = {name: given.get(name, option.default) for name, option in WHOLE_OPTIONS.items()}
        return Synthetic(self._text, _completed(pieces, own), int(whole["accesses"]), int(whole["seed"]))

    def _pieces(self) -> list[_Piece]:
        pieces = [self._piece()]
        while self._take("+"):
            pieces.append(self._piece())
        if len(pieces) > MOST_PARTS:
            raise self._error(0, f"a mix of {len(pieces)} parts; {MOST_PARTS} are the most")
        return pieces

    def _piece(self) -> _Piece:
        start = self._at
        word = self._word()
        weight = 1.0
        if self._take("*"):
            weight = float(self._number(start, word))
            if not 0 < weight <= 1e9:
                raise self._error(start, f"weight `{word}`; a weight is more than 0")
            start = self._at
            word = self._word()
        if word not in SHAPES:
            help = nearest(word, SHAPES) or "parts look like 0.7*zipf(pages=10K)+0.3*loop(pages=5K)"
            raise self._error(start, f"`{word}` is no part of a mix", help)
        options: Values = {}
        if self._take("(") and not self._take(")"):
            options = self._options(word, SHAPES[word][1] | FLAG_OPTIONS)
            if not self._take(")"):
                raise self._error(self._at, f"`)` is missing after the options of `{word}`")
        return _Piece(word, weight, options)

    def _options(self, kind: str, known: dict[str, Option]) -> Values:
        options: Values = {}
        while True:
            start = self._at
            name = self._word()
            if name not in known:
                raise self._error(start, *_unknown(name, kind, known))
            if name in options:
                raise self._error(start, f"`{name}` is given twice")
            if not self._take("="):
                raise self._error(self._at, f"`{name}` needs a value", f"as in {name}={known[name].default}")
            start = self._at
            options[name] = self._value(start, self._word(), name, known[name])
            if not self._take(","):
                return options

    def _value(self, start: int, word: str, name: str, option: Option) -> int | float:
        exact = self._number(start, word)
        if option.whole and exact != int(exact):
            raise self._error(start, f"`{name}` is a whole number, not {word}")
        if not option.least <= exact <= option.most:
            raise self._error(start, f"{name}={word} is out of range", f"{name} is {option.least} to {option.most}")
        return int(exact) if option.whole else float(exact)

    def _number(self, start: int, word: str) -> Decimal:
        match = _NUMBER.fullmatch(word) if len(word) <= 40 else None
        if match is None:
            raise self._error(start, f"`{word[:40]}` is not a number", "as in 1000, 0.5, 20K, 1.5M")
        return Decimal(match[1].replace("_", "")) * _SUFFIXES[match[2].upper()]

    def _word(self) -> str:
        match = _WORD.match(self._text, self._at)
        assert match is not None
        self._at = match.end()
        return match[0]

    def _take(self, mark: str) -> bool:
        found = self._text.startswith(mark, self._at)
        self._at += len(mark) if found else 0
        return found

    def _error(self, at: int, message: str, help: str | None = None) -> TraceError:
        return TraceError(self._text, at, message, help, "character")


def _unknown(name: str, kind: str, known: dict[str, Option]) -> tuple[str, str | None]:
    """Message and help for an option that is none."""
    if name in WHOLE_OPTIONS:
        return f"`{name}` belongs to the whole mix", f"put it after the parts: mix:...,{name}=..."
    close = nearest(name, known)
    return f"`{kind}` has no option `{name}`", close or f"its options are {', '.join(known)}"


def _completed(pieces: list[_Piece], common: Values) -> tuple[Part, ...]:
    """The parts with every option they have, and weights that add up to 1."""
    total = sum(piece.weight for piece in pieces)
    parts = []
    for piece in pieces:
        known = SHAPES[piece.kind][1] | FLAG_OPTIONS
        defaults: Values = {name: option.default for name, option in known.items()}
        parts.append(Part(piece.kind, piece.weight / total, defaults | common | piece.options))
    return tuple(parts)
