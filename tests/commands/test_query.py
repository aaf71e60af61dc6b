"""`query`: where the SQL comes from, where the answer goes, and that no format loses a value."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from made import made_file, sink_at

from job.cli import cli
from job.commands.answer import Form, Rows, write_answer
from job.errors import ConfigError, InventoryError, QueryError
from job.sinks.duckdb import DuckDBSink
from job.sinks.protocol import Answer

VALUES = """
SELECT TIMESTAMPTZ '2026-01-02 03:04:05.000006+00' AS moment, 12345678901234567890.123456789::DECIMAL(38, 9) AS cores,
  INTERVAL '1 month 2 days 3.000004 seconds' AS span, '' AS empty, NULL AS missing, 'a,"b"' AS name, true AS name,
  [1.10::DECIMAL(4, 2)] AS list, 1e300 AS large, 'nan'::DOUBLE AS odd, 'abc'::BLOB AS raw,
  sum(9223372036854775807) AS total
FROM range(2)
"""
NAMES = [
    "moment", "cores", "span", "empty", "missing", "name", "name_2", "list", "large", "odd", "raw", "total"
]  # fmt: skip


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> str:
    return sink_at(tmp_path_factory.mktemp("query") / "x.duckdb")


def query(*words: str) -> None:
    cli.main(["query", *words], prog_name="gke-inventory", standalone_mode=False)


def test_csv_has_every_value_as_sql_compares_it(sink: str, capsys: pytest.CaptureFixture[str]) -> None:
    query(VALUES, "--format", "csv", "--sink", sink)
    out = capsys.readouterr().out
    names, row = csv.reader(io.StringIO(out))
    assert names == [*NAMES[:6], "name", *NAMES[7:]]
    assert ',"",,"a,""b""",true,' in out  # an empty text, and NULL
    assert row == [
        "2026-01-02 03:04:05.000006+00:00", "12345678901234567890.123456789", "1 month 2 days 00:00:03.000004", "", "",
        'a,"b"', "true", "[1.10]", "1e+300", "nan", "YWJj", "18446744073709551614",
    ]  # fmt: skip
    same = (
        f"moment = '{row[0]}' AND cores = {row[1]} AND span = INTERVAL '{row[2]}' AND isnan(odd) AND odd = '{row[9]}'"
    )
    query(f"SELECT count(*) AS n FROM ({VALUES}) AS v WHERE {same}", "--format", "csv", "--sink", sink)
    assert capsys.readouterr().out == "n\n1\n"


