"""The views of recent rows in BigQuery: every commit is shown, whoever writes at the same time or dies in between."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from sinks.conftest import OnBigQuery
from warehouse import Attempt, Read, publish, run_of

from job.signals import Stop
from job.sinks.bigquery import BigQuerySink, recent
from job.sinks.bigquery.present import PresentViews
from job.sinks.bigquery.recent import DECIDING, OTHERS, RecentViews
from job.views.recent import RECENT, parse

PODS = "SELECT cluster, name FROM pods ORDER BY 1, 2"


def times_of(sink: BigQuerySink) -> dict[str, frozenset[datetime]]:
    """The times in each view. All rows of these tests are older than the window."""
    found = {}
    for name in RECENT:
        times = parse(sink._client.get_table(f"{sink.name}.{name}").view_query).times
        assert times is not None
        found[name] = times
    return found


class Killed(BaseException):
    """The process has ended."""


def killed(*_: object) -> None:
    raise Killed


def test_a_commit_whose_task_dies_before_it_is_shown_is_shown_by_the_retry(
    on_bigquery: OnBigQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_bigquery.publish("first", run_of(1, Read("a", ["x"], ["p1"])))
    with monkeypatch.context() as patched:
        patched.setattr(RecentViews, "_write", killed)
        with pytest.raises(Killed):
            on_bigquery.publish("run-2", run_of(2, Read("a", ["x"], ["p2"])))
    opened = on_bigquery.open()
    assert opened.committed_result(on_bigquery.run_id("run-2"), 0) is not None
    assert on_bigquery.rows(PODS) == [("a", "p1")]
    monkeypatch.setattr(recent, "_CLAIM_SECONDS", 0)  # it is too long ago that the dead task began to write
    opened.settle("run-2")  # the run's id in its rows
    assert on_bigquery.rows(PODS) == [("a", "p2")]


def test_a_commit_that_no_retry_shows_is_shown_by_the_next_run(
    on_bigquery: OnBigQuery, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_bigquery.publish("first", run_of(1, Read("a", ["x"], ["p1"])))
    with monkeypatch.context() as patched:
        patched.setattr(RecentViews, "_write", killed)
        with pytest.raises(Killed):
            on_bigquery.publish("run-2", run_of(2, Read("a", ["x"], ["p2"])))
    assert [commit.run_id for commit in on_bigquery.open().present.lost_commits()] == ["run-2"]
    capsys.readouterr()
    on_bigquery.publish("run-3", run_of(3, Read("a", ["x"], "denied")))
    assert on_bigquery.open().present.lost_commits() == []
    assert on_bigquery.rows("SELECT cluster, name, read_status FROM pods") == [("a", "p2", "stale")]
    warnings = [line for line in capsys.readouterr().err.splitlines() if "views lacked a committed run" in line]
    assert len(warnings) == 1
    assert "run-2" in warnings[0]


def test_tasks_that_commit_together_are_all_shown(on_bigquery: OnBigQuery) -> None:
    names = [f"c{number}" for number in range(6)]

    def task(number: int) -> bool:
        rows = run_of(1, Read(names[number], ["x"], ["p"]), listed=names, by=Attempt(task=number, tasks=6))
        return publish(on_bigquery.open(stop=Stop()), rows, run_id="run-1", task=number)  # the id in the rows

    on_bigquery.open().apply()
    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(task, range(6)))
    assert on_bigquery.rows(PODS) == [(name, "p") for name in names]
    times = times_of(on_bigquery.open())
    assert len(times[DECIDING]) == 6
    assert all(times[name] >= times[DECIDING] for name in OTHERS)


@pytest.mark.exhaustive
def test_what_no_view_needs_is_forgotten_and_what_is_added_meanwhile_is_not(
    on_bigquery: OnBigQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 6):
        on_bigquery.publish(str(number), run_of(number, Read("a", ["x"], [f"p{number}"])))
    opened = on_bigquery.open()
    times = times_of(opened)
    assert len(times[DECIDING]) == 2  # the last two readings
    assert set(times.values()) == {times[DECIDING]}
    assert on_bigquery.rows(PODS) == [("a", "p5")]

    needed, meanwhile = PresentViews.needed_times, []

    def asked(sink: PresentViews) -> list[datetime]:
        found = needed(sink)
        if not meanwhile:
            meanwhile.append("7")
            on_bigquery.publish("7", run_of(7, Read("b", ["x"], ["q"]), listed=["a", "b"]))
        return found

    monkeypatch.setattr(PresentViews, "needed_times", asked)
    on_bigquery.publish("6", run_of(6, Read("a", ["x"], ["p6"]), listed=["a", "b"]))
    assert meanwhile == ["7"]
    assert on_bigquery.rows(PODS) == [("a", "p6"), ("b", "q")]
    times = times_of(opened)
    assert all(times[name] >= times[DECIDING] for name in OTHERS)
