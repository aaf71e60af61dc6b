"""The alerts: metrics and policies match Google's schemas and the log; queries fail when they should."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from string import Template
from typing import Any

import msgspec
import pytest
import sqlglot
import yaml
from deploy import gcloud
from deploy.google_api import problems
from made import made_file
from replay import Replay
from test_cli import invoke
from warehouse import FIRST, Read, publish, run_of

from job.errors import QueryError
from job.sinks.duckdb import DuckDBSink
from job.sinks.protocol import Sink
from job.tables import Key, Record

ALERTS = Path(__file__).parents[2] / "config/deploy/alerts"
VARIABLES = {
    "NAME": "gke-inventory",
    "METRICS": "gke_inventory",
    "UNACCEPTED_GAPS": "62a1-gaps",
    "UNREAD_CLUSTERS": "62a1-unread",
}


def filled(path: Path, **variables: str) -> str:
    """The file's text, as the job of that name has it."""
    return Template(path.read_text()).substitute(VARIABLES | variables)


POLICIES = {path.stem: json.loads(filled(path)) for path in ALERTS.glob("*.json")}
METRICS = {f"gke_inventory_{path.stem}": yaml.safe_load(filled(path)) for path in ALERTS.glob("*.yaml")}


@pytest.mark.parametrize("name", POLICIES)
def test_google_publishes_every_field_of_a_policy(name: str) -> None:
    policy = POLICIES[name]
    assert problems("monitoring.v3", "AlertPolicy", policy) == []
    (condition,) = policy["conditions"]
    if "conditionThreshold" not in condition:
        promql = condition["conditionPrometheusQueryLanguage"]
        for seconds, step in ((promql["duration"], 60), (promql["evaluationInterval"], 30)):
            assert int(seconds.removesuffix("s")) % step == 0
        return
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
    texts = [json.dumps(policy["conditions"]) for policy in POLICIES.values()]
    # the name of a log-based metric in PromQL: https://cloud.google.com/monitoring/promql/promql-mapping
    ours = {name for text in texts for name in re.findall(r"logging_googleapis_com:user_(\w+)", text)}
    assert ours == {"gke_inventory_committed_tasks"} < set(METRICS)
    assert sum("run.googleapis.com/job/completed_execution_count" in text for text in texts) == 1


def test_two_jobs_in_one_project_share_no_alert_and_no_metric() -> None:
    other = {"NAME": "gke-inventory-us", "METRICS": "gke_inventory_us", "UNACCEPTED_GAPS": "1", "UNREAD_CLUSTERS": "2"}
    for name, policy in POLICIES.items():
        second = json.loads(filled(ALERTS / f"{name}.json", **other))
        assert second["displayName"] == policy["displayName"].replace("gke-inventory:", "gke-inventory-us:")
        assert second["conditions"] != policy["conditions"]
    for name, metric in METRICS.items():
        second = yaml.safe_load(filled(ALERTS / f"{name.removeprefix('gke_inventory_')}.yaml", **other))
        assert second["filter"] == metric["filter"].replace('"gke-inventory"', '"gke-inventory-us"') != metric["filter"]


def test_a_policy_watches_the_failures_of_both_queries() -> None:
    (condition,) = POLICIES["failed_query"]["conditions"]
    text = condition["conditionThreshold"]["filter"]
    assert 'resource.label.config_id=one_of("62a1-gaps", "62a1-unread")' in text
    assert 'metric.label.completion_state="FAILED"' in text


def test_no_policy_keeps_a_series_for_each_task() -> None:
    """It would alert for ever once the job has fewer tasks."""
    assert "task_index" not in json.dumps(list(POLICIES.values()))


def test_silence_is_seen_even_if_there_has_never_been_anything_else() -> None:
    """A threshold on a metric without any series never fires; a sum that is 0 without them does."""
    (condition,) = POLICIES["no_commit"]["conditions"]
    assert condition["conditionPrometheusQueryLanguage"]["query"].endswith(" or vector(0)) < 1")


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


@pytest.mark.siblings(1)
@pytest.mark.parametrize(
    ("fail_on", "acceptable"), [(None, True), ("incomplete", False), ("never", True)], ids=["whole", "gaps", "accepted"]
)
def test_a_metric_counts_the_line_that_a_run_logs(
    replay: Replay, configured_task: dict[str, str], tmp_path: Path, fail_on: str | None, acceptable: bool
) -> None:
    if fail_on:
        replay.answers["/api/v1/pods"] = (403, {"Content-Type": "application/json"}, b"{}")
    config = tmp_path / "c.yaml"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"fail_on": fail_on or "incomplete"}))
    done = invoke("run", "--config", str(config), **configured_task)
    entries = []
    for line in done.stderr.splitlines():  # Cloud Logging turns each line into an entry
        payload = json.loads(line)
        labels = payload.pop("logging.googleapis.com/labels")
        entries.append({"resource": {"type": "cloud_run_job"}, "labels": labels, "jsonPayload": payload})
    taken = {name: [entry for entry in entries if matches(metric["filter"], entry)] for name, metric in METRICS.items()}
    assert {name: len(found) for name, found in taken.items()} == dict.fromkeys(METRICS, 1)
    label = METRICS["gke_inventory_committed_tasks"]["labelExtractors"]["acceptable"]
    assert extracted(label, taken["gke_inventory_committed_tasks"][0]) is acceptable is (done.returncode == 0)
    for name, found in taken.items():
        for label in METRICS[name].get("labelExtractors", {}).values():
            assert all(extracted(label, entry) is not None for entry in found)
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
    return DuckDBSink(Path(shutil.copy(made_file(), tmp_path / "w.duckdb")), timeout_seconds=5)


