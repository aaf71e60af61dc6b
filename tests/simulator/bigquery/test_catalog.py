"""Datasets, tables and views: how they change, and what BigQuery refuses."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from google.api_core.exceptions import BadRequest, Conflict, NotFound, PreconditionFailed
from google.cloud import bigquery
from loopback_bigquery import PODS, PROJECT, Field, ask, load, make_pods, names, pod

from job.simulator.bigquery.control import Control

TABLE = f"{PROJECT}.inventory.pods"


def make(client: bigquery.Client, schema: Any, **properties: Any) -> bigquery.Table:
    table = bigquery.Table(TABLE, schema=schema)
    for key, value in properties.items():
        setattr(table, key, value)
    return client.create_table(table)


def test_a_dataset_is_in_the_us_by_default(control: Control, client: bigquery.Client) -> None:
    dataset = bigquery.Dataset(f"{PROJECT}.other")
    dataset.location = None
    client._location = None
    assert client.create_dataset(dataset).location == "US"
    with pytest.raises(Conflict, match="Already Exists: Dataset shop-prod:other"):
        client.create_dataset(dataset)
    with pytest.raises(NotFound, match="Not found: Dataset shop-prod:none"):
        client.get_dataset("none")


def test_a_dataset_in_use_is_not_deleted(client: bigquery.Client) -> None:
    make_pods(client)
    with pytest.raises(BadRequest, match="Dataset shop-prod:inventory is still in use"):
        client.delete_dataset("inventory")
    client.delete_dataset("inventory", delete_contents=True)
    with pytest.raises(NotFound):
        client.get_table(TABLE)


def test_labels_and_descriptions_of_a_dataset_can_change(client: bigquery.Client) -> None:
    dataset = client.get_dataset("inventory")
    dataset.labels, dataset.description = {"a": "1", "b": "2"}, "pods and all"
    client.update_dataset(dataset, ["labels", "description"])
    dataset = client.get_dataset("inventory")
    dataset.labels["a"] = None
    dataset.description = None
    client.update_dataset(dataset, ["labels", "description"])
    found = client.get_dataset("inventory")
    assert (found.labels, found.description, found.location) == ({"b": "2"}, None, "EU")


def test_put_removes_omitted_members_and_patch_removes_nulls(control: Control, client: bigquery.Client) -> None:
    make_pods(client, labels={"a": "1"}, description="pods", friendly_name="Pods")
    url = f"{control.endpoint}/bigquery/v2/projects/{PROJECT}/datasets/inventory/tables/pods"
    reference = {"projectId": PROJECT, "datasetId": "inventory", "tableId": "pods"}
    assert requests.patch(url, json={"friendlyName": None}, timeout=10).status_code == 200
    table = client.get_table(TABLE)
    assert (table.labels, table.description, table.friendly_name) == ({"a": "1"}, "pods", None)
    assert requests.put(url, json={"tableReference": reference, "description": "all"}, timeout=10).status_code == 200
    table = client.get_table(TABLE)
    assert (table.labels, table.description, table.num_rows, len(table.schema)) == ({}, "all", 0, 4)


def test_creating_an_existing_table_does_not_change_it(client: bigquery.Client) -> None:
    make_pods(client)
    wider = bigquery.Table(TABLE, schema=[*PODS, Field("node", "STRING")])
    with pytest.raises(Conflict, match="Already Exists: Table"):
        client.create_table(wider)
    assert [field.name for field in client.create_table(wider, exists_ok=True).schema] == [f.name for f in PODS]


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ([Field("a-b", "STRING")], "Invalid field name"),
        ([Field("_PARTITION_x", "STRING")], "Invalid field name"),
        ([Field("a", "STRING"), Field("A", "INT64")], "already exists in schema"),
        ([Field("a", "TEXT")], "TEXT is not a valid value"),
        ([Field("a", "STRING", "OPTIONAL")], "OPTIONAL is not a valid value"),
        ([Field("a", "RECORD")], "Field a is type RECORD"),
        ([Field("a", "STRING", description="x" * 1025)], "maximum length is 1024"),
    ],
)
def test_an_invalid_schema_is_refused(client: bigquery.Client, schema: Any, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        make(client, schema)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (["name", "restarts", "snapshot_time", "a", "b"], "Too many fields specified for clustering: 5"),
        (["labels"], "cannot be used for clustering"),
        (["labels.key"], "cannot be found in the schema. Invalid field: labels.key"),
        (["missing"], "Invalid field: missing"),
        (["cpu"], "cannot be used for clustering"),
    ],
)
def test_invalid_clustering_is_refused(client: bigquery.Client, fields: list[str], says: str) -> None:
    schema = [*PODS, Field("a", "STRING"), Field("b", "STRING"), Field("cpu", "FLOAT64")]
    with pytest.raises(BadRequest, match=says):
        make(client, schema, clustering_fields=fields)


@pytest.mark.parametrize(
    ("partitioning", "says"),
    [
        (bigquery.TimePartitioning(field="name"), "cannot be used for partitioning"),
        (bigquery.TimePartitioning(field="missing"), "cannot be found in the schema. Invalid field: missing"),
        (bigquery.TimePartitioning(type_="WEEK", field="snapshot_time"), "WEEK is not one of"),
    ],
)
def test_invalid_partitioning_is_refused(client: bigquery.Client, partitioning: Any, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        make(client, PODS, time_partitioning=partitioning)


@pytest.mark.parametrize(
    "labels", [{"Team": "web"}, {"team": "Web"}, {"1st": "web"}, {"t" * 64: "web"}, {"team": "w" * 64}, {"team": "a.b"}]
)
def test_invalid_labels_are_refused(client: bigquery.Client, labels: dict[str, str]) -> None:
    with pytest.raises(BadRequest, match="Invalid label"):
        make(client, PODS, labels=labels)


def test_a_table_can_gain_columns_and_relax_required_ones(client: bigquery.Client) -> None:
    make_pods(client)
    load(client, [pod("a", labels=[{"key": "k", "value": "v"}])])
    found = client.get_table(TABLE)
    labels = Field("labels", "RECORD", "REPEATED", fields=(*PODS[3].fields, Field("source", "STRING")))
    relaxed = Field("name", "STRING", "NULLABLE", description="renamed")
    found.schema = [PODS[0], relaxed, PODS[2], labels, Field("node", "STRING")]
    client.update_table(found, ["schema"])
    load(client, [{"snapshot_time": "2026-01-02T00:00:00Z", "node": "n1"}], schema=None)
    schema = client.get_table(TABLE).schema
    assert [(field.name, field.mode, field.description) for field in schema[1:2]] == [("name", "NULLABLE", "renamed")]
    assert ask(client, "SELECT name, labels, node FROM pods ORDER BY node") == [
        ("a", [{"key": "k", "value": "v", "source": None}], None),
        (None, [], "n1"),
    ]


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        (PODS[:3], "Field labels is missing in new schema"),
        ((*PODS[:2], Field("restarts", "STRING"), PODS[3]), "Field restarts has changed type from INTEGER to STRING"),
        ((*PODS[:2], Field("restarts", "INT64", "REQUIRED"), PODS[3]), "changed mode from NULLABLE to REQUIRED"),
        ((*PODS, Field("node", "STRING", "REQUIRED")), r"Cannot add required fields .* \(field: node\)"),
    ],
)
def test_a_table_cannot_lose_or_change_columns(client: bigquery.Client, schema: Any, says: str) -> None:
    found = make_pods(client)
    found.schema = schema
    with pytest.raises(BadRequest, match=says):
        client.update_table(found, ["schema"])
    assert [field.name for field in client.get_table(TABLE).schema] == [field.name for field in PODS]


def test_an_update_with_an_old_etag_is_refused(client: bigquery.Client) -> None:
    mine = make_pods(client)
    theirs = client.get_table(TABLE)
    theirs.description = "theirs"
    client.update_table(theirs, ["description"])
    mine.description = "mine"
    with pytest.raises(PreconditionFailed):
        client.update_table(mine, ["description"])
    assert client.get_table(TABLE).description == "theirs"


def test_partitioning_cannot_change_but_its_expiration_can(client: bigquery.Client) -> None:
    found = make_pods(client)
    found.time_partitioning = bigquery.TimePartitioning(field="snapshot_time", expiration_ms=86_400_000)
    client.update_table(found, ["time_partitioning"])
    found = client.get_table(TABLE)
    assert found.time_partitioning.expiration_ms == 86_400_000
    found.time_partitioning = bigquery.TimePartitioning(type_="HOUR", field="snapshot_time")
    with pytest.raises(BadRequest, match="Cannot change timePartitioning"):
        client.update_table(found, ["time_partitioning"])


def test_a_patch_is_merged_at_any_depth_and_removes_nulls(control: Control, client: bigquery.Client) -> None:
    partitioning = bigquery.TimePartitioning(field="snapshot_time", expiration_ms=86_400_000)
    make_pods(client, labels={"a": "1", "b": "2"}, time_partitioning=partitioning)
    url = f"{control.endpoint}/bigquery/v2/projects/{PROJECT}/datasets/inventory/tables/pods"
    for sent, expiration in (
        ({"timePartitioning": {"type": "DAY", "field": "snapshot_time"}}, 86_400_000),
        ({"timePartitioning": {"expirationMs": "7200000"}, "labels": {"a": None, "c": "3"}}, 7_200_000),
        ({"timePartitioning": {"expirationMs": None}}, None),
    ):
        assert requests.patch(url, json=sent, timeout=10).status_code == 200
        found = client.get_table(TABLE)
        assert (found.time_partitioning.expiration_ms, found.time_partitioning.field) == (expiration, "snapshot_time")
    assert found.labels == {"b": "2", "c": "3"}
    replaced = {"tableReference": found.reference.to_api_repr(), "timePartitioning": {"type": "DAY"}}
    assert requests.put(url, json=replaced, timeout=10).status_code == 400  # PUT replaces: the field would be lost


def test_old_partitions_expire(control: Control, client: bigquery.Client) -> None:
    days = 40 * 365
    make_pods(
        client,
        time_partitioning=bigquery.TimePartitioning(field="snapshot_time", expiration_ms=days * 86_400_000),
    )
    load(client, [pod("old", day=1), pod("new", day=2)])
    assert client.get_table(TABLE)._properties["numPartitions"] == "2"
    (now,) = ask(client, "SELECT TIMESTAMP_DIFF(TIMESTAMP '2026-01-01', CURRENT_TIMESTAMP(), SECOND)")
    control.advance(now[0] + days * 86_400 + 60)
    assert names(client) == ["new"]


def test_tables_inherit_the_expiration_of_their_dataset(control: Control, client: bigquery.Client) -> None:
    dataset = client.get_dataset("inventory")
    dataset.default_table_expiration_ms = 3_600_000
    dataset.default_partition_expiration_ms = 7_200_000
    client.update_dataset(dataset, ["default_table_expiration_ms", "default_partition_expiration_ms"])
    make_pods(client)
    client.create_table(bigquery.Table(f"{PROJECT}.inventory.plain", schema=PODS))
    view = bigquery.Table(f"{PROJECT}.inventory.one")
    view.view_query = "SELECT 1 AS one"
    assert client.create_table(view).expires is not None
    assert client.get_table(TABLE).time_partitioning.expiration_ms == 7_200_000
    control.advance(3_601)
    assert [item.table_id for item in client.list_tables("inventory")] == ["pods"]


def test_a_view_has_the_columns_of_its_query_and_follows_its_tables(client: bigquery.Client) -> None:
    make_pods(client)
    view = bigquery.Table(f"{PROJECT}.inventory.v")
    view.view_query = f"SELECT *, restarts > 3 AS flapping FROM `{TABLE}`"
    made = client.create_table(view)
    assert [(field.name, field.field_type) for field in made.schema][-2:] == [
        ("labels", "RECORD"),
        ("flapping", "BOOLEAN"),
    ]
    load(client, [pod("a", restarts=4)])
    assert ask(client, "SELECT name, flapping FROM v") == [("a", True)]
    found = client.get_table(TABLE)
    found.schema = [*found.schema, Field("node", "STRING")]
    client.update_table(found, ["schema"])
    assert ask(client, "SELECT node FROM v") == [(None,)]
    client.delete_table(TABLE)
    with pytest.raises(NotFound, match=r"Not found: Table shop-prod:inventory\.pods"):
        ask(client, "SELECT name FROM v")


def test_the_columns_of_a_view_can_be_described_once_it_is_there(client: bigquery.Client) -> None:
    """https://github.com/googleapis/google-cloud-python/issues/7246"""
    make_pods(client)
    sql = f"SELECT name, labels FROM `{TABLE}`"
    view = bigquery.Table(f"{PROJECT}.inventory.v", schema=[PODS[1], PODS[3]])
    view.view_query = sql
    with pytest.raises(BadRequest, match="Schema field shouldn't be used as input with a view"):
        client.create_table(view)
    view = bigquery.Table(view.reference)
    view.view_query = sql
    made = client.create_table(view)
    inner = (Field("key", "STRING", description="of the label"), Field("value", "STRING"))
    made.schema = [Field("name", "STRING", description="n"), Field("labels", "RECORD", "REPEATED", fields=inner)]
    client.update_table(made, ["schema"])
    name, labels = client.get_table(view).schema
    assert (name.description, labels.fields[0].description) == ("n", "of the label")
    for wrong in ([name], [Field("name", "INT64"), labels]):
        made = client.get_table(view)
        made.schema = wrong
        with pytest.raises(BadRequest, match="does not match"):
            client.update_table(made, ["schema"])
    made.view_query += " WHERE TRUE"
    assert [field.description for field in client.update_table(made, ["view_query"]).schema] == [None, None]


