"""Analyses and evaluates queries with GoogleSQL, BigQuery's own front end; needs the package `zetasql`.

The package is ZetaSQL compiled to WebAssembly. It analyses every statement. It evaluates slowly and in memory, so
DuckDB answers queries of large tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from job.simulator.bigquery import googlesql_values
from job.simulator.bigquery.errors import ApiError, invalid_query, not_implemented
from job.simulator.bigquery.googlesql_client import client
from job.simulator.bigquery.googlesql_clock import with_time
from job.simulator.bigquery.googlesql_names import messages, rename_tables, restore_position
from job.simulator.bigquery.results import Result
from job.simulator.bigquery.schema import Field
from job.simulator.bigquery.sql import full_name

MAX_ROWS = 20_000
"""Limit over all tables that a query reads: ZetaSQL takes about 2 s for 10,000 rows of 60 columns."""

# Features of GoogleSQL that BigQuery's reference does not have: https://cloud.google.com/bigquery/docs/reference/standard-sql
_NOT_IN_BIGQUERY = (
    "AGGREGATE_FILTERING", "ARRAY_EQUALITY", "ARRAY_ORDERING", "ARRAY_FIND_FUNCTIONS", "ARRAY_GREATEST_LEAST",
    "ARRAY_ZIP", "FOR_UPDATE", "INSERT_ON_CONFLICT_CLAUSE", "DML_RETURNING", "LATERAL_JOIN", "MULTIWAY_UNNEST",
    "NULLIFZERO_ZEROIFNULL", "WITH_RECURSIVE_DEPTH_MODIFIER", "MULTILEVEL_AGGREGATION", "UUID_TYPE",
)  # fmt: skip


class Table(NamedTuple):
    """A table or view, found by its name."""

    fields: list[Field]
    view: str | None
    """The query of a view; None for a table."""
    rows: int
    read: Callable[[list[str]], list[tuple[Any, ...]]]
    """Reads the named columns of all rows."""


Find = Callable[[str], Table]
"""Looks up `project:dataset.table`; raises ApiError if it does not exist."""


class UseDuckDBError(Exception):
    """The engine is too slow for this query, or does not support it; DuckDB may answer it."""


class Statement(NamedTuple):
    """An analysed statement."""

    kind: str
    """`SELECT`, `INSERT`, `UPDATE`, `DELETE` or `MERGE`."""
    fields: list[Field]
    """The columns of the result; empty unless it is a SELECT."""


class _Analysed(NamedTuple):
    sql: str
    """The statement with each table under one dotted name: the engine only finds tables at its catalog's root."""
    tables: dict[str, Table]
    """The tables at the time of the analysis."""
    columns: dict[str, set[int]]
    """Indexes of the columns that the statement reads, by table."""
    statement: Statement


_MAX_KNOWN = 500
_Key = tuple[str, str, str | None]


class GoogleSQL:
    """The GoogleSQL engine. Only one thread may use it at a time."""

    def __init__(self) -> None:
        self.known: dict[_Key, _Analysed] = {}
        """Earlier analyses, valid while their tables are unchanged. Analysing a view takes a quarter of a second."""
        from zetasql.wasi import get_wasm_path
        from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2
        from zetasql.wasi._pb2.zetasql.proto import options_pb2, simple_catalog_pb2
        from zetasql.wasi._pb2.zetasql.public import options_pb2 as public

        self._client = client(get_wasm_path())
        self.service, self._catalogs = local_service_pb2, simple_catalog_pb2
        language = self.call(
            "GetLanguageOptions",
            local_service_pb2.LanguageOptionsRequest(maximum_features=True),
            options_pb2.LanguageOptionsProto,
        )
        language.product_mode = public.ProductMode.PRODUCT_EXTERNAL
        absent = {public.LanguageFeature.Value(f"FEATURE_{name}") for name in _NOT_IN_BIGQUERY}
        kept = [feature for feature in language.enabled_language_features if feature not in absent]
        del language.enabled_language_features[:]
        language.enabled_language_features.extend(kept)
        del language.supported_statement_kinds[:]  # an empty list allows all
        defaults = self.call(
            "GetAnalyzerOptions", local_service_pb2.AnalyzerOptionsRequest(), options_pb2.AnalyzerOptionsProto
        )
        self.language = language
        self.options = options_pb2.AnalyzerOptionsProto(
            language_options=language,
            default_timezone="UTC",
            prune_unused_columns=True,
            enabled_rewrites=defaults.enabled_rewrites,
            error_message_mode=defaults.error_message_mode,
        )

    def session(self, find: Find, project: str, now: int) -> Session:
        """A session for statements between which no table changes.

        Args:
            now: the current time for all of them, in microseconds since 1970.
        """
        return Session(self, find, project, now)

    def remember(self, key: _Key, analysed: _Analysed) -> None:
        """Keeps an analysis; drops all earlier ones when there are too many."""
        if len(self.known) == _MAX_KNOWN:
            self.known.clear()
        self.known[key] = analysed

    def call(self, name: str, request: Any, answer: Any) -> Any:
        """Calls ZetaSQL.

        Raises:
            ApiError: the statement is invalid, with ZetaSQL's message.
            UseDuckDBError: ZetaSQL does not support the statement.
        """
        from zetasql.core.exceptions import ServerError, StatusCode

        try:
            return self._client.call_grpc_func(f"ZetaSqlLocalService_{name}", request, answer)
        except ServerError as error:
            if error.code == StatusCode.UNIMPLEMENTED:
                raise UseDuckDBError(error.message) from error
            raise invalid_query(error.message) from error

    def catalog(self, tables: dict[str, Table]) -> Any:
        """A catalog of these tables, and of all functions."""
        catalog = self._catalogs.SimpleCatalogProto(name="simulated")
        catalog.builtin_function_options.language_options.CopyFrom(self.language)
        for name, table in tables.items():
            made = catalog.table.add(name=name, full_name=name)
            for field in table.fields:
                made.column.add(name=field["name"], type=googlesql_values.type_of_field(field))
        return catalog


