"""What a person may want to know of a dataset before a run: whose version made it, and whether a run could write.

Nothing is written.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from job.schema import PARTITIONED_BY
from job.sinks.bigquery.errors import as_sink_error
from job.sinks.bigquery.marks import versions_in
from job.sinks.bigquery.sink import BigQuerySink
from job.tables import Run, raw
from job.views.recent import literal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def version_of(sink: BigQuerySink) -> int:
    """The version of the program that made the tables, or has changed them last; 0 where none did.

    Raises:
        SinkError: the dataset cannot be read.
    """
    with as_sink_error(f"sink bigquery://{sink.name}"):
        return versions_in(sink._client.get_table(f"{sink.name}.{raw(Run.table)}").labels)[0]


def commits_of_last_day(sink: BigQuerySink) -> int:
    """How many tasks have committed in the last 24 hours: each has made one load job for each table.

    Raises:
        SinkError: the query fails.
    """
    since = literal(datetime.now(UTC) - timedelta(days=1))
    sql = f"SELECT COUNT(*) FROM `{sink.name}.{raw(Run.table)}` WHERE {PARTITIONED_BY} >= {since}"
    ((count,),) = sink.query(sql).rows
    return int(count)


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
