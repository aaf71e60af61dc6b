"""Every request and every answer is checked against Google's discovery document."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import requests
from google.cloud import bigquery
from loopback_bigquery import PROJECT, load, make_pods, pod

from job.simulator.bigquery import discovery
from job.simulator.bigquery.control import Control
from job.simulator.bigquery.errors import ApiError

LOAD = {
    "jobReference": {"projectId": PROJECT, "jobId": "load-1", "location": None},
    "configuration": {
        "labels": {"any": "thing", "writeDisposition": "mine"},
        "load": {
            "destinationTable": {"projectId": PROJECT, "datasetId": "inventory", "tableId": "pods"},
            "schema": {"fields": [{"name": "a", "type": "RECORD", "fields": [{"name": "b", "type": "INT64"}]}]},
            "sourceFormat": "NEWLINE_DELIMITED_JSON",
            "maxBadRecords": "3",
            "writeDisposition": "WRITE_APPEND",
            "schemaUpdateOptions": ["ALLOW_FIELD_ADDITION"],
            "timePartitioning": {"type": "DAY", "expirationMs": 86400000},
        },
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    body = copy.deepcopy(LOAD)
    *above, last = path.split(".")
    place: Any = body
    for name in above:
        place = place[int(name)] if name.isdigit() else place[name]
    place[last] = value
    return body


def test_a_valid_request_passes_without_its_nulls() -> None:
    assert "location" not in discovery.check("Job", LOAD)["jobReference"]


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("configuration.load.writeDispositon", "WRITE_APPEND", "'writeDispositon' was unexpected"),
        ("configuration.load.writeDisposition", "APPEND", "not a valid value for configuration.load.writeDisposition"),
        ("configuration.load.schemaUpdateOptions", ["ADD"], "not a valid value"),
        ("configuration.load.sourceFormat", "JSON", "not a valid value"),
        ("configuration.load.columnNameCharacterMap", "V3", '"V3" is not one of'),
        ("configuration.load.timePartitioning.expirationMs", "1d", "Job.configuration.load.timePartitioning"),
        ("configuration.load.timePartitioning.expirationMs", 1.5, "Job.configuration.load.timePartitioning"),
        ("configuration.load.maxBadRecords", 2**31, "maxBadRecords"),
        ("configuration.load.schema.fields.0.fields.0.nam", "b", "schema.fields[0].fields[0]"),
        ("configuration.load.ignoreUnknownValues", "yes", 'is not of type "boolean"'),
        ("configuration.labels.number", 1, 'is not of type "string"'),
    ],
)
def test_an_invalid_member_is_refused_by_its_path(path: str, value: Any, says: str) -> None:
    with pytest.raises(ApiError, match="(?s)" + says.replace("[", r"\[").replace("]", r"\]")):
        discovery.check("Job", changed(path, value))


def test_read_only_members_are_ignored() -> None:
    body = {"tableReference": {"tableId": "t"}, "numRows": "7", "etag": "x", "description": "d", "type": "VIEW"}
    assert discovery.check("Table", body) == {"tableReference": {"tableId": "t"}, "description": "d"}


def test_every_method_of_the_document_answers(control: Control) -> None:
    """Methods that are not simulated answer with an error in BigQuery's form."""
    for method in discovery.methods():
        url = f"{control.endpoint}/bigquery/v2/{method.path.replace('{', '').replace('}', '')}"
        answer = requests.request(method.verb, url, json={}, timeout=10)
        error = answer.json().get("error", {})
        assert answer.status_code == 200 or error.get("errors"), (method.id, answer.text)
    seen = {request["id"] for request in control.requests()}
    assert seen == {method.id for method in discovery.methods()}


@pytest.mark.parametrize(
    ("path", "query", "says"),
    [
        ("datasets", {"maxResult": "1"}, 'Invalid query parameter "maxResult"'),
        ("datasets", {"maxResults": "-1"}, 'Invalid value for query parameter "maxResults"'),
        ("datasets", {"all": "maybe"}, 'Invalid value for query parameter "all"'),
        ("jobs", {"stateFilter": ["done", "failed"]}, 'Invalid value for query parameter "stateFilter"'),
        ("jobs", {"projection": ["full", "full"]}, "appears 2 times"),
    ],
)
def test_invalid_query_parameters_are_refused(control: Control, path: str, query: dict[str, Any], says: str) -> None:
    answer = requests.get(f"{control.endpoint}/bigquery/v2/projects/p/{path}", params=query, timeout=10)
    assert (answer.status_code, says in answer.json()["error"]["message"]) == (400, True)


def test_a_body_that_is_not_json_is_refused(control: Control) -> None:
    answer = requests.post(f"{control.endpoint}/bigquery/v2/projects/p/datasets", data=b"{", timeout=10)
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (400, "parseError")


def test_a_request_without_credentials_is_refused(control: Control) -> None:
    url = f"{control.endpoint}/bigquery/v2/projects/p/datasets"
    answer = requests.get(url, headers={"Authorization": "Bearer stale"}, timeout=10)
    assert (answer.status_code, answer.json()["error"]["status"]) == (401, "UNAUTHENTICATED")


def test_an_unknown_path_answers_404(control: Control) -> None:
    answer = requests.get(f"{control.endpoint}/bigquery/v3/projects", timeout=10)
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (404, "notFound")


def test_a_wrong_answer_is_detected() -> None:
    assert discovery.check_answer("Table", {"kind": "bigquery#table", "numRows": "3"}) is None
    assert "rows" in str(discovery.check_answer("Table", {"numRows": "3", "rows": 3}))
    assert "numRows" in str(discovery.check_answer("Table", {"numRows": "many"}))
    assert "projectId" in str(discovery.check_answer("JobList", {"jobs": [{"projectId": "p"}]}))


def test_every_kind_of_answer_matches_the_document(control: Control, client: bigquery.Client) -> None:
    """The server checks each answer; the fixture fails the test if one does not match."""
    table = make_pods(client, labels={"a": "b"}, description="pods")
    load(client, [pod("a", labels=[{"key": "k", "value": None}])], job_id="load-1")
    client.create_table(_view(client, "v", "SELECT name FROM `shop-prod.inventory.pods`"))
    list(client.query_and_wait("SELECT * FROM inventory.v"))
    list(client.query("SELECT * FROM inventory.v", job_config=bigquery.QueryJobConfig(dry_run=True)).schema)
    list(client.list_rows(table))
    client.get_job("load-1")
    client.cancel_job("load-1")
    assert {item.table_id for item in client.list_tables("inventory")} == {"pods", "v"}
    assert [item.dataset_id for item in client.list_datasets()] == ["inventory"]
    assert [item.project_id for item in client.list_projects()] == [PROJECT]
    assert len(list(client.list_jobs())) == 2  # a dry run is not a job
    client.delete_dataset("inventory", delete_contents=True)
    assert {request["id"].removeprefix("bigquery.") for request in control.requests()} == {
        "datasets.delete", "datasets.insert", "datasets.list", "jobs.cancel", "jobs.get", "jobs.insert", "jobs.list",
        "jobs.query", "projects.list", "tabledata.list", "tables.insert", "tables.list",
    }  # fmt: skip


def _view(client: bigquery.Client, name: str, sql: str) -> bigquery.Table:
    view = bigquery.Table(f"{client.project}.inventory.{name}")
    view.view_query = sql
    return view
