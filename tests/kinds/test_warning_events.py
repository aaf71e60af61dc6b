"""Events: only warnings, only where they are switched on, without what programs write into them."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import msgspec
import pytest
from declared import EVERY_KIND
from kinds.objects import KIND
from made import sink_at
from replay import Replay

from job.config import Config
from job.kinds.parts.owners import Owners
from job.kinds.parts.scope import Scope
from job.kinds.warning_events import Folded
from job.run.one_task import run
from job.views import views


def test_only_warnings_are_asked_for_and_only_where_they_are_switched_on(replay: Replay, tmp_path: Path) -> None:
    asked = {"kinds": EVERY_KIND, "sink": sink_at(tmp_path / "x.duckdb")}
    config = msgspec.convert(replay.configuration | asked, Config)
    run(config)
    (path,) = [request["path"] for request in replay.requests if "events" in request["path"]]
    assert path == "/api/v1/events?fieldSelector=type%3DWarning&limit=500"
    replay.requests.clear()
    run(msgspec.structs.replace(config, kinds={}))
    assert not [request for request in replay.requests if "events" in request["path"]]


def folded(*events: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of Events about one object."""
    rows = Folded(Scope(Owners(), ()))
    for number, event in enumerate(events):
        of = {"metadata": {"name": f"e{number}", "uid": f"e{number}"}, "involvedObject": {"name": "o"}, "reason": "R"}
        item = msgspec.json.decode(msgspec.json.encode(of | event), type=KIND["events"].item)
        assert list(rows.add(item, [])) == []
    return [msgspec.json.decode(msgspec.json.encode(row)) for row in rows.rest()]


OLD = {"count": 3, "firstTimestamp": "2026-01-01T10:00:00Z", "lastTimestamp": "2026-01-01T12:00:00Z"}
ONCE = {"eventTime": "2026-01-01T09:00:00.5Z"}
SERIES = {"eventTime": "2026-01-01T11:00:00Z", "series": {"count": 4, "lastObservedTime": "2026-01-01T13:00:00Z"}}
NOTHING: dict[str, Any] = {"count": None, "firstTimestamp": None, "lastTimestamp": None, "eventTime": None}


@pytest.mark.parametrize("order", [*itertools.permutations((OLD, ONCE, SERIES, NOTHING))])
def test_events_in_any_order_and_either_form_fold_into_one_row(order: tuple[dict[str, Any], ...]) -> None:
    (row,) = folded(*order)
    assert row["count"] == 3 + 1 + 4 + 1
    assert (row["first_seen_at"], row["last_seen_at"]) == ("2026-01-01T09:00:00.500000Z", "2026-01-01T13:00:00Z")


def test_another_object_reason_or_component_is_another_row() -> None:
    others = [
        {"involvedObject": {"name": "o", "uid": "2"}}, {"reason": "S"}, {"reportingComponent": "c"},
        {"source": {"component": "c"}}, {"source": {"component": "d"}, "reportingComponent": ""},
    ]  # fmt: skip
    found = folded({}, *others)
    assert [(row.get("object_uid"), row["reason"], row.get("component"), row["count"]) for row in found] == [
        (None, "R", None, 1), ("2", "R", None, 1), (None, "S", None, 1), (None, "R", "c", 2), (None, "R", "d", 1),
    ]  # fmt: skip


def test_messages_and_annotations_are_not_decoded() -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(KIND["events"].item)}
    assert not fields & {"message", "note", "related", "action", "type", "reportingInstance"}
    assert "annotations" not in KIND["events"].item.__annotations__["metadata"]


def test_history_does_not_compare_events_of_the_cluster() -> None:
    of_history = [view for view in views() if view.name in ("changes", "changes_between", "events")]
    assert of_history
    assert not [view.name for view in of_history if "warning_events" in view.sql]
