"""DataFrames have the same values and types from both engines, and from DuckDB with Arrow and without."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from sinks.conftest import OnBigQuery, OnDuckDB, Subject
from warehouse import Read, pod, run_of

from job.dataframe import FrozenDict, for_excel, from_arrow, from_rows
from job.sinks.protocol import Warehouse
from job.tables.record import KeyValue


def rows_frame(opened: Warehouse, sql: str) -> pd.DataFrame:
    with opened.stream(sql) as answer:
        return from_rows(answer)


def arrow_frame(opened: Warehouse, sql: str) -> pd.DataFrame:
    answer = opened.arrow(sql)
    assert answer is not None
    return from_arrow(answer)


VALUES = (
    "SELECT 1 AS n, 1.5 AS half, TRUE AS yes, 'a' AS word, CAST('1.5' AS {numeric}) AS exact, "
    "TIMESTAMP '2026-01-02 03:04:05.000006+00' AS at, DATE '2026-01-02' AS day, [1, 2] AS numbers, "
    "INTERVAL '5' MONTH AS months, 2 AS n, {struct} AS part UNION ALL SELECT "
    "NULL, NULL, NULL, NULL, NULL, NULL, NULL, [], NULL, NULL, NULL ORDER BY 1"
)


def test_all_types_are_what_they_are_however_they_arrive(on_duckdb: OnDuckDB) -> None:
    sql = VALUES.format(numeric="DECIMAL(9, 2)", struct="{'zone': 'a', 'counts': [3]}")
    sql = sql.replace("1.5 AS half", "CAST(1.5 AS DOUBLE) AS half").replace("TIMESTAMP '", "TIMESTAMPTZ '")
    found = arrow_frame(on_duckdb.open(), sql)
    pd.testing.assert_frame_equal(found, rows_frame(on_duckdb.open(), sql))
    assert list(found.columns) == [
        "n", "half", "yes", "word", "exact", "at", "day", "numbers", "months", "n", "part",
    ]  # fmt: skip
    assert [str(dtype) for dtype in found.dtypes] == [
        "Int64", "Float64", "boolean", "string", "object", "datetime64[us, UTC]", *["object"] * 3, "Int64", "object",
    ]  # fmt: skip
    first, second = found.to_numpy().tolist()
    assert first == [
        1, 1.5, True, "a", Decimal("1.5"), datetime(2026, 1, 2, 3, 4, 5, 6, UTC), date(2026, 1, 2), (1, 2),
        pd.DateOffset(months=5, days=0, nanoseconds=0), 2, {"zone": "a", "counts": (3,)},
    ]  # fmt: skip
    assert [pd.isna(value) for value in second if value != ()] == [True] * 10


def test_the_same_values_come_from_bigquery(on_bigquery: OnBigQuery) -> None:
    opened = on_bigquery.open()
    assert opened.arrow("SELECT 1") is None
    sql = (
        "SELECT 1 AS n, TRUE AS yes, 'a' AS word, CAST('1.5' AS NUMERIC) AS exact, DATE '2026-01-02' AS day, "
        "TIMESTAMP '2026-01-02 03:04:05.000006+00' AS at, [1, 2] AS numbers"
    )
    found = rows_frame(opened, sql)
    assert [str(dtype) for dtype in found.dtypes] == [
        "Int64", "boolean", "string", "object", "object", "datetime64[us, UTC]", "object",
    ]  # fmt: skip
    assert found.to_numpy().tolist() == [
        [1, True, "a", Decimal("1.5"), date(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5, 6, UTC), (1, 2)]
    ]


def test_an_answer_without_rows_has_the_types(on_duckdb: OnDuckDB) -> None:
    sql = "SELECT * FROM pods"
    found = arrow_frame(on_duckdb.open(), sql)
    pd.testing.assert_frame_equal(found, rows_frame(on_duckdb.open(), sql))
    assert len(found) == 0
    assert str(found["created_at"].dtype) == "datetime64[us, UTC]"


def test_what_is_no_query_is_answered_all_the_same(on_duckdb: OnDuckDB) -> None:
    found = arrow_frame(on_duckdb.open(), "DESCRIBE pods")
    assert "read_status" in found["column_name"].tolist()


def labelled(subject: Subject) -> pd.DataFrame:
    def pairs(**labels: str) -> tuple[KeyValue, ...]:
        return tuple(KeyValue(key=key, value=value) for key, value in labels.items())

    web = pairs(app="web", team="shop")
    pods = [pod("p1", labels=web), pod("p2", labels=web), pod("p3", labels=pairs(app="db")), pod("p4")]
    subject.publish("r", run_of(1, Read("a", ["x"], pods)))
    sql = "SELECT name, labels, unparsed_quantities, created_at, snapshot_time FROM raw_pods ORDER BY name"
    opened = subject.open()
    return rows_frame(opened, sql) if isinstance(subject, OnBigQuery) else arrow_frame(opened, sql)


def test_labels_can_be_grouped_and_counted(subject: Subject) -> None:
    found = labelled(subject)
    assert found["labels"].nunique() == 3
    assert found.groupby("labels").size().to_dict() == {
        FrozenDict(): 1, FrozenDict(app="db"): 1, FrozenDict(app="web", team="shop"): 2,
    }  # fmt: skip
    assert found["labels"].str.get("app").tolist() == ["web", "web", "db", None]
    assert found.groupby(found["labels"].str.get("team"))["name"].count().to_dict() == {"shop": 2}
    assert len(found.drop_duplicates("labels")) == 3
    assert set(found["unparsed_quantities"]) == {()}


def test_labels_cannot_be_changed_and_can_be_copied(on_duckdb: OnDuckDB) -> None:
    found = labelled(on_duckdb)
    labels = found["labels"][0]
    with pytest.raises(TypeError, match=r"cannot be changed"):
        labels["app"] = "other"
    with pytest.raises(TypeError, match=r"cannot be changed"):
        labels |= {"app": "other"}
    for other in (copy.deepcopy(labels), pickle.loads(pickle.dumps(labels))):
        assert (other, hash(other)) == (labels, hash(labels))
    assert dict(labels) | {"app": "other"} == {"app": "other", "team": "shop"}


def test_excel_gets_times_without_a_zone_and_no_formula(on_duckdb: OnDuckDB, tmp_path: Path) -> None:
    found = labelled(on_duckdb).assign(message=pd.Series(["=1+1", "a\x1b[2J", None, "b"], dtype="string"))
    with pytest.raises(ValueError, match="timezone"):
        found.to_excel(tmp_path / "x.xlsx")
    for_excel(found).to_excel(tmp_path / "x.xlsx", index=False)
    back: dict[str, list[Any]] = pd.read_excel(tmp_path / "x.xlsx").to_dict("list")
    assert back["message"][:2] == ["'=1+1", "a\\x1b[2J"]
    assert back["labels"][0] == '{"app":"web","team":"shop"}'
    assert back["snapshot_time"][0] == pd.Timestamp("2026-01-01 01:00:00")
    assert str(found["snapshot_time"].dtype) == "datetime64[us, UTC]"


def test_excel_gets_no_formula_in_categories_names_and_indexes(tmp_path: Path) -> None:
    zone = pd.to_datetime(["2026-01-01"] * 2, utc=True)
    found = pd.DataFrame(
        {
            "=cmd()": ["a", "b"], "word": pd.Categorical(["=1+1", None]), "count": pd.Categorical([1, 2]),
            "when": pd.Categorical(zone), "mixed": pd.Series([zone[0], "@x"], dtype="object"),
        },
        index=pd.Index(["=2", "+3"], name="-name"),
    )  # fmt: skip
    pivoted = found.assign(at=zone).reset_index().pivot_table(
        index=["-name", "=cmd()", "at"], columns=["mixed", "word"], values="count", aggfunc="size", observed=False,
        dropna=False,
    )  # fmt: skip
    for number, frame in enumerate((found, found.set_index(zone), found.set_index("word"), pivoted, found.T)):
        before = frame.copy()
        for_excel(frame).to_excel(tmp_path / f"{number}.xlsx")
        pd.testing.assert_frame_equal(frame, before)
        sheet = openpyxl.load_workbook(tmp_path / f"{number}.xlsx").active
        assert [cell.value for row in sheet.iter_rows() for cell in row if cell.data_type == "f"] == []
    written = for_excel(found)
    assert written.index.tolist() == ["'=2", "'+3"]
    assert written.columns[0] == "'=cmd()"
    assert written["count"].tolist() == [1, 2]
