"""Rows that BigQuery has deleted, or that a function does not look back to: views say so and compare none with them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sinks.conftest import Open
from warehouse import FIRST, Read, pod, publish, rows, run_of, workload

from job.simulator.bigquery.control import Control

COVERAGE = "SELECT status, read_snapshot_id, rows_expired FROM {} WHERE resource = 'pods' AND cluster = 'a'"
CAPACITY = "SELECT pods, cpu_request_millicores, pods_read_status FROM {} WHERE cluster = 'a'"
CHANGES = "SELECT resource, name, field, change FROM {} WHERE field IN ('workload', 'cluster') ORDER BY 1, 2, 3"

Clock = Callable[[float], None]


@pytest.fixture
def at(control: Control) -> Iterator[Clock]:
    """Sets BigQuery's clock to so many hours after the runs of number 0."""
    ahead = 0.0

    def moved(hours: float) -> None:
        nonlocal ahead
        wanted = (FIRST + timedelta(hours=hours)).timestamp() - time.time()
        control.advance(wanted - ahead)
        ahead = wanted

    yield moved
    control.advance(-ahead)


def moment(hours: float) -> str:
    return f"TIMESTAMP '{FIRST + timedelta(hours=hours):%Y-%m-%d %H:%M:%S}+00'"


def read(pods: list[str] | str) -> Read:
    """A cluster with a Deployment, and pods of no controller."""
    named = pods if isinstance(pods, str) else [pod(name, workload_kind="Pod", workload_name=name) for name in pods]
    known = (
        []
        if isinstance(pods, str)
        else [workload(name, kind="Pod", resource="pods", known_through_pods=True) for name in pods]
    )
    return Read("a", ["x"], named, more={"deployments": [workload("w"), *known]})


@pytest.mark.exhaustive
def test_a_reading_whose_rows_have_expired_is_said_and_compared_with_none(open_sink: Open, at: Clock) -> None:
    sink = open_sink(partition_expiration_days=2, ledger_expiration_days=400)
    at(0)
    sink.apply()
    publish(sink, run_of(0, read(["p1"])))
    at(24)
    publish(sink, run_of(24, read("denied")))
    at(47.9)
    assert rows(sink, COVERAGE.format("coverage")) == [("stale", "0-a", False)]
    assert rows(sink, "SELECT name, read_status FROM pods") == [("p1", "stale")]
    assert rows(sink, CAPACITY.format("capacity_by_cluster")) == [(1, 0, "stale")]
    at(48)  # BigQuery deletes the partition
    publish(sink, run_of(48, read("denied")))
    at(72.5)
    assert rows(sink, COVERAGE.format("coverage")) == [("stale", None, True)]
    assert rows(sink, "SELECT read_at FROM coverage WHERE resource = 'pods'")[0][0] is not None
    assert rows(sink, "SELECT name, read_status FROM pods") == []
    assert rows(sink, CAPACITY.format("capacity_by_cluster")) == [(None, None, "stale")]
    assert rows(sink, CAPACITY.format("capacity_by_node_pool")) == []
    assert rows(sink, "SELECT status, rows_expired FROM coverage WHERE resource = 'namespaces'") == [("ok", False)]
    # the clock decides, whatever the moment
    assert rows(sink, COVERAGE.format(f"coverage_as_of({moment(1)})")) == [("stale", None, True)]
    at(73)
    publish(sink, run_of(73, read(["p2"])))
    assert rows(sink, COVERAGE.format("coverage")) == [("ok", "73-a", False)]
    assert rows(sink, "SELECT name, read_status FROM pods") == [("p2", "ok")]
    for compared in (
        "changes",
        "events",
        *(f"{name}_between({moment(1)}, {moment(74)})" for name in ("changes", "events")),
    ):
        assert rows(sink, CHANGES.format(compared)) == [], compared


@pytest.mark.exhaustive
def test_a_function_says_what_was_read_before_the_days_that_it_looks_back(open_sink: Open) -> None:
    sink = open_sink(look_back_days=1)
    sink.apply()
    publish(sink, run_of(0, read(["p1"])))
    publish(sink, run_of(20, read("denied")))
    publish(sink, run_of(30, read(["p2"])))
    for hours, coverage, pods in ((21, ("stale", "0-a", False), ["p1"]), (25, ("stale", None, True), [])):
        assert rows(sink, COVERAGE.format(f"coverage_as_of({moment(hours)})")) == [coverage]
        assert [name for (name,) in rows(sink, f"SELECT name FROM pods_as_of({moment(hours)})")] == pods
    differs = [("pods", "p1", "workload", "removed"), ("pods", "p2", "workload", "added")]
    assert rows(sink, CHANGES.format("changes")) == differs
    assert rows(sink, CHANGES.format(f"changes_between({moment(21)}, {moment(31)})")) == differs
    assert rows(sink, CHANGES.format(f"changes_between({moment(25)}, {moment(31)})")) == []
    assert rows(sink, CHANGES.format(f"events_between({moment(-1)}, {moment(31)})")) == differs
    everything = open_sink(look_back_days=None)
    everything.apply()
    assert rows(everything, COVERAGE.format(f"coverage_as_of({moment(25)})")) == [("stale", "0-a", False)]
    assert rows(everything, CHANGES.format(f"changes_between({moment(25)}, {moment(31)})")) == differs
