"""Runs queries and DML. GoogleSQL checks them if its engine is on, and it or DuckDB answers them."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import duckdb
from sqlglot.errors import SqlglotError

from job.simulator.bigquery import information_schema, plan, relations, routines
from job.simulator.bigquery.errors import ApiError, invalid_query, not_found, not_implemented
from job.simulator.bigquery.googlesql import GoogleSQL, Table, UseDuckDBError
from job.simulator.bigquery.partitions import needs_filter
from job.simulator.bigquery.pruning import scans_of
from job.simulator.bigquery.results import Result, field_of, name_columns
from job.simulator.bigquery.schema import Field
from job.simulator.bigquery.sql import NOW, UNNAMED, Source, full_name, kind_of, parse, target, translate
from job.simulator.bigquery.storage import Resource, Storage

_MAX_TRANSLATIONS = 200  # kept in the cache
_MAX_CALLS = 2000
_NAME = re.compile(r"`([^`]+)`")
_MakeVirtual = Callable[[str, list[Field], list[dict[str, Any]]], Resource]


class Query(NamedTuple):
    """A statement and its context."""

    sql: str
    project: str
    dataset: str | None = None
    """`project:dataset`, the default for names without one."""
    location: str | None = None
    """Location of the job; None means that of the first table, or US without tables."""
    maximum_billed: str | None = None
    dry: bool = False
    columns_only: bool = False
    """Only the columns of the result matter: what the statement reads is planned only where a rule needs it."""


class Answer(NamedTuple):
    """The result of a statement."""

    kind: str
    """`SELECT`, `INSERT`, `UPDATE`, `DELETE` or `MERGE`."""
    result: Result
    bytes_processed: int
    bytes_billed: int
    tables: list[Resource]
    """The tables that it reads, without views."""
    affected: int
    engine: str
    """`GoogleSQL` or `DuckDB`."""


@dataclass
class _Translation:
    """A statement in DuckDB's SQL, and what it reads."""

    kind: str
    sql: str
    target: str | None
    sources: dict[str, Source]
    """The source of each name; the translation is valid while they are unchanged."""
    reads: relations.Relation
    scans: list[plan.Scan] | None = None
    """The scans of DuckDB's plan, once it is known: planning takes as long as reading a small warehouse."""


class Queries:
    """Runs statements on the storage. Callers must hold its lock."""

    def __init__(self, storage: Storage, googlesql: GoogleSQL | None) -> None:
        self._storage = storage
        self._googlesql = googlesql
        self._translations: dict[tuple[str, str, str | None], _Translation] = {}
        self._calls: dict[str, str] = {}
        self._view_fields: dict[str, list[Field]] = {}
        self._checked_functions: set[str] = set()

    @contextmanager
    def checked(self, query: Query) -> Iterator[Checked]:
        """Checks a statement: its SQL, its tables, and their rules.

        Raises:
            ApiError: the statement is refused.
        """
        if len(self._calls) > _MAX_CALLS:
            self._calls.clear()
        with self._storage.virtual() as make:
            yield Checked(self._storage, self._googlesql, query, make, self._translations, self._calls)

    def view_fields(self, sql: str, project: str, location: str) -> list[Field]:
        """The columns of a view with this query.

        Raises:
            ApiError: the query is refused.
        """
        known = self._of_any_dataset(sql, location)
        if known is not None and known in self._view_fields:
            return copy.deepcopy(self._view_fields[known])
        with self.checked(Query(sql, project, location=location, dry=True, columns_only=True)) as found:
            if found.kind != "SELECT":
                raise invalid_query("A view must be defined by a query")
            fields = found.answer().result.fields
        if known is not None:
            self._view_fields[known] = copy.deepcopy(fields)
        return fields

    def _of_any_dataset(self, sql: str, location: str) -> str | None:
        """The query with the columns of what it reads in place of each name: with equal ones it has equal columns.

        None if it reads what does not exist, or is elsewhere, or where queries have to filter.
        """
        columns, datasets = {}, set()
        for name in _NAME.findall(sql):
            source = self._storage.tables.get(name.replace(".", ":", 1))
            if source is None or source["location"] != location:
                return None
            columns[name] = repr(source["schema"]["fields"])
            datasets.add(source["id"].rpartition(".")[0])
        if any(
            needs_filter(table) for key, table in self._storage.tables.items() if key.rpartition(".")[0] in datasets
        ):
            return None
        return _NAME.sub(lambda found: columns[found[1]], sql)

    def check_function(self, routine: Resource, project: str, location: str) -> None:
        """Checks a function's query; without the engine of GoogleSQL, its syntax alone.

        Raises:
            ApiError: the query is refused.
        """
        if self._googlesql is not None:
            self.view_fields(routines.body_with_nulls(routine), project, location)
            return
        in_any_dataset = f"{_NAME.sub('`name`', routine['definitionBody'])} {routine.get('arguments')}"
        if in_any_dataset not in self._checked_functions:
            if kind_of(parse(routines.body_with_nulls(routine))) != "SELECT":
                raise invalid_query("A table function must be defined by a query")
            self._checked_functions.add(in_any_dataset)


