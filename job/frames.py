"""Tables and views as pandas DataFrames, for notebooks."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.util import find_spec
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from job.cells import bytes_for_people
from job.config import Config, load_config
from job.config_words import place_and_reason
from job.dataframe import BEYOND, from_arrow, from_rows
from job.errors import ConfigError, QueryError
from job.log import log
from job.scratch import temporary_folder
from job.selection import Moment, Selection, Where, moment_of, named
from job.sinks.open_sink import open_warehouse, place_of, views_of
from job.sinks.protocol import Warehouse
from job.tables import TABLES
from job.views import AS_OF, View

if TYPE_CHECKING:
    import pandas as pd

_HISTORY = "_history"
_SAID_FROM = 1 << 30  # bytes, for which BigQuery bills more than half a cent


def latest(
    name: str,
    *,
    columns: Iterable[str] | None = None,
    where: Where | None = None,
    maximum_bytes: int | None = None,
    sink: str | None = None,
    config: Config | str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """The rows of a view now.

    `latest("workloads")` has the workloads that exist now: for each cluster, the rows of the newest reading, with its
    time and status. `latest("coverage")` says what is missing or stale.

        latest("pods", columns=["cluster", "name", "labels"], where={"namespace": ["shop", "web"], "ready": False})

    Args:
        name: a view, such as `pods`, `coverage` or `images`.
        columns: those to read, in this order, such as a list or `df.columns`; without it, all. BigQuery bills the bytes
            of these alone.
        where: a mapping of columns to the value that they have, a list of the values of which they have one, or None
            for NULL, as also NaN, NaT and NA; or a condition in the sink's own SQL, such as `"restarts > 5"`.
        maximum_bytes: at least 1. BigQuery refuses a query that would read more, and bills nothing. Without it, the
            configuration's `bigquery.maximum_bytes_billed`. From 1 GiB a query is announced in the log before it runs.
        sink: `duckdb:///PATH` or `bigquery://PROJECT.DATASET`; without it, the configuration's.
        config: a configuration or its file; without it, that of `load_config()`.

    Returns:
        Integers are `Int64`, timestamps `datetime64[us, UTC]`, booleans `boolean` and text `string`, all with NA for
        NULL. Sums of amounts are exact: `Decimal` in columns of objects. Intervals are `pandas.DateOffset`, with their
        months. Labels are dictionaries that cannot be changed, so that `groupby` and `nunique` take them, and
        `pods["labels"].str.get("app")` is a column; other repeated columns are tuples.

        Parquet needs one type for a column, which dictionaries lack: make them text before `to_parquet`, as in
        `pods["labels"] = pods["labels"].map(json.dumps, na_action="ignore")`, and so `annotations`; or run
        `gke-inventory query pods --output pods.parquet`.

    Raises:
        ConfigError: an argument cannot be such a thing, such as an empty list of columns.
        NotFoundError: there is no such view or column.
        QueryError: the condition is refused.
        InventoryError: the sink cannot be read, or the query would read more than `maximum_bytes`.
    """
    here = _configured(config, sink, maximum_bytes)
    view = named(_views(here), name, "view")
    return _frame(here, Selection(columns, where).sql(view, place_of(here)))


def history(
    table: str,
    *,
    columns: Iterable[str] | None = None,
    where: Where | None = None,
    maximum_bytes: int | None = None,
    sink: str | None = None,
    config: Config | str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """Every reading of a table that a committed run has made: the rows of `<table>_history`.

    Args:
        table: such as `pods`, or `images`, which has a history too.
        columns: as for `latest`. A history is large: name those that you need.
        where: as for `latest`; `{"cluster": "web-1"}`, or `"snapshot_time > '2026-01-31'"`.
        maximum_bytes: as for `latest`.
        sink: as for `latest`.
        config: as for `latest`.

    Returns:
        As for `latest`.

    Raises:
        ConfigError: as for `latest`.
        NotFoundError: there is no such history or column.
        QueryError: as for `latest`.
        InventoryError: as for `latest`.
    """
    here = _configured(config, sink, maximum_bytes)
    name = table.removesuffix(_HISTORY) if isinstance(table, str) else table
    histories = {name.removesuffix(_HISTORY): view for name, view in _views(here).items() if name.endswith(_HISTORY)}
    view = named(histories, name, "history of")
    return _frame(here, Selection(columns, where).sql(view, place_of(here)))


def as_of(
    name: str,
    moment: Moment,
    *,
    columns: Iterable[str] | None = None,
    where: Where | None = None,
    maximum_bytes: int | None = None,
    sink: str | None = None,
    config: Config | str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """The rows of a view as they were known at a moment: those of its function `<view>_as_of`.

    Args:
        name: a view, as for `latest`; a history has no such function.
        moment: UTC where it names no offset, such as `"2026-01-31 10:00"`; a date is its midnight.
        columns: as for `latest`.
        where: as for `latest`.
        maximum_bytes: as for `latest`.
        sink: as for `latest`.
        config: as for `latest`.

    Returns:
        As for `latest`. Ages are those at the moment.

    Raises:
        ConfigError: this is no moment; or as for `latest`.
        NotFoundError: there is no such view, function or column.
        QueryError: as for `latest`.
        InventoryError: as for `latest`.
    """
    here = _configured(config, sink, maximum_bytes)
    known = {name: view for name, view in _views(here).items() if view.functions}
    view = named(known, name, "function as_of of a view")
    return _frame(here, Selection(columns, where).sql(view, place_of(here), f"{name}{AS_OF}", [moment_of(moment)]))


def changes(
    since: Moment | None = None,
    until: Moment | None = None,
    *,
    columns: Iterable[str] | None = None,
    where: Where | None = None,
    maximum_bytes: int | None = None,
    sink: str | None = None,
    config: Config | str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """What was added, removed or changed: between the last two readings of each resource, or between two moments.

    A list that could not be read is no change: compare `coverage` for what was not seen.

    Args:
        since: a moment, as for `as_of`. None compares the last two readings.
        until: a later moment; without it, now.
        columns: as for `latest`.
        where: as for `latest`, such as `{"cluster": "web-1", "change": "removed"}`.
        maximum_bytes: as for `latest`.
        sink: as for `latest`.
        config: as for `latest`.

    Returns:
        As for `latest`.

    Raises:
        ConfigError: there is `until` without `since`, or a moment cannot be read; or as for `latest`.
        NotFoundError: there is no such column.
        QueryError: as for `latest`.
        InventoryError: as for `latest`.
    """
    here = _configured(config, sink, maximum_bytes)
    selection, view = Selection(columns, where), _views(here)["changes"]
    if since is None:
        if until is not None:
            raise ConfigError("changes: `until` needs `since`: a change lies between two moments")
        return _frame(here, selection.sql(view, place_of(here)))
    moments = (moment_of(since), datetime.now(UTC) if until is None else moment_of(until))
    return _frame(here, selection.sql(view, place_of(here), "changes_between", moments))


def query(
    sql: str,
    *,
    maximum_bytes: int | None = None,
    sink: str | None = None,
    config: Config | str | os.PathLike[str] | None = None,
    external_access: bool = False,
) -> pd.DataFrame:
    """Runs a query in the sink's own SQL; the types are those of `latest`. On DuckDB it can only read.

    An interrupt ends it, and cancels BigQuery's job.

    From DuckDB, text stands for UUID, BIT, BIGNUM, VARIANT, TIMETZ and TIME_NS, and inside of lists and structs for
    INTERVAL and TIMESTAMP_NS too. Dates and times that are infinite or beyond the years 1 to 9999 are refused: cast
    them to VARCHAR. Inside of lists and structs, they are refused with pyarrow alone; without it, they are text, and
    those that are infinite the first or last of Python.

    Args:
        maximum_bytes: as for `latest`.
        external_access: on DuckDB, lets the query use other files, extensions and the network too.

    Raises:
        ConfigError: as for `latest`.
        QueryError: the query is refused, or its answer has a date or time that Python lacks.
        InventoryError: the sink cannot be read, or the query would read more than `maximum_bytes`.
    """
    return _frame(_configured(config, sink, maximum_bytes), sql, external_access=external_access)


def bytes_of(sql: str, *, sink: str | None = None, config: Config | str | os.PathLike[str] | None = None) -> int | None:
    """The bytes that BigQuery would read for a query, found by a dry run, which costs nothing; None on DuckDB.

    https://cloud.google.com/bigquery/docs/running-queries#dry-run

    Raises:
        QueryError: the query is refused.
        InventoryError: the sink cannot be read.
    """
    return open_warehouse(_configured(config, sink, None)).dry_run(sql)


def snapshot(config: Config | str | os.PathLike[str] | Mapping[str, Any] | None = None) -> dict[str, pd.DataFrame]:
    """Takes one snapshot of everything that is configured, into memory only.

    Args:
        config: a configuration, its file, or its keys as a mapping; without it, that of `load_config()`.

    Returns:
        Table -> its rows in this snapshot. Start with `coverage`: it shows what could not be read.

    Raises:
        InventoryError: the configuration or the credentials cannot be used.
    """
    from job.run.one_task import run

    with tempfile.TemporaryDirectory(prefix="gke-inventory-", dir=temporary_folder()) as directory:
        here = msgspec.structs.replace(_config(config), sink=f"duckdb:///{Path(directory) / 'snapshot.duckdb'}")
        run(here)
        with open_warehouse(here).kept_open() as kept:
            return {name: _answered(kept, f"SELECT * FROM {name}", is_file=True) for name in (*TABLES, "coverage")}  # noqa: S608 (our names)


def _frame(config: Config, sql: str, *, external_access: bool = False) -> pd.DataFrame:
    """The answer. Says how much BigQuery will bill, where it is much."""
    warehouse = open_warehouse(config)
    if place_of(config).database is not None:
        count = warehouse.dry_run(sql)
        if count is not None and count >= _SAID_FROM:
            log.warning("large query", reads=bytes_for_people(count), bytes=count)
    return _answered(warehouse, sql, is_file=place_of(config).database is None, external_access=external_access)


def _answered(warehouse: Warehouse, sql: str, *, is_file: bool, external_access: bool = False) -> pd.DataFrame:
    """The answer, by way of Arrow where pyarrow is installed and the warehouse has it."""
    answer = warehouse.arrow(sql, external_access=external_access) if find_spec("pyarrow") else None
    if answer is not None:
        return from_arrow(answer)
    with warehouse.stream(sql, external_access=external_access) as rows:
        frame = from_rows(rows)
    if is_file:
        _check_finite(warehouse, sql, frame, external_access=external_access)
    return frame


def _check_finite(warehouse: Warehouse, sql: str, frame: pd.DataFrame, *, external_access: bool) -> None:
    """Refuses times that are infinite: DuckDB's client gives the first or last time of Python for them."""
    times = [at for at, dtype in enumerate(frame.dtypes) if dtype.kind == "M"]
    doubtful = [at for at in times if frame.iloc[:, at].dt.year.isin([1, 9999]).any()]
    if not doubtful:
        return
    names = ", ".join(f"c{at}" for at in range(frame.shape[1]))
    condition = " OR ".join(f"NOT isfinite(c{at})" for at in doubtful)
    count = f"SELECT 1 FROM ({sql.strip().rstrip(';')}\n) AS answer({names}) WHERE {condition} LIMIT 1"  # noqa: S608
    try:
        found = warehouse.query(count, external_access=external_access).rows
    except QueryError:  # a statement that is not a query
        return
    if found:
        raise QueryError(BEYOND)


