"""How the work of one cluster is shared among threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from job.collect import scheduler as module
from job.collect.scheduler import AbandonedError, WorkItem, as_completed

STILL = 0.3  # seconds, of which a thread that does it needs none


def pieces(work: Callable[[], object], count: int) -> list[WorkItem]:
    return [WorkItem(str(number), work, 60.0) for number in range(count)]


def threads_of(work: Callable[[], object], count: int) -> int:
    """How many threads it took."""
    seen: set[int] = set()

    def noted() -> None:
        seen.add(threading.get_ident())
        work()

    done = list(as_completed(pieces(noted, count), 4, time.monotonic() + 60, threading.Event()))
    assert {each.name for each in done} == {str(number) for number in range(count)}
    assert not any(each.error for each in done)
    return len(seen)


def test_what_is_done_at_once_takes_one_thread() -> None:
    assert threads_of(lambda: None, 8) == 1


def test_what_waits_is_done_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "process_time", lambda: 0.0)
    assert threads_of(lambda: time.sleep(STILL), 8) == 4


def test_a_process_that_is_busy_takes_no_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "process_time", time.monotonic)
    assert threads_of(lambda: time.sleep(STILL), 3) == 1


def test_what_never_returns_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GRACE_SECONDS", STILL)
    never = threading.Event()
    stuck = WorkItem("stuck", never.wait, 0.0)
    others = pieces(lambda: None, 3)
    try:
        done = list(as_completed([stuck, *others], 1, time.monotonic() + 60, threading.Event()))
    finally:
        never.set()
    assert [each.name for each in done] == ["stuck", "0", "1", "2"]
    assert [type(each.error) for each in done] == [AbandonedError, *[type(None)] * 3]
