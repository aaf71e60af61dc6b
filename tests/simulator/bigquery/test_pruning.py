"""Partitions that filters exclude, by the exact bytes of dry runs. The clock stands at 12:30 on 2026-11-30."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from google.api_core.exceptions import BadRequest, GoogleAPICallError
from google.cloud import bigquery
from loopback_bigquery import PROJECT, Field, ask, connected, load, served

from job.simulator.bigquery.control import Control
from job.simulator.bigquery.pruning import scans_of
from job.simulator.bigquery.relations import Relation, Scan
from job.simulator.bigquery.sql import parse

NOW = datetime(2026, 11, 30, 12, 30, tzinfo=UTC).timestamp()
ROWS = {
    "a": "2026-11-29 10:15:00Z",
    "b": "2026-11-30 01:00:00.000001Z",
    "c": "2026-11-30 05:10:00Z",
    "d": "2026-11-30 08:59:59.999999Z",
    "e": "2026-11-30 12:10:00Z",
    "n": None,
}
SCHEMA = (Field("t", "TIMESTAMP"), Field("name", "STRING"), Field("seen", "TIMESTAMP"), Field("node", "STRING"))
RECENT = "t >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 6 HOUR)"
KEPT = ", ".join(f"TIMESTAMP '2025-01-{n % 28 + 1:02} 0{n % 10}:00:00.00000{n % 7}+00'" for n in range(100))
B = "TIMESTAMP '2026-11-30 01:00:00.000001+00'"
NOON = "TIMESTAMP '2026-11-30 12:00:00+00'"
VIEWS = {
    "bounded1": f"SELECT * FROM `{PROJECT}.inventory.hourly` WHERE {RECENT} OR t IN ({KEPT}, {B})",
    "bounded2": "SELECT b.* EXCEPT (seen) FROM inventory.bounded1 AS b LEFT JOIN inventory.other USING (name)",
    "bounded3": "WITH x AS (SELECT * FROM inventory.bounded2) SELECT name, t FROM x WHERE node IS NULL",
    "renamed": "SELECT name, t AS at_, DATE(t) AS day, MAX(t) OVER (PARTITION BY t) AS m FROM inventory.hourly",
    "twice": "SELECT name, t FROM inventory.hourly UNION ALL SELECT node, t FROM inventory.renamed_again",
    "renamed_again": "SELECT node, t FROM (SELECT DISTINCT name, t, node FROM inventory.hourly)",
    "grouped": "SELECT t, MAX(name) AS name, COUNT(*) AS pods FROM inventory.hourly GROUP BY t",
}
FUNCTIONS = {
    "until": "SELECT name, t FROM inventory.hourly WHERE t <= moment",
    "around": "SELECT * FROM inventory.until(moment) WHERE t > TIMESTAMP_SUB(moment, INTERVAL 6 HOUR)",
    "since": "SELECT name, t FROM inventory.hourly WHERE moment IS NULL OR t >= COALESCE(moment, CURRENT_TIMESTAMP())",
}


def name_of(label: str) -> str:
    """A name of 1, 2, 4, ... bytes, so that every set of rows has a size of its own."""
    return label * (1 << list(ROWS).index(label))


def size(labels: str) -> int:
    """The bytes of `t` and `name` in the partitions of these rows."""
    return sum((8 if ROWS[label] else 0) + 2 + len(name_of(label)) for label in labels)


def make(client: bigquery.Client, name: str, kind: str, unit: str, **properties: object) -> None:
    table = bigquery.Table(f"{PROJECT}.inventory.{name}", schema=(Field("t", kind), *SCHEMA[1:]))
    table.time_partitioning = bigquery.TimePartitioning(type_=unit, field="t")
    table.clustering_fields = ["name"]
    for key, value in properties.items():
        setattr(table, key, value)
    client.create_table(table)


@pytest.fixture(scope="module")
def control() -> Iterator[Control]:
    with served() as found:
        found.advance(NOW - time.time())
        yield found


@pytest.fixture(scope="module")
def client(control: Control) -> Iterator[bigquery.Client]:
    with connected(control) as found:
        dataset = bigquery.Dataset(f"{PROJECT}.inventory")
        dataset.location = "EU"
        found.create_dataset(dataset)
        for table, strict in (("hourly", False), ("strict", True), ("other", False)):
            make(found, table, "TIMESTAMP", "HOUR", require_partition_filter=strict)
        rows = [{"t": at, "name": name_of(label)} for label, at in ROWS.items()]
        load(found, rows, "hourly", schema=None)
        load(found, [{"t": None, "name": None}], "other", schema=None)  # no bytes
        for name in ("bounded1", "bounded2", "bounded3", "renamed", "renamed_again", "twice", "grouped"):
            view = bigquery.Table(f"{PROJECT}.inventory.{name}")
            view.view_query = VIEWS[name]
            found.create_table(view)
        for name, body in FUNCTIONS.items():
            routine = bigquery.Routine(f"{PROJECT}.inventory.{name}", type_="TABLE_VALUED_FUNCTION", language="SQL")
            kind = bigquery.StandardSqlDataType(bigquery.StandardSqlTypeNames.TIMESTAMP)
            routine.arguments = [bigquery.RoutineArgument(name="moment", data_type=kind)]
            routine.body = body
            found.create_routine(routine)
        yield found


def processed(client: bigquery.Client, sql: str, **options: object) -> int:
    config = bigquery.QueryJobConfig(default_dataset=f"{PROJECT}.inventory", dry_run=True, **options)
    return int(client.query(sql, job_config=config).total_bytes_processed)


@pytest.mark.parametrize(
    ("where", "read"),
    [
        (f"t = {B}", "b"),
        (f"{B} = t", "b"),
        (f"{NOON} <= t", "e"),
        ("t < '2026-11-30 05:00:00'", "ab"),
        ("t <= '2026-11-30 05:00:00'", "abc"),
        ("t > TIMESTAMP '2026-11-30 08:59:59.999998+00'", "de"),
        ("t > TIMESTAMP '2026-11-30 08:59:59.999999+00'", "e"),
        ("t >= TIMESTAMP '2026-11-30T10:59:59.999999+02:00'", "de"),
        ("t BETWEEN '2026-11-30' AND '2026-11-30T06:00:00Z'", "bc"),
        ("t NOT BETWEEN '2026-11-30' AND '2026-11-30T06:00:00Z'", "ade"),
        (f"t IN ({B}, {NOON}, NULL)", "be"),
        ("t IS NULL", "n"),
        ("t IS NOT NULL", "abcde"),
        (f"t IS NULL OR t >= {NOON}", "en"),
        (f"NOT (t < {NOON} OR t IS NULL)", "e"),
        (f"t >= {NOON} AND node > name AND seen IS NULL", "e"),
        (f"(t < '2026-11-30' AND node = 'x') OR (node = 'y' AND t >= {NOON})", "ae"),
        ("t = NULL", ""),
        (f"FALSE OR t = {B}", "b"),
        ("DATE(t) = '2026-11-29'", "a"),
        ("DATE(t, 'UTC') > DATE '2026-11-29'", "bcde"),
        ("CAST(t AS DATE) IN (DATE '2026-11-29', DATE '2026-12-01')", "a"),
        ("DATE(t) < DATE(2026, 11, 30)", "a"),
        ("t >= TIMESTAMP_SECONDS(1796040000) AND t >= TIMESTAMP_MICROS(0)", "e"),
        ("t >= TIMESTAMP '2026-11-30 12:00:00 UTC'", "e"),
        ("TIMESTAMP_TRUNC(t, DAY) = TIMESTAMP('2026-11-29')", "a"),
        ("TIMESTAMP_TRUNC(t, MONTH) < '2026-11-01'", ""),
        (RECENT, "de"),
        ("t > CURRENT_TIMESTAMP() - INTERVAL 90 MINUTE", "e"),
        ("t < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL -1 DAY)", "a"),
        ("t >= TIMESTAMP_TRUNC(CURRENT_TIMESTAMP(), DAY)", "bcde"),
        ("t >= TIMESTAMP(CURRENT_DATE())", "bcde"),
        ("DATE(t) <= CURRENT_DATE() - 1", "a"),
        ("DATE(t) >= DATE_SUB(CURRENT_DATE(), INTERVAL 1 WEEK)", "abcde"),
        (f"{RECENT} OR t IN ({KEPT}, {B})", "bde"),
        (f"({RECENT} OR t IN ({KEPT})) AND t < {NOON}", "d"),
    ],
)
def test_constants_and_the_clock_exclude_partitions(client: bigquery.Client, where: str, read: str) -> None:
    assert processed(client, f"SELECT name, t FROM hourly WHERE {where}") == size(read)


@pytest.mark.parametrize(
    ("sql", "read"),
    [
        ("SELECT * FROM bounded3", "bde"),
        (f"SELECT name FROM bounded3 WHERE t < {NOON}", "bd"),
        (f"SELECT name FROM bounded3 WHERE t < {NOON} LIMIT 1", "bd"),
        (f"SELECT * FROM (SELECT name, x.t AS u FROM inventory.hourly AS x) AS y WHERE y.u >= {NOON}", "e"),
        (f"WITH x AS (SELECT * FROM hourly), y AS (SELECT * FROM x) SELECT name FROM y WHERE {RECENT}", "de"),
        (f"SELECT name FROM renamed WHERE at_ >= {NOON}", "e"),
        ("SELECT name, at_ FROM renamed WHERE day = '2026-11-29'", "a"),
        (f"SELECT * FROM twice WHERE t = {B}", "b"),
        (f"SELECT * FROM grouped WHERE t = {B}", "b"),
        (f"SELECT h.name FROM hourly AS h, UNNEST([1, 2]) AS n WHERE h.t >= {NOON}", "e"),
        (f"SELECT h.name FROM hourly AS h JOIN other AS o ON h.name = o.name AND h.t >= {NOON}", "e"),
        (f"SELECT h.name FROM hourly AS h LEFT JOIN other AS o ON h.t = o.t WHERE h.t >= {NOON}", "e"),
        (f"SELECT h.name FROM other AS o LEFT JOIN hourly AS h ON h.name = o.name AND h.t >= {NOON}", "e"),
        (f"SELECT name FROM other WHERE name IN (SELECT name FROM hourly WHERE t >= {NOON})", "e"),
        (f"SELECT name, (SELECT MAX(h.name) FROM hourly AS h WHERE h.t >= {NOON}) FROM other", "e"),
        (f"SELECT name FROM hourly LEFT JOIN other USING (name, t) WHERE t >= {NOON}", "e"),
        (f"SELECT name FROM hourly WHERE t >= {NOON} UNION ALL SELECT name FROM hourly WHERE t = {B}", "be"),
        (f"SELECT a.name FROM hourly AS a JOIN hourly AS b USING (name) WHERE a.t = {B} AND b.t >= {NOON}", "be"),
        (f"SELECT a.name FROM hourly AS a JOIN hourly AS b USING (name) WHERE a.t = {B}", "abcden"),
        (
            f"SELECT * FROM (SELECT name, t, RANK() OVER w FROM hourly WINDOW w AS (PARTITION BY t)) WHERE t = {B}",
            "b",
        ),
        (f"SELECT * FROM until({B})", "ab"),
        (f"SELECT name FROM until({NOON}) WHERE t >= '2026-11-30'", "bcde"),
        ("SELECT * FROM until(TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 6 HOUR))", "abc"),
        (f"SELECT * FROM around({NOON})", "de"),
        (f"SELECT * FROM around(TIMESTAMP_SUB({NOON}, INTERVAL 1 MICROSECOND))", "d"),
        (f"SELECT * FROM since({NOON})", "e"),
        ("SELECT * FROM since(NULL)", "abcden"),
        (f"UPDATE hourly SET node = name WHERE t >= {NOON}", "e"),
        (f"DELETE FROM hourly AS h WHERE h.t = {B} AND name = 'x'", "b"),
        (f"INSERT INTO other (t, name) SELECT t, name FROM hourly WHERE t = {B}", "b"),
        (
            f"MERGE hourly AS h USING other AS o ON h.name = o.name AND h.t >= {NOON} WHEN MATCHED THEN DELETE",
            "e",
        ),
    ],
)
def test_filters_reach_the_scan(client: bigquery.Client, sql: str, read: str) -> None:
    assert processed(client, sql) == size(read)


@pytest.mark.parametrize(
    "sql",
    [
        # terms that are no comparison with a constant
        "SELECT name, t FROM hourly",
        "SELECT name, t FROM hourly LIMIT 1",
        "SELECT name, t FROM hourly WHERE name = 'a'",
        f"SELECT name, t FROM hourly WHERE t <> {B}",
        f"SELECT name, t FROM hourly WHERE t NOT IN ({B})",
        f"SELECT name, t FROM hourly WHERE t = {B} OR name = 'x'",
        f"SELECT name, t FROM hourly WHERE TIMESTAMP_ADD(t, INTERVAL 1 HOUR) > {NOON}",
        f"SELECT name, t FROM hourly WHERE COALESCE(t, {B}) > {NOON}",
        f"SELECT name, t FROM hourly WHERE IF(t > {NOON}, TRUE, FALSE)",
        "SELECT name, t FROM hourly WHERE DATE(t, 'America/New_York') = '2026-11-29'",
        "SELECT name, t FROM hourly WHERE t >= TIMESTAMP_SUB(seen, INTERVAL 1 HOUR)",
        f"SELECT name, t FROM hourly WHERE seen >= {NOON}",
        f"SELECT name, t FROM hourly WHERE t IN ({B}, seen)",
        # subqueries and arrays
        "SELECT name, t FROM hourly WHERE t IN (SELECT seen FROM other)",
        "SELECT name, t FROM hourly WHERE t >= (SELECT MAX(seen) FROM other)",
        f"SELECT name, t FROM hourly WHERE t >= (SELECT {NOON})",
        f"SELECT name, t FROM hourly, UNNEST([{B}]) AS moment WHERE t = moment",
        f"SELECT name, t FROM hourly JOIN UNNEST([{B}]) AS moment ON t = moment",
        f"SELECT name, t FROM hourly WHERE t IN UNNEST([{B}])",
        # joins
        f"SELECT h.name, h.t FROM hourly AS h JOIN other AS o ON h.t = o.t WHERE o.t = {B}",
        f"SELECT h.name, h.t FROM other AS o JOIN hourly AS h USING (t) WHERE t = {B}",
        f"SELECT h.name, h.t FROM other AS o LEFT JOIN hourly AS h ON h.name = o.name WHERE h.t = {B}",
        f"SELECT h.name, h.t FROM hourly AS h LEFT JOIN other AS o ON h.name = o.name AND h.t = {B}",
        f"SELECT h.name, h.t FROM hourly AS h FULL JOIN other AS o ON h.t = {B} WHERE h.t = {B}",
        f"SELECT name, t FROM (SELECT h.name, h.t FROM hourly AS h RIGHT JOIN other AS o USING (name)) WHERE t = {B}",
        f"SELECT h.name, h.t FROM hourly AS h JOIN other AS o ON h.name = o.name WHERE h.t = {B} OR o.t = {B}",
        # queries through which no filter passes
        f"SELECT * FROM (SELECT name, t FROM hourly LIMIT 9) WHERE t = {B}",
        f"SELECT * FROM (SELECT name, t, ROW_NUMBER() OVER (PARTITION BY name) AS n FROM hourly) WHERE t = {B}",
        f"SELECT * FROM (SELECT name, t FROM hourly QUALIFY RANK() OVER (ORDER BY t) = 1) WHERE t = {B}",
        f"SELECT * FROM (SELECT name, t, RANK() OVER (PARTITION BY DATE(t)) AS n FROM hourly) WHERE t = {B}",
        f"SELECT * FROM (SELECT name, t, RANK() OVER w AS n FROM hourly WINDOW w AS (ORDER BY t)) WHERE t = {B}",
        f"SELECT * FROM (SELECT name, MAX(t) AS t FROM hourly GROUP BY name) WHERE t = {B}",
        f"SELECT name, t FROM hourly GROUP BY name, t HAVING t = {B}",
        f"SELECT * FROM (SELECT name, t FROM hourly GROUP BY ROLLUP (name, t)) WHERE t = {B}",
        f"SELECT * FROM (SELECT name, t AS u, seen AS t FROM hourly) WHERE t = {B}",
        f"SELECT * FROM (SELECT name, t, seen FROM hourly UNION ALL SELECT name, seen, t FROM other) WHERE seen = {B}",
        f"WITH RECURSIVE x AS (SELECT name, t FROM hourly UNION ALL SELECT * FROM x) SELECT * FROM x WHERE t = {B}",
        f"SELECT name, t FROM twice AS x WHERE EXISTS (SELECT 1 FROM other AS o WHERE o.t = x.t AND o.t = {B})",
    ],
)
def test_nothing_else_excludes_partitions(client: bigquery.Client, sql: str) -> None:
    assert processed(client, sql) == size("abcden")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT t FROM hourly AS h, UNNEST([1]) AS t WHERE t = '2026-11-30'",
        "SELECT t FROM hourly AS h, UNNEST([1]) AS x WITH OFFSET AS t WHERE t = '2026-11-30'",
        "SELECT h.t.t FROM hourly AS h WHERE h.t.t = '2026-11-30'",
        "SELECT * FROM hourly TABLESAMPLE SYSTEM (10 PERCENT) WHERE t = '2026-11-30'",
        "SELECT * FROM hourly PIVOT(MAX(name) FOR node IN ('x')) WHERE t = '2026-11-30'",
        "SELECT * FROM (SELECT AS STRUCT t FROM hourly) WHERE t = '2026-11-30'",
        "SELECT * FROM (SELECT node.*, t FROM hourly) WHERE t = '2026-11-30'",
        "SELECT * FROM (SELECT t FROM hourly UNION ALL BY NAME SELECT t FROM hourly) WHERE t = '2026-11-30'",
        "SELECT * FROM (SELECT t AS t, name AS t FROM hourly) WHERE t = '2026-11-30'",
    ],
)
def test_syntax_that_is_not_understood_excludes_nothing(sql: str) -> None:
    assert [scan.filters for scan in scans_of(parse(sql), relation_of).scans] == [()]


@pytest.mark.parametrize(
    ("sql", "filtered"),
    [
        ("SELECT * FROM d.a", ["a"]),
        ("SELECT x.* FROM (a AS x JOIN b USING (t))", ["a"]),
        ("SELECT * FROM (a JOIN b USING (t)) RIGHT JOIN c USING (t)", ["c"]),
        ("SELECT * FROM a LEFT JOIN (b JOIN c USING (name)) ON a.name = b.name", []),
        ("SELECT * EXCEPT (t), a.t FROM a CROSS JOIN UNNEST([1]) AS one", []),
        ("SELECT name, a.t FROM a CROSS JOIN UNNEST(node) AS one", ["a"]),
        ("SELECT * REPLACE (CURRENT_TIMESTAMP() AS t) FROM a", []),
        ("(SELECT node AS t FROM a UNION ALL SELECT t FROM b) UNION DISTINCT (SELECT t FROM c)", ["b", "c"]),
    ],
)
def test_columns_are_followed_through_stars_and_joins(sql: str, filtered: list[str]) -> None:
    found = scans_of(parse(f"SELECT 1 FROM ({sql}) WHERE t > '2026-11-30'"), relation_of)
    assert [scan.table for scan in found.scans if scan.filters] == filtered


def relation_of(parts: list[str]) -> Relation:
    return Relation(("t", "name", "node"), (Scan(parts[-1], (), ((0, ()),)),))


def test_parameters_are_constants(client: bigquery.Client) -> None:
    at = bigquery.ScalarQueryParameter("at", "TIMESTAMP", datetime(2026, 11, 30, 12, tzinfo=UTC))
    hours = bigquery.ScalarQueryParameter("hours", "INT64", 4)
    sql = "SELECT name FROM hourly WHERE t >= TIMESTAMP_SUB(@at, INTERVAL @hours HOUR)"
    assert processed(client, sql, query_parameters=[at, hours]) == size("de")
    assert processed(client, "SELECT * FROM until(@at) WHERE t >= '2026-11-30'", query_parameters=[at]) == size("bcde")


def test_bytes_and_rows_follow_the_clock(control: Control, client: bigquery.Client) -> None:
    sql = f"SELECT name FROM hourly WHERE {RECENT} ORDER BY t"
    assert (processed(client, sql), ask(client, sql)) == (size("de"), [(name_of("d"),), (name_of("e"),)])
    control.advance(4 * 3600)
    try:
        assert (processed(client, sql), ask(client, sql)) == (size("e"), [(name_of("e"),)])
    finally:
        control.advance(-4 * 3600)


@pytest.mark.parametrize(
    ("kind", "unit", "values", "where", "read"),
    [
        ("TIMESTAMP", "DAY", ("2026-11-28 23:59:59.999999Z", "2026-11-29 00:00:00Z"), "t > '2026-11-28 12:00:00'", 3),
        ("TIMESTAMP", "DAY", ("2026-11-28 23:59:59.999999Z", "2026-11-29 00:00:00Z"), "t >= '2026-11-29'", 2),
        ("DATE", "DAY", ("2026-11-28", "2026-11-29"), "t > '2026-11-28'", 2),
        ("DATE", "MONTH", ("2026-02-01", "2026-03-31"), "t > '2026-02-28'", 2),
        ("DATE", "MONTH", ("2026-02-01", "2026-03-31"), "DATE_TRUNC(t, MONTH) = '2026-02-01'", 1),
        ("DATETIME", "MONTH", ("2024-02-29T23:59:59.999999", "2024-03-01T00:00:00"), "t >= '2024-02-29T23:00:00'", 3),
        ("DATETIME", "MONTH", ("2024-02-29T23:59:59.999999", "2024-03-01T00:00:00"), "t < '2024-03-01T00:00:00'", 1),
        ("TIMESTAMP", "YEAR", ("1969-12-31 23:00:00Z", "1970-01-01 00:00:00Z"), "t >= '1970-01-01'", 2),
        ("DATE", "YEAR", ("2025-12-31", "2026-01-01"), "t >= DATE_SUB(DATE '2027-02-28', INTERVAL 13 MONTH)", 2),
    ],
)
def test_each_unit_has_its_partitions(
    client: bigquery.Client, kind: str, unit: str, values: tuple[str, str], where: str, read: int
) -> None:
    """The first row has a name of 1 byte, the second of 2: `read` is their sum."""
    table = f"t_{uuid.uuid4().hex}"
    make(client, table, kind, unit)
    load(client, [{"t": values[0], "name": "a"}, {"t": values[1], "name": "bb"}], table, schema=None)
    rows = {1: 1, 2: 1, 3: 2}[read]
    assert processed(client, f"SELECT name FROM {table} WHERE {where}") == rows * (8 + 2) + read


def test_a_query_bills_the_partitions_that_it_reads(client: bigquery.Client) -> None:
    make(client, "large", "TIMESTAMP", "HOUR")
    load(client, [{"t": ROWS["a"], "name": "x" * (11 << 20)}, {"t": ROWS["e"], "name": "y"}], "large", schema=None)
    found = []
    for where in (f"t >= {NOON}", "t IS NOT NULL"):
        config = bigquery.QueryJobConfig(maximum_bytes_billed=12 << 20)
        job = client.query(f"SELECT LENGTH(name) FROM inventory.large WHERE {where}", job_config=config)
        job.result()
        found.append((job.total_bytes_processed, job.total_bytes_billed))
    assert found == [(11, 10 << 20), (11 + 10 + (11 << 20), 12 << 20)]
    with pytest.raises(GoogleAPICallError, match="12582912 or higher required"):
        ask(client, "SELECT LENGTH(name) FROM large WHERE t IS NOT NULL", maximum_bytes_billed=11 << 20)


@pytest.mark.parametrize("unit", ["HOUR", "MONTH"])
def test_expired_partitions_have_no_bytes(control: Control, client: bigquery.Client, unit: str) -> None:
    table, length = f"expiring_{unit}", {"HOUR": 3600, "MONTH": 30 * 86_400}[unit]
    partitioning = bigquery.TimePartitioning(type_=unit, field="t", expiration_ms=length * 1000)
    make(client, table, "TIMESTAMP", unit, time_partitioning=partitioning)
    # a partition expires by its own start: at 12:00 that of 11:00, on 31 October that of October
    old, new = {"HOUR": ("2026-11-30 11:20:00Z", ROWS["e"]), "MONTH": ("2026-10-31 23:00:00Z", ROWS["a"])}[unit]
    load(client, [{"t": old, "name": "a"}, {"t": new, "name": "bb"}, {"t": None, "name": "cccc"}], table, schema=None)
    sql = f"SELECT name FROM {table} WHERE t >= '2026-01-01' OR t IS NULL"
    assert ask(client, f"SELECT name FROM {table} ORDER BY 1") == [("bb",), ("cccc",)]
    assert processed(client, sql) == 8 + 2 + 2 + 6
    control.advance(2 * length)
    try:
        assert ask(client, f"SELECT name FROM {table}") == [("cccc",)]
        assert processed(client, sql) == 6
    finally:
        control.advance(-2 * length)


@pytest.mark.parametrize(
    ("where", "usable"),
    [
        (f"{RECENT} OR t IN ({KEPT})", True),
        ("DATE(t) = '2026-11-30' OR t IS NULL", True),
        (f"(t > {B} AND name = 'x') OR (node = 'y' AND t = {B})", True),
        ("t IS NOT NULL", True),
        (f"{RECENT} OR name = 'x'", False),
        (f"(t > {B} AND name = 'x') OR node = 'y'", False),
        (f"{RECENT} OR t IN (SELECT seen FROM other)", False),
        (f"t <> {B}", False),
        ("t >= seen", False),
    ],
)
def test_a_required_filter_may_be_an_or_of_filters(client: bigquery.Client, where: str, usable: bool) -> None:
    sql = f"SELECT name FROM (SELECT * FROM strict) WHERE {where}"
    if usable:
        assert processed(client, sql) == 0
    else:
        with pytest.raises(BadRequest, match=r"Cannot query over table 'shop-prod.inventory.strict' without a filter"):
            processed(client, sql)
