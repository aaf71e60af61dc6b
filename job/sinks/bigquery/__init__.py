"""BigQuery as a sink."""

from job.sinks.bigquery.sink import BigQuerySink

__all__ = ["BigQuerySink"]
