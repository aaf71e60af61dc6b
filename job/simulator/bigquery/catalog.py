"""A dataset's tables, views and routines as one document, so that tests begin with a copy of a dataset without rows."""

from __future__ import annotations

from typing import Any

from job.simulator.bigquery.storage import Storage

Catalog = dict[str, list[dict[str, Any]]]
"""`datasets`, `tables` and `routines`, as the API returns them."""


def catalog_of(storage: Storage, name: str) -> Catalog:
    """All of a dataset except its rows. `name` is `project:dataset`."""
    inside = f"{name}."
    return {
        "datasets": [storage.datasets[name]],
        "tables": [table for key, table in storage.tables.items() if key.startswith(inside)],
        "routines": [routine for key, routine in storage.routines.items() if key.startswith(inside)],
    }


def restore(storage: Storage, catalog: Catalog) -> None:
    """Makes what the document describes as it is, without checking it again."""
    for dataset in catalog["datasets"]:
        storage.datasets[dataset["id"]] = dataset
    for table in catalog["tables"]:
        if table["type"] == "TABLE":
            storage.duckdb.create(table["id"], table["schema"]["fields"])
        storage.tables[table["id"]] = table
    for routine in catalog["routines"]:
        reference = routine["routineReference"]
        storage.routines[f"{reference['projectId']}:{reference['datasetId']}.{reference['routineId']}"] = routine
