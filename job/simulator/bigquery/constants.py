"""Constant expressions of times, by which BigQuery prunes partitions: literals, and the clock plus or minus a constant.

A time is a number of microseconds since 1970, in UTC. A DATE is its midnight.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlglot import exp

MICROSECONDS = {
    "MICROSECOND": 1,
    "MILLISECOND": 1_000,
    "SECOND": 1_000_000,
    "MINUTE": 60_000_000,
    "HOUR": 3_600_000_000,
    "DAY": 86_400_000_000,
}
_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXT = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[ Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,6}))?)?"
    r"(?: ?(?:[Zz]|UTC|([+-])(\d{1,2})(?::?(\d{2}))?))?"
)
_TIMES = (exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ)
_SUMS: dict[type[exp.Expr], int] = {
    exp.TimestampAdd: 1, exp.DatetimeAdd: 1, exp.DateAdd: 1, exp.Add: 1,
    exp.TimestampSub: -1, exp.DatetimeSub: -1, exp.DateSub: -1, exp.Sub: -1,
}  # fmt: skip


class Step(NamedTuple):
    """What is done to a time."""

    unit: str
    amount: int | None = None
    """Number of units to add; None truncates to the unit."""


class ByClock(NamedTuple):
    """The current time, after some steps."""

    steps: tuple[Step, ...] = ()


Constant = int | ByClock | None
"""A time; None is NULL."""


class NotConstantError(Exception):
    """The expression is not constant, or is not understood: it excludes no partition."""


def constant(node: exp.Expr) -> Constant:
    """The value of a constant expression.

    Raises:
        NotConstantError: BigQuery is not known to prune by it.
    """
    if _is_same_time(node):
        return constant(node.this)
    if isinstance(node, exp.Null):
        return None
    if isinstance(node, exp.CurrentTimestamp | exp.CurrentDate | exp.CurrentDatetime) and is_utc(node.this):
        return _stepped(ByClock(), *([Step("DAY")] if isinstance(node, exp.CurrentDate) else []))
    if isinstance(node, exp.Coalesce):
        return next((found for one in (node.this, *node.expressions) if (found := constant(one)) is not None), None)
    if type(node) in _SUMS:
        return _sum(node, _SUMS[type(node)])
    if (floor := floored(node)) is not None:
        return _stepped(constant(floor[0]), Step(floor[1]))
    return _literal(node)


def _is_same_time(node: exp.Expr) -> bool:
    """True for parentheses, and where only the type of the time inside changes."""
    if isinstance(node, exp.Timestamp):
        return is_utc(node.args.get("zone")) and node.expression is None
    return isinstance(node, exp.Paren) or (isinstance(node, exp.Cast) and node.to.this in _TIMES)


def floored(node: exp.Expr) -> tuple[exp.Expr, str] | None:
    """`DATE(x)` -> `x` and DAY, `TIMESTAMP_TRUNC(x, MONTH)` -> `x` and MONTH; None for other expressions."""
    if isinstance(node, exp.TimestampTrunc | exp.DatetimeTrunc | exp.DateTrunc):
        unit = str(node.args["unit"].name).upper()
        known = (unit in MICROSECONDS or unit in _MONTHS) and is_utc(node.args.get("zone"))
        return (node.this, unit) if known else None
    if isinstance(node, exp.Date) and is_utc(node.args.get("zone")) and not node.expressions:
        return node.this, "DAY"
    if isinstance(node, exp.Cast) and node.to.this == exp.DType.DATE:
        return node.this, "DAY"
    return None


def value_at(found: Constant, now: int) -> int | None:
    """The value of a constant at a time by the clock."""
    if not isinstance(found, ByClock):
        return found
    for step in found.steps:
        now = _done(now, step)
    return now


def floor(micros: int, unit: str) -> int:
    """The time, truncated to a unit."""
    if unit in MICROSECONDS:
        return micros - micros % MICROSECONDS[unit]
    at = _EPOCH + timedelta(microseconds=micros)
    month = (at.month - 1) // _MONTHS[unit] * _MONTHS[unit] + 1
    return _since_epoch(datetime(at.year, month, 1, tzinfo=UTC))


def plus(micros: int, amount: int, unit: str) -> int:
    """The time plus a number of units. A day that the month lacks becomes the month's last."""
    if unit in MICROSECONDS:
        return micros + amount * MICROSECONDS[unit]
    first = floor(micros, "MONTH")
    at = _EPOCH + timedelta(microseconds=first)
    months = at.year * 12 + at.month - 1 + amount * _MONTHS[unit]
    start, end = (_since_epoch(datetime(n // 12, n % 12 + 1, 1, tzinfo=UTC)) for n in (months, months + 1))
    days, time = divmod(micros - first, MICROSECONDS["DAY"])
    return start + min(days, (end - start) // MICROSECONDS["DAY"] - 1) * MICROSECONDS["DAY"] + time


def is_utc(zone: exp.Expr | None) -> bool:
    """True if a function's time zone is the default, or is given as UTC."""
    return zone is None or (isinstance(zone, exp.Literal) and zone.name.upper() == "UTC")


def micros_of(text: str) -> int:
    """The time in a string, as in `2026-11-30 01:00:00.000001+00`.

    Raises:
        NotConstantError: it has another format.
    """
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        raise NotConstantError
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = found.groups()
    try:
        at = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC)
    except ValueError as error:
        raise NotConstantError from error
    offset = (int(hours or 0) * 60 + int(minutes or 0)) * (-1 if sign == "-" else 1) * MICROSECONDS["MINUTE"]
    return _since_epoch(at) + int((fraction or "").ljust(6, "0")) - offset


def _literal(node: exp.Expr) -> int:
    """`'2026-11-30'`, `DATE(2026, 11, 30)` or `TIMESTAMP_MICROS(1)`."""
    if isinstance(node, exp.Literal) and node.is_string:
        return micros_of(node.name)
    if isinstance(node, exp.DateFromParts):
        year, month, day = (_integer(node.args.get(part)) for part in ("year", "month", "day"))
        return micros_of(f"{year:04}-{month}-{day}")
    if isinstance(node, exp.UnixToTime):
        scale = node.args.get("scale")
        return _integer(node.this) * int(10 ** (6 - (_integer(scale) if scale is not None else 0)))
    raise NotConstantError


def _sum(node: exp.Expr, sign: int) -> Constant:
    """`TIMESTAMP_SUB(x, INTERVAL 6 HOUR)`, `x - INTERVAL 6 HOUR`, or `date - 3`."""
    amount, unit = node.expression, node.args.get("unit")
    if isinstance(amount, exp.Interval):
        amount, unit = amount.this, amount.args.get("unit")
    name = "DAY" if unit is None and isinstance(node, exp.Add | exp.Sub) else str(unit.name if unit else "").upper()
    count, (name, each) = sign * _integer(amount), ("DAY", 7) if name == "WEEK" else (name, 1)
    if name not in MICROSECONDS and name not in _MONTHS:
        raise NotConstantError
    return _stepped(constant(node.this), Step(name, count * each))


def _integer(node: exp.Expr | None) -> int:
    """The number in `6`, `'6'`, `-6` or `CAST("6" AS INT64)`."""
    if isinstance(node, exp.Paren | exp.Cast):
        return _integer(node.this)
    if isinstance(node, exp.Neg):
        return -_integer(node.this)
    if isinstance(node, exp.Literal) and re.fullmatch(r"-?\d{1,12}", node.name):
        return int(node.name)
    raise NotConstantError


def _stepped(found: Constant, *steps: Step) -> Constant:
    for step in steps:
        if isinstance(found, ByClock):
            found = ByClock((*found.steps, step))
        elif found is not None:
            found = _done(found, step)
    return found


def _done(micros: int, step: Step) -> int:
    return floor(micros, step.unit) if step.amount is None else plus(micros, step.amount, step.unit)


def _since_epoch(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
