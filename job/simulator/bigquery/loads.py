"""Load jobs: write a file into a table, by BigQuery's rules for schemas and dispositions."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

from job.simulator.bigquery import parquet, partitions
from job.simulator.bigquery.errors import duplicate, invalid, not_found, not_implemented
from job.simulator.bigquery.quotas import Quotas
from job.simulator.bigquery.rows import Read, Row, read_rows
from job.simulator.bigquery.schema import Field, check_schema, evolved, mode_of
from job.simulator.bigquery.storage import Resource, Storage

_FORMATS = ("NEWLINE_DELIMITED_JSON", "PARQUET")


def check_load(load: Resource) -> None:
    """Refuses a load job that BigQuery would not accept.

    Raises:
        ApiError: a parameter is missing, or not supported by the simulator.
    """
    destination = load.get("destinationTable", {})
    if missing := [key for key in ("projectId", "datasetId", "tableId") if not destination.get(key)]:
        raise invalid(f"Required parameter is missing: destinationTable.{missing[0]}")
    if load.get("sourceFormat", "CSV") not in _FORMATS:
        raise not_implemented(f"loads of {load.get('sourceFormat', 'CSV')}")
    if load.get("sourceUris"):
        raise not_implemented("loads from Cloud Storage")


class Load:
    """One load job; runs in the transaction of its caller."""

    def __init__(self, storage: Storage, quotas: Quotas, load: Resource, location: str) -> None:
        self._storage, self._quotas, self._load, self._location = storage, quotas, load, location
        name = load["destinationTable"]
        self._project, self._dataset = name["projectId"], name["datasetId"]
        self._table, self._partition = partitions.split_decorator(name["tableId"])
        self._disposition = load.get("writeDisposition", "WRITE_APPEND")

    def run(self, media: bytes) -> Resource:
        """Loads the file; returns the job's statistics.

        Raises:
            ApiError: the load fails.
        """
        existing = self._begin()
        text = _decompressed(media)
        given = self._load.get("schema", {}).get("fields")
        if self._load["sourceFormat"] == "PARQUET":
            infer = bool(self._load.get("parquetOptions", {}).get("enableListInference"))
            file = parquet.read_parquet(self._storage.duckdb.database, text, infer_lists=infer)
            table = self._destination(existing, given or file.fields)
            parquet.check_types(file.fields, table["schema"]["fields"])
            columns = table["schema"]["fields"]
            read = self._read(file.lines, table, lambda line: parquet.parse_row(line, file.fields, columns))
        else:
            table = self._destination(existing, given)
            read = self._read(text.split(b"\n"), table, json.loads)
        before = self._size(table)
        self._insert(table, read.rows)
        return {
            "inputFiles": "1",
            "inputFileBytes": str(len(media)),
            "outputRows": str(len(read.rows)),
            "outputBytes": str(self._size(table) - before),
            "badRecords": str(read.bad),
        }

    def write(self, rows: list[Row]) -> None:
        """Writes the rows of a query to its destination, by the same rules.

        Raises:
            ApiError: the write fails.
        """
        self._insert(self._destination(self._begin(), self._load["schema"]["fields"]), rows)

    def _begin(self) -> Resource | None:
        """The existing table, or None. Counts the job against the quota, even if it fails later."""
        parent = self._storage.dataset(self._project, self._dataset)
        name = f"{parent['id']}.{self._table}"
        existing = self._storage.tables.get(name)
        self._quotas.count_modification(name, partitioned="timePartitioning" in (existing or self._load))
        if parent["location"].lower() != self._location.lower():
            raise not_found("Dataset", parent["id"], location=self._location)
        return existing

    def _destination(self, existing: Resource | None, given: list[Field] | None) -> Resource:
        checked = check_schema(given) if given else None
        return self._created(checked) if existing is None else self._prepared(existing, checked)

    def _insert(self, table: Resource, rows: list[Row]) -> None:
        changed = self._storage.insert(table, rows, partition=self._partition)
        total = len(self._storage.partition_rows(table)) if changed else 0
        self._quotas.count_partitions(table["id"], changed, total)

    def _size(self, table: Resource) -> int:
        return self._storage.size(table, table["schema"]["fields"])[1]

    def _read(self, lines: list[bytes], table: Resource, parse: Callable[[bytes], Any]) -> Read:
        return read_rows(
            lines,
            table["schema"]["fields"],
            ignore_unknown=bool(self._load.get("ignoreUnknownValues")),
            max_bad=int(self._load.get("maxBadRecords", 0)),
            parse=parse,
        )

    def _created(self, given: list[Field] | None) -> Resource:
        name = f"{self._project}:{self._dataset}.{self._table}"
        if self._load.get("createDisposition") == "CREATE_NEVER":
            raise not_found("Table", name)
        if given is None:
            if self._load.get("autodetect"):
                raise not_implemented("schema detection from JSON")
            raise invalid("No schema specified on job or table.")
        body: Resource = {"tableReference": {"tableId": self._table}, "schema": {"fields": given}}
        body |= {key: self._load[key] for key in ("timePartitioning", "clustering") if key in self._load}
        properties = self._load.get("destinationTableProperties", {})
        body |= {key: properties[key] for key in ("description", "friendlyName", "labels") if key in properties}
        made = self._storage.create_table(self._project, self._dataset, body)
        if self._partition is not None:
            partitions.check_decorator(made, self._partition)
        return made

    def _prepared(self, table: Resource, given: list[Field] | None) -> Resource:
        """The table, with the schema and the remaining rows that the job's options ask for."""
        if table["type"] != "TABLE":
            raise invalid(f"{table['id']} is not allowed for this operation because it is currently a {table['type']}.")
        for key in ("timePartitioning", "clustering"):
            if key in self._load and not _same_layout(self._load[key], table.get(key, {})):
                raise invalid(f"Incompatible table partitioning specification of {table['id']}: {key} differs")
        if self._partition is not None:
            partitions.check_decorator(table, self._partition)
        if self._disposition == "WRITE_EMPTY" and self._storage.size(table, [])[0]:
            raise duplicate("Table", table["id"])
        if self._disposition == "WRITE_TRUNCATE" and self._partition is None and given is not None:
            return self._storage.replace_schema(table, given)
        if given is None and not table["schema"]["fields"]:
            raise invalid("No schema specified on job or table.")
        if given is not None:
            self._storage.set_schema(table, self._extended(table, given))
        if self._disposition.startswith("WRITE_TRUNCATE"):
            self._storage.truncate(table, self._partition)
        return self._storage.tables[table["id"]]

    def _extended(self, table: Resource, given: list[Field]) -> list[Field]:
        """The table's schema, with the changes that the job is allowed to make."""
        existing, options = table["schema"]["fields"], self._load.get("schemaUpdateOptions", [])
        if not existing:
            return given
        names = {field["name"].lower() for field in given}
        # a job may omit columns; they become NULL
        omitted = [field for field in existing if field["name"].lower() not in names and mode_of(field) != "REQUIRED"]
        return evolved(
            existing,
            [*given, *omitted],
            table=table["id"],
            may_add="ALLOW_FIELD_ADDITION" in options,
            may_relax="ALLOW_FIELD_RELAXATION" in options,
            describe=False,
        )


def check_schema_update(configuration: Resource) -> None:
    """Checks that `schemaUpdateOptions` fit the write disposition.

    Raises:
        ApiError: they do not.
    """
    if not configuration.get("schemaUpdateOptions"):
        return
    partition = partitions.split_decorator(configuration.get("destinationTable", {}).get("tableId", ""))[1]
    allowed = {"WRITE_APPEND", "WRITE_TRUNCATE_DATA"} | ({"WRITE_TRUNCATE"} if partition else set())
    if configuration.get("writeDisposition", "WRITE_APPEND") not in allowed:
        raise invalid(
            "Schema update options should only be specified with WRITE_APPEND disposition, or with WRITE_TRUNCATE "
            "disposition on a table partition."
        )


def _same_layout(given: Resource, own: Resource) -> bool:
    keys = ("type", "field", "fields")
    return [given.get(key) for key in keys] == [own.get(key) for key in keys]


def _decompressed(media: bytes) -> bytes:
    if media[:2] != b"\x1f\x8b":
        return media
    try:
        return gzip.decompress(media)
    except (OSError, EOFError, zlib.error) as error:
        raise invalid(f"Error while reading data, error message: gzip: {error}") from error
