"""Amounts of memory as users write them."""

from __future__ import annotations

import pytest

from runtime.memory_size import MemorySizeError, parse_memory_size


@pytest.mark.parametrize(
    ("text", "distinct", "page_size", "pages"),
    [
        ("4096p", 10, 4096, 4096),
        ("4_096p", 10, 4096, 4096),
        ("64MiB", 10, 4096, 16384),
        ("64M", 10, 0, 16384),
        ("64MiB", 10, 65536, 1024),
        ("1GiB", 10, 4096, 262144),
        ("0.5GiB", 10, 4096, 131072),
        ("9KiB", 10, 4096, 2),
        ("10%", 1000, 4096, 100),
        ("50%", 5, 4096, 3),
        ("50%", 7, 4096, 4),
        ("0.1%", 5, 4096, 1),
        ("12.5%", 1000, 4096, 125),
        ("150%", 1000, 4096, 1500),
        (" 5% ", 100, 4096, 5),
    ],
)
def test_amounts(text: str, distinct: int, page_size: int, pages: int) -> None:
    assert parse_memory_size(text).pages(distinct, page_size) == pages


@pytest.mark.parametrize(
    "text", ["", "p", "10", "1e9p", "٣p", "10 %%", "0x10p", "1,5%", "10" * 40 + "p", "10pp", "0.0%"]
)
def test_no_amounts(text: str) -> None:
    with pytest.raises(MemorySizeError):
        parse_memory_size(text)


def test_less_than_a_page_is_no_memory() -> None:
    with pytest.raises(MemorySizeError, match="less than one page of 4,096 bytes"):
        parse_memory_size("3KiB").pages(10, 0)