class Checked:
    """One checked statement; `answer` runs it in the transaction of the caller."""

    def __init__(
        self,
        storage: Storage,
        googlesql: GoogleSQL | None,
        query: Query,
        make_virtual: _MakeVirtual,
        translations: dict[tuple[str, str, str | None], _Translation],
        calls: dict[str, str],
    ) -> None:
        self._storage, self._make_virtual = storage, make_virtual
        self._translations, self._calls = translations, calls
        self._query = query._replace(sql=self._without_calls(query.sql, query.project, query.dataset))
        self._found: dict[str, Resource] = {}
        self._sources: dict[str, Source] = {}
        self._location = query.location
        self._fields: list[Field] | None = None
        self._translated: str | None = None
        self._now = int(storage.clock.now() * 1_000_000)
        storage.duckdb.set_time(NOW, self._now)
        self._session = googlesql.session(self._table, query.project, self._now) if googlesql is not None else None
        target_name, scans, filtered = self._check()
        self.target = storage.tables[target_name] if target_name else None
        """The table that a DML statement modifies; None for queries."""
        plan.check_filters(storage, filtered)
        self._processed = plan.bytes_processed(storage, scans, filtered, self._now)
        self._billed = plan.bytes_billed(self._processed, scans)
        plan.check_billed(self._billed, query.maximum_billed)

    def _check(self) -> tuple[str | None, list[plan.Scan], tuple[relations.Scan, ...]]:
        query, analysed = self._query, None
        if self._session is not None:
            analysed = self._session.analyse(query.sql, query.dataset)
            self._fields = analysed.fields
        try:
            translation = self._translation(query.sql, query.dataset)
            self.kind = translation.kind
            unplanned = query.columns_only and query.maximum_billed is None
            if translation.scans is None and not unplanned:
                translation.scans = self._duckdb(lambda: plan.scans(self._storage, translation.sql))
            self._translated = translation.sql
        except (ApiError, SqlglotError):
            # GoogleSQL accepts more than sqlglot and DuckDB do; but rules need a tree and a plan
            if analysed is None or analysed.kind != "SELECT" or self._has_rules():
                raise
            self.kind = "SELECT"
            return None, [], ()
        return translation.target, translation.scans or [], translation.reads.scans

    def _without_calls(self, sql: str, project: str, dataset: str | None) -> str:
        """The statement with a view in place of each call of a table function."""

        def find(parts: Sequence[str]) -> Resource | None:
            if len(parts) > 1 or dataset is not None:
                return self._storage.routines.get(full_name(list(parts), project, dataset))
            return None

        if not any(name.rpartition(".")[2] in sql for name in self._storage.routines):
            return sql  # reading a statement word by word takes as long as planning it
        replaced, called = routines.replace_calls(sql, find)
        for one in called:
            if one.name not in self._calls:
                self._calls[one.name] = self._without_calls(one.query, project, None)
        return replaced

    def _has_rules(self) -> bool:
        return self._query.maximum_billed is not None or any(map(needs_filter, self._found.values()))

    def _translation(self, sql: str, dataset: str | None) -> _Translation:
        """The translation, from the cache if it is still valid: it takes long, and views share views."""
        project = self._query.project
        known = self._translations.get((sql, project, dataset))
        if known is None or any(self._source(name) != source for name, source in known.sources.items()):
            tree, sources = parse(sql), {}

            def find(name: str) -> Source:
                sources[name] = self._source(name)
                return sources[name]

            kind = kind_of(tree)
            translated = translate(tree, find, project, dataset)
            reads = scans_of(tree, lambda parts: find(full_name(parts, project, dataset)).relation)
            known = _Translation(kind, translated, target(tree, project, dataset), sources, reads)
            if len(self._translations) >= _MAX_TRANSLATIONS:
                self._translations.clear()
            self._translations[sql, project, dataset] = known
        return known

    @property
    def location(self) -> str:
        """The location of its tables."""
        return self._location or "US"

    def answer(self) -> Answer:
        """Runs the statement.

        Raises:
            ApiError: the statement fails.
        """
        result, affected, engine = self._answer(self.kind, self._translated, self._fields)
        return Answer(
            kind=self.kind,
            result=result,
            bytes_processed=self._processed,
            bytes_billed=0 if self._query.dry else self._billed,
            tables=[found for found in self._found.values() if found["type"] == "TABLE"],
            affected=affected,
            engine=engine,
        )

    def _answer(self, kind: str, translated: str | None, fields: list[Field] | None) -> tuple[Result, int, str]:
        query = self._query
        if kind != "SELECT":
            affected = 0
            if not query.dry:
                row = self._duckdb(lambda: self._storage.duckdb.database.execute(str(translated)).fetchone())
                affected = int(row[0]) if row else 0
            return Result([], []), affected, "DuckDB"
        if fields is not None and query.dry:
            return Result(name_columns(fields), []), 0, "GoogleSQL"
        if self._session is not None:
            try:
                found = self._session.evaluate(query.sql, query.dataset)
                return Result(name_columns(found.fields), found.rows), 0, "GoogleSQL"
            except UseDuckDBError as error:
                if translated is None:
                    raise not_implemented(f"this query on this much data: {error}") from error
        sql = f"SELECT * FROM ({translated}) LIMIT 0" if query.dry else str(translated)
        return self._duckdb(lambda: self._select(sql)), 0, "DuckDB"

    def _select(self, sql: str) -> Result:
        cursor = self._storage.duckdb.database.execute(sql)
        fields = [
            field_of("" if name.startswith(UNNAMED) else name, kind) for name, kind, *_ in cursor.description or ()
        ]
        return Result(name_columns(fields), cursor.fetchall())

    def _duckdb(self, do: Callable[[], Any]) -> Any:
        try:
            return do()
        except duckdb.ConstraintException as error:
            column = str(error).rpartition(".")[2].strip()
            raise invalid_query(f"Required field {column} cannot be null") from error
        except duckdb.Error as error:
            raise invalid_query(str(error).splitlines()[0]) from error

    # lookups by name

    def _resource(self, name: str) -> Resource:
        """The table or view with this name, which must be in the job's location."""
        if name not in self._found:
            dataset, schema, view = name.partition(".INFORMATION_SCHEMA.")
            if not schema:
                dataset = name.rpartition(".")[0]
            parent = self._storage.datasets.get(dataset)
            if self._location is None and parent is not None:
                self._location = parent["location"]
            if parent is None or parent["location"].lower() != str(self._location).lower():
                raise not_found("Dataset", dataset, location=self._location or "US")
            if schema:
                self._found[name] = self._make_virtual(name, *information_schema.view_of(self._storage, dataset, view))
            elif name in self._calls:
                query = {"query": self._calls[name]}
                self._found[name] = {"id": name, "type": "VIEW", "view": query, "schema": {"fields": [query]}}
            elif name not in self._storage.tables:
                raise not_found("Table", name, location=self._location)
            else:
                self._found[name] = self._storage.tables[name]
            if not self._found[name]["schema"]["fields"]:
                raise invalid_query(f"Table {name} does not have a schema.")
        return self._found[name]

    def _query_of(self, view: Resource) -> str:
        return self._without_calls(view["view"]["query"], self._query.project, None)

    def _source(self, name: str) -> Source:
        if name not in self._sources:
            found = self._resource(name)
            if found["type"] == "VIEW":
                translation = self._translation(self._query_of(found), None)
                source = Source(translation.sql, is_view=True, relation=translation.reads)
            else:
                source = Source(self._storage.duckdb.name(found["id"]), relation=relations.of_table(found))
            self._sources[name] = source
        return self._sources[name]

    def _table(self, name: str) -> Table:
        found = self._resource(name)
        if found["type"] == "VIEW":
            return Table([], self._query_of(found), 0, _read_nothing)

        def read(names: list[str]) -> list[tuple[Any, ...]]:
            return self._storage.duckdb.rows(found["id"], names)

        return Table(found["schema"]["fields"], None, self._storage.size(found, [])[0], read)


def _read_nothing(names: list[str]) -> list[tuple[Any, ...]]:  # noqa: ARG001 (views are evaluated instead)
    return []