class Session:
    """Analyses and evaluates statements; each view only once."""

    def __init__(self, engine: GoogleSQL, find: Find, project: str, now: int) -> None:
        self._engine, self._find, self._project, self._now = engine, find, project, now
        self._analysed: dict[_Key, _Analysed] = {}
        self._evaluated: dict[str, Result] = {}

    def analyse(self, sql: str, dataset: str | None) -> Statement:
        """Analyses a statement, with the existing tables.

        Args:
            dataset: `project:dataset`, the default for names without one.

        Raises:
            ApiError: the statement is invalid, with ZetaSQL's message.
        """
        return self._analyse(sql, dataset).statement

    def evaluate(self, sql: str, dataset: str | None) -> Result:
        """Evaluates a query.

        Raises:
            ApiError: the query is invalid, with ZetaSQL's message.
            UseDuckDBError: DuckDB must answer this query.
        """
        analysed, engine, total = self._analyse(sql, dataset), self._engine, 0
        request = engine.service.EvaluateQueryRequest(
            sql=with_time(analysed.sql, self._now),
            options=engine.options,
            simple_catalog=engine.catalog(analysed.tables),
        )
        for name, table in analysed.tables.items():
            read = sorted(analysed.columns.get(name, set()))
            if total + table.rows > MAX_ROWS:
                raise UseDuckDBError
            if table.view is None:
                rows = table.read([table.fields[number]["name"] for number in read])
            else:
                if table.view not in self._evaluated:
                    self._evaluated[table.view] = self.evaluate(table.view, None)
                rows = [tuple(row[number] for number in read) for row in self._evaluated[table.view].rows]
            total += len(rows)
            if total > MAX_ROWS:
                raise UseDuckDBError
            data = request.table_content[name].table_data
            data.SetInParent()  # otherwise a table without rows would have no data at all
            googlesql_values.fill(data, table.fields, set(read), rows)
        answer = engine.call("EvaluateQuery", request, engine.service.EvaluateQueryResponse)
        types = [column.type for column in answer.prepared.columns]
        rows = [
            tuple(googlesql_values.value_of(cell, kind) for cell, kind in zip(row.cell, types, strict=True))
            for row in answer.content.table_data.row
        ]
        return Result(analysed.statement.fields, rows)

    def _analyse(self, sql: str, dataset: str | None) -> _Analysed:
        key = (sql, self._project, dataset)
        if key not in self._analysed:
            known = self._engine.known.get(key)
            tables = {name: self._table(name) for name in known.tables} if known is not None else {}
            if known is not None and [one.fields for one in tables.values()] == [
                one.fields for one in known.tables.values()
            ]:
                self._analysed[key] = known._replace(tables=tables)
            else:
                self._analysed[key] = self._analyse_anew(sql, dataset)
                self._engine.remember(key, self._analysed[key])
        return self._analysed[key]

    def _table(self, name: str) -> Table:
        """The table; for a view, with the columns of its query."""
        table = self._find(name)
        if table.view is None:
            return table
        return table._replace(fields=self._analyse(table.view, None).statement.fields)

    def _analyse_anew(self, sql: str, dataset: str | None) -> _Analysed:
        engine, service = self._engine, self._engine.service
        tables: dict[str, Table] = {}
        names: dict[tuple[str, ...], str] = {}
        request = service.ExtractTableNamesFromStatementRequest(sql_statement=sql, options=engine.language)
        named = engine.call("ExtractTableNamesFromStatement", request, service.ExtractTableNamesFromStatementResponse)
        for mention in named.table_name:
            path = tuple(mention.table_name_segment)
            name = full_name([part for segment in path for part in segment.split(".")], self._project, dataset)
            tables[name], names[path] = self._table(name), name
        parsed = engine.call(
            "Parse", service.ParseRequest(sql_statement=sql, options=engine.language), service.ParseResponse
        )
        rewritten, edits = rename_tables(sql, parsed, names)
        analysis = service.AnalyzeRequest(
            sql_statement=rewritten, options=engine.options, simple_catalog=engine.catalog(tables)
        )
        try:
            resolved = engine.call("Analyze", analysis, service.AnalyzeResponse).resolved_statement
        except ApiError as error:
            error.message = restore_position(error.message, sql, edits)
            raise
        return _Analysed(rewritten, tables, dict(_columns_read(resolved)), _statement(resolved))


_KINDS = {
    "resolved_query_stmt_node": "SELECT",
    "resolved_insert_stmt_node": "INSERT",
    "resolved_update_stmt_node": "UPDATE",
    "resolved_delete_stmt_node": "DELETE",
    "resolved_merge_stmt_node": "MERGE",
}


def _statement(resolved: Any) -> Statement:
    node = str(resolved.WhichOneof("node"))
    if node not in _KINDS:
        raise not_implemented(f"statements such as {node.removeprefix('resolved_').removesuffix('_stmt_node')}")
    found = getattr(resolved, node)
    if node != "resolved_query_stmt_node":
        return Statement(_KINDS[node], [])
    fields = [
        googlesql_values.field_of("" if column.name.startswith("$") else column.name, column.column.type)
        for column in found.output_column_list
    ]
    return Statement("SELECT", fields)


def _columns_read(resolved: Any) -> Iterator[tuple[str, set[int]]]:
    read: dict[str, set[int]] = {}
    for message in messages(resolved, "ResolvedTableScanProto"):
        read.setdefault(message.table.name, set()).update(message.column_index_list)
    yield from read.items()
