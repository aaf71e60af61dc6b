"""Reads rows of newline-delimited JSON, and checks them against a schema.

https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-json
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any, NamedTuple

from job.simulator.bigquery.errors import ApiError
from job.simulator.bigquery.schema import Field, mode_of, type_of

Row = dict[str, Any]
"""A row as JSON for DuckDB: it has every column; absent ones are None, or [] if repeated."""


class Read(NamedTuple):
    """The rows of a file."""

    rows: list[Row]
    bad: int
    """Number of rows skipped because they were invalid."""


class _BadRow(Exception):  # noqa: N818 (describes the row)
    pass


def read_rows(
    lines: Iterable[bytes],
    fields: list[Field],
    *,
    ignore_unknown: bool,
    max_bad: int,
    parse: Callable[[bytes], Any] = json.loads,
) -> Read:
    """Reads all rows of a file, and skips invalid ones up to a maximum.

    Args:
        parse: parses the JSON of a line; raises ValueError.

    Raises:
        ApiError: too many rows are invalid; `errors` describes one of them.
    """
    rows: list[Row] = []
    bad, position = 0, 0
    for line in lines:
        if line.strip():
            try:
                rows.append(_row(_parsed(line, parse), fields, "", ignore_unknown=ignore_unknown))
            except _BadRow as error:
                bad += 1
                if bad > max_bad:
                    raise _too_many(len(rows) + bad, bad, position, str(error)) from error
        position += len(line) + 1
    return Read(rows, bad)


def _too_many(rows: int, bad: int, position: int, problem: str) -> ApiError:
    prefix = "Error while reading data, error message: JSON"
    detail = f"{prefix} parsing error in row starting at position {position}: {problem}"
    error = ApiError(
        400,
        "invalid",
        f"{prefix} table encountered too many errors, giving up. Rows: {rows}; errors: {bad}. "
        "Please look into the errors[] collection for more details.",
    )
    error.details = [{"reason": "invalid", "message": detail}]
    return error


def _parsed(line: bytes, parse: Callable[[bytes], Any]) -> Any:
    try:
        return parse(line)
    except ValueError as error:
        raise _BadRow(f"Parser terminated before end of string: {error}") from error


def _row(values: Any, fields: list[Field], path: str, *, ignore_unknown: bool) -> Row:
    if not isinstance(values, dict):
        raise _BadRow(f"Expected an object. {path.rstrip('.')}".strip())
    named = {str(key).lower(): value for key, value in values.items()}
    row: Row = {}
    for field in fields:
        name = f"{path}{field['name']}"
        value = named.pop(field["name"].lower(), None)
        if mode_of(field) == "REPEATED":
            if not isinstance(value, list | None):
                raise _BadRow(f"Nonarray value for repeated field. Field: {name}")
            items = [_one(item, field, name, ignore_unknown) for item in value or []]
            if any(item is None for item in items) and type_of(field) != "JSON":
                raise _BadRow(f"Only optional fields can be set to NULL. Field: {name}; Value: NULL")
            row[field["name"]] = items
        elif value is None:
            if mode_of(field) == "REQUIRED":
                raise _BadRow(f"Missing required field: {name}.")
            row[field["name"]] = None
        elif isinstance(value, list) and type_of(field) != "JSON":
            raise _BadRow(f"Array specified for non-repeated field: {name}.")
        else:
            row[field["name"]] = _one(value, field, name, ignore_unknown)
    if named and not ignore_unknown:
        raise _BadRow(f"No such field: {path}{next(iter(named))}.")
    return row


def _one(value: Any, field: Field, name: str, ignore_unknown: bool) -> Any:
    if value is None:
        return None
    kind = type_of(field)
    if kind == "RECORD":
        return _row(value, field["fields"], f"{name}.", ignore_unknown=ignore_unknown)
    try:
        return _PARSERS[kind](value)
    except (ValueError, TypeError, InvalidOperation, OverflowError, binascii.Error) as error:
        text = str(value)[:40]
        raise _BadRow(f"Could not convert value to {kind.lower()}. Field: {name}; Value: {text}") from error


def _string(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float | Decimal):
        return str(value)
    raise TypeError


def _int64(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError
    number = int(value) if isinstance(value, int | str) else int(value) if float(value).is_integer() else None
    if number is None or not -(2**63) <= number < 2**63:
        raise ValueError
    return number


def _float64(value: Any) -> float | str:
    if isinstance(value, bool):
        raise TypeError
    number = float(value)
    return number if math.isfinite(number) else str(number)  # JSON has no infinity and NaN; DuckDB reads them from text


def _numeric(value: Any) -> str:
    if isinstance(value, bool):
        raise TypeError
    exact = Context(prec=60)  # Python's default of 28 digits is too short for a NUMERIC
    number = Decimal(str(value)).quantize(Decimal("1e-9"), rounding=ROUND_HALF_UP, context=exact)
    if not number.is_finite() or abs(number) >= Decimal(10) ** 29:
        raise ValueError
    return format(number, "f")


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ValueError


_TIMESTAMP = re.compile(
    r"(\d{4}-\d\d?-\d\d?)(?:[Tt ](\d\d?:\d\d?:\d\d?)(\.\d{1,6})?)? ?(Z|z|UTC|[+-]\d\d?(?::?\d\d)?)?"
)


def _timestamp(value: Any) -> str:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return datetime.fromtimestamp(float(value), UTC).isoformat()
    found = _TIMESTAMP.fullmatch(value)
    if found is None:
        raise ValueError
    day, clock, fraction, zone = found.groups()
    parsed = datetime.fromisoformat(f"{_date(day)}T{_padded(clock or '0:0:0', ':')}{(fraction or '.0').ljust(7, '0')}")
    if zone and zone.upper() not in ("Z", "UTC"):
        sign, digits = zone[0], zone[1:].replace(":", "")
        hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "00")
        return f"{parsed.isoformat()}{sign}{hours.zfill(2)}:{minutes}"
    return f"{parsed.isoformat()}+00:00"


def _padded(text: str, separator: str) -> str:
    return separator.join(part.zfill(2) for part in text.split(separator))


def _date(value: str) -> str:
    return date.fromisoformat(_padded(value, "-")).isoformat()


def _bytes(value: str) -> str:
    return blob(base64.b64decode(value, validate=True))


def blob(value: bytes) -> str:
    """Bytes as text that DuckDB casts to BLOB."""
    return "".join(f"\\x{byte:02X}" for byte in value)


_PARSERS: dict[str, Callable[[Any], Any]] = {
    "STRING": _string,
    "INT64": _int64,
    "FLOAT64": _float64,
    "NUMERIC": _numeric,
    "BOOL": _bool,
    "TIMESTAMP": _timestamp,
    "DATETIME": lambda value: datetime.fromisoformat(value).replace(tzinfo=None).isoformat(),
    "DATE": _date,
    "TIME": lambda value: time.fromisoformat(value).isoformat(),
    "JSON": lambda value: value,
    "BYTES": _bytes,
}
