"""The dataset, tables and views as they are declared, and the additive changes that lead there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from job.config import BigQuery
from job.errors import SinkError
from job.log import log
from job.schema import PARTITIONED_BY, SCHEMA_VERSION, columns, raw_description
from job.sinks.bigquery import ddl
from job.sinks.bigquery.columns import column_changes, described, merged, schema_of, unwritable
from job.sinks.bigquery.marks import (
    DIGEST,
    FUNCTION_MARK,
    MADE,
    VERSIONS,
    configured,
    dropped,
    is_made,
    versions_in,
)
from job.sinks.bigquery.partitions import DAY, expiration, expiration_days, rows_since, unit
from job.sinks.protocol import Change, refuse_foreign, refuse_newer, warn_newer
from job.tables import TABLES, Run, raw
from job.views import Bounds, Function, View, digest, for_bigquery, function_for_bigquery, views
from job.views.recent import RECENT, Recent, description_of, parse, query_for_bigquery
from job.views.row_columns import LabelColumn

if TYPE_CHECKING:
    from google.cloud import bigquery

_DESCRIPTION = "Snapshots of GKE clusters, by gke-inventory. Start with the view `coverage`."


class Step(NamedTuple):
    """A request, and the changes that it makes."""

    changes: tuple[Change, ...]
    make: Callable[[], object]


class Tables:
    """The tables and views of one dataset."""

    def __init__(
        self,
        client: bigquery.Client,
        dataset: str,
        location: str | None,
        options: BigQuery,
        columns: tuple[LabelColumn, ...] = (),
    ) -> None:
        self._columns = columns
        self._client, self._name, self._location, self._options = client, dataset, location, options
        self._bounds = bounds(options)

    def dataset(self) -> bigquery.Dataset | None:
        """The dataset; None if it does not exist yet.

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
        """All differences from what is declared, in the order in which to make them.

        Raises:
            SinkError: something in the dataset is somebody else's, or a newer version has done more than add to it.
        """
        existing = self._existing(dataset) if dataset else {}
        functions = self._functions(dataset, existing) if dataset else set()
        if self._is_newer({table: existing[raw(table)].labels for table in TABLES if raw(table) in existing}):
            return
        if dataset is None:
            statement = ddl.create_dataset(self._name, self._location, _DESCRIPTION, self._options)
            yield Step((Change("create dataset", self._name, statement),), self._create_dataset)
        for table in TABLES:
            if raw(table) not in existing:
                yield Step((self._created(table),), partial(self._create, table))
            elif existing[raw(table)].labels.get(DIGEST) != self._digest(table) or self._would_expire(
                existing[raw(table)]
            ):
                yield self._evolved(table, self._client.get_table(existing[raw(table)].reference))
        is_new = raw(Run.table) not in existing
        for name in reversed(RECENT):  # that of `raw_runs` last, which decides what counts
            found = existing.get(name)
            if found is None or found.labels.get(DIGEST) != self._recent_digest(name) or self._would_expire(found):
                yield self._evolved_recent(name, self._client.get_table(found.reference) if found else None, is_new)
        for view in views(self._columns):
            found = existing.get(view.name) if {one.name for one in view.functions} <= functions else None
            if found is None or found.labels.get(DIGEST) != self._view_digest(view) or self._would_expire(found):
                action = "replace view" if view.name in existing else "create view"
                change = Change(action, view.name, _statement(view, self._name, self._options))
                yield Step((change,), partial(self._make_view, view))

    def billing(self, dataset: bigquery.Dataset | None) -> Iterator[Change]:
        """What a person has to change in a dataset of ours that is billed otherwise than is declared.

        No run does: BigQuery allows a change every 14 days, and the job's role cannot update a dataset.
        """
        if dataset is not None and is_made(dataset.labels):
            answered = dataset.storage_billing_model or "LOGICAL"
            if answered.lower() != self._options.storage_billing_model:
                yield Change("bill storage", self._name, ddl.bill_storage(self._name, self._options))

    def _would_expire(self, item: Any) -> bool:
        """Whether BigQuery deletes other rows than is declared, or the table or view itself. Lists say so."""
        table = next((table for table in TABLES if raw(table) == item.table_id), None)
        days = expiration_days(table, self._options) if table else None
        return item.expires is not None or (table is not None and expiration(item) != (days and days * DAY))

    def check_prunable(self) -> None:
        """Refuses a dataset whose rows may be used by what this version does not know.

        Raises:
            SinkError: a table or view is somebody else's, or a newer version made it.
        """
        where, existing = f"sink bigquery://{self._name}", self._existing(self._name)
        if max((versions_in(item.labels)[0] for item in existing.values()), default=0) > SCHEMA_VERSION:
            raise SinkError(f"{where}: a newer gke-inventory made its tables: prune with that one")

    def _existing(self, dataset: bigquery.Dataset | str) -> dict[str, Any]:
        """Everything in the dataset, by name.

        Raises:
            SinkError: one of our names is somebody else's.
        """
        existing = {item.table_id: item for item in self._client.list_tables(dataset)}
        needed = (*map(raw, TABLES), *RECENT, *(view.name for view in views()))
        self._refuse_foreign(existing[name] for name in needed if name in existing)
        return existing

    def _functions(self, dataset: bigquery.Dataset, existing: Mapping[str, Any]) -> set[str]:
        """The names of our functions.

        Raises:
            SinkError: one of our names is somebody else's.
        """
        ours = {function.name: view.name for view in views() for function in view.functions}
        found = {item.routine_id for item in self._client.list_routines(dataset)} & ours.keys()
        for name in found:
            if ours[name] not in existing:  # a list has no descriptions, and a view of ours has a function of ours
                self._refuse_foreign_function(name)
        return found

    def _refuse_foreign_function(self, name: str) -> None:
        found = self._client.get_routine(f"{self._name}.{name}")
        if FUNCTION_MARK not in (found.description or ""):
            refuse_foreign(f"sink bigquery://{self._name}", [f"function {name}"], "another dataset")

    def _refuse_foreign(self, found: Iterable[Any]) -> None:
        foreign = [
            f"{item.table_type.lower().replace('_', ' ')} {item.table_id}" for item in found if not is_made(item.labels)
        ]
        refuse_foreign(f"sink bigquery://{self._name}", foreign, "another dataset")

    def _is_newer(self, labels: Mapping[str, Mapping[str, str]]) -> bool:
        """Whether a newer version has changed the tables, by additions alone: then this one leaves them as they are.

        Args:
            labels: of those tables that exist.

        Raises:
            SinkError: it has done more.
        """
        version, oldest_writer = max(map(versions_in, labels.values()), default=(0, 0))
        if version <= SCHEMA_VERSION:
            return False
        missing = [raw(table) for table in TABLES if table not in labels]
        for table in labels:
            found = self._client.get_table(f"{self._name}.{raw(table)}")
            missing += unwritable(f"{self._name}.{raw(table)}", raw(table), columns(table), found.schema)
        refuse_newer(f"sink bigquery://{self._name}", version, oldest_writer, missing)
        warn_newer(version)
        return True

    def _create_dataset(self) -> None:
        from google.cloud.bigquery import Dataset

        dataset = Dataset(self._name)
        dataset.location = self._location
        dataset.description = _DESCRIPTION
        dataset.labels = {**self._options.labels, **MADE}
        dataset.storage_billing_model = self._options.storage_billing_model.upper()
        self._client.create_dataset(dataset, exists_ok=True)

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
        declared.labels = self._labels(VERSIONS)
        return declared

    def _labels(self, more: Mapping[str, str]) -> dict[str, str]:
        """The labels of a table or view, without its digest."""
        return {**configured(self._options.labels), **MADE, **more}

    def _create(self, table: str) -> None:
        from google.api_core.exceptions import Conflict

        try:
            made = self._client.create_table(self._declared(table))
        except Conflict:  # another task was faster, and created the same table
            made = self._client.get_table(f"{self._name}.{raw(table)}")
            self._refuse_foreign([made])
        self._settle(table, made)

    def _evolved(self, table: str, found: bigquery.Table) -> Step:
        """The step from an existing table to the declared one."""
        self._refuse_foreign([found])
        labels = list({**found.labels, **self._labels({**VERSIONS, DIGEST: self._digest(table)})}.items())
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
        labels = self._labels(VERSIONS)
        is_labelled = labels.items() <= found.labels.items() and not dropped(found.labels, labels)
        if self._differences(table, found) or not is_labelled:
            declared = self._declared(table)
            fields = ["schema", "description", "labels", "time_partitioning", "require_partition_filter", "expires"]
            found.schema = merged(found.schema, columns(table))
            found.description, found.labels = declared.description, self._relabelled(found, VERSIONS)
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
        self._finish(found, self._digest(table), [change.action for change in self._differences(table, found)])

    def _relabelled(self, found: bigquery.Table, more: Mapping[str, str]) -> dict[str, str | None]:
        labels = self._labels(more)
        return {**found.labels, **labels, **dict.fromkeys(dropped(found.labels, labels))}

    def _finish(self, answered: bigquery.Table, done: str, differences: Sequence[str]) -> None:
        """Writes the digest of a table or view that is as declared. Any other is tried again by the next run."""
        if differences:
            log.warning("schema not applied", name=answered.table_id, changes=list(differences))
        else:
            answered.labels = {**answered.labels, DIGEST: done}
            self._client.update_table(answered, ["labels"])

    def _make_view(self, view: View) -> None:
        """Sets the query first, then the descriptions of its columns.

        BigQuery refuses a schema in the request that creates a view, and a new query drops the descriptions:
        https://github.com/googleapis/google-cloud-python/issues/7246. The label with the digest comes last, so an
        interrupted view is finished next time. So do the view's functions, which come first.
        """
        for function in view.functions:
            self._make_function(function)
        made, done = self._with_query(view), self._view_digest(view)
        if made.labels[DIGEST] != done or made.expires is not None:
            made.schema, made.expires = described(made.schema, view.columns), None
            answered = self._client.update_table(made, ["schema", "expires"])
            compared = {
                "describe": described(answered.schema, view.columns) == answered.schema,
                "keep": answered.expires is None,
            }
            self._finish(answered, done, [action for action, is_declared in compared.items() if not is_declared])

    def _evolved_recent(self, name: str, found: bigquery.Table | None, is_new: bool) -> Step:
        """The step that makes a view of recent rows, or makes it again with the times that it has."""
        recent = parse(found.view_query) if found else Recent(frozenset() if is_new else None)
        recent = recent._replace(window_hours=self._options.recent_hours)
        statement = ddl.create_recent_view(name, self._name, recent, self._options)
        change = Change("replace view" if found else "create view", name, statement)
        return Step((change,), partial(self._make_recent, name, recent))

    def _make_recent(self, name: str, recent: Recent) -> None:
        """Its query first, then the descriptions of its columns with the digest."""
        from google.api_core.exceptions import Conflict
        from google.cloud.bigquery import Table

        made, done = Table(f"{self._name}.{name}"), self._recent_digest(name)
        made.view_query, made.description = query_for_bigquery(name, self._name, recent), description_of(name)
        made.labels = self._labels({})
        try:
            made = self._client.create_table(made)
        except Conflict:  # it is an older one, or another task was faster
            made = self._client.get_table(made.reference)
            self._refuse_foreign([made])
            if made.labels.get(DIGEST) == done and made.expires is None:
                return
            recent = parse(made.view_query)._replace(window_hours=self._options.recent_hours)
            made.view_query, made.description = query_for_bigquery(name, self._name, recent), description_of(name)
            made.labels = self._relabelled(made, {})
            made = self._client.update_table(made, ["view_query", "description", "labels"])
        made.schema, made.expires = described(made.schema, columns(RECENT[name])), None
        made.labels = {**made.labels, DIGEST: done}
        self._client.update_table(made, ["schema", "expires", "labels"])

    def _make_function(self, function: Function) -> None:
        """https://cloud.google.com/bigquery/docs/table-functions"""
        from google.api_core.exceptions import Conflict
        from google.cloud.bigquery import (
            Routine,
            RoutineArgument,
            RoutineType,
            StandardSqlDataType,
            StandardSqlTypeNames,
        )

        timestamp = StandardSqlDataType(type_kind=StandardSqlTypeNames.TIMESTAMP)
        made = Routine(
            f"{self._name}.{function.name}",
            type_=RoutineType.TABLE_VALUED_FUNCTION,
            language="SQL",
            arguments=[RoutineArgument(name=name, data_type=timestamp) for name in function.parameters],
            body=function_for_bigquery(function, self._name, bounds(self._options)),
            description=f"{function.description} {FUNCTION_MARK}",
        )
        try:
            self._client.create_routine(made)
        except Conflict:
            self._refuse_foreign_function(function.name)
            self._client.update_routine(made, ["type_", "language", "arguments", "body", "description"])

    def _with_query(self, view: View) -> bigquery.Table:
        """The view with its query; its label says whether its columns have yet to be described.

        Each update carries the ETag of the view as it was found, so tasks that make a view at the same time do not undo
        each other's work: the slower one gets `PreconditionFailed`, and `apply` starts again.
        """
        from google.api_core.exceptions import Conflict
        from google.cloud.bigquery import Table

        done = self._view_digest(view)
        new = Table(f"{self._name}.{view.name}")
        new.view_query = for_bigquery(view, self._name, self._bounds)
        new.description = view.description
        unfinished = {DIGEST: f"{done}-undescribed"}
        new.labels = self._labels(unfinished)
        try:
            return self._client.create_table(new)
        except Conflict:
            found = self._client.get_table(new.reference)
        self._refuse_foreign([found])
        if found.labels.get(DIGEST) in (done, new.labels[DIGEST]):
            return found
        found.view_query, found.description = new.view_query, new.description
        found.labels = self._relabelled(found, unfinished)
        return self._client.update_table(found, ["view_query", "description", "labels"])

    def _digest(self, table: str) -> str:
        declared = TABLES[table].clustering, TABLES[table].primary_key
        made_from = (SCHEMA_VERSION, columns(table), raw_description(table), declared, self._options)
        return hashlib.sha256(repr(made_from).encode()).hexdigest()[:16]

    def _recent_digest(self, name: str) -> str:
        labels = sorted(self._options.labels.items())
        made_from = (columns(RECENT[name]), description_of(name), self._options.recent_hours, labels)
        return hashlib.sha256(repr(made_from).encode()).hexdigest()[:16]

    def _view_digest(self, view: View) -> str:
        options = (sorted(self._options.labels.items()), self._bounds)
        return f"{digest(view, self._columns)}-{hashlib.sha256(repr(options).encode()).hexdigest()[:8]}"


