"""Datasets, tables and views, kept in an in-memory DuckDB."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import duckdb

from job.simulator.bigquery.errors import duplicate, invalid, not_found
from job.simulator.bigquery.schema import Field, check_schema, duckdb_type, evolved, mode_of

Resource = dict[str, Any]
_LARGEST_ROW = 100 << 20  # bytes: BigQuery's own limit of a JSON row


class Storage:
    """Everything that is stored; one thread at a time."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.database = duckdb.connect()
        self.database.execute("LOAD icu; SET TimeZone = 'UTC'")
        self.datasets: dict[str, Resource] = {}
        self.tables: dict[str, Resource] = {}
        """`project:dataset` and `project:dataset.table`, as BigQuery writes ids."""

    def dataset(self, project: str, dataset: str) -> Resource:
        found = self.datasets.get(f"{project}:{dataset}")
        if found is None:
            raise not_found("Dataset", f"{project}:{dataset}")
        return found

    def create_dataset(self, project: str, body: Resource) -> Resource:
        name = f"{project}:{body['datasetReference']['datasetId']}"
        if name in self.datasets:
            raise duplicate("Dataset", name)
        body["datasetReference"]["projectId"] = project
        told = {"kind": "bigquery#dataset", "id": name, "location": "US", **_stamped(), **body}
        self.datasets[name] = told
        self.database.execute(f"CREATE SCHEMA {schema_name(name)}")
        return told

    def delete_dataset(self, project: str, dataset: str, *, contents: bool) -> None:
        name = self.dataset(project, dataset)["id"]
        inside = [table for table in self.tables if table.startswith(f"{name}.")]
        if inside and not contents:
            raise invalid(f"Dataset {name} is still in use", reason="resourceInUse")
        self.database.execute(f"DROP SCHEMA {schema_name(name)} CASCADE")
        for table in inside:
            del self.tables[table]
        del self.datasets[name]

    def table(self, project: str, dataset: str, table: str) -> Resource:
        found = self.tables.get(f"{project}:{dataset}.{table}")
        if found is None:
            self.dataset(project, dataset)
            raise not_found("Table", f"{project}:{dataset}.{table}")
        return found

    def create_table(
        self, project: str, dataset: str, body: Resource, *, view: tuple[str, list[Field]] | None
    ) -> Resource:
        """Creates a table, or with `view` (its query in DuckDB's SQL, and its schema) a view."""
        parent = self.dataset(project, dataset)
        name = f"{project}:{dataset}.{body['tableReference']['tableId']}"
        if name in self.tables:
            raise duplicate("Table", name)
        body["tableReference"] |= {"projectId": project, "datasetId": dataset}
        kind = "VIEW" if view else "TABLE"
        told = {
            "kind": "bigquery#table",
            "id": name,
            "type": kind,
            "location": parent["location"],
            **_stamped(),
            **body,
        }
        if view:
            self._set_view(told, view)
        else:
            told["schema"] = {"fields": check_schema(body.get("schema", {}).get("fields", []))}
            _check_layout(told)
            definition = ", ".join(f'"{f["name"]}" {duckdb_type(f)}' for f in told["schema"]["fields"])
            self.database.execute(f"CREATE TABLE {table_name(name)} ({definition or '_none INTEGER'})")
        self.tables[name] = told
        return told

    def update_table(self, found: Resource, body: Resource, *, view: tuple[str, list[Field]] | None) -> Resource:
        """Changes what the body names; a schema may only grow."""
        if "schema" in body and found["type"] == "TABLE":
            self.grow(found, evolved(found["schema"]["fields"], check_schema(body["schema"]["fields"])))
        was: Resource = found.get("timePartitioning", {})
        wanted: Resource | None = body.get("timePartitioning")
        if wanted is not None and [wanted.get(key) for key in ("type", "field")] != [was.get("type"), was.get("field")]:
            raise invalid(f"Cannot change the partitioning of table {found['id']}")  # its expiration may change
        if view:
            self._set_view(found, view)
        for key, value in body.items():
            if key not in ("schema", "tableReference"):
                found[key] = {**found.get(key, {}), **value} if key == "labels" and value else value
        found["lastModifiedTime"] = str(int(time.time() * 1000))
        found["etag"] = found["etag"] + "+"
        return found

    def grow(self, found: Resource, fields: list[Field]) -> None:
        """Gives the table the columns that it lacks."""
        there = {field["name"].lower() for field in found["schema"]["fields"]}
        for field in fields:
            if field["name"].lower() not in there:
                sql = f'ALTER TABLE {table_name(found["id"])} ADD COLUMN "{field["name"]}" {duckdb_type(field)}'
                self.database.execute(sql)
        found["schema"] = {"fields": fields}

    def delete_table(self, found: Resource) -> None:
        self.database.execute(f"DROP {found['type']} {table_name(found['id'])}")
        del self.tables[found["id"]]

    def insert(self, found: Resource, rows: list[dict[str, Any]], *, truncate: bool) -> None:
        """Inserts rows that have been held to the schema; all of them, or none."""
        fields = found["schema"]["fields"]
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "rows.ndjson"
            with path.open("w") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
            types = ", ".join(f"'{field['name']}': '{duckdb_type(field)}'" for field in fields)
            names = ", ".join(f'"{field["name"]}"' for field in fields)
            self.database.execute("BEGIN")
            if truncate:
                self.database.execute(f"DELETE FROM {table_name(found['id'])}")
            if rows:
                source = f"'{path}', format = 'newline_delimited', maximum_object_size = {_LARGEST_ROW}"
                self.database.execute(
                    f"INSERT INTO {table_name(found['id'])} ({names}) "
                    f"SELECT {names} FROM read_json({source}, columns = {{{types}}})"
                )
            self.database.execute("COMMIT")

    def described(self, found: Resource) -> Resource:
        """The resource, with how many rows it has."""
        if found["type"] == "VIEW":
            return found
        count = self.database.execute(f"SELECT count(*) FROM {table_name(found['id'])}").fetchone()
        return {**found, "numRows": str(count[0] if count else 0), "numBytes": "0"}

    def _set_view(self, found: Resource, view: tuple[str, list[Field]]) -> None:
        sql, fields = view
        self.database.execute(f"CREATE OR REPLACE VIEW {table_name(found['id'])} AS {sql}")
        found["schema"] = {"fields": fields}


