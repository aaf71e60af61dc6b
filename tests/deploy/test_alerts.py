"""The alerts: metrics and policies match Google's schemas and the log; queries fail when they should."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml
from deploy import gcloud
from deploy.google_api import problems
from replay import Replay
from test_cli import invoke
from warehouse import FIRST, Read, publish, run_of

from job.errors import QueryError
from job.sinks.duckdb import DuckDBSink
from job.sinks.protocol import Sink

ALERTS = Path(__file__).parents[2] / "config/deploy/alerts"
POLICIES = {path.stem: json.loads(path.read_text()) for path in ALERTS.glob("*.json")}
METRICS = {f"gke_inventory_{path.stem}": yaml.safe_load(path.read_text()) for path in ALERTS.glob("*.yaml")}


@pytest.mark.parametrize("name", POLICIES)
def test_google_publishes_every_field_of_a_policy(name: str) -> None:
    policy = POLICIES[name]
    assert problems("monitoring.v3", "AlertPolicy", policy) == []
    (condition,) = policy["conditions"]
    threshold = condition["conditionThreshold"]
    assert threshold["comparison"] in ("COMPARISON_LT", "COMPARISON_GT")  # the others are published but not supported
    (aggregation,) = threshold["aggregations"]
    period, duration = (
        int(seconds.removesuffix("s")) for seconds in (aggregation["alignmentPeriod"], threshold["duration"])
    )
    assert 60 <= period <= 90_000
    assert period + duration <= 90_000
    assert duration % 60 == 0
    assert duration >= 60 or "evaluationMissingData" not in threshold


@pytest.mark.parametrize("name", METRICS)
def test_google_publishes_every_field_of_a_metric(name: str) -> None:
    metric = METRICS[name]
    assert problems("logging.v2", "LogMetric", metric) == []
    labels = {label["key"] for label in metric["metricDescriptor"].get("labels", [])}
    assert labels == set(metric.get("labelExtractors", {}))


@pytest.mark.skipif(gcloud.root() is None, reason="gcloud is not installed")
def test_gcloud_knows_every_field_of_them() -> None:
    for policy in POLICIES.values():
        assert gcloud.decoded("monitoring.v3", "AlertPolicy", policy) == {"body": policy, "unknown": []}
    for metric in METRICS.values():
        assert gcloud.decoded("logging.v2", "LogMetric", metric)["unknown"] == []


def test_a_policy_watches_a_metric_that_is_made() -> None:
    watched = {
        re.search(r"logging\.googleapis\.com/user/(\w+)", json.dumps(policy))[1]  # type: ignore[index]
        for policy in POLICIES.values()
    }
    assert watched == {"gke_inventory_complete_runs", "gke_inventory_incomplete_runs"}
    assert watched < set(METRICS)


def matches(expression: str, entry: dict[str, Any]) -> bool:
    """Whether a filter of `field="value"` parts matches an entry, as in Cloud Logging."""
    for part in expression.split(" AND "):
        field, value = re.fullmatch(r'([\w.]+)="([^"]*)"', part).groups()  # type: ignore[union-attr]
        found: Any = entry
        for name in field.split("."):
            found = found.get(name, {})
        if found != value:
            return False
    return True


def extracted(extractor: str, entry: dict[str, Any]) -> Any:
    """The value of `EXTRACT(field)` for an entry."""
    found: Any = entry
    for name in extractor.removeprefix("EXTRACT(").removesuffix(")").split("."):
        found = found[name]
    return found


@pytest.mark.parametrize(("denied", "metric"), [(False, "complete_runs"), (True, "incomplete_runs")])
def test_a_metric_counts_the_line_that_a_run_logs(
    replay: Replay, configured_task: dict[str, str], denied: bool, metric: str
) -> None:
    if denied:
        replay.answers["/api/v1/pods"] = (403, {"Content-Type": "application/json"}, b"{}")
    done = invoke("run", **configured_task)
    entries = []
    for line in done.stderr.splitlines():  # Cloud Logging turns each line into an entry
        payload = json.loads(line)
        labels = payload.pop("logging.googleapis.com/labels")
        entries.append({"resource": {"type": "cloud_run_job"}, "labels": labels, "jsonPayload": payload})
    taken = {name: [entry for entry in entries if matches(metric["filter"], entry)] for name, metric in METRICS.items()}
    counted = {metric, "run_seconds", "cluster_seconds"}
    assert {name: len(found) for name, found in taken.items()} == {
        name: int(name.removeprefix("gke_inventory_") in counted) for name in METRICS
    }
    for name, found in taken.items():
        for label in METRICS[name].get("labelExtractors", {}).values():
            assert all(extracted(label, entry) for entry in found)
        if "valueExtractor" in METRICS[name]:
            assert all(isinstance(extracted(METRICS[name]["valueExtractor"], entry), float) for entry in found)
    assert all("task_index" in entry["labels"] for entry in entries)


def answer_of(sink: Sink, name: str) -> str:
    """The scheduled query's answer, or its error."""
    text = re.sub(r"`\$\{PROJECT\}\.\$\{DATASET\}\.(\w+)`", r"main.\1", (ALERTS / f"{name}.sql").read_text())
    try:
        ((answer,),) = sink.query(sqlglot.transpile(text, read="bigquery", write="duckdb", comments=False)[0]).rows
    except QueryError as error:
        return str(error)
    return f"fine: {answer}"


