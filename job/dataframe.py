"""Answers of a warehouse as DataFrames: from Arrow or from rows, with the same values and types.

Nested values become what pandas can group, count and compare: tuples, and dictionaries that cannot be changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from job.cells import exact, without_formula
from job.errors import QueryError
from job.sinks.protocol import Answer, ArrowAnswer

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_NULLABLE = {"INT64": "Int64", "FLOAT64": "Float64", "BOOL": "boolean", "STRING": "string"}
"""The nullable types of pandas: a NULL never turns an integer into a float."""
_TIMES = {"TIMESTAMP": "datetime64[us, UTC]", "DATETIME": "datetime64[us]"}
_KEY_VALUE = re.compile(r'STRUCT\("?key"? VARCHAR, "?value"? VARCHAR\)\[\]')
_INTERVAL = re.compile(r"(-?\d+) (year|month|day)s?|(-?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?")


BEYOND = (
    "a date or time is infinite, or beyond the years 1 to 9999, which Python's types lack: read it as text, by "
    "CAST(... AS VARCHAR)"
)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (Arrow counts from it, with a zone and without)
_UNITS = {"s": timedelta(seconds=1), "ms": timedelta(milliseconds=1), "us": timedelta(microseconds=1)}


class FrozenDict(dict[str, Any]):
    """A dictionary that cannot be changed, so that pandas can group and count by it; ordered by its sorted items.

    >>> labels = FrozenDict({"app": "web"})
    >>> labels.get("app"), labels == {"app": "web"}, len({labels, FrozenDict(app="web")})
    ('web', True, 1)
    """

    __slots__ = ("_hash",)
    _hash: int

    def __hash__(self) -> int:  # type: ignore[override]  # a dictionary has none
        try:
            return self._hash
        except AttributeError:
            self._hash = hash(frozenset(self.items()))
            return self._hash

    def __lt__(self, other: Any) -> bool:
        if not isinstance(other, dict):
            return NotImplemented
        return [(key, repr(self[key])) for key in sorted(self)] < [(key, repr(other[key])) for key in sorted(other)]

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenDict, (dict(self),)

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise TypeError("this dictionary cannot be changed; make another one of dict(it)")

    __setitem__ = __delitem__ = __ior__ = update = pop = popitem = clear = setdefault = _refuse


def from_arrow(answer: ArrowAnswer) -> pd.DataFrame:
    """The answer as a DataFrame; text and numbers are not copied one by one.

    Raises:
        QueryError: a date or time is infinite, or beyond the years 1 to 9999.
    """
    try:
        return _frame(
            [name for name, _ in answer.columns],
            (
                _arrow_series(column, kind, whole)
                for column, (_, kind), whole in zip(answer.table.columns, answer.columns, answer.types, strict=True)
            ),
        )
    except OverflowError:  # inside of a list or struct
        raise QueryError(BEYOND) from None


def from_rows(answer: Answer) -> pd.DataFrame:
    """The answer as a DataFrame, from Python's values.

    Raises:
        QueryError: a date or time is infinite, or beyond the years 1 to 9999.
    """
    rows = [row for page in answer.pages for row in page]
    return _frame(
        [name for name, _ in answer.columns],
        (
            _series([row[at] for row in rows], kind, whole)
            for at, ((_, kind), whole) in enumerate(zip(answer.columns, answer.types, strict=True))
        ),
    )


def for_excel(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy that `to_excel` can write: Excel knows no time zones, so times become UTC without one.

    Nested values become JSON. Text that a spreadsheet would take for a formula gets an apostrophe, and what moves a
    cursor is escaped, also in names of columns and in the index: anybody in a cluster can choose names and messages.
    Categories become text.

        for_excel(latest("pods")).to_excel("pods.xlsx", index=False)
    """
    copy = frame.copy()
    for at in range(copy.shape[1]):
        copy.isetitem(at, _for_excel(copy.iloc[:, at].array))
    copy.index, copy.columns = _index_for_excel(copy.index), _index_for_excel(copy.columns)
    return copy


def _index_for_excel(index: pd.Index[Any]) -> pd.Index[Any]:
    import pandas as pd

    names = [_cell_for_excel(name) for name in index.names]
    if isinstance(index, pd.MultiIndex):
        levels = [_for_excel(index.get_level_values(at).array) for at in range(index.nlevels)]
        return pd.MultiIndex.from_arrays(levels, names=names)
    made: pd.Index[Any] = pd.Index(_for_excel(index.array), name=names[0])
    return made


def _for_excel(values: Any) -> Any:
    """An array of pandas, of values that Excel takes."""
    import pandas as pd

    types = pd.api.types
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return pd.Series(values).dt.tz_convert("UTC").dt.tz_localize(None).array
    if isinstance(values.dtype, pd.StringDtype):
        return pd.Series(values).map(_cell_for_excel, na_action="ignore").array
    if types.is_object_dtype(values.dtype) or types.is_string_dtype(values.dtype) or (
        isinstance(values.dtype, pd.CategoricalDtype)
    ):  # fmt: skip
        return _objects(map(_cell_for_excel, values)).array
    return values