@pytest.mark.parametrize(
    ("sql", "error", "says"),
    [
        ("SELECT * FROM pods", BadRequest, "must be qualified with a dataset"),
        ("SELECT * FROM inventory.none", NotFound, "Not found: Table shop-prod:inventory.none"),
        ("SELECT missing FROM inventory.pods", BadRequest, "missing"),
        ("SELECT FROM", BadRequest, "Syntax error"),
        ("DELETE FROM inventory.pods WHERE TRUE", BadRequest, "A view must be defined by a query"),
    ],
)
def test_a_view_with_an_invalid_query_is_refused(
    client: bigquery.Client, sql: str, error: type[Exception], says: str
) -> None:
    make_pods(client)
    view = bigquery.Table(f"{PROJECT}.inventory.v")
    view.view_query = sql
    with pytest.raises(error, match=says):
        client.create_table(view)
    assert [item.table_id for item in client.list_tables("inventory")] == ["pods"]


def test_table_names_are_case_sensitive(client: bigquery.Client) -> None:
    for name in ("pods", "Pods"):
        make_pods(client, name)
    load(client, [pod("a")], "Pods")
    assert (names(client, "pods"), names(client, "Pods")) == ([], ["a"])


def test_lists_are_paged(client: bigquery.Client) -> None:
    for number in range(5):
        make_pods(client, f"pods_{number}")
    pages = client.list_tables("inventory", page_size=2).pages
    assert [[item.table_id for item in page] for page in pages] == [
        ["pods_0", "pods_1"], ["pods_2", "pods_3"], ["pods_4"],
    ]  # fmt: skip