def test_json_has_every_value_and_every_column(sink: str, capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("json", "jsonl"):
        query(VALUES, "--format", form, "--sink", sink)
        out = capsys.readouterr().out
        found = json.loads(out, parse_float=Decimal)
        row = found[0] if form == "json" else found
        assert list(row) == NAMES
        assert row["moment"] == "2026-01-02T03:04:05.000006Z"
        assert (row["cores"], row["list"]) == (Decimal("12345678901234567890.123456789"), [Decimal("1.10")])
        assert row["span"] == "1 month 2 days 00:00:03.000004"
        assert (row["empty"], row["missing"], row["name"], row["name_2"]) == ("", None, 'a,"b"', True)
        assert (row["odd"], row["raw"], row["total"]) == ("NaN", "YWJj", 2 * (2**63 - 1))
    query("SELECT 1 AS n WHERE false", "--format", "json", "--sink", sink)
    assert capsys.readouterr().out == "[]\n"


def test_parquet_has_the_types_of_the_answer(sink: str, tmp_path: Path) -> None:
    query(VALUES, "-o", str(tmp_path / "x.parquet"), "--sink", sink)
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        found = database.execute(f"FROM '{tmp_path}/x.parquet'")
        types = [str(kind) for _, kind, *_ in found.description or ()]
        assert [name for name, *_ in found.description or ()] == NAMES
        assert types == [
            "TIMESTAMP WITH TIME ZONE", "DECIMAL(38,9)", "VARCHAR", "VARCHAR", types[4], "VARCHAR", "BOOLEAN",
            "DECIMAL(4,2)[]", "DOUBLE", "DOUBLE", "BLOB", "DECIMAL(38,0)",
        ]  # fmt: skip
        same = "moment = TIMESTAMPTZ '2026-01-02 03:04:05.000006+00' AND missing IS NULL AND empty = '' AND raw = 'abc'"
        counted = database.execute(
            f"SELECT count(*) FROM '{tmp_path}/x.parquet' WHERE {same} AND total = 18446744073709551614"
        )
        assert counted.fetchall() == [(1,)]
        assert found is not None


def test_a_whole_view_survives_parquet(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    sink = sink_at(path)
    with duckdb.connect(str(path)) as database:
        columns = "snapshot_id, snapshot_time, name, labels, ready"
        database.execute(
            "INSERT INTO raw_pods BY NAME SELECT 's' AS snapshot_id, now() AS snapshot_time, 'web' AS name, "
            "[{'key': 'a', 'value': 'b\"'}] AS labels, NULL AS ready"
        )
    query(f"SELECT {columns} FROM raw_pods", "-o", str(tmp_path / "p.parquet"), "--sink", sink)
    with duckdb.connect(str(path), read_only=True) as database:
        difference = f"(SELECT {columns} FROM raw_pods) EXCEPT FROM '{tmp_path}/p.parquet'"
        assert database.execute(difference).fetchall() == []


def test_markdown_is_one_table_whatever_the_cells_have(sink: str, capsys: pytest.CaptureFixture[str]) -> None:
    query("SELECT 'a|b<c>[d](e)' AS x, 3 AS n, NULL AS y", "--format", "markdown", "--sink", sink)
    assert capsys.readouterr().out == ("| x | n | y |\n| --- | ---: | --- |\n| a\\|b\\<c>\\[d\\](e) | 3 | NULL |\n")


def test_sql_comes_from_an_argument_a_file_stdin_or_a_name(
    sink: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "q.sql").write_text("SELECT 1 AS n -- one\n;\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT 2 AS n"))
    for words, out in (
        (["--file", str(tmp_path / "q.sql")], "n\n1\n"),
        (["-"], "n\n2\n"),
        (["SELECT 3 AS n", "-o", "-"], "n\n3\n"),
    ):
        query(*words, "--format", "csv", "--sink", sink)
        assert capsys.readouterr().out == out
    query("coverage", "--sink", sink)
    assert capsys.readouterr().out.startswith("project_id  location  cluster  resource")
    for wrong in ([], ["SELECT 1", "-f", "x"], ["-f", str(tmp_path)], ["-f", str(tmp_path / "no.sql")]):
        with pytest.raises(ConfigError):
            query(*wrong, "--sink", sink)
    with pytest.raises(QueryError, match="podz"):
        query("podz", "--sink", sink)


def test_the_limit_cuts_every_format(sink: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for form, lines in (("csv", 3), ("jsonl", 2), ("markdown", 4), ("table", 5)):
        query("SELECT range AS n FROM range(5000)", "--limit", "2", "--format", form, "--sink", sink)
        out = capsys.readouterr().out.splitlines()
        assert len(out) == lines
    assert out[-1] == "(2 of 5000 rows)"
    query("FROM range(5000)", "--limit", "3", "-o", str(tmp_path / "x.parquet"), "--sink", sink)
    with duckdb.connect() as database:
        assert database.execute(f"SELECT count(*) FROM '{tmp_path}/x.parquet'").fetchall() == [(3,)]


def test_a_file_is_replaced_by_a_whole_answer_or_not_at_all(sink: str, tmp_path: Path) -> None:
    file = tmp_path / "pods.csv"
    query("SELECT 1 AS n", "-o", str(file), "--sink", sink)
    assert file.read_text() == "n\n1\n"
    file.chmod(0o640)
    link = tmp_path / "link.csv"
    link.symlink_to(file)
    query("SELECT 2 AS n", "-o", str(link), "--sink", sink)
    assert (file.read_text(), link.is_symlink(), file.stat().st_mode & 0o777) == ("n\n2\n", True, 0o640)
    with pytest.raises(QueryError):  # in the last of many rows
        query(
            "SELECT 1 / (range - 9999)::INT AS n, error('x') FROM range(10000) WHERE range = 9999",
            "-o",
            str(file),
            "--sink",
            sink,
        )
    assert file.read_text() == "n\n2\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.csv", "pods.csv"]


@pytest.mark.parametrize("name", ["no/such/x.csv", ".", "/dev/null", "a\0b", "x" * 300])
def test_a_file_that_cannot_be_written_is_one_sentence(
    sink: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InventoryError, match=r"^cannot write the output file "):
        query("SELECT 1 AS n", "-o", name, "--sink", sink)
    assert list(tmp_path.iterdir()) == []


def test_parquet_needs_a_file(sink: str) -> None:
    with pytest.raises(ConfigError, match="needs --output FILE"):
        query("SELECT 1", "--format", "parquet", "--sink", sink)


def test_rows_are_written_while_they_arrive() -> None:
    out = io.StringIO()

    def pages() -> Iterator[list[tuple[Any, ...]]]:
        for number in range(3):
            assert out.getvalue().count("\n") in (number, number + 1)  # with the names of the columns, in CSV
            yield [(number,)]

    for form in ("csv", "jsonl"):
        out.seek(0)
        out.truncate()
        write_answer(Rows(Answer((("n", "INT64"),), pages())), Form(form), out)
    with DuckDBSink(made_file(), timeout_seconds=5).stream("SELECT range FROM range(100000)") as answer:
        assert max(map(len, answer.pages)) <= 2048


def test_a_reader_that_has_enough_ends_the_query(sink: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Head(io.StringIO):
        error: OSError | None = None

        def write(self, text: str) -> int:
            if self.tell() > 100:
                self.error = BrokenPipeError()
            return super().write(text)

    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out := Head())
        query("FROM range(10000000)", "--format", "csv", "--sink", sink)
    assert len(out.getvalue()) < 100_000


def test_an_answer_that_somebody_reads_slowly_keeps_no_run_from_the_file(
    sink: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sink.removeprefix("duckdb:///")

    class Pager(io.StringIO):
        def write(self, text: str) -> int:
            if not self.tell():
                duckdb.connect(path).close()  # for writing
            return super().write(text)

    monkeypatch.setattr(sys, "stdout", pager := Pager())
    query("SELECT i FROM range(5000) AS t(i)", "--sink", sink)
    assert pager.getvalue().endswith("(5000 rows)\n")


def test_a_dry_run_checks_the_query(sink: str, capsys: pytest.CaptureFixture[str]) -> None:
    query("pods", "--dry-run", "--sink", sink)
    assert capsys.readouterr().out == "the query is valid; DuckDB bills nothing\n"
    with pytest.raises(QueryError, match="nowhere"):
        query("SELECT 1 FROM nowhere", "--dry-run", "--sink", sink)


@pytest.mark.usefixtures("configured_task")
def test_bigquery_says_what_a_query_would_read_and_gives_every_value(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    query("SELECT COUNT(*) AS n FROM raw_pods", "--dry-run")
    assert capsys.readouterr().out.startswith("the query would read 0 B (0 bytes); BigQuery bills at least 10 MiB")
    with pytest.raises(QueryError, match="nowhere"):
        query("SELECT 1 FROM nowhere", "--dry-run")
    sql = "SELECT TIMESTAMP '2026-01-02 03:04:05.000006+00' AS moment, NUMERIC '1.50' AS cores, n "
    sql += "FROM UNNEST([1, 2, 3]) AS n"
    query(sql, "--format", "csv", "--limit", "1")
    assert capsys.readouterr().out == "moment,cores,n\n2026-01-02 03:04:05.000006+00:00,1.5,1\n"
    query(sql, "--limit", "1")
    assert capsys.readouterr().out.endswith("(1 of 3 rows)\n")
    query(sql, "-o", str(tmp_path / "x.parquet"))
    with duckdb.connect() as database:
        found = database.execute(f"SELECT typeof(cores), sum(n) FROM '{tmp_path}/x.parquet' GROUP BY 1").fetchall()
    assert found == [("DECIMAL(38,9)", 6)]
