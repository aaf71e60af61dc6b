"""Values of rows as text: exact for programs, short for people.

Rows have names, images and messages that anybody in a cluster may choose. Here they become text that moves no cursor,
forges no line, and is no formula of a spreadsheet.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from job.printable import escaped

NUMBERS = frozenset({"INT64", "FLOAT64", "NUMERIC"})
UNCUT = NUMBERS | {"BOOL", "DATE", "TIMESTAMP"}
"""Types of which half a value is another value."""
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def exact(value: Any) -> str | None:
    """A value in one line, which compares equal to it in SQL; None for NULL.

    >>> exact(datetime(2026, 1, 2, 3, 4, 5, 6)), exact(Decimal("0E-3")), exact(True), exact([1, None])
    ('2026-01-02 03:04:05.000006', '0.000', 'true', '[1,null]')
    """
    if isinstance(value, str):
        return escaped(value)
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (list, dict)):
        return escaped(encode(value).decode())
    return escaped(interval(value) if hasattr(value, "months") else str(value))


def brief(value: Any) -> str | None:
    """A value in a cell of a table on a terminal: times to the second, in UTC as all are.

    >>> from datetime import UTC
    >>> brief(datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC))
    '2026-01-02 03:04:05'
    """
    if not isinstance(value, datetime):
        return exact(value)
    return value.isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")


def brief_for(name: str) -> Callable[[Any], str | None]:
    """What makes the cells of a column: bytes and ages in units that people read, if the name says that it has them."""
    if name.endswith("_bytes"):
        return lambda value: bytes_for_people(value) if _is_number(value) else brief(value)
    if name.endswith("_age_seconds"):
        return lambda value: age_for_people(value) if _is_number(value) else brief(value)
    return brief


def bytes_for_people(count: float | Decimal) -> str:
    """Bytes in the largest unit that leaves a number of at least 1.

    >>> bytes_for_people(1023), bytes_for_people(1536 << 20), bytes_for_people(-(4 << 30)), bytes_for_people(2**20 - 1)
    ('1023 B', '1.5 GiB', '-4 GiB', '1 MiB')
    """
    size, unit = float(count), 0
    while abs(size) >= 1023.95 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.1f}".removesuffix(".0") + f" {_UNITS[unit]}"


def age_for_people(seconds: float | Decimal) -> str:
    """Seconds in their two largest units, as kubectl writes ages.

    >>> age_for_people(59), age_for_people(3661), age_for_people(200_000), age_for_people(-90)
    ('59s', '1h1m', '2d7h', '-1m30s')
    """
    left = abs(round(seconds))
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count}{unit}" if count else "")
    text = "".join(parts[:2]) or "0s"
    return f"-{text}" if seconds < 0 and text != "0s" else text


def interval(value: Any) -> str:
    """An INTERVAL of BigQuery's client, which is a `relativedelta`, as BigQuery writes it and reads it again.

    >>> from dateutil.relativedelta import relativedelta
    >>> interval(relativedelta(years=1, months=2, days=-3, hours=4, microseconds=5))
    '1-2 -3 4:0:0.000005'

    https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#interval_type
    """
    months = 12 * value.years + value.months
    micros = 1_000_000 * (3600 * value.hours + 60 * value.minutes + value.seconds) + value.microseconds
    seconds, micro = divmod(abs(micros), 1_000_000)
    clock = f"{seconds // 3600}:{seconds // 60 % 60}:{seconds % 60}" + (f".{micro:06}" if micro else "")
    year, month = divmod(abs(months), 12)
    return f"{'-' * (months < 0)}{year}-{month} {value.days} {'-' * (micros < 0)}{clock}"


def without_formula(text: str) -> str:
    """Text of CSV that no spreadsheet takes for a formula: an apostrophe comes before what may be one."""
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def json_value(value: Any) -> Any:
    """A value that JSON can have: infinity and NaN become text, as BigQuery writes them.

    >>> json_value(float("-inf")), json_value(1.5)
    ('-Infinity', 1.5)
    """
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) and math.isfinite(value)


def _unknown(value: Any) -> str:
    return interval(value) if hasattr(value, "months") else str(value)


encode = msgspec.json.Encoder(decimal_format="number", enc_hook=_unknown).encode
"""As JSON, with all digits of decimals."""
