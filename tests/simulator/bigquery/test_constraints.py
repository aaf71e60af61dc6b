"""Keys that are declared and never enforced, and what storage is billed by."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery
from google.cloud.bigquery.table import ColumnReference, ForeignKey, PrimaryKey, TableConstraints
from loopback_bigquery import PROJECT, Field, ask, load, make_pods, pod

from job.simulator.bigquery.control import Control

TABLE = f"{PROJECT}.inventory.pods"
NODES = f"{PROJECT}.inventory.nodes"
BY_NAME = TableConstraints(PrimaryKey(["snapshot_time", "name"]), None)


def node_of(column: str, referenced: str = "name", table: str = NODES) -> ForeignKey:
    reference = bigquery.TableReference.from_string(table)
    return ForeignKey("node_of", reference, [ColumnReference(column, referenced)])


def test_keys_are_kept_returned_and_not_enforced(client: bigquery.Client) -> None:
    nodes = bigquery.Table(NODES, schema=[Field("name", "STRING"), Field("cpus", "INT64")])
    nodes.table_constraints = TableConstraints(PrimaryKey(["name"]), None)
    assert client.create_table(nodes).table_constraints == TableConstraints(PrimaryKey(["name"]), None)
    pods = make_pods(client, table_constraints=BY_NAME)
    assert client.get_table(TABLE).table_constraints == BY_NAME
    pods.table_constraints = TableConstraints(PrimaryKey(["name"]), [node_of("name")])
    changed = client.update_table(pods, ["table_constraints"])
    assert changed.table_constraints.primary_key == PrimaryKey(["name"])
    assert changed.table_constraints.foreign_keys == [node_of("name")]
    load(client, [pod("a"), pod("a")])
    assert ask(client, "SELECT COUNT(*) FROM pods") == [(2,)]
    assert client.get_table(TABLE).table_constraints.foreign_keys == [node_of("name")]
    changed = client.get_table(TABLE)
    changed.table_constraints = None
    assert client.update_table(changed, ["table_constraints"]).table_constraints is None


@pytest.mark.parametrize(
    ("constraints", "says"),
    [
        (TableConstraints(PrimaryKey([]), None), "1 to 16 different columns"),
        (TableConstraints(PrimaryKey(["name", "NAME"]), None), "1 to 16 different columns"),
        (TableConstraints(PrimaryKey(["missing"]), None), "column missing of a key is not in table"),
        (TableConstraints(PrimaryKey(["labels"]), None), "labels of type RECORD, REPEATED, cannot be part of a key"),
        (TableConstraints(None, [node_of("name")]), "inventory.nodes that a foreign key references is not"),
        (TableConstraints(None, [node_of("name", table=TABLE)]), "must reference the primary key"),
        (TableConstraints(PrimaryKey(["name"]), [node_of("restarts", table=TABLE)]), "another type"),
    ],
)
def test_keys_that_cannot_be_are_refused(client: bigquery.Client, constraints: Any, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        make_pods(client, table_constraints=constraints)
    make_pods(client)


def test_the_billing_of_storage_is_kept_and_changes_every_14_days(control: Control, client: bigquery.Client) -> None:
    dataset = bigquery.Dataset(f"{PROJECT}.other")
    dataset.storage_billing_model = "PHYSICAL"
    made = client.create_dataset(dataset)
    assert made.storage_billing_model == client.get_dataset("other").storage_billing_model == "PHYSICAL"
    assert client.get_dataset("inventory").storage_billing_model is None

    def change_to(model: str) -> str | None:
        found = client.get_dataset("other")
        found.storage_billing_model = model
        return client.update_dataset(found, ["storage_billing_model"]).storage_billing_model

    assert change_to("LOGICAL") == "LOGICAL"
    with pytest.raises(BadRequest, match="changed less than 14 days ago"):
        change_to("PHYSICAL")
    control.advance(14 * 86_400)
    assert change_to("PHYSICAL") == "PHYSICAL"
    with pytest.raises(BadRequest, match="storageBillingModel"):
        change_to("FREE")
