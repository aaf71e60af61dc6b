"""From the address of a sink to the sink."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from job.config import Config
from job.connect.identity import Identity
from job.errors import ConfigError
from job.sinks.protocol import Sink

# https://cloud.google.com/bigquery/docs/datasets#dataset-naming
_DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}")


_PROJECT = re.compile(r"[a-z0-9][a-z0-9.:-]*[a-z0-9]")


_LOCATION = re.compile(r"[A-Za-z0-9-]+")


_FORMS = "duckdb:///PATH or bigquery://PROJECT.DATASET?location=EU"


def open_sink(config: Config, identity: Callable[[], Identity], *, threads: int = 1) -> Sink:
    """The sink that the configuration names; nothing is opened yet.

    Args:
        identity: called when the sink is one that needs credentials.
        threads: that may publish at once, where it is this machine that does the work.

    Raises:
        ConfigError: it names none.
    """
    url = config.sink
    parts = urlsplit(url)
    if parts.scheme == "duckdb":
        from job.sinks.duckdb import DuckDBSink

        return DuckDBSink(_path(url), timeout_seconds=config.timeouts.sink_seconds, threads=threads)
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
            options=config.bigquery,
            endpoint=config.api_endpoints.bigquery,
            timeout_seconds=config.timeouts.sink_seconds,
            overlap_seconds=config.timeouts.overlap_seconds,
        )
    if parts.scheme == "folder":
        from job.sinks.folder import FolderSink

        return FolderSink(Path(parts.path.replace("//", "/")))
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
