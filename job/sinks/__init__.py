"""Where rows go: one small protocol, and the two that have it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl, urlsplit

from job.config import Config
from job.errors import ConfigError
from job.identity import Identity


class Result(NamedTuple):
    """What a query answers."""

    columns: tuple[tuple[str, str], ...]
    """Name and type, in BigQuery's words: `STRING`, `INT64`, `FLOAT64`, `NUMERIC`, `BOOL`, `TIMESTAMP`, `DATE`, else
    `JSON` for what has parts."""
    rows: list[tuple[Any, ...]]


class Rows(NamedTuple):
    """The rows of one run, ready to be loaded."""

    files: dict[str, Path]
    """Table -> newline-delimited JSON, gzip; a table without rows has none."""
    counts: dict[str, int]


class Sink(Protocol):
    """A warehouse."""

    def prepare(self) -> None:
        """Sees to it, before anything is collected, that rows can be written later.

        Raises:
            SinkError: they cannot.
        """

    def publish(self, rows: Rows, *, load_id: str) -> None:
        """Writes all rows so that they become visible together: those of `snapshots` last, or all in one transaction.

        Args:
            load_id: the same for the same task and attempt of a run; what was published under it is not written again.

        Raises:
            SinkError: it failed, and nothing of the run is visible.
        """

    def named(self, table: str) -> str:
        """A table or view, as a query names it: some have names that are words of SQL (`unbounded`)."""

    def query(self, sql: str) -> Result:
        """Runs one query, in the sink's own SQL.

        Raises:
            QueryError: the query is refused.
            SinkError: the sink cannot be read.
        """


# https://cloud.google.com/bigquery/docs/datasets#dataset-naming
_DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}")
_PROJECT = re.compile(r"[a-z0-9][a-z0-9.:-]*[a-z0-9]")
_LOCATION = re.compile(r"[A-Za-z0-9-]+")
_FORMS = "duckdb:///PATH or bigquery://PROJECT.DATASET?location=EU"


def open_sink(config: Config, identity: Callable[[], Identity]) -> Sink:
    """The sink that the configuration names; nothing is opened yet.

    Args:
        identity: called when the sink is one that needs credentials.

    Raises:
        ConfigError: it names none.
    """
    url = config.sink
    parts = urlsplit(url)
    if parts.scheme == "duckdb":
        from job.sinks.duckdb import DuckDBSink

        return DuckDBSink(_path(url), timeout_seconds=config.timeouts.sink_seconds)
    if parts.scheme == "bigquery":
        from job.sinks.bigquery import BigQuerySink

        project, _, dataset = parts.netloc.rpartition(".")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        location = options.pop("location", None)
        if not _PROJECT.fullmatch(project) or not _DATASET.fullmatch(dataset) or parts.path.strip("/"):
            raise ConfigError(f"sink: {url!r} names no PROJECT.DATASET; it is {_FORMS}")
        if options or (location is not None and not _LOCATION.fullmatch(location)):
            unknown = ", ".join(options) or "an empty location"
            raise ConfigError(f"sink: {url!r} has an option that is not known: {unknown}; it is {_FORMS}")
        return BigQuerySink(
            project,
            dataset,
            location,
            identity,
            endpoint=config.api_endpoints.bigquery,
            timeout_seconds=config.timeouts.sink_seconds,
        )
    raise ConfigError(f"sink: {url!r} is not a sink; it is {_FORMS}")


def _path(url: str) -> Path:
    """`duckdb:///a.duckdb` is a path from the working directory and `duckdb:////tmp/a.duckdb` one from the root, as in
    SQLAlchemy; three slashes before a folder that is there from the root alone are taken for that one."""
    head, text = url[: len("duckdb:///")], url[len("duckdb:///") :]
    if head != "duckdb:///" or not text or "?" in text:
        raise ConfigError(f"sink: {url!r} names no file; it is {_FORMS}")
    path = Path(text).expanduser()
    if not path.is_absolute() and not path.parent.is_dir() and (Path("/") / path).parent.is_dir():
        return Path("/") / path
    return path
