"""DuckDB as a sink."""

from job.sinks.duckdb.sink import DuckDBSink

__all__ = ["DuckDBSink"]
