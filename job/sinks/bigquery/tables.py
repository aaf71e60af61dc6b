"""Dataset, tables and views as declared, and what it takes to make them so: additive changes alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from job.config import BigQuery
from job.errors import SinkError
from job.schema import PARTITIONED_BY, SCHEMA_VERSION, Column, columns
from job.sinks.bigquery import ddl
from job.sinks.protocol import Change
from job.tables import TABLES
from job.views import View, digest, for_bigquery, views

if TYPE_CHECKING:
    from google.cloud import bigquery

_DIGEST = "gke_inventory_digest"
"""The label that says which definition a table or view was last made from: while it is the same, nothing is asked."""
_VERSION = "gke_inventory_schema"
"""A table's label with the SCHEMA_VERSION of the newest program that has made it. The dataset has none, since the role
that a job needs (roles/bigquery.dataEditor) may not update it."""
_DAY = 86_400_000  # milliseconds
_LEDGER = ("runs", "snapshots", "collections")
_ALIASES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}
_DESCRIPTION = "Snapshots of GKE clusters, by gke-inventory. Start with the view `coverage`."


class Step(NamedTuple):
    """Something to make, and the changes that it makes."""

    changes: tuple[Change, ...]
    make: Callable[[], object]


class Tables:
    """One dataset, through one client."""

    def __init__(self, client: bigquery.Client, dataset: str, location: str | None, options: BigQuery) -> None:
        self._client, self._name, self._location, self._options = client, dataset, location, options

    def dataset(self) -> bigquery.Dataset | None:
        """The dataset; None where it has yet to be created.

        Raises:
            SinkError: it is in another location.
        """
        from google.api_core.exceptions import NotFound

        try:
            found = self._client.get_dataset(self._name)
        except NotFound:
            return None
        if self._location and str(found.location).lower() != self._location.lower():
            raise SinkError(
                f"sink bigquery://{self._name}: the dataset is in {found.location}, not in {self._location}; "
                f"write ?location={found.location}, or name another dataset"
            )
        return found

    def steps(self, dataset: bigquery.Dataset | None) -> Iterator[Step]:
        """Everything that differs from what is declared, in the order in which it has to be made.

        Raises:
            SinkError: a newer version has made the tables.
        """
        there = {item.table_id: item for item in self._client.list_tables(dataset)} if dataset else {}
        self._refuse_newer(there[table].labels for table in TABLES if table in there)
        if dataset is None:
            statement = ddl.create_dataset(self._name, self._location, _DESCRIPTION, self._options.labels)
            yield Step((Change("create dataset", self._name, statement),), self._create_dataset)
        for table in TABLES:
            if table not in there:
                yield Step((self._created(table),), partial(self._create, table))
            elif there[table].labels.get(_DIGEST) != self._digest(table):
                yield self._evolved(table, self._client.get_table(there[table].reference))
        for view in views():
            if view.name not in there or there[view.name].labels.get(_DIGEST) != self._view_digest(view):
                action = "replace view" if view.name in there else "create view"
                change = Change(action, view.name, ddl.create_view(view, self._name, bounds(self._options)))
                yield Step((change,), partial(self._make_view, view))

    def _refuse_newer(self, labels: Iterable[Mapping[str, str]]) -> None:
        for told in labels:
            version = told.get(_VERSION, "")
            if version.isdecimal() and int(version) > SCHEMA_VERSION:
                raise SinkError(
                    f"sink bigquery://{self._name}: a newer gke-inventory has made its tables (schema {version}, this "
                    f"one knows {SCHEMA_VERSION}): upgrade this one; nothing was written"
                )

    def _create_dataset(self) -> None:
        from google.cloud.bigquery import Dataset

        wanted = Dataset(self._name)
        wanted.location = self._location
        wanted.description = _DESCRIPTION
        wanted.labels = self._options.labels
        self._client.create_dataset(wanted, exists_ok=True)

    def _created(self, table: str) -> Change:
        return Change("create table", table, ddl.create_table(table, self._name, self._options))

    def _wanted(self, table: str) -> bigquery.Table:
        from google.cloud.bigquery import Table, TimePartitioning

        wanted = Table(f"{self._name}.{table}", schema=schema_of(table))
        wanted.description = TABLES[table].description
        expiration = self._options.partition_expiration_days
        wanted.time_partitioning = TimePartitioning(
            field=PARTITIONED_BY, expiration_ms=expiration * _DAY if expiration else None
        )
        wanted.require_partition_filter = self._options.require_partition_filter
        wanted.clustering_fields = list(TABLES[table].clustering)
        wanted.labels = {**self._options.labels, _VERSION: str(SCHEMA_VERSION), _DIGEST: self._digest(table)}
        return wanted

    def _create(self, table: str) -> None:
        from google.api_core.exceptions import Conflict

        with suppress(Conflict):  # another task has been faster: it made the same
            self._client.create_table(self._wanted(table))

    def _evolved(self, table: str, found: bigquery.Table) -> Step:
        """The step from a table that is there to the one that is declared."""
        wanted = self._wanted(table)
        changes = list(_column_changes(f"{self._name}.{table}", table, columns(table), found.schema))
        if found.time_partitioning is None or found.time_partitioning.field != PARTITIONED_BY:
            remade = ddl.create_table(f"{table}_new", self._name, self._options, like=table)
            changes.append(Change("partition anew", table, remade, additive=False))
        changes += [
            Change(action, table, ddl.set_options(table, self._name, **{option: value}))
            for action, option, value, now in (
                ("describe", "description", wanted.description, found.description),
                (
                    "expire partitions",
                    "partition_expiration_days",
                    self._options.partition_expiration_days,
                    _expiration_days(found),
                ),
                (
                    "require filter",
                    "require_partition_filter",
                    bool(wanted.require_partition_filter),
                    bool(found.require_partition_filter),
                ),
            )
            if value != now
        ]
        if list(found.clustering_fields or ()) != wanted.clustering_fields:
            changes.append(Change("cluster", table, ddl.cluster(table, self._name, TABLES[table].clustering)))
        labels = {**found.labels, **wanted.labels}
        changes.append(Change("label", table, ddl.set_options(table, self._name, labels=list(labels.items()))))

        def update() -> None:
            fields = ["schema", "description", "labels", "time_partitioning", "require_partition_filter"]
            found.schema = merged(found.schema, columns(table))
            found.description, found.labels = wanted.description, labels
            found.time_partitioning = wanted.time_partitioning
            found.require_partition_filter = wanted.require_partition_filter
            if list(found.clustering_fields or ()) != wanted.clustering_fields:
                found.clustering_fields = wanted.clustering_fields
                fields.append("clustering_fields")
            self._client.update_table(found, fields)

        return Step(tuple(changes), update)

    def _make_view(self, view: View) -> None:
        """Sets the query first, then the descriptions of its columns.

        BigQuery refuses a schema in the request that creates a view, and a new query drops the descriptions:
        https://github.com/googleapis/google-cloud-python/issues/7246. The label with the digest comes last, so an
        interrupted view is finished next time.
        """
        made = self._with_query(view)
        if made.labels[_DIGEST] != self._view_digest(view):
            made.schema = described(made.schema, view.columns)
            made.labels = {**made.labels, _DIGEST: self._view_digest(view)}
            self._client.update_table(made, ["schema", "labels"])

    def _with_query(self, view: View) -> bigquery.Table:
        """The view with its query; its label says whether its columns have yet to be described.

        Each update carries the ETag of the view as it was found, so tasks that make a view at the same time do not undo
        each other's work: the slower one gets `PreconditionFailed`, and `apply` starts again.
        """
        from google.api_core.exceptions import Conflict
        from google.cloud.bigquery import Table

        done = self._view_digest(view)
        wanted = Table(f"{self._name}.{view.name}")
        wanted.view_query = for_bigquery(view, self._name, bounds(self._options))
        wanted.description = view.description
        wanted.labels = {**self._options.labels, _DIGEST: f"{done}-undescribed"}
        try:
            return self._client.create_table(wanted)
        except Conflict:
            found = self._client.get_table(wanted.reference)
        if found.labels.get(_DIGEST) in (done, wanted.labels[_DIGEST]):
            return found
        found.view_query, found.description, found.labels = wanted.view_query, wanted.description, wanted.labels
        return self._client.update_table(found, ["view_query", "description", "labels"])

    def _digest(self, table: str) -> str:
        made_from = (SCHEMA_VERSION, columns(table), TABLES[table].description, TABLES[table].clustering, self._options)
        return hashlib.sha256(repr(made_from).encode()).hexdigest()[:16]

    def _view_digest(self, view: View) -> str:
        options = (sorted(self._options.labels.items()), bounds(self._options))
        return f"{digest(view)}-{hashlib.sha256(repr(options).encode()).hexdigest()[:8]}"


def declared(name: str, location: str | None, options: BigQuery) -> Iterator[Change]:
    """What makes everything from nothing, without asking BigQuery."""
    yield Change("create dataset", name, ddl.create_dataset(name, location, _DESCRIPTION, options.labels))
    for table in TABLES:
        yield Change("create table", table, ddl.create_table(table, name, options))
    for view in views():
        yield Change("create view", view.name, ddl.create_view(view, name, bounds(options)))


def bounds(options: BigQuery) -> dict[str, str]:
    """Table -> the condition under which the views read its rows; empty where they read all.

    Objects may be bounded by `views_days`; what is known of runs and clusters is not: `coverage` forgets nothing. Where
    tables refuse queries without a filter on the partitioning column, a filter that lets all pass is one.
    """
    everything = f"{PARTITIONED_BY} >= TIMESTAMP '2000-01-01'" if options.require_partition_filter else None
    recent = everything
    if options.views_days is not None:
        recent = f"{PARTITIONED_BY} >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL {options.views_days} DAY)"
    conditions = {table: everything if table in _LEDGER else recent for table in TABLES}
    return {table: condition for table, condition in conditions.items() if condition is not None}


def schema_of(table: str) -> list[bigquery.SchemaField]:
    """The table's columns, as tables and load jobs declare them."""
    return [_field(column) for column in columns(table)]


