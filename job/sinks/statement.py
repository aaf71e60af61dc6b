"""What every statement that a person writes has to be, whichever sink runs it."""

from __future__ import annotations

from typing import Any

from job.errors import QueryError
from job.printable import is_unicode


def check_statement(sql: Any) -> None:
    """Refuses what is no text, or no text that can be sent.

    Raises:
        QueryError: it is not a `str`, or has half of a surrogate pair.
    """
    if not isinstance(sql, str):
        raise QueryError(f"write a query as text, not {type(sql).__name__}")
    if not is_unicode(sql):
        raise QueryError("the query has half of a surrogate pair, which is no character")