def schema_name(dataset: str) -> str:
    """DuckDB's schema for `project:dataset`."""
    return f'"{dataset.replace(":", ".")}"'


def table_name(name: str) -> str:
    """DuckDB's name for `project:dataset.table`."""
    dataset, _, table = name.rpartition(".")
    return f'{schema_name(dataset)}."{table}"'


def _stamped() -> Resource:
    now = str(int(time.time() * 1000))
    return {"creationTime": now, "lastModifiedTime": now, "etag": f"etag-{now}"}


def _check_layout(table: Resource) -> None:
    """https://cloud.google.com/bigquery/docs/creating-clustered-tables#limitations"""
    fields = {field["name"]: field for field in table["schema"]["fields"]}
    column = table.get("timePartitioning", {}).get("field")
    if column is not None and fields.get(column, {}).get("type") not in ("TIMESTAMP", "DATE", "DATETIME"):
        raise invalid(
            f"The field specified for time partitioning can only be of type TIMESTAMP, DATE or DATETIME: {column}"
        )
    clustering = table.get("clustering", {}).get("fields", [])
    if len(clustering) > 4:
        raise invalid("The number of clustering fields is over the limit of 4")
    for name in clustering:
        if name not in fields or mode_of(fields[name]) == "REPEATED" or fields[name]["type"] == "RECORD":
            raise invalid(f"Entity {name} was not found, or cannot be clustered by")
