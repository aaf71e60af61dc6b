"""The dataset with its tables and views as they are declared, and the steps that lead there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from job.config import BigQuery
from job.errors import SinkError
from job.schema import SCHEMA_VERSION, columns
from job.sinks.bigquery import ddl
from job.sinks.bigquery.columns import unwritable
from job.sinks.bigquery.marks import MADE, is_made, versions_in
from job.sinks.bigquery.owned import Owned
from job.sinks.bigquery.tables import Step, Tables
from job.sinks.bigquery.views import Views, statement
from job.sinks.protocol import Change, refuse_newer, warn_newer
from job.tables import TABLES, Run, raw
from job.views import views
from job.views.recent import RECENT, Recent
from job.views.row_columns import RowColumn

if TYPE_CHECKING:
    from google.cloud import bigquery

_DESCRIPTION = "Snapshots of GKE clusters, by gke-inventory. Start with the view `coverage`."


class Layout:
    """One dataset, and everything in it that this program makes."""

    def __init__(
        self,
        client: bigquery.Client,
        dataset: str,
        location: str | None,
        options: BigQuery,
        columns: tuple[RowColumn, ...] = (),
    ) -> None:
        self._client, self._name, self._location, self._options = client, dataset, location, options
        self._columns = columns
        self._owned = Owned(client, dataset, options)

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
        tables = Tables(self._client, self._name, self._options)
        made = Views(self._client, self._name, self._options, self._columns)
        for table in TABLES:
            if step := tables.step(table, existing.get(raw(table))):
                yield step
        is_new = raw(Run.table) not in existing
        for name in reversed(RECENT):  # that of `raw_runs` last, which decides what counts
            if step := made.step_of_recent(name, existing.get(name), is_new=is_new):
                yield step
        for view in views(self._columns):
            has_functions = {one.name for one in view.functions} <= functions
            if step := made.step(view, existing.get(view.name), has_functions=has_functions):
                yield step

    def billing(self, dataset: bigquery.Dataset | None) -> Iterator[Change]:
        """What a person has to change in a dataset of ours that is billed otherwise than is declared.

        No run does: BigQuery allows a change every 14 days, and the job's role cannot update a dataset.
        """
        if dataset is not None and is_made(dataset.labels):
            answered = dataset.storage_billing_model or "LOGICAL"
            if answered.lower() != self._options.storage_billing_model:
                yield Change("bill storage", self._name, ddl.bill_storage(self._name, self._options))

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
        self._owned.refuse_foreign(existing[name] for name in needed if name in existing)
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
                self._owned.refuse_foreign_function(name)
        return found

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


def declared(
    name: str, location: str | None, options: BigQuery, configured: tuple[RowColumn, ...] = ()
) -> Iterator[Change]:
    """The changes that create everything. Asks BigQuery nothing."""
    yield Change("create dataset", name, ddl.create_dataset(name, location, _DESCRIPTION, options))
    for table in TABLES:
        yield Change("create table", raw(table), ddl.create_table(table, name, options))
    for recent_view in RECENT:
        statement_of = ddl.create_recent_view(recent_view, name, Recent(None), options)
        yield Change("create view", recent_view, statement_of)
    for view in views(configured):
        yield Change("create view", view.name, statement(view, name, options))
