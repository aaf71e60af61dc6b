"""What this program has made in one dataset: whose it is, and the labels that say so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from job.config import BigQuery
from job.log import log
from job.sinks.bigquery.marks import DIGEST, FUNCTION_MARK, MADE, configured, dropped, is_made
from job.sinks.protocol import refuse_foreign

if TYPE_CHECKING:
    from google.cloud import bigquery


class Owned:
    """The tables, views and functions of one dataset that bear our mark."""

    def __init__(self, client: bigquery.Client, dataset: str, options: BigQuery) -> None:
        self._client, self._name, self._options = client, dataset, options

    def labels(self, more: Mapping[str, str]) -> dict[str, str]:
        """The labels of a table or view, without its digest."""
        return {**configured(self._options.labels), **MADE, **more}

    def relabelled(self, found: bigquery.Table, more: Mapping[str, str]) -> dict[str, str | None]:
        """The labels of an existing table or view, with ours, and without those that the configuration had before."""
        labels = self.labels(more)
        return {**found.labels, **labels, **dict.fromkeys(dropped(found.labels, labels))}

    def finish(self, answered: bigquery.Table, done: str, differences: Sequence[str]) -> None:
        """Writes the digest of a table or view that is as declared. Any other is tried again by the next run."""
        if differences:
            log.warning("schema not applied", name=answered.table_id, changes=list(differences))
        else:
            answered.labels = {**answered.labels, DIGEST: done}
            self._client.update_table(answered, ["labels"])

    def refuse_foreign(self, found: Iterable[Any]) -> None:
        """Raises:
        SinkError: a table or view is somebody else's.
        """
        foreign = [
            f"{item.table_type.lower().replace('_', ' ')} {item.table_id}" for item in found if not is_made(item.labels)
        ]
        refuse_foreign(f"sink bigquery://{self._name}", foreign, "another dataset")

    def refuse_foreign_function(self, name: str) -> None:
        """Raises:
        SinkError: the function is somebody else's.
        """
        found = self._client.get_routine(f"{self._name}.{name}")
        if FUNCTION_MARK not in (found.description or ""):
            refuse_foreign(f"sink bigquery://{self._name}", [f"function {name}"], "another dataset")
