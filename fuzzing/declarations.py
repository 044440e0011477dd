"""What every generated policy in the language declares: something of each kind.

In: nothing. Out: the text `HEAD`, whose `{size}` is the capacity of a map, and the names in it with their types.
"""

from __future__ import annotations

from dataclasses import dataclass

from dsl.types import BOOL, I64, PAGE_KEY, U8, U16, U32, U64, Type


@dataclass(frozen=True)
class MapText:
    """A declared map; `fields` of its values, none for a set."""

    name: str
    kind: str
    key: Type
    fields: tuple[tuple[str, Type], ...]


HEAD = """\
const SMALL: u8 = 3;
const WIDE: u64 = 1 << 40;
param few: u64 = 3 in 1..=5;
param share: u64 = 10 in 0..=100;
param offset: i64 = -2 in -8..=8;
state total: u64;
state small: u8 = 7;
state medium: u16;
state signed: i64 = -1;
state flag: bool = true;
state name: page_key;
state seed: u64 = 9;
state histogram: u64[16];
state bytes: u8[8] = 255;
state marks: bool[5];
list queue;
list levels[4];
bag all;
heap uses;
cursor hand on queue;
folio {{ counted: u64, level: u8, since: u32, marked: bool }}
struct seen {{ times: u32, last: u64, hot: bool }}
map history: lru_hash<page_key, seen>[{size}];
map score: hash<u64, u16>[64];
map marked: hash<page_key>[32];
map sketch: array<u64, u8>[4 * 64];"""

PARAMS = (("few", U64), ("share", U64), ("offset", I64), ("nr_pages", U64))
CONSTANTS = (("SMALL", U8), ("WIDE", U64))
STATES = (
    ("total", U64),
    ("small", U8),
    ("medium", U16),
    ("signed", I64),
    ("flag", BOOL),
    ("name", PAGE_KEY),
    ("seed", U64),
)
ARRAYS = (("histogram", U64, 16), ("bytes", U8, 8), ("marks", BOOL, 5))
LISTS = ("queue", "levels[0]", "levels[3]", "all", "uses")
FIELDS = (("counted", U64), ("level", U8), ("since", U32), ("marked", BOOL))
MAPS = (
    MapText("history", "lru_hash", PAGE_KEY, (("times", U32), ("last", U64), ("hot", BOOL))),
    MapText("score", "hash", U64, (("value", U16),)),
    MapText("marked", "hash", PAGE_KEY, ()),
    MapText("sketch", "array", U64, (("value", U8),)),
)
