"""The reference of all tables, in Markdown, from the record classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from job.schema import Column, columns
from job.tables import TABLES, Key

_OPENING = """\
# Tables

Every row starts with the [key](#the-key-of-every-table); the other columns are listed with their table. Columns marked
`NOT NULL` are never NULL in written rows. In BigQuery only the key's columns are declared so, because a column that is
added later must be NULLABLE.

A base table may hold rows that do not count: those of an attempt that was killed before its commit, or that lost the
race against another attempt. Their `snapshot_id` is not in `snapshots`, so that no view shows them. Read the
[views](views.md), or join `snapshots`. `gke-inventory prune` deletes such rows together with old ones."""


def reference() -> str:
    """All tables: what one row is, and each column with its type and meaning."""
    return "\n\n".join([_OPENING, *_sections()])


def _sections() -> Iterator[str]:
    first = [column for column in columns(next(iter(TABLES))) if column.key]
    yield "## The key of every table\n\n" + column_table(first)
    for name, record in TABLES.items():
        own = [column for column in columns(name) if column.name not in Key.__struct_fields__]
        clustered = ", ".join(f"`{column}`" for column in record.clustering)
        key = ", ".join(f"`{column}`" for column in record.primary_key)
        layout = f"Clustered by {clustered}." + (f" Primary key, on BigQuery: {key}." if key else "")
        yield f"## `{name}`\n\n{record.description} {layout}\n\n{column_table(own)}"


def column_table(shown: Sequence[Column]) -> str:
    rows = [f"| `{column.name}` | {_escaped(column_type(column))} | {cell(column.description)} |" for column in shown]
    return "\n".join(["| column | type | meaning |", "| --- | --- | --- |", *rows])


def column_type(column: Column) -> str:
    """The type as BigQuery writes it.

    >>> column_type(Column("zones", "STRING", "REPEATED", "")), column_type(Column("id", "INT64", "REQUIRED", ""))
    ('ARRAY<STRING>', 'INT64 NOT NULL')
    """
    kind = column.type
    if column.type == "STRUCT":
        kind = f"STRUCT<{', '.join(f'{field.name} {field.type}' for field in column.fields)}>"
    if column.mode == "REPEATED":
        kind = f"ARRAY<{kind}>"
    return f"{kind} NOT NULL" if column.mode == "REQUIRED" else kind


def _escaped(kind: str) -> str:
    return kind.replace("<", "\\<")


def cell(text: str) -> str:
    """A text for a cell of a Markdown table.

    >>> cell("a | b")
    'a \\\\| b'
    """
    return text.replace("|", "\\|")
