"""Queries: held to GoogleSQL where its engine is on, answered by it or by DuckDB, or changes made to a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import duckdb
from sqlglot.errors import SqlglotError

from job.simulator.bigquery import information_schema, plan
from job.simulator.bigquery.errors import ApiError, invalid_query, not_found, not_implemented
from job.simulator.bigquery.googlesql import GoogleSQL, LeftToDuckDBError, Table
from job.simulator.bigquery.partitions import needs_filter
from job.simulator.bigquery.results import Result, field_of, named
from job.simulator.bigquery.schema import Field
from job.simulator.bigquery.sql import UNNAMED, Source, kind_of, parse, target, translate
from job.simulator.bigquery.storage import Resource, Storage

_MOST_TRANSLATIONS = 200  # remembered
_MakeVirtual = Callable[[str, list[Field], list[dict[str, Any]]], Resource]


class Query(NamedTuple):
    """A statement, and where it is asked."""

    sql: str
    project: str
    dataset: str | None = None
    """`project:dataset`, which names without one are in."""
    location: str | None = None
    """Of the job; None is where the first table lies, and US without one."""
    most_billed: str | None = None
    dry: bool = False


class Answer(NamedTuple):
    """What became of it."""

    kind: str
    """`SELECT`, `INSERT`, `UPDATE`, `DELETE` or `MERGE`."""
    result: Result
    bytes_processed: int
    bytes_billed: int
    tables: list[Resource]
    """Those that it reads, views left out."""
    affected: int
    engine: str
    """`GoogleSQL` or `DuckDB`."""


class _Translation(NamedTuple):
    """A statement in DuckDB's words."""

    kind: str
    sql: str
    target: str | None
    sources: dict[str, Source]
    """What stood behind each name: while it is the same, so is the translation."""


class Queries:
    """Asks the storage. Whoever calls holds its lock."""

    def __init__(self, storage: Storage, googlesql: GoogleSQL | None) -> None:
        self._storage = storage
        self._googlesql = googlesql
        self._translations: dict[tuple[str, str, str | None], _Translation] = {}

    @contextmanager
    def checked(self, query: Query) -> Iterator[Checked]:
        """A statement that has been held to GoogleSQL, to the tables that there are and to their rules.

        Raises:
            ApiError: it is refused.
        """
        with self._storage.virtual() as make:
            yield Checked(self._storage, self._googlesql, query, make, self._translations)

    def view_fields(self, sql: str, project: str, location: str) -> list[Field]:
        """The columns of a view with this query.

        Raises:
            ApiError: the query is refused.
        """
        with self.checked(Query(sql, project, location=location, dry=True)) as found:
            if found.kind != "SELECT":
                raise invalid_query("A view is made of a query")
            return found.answer().result.fields


