"""The moment that a report is about, and what its queries read for it: views for now, else their functions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from job.errors import ConfigError
from job.report.section import Section

_NAME = re.compile(r"\$\{(\w+)\}")


class Moment(NamedTuple):
    """Now, a moment, or the time between two."""

    at: datetime | None = None
    """None: now."""
    since: datetime | None = None
    """The earlier one of two moments: `changes` are those between them."""
    dataset: str | None = None
    """`project.dataset` on BigQuery, which each name needs."""

    def sql(self, query: str) -> str:
        """The query with the names of views, or of functions, in place of `${view}`.

        >>> Moment().sql("SELECT * FROM ${coverage}")
        'SELECT * FROM coverage'
        >>> Moment(datetime(2026, 1, 31, tzinfo=UTC), dataset="p.d").sql("SELECT * FROM ${coverage}")
        "SELECT * FROM `p.d.coverage_as_of`(TIMESTAMP '2026-01-31 00:00:00+00')"
        """
        return _NAME.sub(lambda found: self._named(found[1]), query)

    def _named(self, view: str) -> str:
        if self.since is not None and self.at is not None and view == "changes":
            return f"{self._quoted('changes_between')}({literal(self.since)}, {literal(self.at)})"
        if self.at is not None:
            return f"{self._quoted(f'{view}_as_of')}({literal(self.at)})"
        return self._quoted(view)

    def _quoted(self, name: str) -> str:
        return name if self.dataset is None else f"`{self.dataset}.{name}`"


def literal(moment: datetime) -> str:
    """The moment in the SQL of both engines.

    >>> literal(datetime(2026, 1, 31, 10, 0, 0, 5, tzinfo=UTC))
    "TIMESTAMP '2026-01-31 10:00:00.000005+00'"
    """
    return f"TIMESTAMP '{moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' ')}+00'"


def parse(text: str, option: str, now: datetime) -> datetime:
    """A moment as people write it; UTC where it names no offset.

    >>> parse("2026-01-31", "--at", datetime(2026, 2, 1, tzinfo=UTC)).isoformat()
    '2026-01-31T00:00:00+00:00'

    Raises:
        ConfigError: it is no moment, or lies in the future.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigError(
            f"{option}: {text[:80]!r} is not a moment; write 2026-01-31, or 2026-01-31T10:00:00 in UTC"
        ) from None
    try:
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        raise ConfigError(f"{option}: {text[:80]!r} is out of range") from None
    if found > now:
        raise ConfigError(f"{option}: {text[:80]} is in the future: nothing is known of it yet")
    return found


def reads(query: str) -> tuple[str, ...]:
    """The views that a query of a section names.

    >>> reads("SELECT * FROM ${pods}, ${coverage}")
    ('coverage', 'pods')
    """
    return tuple(sorted(set(_NAME.findall(query))))


def possible(
    sections: Iterable[Section], moment: Moment, names: Collection[str]
) -> tuple[list[Section], list[tuple[str, str]]]:
    """The sections with those tables that can be read at the moment; the titles of the others, each with what it lacks.

    Args:
        names: of all views and functions.
    """
    kept, left_out = [], []
    for section in sections:
        tables = []
        for table in section.tables:
            if (missing := lacking(table.sql, moment, names)) is None:
                tables.append(table)
            else:
                left_out.append((table.title, missing))
        if tables:
            kept.append(section._replace(tables=tuple(tables)))
    return kept, left_out


def lacking(query: str, moment: Moment, names: Collection[str]) -> str | None:
    """The first view of a query that does not have the form that the moment needs, such as a function."""
    plain = moment._replace(dataset=None)
    needed = ((view, plain._named(view).partition("(")[0]) for view in reads(query))
    return next((view for view, name in needed if name not in names), None)