def _views(config: Config) -> dict[str, View]:
    return {view.name: view for view in views_of(config)}


def _configured(config: Config | str | os.PathLike[str] | None, sink: str | None, maximum_bytes: int | None) -> Config:
    """The configuration, with another sink and another `bigquery.maximum_bytes_billed` where they are given."""
    found = _config(config)
    if sink is not None:
        if not isinstance(sink, str):
            raise ConfigError(f"sink: write its address as text, not {type(sink).__name__}")
        found = msgspec.structs.replace(found, sink=sink)
    if maximum_bytes is not None:
        if isinstance(maximum_bytes, bool) or not isinstance(maximum_bytes, Integral) or maximum_bytes < 1:
            raise ConfigError(f"maximum_bytes: write a whole number of at least 1, not {repr(maximum_bytes)[:80]}")
        options = msgspec.structs.replace(found.bigquery, maximum_bytes_billed=int(maximum_bytes))
        found = msgspec.structs.replace(found, bigquery=options)
    return found


def _config(config: Config | str | os.PathLike[str] | Mapping[str, Any] | None) -> Config:
    if isinstance(config, Config):
        return config
    if isinstance(config, Mapping):
        try:
            return msgspec.convert(dict(config), Config)
        except msgspec.ValidationError as error:
            key, reason = place_and_reason(error, Config)
            raise ConfigError(
                f"the configuration: {key}: {reason}" if key else f"the configuration: {reason}"
            ) from error
    if config is not None and not isinstance(config, (str, os.PathLike)):
        raise ConfigError(f"config: write a configuration or the path of its file, not {type(config).__name__}")
    return load_config(config)
