"""One object as a line of a table, whose columns the API server chooses, as for `kubectl get -o wide`.

https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from job.cells import age_for_people
from job.commands.hidden import without_secrets
from job.commands.output import lines_of_table


def columns_of(found: Any) -> tuple[list[tuple[str, Any]], Any]:
    """The columns of a table of one object, and the object's metadata.

    A server that makes no tables sends the object instead, of which the name and the age are shown.
    """
    if not isinstance(found, dict) or found.get("kind") != "Table":
        return _name_and_age(found), found
    rows = members(found, "rows")
    row = rows[0] if len(rows) == 1 and isinstance(rows[0], dict) else {}
    names = [str(each.get("name")) for each in members(found, "columnDefinitions") if isinstance(each, dict)]
    return list(zip(names, members(row, "cells"), strict=False)), row.get("object")


def line_of(columns: Sequence[tuple[str, Any]], namespace: str | None, tokens: Sequence[str]) -> str:
    """The table with its one line, without what may be a password.

    Args:
        namespace: the first column, where the object was looked for in all of them.
    """
    shown = [("namespace", namespace)] if namespace is not None else []
    for name, cell in columns:
        ((name, cell),) = without_secrets({name: cell}, tokens).items()
        shown.append((name, cell))
    headers = [name.upper() for name, _ in shown]
    return "".join(f"{line}\n" for line in lines_of_table(headers, [[cell for _, cell in shown]]))


def members(found: Any, name: str) -> list[Any]:
    """A list in an object; empty where it is something else."""
    inner = found.get(name) if isinstance(found, dict) else None
    return inner if isinstance(inner, list) else []


def _name_and_age(found: Any) -> list[tuple[str, Any]]:
    metadata = found.get("metadata") if isinstance(found, dict) else None
    if not isinstance(metadata, dict):
        return []
    return [("name", metadata.get("name")), ("age", _age(metadata.get("creationTimestamp")))]


def _age(created: Any) -> str | None:
    try:
        return age_for_people((datetime.now(UTC) - datetime.fromisoformat(created)).total_seconds())
    except (TypeError, ValueError):
        return None
