"""Answers of a warehouse as DataFrames: from Arrow or from rows, with the same values and types.

Nested values become what pandas can group, count and compare: tuples, and dictionaries that cannot be changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from job.cells import exact, without_formula
from job.sinks.protocol import Answer, ArrowAnswer

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_NULLABLE = {"INT64": "Int64", "FLOAT64": "Float64", "BOOL": "boolean", "STRING": "string"}
"""The nullable types of pandas: a NULL never turns an integer into a float."""
_TIMES = {"TIMESTAMP": "datetime64[us, UTC]", "DATETIME": "datetime64[us]"}
_KEY_VALUE = re.compile(r'STRUCT\("?key"? VARCHAR, "?value"? VARCHAR\)\[\]')
_INTERVAL = re.compile(r"(-?\d+) (year|month|day)s?|(-?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?")


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
    """The answer as a DataFrame; text and numbers are not copied one by one."""
    return _frame(
        [name for name, _ in answer.columns],
        (
            _arrow_series(column, kind, whole)
            for column, (_, kind), whole in zip(answer.table.columns, answer.columns, answer.types, strict=True)
        ),
    )


def from_rows(answer: Answer) -> pd.DataFrame:
    """The answer as a DataFrame, from Python's values."""
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
    cursor is escaped: anybody in a cluster can choose names and messages.

        for_excel(latest("pods")).to_excel("pods.xlsx", index=False)
    """
    import pandas as pd

    def cell(value: Any) -> Any:
        if isinstance(value, (str, dict, tuple)):
            return without_formula(exact(list(value) if isinstance(value, tuple) else value) or "")
        return value

    copy = frame.copy()
    for at, dtype in enumerate(copy.dtypes):
        column = copy.iloc[:, at]
        if isinstance(dtype, pd.DatetimeTZDtype):
            copy.isetitem(at, column.dt.tz_convert("UTC").dt.tz_localize(None).array)
        elif isinstance(dtype, pd.StringDtype) or pd.api.types.is_object_dtype(dtype):
            copy.isetitem(at, column.map(cell, na_action="ignore").array)
    return copy


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
        return pd.Series(column.to_pandas())
    if pa.types.is_interval(column.type):
        return _objects(column.to_pandas())
    if pa.types.is_nested(column.type):
        intern: dict[Any, Any] = {}
        return _objects([value for chunk in column.chunks for value in _nested(chunk, whole, intern)])
    return _objects(column.to_pylist())


def _nested(array: pa.Array, whole: str, intern: dict[Any, Any]) -> list[Any]:
    """The values of an Arrow array. Equal lists of keys and values, such as labels of many pods, are one object."""
    import pyarrow as pa

    if pa.types.is_list(array.type):
        inner = array.flatten()
        present, ends = array.is_valid().to_pylist(), _ends(array)
        make: Callable[[int, int], Any]
        if _KEY_VALUE.fullmatch(whole):
            pairs = list(zip(*(_nested(part, "", intern) for part in inner.flatten()), strict=True))

            def make(start: int, end: int) -> Any:
                found = intern.get(key := tuple(pairs[start:end]))
                return intern.setdefault(key, FrozenDict(key)) if found is None else found
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
    if kind == "STRING" and any(value is not None and not isinstance(value, str) for value in values):
        kind = "DATETIME" if whole.startswith("TIMESTAMP") else "JSON"
    if kind in _TIMES:
        times = pd.to_datetime(pd.Series(values, dtype="object"), utc=kind == "TIMESTAMP")
        return pd.Series(times.array.astype(_TIMES[kind]), copy=False)  # type: ignore[call-overload]
    if kind in _NULLABLE:
        return pd.Series(values, dtype=_NULLABLE[kind])
    return _objects([_frozen(value, whole) for value in values])


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
            return FrozenDict({pair["key"]: pair["value"] for pair in value})
        return tuple(_frozen(inner, whole.removesuffix("[]")) for inner in value)
    return value


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