def test_gaps_that_fail_on_does_not_accept_are_named(sink: Sink) -> None:
    fine = "fine: the gaps of the newest run, if any, are within fail_on"
    assert answer_of(sink, "unaccepted_gaps") == fine  # there is no run yet
    gaps = [Read("a", ["x"], "timed_out"), Read("b", ["x"], "forbidden")]
    publish(sink, run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], "forbidden")))
    publish(sink, run_of(2, *gaps))
    assert answer_of(sink, "unaccepted_gaps") == fine
    publish(sink, not_acceptable(run_of(3, *gaps)))
    answer = answer_of(sink, "unaccepted_gaps")
    assert "the newest run is not acceptable: 2 lists could not be read: " in answer
    assert "shop-prod/europe-west1/a pods (timed_out, last read 2026-01-01 01:00:00" in answer
    assert "shop-prod/europe-west1/b pods (forbidden, never read)" in answer
    publish(sink, run_of(4, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    assert answer_of(sink, "unaccepted_gaps") == fine


def not_acceptable(rows: list[tuple[Key, Record]]) -> list[tuple[Key, Record]]:
    *others, (key, run) = rows
    return [*others, (key, msgspec.structs.replace(run, acceptable=False))]


def test_a_projects_list_that_fell_is_named(sink: Sink) -> None:
    publish(sink, run_of(1, Read("a", ["x"], ["p1"])))
    publish(sink, not_acceptable(run_of(2, listed=[], outcome="forbidden")))
    assert "shop-prod clusters (forbidden, last read" in answer_of(sink, "unaccepted_gaps")


NOW = int((datetime.now(UTC) - FIRST).total_seconds() // 3600)  # the number of a run less than an hour ago
DAY = 24


def test_a_cluster_of_which_nothing_was_read_for_a_day_is_named(sink: Sink) -> None:
    publish(sink, run_of(NOW - 3 * DAY, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    publish(sink, run_of(NOW, Read("a", ["x"], "forbidden"), Read("b", "forbidden", "forbidden")))
    answer = answer_of(sink, "unread_clusters")
    assert "nothing read for 24 hours: 1 of them: shop-prod/europe-west1/b (last read " in answer
    publish(sink, run_of(NOW, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"]), prefix="again-"))
    assert answer_of(sink, "unread_clusters") == "fine: something of every cluster was read in the last 24 hours"


def test_a_cluster_that_could_never_be_read_is_named_once_it_is_a_day_old(sink: Sink) -> None:
    for number in (NOW - 3 * DAY, NOW):
        publish(sink, run_of(number, Read("a", ["x"], ["p1"]), Read("b", "unreachable", "unreachable")))
    assert "1 of them: shop-prod/europe-west1/b (never read)" in answer_of(sink, "unread_clusters")


def test_a_cluster_that_has_just_appeared_has_a_day(sink: Sink) -> None:
    publish(sink, run_of(NOW, Read("a", ["x"], ["p1"]), Read("b", "not_running", "not_running")))
    assert answer_of(sink, "unread_clusters").startswith("fine")


def test_a_job_that_stopped_is_reported(sink: Sink) -> None:
    publish(sink, run_of(NOW - 3 * DAY, Read("a", ["x"], ["p1"])))
    assert "2 of them: (no run); shop-prod/europe-west1/a" in answer_of(sink, "unread_clusters")


def test_a_job_that_never_ran_is_reported(sink: Sink) -> None:
    assert "1 of them: (no run)" in answer_of(sink, "unread_clusters")


def test_a_deleted_cluster_is_not_reported(sink: Sink) -> None:
    publish(sink, run_of(NOW - 3 * DAY, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"])))
    publish(sink, run_of(NOW, Read("a", ["x"], ["p1"])))
    assert answer_of(sink, "unread_clusters").startswith("fine")


@pytest.mark.parametrize("name", ["unaccepted_gaps", "unread_clusters"])
def test_a_query_names_its_tables_by_the_scripts_variables(name: str) -> None:
    assert set(re.findall(r"\$\{(\w+)\}", (ALERTS / f"{name}.sql").read_text())) == {"PROJECT", "DATASET"}