def test_rows_of_a_table_are_paged_and_can_be_selected_by_column(client: bigquery.Client) -> None:
    make_pods(client)
    load(client, [pod(f"pod-{number}", restarts=number) for number in range(5)])
    rows = client.list_rows(TABLE, page_size=2, selected_fields=[PODS[1]])
    assert [[row.values() for row in page] for page in rows.pages] == [
        [("pod-0",), ("pod-1",)], [("pod-2",), ("pod-3",)], [("pod-4",)],
    ]  # fmt: skip
    assert [row["name"] for row in client.list_rows(TABLE, start_index=3)] == ["pod-3", "pod-4"]
    view = bigquery.Table(f"{PROJECT}.inventory.v")
    view.view_query = f"SELECT name FROM `{TABLE}`"
    with pytest.raises(BadRequest, match="Cannot list a table of type VIEW"):
        list(client.list_rows(client.create_table(view)))


def test_a_grant_statement_adds_a_role_to_a_dataset_and_a_revoke_statement_removes_it(client: bigquery.Client) -> None:
    client.create_dataset(f"{PROJECT}.granted")
    roles, members = "`roles/bigquery.dataEditor`, `roles/x.y`", """'serviceAccount:a@b', "group:c@d" """
    sql = f"GRANT {roles} ON SCHEMA `shop-prod.granted` TO {members}"
    for _ in range(2):  # the second one adds nothing
        assert client.query_and_wait(sql).total_rows == 0
    entries = client.get_dataset(f"{PROJECT}.granted").access_entries
    assert [(entry.role, entry.entity_type, entry.entity_id) for entry in entries] == [
        ("WRITER", "userByEmail", "a@b"),
        ("WRITER", "groupByEmail", "c@d"),
        ("roles/x.y", "userByEmail", "a@b"),
        ("roles/x.y", "groupByEmail", "c@d"),
    ]
    client.query_and_wait("REVOKE `roles/bigquery.dataEditor`, `roles/x.y` ON SCHEMA granted FROM 'group:c@d'")
    entries = client.get_dataset(f"{PROJECT}.granted").access_entries
    assert [(entry.role, entry.entity_id) for entry in entries] == [("WRITER", "a@b"), ("roles/x.y", "a@b")]
    with pytest.raises(BadRequest, match="Invalid member: nobody"):
        client.query_and_wait("GRANT `r` ON SCHEMA granted TO 'nobody'")
    with pytest.raises(NotFound, match="Dataset shop-prod:none"):
        client.query_and_wait("GRANT `r` ON SCHEMA none TO 'user:a@b'")
