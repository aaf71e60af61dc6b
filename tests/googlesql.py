"""Analyses and evaluates our views with GoogleSQL, the SQL of BigQuery, without BigQuery.

The package `zetasql` is Google's analyser and reference implementation in WebAssembly. This module skips its Python
classes and sends the messages of ZetaSQL's local service. ZetaSQL has no views: each view's query, exactly as rendered
for BigQuery, is evaluated once, and its rows serve as a table to the views that read it.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from wasmtime import Engine, Module, WasmtimeError
from zetasql.core import wasm_client
from zetasql.core.exceptions import ServerError
from zetasql.wasi import get_wasm_path
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.proto.options_pb2 import AnalyzerOptionsProto, LanguageOptionsProto
from zetasql.wasi._pb2.zetasql.proto.simple_catalog_pb2 import SimpleCatalogProto
from zetasql.wasi._pb2.zetasql.public.options_pb2 import PRODUCT_EXTERNAL, LanguageFeature
from zetasql.wasi._pb2.zetasql.public.type_pb2 import (
    TYPE_ARRAY,
    TYPE_BOOL,
    TYPE_DOUBLE,
    TYPE_INT64,
    TYPE_NUMERIC,
    TYPE_STRING,
    TYPE_STRUCT,
    TYPE_TIMESTAMP,
    TypeProto,
)
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto
from zetasql.wasi._pb2.zetasql.resolved_ast.resolved_node_kind_pb2 import RESOLVED_CREATE_VIEW_STMT, RESOLVED_QUERY_STMT

from job.schema import Column, columns
from job.simulator.bigquery.routines import replace_calls
from job.tables import TABLES, raw
from job.views import View, for_bigquery, function_for_bigquery, views
from job.views.recent import RECENT, Recent, query_for_bigquery

DATASET = "my-project.inventory"

Refused = ServerError
"""Raised for SQL that GoogleSQL does not accept."""

# in GoogleSQL, and missing from BigQuery's reference
_NOT_IN_BIGQUERY = (
    "AGGREGATE_FILTERING", "ARRAY_EQUALITY", "ARRAY_FIND_FUNCTIONS", "ARRAY_GREATEST_LEAST", "ARRAY_ORDERING",
    "ARRAY_ZIP", "FOR_UPDATE", "GROUP_BY_ARRAY", "LATERAL_JOIN", "MULTILEVEL_AGGREGATION", "MULTIWAY_UNNEST",
    "NULLIFZERO_ZEROIFNULL", "UUID_TYPE",
)  # fmt: skip
_KINDS = {
    "STRING": (TYPE_STRING, "string_value"),
    "INT64": (TYPE_INT64, "int64_value"),
    "NUMERIC": (TYPE_NUMERIC, "numeric_value"),
    "FLOAT64": (TYPE_DOUBLE, "double_value"),
    "BOOL": (TYPE_BOOL, "bool_value"),
    "TIMESTAMP": (TYPE_TIMESTAMP, "timestamp_value"),
}
_FIELDS = dict(_KINDS.values())
_CLOCK = "CURRENT_TIMESTAMP()"
_NAMED = re.compile(rf"`{re.escape(DATASET)}\.([\w$]+)`")
_TIME = re.compile(r"\bTIMESTAMP '([^']*)'")
_TIMESTAMP = TypeProto(type_kind=TYPE_TIMESTAMP)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Dataset:
    """Our tables with these rows, and our views."""

    def __init__(self, rows: Mapping[str, Iterable[Sequence[Any]]], *, now: datetime | None = None) -> None:
        """
        Args:
            rows: table -> rows, each with all columns in order; other tables are empty.
            now: the value of CURRENT_TIMESTAMP(); without it, the real time.
        """
        self._now = now
        self._queries = {name: query_for_bigquery(name, DATASET, Recent(None)) for name in RECENT}
        self._queries |= {view.name: for_bigquery(view, DATASET) for view in views()}
        self._functions = {
            f"{DATASET}.{function.name}": {
                "routineReference": {"projectId": "my-project", "datasetId": "inventory", "routineId": function.name},
                "arguments": [
                    {"name": name, "dataType": {"typeKind": function.parameter_type}} for name in function.parameters
                ],
                "definitionBody": function_for_bigquery(function, DATASET),
            }
            for view in views()
            for function in view.functions
        }
        self._declared = {view.name: view.columns for view in views()}
        self._declared |= {name: columns(table) for table in TABLES for name in (raw(table), f"raw_recent_{table}")}
        self._tables: dict[str, _Table] = {}
        for table in TABLES:
            types = [(column.name, _type(column)) for column in columns(table)]
            self._tables[raw(table)] = _Table(types, [[_value(v, t) for v, (_, t) in zip(row, types, strict=True)]
                                                 for row in rows.get(table, ())])  # fmt: skip

    def analyse(self, view: View) -> list[str]:
        """The view's columns as `name TYPE`; raises `Refused` where BigQuery would."""
        return [f"{name} {_named(kind)}" for name, kind in self._table(view.name).types]

    def check(self, statement: str) -> list[str]:
        """The columns of a CREATE VIEW statement as `name TYPE`; raises `Refused` where BigQuery would.

        The views that it reads have the columns that they declare: nothing is evaluated.
        """
        engine = _engine()
        request = service.AnalyzeRequest(sql_statement=statement, options=engine.options)
        catalog = request.simple_catalog
        catalog.builtin_function_options.language_options.CopyFrom(engine.options.language_options)
        for name in engine.tables_in(statement):
            made = catalog.table.add(name=name)
            for column in self._declared[name.removeprefix(f"{DATASET}.")]:
                made.column.add(name=column.name, type=_type(column))
        answer = engine.call("Analyze", request, service.AnalyzeResponse)
        made_view = answer.resolved_statement.resolved_create_statement_node.resolved_create_view_base_node
        found = made_view.resolved_create_view_stmt_node.parent.output_column_list
        return [f"{column.name} {_named(column.column.type)}" for column in found]

    def query(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Column names and rows of a query; raises `Refused`.

        The query writes tables and views without a dataset, which is added here: some names are reserved words
        (`unbounded`).
        """
        answer = self._evaluate(qualified(sql))
        return [name for name, _ in answer.types], [
            tuple(_python(cell, kind) for cell, (_, kind) in zip(row, answer.types, strict=True)) for row in answer.rows
        ]

    def _table(self, name: str) -> _Table:
        if name not in self._tables:
            self._tables[name] = self._run(self._queries[name])
        return self._tables[name]

    def _run(self, sql: str) -> _Table:
        """The rows of a view, or of a function's query.

        Preparing a query takes most of the time. So it is done once, with what the query reads and the times in it as
        parameters, whose values follow.
        """
        sql, called = replace_calls(self._at(sql), lambda parts: self._functions.get(".".join(parts)))
        for name, query in called:
            self._queries[name.rpartition(".")[2]] = query
        names, times = (list(dict.fromkeys(pattern.findall(sql))) for pattern in (_NAMED, _TIME))
        sql = _NAMED.sub(lambda found: f"(SELECT * FROM UNNEST(@read{names.index(found[1])}))", sql)
        sql = _TIME.sub(lambda found: f"@time{times.index(found[1])}", sql)
        read = [self._table(name) for name in names]
        types = tuple(_array_of(table.types).SerializeToString(deterministic=True) for table in read)
        prepared = _prepared(sql, types, len(times))
        request = service.EvaluateQueryRequest(prepared_query_id=prepared.prepared_query_id)
        for number, time in enumerate(times):
            request.params.add(name=f"time{number}").value.CopyFrom(_value(datetime.fromisoformat(time), _TIMESTAMP))
        for number, table in enumerate(read):
            rows = request.params.add(name=f"read{number}").value.array_value
            rows.SetInParent()
            for row in table.rows:
                rows.element.add().struct_value.field.extend(row)
        return _answered(prepared, _engine().call("EvaluateQuery", request, service.EvaluateQueryResponse))

    def _at(self, sql: str) -> str:
        return sql if self._now is None else sql.replace(_CLOCK, f"TIMESTAMP '{self._now.isoformat()}'")

    def _evaluate(self, sql: str) -> _Table:
        sql, called = replace_calls(self._at(sql), lambda parts: self._functions.get(".".join(parts)))
        for name, query in called:
            self._queries[name.rpartition(".")[2]] = query
        engine = _engine()
        request = service.EvaluateQueryRequest(sql=sql, options=engine.options)
        for name, table in self._declare(request.simple_catalog, sql).items():
            content = request.table_content[name].table_data
            content.SetInParent()
            for row in table.rows:
                content.row.add().cell.extend(row)
        answer = engine.call("EvaluateQuery", request, service.EvaluateQueryResponse)
        return _answered(answer.prepared, answer)

    def _declare(self, catalog: SimpleCatalogProto, sql: str) -> dict[str, _Table]:
        """Declares the tables that the statement names in the catalog, and returns them."""
        engine = _engine()
        catalog.builtin_function_options.language_options.CopyFrom(engine.options.language_options)
        named = {name: self._table(name.removeprefix(f"{DATASET}.")) for name in engine.tables_in(sql)}
        for name, table in named.items():
            made = catalog.table.add(name=name)
            for column, kind in table.types:
                made.column.add(name=column, type=kind)
        return named


def qualified(sql: str) -> str:
    """The query with `` `project.dataset.name` `` for our tables and views after FROM or JOIN."""
    names = {*map(raw, TABLES), *(view.name for view in views())}
    names |= {function.name for view in views() for function in view.functions}

    def full(found: re.Match[str]) -> str:
        return f"{found[1]} `{DATASET}.{found[2]}`" if found[2] in names else found[0]

    return re.sub(r"\b(FROM|JOIN)\s+(\w+)", full, sql)


class _Table:
    def __init__(self, types: list[tuple[str, TypeProto]], rows: list[list[ValueProto]]) -> None:
        self.types, self.rows = types, rows


def _answered(prepared: Any, answer: Any) -> _Table:
    types = [(column.name, column.type) for column in prepared.columns]
    return _Table(types, [list(row.cell) for row in answer.content.table_data.row])


def _array_of(columns: Iterable[tuple[str, TypeProto]]) -> TypeProto:
    """The type of a table's rows as one value."""
    made = TypeProto(type_kind=TYPE_ARRAY)
    row = made.array_type.element_type
    row.type_kind = TYPE_STRUCT
    for name, kind in columns:
        row.struct_type.field.add(field_name=name, field_type=kind)
    return made


@cache
def _prepared(sql: str, types: tuple[bytes, ...], times: int) -> Any:
    """The id and columns of the query.

    Args:
        types: those of its parameters `@read0`, ..., serialized.
        times: how many parameters `@time0`, ... it has.
    """
    engine = _engine()
    request = service.PrepareQueryRequest(sql=sql, options=engine.options)
    request.simple_catalog.builtin_function_options.language_options.CopyFrom(engine.options.language_options)
    for number in range(times):
        request.options.query_parameters.add(name=f"time{number}", type=_TIMESTAMP)
    for number, kind in enumerate(types):
        request.options.query_parameters.add(name=f"read{number}").type.ParseFromString(kind)
    return engine.call("PrepareQuery", request, service.PrepareQueryResponse).prepared


class _Engine(wasm_client.WasmClient):
    """ZetaSQL, with its memory copied in one piece instead of byte by byte."""

    def __init__(self) -> None:
        compile_, wasm_client.Module.from_file = wasm_client.Module.from_file, staticmethod(_module)
        try:
            super().__init__(get_wasm_path())
        finally:
            wasm_client.Module.from_file = compile_
        request = service.LanguageOptionsRequest(maximum_features=True)
        language = self.call("GetLanguageOptions", request, LanguageOptionsProto)
        absent = {LanguageFeature.Value(f"FEATURE_{name}") for name in _NOT_IN_BIGQUERY}
        kept = [feature for feature in language.enabled_language_features if feature not in absent]
        described_columns = LanguageFeature.Value("FEATURE_CREATE_VIEWS_WITH_COLUMN_OPTIONS")  # off by default
        language.enabled_language_features[:] = [*kept, described_columns]
        language.supported_statement_kinds[:] = [RESOLVED_QUERY_STMT, RESOLVED_CREATE_VIEW_STMT]
        language.product_mode = PRODUCT_EXTERNAL
        self.options = AnalyzerOptionsProto(language_options=language, default_timezone="UTC")

    def call(self, name: str, request: Message, answer: type[Message]) -> Any:
        return self.call_grpc_func(f"ZetaSqlLocalService_{name}", request, answer)

    def tables_in(self, sql: str) -> list[str]:
        """The tables that the query names, without its WITH clauses."""
        request = service.ExtractTableNamesFromStatementRequest(
            sql_statement=sql, options=self.options.language_options
        )
        found = self.call("ExtractTableNamesFromStatement", request, service.ExtractTableNamesFromStatementResponse)
        return sorted({".".join(name.table_name_segment) for name in found.table_name})

    def read_bytes(self, ptr: int, size: int) -> bytes:
        return ctypes.string_at(ctypes.addressof(self.memory.data_ptr().contents) + ptr, size)

    def write_bytes(self, ptr: int, data: bytes) -> None:
        ctypes.memmove(ctypes.addressof(self.memory.data_ptr().contents) + ptr, data, len(data))


@cache
def _engine() -> _Engine:
    return _Engine()


_compile = Module.from_file


def _module(engine: Engine, path: str) -> Module:
    """The compiled module, from a cache: compiling takes 14 s and 1 GB, reading 0.05 s.

    A compiled module is machine code, so only this user may write to the folder.
    """
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gke-inventory"
    file = folder / f"googlesql-{version('zetasql')}-{version('wasmtime')}-{platform.machine()}.compiled"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError:
        return _compile(engine, path)
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the others wait, then read the first one's file
        try:
            return Module.deserialize_file(engine, str(file))
        except (OSError, WasmtimeError):  # missing, or for another processor
            made = _compile(engine, path)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as written:
            written.write(made.serialize())
        Path(written.name).replace(file)
        return made


def _type(column: Column) -> TypeProto:
    if column.type == "STRUCT":
        one = TypeProto(type_kind=TYPE_STRUCT)
        for field in column.fields:
            one.struct_type.field.add(field_name=field.name, field_type=_type(field))
    else:
        one = TypeProto(type_kind=_KINDS[column.type][0])
    if column.mode != "REPEATED":
        return one
    many = TypeProto(type_kind=TYPE_ARRAY)
    many.array_type.element_type.CopyFrom(one)
    return many


def _value(value: Any, kind: TypeProto) -> ValueProto:
    made = ValueProto()
    if kind.type_kind == TYPE_ARRAY:
        made.array_value.element.extend(_value(item, kind.array_type.element_type) for item in value or ())
        made.array_value.SetInParent()  # BigQuery stores NULL as an empty list
    elif value is None:
        pass
    elif kind.type_kind == TYPE_STRUCT:
        made.struct_value.field.extend(
            _value(value.get(field.field_name), field.field_type) for field in kind.struct_type.field
        )
    elif kind.type_kind == TYPE_TIMESTAMP:
        since = value - _EPOCH
        made.timestamp_value.seconds = since.days * 86400 + since.seconds
        made.timestamp_value.nanos = since.microseconds * 1000
    else:
        setattr(made, _FIELDS[kind.type_kind], value)
    return made


def _python(cell: ValueProto, kind: TypeProto) -> Any:
    if cell.WhichOneof("value") is None:
        return None
    if kind.type_kind == TYPE_ARRAY:
        return [_python(item, kind.array_type.element_type) for item in cell.array_value.element]
    if kind.type_kind == TYPE_STRUCT:
        fields = zip(kind.struct_type.field, cell.struct_value.field, strict=True)
        return {field.field_name: _python(value, field.field_type) for field, value in fields}
    if kind.type_kind == TYPE_TIMESTAMP:
        since = cell.timestamp_value
        return _EPOCH + timedelta(seconds=since.seconds, microseconds=since.nanos // 1000)
    if kind.type_kind == TYPE_NUMERIC:  # scaled by 10^9
        return Decimal(int.from_bytes(cell.numeric_value, "little", signed=True)).scaleb(-9, Context(prec=60))
    return getattr(cell, _FIELDS[kind.type_kind])


def _named(kind: TypeProto) -> str:
    if kind.type_kind == TYPE_ARRAY:
        return f"ARRAY<{_named(kind.array_type.element_type)}>"
    if kind.type_kind == TYPE_STRUCT:
        return f"STRUCT<{', '.join(f'{f.field_name} {_named(f.field_type)}' for f in kind.struct_type.field)}>"
    return next(name for name, (type_kind, _) in _KINDS.items() if type_kind == kind.type_kind)
