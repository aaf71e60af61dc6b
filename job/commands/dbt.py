"""`schema dbt`: the views as sources of a dbt project, with tests of what always holds, and their freshness."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints

import click
import yaml

from job.config import Config
from job.schema import columns
from job.sinks.open_sink import Place, place_of, views_of
from job.tables import LEDGER, TABLES, Record, Run, Snapshot
from job.views import View

_SOURCE = "gke_inventory"
_HISTORY = "_history"
_HEAD = """\
# The views of gke-inventory as sources of dbt 1.10 or later. Written by `gke-inventory schema dbt`: do not edit.
"""


def print_sources(config: Config, *, warn_after_hours: int, error_after_hours: int) -> None:
    """Prints a `sources.yml`. Asks the warehouse nothing.

    Raises:
        ConfigError: the sink is malformed, or the views cannot have a column of the configuration.
    """
    place = place_of(config)
    shown = [view for view in views_of(config) if not view.name.startswith("recent_")]
    shown.sort(key=lambda view: view.name != "coverage")
    source = {
        "name": _SOURCE,
        "description": "Snapshots of GKE clusters. Start with `coverage`: it says what the other tables cannot know.",
        **({"database": place.database} if place.database else {}),
        "schema": place.schema,
        "config": {
            "loaded_at_query": f"SELECT MAX(finished_at) FROM {_runs(place)}",  # noqa: S608 (a checked name)
            "freshness": {
                "warn_after": {"count": warn_after_hours, "period": "hour"},
                "error_after": {"count": error_after_hours, "period": "hour"},
            },
        },
        "tables": [_table(view) for view in shown],
    }
    text = yaml.safe_dump({"version": 2, "sources": [source]}, sort_keys=False, allow_unicode=True, width=120)
    click.echo(_HEAD + text.rstrip())


def _runs(place: Place) -> str:
    """The commit markers: a run that was killed, or is under way, makes nothing fresh."""
    return f"`{place.database}.{place.schema}.{Run.table}`" if place.database else f"{place.schema}.{Run.table}"


def _table(view: View) -> dict[str, Any]:
    table = view.name.removesuffix(_HISTORY)
    record = TABLES.get(table)
    known = _tests(record) if record else {}
    if record and view.name != table:
        known["read_at"] = ["not_null"]
    elif record and table not in LEDGER:
        known |= {name: ["not_null"] for name in ("read_at", "read_age_seconds", "read_status")}
    described = [
        {
            "name": column.name,
            "description": column.description,
            **({"data_tests": known[column.name]} if column.name in known else {}),
        }
        for column in view.columns
    ]
    unique = [{"unique": {"arguments": {"column_name": _as_one(record)}}}] if record and record.primary_key[1:] else []
    return {
        "name": view.name,
        "description": view.description,
        **({"data_tests": unique} if unique else {}),
        "columns": described,
    }


def _tests(record: type[Record]) -> dict[str, list[Any]]:
    """Column -> what holds in each committed row."""
    found: dict[str, list[Any]] = {
        column.name: ["not_null"] for column in columns(record.table) if column.mode == "REQUIRED"
    }
    if len(record.primary_key) == 1:
        found[record.primary_key[0]].append("unique")
    if record.table not in LEDGER:
        to_snapshot = {"to": f"source('{_SOURCE}', '{Snapshot.table}')", "field": "snapshot_id"}
        found["snapshot_id"].append({"relationships": {"arguments": to_snapshot}})
    for name, values in _literals(record):
        found[name].append({"accepted_values": {"arguments": {"values": list(values)}}})
    return found


def _literals(record: type[Record]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Columns that have one of few values."""
    for name, hint in get_type_hints(record).items():
        if get_origin(hint) is Literal:
            yield name, get_args(hint)


def _as_one(record: type[Record]) -> str:
    """The columns of the key as one text, on both engines: dbt's own `unique` has one column."""
    return " || '/' || ".join(f"CAST({name} AS STRING)" for name in record.primary_key)
