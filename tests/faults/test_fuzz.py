"""Spoiled pages: whatever a server sends is recorded as a known outcome, and no row says what the page does not.

GKE_INVENTORY_FUZZ sets how many pages are tried.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from faults.mutations import mutated
from google.cloud import container_v1
from google.protobuf.descriptor import FieldDescriptor
from made import made_file
from replay import RECORDINGS, items

from job.collect.failures import ContinueTokenExpired, ReadFailure
from job.collect.refusals import response_failure
from job.collect.rows import RowBuilder
from job.discover.projects import _cluster
from job.kinds import KINDS, Kind
from job.kinds.clusters import cluster_rows
from job.kinds.parts.owners import Owners
from job.kinds.parts.scope import Scope
from job.sinks.duckdb import DuckDBSink
from job.sinks.protocol import Commit, TaskResult
from job.spool import open_spool
from job.tables import TABLES, Key, Record
from job.wire.meta import NOT_DECODABLE

COUNT = int(os.environ.get("GKE_INVENTORY_FUZZ", "3000"))
SECRET = frozenset({"annotations", "args", "command", "data", "env", "managedFields", "stringData"})
"""The keys under which nothing may become a row, except names at these keys."""
NAMES = frozenset(
    {"manager", "meta.helm.sh/release-name", "argocd.argoproj.io/tracking-id", "configsync.gke.io/manager"}
)

WRITTEN: dict[str, list[dict[str, Any]]] = {
    resource: objects
    for name in ("gateway-api", "resource-claims", "vertical-pod-autoscalers", "warning-events")
    for resource, objects in json.loads((RECORDINGS.parent / f"kinds/golden/{name}.json").read_text())[
        "objects"
    ].items()
}
"""Objects of kinds that the recorded server does not have."""


class Gathered:
    """Stands where a segment does, and keeps the rows as they are."""

    def __init__(self) -> None:
        self.rows: list[Record] = []

    def add(self, records: Iterator[Record]) -> None:
        self.rows += records


def pages(draw: random.Random) -> Iterator[tuple[Kind, bytes]]:
    """Small pages of recorded objects, of each kind in turn, for ever."""
    recorded = {kind: objects_of(kind) for kind in KINDS}
    while True:
        for kind, found in recorded.items():
            page = {"metadata": {"resourceVersion": "1"}, "items": draw.sample(found, min(2, len(found)))}
            yield kind, json.dumps(page).encode()


def objects_of(kind: Kind) -> list[dict[str, Any]]:
    """Recorded objects of a kind, or written ones of a kind that the recorded server does not serve."""
    if kind.resource in WRITTEN:
        return WRITTEN[kind.resource]
    if kind.resource == "pods":
        return [*items("pods.page1"), *items("pods.page2"), *items("pods.page3")]
    return items(f"{'metadata-only' if kind.metadata_only else 'list'}.{kind.resource}")


def read(kind: Kind, body: bytes) -> list[Record] | None:
    """The rows of a page, as a collection has them; None where the page is recorded as `invalid`."""
    gathered = Gathered()
    reading = RowBuilder(kind, Scope(Owners(), ()), gathered, is_ordered=False)  # type: ignore[arg-type]
    try:
        reading.add_page(body)
    except NOT_DECODABLE:
        return None
    return gathered.rows


def strings(value: Any) -> Iterator[str]:
    """All strings of a document, but those that no row may have."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, Pairs):
        for key, inner in value.pairs:
            yield key
            yield from names(inner) if key in SECRET else strings(inner)


def names(value: Any) -> Iterator[str]:
    """The names below a key under which nothing else may become a row."""
    if isinstance(value, list):
        for inner in value:
            yield from names(inner)
    elif isinstance(value, Pairs):
        for key, inner in value.pairs:
            if key in NAMES and isinstance(inner, str):
                yield inner


class Pairs:
    """A JSON object with all its pairs, those of one key too."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


def supported(body: bytes) -> set[str]:
    """What a page may be the source of, by another parser than the job's."""
    text = re.sub(r"\[{150,}\]{150,}", "[]", body.decode("utf-8", "surrogateescape"))
    try:
        return set(strings(json.loads(text, object_pairs_hook=Pairs, strict=False)))
    except ValueError:  # msgspec is lenient with what it skips: `01`, `1.2.3`
        return {_literal(found) for found in re.findall(r'"(?:[^"\\]|\\.)*"', text)}


def _literal(text: str) -> str:
    try:
        return str(json.loads(text, strict=False))
    except ValueError:
        return text


