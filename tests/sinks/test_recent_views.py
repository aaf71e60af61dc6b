"""The views of recent rows in BigQuery: every commit is shown, whoever writes at the same time or dies in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec
import pytest
from sinks.conftest import OnBigQuery
from warehouse import Attempt, Read, publish, run_of

from job.signals import Stop
from job.sinks.bigquery import BigQuerySink, recent
from job.sinks.bigquery.present import PresentViews
from job.sinks.bigquery.recent import DECIDING, OTHERS, RecentViews
from job.tables import Key, Record
from job.views.recent import RECENT, Recent, parse

PODS = "SELECT cluster, name FROM pods ORDER BY 1, 2"


def times_of(sink: BigQuerySink) -> dict[str, frozenset[datetime]]:
    """The times in each view, of rows earlier than those that all are read of."""
    return {name: parse(sink._client.get_table(f"{sink.name}.{name}").view_query).times for name in RECENT}


@pytest.fixture
def on_bigquery(on_bigquery: OnBigQuery) -> Iterator[OnBigQuery]:
    """With views that read all rows of the last hours. Those of these tests are earlier, unless a test says so."""
    opened = on_bigquery.open
    on_bigquery.open = partial(opened, recent_hours=6)
    rewrite(opened(), Recent(datetime.now(UTC) - timedelta(hours=3)))
    yield on_bigquery
    rewrite(opened(), Recent(datetime(2000, 1, 1, tzinfo=UTC)))


def rewrite(sink: BigQuerySink, recent: Recent) -> None:
    """Makes all views read these rows."""
    views = sink.present._recent
    for name in (*OTHERS, DECIDING):
        views._write(views._get(name), recent)


def let_hours_pass(sink: BigQuerySink) -> None:
    """So many that the next commit moves the views on."""
    views = sink.present._recent
    found = parse(views._get(DECIDING).view_query)
    assert found.since is not None
    rewrite(sink, found._replace(since=found.since - timedelta(hours=4)))


def ended_now(rows: Sequence[tuple[Key, Record]]) -> list[tuple[Key, Record]]:
    """The rows of a run that took until now."""
    *others, (key, run) = rows
    return [*others, (key, msgspec.structs.replace(run, finished_at=datetime.now(UTC)))]


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
            on_bigquery.publish("run-2", ended_now(run_of(2, Read("a", ["x"], ["p2"]))))
    assert on_bigquery.rows(PODS) == [("a", "p1")]
    assert [commit.run_id for commit in on_bigquery.open().present.lost_commits()] == ["run-2"]
    monkeypatch.setattr(recent, "_CLAIM_SECONDS", 0)
    let_hours_pass(on_bigquery.open())
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
        let_hours_pass(on_bigquery.open())
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
    let_hours_pass(opened)
    on_bigquery.publish("6", run_of(6, Read("a", ["x"], ["p6"]), listed=["a", "b"]))
    assert meanwhile == ["7"]
    assert on_bigquery.rows(PODS) == [("a", "p6"), ("b", "q")]
    times = times_of(opened)
    assert all(times[name] >= times[DECIDING] for name in OTHERS)


def test_a_commit_of_the_last_hours_writes_no_view(on_bigquery: OnBigQuery) -> None:
    views = on_bigquery.open().present._recent
    before = [views._get(name).etag for name in RECENT]
    on_bigquery.publish("1", run_of(1, Read("a", ["x"], ["p1"]), by=Attempt(time=datetime.now(UTC))))
    assert on_bigquery.rows(PODS) == [("a", "p1")]
    assert [views._get(name).etag for name in RECENT] == before


def test_views_that_are_moved_on_read_what_tasks_may_yet_commit(on_bigquery: OnBigQuery) -> None:
    long = datetime.now(UTC) - timedelta(hours=2)  # a quarter of the hours is less: another task may be moving them on
    on_bigquery.publish("1", run_of(1, Read("a", ["x"], ["p1"]), by=Attempt(time=long)))
    assert times_of(on_bigquery.open())[DECIDING] == {long}
    let_hours_pass(on_bigquery.open())
    on_bigquery.publish("2", run_of(2, Read("b", ["x"], ["p2"]), listed=["a", "b"], by=Attempt(time=datetime.now(UTC))))
    moved = parse(on_bigquery.open().present._recent._get(DECIDING).view_query)
    assert moved.since is not None
    assert timedelta(hours=2.9) < datetime.now(UTC) - moved.since < timedelta(hours=3.1)
    assert moved.times == frozenset()
    assert on_bigquery.rows(PODS) == [("a", "p1"), ("b", "p2")]
