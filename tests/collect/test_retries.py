"""How long a request is retried: `retry_seconds` from its first failure, with an attempt at the end."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import pytest

from job.collect import retries as module
from job.collect.deadlines import Deadline
from job.collect.retries import RetryTime


class Clock:
    """A monotonic clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(module, "monotonic", found)
    return found


def attempts(
    clock: Clock, seconds: float, wanted: float, *, takes: float = 0.0, deadline: float = math.inf
) -> list[float]:
    """When a server that never comes back is tried, in seconds since the start."""

    def tried() -> Iterator[float]:
        start, time = clock.now, RetryTime(seconds, Deadline(clock.now + deadline, "KindTimeout", ""))
        while True:
            yield clock.now - start
            clock.now += takes
            delay = time.delay(wanted)
            if delay is None:
                return
            clock.now += delay

    return list(tried())


@pytest.mark.parametrize("wanted", [0.0, 1.0, 32.0, 33.0, 59.0, 61.0, 3600.0])
def test_the_last_attempt_is_at_the_end_whatever_the_server_asks_for(clock: Clock, wanted: float) -> None:
    tried = attempts(clock, 60.0, wanted)
    assert tried[-1] == pytest.approx(60.0)
    assert tried[1] == pytest.approx(min(max(wanted, 0.5), 60.0), rel=0.26)
    gaps = [later - earlier for earlier, later in pairwise(tried)]
    assert all(gap >= min(wanted, 60 - at) - 1e-6 for gap, at in zip(gaps, tried, strict=False))


def test_a_server_that_is_back_after_42_of_60_seconds_is_tried_within_ten_seconds(clock: Clock) -> None:
    assert any(42 <= at <= 55 for at in attempts(clock, 60.0, 0.0))
    assert len(attempts(clock, 60.0, 0.0)) < 15  # without a storm of requests


def test_a_slow_first_failure_costs_no_retry(clock: Clock) -> None:
    tried = attempts(clock, 60.0, 0.0, takes=90.0)
    assert len(tried) == 2  # the second attempt fails after the end
    last = attempts(clock, 60.0, 0.0, takes=10.0)[-1]
    assert last <= 70.0 < last + 10.0  # under way when the time ends


def test_a_deadline_that_comes_first_leaves_room_for_a_response(clock: Clock) -> None:
    tried = attempts(clock, 60.0, 32.0, deadline=20.0)
    assert tried[1] == 10.0  # not at 20, when nothing could be read
    assert tried[-1] < 20.0
    assert len(tried) < 10
    assert attempts(clock, 60.0, 5.0, deadline=20.0)[1] == 5.0