def _cell_for_excel(value: Any) -> Any:
    if isinstance(value, (str, dict, tuple)):
        return without_formula(exact(list(value) if isinstance(value, tuple) else value) or "")
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def _frame(names: Sequence[str], series: Iterable[pd.Series[Any]]) -> pd.DataFrame:
    """By position, as names may be the same."""
    import pandas as pd

    frame = pd.DataFrame(dict(enumerate(series)), copy=False)
    frame.columns = pd.Index(names)
    return frame


def _arrow_series(column: pa.ChunkedArray, kind: str, whole: str) -> pd.Series[Any]:
    import pandas as pd
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if kind == "INT64" and not pa.types.is_int64(column.type):
        try:
            column = column.cast(pa.int64())
        except pa.ArrowInvalid:  # DuckDB sums integers in 128 bits
            return _objects([None if value is None else int(value) for value in column.to_pylist()])
    if kind == "FLOAT64":
        column = column.cast(pa.float64())
    if kind in _NULLABLE and (kind != "STRING" or pa.types.is_string(column.type) or pa.types.is_null(column.type)):
        dtype: Any = pd.api.types.pandas_dtype(_NULLABLE[kind])
        column = column.cast(pa.string()) if pa.types.is_null(column.type) else column
        return pd.Series(dtype.__from_arrow__(column), copy=False)
    if pa.types.is_timestamp(column.type):
        _check_years(column)
        return pd.Series((column if column.type.unit == "ns" else _in_micros(column)).to_pandas())
    if pa.types.is_date(column.type):
        _check_years(column)
    if pa.types.is_interval(column.type):
        return _objects(column.to_pandas())
    if pa.types.is_nested(column.type):
        intern: dict[Any, Any] = {}
        return _objects([value for chunk in column.chunks for value in _nested(chunk, whole, intern)])
    return _objects(column.to_pylist())