def _field(column: Column) -> bigquery.SchemaField:
    from google.cloud.bigquery import SchemaField

    kind = "RECORD" if column.type == "STRUCT" else column.type
    inner = tuple(_field(field) for field in column.fields)
    return SchemaField(column.name, kind, mode=column.declared_mode, description=column.description, fields=inner)


def _column_changes(
    full_name: str, path: str, wanted: Sequence[Column], found: Sequence[bigquery.SchemaField]
) -> Iterator[Change]:
    by_name = {field.name.lower(): field for field in found}
    for column in wanted:
        name, mode = f"{path}.{column.name}", column.declared_mode
        field = by_name.get(column.name.lower())
        if field is None:
            yield Change("add column", name, ddl.add_column(full_name, name, column))
            continue
        kind = _ALIASES.get(field.field_type, field.field_type)
        if kind != column.type or (field.mode == "REPEATED") != (mode == "REPEATED"):
            yield Change("change type", name, ddl.change_type(full_name, name, column), additive=False)
        elif field.mode == "REQUIRED" and mode == "NULLABLE":
            yield Change("relax column", name, ddl.relax(full_name, name))
        elif field.mode == "NULLABLE" and mode == "REQUIRED":
            yield Change("require column", name, ddl.require(full_name, name), additive=False)
        if (field.description or "") != column.description:
            yield Change("describe", name, ddl.describe_column(full_name, name, column.description))
        if kind == column.type == "STRUCT":
            yield from _column_changes(full_name, name, column.fields, field.fields)