def test_a_spoiled_page_is_recorded_or_read_and_never_invents_a_row(tmp_path: Path) -> None:
    source, outcomes = pages(random.Random(0)), {"invalid": 0, "read": 0}
    unique: dict[str, dict[bytes, Record]] = {table: {} for table in TABLES}
    for index in range(COUNT):
        kind, whole = next(source)
        body = mutated(whole, random.Random(index))
        try:
            rows = read(kind, body)
            outcomes["invalid" if rows is None else "read"] += 1
            if rows:
                there = supported(body)
                for row in rows:
                    assert {row.name, getattr(row, "uid", row.name)} <= there, row
                    encoded = msgspec.json.encode(row)
                    assert b"CANARY" not in encoded or any("CANARY" in text for text in there), row
                    unique[row.table][encoded] = row
        except BaseException as error:
            error.add_note(f"page {index}, {kind.resource}: {body[:3000]!r}")
            raise
    assert min(outcomes.values()) > COUNT // 10, outcomes
    assert_loads(unique, tmp_path)


def assert_loads(unique: dict[str, dict[bytes, Record]], directory: Path) -> None:
    """A row that the sink refuses would cost everybody's rows."""
    sink = DuckDBSink(Path(shutil.copy(made_file(), directory / "x.duckdb")), timeout_seconds=5)
    with open_spool() as spool:
        segment = spool.segment(Key(snapshot_id="1", snapshot_time=datetime(2026, 1, 1, tzinfo=UTC)))
        for rows in unique.values():
            segment.add(rows.values())
        spool.keep(segment)
        sink.publish(spool.save(), Commit("run-1", 0, 0, TaskResult(complete=True, acceptable=True)))
    with sink.kept_open() as kept:
        for table, rows in unique.items():
            assert kept.query(f"SELECT count(*) FROM raw_{table}").rows == [(len(rows),)]


def filled(message: Any, draw: random.Random, depth: int = 0) -> Any:
    """A message with odd values in most of its fields, and secrets where they may be."""
    for field in message.DESCRIPTOR.fields:
        kind = field.message_type
        if draw.random() < 0.3 or (kind is not None and (kind.GetOptions().map_entry or kind.file.package != _PACKAGE)):
            continue
        count = draw.randint(0, 2) if field.is_repeated else 1
        if kind is not None:
            for _ in range(count if depth < 4 else 0):
                inner = getattr(message, field.name)
                filled(inner.add() if field.is_repeated else inner, draw, depth + 1)
            continue
        values = [draw.choice(_ODD[field.cpp_type]) for _ in range(count)]
        if field.name in ("client_key", "client_certificate"):
            values = ["CANARY"]
        if field.name.endswith("_time") and not field.is_repeated and draw.random() < 0.8:
            values = ["2026-01-01T00:00:00Z"]
        if field.is_repeated:
            getattr(message, field.name).extend(values)
        else:
            setattr(message, field.name, values[0])
    return message


_PACKAGE = "google.container.v1"
_ODD: dict[int, tuple[Any, ...]] = {
    FieldDescriptor.CPPTYPE_STRING: ("x", "-1", "9" * 30, "\x00", "2026-01-01T00:00:00Z", "yesterday", "x" * 1000),
    FieldDescriptor.CPPTYPE_BOOL: (True, False),
    FieldDescriptor.CPPTYPE_ENUM: (0, 1, 99, -5),
    FieldDescriptor.CPPTYPE_DOUBLE: (-1.5, 1e300, float("inf"), float("nan")),
    FieldDescriptor.CPPTYPE_FLOAT: (-1.5, float("inf"), float("nan")),
    FieldDescriptor.CPPTYPE_INT32: (0, -1, 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (0, -1, 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


def test_a_spoiled_cluster_is_read_or_named_and_its_rows_load(tmp_path: Path) -> None:
    unique: dict[str, dict[bytes, Record]] = {table: {} for table in TABLES}
    read = 0
    for index in range(COUNT // 10):
        cluster = container_v1.Cluster()
        filled(container_v1.Cluster.pb(cluster), random.Random(index))
        if (found := _cluster(cluster)) is None:
            continue  # as `clusters_in` has it: the cluster is named in `unreadable`
        read += 1
        for row in cluster_rows(found):
            encoded = msgspec.json.encode(row)
            assert b"CANARY" not in encoded
            unique[row.table][encoded] = row
    assert read > COUNT // 100
    assert_loads(unique, tmp_path)


@pytest.mark.parametrize("status", [401, 410, 500])
def test_a_spoiled_refusal_is_still_a_refusal(status: int) -> None:
    error_status = {"kind": "Status", "status": "Failure", "message": "no", "reason": "No", "code": status}
    whole = json.dumps(error_status).encode()
    for index in range(COUNT // 10):
        try:
            found = response_failure(status, {}, mutated(whole, random.Random(index)), "")
        except ContinueTokenExpired as error:
            found = ReadFailure("expired", str(error))
        assert len(str(found)) <= 700
        msgspec.json.encode(found.cause)
