"""What a notebook calls: views, histories, moments and changes as DataFrames, of some columns and rows."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made import sink_at
from warehouse import FIRST, Read, node, pod, publish, run_of

import job
from job import as_of, bytes_of, changes, frames, history, latest, query
from job.config import load_config
from job.errors import ConfigError, NotFoundError, QueryError, SinkError
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
        *(({"node": missing}, ["p2"]) for missing in (float("nan"), np.float32("nan"), pd.NA, pd.NaT, Decimal("nan"))),
        ({"node": np.datetime64("NaT")}, ["p2"]),
        ({"node": pd.Series(["n1", None, float("nan")], dtype="object")}, ["p1", "p2"]),
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


@pytest.mark.parametrize("make", [lambda text: date.fromisoformat(text[:10]), np.datetime64, pd.Timestamp])
def test_dates_and_the_times_of_numpy_and_pandas_are_moments(sink: str, make: Any) -> None:
    assert len(as_of("pods", make("2026-01-01"), sink=sink)) == 0
    assert sorted(as_of("pods", make("2026-01-02"), columns=["name"], sink=sink)["name"]) == ["p1", "p2"]
    assert changes(make("2026-01-01"), make("2026-01-02"), where={"kind": "Node"}, sink=sink).empty


@pytest.mark.parametrize("make", [pd.Index, np.array, tuple, iter])
def test_columns_are_any_names_in_an_order(sink: str, make: Any) -> None:
    assert list(latest("pods", columns=make(["name", "node"]), sink=sink)) == ["name", "node"]


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
        (lambda sink: latest("pods", where={"name": "\ud800"}, sink=sink), "where: '\\ud800' has half of a surrogate"),
        (lambda sink: latest("pods", where=5, sink=sink), "where: write a mapping of columns to values, or a cond"),
        (lambda sink: latest("pods", where=[("a", 1)], sink=sink), "where: write a mapping of columns to values, or"),
        (lambda sink: latest("pods", columns=[], sink=sink), "columns: the list is empty; leave `columns` out for all"),
        (lambda sink: latest("pods", columns=5, sink=sink), "columns: write a list of names, not int"),
        (lambda sink: latest("pods", columns=[["name"]], sink=sink), "no column of pods ['name']; did you mean 'name'"),
        (lambda sink: latest(["pods"], sink=sink), "no view ['pods']; did you mean 'pods'?"),
        (lambda sink: history(None, sink=sink), "no history of None; there are: "),
        (lambda sink: latest("pods", sink=5), "sink: write its address as text, not int"),
        (lambda sink: bytes_of("SELECT 1", sink=5), "sink: write its address as text, not int"),
        (
            lambda sink: latest("pods", sink=sink, config=5),
            "config: write a configuration or the path of its file, not",
        ),
    ],
)
def test_what_cannot_be_asked_is_an_error_that_says_what_can(sink: str, ask: Any, message: str) -> None:
    with pytest.raises((NotFoundError, ConfigError)) as error:
        ask(sink)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    "moment", [None, 5, np.int64(5), pd.NaT, np.datetime64("NaT"), np.datetime64("20000-01-01"),
               "0001-01-01T00:00+14:00", "9999-12-31T23:59:59-14:00"],
)  # fmt: skip
def test_what_is_no_moment_is_refused(sink: str, moment: Any) -> None:
    with pytest.raises(ConfigError, match="is not a moment"):
        as_of("pods", moment, sink=sink)


@pytest.mark.parametrize("place", ["duckdb", "bigquery://nowhere.nothing"])
@pytest.mark.parametrize("most", ["x", -1, 0, 1.5, True])
def test_a_bound_of_bytes_is_a_whole_number_on_both_engines(sink: str, place: str, most: Any) -> None:
    with pytest.raises(ConfigError, match=r"^maximum_bytes: write a whole number of at least 1, not "):
        latest("pods", maximum_bytes=most, sink=sink if place == "duckdb" else place)


@pytest.mark.parametrize("sql", ["SELECT '\ud800'", None, b"SELECT 1"])
def test_a_query_that_is_no_text_is_refused(sink: str, sql: Any) -> None:
    for ask in (query, bytes_of):
        with pytest.raises(QueryError, match=r"half of a surrogate pair|write a query as text"):
            ask(sql, sink=sink)
    with pytest.raises(QueryError, match="half of a surrogate pair"):
        latest("pods", where="name = '\ud800'", sink=sink)


def test_parquet_takes_labels_as_text(sink: str, tmp_path: Path) -> None:
    found = latest("pods", sink=sink)
    for name in ("labels", "annotations"):
        found[name] = found[name].map(json.dumps, na_action="ignore")
    found.to_parquet(tmp_path / "pods.parquet")
    assert pd.read_parquet(tmp_path / "pods.parquet")["annotations"].tolist() == ["{}", "{}"]


VALUES = {
    "340282366920938463463374607431768211455::UHUGEINT": 2**128 - 1,
    "7::UHUGEINT": 7,
    "[340282366920938463463374607431768211455::UHUGEINT, NULL]": (2**128 - 1, None),
    "{'a': 7::HUGEINT}": {"a": 7},
    "'3f333df6-90a4-4fda-8dd3-9485d27cee36'::UUID": "3f333df6-90a4-4fda-8dd3-9485d27cee36",
    "['3f333df6-90a4-4fda-8dd3-9485d27cee36'::UUID]": ("3f333df6-90a4-4fda-8dd3-9485d27cee36",),
    "'1010'::BIT": "1010",
    "'12:34:56+02'::TIMETZ": "12:34:56+02",
    "[INTERVAL '1 month']": ("1 month",),
    "{'INTERVAL': [INTERVAL '1 day']}": {"INTERVAL": ("1 day",)},
    "MAP {'a': TIME_NS '12:00:00.123456789'}": {"a": "12:00:00.123456789"},
    "TIMESTAMP_NS '2026-01-31 10:00:00.123456789'": pd.Timestamp("2026-01-31 10:00:00.123456789"),
    "TIMESTAMP_S '2026-01-31 10:00:00'": pd.Timestamp("2026-01-31 10:00:00"),
    "DATE '9999-12-31'": date(9999, 12, 31),
    "NULL::DATE": None,
    "[NULL::STRUCT(key VARCHAR, value VARCHAR)]": (None,),
    "[{'key': 'a', 'value': 'b'}, {'key': 'a', 'value': 'c'}]": (
        {"key": "a", "value": "b"}, {"key": "a", "value": "c"},
    ),
    "'{\"a\":1}'::VARIANT": '{"a":1}',
}  # fmt: skip


@pytest.mark.parametrize("written", VALUES)
def test_values_are_the_same_without_pyarrow(sink: str, written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_arrow = query(f"SELECT {written} AS x", sink=sink)
    assert with_arrow["x"].tolist() == [VALUES[written]]
    monkeypatch.setattr(frames, "find_spec", lambda name: None)
    without = query(f"SELECT {written} AS x", sink=sink)
    pd.testing.assert_frame_equal(with_arrow, without)
    assert type(with_arrow["x"][0]) is type(without["x"][0])


BEYOND = [
    "DATE 'infinity'", "DATE '-infinity'", "DATE '12000-01-01'", "TIMESTAMPTZ 'infinity'", "TIMESTAMPTZ '-infinity'",
    "TIMESTAMPTZ '12000-01-01 00:00:00+00'", "TIMESTAMP 'infinity'", "TIMESTAMP '-infinity'",
]  # fmt: skip


@pytest.mark.parametrize("written", [*BEYOND, "[DATE 'infinity']"])
def test_a_time_that_python_lacks_is_refused(sink: str, written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(QueryError, match=r"infinite, or beyond the years 1 to 9999.*VARCHAR"):
        query(f"SELECT {written}", sink=sink)
    monkeypatch.setattr(frames, "find_spec", lambda name: None)
    if written in BEYOND:
        with pytest.raises(QueryError, match=r"infinite, or beyond the years 1 to 9999.*VARCHAR"):
            query(f"SELECT {written}; ", sink=sink)


def test_the_first_and_last_times_of_python_are_times(sink: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sql = "SELECT TIMESTAMP '0001-01-01' AS a, 1 AS a, TIMESTAMPTZ '9999-12-31 23:59:59.999999+00' AS b"
    with_arrow = query(sql, sink=sink)
    monkeypatch.setattr(frames, "find_spec", lambda name: None)
    pd.testing.assert_frame_equal(with_arrow, query(sql, sink=sink))
    assert with_arrow["b"].dt.year.tolist() == [9999]


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