class Checked:
    """One statement; `answer` runs it, in the transaction of whoever calls."""

    def __init__(
        self,
        storage: Storage,
        googlesql: GoogleSQL | None,
        query: Query,
        make_virtual: _MakeVirtual,
        translations: dict[tuple[str, str, str | None], _Translation],
    ) -> None:
        self._storage, self._query, self._make_virtual = storage, query, make_virtual
        self._translations = translations
        self._asking = googlesql.asking(self._table, query.project) if googlesql is not None else None
        self._found: dict[str, Resource] = {}
        self._location = query.location
        self._fields: list[Field] | None = None
        self._translated: str | None = None
        target_name, scans = self._check()
        self.target = storage.tables[target_name] if target_name else None
        """The table that it modifies."""
        plan.check_filters(scans)
        self._processed = plan.bytes_processed(storage, scans)
        self._billed = plan.bytes_billed(self._processed, scans)
        plan.check_billed(self._billed, query.most_billed)

    def _check(self) -> tuple[str | None, list[plan.Scan]]:
        query, analysed = self._query, None
        if self._asking is not None:
            analysed = self._asking.analyse(query.sql, query.dataset)
            self._fields = analysed.fields
        try:
            translation = self._translation()
            self.kind = translation.kind
            scans = self._duckdb(lambda: plan.scans(self._storage, translation.sql))
            self._translated = translation.sql
        except (ApiError, SqlglotError):
            # what GoogleSQL has taken may be more than sqlglot and DuckDB know; without a plan no rule can be checked
            ruled = query.most_billed is not None or any(map(needs_filter, self._found.values()))
            if analysed is None or analysed.kind != "SELECT" or ruled:
                raise
            self.kind = "SELECT"
            return None, []
        return translation.target, scans

    def _translation(self) -> _Translation:
        """As it was made before, where that still holds: views within views take long."""
        query = self._query
        asked = query.sql, query.project, query.dataset
        known = self._translations.get(asked)
        if known is None or any(self._source(name) != source for name, source in known.sources.items()):
            tree, sources = parse(query.sql), {}

            def find(name: str) -> Source:
                sources[name] = self._source(name)
                return sources[name]

            kind = kind_of(tree)
            translated = translate(tree, find, query.project, query.dataset)
            known = _Translation(kind, translated, target(tree, query.project, query.dataset), sources)
            if len(self._translations) >= _MOST_TRANSLATIONS:
                self._translations.clear()
            self._translations[asked] = known
        return known

    @property
    def location(self) -> str:
        """Where what it reads is."""
        return self._location or "US"

    def answer(self) -> Answer:
        """Runs it.

        Raises:
            ApiError: it fails.
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
                told = self._duckdb(lambda: self._storage.heap.database.execute(str(translated)).fetchone())
                affected = int(told[0]) if told else 0
            return Result([], []), affected, "DuckDB"
        if fields is not None and query.dry:
            return Result(named(fields), []), 0, "GoogleSQL"
        if self._asking is not None:
            try:
                found = self._asking.evaluate(query.sql, query.dataset)
                return Result(named(found.fields), found.rows), 0, "GoogleSQL"
            except LeftToDuckDBError as error:
                if translated is None:
                    raise not_implemented(f"this query on this much data: {error}") from error
        sql = f"SELECT * FROM ({translated}) LIMIT 0" if query.dry else str(translated)
        return self._duckdb(lambda: self._select(sql)), 0, "DuckDB"

    def _select(self, sql: str) -> Result:
        cursor = self._storage.heap.database.execute(sql)
        fields = [
            field_of("" if name.startswith(UNNAMED) else name, kind) for name, kind, *_ in cursor.description or ()
        ]
        return Result(named(fields), cursor.fetchall())

    def _duckdb(self, do: Callable[[], Any]) -> Any:
        try:
            return do()
        except duckdb.ConstraintException as error:
            column = str(error).rpartition(".")[2].strip()
            raise invalid_query(f"Required field {column} cannot be null") from error
        except duckdb.Error as error:
            raise invalid_query(str(error).splitlines()[0]) from error

    # what is behind a name

    def _resource(self, name: str) -> Resource:
        """The table or view, which must be in the job's location."""
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
            elif name not in self._storage.tables:
                raise not_found("Table", name, location=self._location)
            else:
                self._found[name] = self._storage.tables[name]
            if not self._found[name]["schema"]["fields"]:
                raise invalid_query(f"Table {name} does not have a schema.")
        return self._found[name]

    def _source(self, name: str) -> Source:
        found = self._resource(name)
        if found["type"] == "VIEW":
            return Source(name, found["view"]["query"])
        return Source(self._storage.heap.name(found["id"]))

    def _table(self, name: str) -> Table:
        found = self._resource(name)
        if found["type"] == "VIEW":
            return Table([], found["view"]["query"], 0, _read_nothing)

        def read(names: list[str]) -> list[tuple[Any, ...]]:
            return self._storage.heap.rows(found["id"], names)

        return Table(found["schema"]["fields"], None, self._storage.size(found, [])[0], read)


def _read_nothing(names: list[str]) -> list[tuple[Any, ...]]:  # noqa: ARG001 (a view is evaluated instead)
    return []
