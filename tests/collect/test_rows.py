"""An object that no warehouse can hold is unreadable, and costs no other object of its page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from declared import EVERY_KIND
from made import sink_at
from replay import Replay

from job import latest
from job.config import Config
from job.kinds import KINDS
from job.run.one_task import run
from job.sinks.duckdb import DuckDBSink
from job.wire import gke
from job.wire.meta import Condition, ObjectMeta, Wire
from job.wire.pod_status import ContainerStateRunning, ContainerStateTerminated, PodStatus

METADATA = {"namespace": "n", "creationTimestamp": "2026-11-01T00:00:00Z"}
OUT_OF_RANGE = ["0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-05:00"]
IN_RANGE = [
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00-05:00",
    "9999-12-31T23:59:59+05:00",
    "9999-12-31T23:59:59.999Z",
]
# each takes the place of "?" in the JSON of an otherwise ordinary pod
TEXTS = {
    "high": rb"\ud800", "low": rb"\uDFFF", "high-high": rb"\ud800\ud800", "reversed": rb"\udc00\ud800",
    "after-escape": rb"\\\ud800", "before-escape": rb"\ud800\n", "after-no-escape": rb"\\ud83d\ude00",
    "after-a-pair": rb"\ud83d\ude00\ude00", "in-a-run": rb"\\\\\ud800",
}  # fmt: skip
GOOD_TEXTS = {"pair": rb"\ud83d\ude00", "escaped": rb"\\ud800", "replaced": rb"\ufffd", "marked": rb"\ufdd0"}
NUMBERS = {"million": b"9" * 1_000_000, "long": b"9" * 5000, "float": b"1." + b"9" * 1_000_000 + b"e400"}


@pytest.fixture
def config(replay: Replay, tmp_path: Path) -> Config:
    return msgspec.convert(replay.configuration | {"kinds": EVERY_KIND, "sink": sink_at(tmp_path / "x.duckdb")}, Config)


@pytest.fixture
def sink(tmp_path: Path) -> DuckDBSink:
    return DuckDBSink(tmp_path / "x.duckdb", timeout_seconds=5)


def pod(name: str, replaced: bytes = b"", **fields: Any) -> bytes:
    found = {"metadata": METADATA | {"name": name, "uid": f"uid-{name}", **fields.pop("metadata", {})}, **fields}
    return json.dumps(found).encode().replace(b'"#"', replaced).replace(b"?", replaced)


def serve(replay: Replay, path: str, items: list[bytes]) -> None:
    page = b'{"kind":null,"metadata":{"resourceVersion":"1"},"items":[' + b",".join(items) + b"]}"
    replay.answers[path] = (200, {"Content-Type": "application/json"}, page)


def read(config: Config, sink: DuckDBSink, resource: str, table: str) -> tuple[tuple[Any, ...], list[str]]:
    """The outcome and the unreadable objects of a list, and the names in its table."""
    run(config)
    select = f"SELECT outcome, unreadable_objects, unreadable FROM collections WHERE resource = '{resource}'"
    names = sink.query(f"SELECT name FROM raw_{table} WHERE namespace = 'n' ORDER BY name").rows
    return sink.query(select).rows[0], [name for (name,) in names]


def test_a_pod_of_another_age_or_with_half_a_character_is_unreadable_alone(
    config: Config, sink: DuckDBSink, replay: Replay
) -> None:
    bad = [pod(f"bad-time-{at}", metadata={"creationTimestamp": time}) for at, time in enumerate(OUT_OF_RANGE)]
    bad += [pod(f"bad-text-{name}", text, metadata={"labels": {"a": "b?"}}) for name, text in TEXTS.items()]
    bad += [pod(f"bad-key-{name}", text, metadata={"labels": {"?": "b"}}) for name, text in TEXTS.items()]
    bad += [pod(f"bad-number-{name}", number, spec={"priority": "#"}) for name, number in NUMBERS.items()]
    bad += [
        pod(f"bad-quantity-{name}", number, spec={"containers": [{"name": "c", "resources": {"limits": {"cpu": "#"}}}]})
        for name, number in NUMBERS.items()
        if name != "float"
    ]
    good = [pod(f"good-time-{at}", status={"startTime": time}) for at, time in enumerate(IN_RANGE)]
    good += [pod(f"good-text-{name}", text, metadata={"labels": {"a": "b?"}}) for name, text in GOOD_TEXTS.items()]
    good.append(pod("good-unread-number", NUMBERS["million"], spec={"unread": "#"}))
    good.append(
        pod("good-quantity", spec={"containers": [{"name": "c", "resources": {"limits": {"cpu": "9" * 1_000_001}}}]})
    )
    items = sorted([*bad, *good], key=name_of)
    serve(replay, "/api/v1/pods", items)
    outcome, names = read(config, sink, "pods", "pods")
    assert names == sorted(name_of(item) for item in good)
    assert outcome[:2] == ("partial", len(bad))
    assert sorted(outcome[2]) == sorted(f"n/{name_of(item)}" for item in bad)
    frame = latest("pods", config=config).set_index("name")
    assert sorted(frame.index) == names
    assert str(frame.loc["good-time-0", "started_at"]) == "0001-01-01 00:00:00+00:00"
    assert frame.loc["good-quantity", "unparsed_quantities"] == ("requests.cpu", "limits.cpu")
    assert frame.loc["good-text-pair", "labels"] == {"a": "b\U0001f600"}


def name_of(item: bytes) -> str:
    return item.partition(b'"name": "')[2].partition(b'"')[0].decode()


@pytest.mark.parametrize("time", OUT_OF_RANGE)
def test_an_object_of_another_age_is_unreadable_alone_whatever_its_kind(
    config: Config, sink: DuckDBSink, replay: Replay, time: str
) -> None:
    for kind in KINDS:
        there = METADATA if kind.resource not in ("nodes", "namespaces") else {}
        objects = [{"metadata": there | {"name": name, "uid": name}} for name in ("a", "b", "c")]
        objects[1]["metadata"]["creationTimestamp"] = time
        serve(replay, kind.path, [json.dumps(each).encode() for each in objects])
    run(config)
    select = "SELECT resource, outcome, objects, unreadable_objects FROM collections WHERE resource IN "
    select += f"{tuple(kind.resource for kind in KINDS)}"
    assert sorted(sink.query(select).rows) == sorted((kind.resource, "partial", 2, 1) for kind in KINDS)


def times() -> list[tuple[type[Wire], str]]:
    """Every struct with times, and each of its times."""
    from job.kinds.cronjobs import CronJobStatus
    from job.kinds.jobs import JobStatus

    structs = (
        ObjectMeta, Condition, ContainerStateRunning, ContainerStateTerminated, PodStatus, JobStatus, CronJobStatus,
        gke.Cluster,
    )  # fmt: skip
    return [
        (struct, field.encode_name)
        for struct in structs
        for field in msgspec.structs.fields(struct)
        if field.encode_name.endswith(("Time", "Timestamp", "At"))
    ]


@pytest.mark.parametrize(("struct", "field"), times(), ids=lambda value: getattr(value, "__name__", value))
def test_no_time_is_outside_the_years_of_the_warehouse(struct: type[Wire], field: str) -> None:
    required = {one.encode_name: "x" for one in msgspec.structs.fields(struct) if one.required}
    for time in OUT_OF_RANGE:
        with pytest.raises(msgspec.ValidationError, match="years 1 to 9999"):
            msgspec.convert(required | {field: time}, struct)
    for time in IN_RANGE:
        assert msgspec.convert(required | {field: time}, struct) is not None


def test_half_a_character_in_the_pages_own_metadata_is_no_page(
    config: Config, sink: DuckDBSink, replay: Replay
) -> None:
    page = rb'{"metadata":{"resourceVersion":"\ud800"},"items":[]}'
    replay.answers["/api/v1/pods"] = (200, {"Content-Type": "application/json"}, page)
    quick = msgspec.structs.replace(config, timeouts=msgspec.structs.replace(config.timeouts, retry_seconds=0.1))
    outcome, _ = read(quick, sink, "pods", "pods")
    assert outcome[0] == "invalid"
