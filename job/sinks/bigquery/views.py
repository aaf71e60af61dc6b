"""The views and functions as they are declared."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from job.config import BigQuery
from job.schema import PARTITIONED_BY, columns
from job.sinks.bigquery import ddl
from job.sinks.bigquery.columns import described
from job.sinks.bigquery.marks import DIGEST, FUNCTION_MARK
from job.sinks.bigquery.owned import Owned
from job.sinks.bigquery.partitions import rows_since
from job.sinks.bigquery.tables import Step, would_expire
from job.sinks.protocol import Change
from job.views import Bounds, Function, View, digest, for_bigquery, function_for_bigquery
from job.views.recent import RECENT, Recent, description_of, parse, query_for_bigquery
from job.views.row_columns import RowColumn

if TYPE_CHECKING:
    from google.cloud import bigquery


class Views:
    """The views and functions of one dataset."""

    def __init__(
        self, client: bigquery.Client, dataset: str, options: BigQuery, configured: tuple[RowColumn, ...] = ()
    ) -> None:
        self._client, self._name, self._options, self._columns = client, dataset, options, configured
        self._owned, self._bounds = Owned(client, dataset, options), bounds(options)

    def step(self, view: View, listed: Any | None, *, has_functions: bool) -> Step | None:
        """The step that makes a view and its functions; None if they are what is declared.

        Args:
            listed: the view in BigQuery's list; None if it does not exist.
            has_functions: whether all of its functions exist.
        """
        if (
            listed is not None
            and has_functions
            and listed.labels.get(DIGEST) == self._view_digest(view)
            and not would_expire(listed, None, self._options)
        ):
            return None
        action = "create view" if listed is None else "replace view"
        change = Change(action, view.name, statement(view, self._name, self._options))
        return Step((change,), partial(self._make_view, view))

    def step_of_recent(self, name: str, listed: Any | None, *, is_new: bool) -> Step | None:
        """The same of a view of recent rows.

        Args:
            is_new: whether the dataset has no rows yet.
        """
        if (
            listed is not None
            and listed.labels.get(DIGEST) == self._recent_digest(name)
            and not would_expire(listed, None, self._options)
        ):
            return None
        return self._evolved_recent(name, self._client.get_table(listed.reference) if listed else None, is_new)

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
            self._owned.finish(answered, done, [action for action, is_declared in compared.items() if not is_declared])

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
        new.labels = self._owned.labels(unfinished)
        try:
            return self._client.create_table(new)
        except Conflict:
            found = self._client.get_table(new.reference)
        self._owned.refuse_foreign([found])
        if found.labels.get(DIGEST) in (done, new.labels[DIGEST]):
            return found
        found.view_query, found.description = new.view_query, new.description
        found.labels = self._owned.relabelled(found, unfinished)
        return self._client.update_table(found, ["view_query", "description", "labels"])

    def _evolved_recent(self, name: str, found: bigquery.Table | None, is_new: bool) -> Step:
        """The step that makes a view of recent rows, or makes it again with the times that it has."""
        half = timedelta(hours=self._options.recent_hours) / 2
        recent = parse(found.view_query) if found else Recent(datetime.now(UTC) - half if is_new else None)
        statement = ddl.create_recent_view(name, self._name, recent, self._options)
        change = Change("replace view" if found else "create view", name, statement)
        return Step((change,), partial(self._make_recent, name, recent))

    def _make_recent(self, name: str, recent: Recent) -> None:
        """Its query first, then the descriptions of its columns with the digest."""
        from google.api_core.exceptions import Conflict
        from google.cloud.bigquery import Table

        made, done = Table(f"{self._name}.{name}"), self._recent_digest(name)
        made.view_query, made.description = query_for_bigquery(name, self._name, recent), description_of(name)
        made.labels = self._owned.labels({})
        try:
            made = self._client.create_table(made)
        except Conflict:  # it is an older one, or another task was faster
            made = self._client.get_table(made.reference)
            self._owned.refuse_foreign([made])
            if made.labels.get(DIGEST) == done and made.expires is None:
                return
            recent = parse(made.view_query)
            made.view_query, made.description = query_for_bigquery(name, self._name, recent), description_of(name)
            made.labels = self._owned.relabelled(made, {})
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

        kind = StandardSqlDataType(type_kind=StandardSqlTypeNames[function.parameter_type])
        made = Routine(
            f"{self._name}.{function.name}",
            type_=RoutineType.TABLE_VALUED_FUNCTION,
            language="SQL",
            arguments=[RoutineArgument(name=name, data_type=kind) for name in function.parameters],
            body=function_for_bigquery(function, self._name, self._bounds),
            description=f"{function.description} {FUNCTION_MARK}",
        )
        try:
            self._client.create_routine(made)
        except Conflict:
            self._owned.refuse_foreign_function(function.name)
            self._client.update_routine(made, ["type_", "language", "arguments", "body", "description"])

    def _recent_digest(self, name: str) -> str:
        labels = sorted(self._options.labels.items())
        made_from = (columns(RECENT[name]), description_of(name), labels)
        return hashlib.sha256(repr(made_from).encode()).hexdigest()[:16]

    def _view_digest(self, view: View) -> str:
        options = (sorted(self._options.labels.items()), self._bounds)
        return f"{digest(view, self._columns)}-{hashlib.sha256(repr(options).encode()).hexdigest()[:8]}"


def statement(view: View, name: str, options: BigQuery) -> str:
    """The statements that make a view's functions, and the view."""
    functions = (ddl.create_function(function, name, bounds(options)) for function in view.functions)
    return "\n".join((*functions, ddl.create_view(view, name, bounds(options), options)))


def bounds(options: BigQuery) -> Bounds:
    """Which rows views and functions read.

    Where tables require a filter on the partitioning column, views have one that every row passes.
    """
    everything = f"{PARTITIONED_BY} >= TIMESTAMP '2000-01-01'" if options.require_partition_filter else ""
    return Bounds(everything, rows_since(options), options.look_back_days)
