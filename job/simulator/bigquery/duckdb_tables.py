"""The rows of all tables, in an in-memory DuckDB."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import duckdb

from job.simulator.bigquery.rows import Row
from job.simulator.bigquery.schema import Field, duckdb_type, mode_of
from job.simulator.bigquery.sizes import bytes_in_duckdb

_MAX_ROW_BYTES = 100 << 20  # BigQuery's limit for a JSON row


class DuckDBTables:
    """Tables in DuckDB, under generated names: its names ignore case, and cannot contain dots."""

    def __init__(self) -> None:
        self.database = duckdb.connect(config={"threads": 1})
        self.database.execute("LOAD icu; SET TimeZone = 'UTC'")
        self._numbers = count()
        self._names: dict[str, str] = {}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commits everything done within the block together, or nothing."""
        names = dict(self._names)
        self.database.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.database.execute("ROLLBACK")
            self._names = names
            raise
        self.database.execute("COMMIT")

    def name(self, table: str) -> str:
        """The name in DuckDB of `project:dataset.table`."""
        return self._names[table]

    def id_of(self, name: str) -> str | None:
        """The table with this name in DuckDB; None if there is none."""
        return next((table for table, own in self._names.items() if own == name), None)

    def set_time(self, name: str, micros: int) -> None:
        """Sets a variable of the database to a time, in microseconds since 1970."""
        self.database.execute(f"SET VARIABLE {name} = make_timestamptz({micros})")

    def create(self, table: str, fields: list[Field]) -> None:
        """Creates an empty table."""
        name = self._names.setdefault(table, f"t{next(self._numbers)}")
        columns = [
            f'"{field["name"]}" {duckdb_type(field)}{" NOT NULL" if mode_of(field) == "REQUIRED" else ""}'
            for field in fields
        ]
        self.database.execute(f"CREATE TABLE {name} ({', '.join(columns) or '_none INTEGER'})")

    def drop(self, table: str) -> None:
        """Drops a table."""
        self.database.execute(f"DROP TABLE {self._names.pop(table)}")

    def replace(self, table: str, fields: list[Field]) -> None:
        """Replaces a table by an empty one with these columns."""
        self.drop(table)
        self.create(table, fields)

    def alter(self, table: str, old: list[Field], new: list[Field]) -> None:
        """Adds new columns, changes types, and drops NOT NULL where the new columns are nullable."""
        existing, name = {field["name"].lower(): field for field in old}, self._names[table]
        for field in new:
            before, column = existing.get(field["name"].lower()), f'"{field["name"]}"'
            if before is None:
                self.database.execute(f"ALTER TABLE {name} ADD COLUMN {column} {duckdb_type(field)}")
                continue
            if duckdb_type(before) != duckdb_type(field):
                self.database.execute(f"ALTER TABLE {name} ALTER COLUMN {column} SET DATA TYPE {duckdb_type(field)}")
            if (mode_of(before), mode_of(field)) == ("REQUIRED", "NULLABLE"):
                self.database.execute(f"ALTER TABLE {name} ALTER COLUMN {column} DROP NOT NULL")

    def insert(self, table: str, fields: list[Field], rows: list[Row]) -> None:
        """Adds rows that match the schema."""
        if not rows:
            return
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "rows.ndjson"
            with path.open("w") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
            # DuckDB cannot read BLOB from JSON, but casts text to it
            read = {field["name"]: duckdb_type(field).replace("BLOB", "VARCHAR") for field in fields}
            types = ", ".join(f"'{column}': '{kind}'" for column, kind in read.items())
            names = ", ".join(f'"{column}"' for column in read)
            values = ", ".join(f'"{field["name"]}"::{duckdb_type(field)}' for field in fields)
            source = f"'{path}', format = 'newline_delimited', maximum_object_size = {_MAX_ROW_BYTES}"
            self.database.execute(
                f"INSERT INTO {self._names[table]} ({names}) "
                f"SELECT {values} FROM read_json({source}, columns = {{{types}}})"
            )

    def delete(self, table: str, where: str = "TRUE") -> None:
        """Deletes rows that match a condition in DuckDB's SQL."""
        self.database.execute(f"DELETE FROM {self._names[table]} WHERE {where}")

    def rows(self, table: str, columns: list[str]) -> list[tuple[Any, ...]]:
        """The given columns of all rows."""
        names = ", ".join(f'"{column}"' for column in columns) or "1"
        return self.database.execute(f"SELECT {names} FROM {self._names[table]}").fetchall()

    def size(self, table: str, fields: list[Field]) -> tuple[int, int]:
        """The number of rows, and of bytes in these columns."""
        if not self.database.execute(f"FROM {self._names[table]} LIMIT 1").fetchone():
            return 0, 0  # planning the sum takes as long as making a table
        row = self.database.execute(
            f"SELECT count(*), coalesce(sum({bytes_in_duckdb(fields)}), 0) FROM {self._names[table]}"
        ).fetchone()
        return (int(row[0]), int(row[1])) if row else (0, 0)

    def sizes(self, table: str, fields: list[Field], by: str) -> dict[int | None, int]:
        """The number of bytes in these columns for each value of an expression in DuckDB's SQL."""
        rows = self.database.execute(
            f"SELECT {by}, coalesce(sum({bytes_in_duckdb(fields)}), 0) FROM {self._names[table]} GROUP BY 1"
        )
        return {start: int(size) for start, size in rows.fetchall()}

    def counts(self, table: str, by: str) -> dict[str, int]:
        """The number of rows for each value of an expression in DuckDB's SQL."""
        rows = self.database.execute(f"SELECT {by}, count(*) FROM {self._names[table]} GROUP BY 1 ORDER BY 1")
        return dict(rows.fetchall())
