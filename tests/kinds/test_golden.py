"""Rows of recorded objects are those worked out by hand (see golden/README.md)."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from declared import EVERY_KIND
from google.cloud import container_v1
from made import sink_at
from replay import PROJECT, RECORDINGS, Replay, items, recording
from warehouse import publish

from job.config import Config
from job.connect.identity import default_identity
from job.discover.container_api import container_client
from job.discover.projects import clusters_in
from job.kinds import KINDS, Kind
from job.kinds.clusters import cluster_rows
from job.kinds.parts.owners import Owners
from job.kinds.parts.scope import Scope
from job.run.one_task import run
from job.sinks.duckdb import DuckDBSink
from job.tables import TABLES, UPGRADE_INFO, Key
from job.wire import meta

GOLDEN = {file.stem: json.loads(file.read_text()) for file in (Path(__file__).parent / "golden").glob("*.json")}
RECORDED = sorted(name for name, golden in GOLDEN.items() if "from" in golden)
WRITTEN = sorted(name for name, golden in GOLDEN.items() if "objects" in golden)
GKE = sorted(name for name, golden in GOLDEN.items() if "cluster" in golden)
OF_OBJECTS = [table for table, record in TABLES.items() if record.read_from not in (None, UPGRADE_INFO)]


@pytest.fixture
def config(replay: Replay, tmp_path: Path) -> Config:
    asked = {"kinds": EVERY_KIND, "sink": sink_at(tmp_path / "x.duckdb")}
    return msgspec.convert(replay.configuration | asked, Config)


@pytest.fixture
def sink(tmp_path: Path) -> DuckDBSink:
    return DuckDBSink(tmp_path / "x.duckdb", timeout_seconds=5)


def test_recorded_objects_become_the_rows_worked_out_by_hand(
    config: Config, sink: DuckDBSink, subtests: pytest.Subtests
) -> None:
    assert run(config).run.status == "complete"
    rows = rows_of(sink, OF_OBJECTS)
    assert RECORDED
    for name in RECORDED:
        with subtests.test(name):
            uids = uids_of(GOLDEN[name]["from"])
            of_these = {table: [row for row in rows[table] if uid_of(row) in uids] for table in rows}
            assert compared(of_these) == compared(GOLDEN[name]["rows"])


@pytest.mark.parametrize("name", WRITTEN)
def test_written_objects_become_the_rows_worked_out_by_hand(
    config: Config, sink: DuckDBSink, replay: Replay, name: str
) -> None:
    listed = GOLDEN[name]["objects"]
    for kind in KINDS:
        page = {"metadata": {"resourceVersion": "1"}, "items": listed.get(kind.resource, [])}
        replay.answers[kind.path] = (200, {"Content-Type": "application/json"}, json.dumps(page).encode())
    assert run(config).run.status == "complete"
    rows = rows_of(sink, OF_OBJECTS)
    assert compared(rows) == compared(GOLDEN[name]["rows"])
    assert "CANARY" in json.dumps(listed)
    assert "CANARY" not in json.dumps(rows)


@pytest.mark.parametrize("name", GKE)
def test_gke_clusters_become_the_rows_worked_out_by_hand(
    config: Config, sink: DuckDBSink, replay: Replay, name: str
) -> None:
    message = container_v1.Cluster.from_json(json.dumps(GOLDEN[name]["cluster"]))
    replay.clusters[:] = [message]
    identity = default_identity(config.api_endpoints.oauth2)
    listing = clusters_in(PROJECT, lambda: container_client(config, identity), config.timeouts)
    (cluster,) = listing.clusters
    key = Key(snapshot_id="1", snapshot_time=datetime.now(UTC), project_id=PROJECT, cluster=cluster.name)
    publish(sink, [(key, row) for row in cluster_rows(cluster)])
    rows = rows_of(sink, TABLES)
    assert compared(rows) == compared(GOLDEN[name]["rows"])
    assert "CANARY" in message.__class__.to_json(message)
    assert "CANARY" not in json.dumps(rows)


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if not kind.optional and not kind.field_selector], ids=lambda kind: kind.resource
)
def test_no_row_of_any_recorded_list_has_what_must_stay_in_the_cluster(kind: Kind, subtests: pytest.Subtests) -> None:
    scope = Scope(Owners(), ())
    listed = 0
    for file in sorted(RECORDINGS.glob("*.json")):
        exchange = recording(file.stem)
        if exchange["response"]["status"] != 200 or not lists(exchange["request"]["path"], kind):
            continue
        listed += 1
        with subtests.test(file.stem):
            page = msgspec.json.decode(exchange["response"]["body"], type=meta.Page[kind.item])
            rows = [row for item in page.items for row in kind.rows(item, scope)]
            assert "CANARY" not in msgspec.json.encode(rows).decode()
    assert listed


def test_the_recorded_lists_have_what_must_stay_in_the_cluster() -> None:
    collected = [
        exchange["response"]["body"]
        for exchange in (recording(file.stem) for file in RECORDINGS.glob("*.json"))
        if any(lists(exchange["request"]["path"], kind) for kind in KINDS)
    ]
    for secret in ("CANARY-env-value", "CANARY-argument", "CANARY-annotation"):
        assert any(secret in body for body in collected)


def lists(path: str, kind: Kind) -> bool:
    """Whether the path is that of a list of the kind, in all namespaces or in one."""
    path = path.partition("?")[0]
    group, _, resource = kind.path.rpartition("/")
    return path == kind.path or fnmatch.fnmatchcase(path, f"{group}/namespaces/*/{resource}")


def uids_of(recorded: dict[str, list[str]]) -> set[str]:
    """The UIDs of the objects that a golden file is about."""
    found = set()
    for name, globs in recorded.items():
        there = {full_name(item["metadata"]): item["metadata"]["uid"] for item in items(name)}
        for glob in globs:
            named = fnmatch.filter(there, glob)
            assert named or "*" in glob, f"{name} has no {glob}"
            found.update(there[one] for one in named)
    return found


def full_name(metadata: dict[str, Any]) -> str:
    return f"{metadata['namespace']}/{metadata['name']}" if "namespace" in metadata else metadata["name"]


def uid_of(row: dict[str, Any]) -> str:
    """The UID of the object that a row was read from; a pod's row also has its workload's."""
    return str(next(row[column] for column in ("uid", "pod_uid", "workload_uid") if column in row))


def rows_of(sink: DuckDBSink, tables: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """The tables' rows without their key, as the spool writes them."""
    keys = ", ".join(Key.__struct_fields__)
    with sink.kept_open() as kept:
        found = {table: kept.query(f"SELECT * EXCLUDE ({keys}) FROM raw_{table}") for table in tables}
    return {
        table: [as_spooled(dict(zip([name for name, _ in columns], row, strict=True))) for row in rows]
        for table, (columns, rows) in found.items()
    }


def as_spooled(value: Any) -> Any:
    """What is absent is left out; times are ISO 8601."""
    if isinstance(value, dict):
        return {key: as_spooled(one) for key, one in value.items() if one is not None and one != []}
    if isinstance(value, list):
        return [as_spooled(one) for one in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value


def compared(tables: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """The rows in an order that does not matter, without tables that have none."""
    return {
        table: sorted(rows, key=lambda row: json.dumps(row, sort_keys=True)) for table, rows in tables.items() if rows
    }
