"""What may go when it grows old, on both sinks: nothing that a view shows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from warehouse import FIRST, Read, publish, rows, run_of

from job.sinks.duckdb import DuckDBSink
from job.sinks.protocol import Sink
from job.tables import TABLES
from job.views import views


@pytest.fixture(params=["duckdb", "bigquery"])
def sink(request: pytest.FixtureRequest, tmp_path: Path) -> Sink:
    if request.param == "duckdb":
        return DuckDBSink(tmp_path / "w.duckdb", timeout_seconds=5)
    return request.getfixturevalue("open_sink")()


HISTORY = {"committed_attempts", "committed_runs", "project_lists", "changes"}
"""What these views show of runs of which nothing else is shown may go."""


def shown(sink: Sink) -> dict[str, list[str]]:
    """What every view shows, but for ages."""
    told = {}
    for view in views():
        if view.name not in HISTORY:
            found = sink.query(f"SELECT * FROM {view.name}")
            kept = [index for index, (name, _) in enumerate(found.columns) if not name.endswith("age_seconds")]
            told[view.name] = sorted(str([row[index] for index in kept]) for row in found.rows)
    return told


def test_old_rows_go_and_the_views_do_not_notice(sink: Sink) -> None:
    sink.apply()
    publish(sink, run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"]), Read("c", ["x"], ["r1"])))
    publish(sink, run_of(2, Read("a", ["x"], ["p2"]), Read("b", ["x"], ["q2"])))  # c is gone
    publish(sink, run_of(3, Read("a", ["x"], "forbidden"), Read("b", "timed_out", "timed_out")))
    publish(sink, run_of(4, Read("a", ["x", "y"], "forbidden"), listed=["a", "b"]))  # b was not collected
    publish(sink, run_of(5, listed=[], outcome="forbidden"))
    before = shown(sink)
    cutoff = FIRST + timedelta(hours=6)
    would = sink.prune(cutoff, dry_run=True)
    assert shown(sink) == before
    assert sink.prune(cutoff, dry_run=False) == would
    assert shown(sink) == before
    # the first run is shown by nothing; the second carries pods forward
    assert rows(sink, "SELECT name FROM pods ORDER BY 1") == [("p2",), ("q2",)]
    assert would["pods"] == 3
    assert sink.prune(cutoff, dry_run=False) == dict.fromkeys(TABLES, 0)


def test_what_is_younger_stays(sink: Sink) -> None:
    sink.apply()
    for number in (1, 2, 3):
        publish(sink, run_of(number, Read("a", ["x"], [f"p{number}"])))
    sink.prune(FIRST + timedelta(hours=2), dry_run=False)
    assert rows(sink, "SELECT name FROM pods ORDER BY 1") == [("p2",), ("p3",)]
