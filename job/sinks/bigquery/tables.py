"""The tables as they are declared, and the additive changes that lead there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from job.config import BigQuery
from job.schema import PARTITIONED_BY, SCHEMA_VERSION, columns, raw_description
from job.sinks.bigquery import ddl
from job.sinks.bigquery.columns import column_changes, merged, schema_of
from job.sinks.bigquery.marks import DIGEST, VERSIONS, dropped
from job.sinks.bigquery.owned import Owned
from job.sinks.bigquery.partitions import DAY, expiration, expiration_days, unit
from job.sinks.protocol import Change
from job.tables import TABLES, raw

if TYPE_CHECKING:
    from google.cloud import bigquery


class Step(NamedTuple):
    """A request, and the changes that it makes."""

    changes: tuple[Change, ...]
    make: Callable[[], object]


class Tables:
    """The tables of one dataset."""

    def __init__(self, client: bigquery.Client, dataset: str, options: BigQuery) -> None:
        self._client, self._name, self._options = client, dataset, options
        self._owned = Owned(client, dataset, options)

    def step(self, table: str, listed: Any | None) -> Step | None:
        """The step that makes the table what is declared; None if it is that.

        Args:
            listed: the table in BigQuery's list; None if it does not exist.
        """
        if listed is None:
            return Step((self._created(table),), partial(self._create, table))
        if listed.labels.get(DIGEST) != self._digest(table) or would_expire(listed, table, self._options):
            return self._evolved(table, self._client.get_table(listed.reference))
        return None

    def _created(self, table: str) -> Change:
        return Change("create table", raw(table), ddl.create_table(table, self._name, self._options))

    def _declared(self, table: str) -> bigquery.Table:
        from google.cloud.bigquery import Table, TimePartitioning
        from google.cloud.bigquery.table import PrimaryKey, TableConstraints

        declared = Table(f"{self._name}.{raw(table)}", schema=schema_of(table))
        declared.description = raw_description(table)
        days = expiration_days(table, self._options)
        declared.time_partitioning = TimePartitioning(
            unit(table, self._options), field=PARTITIONED_BY, expiration_ms=days * DAY if days else None
        )
        declared.require_partition_filter = self._options.require_partition_filter
        declared.clustering_fields = list(TABLES[table].clustering)
        if key := TABLES[table].primary_key:
            declared.table_constraints = TableConstraints(PrimaryKey(list(key)), None)
        declared.labels = self._owned.labels(VERSIONS)
        return declared

    def _create(self, table: str) -> None:
        from google.api_core.exceptions import Conflict

        try:
            made = self._client.create_table(self._declared(table))
        except Conflict:  # another task was faster, and created the same table
            made = self._client.get_table(f"{self._name}.{raw(table)}")
            self._owned.refuse_foreign([made])
        self._settle(table, made)

    def _evolved(self, table: str, found: bigquery.Table) -> Step:
        """The step from an existing table to the declared one."""
        self._owned.refuse_foreign([found])
        labels = list({**found.labels, **self._owned.labels({**VERSIONS, DIGEST: self._digest(table)})}.items())
        label = Change("label", raw(table), ddl.set_options(raw(table), self._name, labels=labels))
        return Step((*self._differences(table, found), label), partial(self._settle, table, found))

    def _differences(self, table: str, found: bigquery.Table) -> list[Change]:
        """What a table lacks, by BigQuery's answer; its labels are not compared."""
        declared = self._declared(table)
        changes = list(column_changes(f"{self._name}.{raw(table)}", raw(table), columns(table), found.schema))
        is_as_asked = found.time_partitioning is not None and found.time_partitioning.field == PARTITIONED_BY
        if is_as_asked and self._options.partition_by is not None:
            is_as_asked = found.time_partitioning.type_ == unit(table, self._options)
        if not is_as_asked:
            remade = ddl.create_table(table, self._name, self._options, name=f"{raw(table)}_new")
            changes.append(Change("change partitioning", raw(table), remade, additive=False))
        days = expiration_days(table, self._options)
        changes += [
            Change(action, raw(table), ddl.set_options(raw(table), self._name, **{option: value}))
            for action, option, value, is_declared in (
                ("describe", "description", declared.description, declared.description == found.description),
                ("expire partitions", "partition_expiration_days", days, expiration(found) == expiration(declared)),
                ("keep", "expiration_timestamp", None, found.expires is None),
                (
                    "require filter",
                    "require_partition_filter",
                    bool(declared.require_partition_filter),
                    bool(found.require_partition_filter) == bool(declared.require_partition_filter),
                ),
            )
            if not is_declared
        ]
        if list(found.clustering_fields or ()) != declared.clustering_fields:
            changes.append(Change("cluster", raw(table), ddl.cluster(raw(table), self._name, TABLES[table].clustering)))
        if _primary_key(found) != (key := TABLES[table].primary_key) and key:
            changes.append(Change("declare key", raw(table), ddl.set_primary_key(raw(table), self._name, key)))
        return changes

    def _settle(self, table: str, found: bigquery.Table) -> None:
        """Updates a table until BigQuery answers what is declared; only then the label with the digest says so.

        What a request leaves out stays as it is, or as the dataset's defaults have made it: nulls take it away.
        """
        labels = self._owned.labels(VERSIONS)
        is_labelled = labels.items() <= found.labels.items() and not dropped(found.labels, labels)
        if self._differences(table, found) or not is_labelled:
            declared = self._declared(table)
            fields = ["schema", "description", "labels", "time_partitioning", "require_partition_filter", "expires"]
            found.schema = merged(found.schema, columns(table))
            found.description, found.labels = declared.description, self._owned.relabelled(found, VERSIONS)
            declared.time_partitioning.type_ = found.time_partitioning.type_  # which no update can change
            found.time_partitioning, found.expires = declared.time_partitioning, None
            if not expiration_days(table, self._options):
                found.time_partitioning.expiration_ms = None  # a null, which the constructor leaves out
            found.require_partition_filter = declared.require_partition_filter
            if list(found.clustering_fields or ()) != declared.clustering_fields:
                found.clustering_fields = declared.clustering_fields
                fields.append("clustering_fields")
            if declared.table_constraints and _primary_key(found) != TABLES[table].primary_key:
                found.table_constraints = declared.table_constraints
                fields.append("table_constraints")
            found = self._client.update_table(found, fields)
        self._owned.finish(found, self._digest(table), [change.action for change in self._differences(table, found)])

    def _digest(self, table: str) -> str:
        declared = TABLES[table].clustering, TABLES[table].primary_key
        made_from = (SCHEMA_VERSION, columns(table), raw_description(table), declared, self._options)
        return hashlib.sha256(repr(made_from).encode()).hexdigest()[:16]


def would_expire(listed: Any, table: str | None, options: BigQuery) -> bool:
    """Whether BigQuery deletes other rows than is declared, or the table or view itself. Lists say so.

    Args:
        table: whose rows it has; None for a view.
    """
    days = expiration_days(table, options) if table else None
    return listed.expires is not None or (table is not None and expiration(listed) != (days and days * DAY))


def _primary_key(table: bigquery.Table) -> tuple[str, ...]:
    """As BigQuery answers; the client cannot read foreign keys without a name, which somebody may have added."""
    constraints = table.to_api_repr().get("tableConstraints") or {}
    return tuple(constraints.get("primaryKey", {}).get("columns", ()))