def merged(found: Sequence[bigquery.SchemaField], wanted: Sequence[Column]) -> list[bigquery.SchemaField]:
    """The columns that are there, described and relaxed as declared, those that are not ours left alone; then the new
    ones."""
    from google.cloud.bigquery import SchemaField

    by_name = {column.name.lower(): column for column in wanted}
    there = []
    for field in found:
        column = by_name.pop(field.name.lower(), None)
        if column is None:
            there.append(field)
            continue
        inner = merged(field.fields, column.fields)
        mode, described = column.declared_mode, column.description
        there.append(SchemaField(field.name, field.field_type, mode=mode, description=described, fields=tuple(inner)))
    return there + [_field(column) for column in by_name.values()]


def described(found: Sequence[bigquery.SchemaField], wanted: Sequence[Column]) -> list[bigquery.SchemaField]:
    """A view's columns as BigQuery derives them, with the declared descriptions; columns that are not ours stay."""
    from google.cloud.bigquery import SchemaField

    by_name = {column.name.lower(): column for column in wanted}
    fields = []
    for field in found:
        column = by_name.get(field.name.lower())
        if column is None:
            fields.append(field)
            continue
        inner, text = tuple(described(field.fields, column.fields)), column.description
        fields.append(SchemaField(field.name, field.field_type, mode=field.mode, description=text, fields=inner))
    return fields


def _expiration_days(found: bigquery.Table) -> int | None:
    milliseconds = found.time_partitioning.expiration_ms if found.time_partitioning else None
    return int(milliseconds) // _DAY if milliseconds else None
