"""What to read of a view: its SQL, of columns that are checked against those that it declares."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from numbers import Integral, Real
from typing import Any, NamedTuple, TypeVar

import msgspec

from job.errors import ConfigError, NotFoundError
from job.printable import is_unicode
from job.sinks.open_sink import Place
from job.views import View
from job.views.recent import literal

T = TypeVar("T")

Where = str | Mapping[str, Any]
"""A condition in the sink's own SQL; or column -> its value, a collection of values of which it has one, or None for
NULL. What pandas gives for NULL, such as NaN and NaT, is NULL too."""

Moment = date | str
"""A `datetime`, pandas' or numpy's own too; a date, which is its midnight in UTC; or the text of one of them."""


class Selection(NamedTuple):
    """Some columns and rows of a view."""

    columns: Iterable[str] | None
    """In this order; None: all."""
    where: Where | None
    """None: all rows."""

    def sql(self, view: View, place: Place, function: str | None = None, moments: Sequence[datetime] = ()) -> str:
        """The query of the view, or of one of its functions.

        Raises:
            NotFoundError: the view has no such column.
            ConfigError: a condition cannot have such a value, or `columns` or `where` cannot be such a thing.
        """
        known = {column.name: column.name for column in view.columns}
        chosen = [named(known, name, f"column of {view.name}") for name in self._asked()]
        source = view.name
        if function is not None:
            whole = f"`{place.database}.{place.schema}.{function}`" if place.database else function
            source = f"{whole}({', '.join(map(literal, moments))})"
        condition = self._condition(known, view, place)
        return f"SELECT {', '.join(chosen) or '*'} FROM {source}" + (f" WHERE (\n{condition}\n)" if condition else "")  # noqa: S608

    def _asked(self) -> Sequence[str]:
        """The columns that are named; none for all."""
        if self.columns is None:
            return ()
        if isinstance(self.columns, str):
            raise ConfigError(f"columns: write a list, such as [{self.columns!r}]")
        if not isinstance(self.columns, Iterable):
            raise ConfigError(f"columns: write a list of names, not {type(self.columns).__name__}")
        asked = list(self.columns)
        if not asked:
            raise ConfigError("columns: the list is empty; leave `columns` out for all columns")
        return asked

    def _condition(self, known: Mapping[str, str], view: View, place: Place) -> str:
        if self.where is None or isinstance(self.where, str):
            return self.where or ""
        if not isinstance(self.where, Mapping):
            raise ConfigError(
                f"where: write a mapping of columns to values, or a condition in SQL, not {type(self.where).__name__}"
            )
        return " AND ".join(
            _equals(named(known, name, f"column of {view.name}"), value, is_bigquery=place.database is not None)
            for name, value in self.where.items()
        )


def named(known: Mapping[str, T], name: str, what: str) -> T:
    """What has this name.

    Raises:
        NotFoundError: nothing has; the message says which names are most like it.
    """
    if isinstance(name, str) and name in known:
        return known[name]
    close = difflib.get_close_matches(str(name), known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else f"; there are: {', '.join(sorted(known))}"
    raise NotFoundError(f"no {what} {repr(name)[:80]}{hint}")


def moment_of(value: Moment) -> datetime:
    """A moment, in UTC where it names no offset; a date is its midnight.

    >>> moment_of("2026-01-31").isoformat(), moment_of(date(2026, 1, 31)).isoformat()
    ('2026-01-31T00:00:00+00:00', '2026-01-31T00:00:00+00:00')

    Raises:
        ConfigError: it is no moment.
    """
    try:
        found = _datetime(value)
        if found is not None:
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ConfigError(f"{str(value)[:80]!r} is not a moment; write 2026-01-31 10:00, in UTC")


def _datetime(value: Any) -> datetime | None:
    if isinstance(value, str):
        return datetime.fromisoformat(value.strip())
    if type(value).__name__ == "datetime64":  # numpy's own; beyond the years of Python it becomes a number
        value = value.astype("datetime64[us]").item()
    if isinstance(value, datetime):
        return None if _is_null(value) else value
    return datetime(value.year, value.month, value.day) if isinstance(value, date) else None  # noqa: DTZ001


def _is_null(value: Any) -> bool:
    """Whether pandas would give this value for NULL: None, NA, NaT or NaN.

    >>> _is_null(float("nan")), _is_null(Decimal("nan")), _is_null(0)
    (True, True, False)
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, Decimal):
        return value.is_nan()
    is_comparable = isinstance(value, Real) or type(value).__name__ == "datetime64"  # numpy's own
    return is_comparable and bool(value != value)


def _equals(column: str, value: Any, *, is_bigquery: bool) -> str:
    """Whether a column has a value, or one of several.

    >>> _equals("namespace", ["a", None], is_bigquery=False)
    "(namespace IN ('a') OR namespace IS NULL)"
    """
    if _is_null(value):
        return f"{column} IS NULL"
    if isinstance(value, str) or not isinstance(value, Collection):
        return f"{column} = {_constant(value, is_bigquery=is_bigquery)}"
    written = ", ".join(_constant(each, is_bigquery=is_bigquery) for each in value if not _is_null(each))
    parts = [f"{column} IN ({written})"] * bool(written) + [f"{column} IS NULL"] * any(map(_is_null, value))
    return f"({' OR '.join(parts)})" if parts else "FALSE"


def _constant(value: Any, *, is_bigquery: bool) -> str:
    """The value in SQL. Only BigQuery has backslashes in texts.

    >>> _constant("it's", is_bigquery=False), _constant("it's", is_bigquery=True), _constant(True, is_bigquery=True)
    ("'it''s'", '"it\\'s"', 'TRUE')

    Raises:
        ConfigError: a condition cannot have it.
    """
    if isinstance(value, str):
        if not is_unicode(value):
            raise ConfigError(f"where: {value[:80]!r} has half of a surrogate pair, which no text in a sink has")
        return msgspec.json.encode(value).decode() if is_bigquery else f"'{value.replace(chr(39), chr(39) * 2)}'"
    if isinstance(value, bool) or type(value).__name__ == "bool":  # numpy's own
        return str(bool(value)).upper()
    if isinstance(value, datetime):
        return literal(moment_of(value))
    if isinstance(value, (Integral, Decimal)):
        return str(int(value)) if isinstance(value, Integral) else format(value, "f")
    if isinstance(value, float):
        return repr(float(value))
    raise ConfigError(f"where: a mapping cannot compare with {type(value).__name__}; write the condition in SQL")
