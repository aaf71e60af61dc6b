"""Views of the present read recent rows alone, and show the same as if they read all of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random

import duckdb
import pytest
from made import made_file
from warehouse import Attempt, Read, publish, run_of

from job.sinks.duckdb import DuckDBSink
from job.sinks.duckdb import recent as recent_times
from job.tables import Key, Record
from job.views.recent import RECENT, Recent, parse, query_for_bigquery, query_for_duckdb

SEEDS = range(int(os.environ.get("RECENT_EXAMPLES", "1")))
PRESENT = ("coverage", "latest_snapshots", "latest_collections", "last_two_readings", "pods", "changes")
Rows = list[tuple[Key, Record]]


def history(random: Random, steps: int) -> Iterator[tuple[Rows, list[str]]]:
    """Commits in the order in which they happen: the rows of each, and the tables that it was killed before."""
    ids = {"a": 1, "b": 1, "c": 1}
    there = {"a", "b"}
    late: list[Rows] = []
    for number in range(1, steps + 1):
        for name in ids:
            if random.random() < 0.15:
                there ^= {name}
                ids[name] += name in there
        tasks = random.choice((1, 1, 2))
        given_up = random.random() < 0.15
        config = random.choice("001")
        outcome = random.choice(("ok", "ok", "ok", "partial", "forbidden"))
        left_out = {random.choice("abc")} if random.random() < 0.3 else set()
        for task in range(tasks - given_up * (tasks > 1)):
            read = [
                Read(
                    name,
                    random.choice((["x"], ["x"], "forbidden", "off")),
                    random.choice((["p1"], ["p1", f"p{number}"], "forbidden", "off")),
                    cluster_id=f"{name}{ids[name]}",
                )
                for name in sorted(there - left_out)
                if outcome != "forbidden" and sorted(there).index(name) % tasks == task
            ]
            by = Attempt(task=task, tasks=tasks)
            rows = run_of(number, *read, listed=sorted(there), outcome=outcome, by=by, config=config)
            if random.random() < 0.1:
                late.append(rows)
            else:
                yield rows, ["runs"] if random.random() < 0.1 else []
        if late and random.random() < 0.5:
            yield late.pop(), []


@pytest.mark.parametrize("seed", SEEDS)
def test_recent_rows_show_the_same_as_all_rows(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_times, "_is_due", lambda later, listed: True)
    sink, committed = DuckDBSink(Path(shutil.copy(made_file(), tmp_path / "x.duckdb")), timeout_seconds=5), 0
    for number, (rows, missing) in enumerate(history(Random(seed), 16)):
        publish(sink, rows, without=missing, run_id=f"commit-{number}")
        committed += not missing
        if number % 5 == 4:
            recent, everything = shown(sink.path)
            for view in PRESENT:
                assert recent[view] == everything[view], (number, view)
    with duckdb.connect(str(sink.path)) as connection:
        read = recent_times.recent(connection)
    assert read.since is not None
    assert 0 < len(read.times) < committed


def shown(path: Path) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """What the views show, and what they would if nothing bounded them."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("BEGIN")  # for one clock, and never committed
        recent = {view: sorted(map(str, connection.execute(f"FROM {view}").fetchall())) for view in PRESENT}
        for name in RECENT:
            connection.execute(f"CREATE OR REPLACE VIEW {name} AS {query_for_duckdb(name, Recent(None))}")
        everything = {view: sorted(map(str, connection.execute(f"FROM {view}").fetchall())) for view in PRESENT}
    return recent, everything


@pytest.mark.parametrize("since", [None, 50])
@pytest.mark.parametrize("number", [0, 1, 40])
def test_what_a_view_reads_can_be_read_from_its_query(number: int, since: int | None) -> None:
    times = [run_of(run)[0][0].snapshot_time for run in range(60)]
    recent = Recent(since and times[since], frozenset(times[:number]) if since else frozenset())
    assert parse(query_for_bigquery("raw_recent_pods", "p.d", recent)) == recent
    assert [time for time in times if recent.reads(time)] == (times[:number] + times[50:] if since else times)
    assert recent.with_times(times[45:46]).reads(times[45])
