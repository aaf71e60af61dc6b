"""The mark in the comment of everything that this program makes in a file."""

from __future__ import annotations

_MARK = "Made by gke-inventory."


def marked(description: str) -> str:
    """The comment for a table or view. DuckDB drops it when somebody replaces the view or table with their own.

    >>> is_marked(marked("Who did what?")), is_marked("Who did what?"), is_marked(None)
    (True, False, False)
    """
    return f"{description}\n\n{_MARK}"


def is_marked(comment: str | None) -> bool:
    """Whether the table or view with this comment is this program's."""
    return comment is not None and comment.endswith(_MARK)
