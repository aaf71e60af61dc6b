"""Datasets, tables and views, as the API knows them, over the rows of the tables."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from job.simulator.bigquery import partitions
from job.simulator.bigquery.clock import Clock
from job.simulator.bigquery.errors import duplicate, invalid, not_found
from job.simulator.bigquery.heap import Heap
from job.simulator.bigquery.rows import Row
from job.simulator.bigquery.schema import Field, check_labels, check_schema, evolved

Resource = dict[str, Any]
"""As the API answers it. Never changed in place: a transaction that fails puts the old one back."""

_DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}")
_TABLE = re.compile(r"[\w -]{1,1024}")
_LONGEST_DESCRIPTION = 16_384
_PLACES = ("timePartitioning", "clustering", "rangePartitioning")


class Storage:
    """Everything that is stored. Whoever calls holds the lock."""

    def __init__(self, clock: Clock) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.heap = Heap()
        self.datasets: dict[str, Resource] = {}
        self.tables: dict[str, Resource] = {}
        """`project:dataset` and `project:dataset.table`, as BigQuery writes ids."""
        self._etags = count()
        self._inside = False

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is done inside becomes visible together, or not at all; one inside another is part of it."""
        if self._inside:
            yield
            return
        kept = dict(self.datasets), dict(self.tables)
        self._inside = True
        try:
            with self.heap.transaction():
                yield
        except BaseException:
            self.datasets, self.tables = kept
            raise
        finally:
            self._inside = False

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
        """Creates one, in US where the body names no location."""
        dataset = body["datasetReference"]["datasetId"]
        name = f"{project}:{dataset}"
        if not _DATASET.fullmatch(dataset):
            raise invalid(f'Invalid dataset ID "{dataset}". It has letters, digits and underscores, at most 1,024.')
        if name in self.datasets:
            raise duplicate("Dataset", name)
        check_labels(body.get("labels", {}))
        location = str(body.get("location") or "US")
        made = {
            **body,
            "kind": "bigquery#dataset",
            "id": name,
            "datasetReference": {"projectId": project, "datasetId": dataset},
            # multi-regions are written in capitals, regions are not
            "location": location.upper() if location.upper() in ("US", "EU") else location.lower(),
            "type": "DEFAULT",
            **self._stamped({}),
        }
        self.datasets[name] = made
        return made

    def update_dataset(self, found: Resource, body: Resource, removed: set[str]) -> Resource:
        """Changes what the body names, and takes away what is removed."""
        if str(body.get("location", found["location"])).upper() != found["location"].upper():
            raise invalid("Cannot change the location of a dataset")
        keys = {"datasetReference", "location", "etag", "id", "kind", "type"}
        made = {key: value for key, value in found.items() if key not in removed}
        made |= {key: value for key, value in body.items() if key not in keys}
        check_labels(made.get("labels", {}))
        self.datasets[found["id"]] = made | self._stamped(found)
        return self.datasets[found["id"]]

    def delete_dataset(self, found: Resource, *, contents: bool) -> None:
        """Deletes it, and what is in it only where that is said."""
        inside = [table for name, table in self.tables.items() if name.startswith(f"{found['id']}.")]
        if inside and not contents:
            raise invalid(f"Dataset {found['id']} is still in use", reason="resourceInUse")
        for table in inside:
            self.delete_table(table)
        del self.datasets[found["id"]]

    # tables

    def table(self, project: str, dataset: str, table: str) -> Resource:
        """The table or view.

        Raises:
            ApiError: 404, of the dataset where that is missing.
        """
        found = self.tables.get(f"{project}:{dataset}.{table}")
        if found is None:
            self.dataset(project, dataset)
            raise not_found("Table", f"{project}:{dataset}.{table}")
        return found

    def create_table(
        self, project: str, dataset: str, body: Resource, *, view_fields: list[Field] | None = None
    ) -> Resource:
        """Creates a table, or a view, whose columns are then given."""
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
        else:
            made["schema"] = {"fields": check_schema(body.get("schema", {}).get("fields", []))}
            made |= self._defaults(parent, made)
            partitions.check_layout(made)
            self.heap.create(name, made["schema"]["fields"])
        self.tables[name] = made
        return made

    def update_table(
        self, found: Resource, body: Resource, removed: set[str], *, view_fields: list[Field] | None = None
    ) -> Resource:
        """Changes what the body names, and takes away what is removed; a table's schema may only grow."""
        made = {key: value for key, value in found.items() if key not in removed - {"schema"}}
        for key, value in body.items():
            if key in _PLACES and value != found.get(key):
                self._check_placed(found, key, value)
            if key not in ("schema", "tableReference"):
                made[key] = value
        if "schema" in body and found["type"] == "TABLE":
            wanted = check_schema(body["schema"].get("fields", []))
            fields = evolved(found["schema"]["fields"], wanted, table=found["id"], may_add=True, may_relax=True)
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
        self.tables[found["id"]] = made | self._stamped(found)
        return self.tables[found["id"]]

    def _check_placed(self, found: Resource, key: str, value: Resource) -> None:
        if key == "timePartitioning":
            same = [{k: told.get(k) for k in ("type", "field")} for told in (value, found.get(key, {}))]
            if same[0] == same[1]:
                return  # its expiration and filter may change
        elif key == "clustering":
            return  # a new clustering holds for what comes later
        raise invalid(f"Cannot change {key} of table {found['id']}")

    def set_schema(self, found: Resource, fields: list[Field]) -> None:
        """Gives the table these columns, which are those that it has and perhaps more."""
        if found["schema"]["fields"]:
            self.heap.alter(found["id"], found["schema"]["fields"], fields)
        else:
            self.heap.replace(found["id"], fields)
        self.tables[found["id"]] = {**self.tables[found["id"]], "schema": {"fields": fields}, **self._stamped(found)}

    def replace_schema(self, found: Resource, fields: list[Field]) -> Resource:
        """Gives the table these columns in place of its own, and no rows."""
        made = {**found, "schema": {"fields": fields}, **self._stamped(found)}
        partitions.check_layout(made)
        self.heap.replace(found["id"], fields)
        self.tables[found["id"]] = made
        return made

    def delete_table(self, found: Resource) -> None:
        """Deletes a table or view."""
        if found["type"] == "TABLE":
            self.heap.drop(found["id"])
        del self.tables[found["id"]]

    # rows

    def insert(self, found: Resource, rows: list[Row], *, partition: str | None = None) -> int:
        """Adds rows that have been held to the schema; returns in how many partitions they are.

        Raises:
            ApiError: one is outside the partition.
        """
        fields, touched = found["schema"]["fields"], set()
        if (column := partitions.column(found)) is not None:
            touched = {partitions.partition_of(found, row[column]) for row in rows}
            if partition is not None and touched - {partition}:
                other = sorted(touched - {partition})[0]
                raise invalid(f"Some rows belong to partition {other} rather than destination partition {partition}")
        self.heap.insert(found["id"], fields, rows)
        self.tables[found["id"]] = {**self.tables[found["id"]], "lastModifiedTime": self.clock.milliseconds()}
        return len(touched)

    @contextmanager
    def virtual(self) -> Iterator[Callable[[str, list[Field], list[Row]], Resource]]:
        """Makes tables that are there for the block alone, and listed nowhere; no transaction is open before it."""
        made: list[str] = []

        def make(name: str, fields: list[Field], rows: list[Row]) -> Resource:
            if name not in made:
                made.append(name)
                self.heap.create(name, fields)
                self.heap.insert(name, fields, rows)
            return {"id": name, "type": "TABLE", "schema": {"fields": fields}}

        try:
            yield make
        finally:
            for name in made:
                self.heap.drop(name)

    def truncate(self, found: Resource, partition: str | None = None) -> None:
        """Deletes all rows, or those of a partition."""
        where = f"{partitions.id_in_duckdb(found)} = '{partition}'" if partition else "TRUE"
        self.heap.delete(found["id"], where)

    def partition_rows(self, found: Resource) -> dict[str, int]:
        """Partition -> how many rows it has."""
        if partitions.column(found) is None:
            return {}
        return self.heap.counts(found["id"], partitions.id_in_duckdb(found))

    def expire(self) -> None:
        """Drops the tables and the partitions whose time is over."""
        now = self.clock.now()
        for found in list(self.tables.values()):
            if "expirationTime" in found and int(found["expirationTime"]) / 1000 <= now:
                self.delete_table(found)
            elif (expired := partitions.expired_in_duckdb(found, now)) is not None:
                self.heap.delete(found["id"], expired)

    def described(self, found: Resource) -> Resource:
        """The resource, with how many rows and bytes it has."""
        if found["type"] == "VIEW":
            return found
        rows, size = self.size(found, found["schema"]["fields"])
        told = {**found, "numRows": str(rows), "numBytes": str(size), "numLongTermBytes": "0"}
        if partitions.column(found) is not None:
            told["numPartitions"] = str(len(self.partition_rows(found)))
        return told

    def size(self, found: Resource, fields: list[Field]) -> tuple[int, int]:
        """How many rows it has, and how many bytes in these columns."""
        return self.heap.size(found["id"], fields)

    def _defaults(self, parent: Resource, made: Resource) -> Resource:
        """What a table inherits from its dataset."""
        told: Resource = {}
        if "defaultPartitionExpirationMs" in parent and "timePartitioning" in made:
            expiration = {"expirationMs": parent["defaultPartitionExpirationMs"]}
            told["timePartitioning"] = {**expiration, **made["timePartitioning"]}
        elif "defaultTableExpirationMs" in parent and "expirationTime" not in made:
            told["expirationTime"] = str(int(self.clock.now() * 1000) + int(parent["defaultTableExpirationMs"]))
        return told

    def _stamped(self, found: Resource) -> Resource:
        now = self.clock.milliseconds()
        created = found.get("creationTime", now)
        return {"creationTime": created, "lastModifiedTime": now, "etag": f"etag-{next(self._etags)}"}


def _check_descriptions(table: Resource) -> None:
    if len(table.get("description", "")) > _LONGEST_DESCRIPTION:
        raise invalid(f"The description is too long. The maximum length is {_LONGEST_DESCRIPTION} characters.")
    check_labels(table.get("labels", {}))