def _in_micros(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    return column.cast(pa.timestamp("us", column.type.tz))


def _check_years(column: pa.ChunkedArray) -> None:
    """Refuses dates and times that Python lacks: DuckDB has the greatest numbers for those that are infinite."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_date(column.type):
        numbers, least, most = column.cast(pa.int32()), (date.min - _EPOCH.date()).days, (date.max - _EPOCH.date()).days
    elif column.type.unit == "ns":
        numbers, least, most = column.cast(pa.int64()), 2 - (1 << 63), (1 << 63) - 2
    else:
        unit = _UNITS[column.type.unit]
        first, last = datetime.min - _EPOCH, datetime.max - _EPOCH  # noqa: DTZ901
        numbers, least, most = column.cast(pa.int64()), first // unit, last // unit
    found = pc.min_max(numbers).as_py()
    if found["min"] is not None and not least <= found["min"] <= found["max"] <= most:
        raise QueryError(BEYOND)


def _nested(array: pa.Array, whole: str, intern: dict[Any, Any]) -> list[Any]:
    """The values of an Arrow array. Equal lists of keys and values, such as labels of many pods, are one object."""
    import pyarrow as pa

    if pa.types.is_list(array.type):
        inner = array.flatten()
        present, ends = array.is_valid().to_pylist(), _ends(array)
        make: Callable[[int, int], Any]
        if _KEY_VALUE.fullmatch(whole):
            keys_values = zip(*(_nested(part, "", intern) for part in inner.flatten()), strict=True)
            pairs = [pair if ok else None for pair, ok in zip(keys_values, inner.is_valid().to_pylist(), strict=True)]

            def make(start: int, end: int) -> Any:
                found = intern.get(key := tuple(pairs[start:end]))
                return intern.setdefault(key, _labels(key)) if found is None else found
        else:
            values = _nested(inner, whole.removesuffix("[]"), intern)

            def make(start: int, end: int) -> Any:
                return tuple(values[start:end])

        starts = [0, *ends][:-1]
        return [make(start, end) if ok else None for start, end, ok in zip(starts, ends, present, strict=True)]
    if pa.types.is_struct(array.type):
        names = [field.name for field in array.type]
        rows = zip(*(_nested(part, "", intern) for part in array.flatten()), strict=True)
        return [FrozenDict(zip(names, row, strict=True)) if ok else None
                for row, ok in zip(rows, array.is_valid().to_pylist(), strict=True)]  # fmt: skip
    if pa.types.is_map(array.type):
        return [None if pairs is None else _frozen(dict(pairs), "") for pairs in array.to_pylist()]
    if pa.types.is_nested(array.type) or pa.types.is_null(array.type):
        return [_frozen(value, "") for value in array.to_pylist()]
    encoded = array.dictionary_encode()  # an object for each distinct value: making them is what takes long
    values = [*encoded.dictionary.to_pylist(), None]
    return [values[at] for at in encoded.indices.fill_null(len(values) - 1).to_numpy().tolist()]


def _ends(array: pa.ListArray) -> list[int]:
    import pyarrow.compute as pc

    return list(pc.cumulative_sum(pc.fill_null(array.value_lengths(), 0)).to_pylist())


def _series(values: list[Any], kind: str, whole: str) -> pd.Series[Any]:
    """The column, of objects where its type cannot hold a value, such as a sum of DuckDB beyond 64 bits."""
    import pandas as pd

    if kind == "INT64" and any(value is not None and not -(2**63) <= value < 2**63 for value in values):
        return _objects(values)
    if kind == "INTERVAL" or whole == "INTERVAL":
        return _objects([None if value is None else _offset(value) for value in values])
    if kind == "DATE":
        return _objects(map(_date, values))
    if whole == "TIMESTAMP_NS":
        try:
            return pd.Series(pd.to_datetime(pd.Series(values, dtype="object")).array.astype("datetime64[ns]"))
        except ValueError:
            raise QueryError(BEYOND) from None
    if whole.startswith("TIMESTAMP") and not whole.endswith("]") and not all(map(_is_time, values)):
        raise QueryError(BEYOND)
    if kind == "STRING" and any(value is not None and not isinstance(value, str) for value in values):
        kind = "DATETIME" if whole.startswith("TIMESTAMP") else "JSON"
    if kind in _TIMES:
        times = pd.to_datetime(pd.Series(values, dtype="object"), utc=kind == "TIMESTAMP")
        return pd.Series(times.array.astype(_TIMES[kind]), copy=False)  # type: ignore[call-overload]
    if kind in _NULLABLE:
        return pd.Series(values, dtype=_NULLABLE[kind])
    return _objects([_frozen(value, whole) for value in values])


def _is_time(value: Any) -> bool:
    """Whether this is a time, or NULL: DuckDB's client gives text for what is beyond the years of Python."""
    return value is None or isinstance(value, datetime)


def _objects(values: Iterable[Any]) -> pd.Series[Any]:
    """A column of objects. From a list, pandas would make a table of tuples that are equally long."""
    import numpy as np
    import pandas as pd

    kept = list(values)
    made: pd.Series[Any] = pd.Series(np.fromiter(kept, dtype=object, count=len(kept)), copy=False)
    return made


def _frozen(value: Any, whole: str) -> Any:
    """The value, which can be hashed if what it holds can be.

    >>> _frozen([{"key": "app", "value": "web"}], 'STRUCT("key" VARCHAR, "value" VARCHAR)[]'), _frozen([1, [2]], "")
    ({'app': 'web'}, (1, (2,)))
    """
    if isinstance(value, dict):
        return FrozenDict({key: _frozen(inner, "") for key, inner in value.items()})
    if isinstance(value, (list, tuple)):
        if _KEY_VALUE.fullmatch(whole):
            return _labels([None if pair is None else (pair["key"], pair["value"]) for pair in value])
        return tuple(_frozen(inner, whole.removesuffix("[]")) for inner in value)
    return value


def _labels(pairs: Sequence[tuple[Any, Any] | None]) -> Any:
    """A dictionary; or a tuple of keys and values, where one is NULL or a key comes twice.

    >>> _labels([("app", "web")]), _labels([("app", "web"), None])
    ({'app': 'web'}, ({'key': 'app', 'value': 'web'}, None))
    """
    present = [pair for pair in pairs if pair is not None]
    found = FrozenDict(present)
    if len(found) == len(pairs):
        return found
    return tuple(None if pair is None else FrozenDict(key=pair[0], value=pair[1]) for pair in pairs)


def _date(value: Any) -> Any:
    """DuckDB's dates arrive as text, as Python has none that is infinite."""
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise QueryError(BEYOND) from None


def _offset(value: Any) -> Any:
    """An interval as pandas has it, with its months: from DuckDB's text, or from what BigQuery's client returns.

    >>> _offset("1 year 2 months -3 days 04:05:06.5")
    <DateOffset: days=-3, months=14, nanoseconds=14706500000000>
    """
    import pandas as pd

    amounts = {"months": 0, "days": 0, "nanoseconds": 0}
    if isinstance(value, str):
        for count, unit, sign, hours, minutes, seconds, part in _INTERVAL.findall(value):
            if unit:
                amounts["days" if unit == "day" else "months"] += int(count) * (12 if unit == "year" else 1)
            else:
                micros = ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1_000_000 + int(part.ljust(6, "0"))
                amounts["nanoseconds"] += 1000 * (-micros if sign else micros)
    else:
        amounts |= {"months": 12 * value.years + value.months, "days": value.days}
        clock = (value.hours * 60 + value.minutes) * 60 + value.seconds
        amounts["nanoseconds"] = 1000 * (1_000_000 * clock + value.microseconds)
    return pd.DateOffset(**amounts)  # type: ignore[arg-type]
