"""What a person may want to know of a dataset before a run: whether it could write, and which commits views lack.

Nothing is written.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from job.schema import PARTITIONED_BY
from job.sinks.bigquery.errors import as_sink_error
from job.sinks.bigquery.marks import versions_in
from job.sinks.bigquery.recent import DECIDING
from job.sinks.bigquery.sink import BigQuerySink
from job.tables import Run, raw
from job.views.recent import literal, parse

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LostCommit(NamedTuple):
    """A committed run that no view of the present shows: its task was killed before it wrote the views."""

    run_id: str
    snapshot_time: datetime


def version_of(sink: BigQuerySink) -> int:
    """The version of the program that made the tables, or has changed them last; 0 where none did.

    Raises:
        SinkError: the dataset cannot be read.
    """
    with as_sink_error(f"sink bigquery://{sink.name}"):
        return versions_in(sink._client.get_table(f"{sink.name}.{raw(Run.table)}").labels)[0]


def check_rights(sink: BigQuerySink, *, has_tables: bool) -> None:
    """Runs what a run needs rights for dry: a query job and, where there are tables, a change of rows.

    Raises:
        SinkError: BigQuery refuses it.
    """
    from google.cloud.bigquery import QueryJobConfig

    statement = f"DELETE FROM {raw(Run.table)} WHERE {PARTITIONED_BY} < {literal(_EPOCH)}" if has_tables else "SELECT 1"
    with as_sink_error(f"sink bigquery://{sink.name}"):
        config = QueryJobConfig(dry_run=True, use_query_cache=False)
        if has_tables:
            config.default_dataset = sink.name
        sink._client.query(statement, job_config=config, location=sink._location)


def lost_commits(sink: BigQuerySink, hours: int) -> list[LostCommit]:
    """The commits that are later than all that the views list, and too old for their window.

    Args:
        hours: of the window, as in `bigquery.recent_hours`.

    Raises:
        SinkError: the dataset cannot be read.
    """
    with as_sink_error(f"sink bigquery://{sink.name}"):
        listed = parse(sink._client.get_table(f"{sink.name}.{DECIDING}").view_query).times
        if listed is None:
            return []
        latest, window = max(listed, default=_EPOCH), datetime.now(UTC) - timedelta(hours=hours)
        found = sink._rows(
            "SELECT DISTINCT run_id, snapshot_time FROM committed_attempts "
            f"WHERE snapshot_time > {literal(latest)} AND snapshot_time < {literal(window)} ORDER BY snapshot_time"
        )
        return [LostCommit(str(run_id), time) for run_id, time in found]
