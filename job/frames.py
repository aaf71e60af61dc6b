"""Tables and views as pandas DataFrames, for notebooks."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from job.config import Config, load_config
from job.config_words import place_and_reason
from job.errors import ConfigError, NotFoundError
from job.scratch import temporary_folder
from job.sinks.open_sink import open_warehouse
from job.sinks.protocol import Result
from job.tables import TABLES
from job.views import views

if TYPE_CHECKING:
    import pandas as pd

# The nullable types of pandas: a NULL never turns an integer into a float.
_DTYPES = {
    "STRING": "string",
    "INT64": "Int64",
    "FLOAT64": "Float64",
    "NUMERIC": "object",
    "BOOL": "boolean",
    "TIMESTAMP": "datetime64[us, UTC]",
}


def latest(
    name: str, *, sink: str | None = None, config: Config | str | os.PathLike[str] | None = None
) -> pd.DataFrame:
    """All rows of a view.

    `latest("workloads")` has the workloads that exist now: for each cluster, the rows of the newest reading, with its
    time and status. `latest("coverage")` says what is missing or stale.

    Args:
        name: a view, such as `pods`, `coverage` or `images`.
        sink: `duckdb:///PATH` or `bigquery://PROJECT.DATASET`; without it, the configuration's.
        config: a configuration or its file; without it, that of `load_config()`.

    Returns:
        Integers are `Int64`, timestamps `datetime64[us, UTC]`, booleans `boolean` and text `string`, all with NA for
        NULL. Sums of amounts are exact: `Decimal` in columns of objects. Repeated columns hold lists.

    Raises:
        NotFoundError: there is no such view.
        InventoryError: the sink cannot be read.
    """
    names = sorted(view.name for view in views())
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else f"; there are: {', '.join(names)}"
        raise NotFoundError(f"no view {name!r}{hint}")
    return query(f"SELECT * FROM {name}", sink=sink, config=config)  # noqa: S608 (one of our names)


def query(
    sql: str,
    *,
    sink: str | None = None,
    config: Config | str | os.PathLike[str] | None = None,
    external_access: bool = False,
) -> pd.DataFrame:
    """Runs a query in the sink's own SQL; the types are those of `latest`. On DuckDB it can only read.

    Args:
        external_access: on DuckDB, lets the query use other files, extensions and the network too.

    Raises:
        InventoryError: the query is refused, or the sink cannot be read.
    """
    return frame(open_warehouse(_config(config), sink=sink).query(sql, external_access=external_access))


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
        warehouse = open_warehouse(here)
        names = [*TABLES, "coverage"]
        return {name: frame(warehouse.query(f"SELECT * FROM {name}")) for name in names}  # noqa: S608 (our names)


def frame(result: Result) -> pd.DataFrame:
    """The answer to a query as a DataFrame."""
    import pandas as pd

    series = {}
    for position, (name, kind) in enumerate(result.columns):
        values = [row[position] for row in result.rows]
        series[name] = _series(name, kind, values)
    return pd.DataFrame(series)


def _series(name: str, kind: str, values: list[Any]) -> pd.Series[Any]:
    """The column, of objects where its type cannot hold a value, such as a sum of DuckDB beyond 64 bits."""
    import pandas as pd

    dtype = _DTYPES.get(kind, "object")
    is_large = kind == "INT64" and any(value is not None and not -(2**63) <= value < 2**63 for value in values)
    return pd.Series(values, dtype="object" if is_large else dtype, name=name)


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
    return load_config(config)
