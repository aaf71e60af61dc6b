"""Stores datasets, tables and views; their rows are in DuckDB."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from job.simulator.bigquery import partitions
from job.simulator.bigquery.clock import Clock
from job.simulator.bigquery.constraints import check_constraints
from job.simulator.bigquery.duckdb_tables import DuckDBTables
from job.simulator.bigquery.errors import duplicate, invalid, not_found
from job.simulator.bigquery.rows import Row
from job.simulator.bigquery.schema import Field, check_labels, check_schema, evolved

Resource = dict[str, Any]
"""A resource as the API returns it. Never changed in place, so that a failed transaction can restore it."""

_DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}")
_TABLE = re.compile(r"[\w -]{1,1024}")
_MAX_DESCRIPTION = 16_384
_BILLING, _LOGICAL = "storageBillingModel", "LOGICAL"
_BILLING_SECONDS = 14 * 86_400
_LAYOUT = ("timePartitioning", "clustering", "rangePartitioning")


class Storage:
    """All datasets and tables. Callers must hold the lock."""

    def __init__(self, clock: Clock) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.duckdb = DuckDBTables()
        self.datasets: dict[str, Resource] = {}
        """By `project:dataset`, BigQuery's form of ids."""
        self.tables: dict[str, Resource] = {}
        """By `project:dataset.table`, BigQuery's form of ids."""
        self.routines: dict[str, Resource] = {}
        """By `project:dataset.routine`."""
        self._billing_changed: dict[str, float] = {}
        self._etags = count()
        self._in_transaction = False

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commits everything done within the block together, or nothing. A nested block joins the outer one."""
        if self._in_transaction:
            yield
            return
        before = dict(self.datasets), dict(self.tables)
        self._in_transaction = True
        try:
            with self.duckdb.transaction():
                yield
        except BaseException:
            self.datasets, self.tables = before
            raise
        finally:
            self._in_transaction = False

    # datasets

    def dataset(self, project: str, dataset: str) -> Resource:
        """The dataset.

        Raises:
            ApiError: 404.
        """
        found = self.datasets.get(f"{project}:{dataset}")
        if found is None:
            raise not_found("Dataset", f"{project}:{dataset}")
        return found

    def create_dataset(self, project: str, body: Resource) -> Resource:
        """Creates a dataset, in US unless the body has a location."""
        dataset = body["datasetReference"]["datasetId"]
        name = f"{project}:{dataset}"
        if not _DATASET.fullmatch(dataset):
            raise invalid(f'Invalid dataset ID "{dataset}". Use at most 1,024 letters, digits and underscores.')
        if name in self.datasets:
            raise duplicate("Dataset", name)
        check_labels(body.get("labels", {}))
        location = str(body.get("location") or "US")
        made = {
            **body,
            "kind": "bigquery#dataset",
            "id": name,
            "datasetReference": {"projectId": project, "datasetId": dataset},
            # multi-regions are in upper case, regions in lower case
            "location": location.upper() if location.upper() in ("US", "EU") else location.lower(),
            "type": "DEFAULT",
            **self._stamped({}),
        }
        self.datasets[name] = made
        return made

    def update_dataset(self, found: Resource, body: Resource, removed: set[str]) -> Resource:
        """Sets the members in the body, and removes others."""
        if str(body.get("location", found["location"])).upper() != found["location"].upper():
            raise invalid("Cannot change the location of a dataset")
        keys = {"datasetReference", "location", "etag", "id", "kind", "type"}
        made = {key: value for key, value in found.items() if key not in removed}
        made |= {key: value for key, value in body.items() if key not in keys}
        check_labels(made.get("labels", {}))
        if made.get(_BILLING, _LOGICAL) != found.get(_BILLING, _LOGICAL):
            self._change_billing(found["id"])
        self.datasets[found["id"]] = made | self._stamped(found)
        return self.datasets[found["id"]]

    def _change_billing(self, dataset: str) -> None:
        """https://cloud.google.com/bigquery/docs/updating-datasets#update_storage_billing_models"""
        now = self.clock.now()
        if now < self._billing_changed.get(dataset, -math.inf) + _BILLING_SECONDS:
            raise invalid(f"The storage billing model of dataset {dataset} was changed less than 14 days ago")
        self._billing_changed[dataset] = now

    def delete_dataset(self, found: Resource, *, contents: bool) -> None:
        """Deletes a dataset; with `contents`, also its tables."""
        inside = [table for name, table in self.tables.items() if name.startswith(f"{found['id']}.")]
        if inside and not contents:
            raise invalid(f"Dataset {found['id']} is still in use", reason="resourceInUse")
        for table in inside:
            self.delete_table(table)
        for name in [name for name in self.routines if name.startswith(f"{found['id']}.")]:
            del self.routines[name]
        del self.datasets[found["id"]]

    # tables

    def table(self, project: str, dataset: str, table: str) -> Resource:
        """The table or view.

        Raises:
            ApiError: 404, for the table or its dataset.
        """
        found = self.tables.get(f"{project}:{dataset}.{table}")
        if found is None:
            self.dataset(project, dataset)
            raise not_found("Table", f"{project}:{dataset}.{table}")
        return found

    def create_table(
        self, project: str, dataset: str, body: Resource, *, view_fields: list[Field] | None = None
    ) -> Resource:
        """Creates a table; with `view_fields`, a view with these columns."""
        parent, table = self.dataset(project, dataset), body["tableReference"]["tableId"]
        name = f"{project}:{dataset}.{table}"
        if not _TABLE.fullmatch(table):
            raise invalid(f'Invalid table ID "{table}"')
        if name in self.tables:
            raise duplicate("Table", name)
        made = {
            **body,
            "kind": "bigquery#table",
            "id": name,
            "tableReference": {"projectId": project, "datasetId": dataset, "tableId": table},
            "type": "VIEW" if view_fields is not None else "TABLE",
            "location": parent["location"],
            **self._stamped({}),
        }
        _check_descriptions(made)
        if view_fields is not None:
            if "schema" in body:
                raise invalid("Schema field shouldn't be used as input with a view")
            made["schema"] = {"fields": view_fields}
            made |= self._defaults(parent, made)
        else:
            made["schema"] = {"fields": check_schema(body.get("schema", {}).get("fields", []))}
            made |= self._defaults(parent, made)
            partitions.check_layout(made)
        check_constraints(made, self.tables)
        if view_fields is None:
            self.duckdb.create(name, made["schema"]["fields"])
        self.tables[name] = made
        return made

    def update_table(
        self, found: Resource, body: Resource, removed: set[str], *, view_fields: list[Field] | None = None
    ) -> Resource:
        """Sets the members in the body, and removes others. The schema of a table may only grow."""
        made = {key: value for key, value in found.items() if key not in removed - {"schema"}}
        for key, value in body.items():
            if key in _LAYOUT and value != found.get(key):
                self._check_layout_change(found, key, value)
            if key not in ("schema", "tableReference"):
                made[key] = value
        if "schema" in body and found["type"] == "TABLE":
            requested = check_schema(body["schema"].get("fields", []))
            fields = evolved(found["schema"]["fields"], requested, table=found["id"], may_add=True, may_relax=True)
            self.set_schema(found, fields)
            made["schema"] = {"fields": fields}
        if view_fields is not None:
            made["schema"] = {"fields": view_fields}
        elif "schema" in body and found["type"] == "VIEW":
            wanted = check_schema(body["schema"].get("fields", []))
            described = evolved(found["schema"]["fields"], wanted, table=found["id"], may_add=False, may_relax=False)
            made["schema"] = {"fields": described}
        _check_descriptions(made)
        if found["type"] == "TABLE":
            partitions.check_layout(made)
        check_constraints(made, self.tables)
        self.tables[found["id"]] = made | self._stamped(found)
        return self.tables[found["id"]]

    def _check_layout_change(self, found: Resource, key: str, value: Resource) -> None:
        if key == "timePartitioning":
            new, old = ({k: layout.get(k) for k in ("type", "field")} for layout in (value, found.get(key, {})))
            if new == old:
                return  # expiration and filter may change
        elif key == "clustering":
            return  # applies to data that is written later
        raise invalid(f"Cannot change {key} of table {found['id']}")

    def set_schema(self, found: Resource, fields: list[Field]) -> None:
        """Sets the columns of a table, which must include its existing ones."""
        if found["schema"]["fields"]:
            self.duckdb.alter(found["id"], found["schema"]["fields"], fields)
        else:
            self.duckdb.replace(found["id"], fields)
        self.tables[found["id"]] = {**self.tables[found["id"]], "schema": {"fields": fields}, **self._stamped(found)}

    def replace_schema(self, found: Resource, fields: list[Field]) -> Resource:
        """Replaces the columns of a table, and deletes its rows."""
        made = {**found, "schema": {"fields": fields}, **self._stamped(found)}
        partitions.check_layout(made)
        self.duckdb.replace(found["id"], fields)
        self.tables[found["id"]] = made
        return made

    def delete_table(self, found: Resource) -> None:
        """Deletes a table or view."""
        if found["type"] == "TABLE":
            self.duckdb.drop(found["id"])
        del self.tables[found["id"]]

    # routines

    def routine(self, project: str, dataset: str, routine: str) -> Resource:
        """The routine.

        Raises:
            ApiError: 404, for the routine or its dataset.
        """
        found = self.routines.get(f"{project}:{dataset}.{routine}")
        if found is None:
            self.dataset(project, dataset)
            raise not_found("Routine", f"{project}:{dataset}.{routine}")
        return found

    def put_routine(self, project: str, dataset: str, body: Resource) -> Resource:
        """Creates a routine, or replaces it as a whole."""
        name = f"{project}:{dataset}.{body['routineReference']['routineId']}"
        keys = ("etag", "creationTime", "lastModifiedTime")
        made = {key: value for key, value in body.items() if key not in keys}
        self.routines[name] = {"language": "SQL", **made, **self._stamped(self.routines.get(name, {}))}
        return self.routines[name]

    # rows

    def insert(self, found: Resource, rows: list[Row], *, partition: str | None = None) -> int:
        """Adds rows that match the schema; returns the number of their partitions.

        Raises:
            ApiError: a row is not in the given partition.
        """
        fields, touched = found["schema"]["fields"], set()
        if (column := partitions.column(found)) is not None:
            touched = {partitions.partition_of(found, row[column]) for row in rows}
            if partition is not None and touched - {partition}:
                other = sorted(touched - {partition})[0]
                raise invalid(f"Some rows belong to partition {other} rather than destination partition {partition}")
        self.duckdb.insert(found["id"], fields, rows)
        self.tables[found["id"]] = {**self.tables[found["id"]], "lastModifiedTime": self.clock.milliseconds()}
        return len(touched)

    @contextmanager
    def virtual(self) -> Iterator[Callable[[str, list[Field], list[Row]], Resource]]:
        """Makes tables that exist only within the block, and in no list. No transaction may be open."""
        made: list[str] = []

        def make(name: str, fields: list[Field], rows: list[Row]) -> Resource:
            if name not in made:
                made.append(name)
                self.duckdb.create(name, fields)
                self.duckdb.insert(name, fields, rows)
            return {"id": name, "type": "TABLE", "schema": {"fields": fields}}

        try:
            yield make
        finally:
            for name in made:
                self.duckdb.drop(name)

    def truncate(self, found: Resource, partition: str | None = None) -> None:
        """Deletes all rows, or those of a partition."""
        where = f"{partitions.id_in_duckdb(found)} = '{partition}'" if partition else "TRUE"
        self.duckdb.delete(found["id"], where)

    def partition_rows(self, found: Resource) -> dict[str, int]:
        """The number of rows of each partition."""
        if partitions.column(found) is None:
            return {}
        return self.duckdb.counts(found["id"], partitions.id_in_duckdb(found))

    def expire(self) -> None:
        """Drops expired tables and partitions."""
        now = self.clock.now()
        for found in list(self.tables.values()):
            if "expirationTime" in found and int(found["expirationTime"]) / 1000 <= now:
                self.delete_table(found)
            elif (expired := partitions.expired_in_duckdb(found, now)) is not None:
                self.duckdb.delete(found["id"], expired)

    def described(self, found: Resource) -> Resource:
        """The resource, with its number of rows and bytes."""
        if found["type"] == "VIEW":
            return found
        rows, size = self.size(found, found["schema"]["fields"])
        described = {**found, "numRows": str(rows), "numBytes": str(size), "numLongTermBytes": "0"}
        if partitions.column(found) is not None:
            described["numPartitions"] = str(len(self.partition_rows(found)))
        return described

    def size(self, found: Resource, fields: list[Field]) -> tuple[int, int]:
        """The number of rows, and of bytes in these columns."""
        return self.duckdb.size(found["id"], fields)

    def partition_sizes(self, found: Resource, fields: list[Field]) -> dict[int | None, int]:
        """The number of bytes in these columns of each partition, by its first microsecond since 1970."""
        return self.duckdb.sizes(found["id"], fields, partitions.start_in_duckdb(found))

    def _defaults(self, parent: Resource, made: Resource) -> Resource:
        """The defaults that a new table or view inherits from its dataset."""
        inherited: Resource = {}
        if "defaultPartitionExpirationMs" in parent and "timePartitioning" in made:
            expiration = {"expirationMs": parent["defaultPartitionExpirationMs"]}
            inherited["timePartitioning"] = {**expiration, **made["timePartitioning"]}
        elif "defaultTableExpirationMs" in parent and "expirationTime" not in made:
            inherited["expirationTime"] = str(int(self.clock.now() * 1000) + int(parent["defaultTableExpirationMs"]))
        return inherited

    def _stamped(self, found: Resource) -> Resource:
        now = self.clock.milliseconds()
        created = found.get("creationTime", now)
        return {"creationTime": created, "lastModifiedTime": now, "etag": f"etag-{next(self._etags)}"}


def _check_descriptions(table: Resource) -> None:
    if len(table.get("description", "")) > _MAX_DESCRIPTION:
        raise invalid(f"The description is too long. The maximum length is {_MAX_DESCRIPTION} characters.")
    check_labels(table.get("labels", {}))