@pytest.fixture
def sink(tmp_path: Path) -> Sink:
    return DuckDBSink(tmp_path / "w.duckdb", timeout_seconds=5)


def test_coverage_that_fell_is_named(sink: Sink) -> None:
    publish(sink, run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], "forbidden")))
    assert answer_of(sink, "coverage_fell") == "fine: everything that was read before can still be read"
    publish(sink, run_of(2, Read("a", ["x"], "timed_out"), Read("b", ["x"], "forbidden")))
    answer = answer_of(sink, "coverage_fell")
    assert "coverage fell: 1 lists that were read before cannot be read now: " in answer
    assert "shop-prod/europe-west1/a pods (timed_out, last read 2026-01-01 01:00:00" in answer
    publish(sink, run_of(3, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    assert answer_of(sink, "coverage_fell").startswith("fine")


def test_a_projects_list_that_fell_is_named(sink: Sink) -> None:
    publish(sink, run_of(1, Read("a", ["x"], ["p1"])))
    publish(sink, run_of(2, listed=[], outcome="forbidden"))
    assert "shop-prod clusters (forbidden, last read" in answer_of(sink, "coverage_fell")


NOW = int((datetime.now(UTC) - FIRST).total_seconds() // 3600)  # the number of a run less than an hour ago
DAY = 24


def test_a_cluster_without_a_complete_snapshot_for_a_day_is_named(sink: Sink) -> None:
    publish(sink, run_of(NOW - 3 * DAY, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    publish(sink, run_of(NOW, Read("a", ["x"], ["p1"]), Read("b", ["x"], "forbidden")))
    answer = answer_of(sink, "no_complete_snapshot")
    assert "no complete snapshot for 24 hours: 1 of them: shop-prod/europe-west1/b" in answer
    publish(sink, run_of(NOW, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"]), prefix="again-"))
    assert answer_of(sink, "no_complete_snapshot") == "fine: every cluster has a complete snapshot of the last 24 hours"


def test_a_job_that_stopped_is_reported(sink: Sink) -> None:
    publish(sink, run_of(NOW - 3 * DAY, Read("a", ["x"], ["p1"])))
    assert "2 of them: (no run); shop-prod/europe-west1/a" in answer_of(sink, "no_complete_snapshot")


def test_a_deleted_cluster_is_not_reported(sink: Sink) -> None:
    publish(sink, run_of(NOW - 3 * DAY, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    publish(sink, run_of(NOW, Read("a", ["x"], ["p1"])))
    assert answer_of(sink, "no_complete_snapshot").startswith("fine")


@pytest.mark.parametrize("name", ["coverage_fell", "no_complete_snapshot"])
def test_a_query_names_its_tables_by_the_readmes_variables(name: str) -> None:
    assert set(re.findall(r"\$\{(\w+)\}", (ALERTS / f"{name}.sql").read_text())) == {"PROJECT", "DATASET"}