def _primary_key(table: bigquery.Table) -> tuple[str, ...]:
    """As BigQuery answers; the client cannot read foreign keys without a name, which somebody may have added."""
    constraints = table.to_api_repr().get("tableConstraints") or {}
    return tuple(constraints.get("primaryKey", {}).get("columns", ()))


def declared(
    name: str, location: str | None, options: BigQuery, configured: tuple[LabelColumn, ...] = ()
) -> Iterator[Change]:
    """The changes that create everything. Asks BigQuery nothing."""
    yield Change("create dataset", name, ddl.create_dataset(name, location, _DESCRIPTION, options))
    for table in TABLES:
        yield Change("create table", raw(table), ddl.create_table(table, name, options))
    for recent_view in RECENT:
        rows = Recent(frozenset(), options.recent_hours)
        yield Change("create view", recent_view, ddl.create_recent_view(recent_view, name, rows, options))
    for view in views(configured):
        yield Change("create view", view.name, _statement(view, name, options))


def _statement(view: View, name: str, options: BigQuery) -> str:
    """The statements that make a view's functions, and the view."""
    functions = (ddl.create_function(function, name, bounds(options)) for function in view.functions)
    return "\n".join((*functions, ddl.create_view(view, name, bounds(options), options)))


def bounds(options: BigQuery) -> Bounds:
    """Which rows views and functions read.

    Where tables require a filter on the partitioning column, views have one that every row passes.
    """
    everything = f"{PARTITIONED_BY} >= TIMESTAMP '2000-01-01'" if options.require_partition_filter else ""
    return Bounds(everything, rows_since(options), options.look_back_days)
