"""The reference of all tables, in Markdown, from the record classes."""

from __future__ import annotations

from collections.abc import Iterator

from job.schema import Column, columns
from job.tables import TABLES, Key

_OPENING = """\
Every row opens with its key; every other column is told with its table. A type with `NOT NULL` is never NULL in what is
written (BigQuery is told so of the key alone: a column that is added later can only be NULLABLE).

A base table may hold rows that count for nothing: those of an attempt that was killed, or that lost the race with
another attempt, before it was committed. Their `snapshot_id` is not in `snapshots`, so that they are in no view. Read
the views, or join `snapshots`; `gke-inventory prune` deletes such rows with the old ones."""


def reference() -> str:
    """All tables: what one row is, and each column with its type and meaning."""
    return "\n\n".join([_OPENING, *_blocks()])


def _blocks() -> Iterator[str]:
    key = [column for column in columns(next(iter(TABLES))) if column.key]
    yield "The key of every table:\n\n" + _table(key)
    for name, record in TABLES.items():
        own = [column for column in columns(name) if column.name not in Key.__struct_fields__]
        clustered = ", ".join(f"`{column}`" for column in record.clustering)
        opened = f"<details>\n<summary><code>{name}</code>: {_html(record.description)}</summary>"
        yield f"{opened}\n\nClustered by {clustered}.\n\n{_table(own)}\n\n</details>"


def _table(shown: list[Column]) -> str:
    rows = [f"| `{column.name}` | {_type(column)} | {_cell(column.description)} |" for column in shown]
    return "\n".join(["| column | type | |", "| --- | --- | --- |", *rows])


def _type(column: Column) -> str:
    kind = column.type
    if column.type == "STRUCT":
        kind = f"STRUCT<{', '.join(f'{field.name} {field.type}' for field in column.fields)}>"
    if column.mode == "REPEATED":
        kind = f"ARRAY<{kind}>"
    return f"{kind} NOT NULL".replace("<", "\\<") if column.mode == "REQUIRED" else kind.replace("<", "\\<")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("`", "")
