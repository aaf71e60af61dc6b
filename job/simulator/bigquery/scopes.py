"""The names that FROM gives to the expressions of a SELECT, and the conditions on each of its sources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from job.simulator.bigquery.predicates import Predicate, Reference, on_partitions
from job.simulator.bigquery.relations import Relation, Scan

Named = tuple[str, Reference | None]
"""A column's name, in lower case, and what it is; None if that is not known."""


@dataclass
class Source:
    """An item of FROM."""

    number: int
    alias: str
    relation: Relation
    nullable: bool = False
    """True on the null side of an outer join: its rows may be NULL where conditions outside the join see them."""
    conditions: list[Predicate] = field(default_factory=list)
    """The conditions of ON that filter its rows."""


class Scope:
    """The sources of FROM, in order."""

    def __init__(self) -> None:
        self.sources: list[Source] = []
        self.more: list[Scan] = []
        """Scans of subqueries within ON."""
        self._columns: list[Named] = []
        self._variables: set[str] = set()
        self._complete = True

    def add(self, relation: Relation, alias: str) -> None:
        """Adds a source."""
        source = Source(len(self.sources), alias.lower(), relation)
        self.sources.append(source)
        self._variables.add(source.alias)
        self._complete &= relation.columns is not None
        self._columns += [(name, Reference(source.number, place)) for place, name in enumerate(relation.columns or ())]

    def hide(self, names: Iterable[exp.Expr]) -> None:
        """Adds names that hide columns, as that of an element of UNNEST does."""
        self._variables.update(name.name.lower() for name in names)

    @property
    def width(self) -> int:
        """Number of columns so far."""
        return len(self._columns)

    def use(self, names: Sequence[str], side: str, start: int, middle: int) -> None:
        """Merges the columns of USING, which come first.

        Args:
            side: LEFT, RIGHT, FULL, or empty.
            start: where the columns of the join's left side begin.
            middle: where those of its right side begin.
        """
        used = [name.lower() for name in names]
        left, right = self._columns[start:middle], self._columns[middle:]
        kept = dict(right if side == "RIGHT" else [] if side == "FULL" else left)
        rest = [named for named in (*left, *right) if named[0] not in used]
        self._columns[start:] = [*((name, kept.get(name)) for name in used), *rest]

    def find(self, column: exp.Column) -> Reference | None:
        """The column of a source; None if it is ambiguous, or not known."""
        name, table = column.name.lower(), column.table.lower()
        if column.args.get("db") is not None or (not table and name in self._variables):
            return None
        found = [one for known, one in (self.star(table) or () if table else self._columns) if known == name]
        return found[0] if len(found) == 1 else None

    def star(self, table: str | None) -> Sequence[Named] | None:
        """The columns of `*`, or of `table.*`; None if they are not known."""
        if not table:
            return self._columns if self._complete else None
        found = [source for source in self.sources if source.alias == table.lower()]
        if len(found) != 1 or found[0].relation.columns is None:
            return None
        return [(name, Reference(found[0].number, place)) for place, name in enumerate(found[0].relation.columns)]

    def restrict(self, predicate: Predicate | None, sources: Iterable[Source]) -> None:
        """Adds a condition of ON to the sources whose rows it filters."""
        for source in sources:
            if predicate is not None and not source.nullable:
                source.conditions.append(predicate)

    def scans(self, where: Predicate | None, passed: Sequence[tuple[int, Reference]] = ()) -> tuple[Scan, ...]:
        """The scans of all sources.

        Args:
            passed: the columns that the SELECT passes through, by their position in its result.
        """
        return (*(scan for source in self.sources for scan in _filtered(source, where, passed)), *self.more)


def _filtered(source: Source, where: Predicate | None, passed: Sequence[tuple[int, Reference]]) -> Iterable[Scan]:
    conditions = source.conditions if where is None or source.nullable else [*source.conditions, where]
    for scan in source.relation.scans:
        if not scan.exposed:
            yield scan
            continue
        columns = dict(scan.exposed)
        known = (on_partitions(condition, source.number, columns) for condition in conditions)
        exposed = tuple(
            (place, (*columns[found.position], *found.floors))
            for place, found in passed
            if found.source == source.number and found.position in columns and not source.nullable
        )
        yield scan._replace(filters=(*scan.filters, *(one for one in known if one is not None)), exposed=exposed)
