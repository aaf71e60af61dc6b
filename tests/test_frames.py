"""What a notebook calls: views, histories, moments and changes as DataFrames, of some columns and rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from made import sink_at
from warehouse import FIRST, Read, node, pod, publish, run_of

import job
from job import as_of, bytes_of, changes, frames, history, latest, query
from job.config import load_config
from job.errors import ConfigError, NotFoundError, SinkError
from job.sinks.open_sink import open_warehouse


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two readings of one cluster."""
    address = sink_at(tmp_path_factory.mktemp("frames") / "x.duckdb")
    opened = open_warehouse(load_config(projects=["p"], sink=address))
    first = Read("a", ["x"], ["p1", "it's"], more={"nodes": [node("gone")]})
    second = Read("a", ["x"], [pod("p1", restarts=3, node="n1"), pod("p2")], more={"nodes": [node("new")]})
    for number, read in enumerate((first, second), 1):
        publish(opened, run_of(number, read), run_id=f"run-{number}")
    return address


def test_latest_has_the_columns_and_rows_that_are_asked_for(sink: str) -> None:
    found = latest("pods", columns=["name", "restarts"], where={"name": ["p1", "p2"], "restarts": 3}, sink=sink)
    assert found.to_dict("list") == {"name": ["p1"], "restarts": [3]}
    assert latest("pods", columns=["name"], where="restarts > 2 -- many", sink=sink)["name"].tolist() == ["p1"]


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ({"node": None}, ["p2"]),
        ({"node": ["n1", None]}, ["p1", "p2"]),
        ({"node": []}, []),
        ({"restarts": np.int64(3)}, ["p1"]),
        ({"host_network": np.False_, "snapshot_time": FIRST + timedelta(hours=2)}, ["p1", "p2"]),
        ({"name": "p1' OR 'a' = 'a"}, []),
        ({"name": "\\"}, []),
    ],
)
def test_a_mapping_chooses_rows(sink: str, where: dict[str, Any], names: list[str]) -> None:
    assert sorted(latest("pods", columns=["name"], where=where, sink=sink)["name"]) == names


def test_history_has_every_reading_and_as_of_what_was_known(sink: str) -> None:
    names = history("pods", columns=["name"], sink=sink)["name"].tolist()
    assert sorted(names) == ["it's", "p1", "p1", "p2"]
    assert history("pods_history", where={"name": "it's"}, sink=sink)["restarts"].tolist() == [0]
    then = FIRST + timedelta(hours=1, minutes=30)
    assert sorted(as_of("pods", then, columns=["name"], sink=sink)["name"]) == ["it's", "p1"]
    assert sorted(as_of("pods", "2026-01-01 02:30", columns=["name"], sink=sink)["name"]) == ["p1", "p2"]
    assert len(as_of("pods", "2026-01-01T01:30:00+05:00", sink=sink)) == 0


def test_changes_are_those_of_the_last_two_readings_or_between_two_moments(sink: str) -> None:
    columns = ["name", "change"]
    for found in (
        changes(columns=columns, where={"kind": "Node"}, sink=sink),
        changes("2026-01-01 01:30", "2026-01-01 02:30", columns=columns, where="kind = 'Node'", sink=sink),
    ):
        assert sorted(map(tuple, found.to_numpy())) == [("gone", "removed"), ("new", "added")]
    assert len(changes(FIRST - timedelta(days=2), FIRST - timedelta(days=1), sink=sink)) == 0


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda sink: latest("podz", sink=sink), "no view 'podz'; did you mean 'pods'?"),
        (lambda sink: latest("pods", columns=["nmae"], sink=sink), "no column of pods 'nmae'; did you mean 'name'?"),
        (lambda sink: latest("pods", columns=["1; DROP"], sink=sink), "no column of pods '1; DROP'; there are: "),
        (lambda sink: latest("pods", where={"Name": 1}, sink=sink), "no column of pods 'Name'; did you mean 'name'?"),
        (lambda sink: history("pod", sink=sink), "no history of 'pod'; did you mean 'pods'?"),
        (lambda sink: as_of("pods_history", "2026-01-01", sink=sink), "no function as_of of a view 'pods_history'"),
        (lambda sink: as_of("pods", "soon", sink=sink), "'soon' is not a moment; write 2026-01-31 10:00, in UTC"),
        (lambda sink: changes(until="2026-01-01", sink=sink), "changes: `until` needs `since`"),
        (lambda sink: latest("pods", columns="name", sink=sink), "columns: write a list, such as ['name']"),
        (lambda sink: latest("pods", where={"name": object()}, sink=sink), "where: a mapping cannot compare with obj"),
    ],
)
def test_what_cannot_be_asked_is_an_error_that_says_what_can(sink: str, ask: Any, message: str) -> None:
    with pytest.raises((NotFoundError, ConfigError)) as error:
        ask(sink)
    assert str(error.value).startswith(message)


def test_frames_are_the_same_without_pyarrow(sink: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_arrow = latest("pods", where={"name": "p1"}, sink=sink)
    monkeypatch.setattr(frames, "find_spec", lambda name: None)
    without = latest("pods", where={"name": "p1"}, sink=sink)
    ages = [name for name in without if name.endswith("age_seconds")]
    assert without.drop(columns=ages).equals(with_arrow.drop(columns=ages))


def test_bigquery_is_asked_the_same_and_its_bytes_are_said_before_they_are_billed(
    configured_task: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    where = {"name": "it's \\ \"", "restarts": [1, None], "snapshot_time": FIRST, "host_network": False}
    for found in (
        latest("pods", columns=["name", "labels"], where=where),
        as_of("pods", "2026-01-01", columns=["name", "labels"], where=where),
    ):
        assert list(found.columns) == ["name", "labels"]
        assert len(found) == 0
    assert changes("2026-01-01", columns=["name"]).empty
    sql = "SELECT run_id FROM runs"
    count = bytes_of(sql)
    assert isinstance(count, int)
    assert "large query" not in capsys.readouterr().err
    monkeypatch.setattr(frames, "_SAID_FROM", 0)
    query(sql)
    assert f'"message": "large query", "reads": "{count} B", "bytes": {count}' in capsys.readouterr().err
    monkeypatch.setattr(frames, "_SAID_FROM", 1 << 60)
    with pytest.raises(SinkError, match=r"exceeded limit for bytes billed: 1\."):
        latest("pods", maximum_bytes=1)


def test_the_package_shows_its_public_names() -> None:
    assert dir(job) == sorted(job.__all__)
    assert {"latest", "history", "as_of", "changes", "query", "snapshot", "__version__"} <= set(dir(job))
    assert job.__version__.count(".") == 2
