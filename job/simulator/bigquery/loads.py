"""Load jobs: a file into a table, under the rules for its schema."""

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
        ApiError: something is missing, or is not done here.
    """
    told = load.get("destinationTable", {})
    if missing := [key for key in ("projectId", "datasetId", "tableId") if not told.get(key)]:
        raise invalid(f"Required parameter is missing: destinationTable.{missing[0]}")
    if load.get("sourceFormat", "CSV") not in _FORMATS:
        raise not_implemented(f"loads of {load.get('sourceFormat', 'CSV')}")
    if load.get("sourceUris"):
        raise not_implemented("loads from Cloud Storage")


class Load:
    """One load job; runs in the transaction of whoever calls."""

    def __init__(self, storage: Storage, quotas: Quotas, load: Resource, location: str) -> None:
        self._storage, self._quotas, self._load, self._location = storage, quotas, load, location
        told = load["destinationTable"]
        self._project, self._dataset = told["projectId"], told["datasetId"]
        self._table, self._partition = partitions.split_decorator(told["tableId"])
        self._disposition = load.get("writeDisposition", "WRITE_APPEND")

    def run(self, media: bytes) -> Resource:
        """Loads the file; returns the job's statistics.

        Raises:
            ApiError: it fails.
        """
        there = self._begin()
        text = _decompressed(media)
        given = self._load.get("schema", {}).get("fields")
        if self._load["sourceFormat"] == "PARQUET":
            infer = bool(self._load.get("parquetOptions", {}).get("enableListInference"))
            file = parquet.read_parquet(self._storage.heap.database, text, infer_lists=infer)
            table = self._destination(there, given or file.fields)
            parquet.check_types(file.fields, table["schema"]["fields"])
            columns = table["schema"]["fields"]
            read = self._read(file.lines, table, lambda line: parquet.parsed(line, file.fields, columns))
        else:
            table = self._destination(there, given)
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
        """Writes a query's rows to its destination, under the same rules.

        Raises:
            ApiError: it fails.
        """
        self._insert(self._destination(self._begin(), self._load["schema"]["fields"]), rows)

    def _begin(self) -> Resource | None:
        """The table, where it is there; the job counts, whatever becomes of it."""
        parent = self._storage.dataset(self._project, self._dataset)
        name = f"{parent['id']}.{self._table}"
        there = self._storage.tables.get(name)
        self._quotas.count_modification(name, partitioned="timePartitioning" in (there or self._load))
        if parent["location"].lower() != self._location.lower():
            raise not_found("Dataset", parent["id"], location=self._location)
        return there

    def _destination(self, there: Resource | None, given: list[Field] | None) -> Resource:
        checked = check_schema(given) if given else None
        return self._created(checked) if there is None else self._prepared(there, checked)

    def _insert(self, table: Resource, rows: list[Row]) -> None:
        changed = self._storage.insert(table, rows, partition=self._partition)
        there = len(self._storage.partition_rows(table)) if changed else 0
        self._quotas.count_partitions(table["id"], changed, there)

    def _size(self, table: Resource) -> int:
        return self._storage.size(table, table["schema"]["fields"])[1]

    def _read(self, lines: list[bytes], table: Resource, parse: Callable[[bytes], Any]) -> Read:
        return read_rows(
            lines,
            table["schema"]["fields"],
            ignore_unknown=bool(self._load.get("ignoreUnknownValues")),
            most_bad=int(self._load.get("maxBadRecords", 0)),
            parse=parse,
        )

    def _created(self, given: list[Field] | None) -> Resource:
        name = f"{self._project}:{self._dataset}.{self._table}"
        if self._load.get("createDisposition") == "CREATE_NEVER":
            raise not_found("Table", name)
        if given is None:
            if self._load.get("autodetect"):
                raise not_implemented("schemas that are detected from JSON")
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
        """The table with the schema, and with what is left of its rows, that the job's options give it."""
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
            self._storage.set_schema(table, self._grown(table, given))
        if self._disposition.startswith("WRITE_TRUNCATE"):
            self._storage.truncate(table, self._partition)
        return self._storage.tables[table["id"]]

    def _grown(self, table: Resource, given: list[Field]) -> list[Field]:
        """The table's schema, with what the job may add to it."""
        there, options = table["schema"]["fields"], self._load.get("schemaUpdateOptions", [])
        if not there:
            return given
        names = {field["name"].lower() for field in given}
        # a job may leave out columns, which are NULL then
        left_out = [field for field in there if field["name"].lower() not in names and mode_of(field) != "REQUIRED"]
        return evolved(
            there,
            [*given, *left_out],
            table=table["id"],
            may_add="ALLOW_FIELD_ADDITION" in options,
            may_relax="ALLOW_FIELD_RELAXATION" in options,
            describe=False,
        )


def check_schema_update(configuration: Resource) -> None:
    """`schemaUpdateOptions` go with few write dispositions.

    Raises:
        ApiError: not with this one.
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
