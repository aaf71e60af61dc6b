"""Finds the filters by which BigQuery prunes partitions: https://cloud.google.com/bigquery/docs/querying-partitioned-tables

BigQuery excludes a partition if a filter that is pushed down to the scan compares the partitioning column with
constants, none of which the partition can meet. Joins, subqueries and expressions of other columns exclude nothing.

This follows a statement's own syntax tree, not DuckDB's plan, although that pushes filters down too. DuckDB's optimizer
pushes more than BigQuery documents: it copies a filter to the other side of a join, turns an outer join with a filter
on its null side into an inner one, and moves long IN lists into joins. Its plan is a text that changes with its
version. And a view's tree is walked once for as long as the view is unchanged, while a plan has the current time in it.

What is not understood excludes nothing: bytes are then an upper bound, as they are for clustering, by which BigQuery
skips blocks but does not promise to. Filters are pushed through a query, view or CTE

- to each side of a set operation, by position;
- below GROUP BY, since a plain column beside aggregates is a key, but not below ROLLUP, CUBE and GROUPING SETS;
- below window functions only by columns that all of them partition by;
- not below LIMIT, not to the null side of an outer join, not from HAVING or QUALIFY;
- with USING, only to the side whose column it is.

The conditions of ON filter as WHERE does, except on the side of an outer join that keeps all its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from sqlglot import exp

from job.simulator.bigquery.predicates import Reference, compiled, reference
from job.simulator.bigquery.relations import UNKNOWN, Relation, Scan, distinct, hidden
from job.simulator.bigquery.scopes import Named, Scope, Source
from job.simulator.bigquery.sql import parts_of

Find = Callable[[list[str]], Relation]
"""Looks up the relation of a table or view, by the parts of its name."""
_Ctes = dict[str, Relation]
_NOT_EXPRESSIONS = ("from_", "joins", "with_", "laterals")


def scans_of(tree: exp.Expr, find: Find) -> Relation:
    """What a statement reads; for a query, with its columns."""
    names = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}

    def found(parts: list[str]) -> Relation:
        return UNKNOWN if len(parts) == 1 and parts[0].lower() in names else find(parts)

    walk = _Walk(found)
    return walk.query(tree, {}) if isinstance(tree, exp.Query) else Relation((), walk.modification(tree))


class _Walk:
    def __init__(self, find: Find) -> None:
        self._find = find

    def query(self, node: exp.Expr, ctes: _Ctes) -> Relation:
        ctes, recursive = self._with(node, ctes)
        if isinstance(node, exp.Subquery):
            made = self.query(node.this, ctes)
        elif isinstance(node, exp.SetOperation):
            made = _set_operation(self.query(node.this, ctes), self.query(node.expression, ctes), node)
        elif isinstance(node, exp.Select):
            made = self._select(node, ctes)
        else:
            made = Relation(None, self._below(node.iter_expressions(), ctes))
        if _has(node, "limit", "offset", "fetch", "pivots"):
            made = Relation(None if _has(node, "pivots") else made.columns, hidden([made]))
        # a recursive CTE may be named before it is known: its scans count in any case
        return Relation(made.columns, made.scans + hidden(recursive)) if recursive else made

    def modification(self, node: exp.Expr) -> tuple[Scan, ...]:
        """The scans of an INSERT, UPDATE, DELETE or MERGE."""
        ctes, _ = self._with(node, {})
        if isinstance(node, exp.Insert):
            return hidden([Relation(None, self._below([node.expression], ctes))])
        scope, where = Scope(), node.args.get("where")
        self._add(scope, node.this or node.args["tables"][0], ctes)
        if isinstance(node, exp.Update) and node.args.get("from_") is not None:
            self._add(scope, node.args["from_"].this, ctes)
        if isinstance(node, exp.Merge):
            self._add(scope, node.args["using"], ctes)
            whens = node.args["whens"].expressions
            if not any(not when.args.get("matched") and when.args.get("source") for when in whens):
                scope.restrict(compiled(node.args["on"], scope.find), scope.sources[:1])
        predicate = compiled(where.this, scope.find) if where is not None else None
        rest = (value for key, value in node.args.items() if key not in ("this", "tables", "using", "from_", "with_"))
        return hidden([Relation(None, scope.scans(predicate)), *self._nested(rest, ctes)])

    def _with(self, node: exp.Expr, ctes: _Ctes) -> tuple[_Ctes, list[Relation]]:
        """The CTEs that a query sees, and those of WITH RECURSIVE once more, into which no filter can be pushed."""
        found, ctes = node.args.get("with_"), dict(ctes)
        expressions = found.expressions if found is not None else []
        recursive = found is not None and bool(found.args.get("recursive"))
        if recursive:
            ctes |= {cte.alias.lower(): UNKNOWN for cte in expressions}
        for cte in expressions:
            made = self.query(cte.this, ctes)
            ctes[cte.alias.lower()] = Relation(made.columns, hidden([made])) if recursive else made
        return ctes, [ctes[cte.alias.lower()] for cte in expressions] if recursive else []

    def _select(self, node: exp.Select, ctes: _Ctes) -> Relation:
        scope, where = Scope(), node.args.get("where")
        if (source := node.args.get("from_")) is not None:
            self._add(scope, source.this, ctes)
        for join in node.args.get("joins") or ():
            self._join(scope, join, ctes)
        predicate = compiled(where.this, scope.find) if where is not None else None
        nested = self._nested((value for key, value in node.args.items() if key not in _NOT_EXPRESSIONS), ctes)
        outputs = _outputs(node, scope)
        passed = [] if outputs is None or _is_opaque(node) else _passed(node, scope, outputs)
        columns = None if outputs is None else tuple(name for name, _ in outputs)
        laterals = self._below(node.args.get("laterals") or [], ctes)
        return Relation(columns, distinct((*scope.scans(predicate, passed), *hidden(nested), *laterals)))

    def _add(self, scope: Scope, item: exp.Expr, ctes: _Ctes) -> list[Source]:
        """Adds an item of FROM, with the joins that belong to it; returns its sources."""
        first, start = len(scope.sources), scope.width
        if isinstance(item, exp.Table):
            name = item.alias or item.name.rpartition(".")[2]  # `p.d.t` may be in one pair of backticks
            scope.add(_changed(item, self._table(item, ctes)), name)
        elif isinstance(item, exp.Subquery) and isinstance(item.this, exp.Table):
            self._add(scope, item.this, ctes)
        elif isinstance(item, exp.Query):
            scope.add(_changed(item, self.query(item, ctes)), item.alias)
        else:
            scope.add(Relation(None, self._below([item], ctes)), item.alias)
            alias, offset = item.args.get("alias"), item.args.get("offset")
            scope.hide(alias.columns if alias is not None else [])
            scope.hide([offset] if isinstance(offset, exp.Expr) else [])
        for join in item.args.get("joins") or ():
            self._join(scope, join, ctes, first, start)
        return scope.sources[first:]

    def _table(self, item: exp.Table, ctes: _Ctes) -> Relation:
        parts = parts_of(item)
        if len(parts) == 1 and parts[0].lower() in ctes:
            return ctes[parts[0].lower()]
        return self._find(parts) if parts else UNKNOWN

    def _join(self, scope: Scope, join: exp.Join, ctes: _Ctes, first: int = 0, start: int = 0) -> None:
        """Adds a join to the sources from `first` on, whose columns begin at `start`."""
        left, middle, side = scope.sources[first:], scope.width, str(join.side).upper()
        right = self._add(scope, join.this, ctes)
        on = join.args.get("on")
        if on is not None:
            filtered = {"LEFT": right, "RIGHT": left, "FULL": []}.get(side, [*left, *right])
            scope.restrict(compiled(on, scope.find), filtered)
            scope.more.extend(hidden(self._nested([on], ctes)))
        scope.use([one.name for one in join.args.get("using") or ()], side, start, middle)
        for source in {"LEFT": right, "RIGHT": left, "FULL": [*left, *right]}.get(side, []):
            source.nullable = True

    def _nested(self, values: Iterable[object], ctes: _Ctes) -> list[Relation]:
        """The queries within expressions."""
        found = []
        for value in values:
            for node in value if isinstance(value, list) else [value]:
                if isinstance(node, exp.Expr):
                    inner = node.walk(prune=_is_query)
                    found += [self.query(one, ctes) for one in inner if isinstance(one, exp.Query)]
        return found

    def _below(self, nodes: Iterable[exp.Expr], ctes: _Ctes) -> tuple[Scan, ...]:
        """All scans below nodes that are not understood."""
        found = []
        for node in nodes:
            for one in node.walk(prune=_is_query):
                if isinstance(one, exp.Query):
                    found.append(self.query(one, ctes))
                elif isinstance(one, exp.Table):
                    found.append(self._table(one, ctes))
        return hidden(found)


def _has(node: exp.Expr, *names: str) -> bool:
    return any(node.args.get(name) for name in names)


def _changed(item: exp.Expr, relation: Relation) -> Relation:
    """The relation of an item of FROM; unknown columns where PIVOT or TABLESAMPLE change it."""
    return Relation(None, hidden([relation])) if _has(item, "pivots", "sample") else relation


def _set_operation(left: Relation, right: Relation, node: exp.SetOperation) -> Relation:
    by_position = not _has(node, "by_name") and left.columns is not None and right.columns is not None
    if not by_position:
        return Relation(left.columns, hidden([left, right]))
    return Relation(left.columns, distinct(left.scans + right.scans))


def _outputs(node: exp.Select, scope: Scope) -> list[Named] | None:
    """The columns of a SELECT, and what they are; None if they are not known."""
    outputs: list[Named] = []
    for item in node.expressions:
        if not item.is_star:
            inner = item.unalias()
            outputs.append((item.alias_or_name.lower(), reference(inner, scope.find)))
            continue
        star = item if isinstance(item, exp.Star) else item.this
        known = scope.star(item.table if isinstance(item, exp.Column) else None)
        if not isinstance(star, exp.Star) or known is None or _has(star, "rename"):
            return None
        absent = {one.name.lower() for one in star.args.get("except_") or ()}
        replaced = {one.alias.lower(): one.this for one in star.args.get("replace") or ()}
        for name, found in known:
            if name not in absent:
                outputs.append((name, reference(replaced[name], scope.find) if name in replaced else found))
    return outputs


def _is_opaque(node: exp.Select) -> bool:
    """True if no filter can be pushed into a SELECT."""
    group = node.args.get("group")
    sets = (exp.Rollup, exp.Cube, exp.GroupingSets)
    grouped = group is not None and (
        _has(group, "rollup", "cube", "grouping_sets") or any(isinstance(key, sets) for key in group.expressions)
    )
    return grouped or _has(node, "kind")


def _passed(node: exp.Select, scope: Scope, outputs: Sequence[Named]) -> list[tuple[int, Reference]]:
    """The positions of the columns through which a filter can be pushed, and what they are."""
    named = {window.name.lower(): window for window in node.args.get("windows") or ()}
    places = [*node.expressions, *(node.args[key] for key in ("qualify", "order") if _has(node, key))]
    windows = [one for place in places for one in place.walk(prune=_is_query) if isinstance(one, exp.Window)]
    keys = [[reference(key, scope.find) for key in _partition_by(window, named)] for window in windows]
    return [
        (position, found)
        for position, (_, found) in enumerate(outputs)
        if found is not None and all(any(_covers(key, found) for key in window) for window in keys)
    ]


def _partition_by(window: exp.Expr, named: Mapping[str, exp.Expr]) -> Iterator[exp.Expr]:
    """The expressions by which a window partitions, or the named window that it uses."""
    yield from window.args.get("partition_by") or ()
    used = window.args.get("alias")
    if used is not None and used.name.lower() in named:
        others = {name: other for name, other in named.items() if name != used.name.lower()}
        yield from _partition_by(named[used.name.lower()], others)


def _covers(key: Reference | None, column: Reference) -> bool:
    """True if a column has one value in each partition of a window by the key."""
    return key is not None and key[:2] == column[:2] and key.floors == column.floors[: len(key.floors)]


def _is_query(node: exp.Expr) -> bool:
    return isinstance(node, exp.Query)
