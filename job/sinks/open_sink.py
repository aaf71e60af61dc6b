"""From the address of a sink to the sink."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, urlsplit

import msgspec

from job.config import Config, named
from job.config_checks import check_object_columns
from job.connect.identity import Identity, bigquery_identity, configured_identity
from job.errors import ConfigError
from job.printable import without_password
from job.signals import Stop
from job.sinks.protocol import Sink, Warehouse
from job.views import View, views
from job.views.row_columns import FieldColumn, LabelColumn, RowColumn

# https://cloud.google.com/bigquery/docs/datasets#dataset-naming
_DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}")
_PROJECT = re.compile(r"[a-z0-9][a-z0-9.:-]*[a-z0-9]")
_LOCATION = re.compile(r"[A-Za-z0-9-]+")
_FORMS = "duckdb:///PATH or bigquery://PROJECT.DATASET?location=EU"
_ENDING = ".duckdb"


def open_sink(config: Config, identity: Callable[[], Identity], *, threads: int = 1, stop: Stop | None = None) -> Sink:
    """The configured sink of a run; nothing is opened yet.

    Args:
        identity: called when a sink first needs credentials.
        threads: that publish at once, where this machine does the work.
        stop: ends waits, and learns when a commit starts.

    Raises:
        ConfigError: `sink` is malformed.
    """
    parts = _split(config.sink)
    if parts.scheme == "folder":
        from job.sinks.task_folder import FolderSink

        return FolderSink(Path(parts.path.replace("//", "/")))
    if parts.scheme == "duckdb" and "CLOUD_RUN_JOB" in os.environ:
        raise ConfigError(
            f"{named('sink', config.sink)}: {_shown(config.sink)} would be lost with the container when this Cloud Run "
            "task ends: write bigquery://PROJECT.DATASET?location=EU"
        )
    return _open(config, parts, identity, threads, stop or Stop())


def open_warehouse(config: Config, *, sink: str | None = None) -> Warehouse:
    """The configured warehouse, with Application Default Credentials; nothing is opened yet.

    Args:
        sink: the address of another one than the configuration's.

    Raises:
        ConfigError: the address is malformed.
    """
    config = config if sink is None else msgspec.structs.replace(config, sink=sink)
    return _open(config, _split(config.sink), lambda: configured_identity(config), 1, Stop())


class Place(NamedTuple):
    """Where a warehouse has its tables and views."""

    database: str | None
    """The project. None for the file itself."""
    schema: str
    """The dataset."""


def place_of(config: Config) -> Place:
    """Where the configured warehouse has its tables and views.

    Raises:
        ConfigError: `sink` is malformed.
    """
    parts = _split(config.sink)
    if parts.scheme == "bigquery":
        project, dataset, _ = _names(config.sink, parts)
        return Place(project, dataset)
    if parts.scheme != "duckdb":
        raise _no_sink(config.sink)
    _path(config.sink)
    return Place(None, "main")


def views_of(config: Config) -> tuple[View, ...]:
    """All views, with the columns of the configuration.

    Raises:
        ConfigError: they cannot have them.
    """
    return views(_columns(config))


def _columns(config: Config) -> tuple[RowColumn, ...]:
    """The columns of the configuration.

    Raises:
        ConfigError: the views cannot have them, or an annotation is not kept.
    """
    from job.kinds.parts.metadata import is_allowed

    labels = tuple(LabelColumn(name, each.labels, each.annotations) for name, each in config.columns.items())
    of_objects = config.objects.columns.items()
    fields = tuple(FieldColumn(name, each.kind, each.path, each.type) for name, each in of_objects)
    configured: tuple[RowColumn, ...] = (*labels, *fields)
    where = named("columns", config.columns)
    try:
        views(configured)
    except ConfigError as error:
        variable = where.removesuffix("columns") if str(error).startswith("columns.") else ""
        raise ConfigError(f"{variable}{error}") from error
    check_object_columns(config)
    for column in labels:
        for key in column.annotations:
            if not is_allowed(key, config.annotations):
                raise ConfigError(
                    f"{where}.{column.name}: no annotation {key} is kept: add it to `annotations`, unless it is one "
                    "that is always dropped"
                )
    return configured


def _open(config: Config, parts: SplitResult, identity: Callable[[], Identity], threads: int, stop: Stop) -> Warehouse:
    if parts.scheme in ("duckdb", "demo"):
        from job.sinks.duckdb import DuckDBSink

        return DuckDBSink(
            _path(config.sink),
            timeout_seconds=config.timeouts.sink_seconds,
            threads=threads,
            stop=stop,
            for_demo=parts.scheme == "demo",
            columns=_columns(config),
        )
    if parts.scheme == "bigquery":
        from job.sinks.bigquery import BigQuerySink

        project, dataset, location = _names(config.sink, parts)
        return BigQuerySink(
            project,
            dataset,
            location,
            lambda: bigquery_identity(config, identity),
            options=config.bigquery,
            endpoint=config.api_endpoints.bigquery,
            timeout_seconds=config.timeouts.sink_seconds,
            overlap_seconds=config.timeouts.overlap_seconds,
            connect_seconds=config.timeouts.connect_seconds,
            request_seconds=config.timeouts.request_seconds,
            stop=stop,
            columns=_columns(config),
        )
    raise _no_sink(config.sink)


def _address(sink: str) -> str:
    """The address of a sink; a path that ends in `.duckdb` is one too.

    >>> _address("inventory.duckdb"), _address("/tmp/a.duckdb"), _address("bigquery://a.b")
    ('duckdb:///inventory.duckdb', 'duckdb:////tmp/a.duckdb', 'bigquery://a.b')
    """
    return f"duckdb:///{sink}" if sink.endswith(_ENDING) and "://" not in sink else sink


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(_address(url))
    except ValueError:  # brackets without an address, for example
        raise _no_sink(url) from None


def _shown(url: str) -> str:
    return repr(without_password(url))


def _no_sink(url: str) -> ConfigError:
    return ConfigError(f"{named('sink', url)}: {_shown(url)} is not a sink; write {_FORMS}")


def _names(url: str, parts: SplitResult) -> tuple[str, str, str | None]:
    """Project, dataset and location of a `bigquery://` address."""
    project, _, dataset = parts.netloc.rpartition(".")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    location = options.pop("location", None)
    if not _PROJECT.fullmatch(project) or not _DATASET.fullmatch(dataset) or parts.path.strip("/"):
        raise ConfigError(f"{named('sink', url)}: {_shown(url)} has no valid PROJECT.DATASET; write {_FORMS}")
    if options:
        raise ConfigError(
            f"{named('sink', url)}: {_shown(url)} has an unknown option: {', '.join(options)}; write {_FORMS}"
        )
    if location is not None and not _LOCATION.fullmatch(location):
        raise ConfigError(f"{named('sink', url)}: {_shown(url)} has a malformed location; write {_FORMS}")
    return project, dataset, location


def _path(url: str) -> Path:
    """`duckdb:///a.duckdb` is relative to the working directory and `duckdb:////tmp/a.duckdb` absolute, as in
    SQLAlchemy. Three slashes before a folder that exists only below the root mean that one."""
    _, separator, text = _address(url).partition(":///")
    if not separator or not text or "?" in text or "\0" in text:
        raise ConfigError(f"{named('sink', url)}: {_shown(url)} has no path to a file; write {_FORMS}")
    path = Path(os.path.expanduser(text))  # noqa: PTH111 (pathlib's raises where there is no such user)
    if path.name.startswith(":memory:"):
        raise ConfigError(
            f"{named('sink', url)}: {_shown(url)} would be lost when this process ends: name a file, or use "
            "`snapshot()` in Python, which returns DataFrames"
        )
    if not path.is_absolute() and not path.parent.is_dir() and (Path("/") / path).parent.is_dir():
        return Path("/") / path
    return path
