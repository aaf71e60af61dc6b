"""Converts types and values between BigQuery's schemas, Python and ZetaSQL's messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from typing import Any

from job.simulator.bigquery.errors import not_implemented
from job.simulator.bigquery.schema import Field, legacy_name, mode_of, type_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = date(1970, 1, 1)
_SCALE = Decimal(10) ** 9
_EXACT = Context(prec=60)  # Python's default of 28 digits would round a NUMERIC

# https://github.com/google/zetasql/blob/master/zetasql/public/type.proto
_KINDS = {
    "INT64": 2, "BOOL": 5, "FLOAT64": 7, "STRING": 8, "BYTES": 9, "DATE": 10, "TIMESTAMP": 19, "TIME": 20,
    "DATETIME": 21, "NUMERIC": 23, "JSON": 26,
}  # fmt: skip
_NAMES = {kind: name for name, kind in _KINDS.items()}
_ARRAY, _STRUCT = 16, 17


def type_of_field(field: Field) -> Any:
    """The ZetaSQL type of a column."""
    from zetasql.wasi._pb2.zetasql.public import type_pb2

    if mode_of(field) == "REPEATED":
        element = type_of_field({**field, "mode": "NULLABLE"})
        return type_pb2.TypeProto(type_kind=_ARRAY, array_type=type_pb2.ArrayTypeProto(element_type=element))
    if type_of(field) != "RECORD":
        return type_pb2.TypeProto(type_kind=_KINDS[type_of(field)])
    struct = type_pb2.TypeProto(type_kind=_STRUCT)
    for inner in field["fields"]:
        struct.struct_type.field.add(field_name=inner["name"], field_type=type_of_field(inner))
    return struct


def field_of(name: str, kind: Any) -> Field:
    """The BigQuery column for a column of a result."""
    if kind.type_kind == _ARRAY:
        return {**field_of(name, kind.array_type.element_type), "mode": "REPEATED"}
    if kind.type_kind == _STRUCT:
        fields = [field_of(inner, child) for inner, child in _members(kind)]
        return {"name": name, "type": "RECORD", "mode": "NULLABLE", "fields": fields}
    if kind.type_kind not in _NAMES:
        raise not_implemented(f"results of ZetaSQL's type {kind.type_kind}")
    return {"name": name, "type": legacy_name(_NAMES[kind.type_kind]), "mode": "NULLABLE"}


def _members(kind: Any) -> list[tuple[str, Any]]:
    """Names and types of a struct's fields; unnamed ones get BigQuery's names: `_field_1`."""
    return [
        (field.field_name or f"_field_{number}", field.field_type)
        for number, field in enumerate(kind.struct_type.field, start=1)
    ]


def fill(data: Any, fields: list[Field], read: set[int], rows: Sequence[tuple[Any, ...]]) -> None:
    """Writes rows into a `TableData`. Rows only have the columns in `read`; all others become NULL."""
    columns = [field if number in read else None for number, field in enumerate(fields)]
    for row in rows:
        cells, values = data.row.add().cell, iter(row)
        for field in columns:
            if field is None:
                cells.add()
            else:
                _write(cells.add(), next(values), field)


def _write(cell: Any, value: Any, field: Field) -> None:
    if mode_of(field) == "REPEATED":
        one = {**field, "mode": "NULLABLE"}
        cell.array_value.SetInParent()  # an empty array is not NULL
        for item in value or ():
            _write(cell.array_value.element.add(), item, one)
        return
    if value is None:
        return
    kind = type_of(field)
    if kind == "RECORD":
        cell.struct_value.SetInParent()
        for inner in field["fields"]:
            _write(cell.struct_value.field.add(), value[inner["name"]], inner)
    else:
        _WRITERS[kind](cell, value)


def _write_timestamp(cell: Any, value: datetime) -> None:
    since = value.astimezone(UTC) - _EPOCH
    cell.timestamp_value.seconds = since.days * 86400 + since.seconds
    cell.timestamp_value.nanos = since.microseconds * 1000


def _write_numeric(cell: Any, value: Decimal) -> None:
    scaled = int(_EXACT.multiply(value, _SCALE))
    cell.numeric_value = scaled.to_bytes((scaled.bit_length() + 8) // 8, "little", signed=True)


def _write_datetime(cell: Any, value: datetime) -> None:
    day = value.year << 26 | value.month << 22 | value.day << 17
    cell.datetime_value.bit_field_datetime_seconds = day | value.hour << 12 | value.minute << 6 | value.second
    cell.datetime_value.nanos = value.microsecond * 1000


def _write_time(cell: Any, value: time) -> None:
    seconds = value.hour << 12 | value.minute << 6 | value.second
    cell.time_value = seconds << 30 | value.microsecond * 1000


_WRITERS: dict[str, Any] = {
    "STRING": lambda cell, value: setattr(cell, "string_value", value),
    "INT64": lambda cell, value: setattr(cell, "int64_value", value),
    "FLOAT64": lambda cell, value: setattr(cell, "double_value", value),
    "BOOL": lambda cell, value: setattr(cell, "bool_value", value),
    "BYTES": lambda cell, value: setattr(cell, "bytes_value", value),
    "JSON": lambda cell, value: setattr(cell, "json_value", value),
    "DATE": lambda cell, value: setattr(cell, "date_value", (value - _DAY).days),
    "TIMESTAMP": _write_timestamp,
    "NUMERIC": _write_numeric,
    "DATETIME": _write_datetime,
    "TIME": _write_time,
}


def value_of(cell: Any, kind: Any) -> Any:
    """The Python value of a cell."""
    if kind.type_kind == _ARRAY:
        return [value_of(item, kind.array_type.element_type) for item in cell.array_value.element]
    if cell.WhichOneof("value") is None:
        return None
    if kind.type_kind == _STRUCT:
        inner = zip(_members(kind), cell.struct_value.field, strict=True)
        return {name: value_of(value, child) for (name, child), value in inner}
    return _READERS[_NAMES[kind.type_kind]](cell)


def _read_datetime(cell: Any) -> datetime:
    bits, nanos = cell.datetime_value.bit_field_datetime_seconds, cell.datetime_value.nanos
    return datetime(  # noqa: DTZ001 (a DATETIME has no zone)
        bits >> 26, bits >> 22 & 15, bits >> 17 & 31, bits >> 12 & 31, bits >> 6 & 63, bits & 63, nanos // 1000
    )


def _read_time(cell: Any) -> time:
    bits, nanos = cell.time_value >> 30, cell.time_value & (1 << 30) - 1
    return time(bits >> 12 & 31, bits >> 6 & 63, bits & 63, nanos // 1000)


_READERS: dict[str, Any] = {
    "STRING": lambda cell: cell.string_value,
    "INT64": lambda cell: cell.int64_value,
    "FLOAT64": lambda cell: cell.double_value,
    "BOOL": lambda cell: cell.bool_value,
    "BYTES": lambda cell: cell.bytes_value,
    "JSON": lambda cell: cell.json_value,
    "DATE": lambda cell: _DAY + timedelta(days=cell.date_value),
    "TIMESTAMP": lambda cell: (
        _EPOCH + timedelta(seconds=cell.timestamp_value.seconds, microseconds=cell.timestamp_value.nanos // 1000)
    ),
    "NUMERIC": lambda cell: _EXACT.divide(Decimal(int.from_bytes(cell.numeric_value, "little", signed=True)), _SCALE),
    "DATETIME": _read_datetime,
    "TIME": _read_time,
}
