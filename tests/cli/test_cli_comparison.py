"""The comparison as a library: order, cancelling, failures, large traces."""

from __future__ import annotations

import threading

import pytest

import reclaim_ext as rx
import runtime.comparison
import runtime.workload
from runtime.comparison import Listener
from runtime.host import HostMemoryError

TRACE = "zipf:pages=300,accesses=2000K"


class CancelAfter(Listener):
    """Cancels after some calls of `progress`, or while the trace is read."""

    def __init__(self, cancelled: threading.Event, calls: int, while_reading: bool = False) -> None:
        self.cancelled, self.calls, self.while_reading = cancelled, calls, while_reading
        self.planned_accesses = 0

    def loading(self, trace: str, accesses: int, total: int | None) -> None:
        if self.while_reading:
            self.cancelled.set()

    def planned(self, accesses: int) -> None:
        self.planned_accesses = accesses

    def progress(self, cell: str, accesses: int) -> None:
        self.calls -= 1
        if self.calls == 0:
            self.cancelled.set()


@pytest.fixture(autouse=True)
def own_cache(cache: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REXT_CACHE", str(cache))


def test_cancelling_keeps_the_rows_there_are() -> None:
    cancelled = threading.Event()
    listener = CancelAfter(cancelled, calls=12)
    found = rx.compare(["fifo", "clock"], [TRACE], memory="10%,20%", listener=listener, cancelled=cancelled)
    assert found.interrupted
    assert listener.planned_accesses == 8_000_000
    assert [row.status for row in found.rows] == ["finished", "interrupted"]
    assert found.rows[0].accesses == 2_000_000
    assert 0 < found.rows[1].accesses < 2_000_000
    assert "interrupted" in rx.comparison_table(found)


def test_cancelling_the_optimum() -> None:
    cancelled = threading.Event()
    found = rx.compare(["opt"], [TRACE], memory="10%", listener=CancelAfter(cancelled, 2), cancelled=cancelled)
    assert [row.status for row in found.rows] == ["interrupted"]


def test_cancelling_while_a_trace_is_read() -> None:
    cancelled = threading.Event()
    found = rx.compare(["fifo"], [TRACE], memory="10%", listener=CancelAfter(cancelled, 0, True), cancelled=cancelled)
    assert found.interrupted and found.rows == ()


def test_a_trace_too_large_to_keep_is_read_again_by_each_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = rx.compare(["fifo", "s3fifo"], [TRACE], memory="10%")
    monkeypatch.setattr(runtime.workload, "available_memory", lambda: 1 << 20)
    streamed = rx.compare(["fifo", "s3fifo"], [TRACE], memory="10%", jobs=2)
    assert [row.counters for row in streamed.rows] == [row.counters for row in kept.rows]
    with pytest.raises(HostMemoryError, match="`opt`"):
        rx.compare(["opt"], [TRACE], memory="10%")


def test_what_one_cell_raises_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("oops")

    monkeypatch.setattr(runtime.comparison, "run_program", broken)
    with pytest.raises(RuntimeError, match="oops"):
        rx.compare(["fifo", "clock"], [TRACE], memory="10%,20%", jobs=2)


def test_settings_are_checked() -> None:
    with pytest.raises(rx.SettingsError, match="jobs 0"):
        rx.compare(["fifo"], [TRACE], memory="10%", jobs=0)
    with pytest.raises(rx.SettingsError, match="job"):
        rx.compare(["fifo"], [TRACE], memory="10%", job=2)
    with pytest.raises(rx.SettingsError, match="memory"):
        rx.compare(["fifo"], [TRACE])


def test_check_returns_what_is_wrong() -> None:
    assert rx.check("policy p;\nlist q;\nhook folio_added(f) { q.push_tail(f); }\n") == ()
    assert [d.code for d in rx.check("policy p;\nlist q;\nhook folio_added(f) { }\n")] == ["folio-leak"]
