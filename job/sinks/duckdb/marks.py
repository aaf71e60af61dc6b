"""The mark in the comment of everything that this program makes in a file."""

from __future__ import annotations

_MARK = "Made by gke-inventory."


def marked(description: str) -> str:
    """The comment for a table or view. DuckDB drops it when somebody replaces the view or table with their own.

    >>> is_marked(marked("Who did what?")), is_marked("Who did what?"), is_marked(None)
    (True, False, False)
    """
    return f"{description}\n\n{_MARK}"


def comment_on(kind: str, name: str, description: str) -> str:
    """The statement that describes a table, view or macro, with the mark."""
    return f"COMMENT ON {kind} {name} IS {literal(marked(description))};"


def literal(text: str) -> str:
    """The text as a SQL string."""
    return "'" + text.replace("'", "''") + "'"


def is_marked(comment: str | None) -> bool:
    """Whether the table or view with this comment is this program's."""
    return comment is not None and comment.endswith(_MARK)
