"""A larger fleet in a DuckDB file: each of its clusters again, under other names."""

from __future__ import annotations

from pathlib import Path

import duckdb

from job.schema import columns
from job.tables import TABLES, raw


def multiply(path: Path, copies: int) -> None:
    """Inserts each cluster again under other names, and adds them to the lists of their projects."""
    with duckdb.connect(str(path)) as database:
        database.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
        for table in TABLES:
            if "cluster" not in {column.name for column in columns(table)}:
                continue
            database.execute(
                f"INSERT INTO {raw(table)} SELECT t.* REPLACE (t.cluster || '-' || c.n AS cluster, "
                f"t.snapshot_id || '-' || c.n AS snapshot_id) FROM {raw(table)} AS t, range(1, {copies}) AS c(n) "
                "WHERE t.cluster IS NOT NULL"
            )
        named = f"flatten([[n] || [n || '-' || c for c in range(1, {copies})] for n in listed_clusters])"
        database.execute(f"UPDATE raw_collections SET listed_clusters = {named} WHERE len(listed_clusters) > 0")
        database.execute("CHECKPOINT")
