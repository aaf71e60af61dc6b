"""Conditions on a partitioning column, and the partitions that they exclude.

A condition is compiled to what its constants say of the column: a term that is not known excludes nothing, so AND
drops it, and OR that has it excludes nothing either.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import NamedTuple

from sqlglot import exp

from job.simulator.bigquery.constants import Constant, NotConstantError, constant, floor, floored, value_at

Floors = tuple[str, ...]
"""Units to which a value is truncated, one after the other: DATE truncates to DAY."""


class Reference(NamedTuple):
    """A column of a source, or its DATE or TIMESTAMP_TRUNC."""

    source: int
    position: int
    floors: Floors = ()


class Term(NamedTuple):
    """A comparison of a column with constants."""

    column: Reference
    operator: str
    """One of `<`, `<=`, `>`, `>=`, `in`, `null`, `not null`."""
    values: tuple[Constant, ...] = ()


class Combined(NamedTuple):
    """Terms combined by AND or OR. Without terms, OR is FALSE."""

    every: bool
    """True for AND."""
    terms: tuple[Predicate, ...]


Predicate = Term | Combined
Find = Callable[[exp.Column], Reference | None]
"""Looks up a column; None if it is not known."""
Span = tuple[int, int] | None
"""The first and the last value of a partition; None for the partition of NULL."""

NEVER = Combined(every=False, terms=())
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}
_NEGATED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "=": "<>", "<>": "="}
_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.EQ: "=",
    exp.NEQ: "<>",
}


def compiled(node: exp.Expr, find: Find, *, negated: bool = False) -> Predicate | None:
    """The condition, or its negation; None if it excludes nothing that is known."""
    if isinstance(node, exp.Paren):
        return compiled(node.this, find, negated=negated)
    if isinstance(node, exp.Not):
        return compiled(node.this, find, negated=not negated)
    if isinstance(node, exp.And | exp.Or):
        every = isinstance(node, exp.And) is not negated
        return _combined(every, [compiled(term, find, negated=negated) for term in node.flatten()])
    if isinstance(node, exp.Boolean):
        return None if bool(node.this) is not negated else NEVER
    if isinstance(node, exp.Null):
        return NEVER
    try:
        return _term(node, find, negated)
    except NotConstantError:
        return None


def _combined(every: bool, terms: list[Predicate | None]) -> Predicate | None:
    known = tuple(term for term in terms if term is not None)
    if not known or (len(known) < len(terms) and not every):
        return None
    return known[0] if len(known) == 1 else Combined(every, known)


def _term(node: exp.Expr, find: Find, negated: bool) -> Predicate | None:
    if type(node) in _COMPARISONS:
        operator = _COMPARISONS[type(node)]
        return _comparison(node.this, _NEGATED[operator] if negated else operator, node.expression, find)
    if isinstance(node, exp.Between):
        low, high = (
            _or_none(node.this, operator, node.args[bound], find)
            for operator, bound in ((("<", "low"), (">", "high")) if negated else ((">=", "low"), ("<=", "high")))
        )
        return _combined(not negated, [low, high])
    if isinstance(node, exp.In) and not negated and node.expressions:
        column = reference(node.this, find)
        return Term(column, "in", tuple(map(constant, node.expressions))) if column is not None else None
    if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
        column = reference(node.this, find)
        if column is not None:
            return Term(column, "not null" if negated else "null")
        return None if (constant(node.this) is None) is not negated else NEVER
    return None


def _or_none(left: exp.Expr, operator: str, right: exp.Expr, find: Find) -> Predicate | None:
    try:
        return _comparison(left, operator, right, find)
    except NotConstantError:
        return None


def _comparison(left: exp.Expr, operator: str, right: exp.Expr, find: Find) -> Predicate | None:
    column = reference(left, find)
    if column is None:
        left, operator, right = right, _FLIPPED[operator], left
        column = reference(left, find)
    if operator == "<>" or column is None:
        return None
    return Term(column, "in" if operator == "=" else operator, (constant(right),))


def reference(node: exp.Expr, find: Find) -> Reference | None:
    """The column that an expression is, or whose DATE or TIMESTAMP_TRUNC it is; None for other expressions."""
    if isinstance(node, exp.Paren):
        return reference(node.this, find)
    if isinstance(node, exp.Column):
        return find(node)
    if (found := floored(node)) is not None and (column := reference(found[0], find)) is not None:
        return column._replace(floors=(*column.floors, found[1]))
    return None


def on_partitions(predicate: Predicate, source: int, exposed: Mapping[int, Floors]) -> Predicate | None:
    """The condition on the partitioning column of one table; None if it excludes nothing.

    Args:
        source: number of the source of the table's rows; other sources' columns are not known.
        exposed: the source's columns that are the partitioning column, truncated to units.
    """
    if isinstance(predicate, Combined):
        if not predicate.terms:
            return predicate
        return _combined(predicate.every, [on_partitions(term, source, exposed) for term in predicate.terms])
    column = predicate.column
    if column.source != source or column.position not in exposed:
        return None
    return predicate._replace(column=Reference(0, 0, (*exposed[column.position], *column.floors)))


def matcher(predicate: Predicate, now: int) -> Callable[[Span], bool]:
    """A function that returns False for partitions without any value that meets the condition.

    Args:
        now: the current time, in microseconds since 1970.
    """
    if isinstance(predicate, Combined):
        tests = [matcher(term, now) for term in predicate.terms]
        choose = all if predicate.every else any
        return lambda span: choose(test(span) for test in tests)
    operator, units = predicate.operator, predicate.column.floors
    found = (value_at(value, now) for value in predicate.values)
    values = sorted(value for value in found if value is not None)

    def matches(span: Span) -> bool:
        if span is None or operator in ("null", "not null"):
            return operator == ("null" if span is None else "not null")
        first, last = span
        for unit in units:
            first, last = floor(first, unit), floor(last, unit)
        if operator == "in":
            place = bisect_left(values, first)
            return place < len(values) and values[place] <= last
        if not values:
            return False  # a comparison with NULL
        bound = values[0]
        return {"<": first < bound, "<=": first <= bound, ">": last > bound, ">=": last >= bound}[operator]

    return matches
