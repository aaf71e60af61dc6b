"""How threads share the reads of one cluster."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from job.collect import scheduler as module
from job.collect.scheduler import AbandonedError, WorkItem, as_completed

WAIT = 0.3  # seconds in which a function computes nothing


def items(function: Callable[[], object], count: int) -> list[WorkItem]:
    return [WorkItem(str(number), function, 60.0) for number in range(count)]


def threads_of(function: Callable[[], object], count: int) -> int:
    """How many threads called it."""
    seen: set[int] = set()

    def noted() -> None:
        seen.add(threading.get_ident())
        function()

    done = list(as_completed(items(noted, count), 4, time.monotonic() + 60, threading.Event()))
    assert {each.name for each in done} == {str(number) for number in range(count)}
    assert not any(each.error for each in done)
    return len(seen)


def test_functions_that_return_at_once_take_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 60.0)
    assert threads_of(lambda: None, 8) == 1


def test_functions_that_wait_run_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "process_time", lambda: 0.0)
    all_four = threading.Barrier(4)
    assert threads_of(lambda: all_four.wait(60), 8) == 4


def test_a_busy_process_starts_no_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "process_time", lambda: 10 * time.monotonic())
    assert threads_of(lambda: time.sleep(WAIT), 3) == 1


def test_a_function_that_never_returns_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GRACE_SECONDS", WAIT)
    never = threading.Event()
    stuck = WorkItem("stuck", never.wait, 0.0)
    others = items(lambda: None, 3)
    try:
        done = list(as_completed([stuck, *others], 1, time.monotonic() + 60, threading.Event()))
    finally:
        never.set()
    assert [each.name for each in done] == ["stuck", "0", "1", "2"]
    assert [type(each.error) for each in done] == [AbandonedError, *[type(None)] * 3]
