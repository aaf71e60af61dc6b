"""How the tables are partitioned, and when their partitions expire."""

from __future__ import annotations

from typing import Any, Literal

from job.config import MOST_DAYS_OF_HOURS, BigQuery
from job.tables import LEDGER

Unit = Literal["HOUR", "DAY", "MONTH"]
DAY = 86_400_000  # milliseconds


def expiration_days(table: str, options: BigQuery) -> int | None:
    """After how many days the rows of a partition expire. Those of the ledger, which say what was read, have their own
    time: a reading whose rows have expired is not taken for one that never was."""
    return options.ledger_expiration_days if table in LEDGER else options.partition_expiration_days


def unit(table: str, options: BigQuery) -> Unit:
    """The declared unit, or else hours, which views of the present read fewest bytes of, where they expire in time."""
    if options.partition_by is not None and (options.partition_by != "hour" or _fits(table, options)):
        return options.partition_by.upper()  # type: ignore[return-value]
    return "HOUR" if _fits(table, options) else "DAY"


def _fits(table: str, options: BigQuery) -> bool:
    days = expiration_days(table, options)
    return days is not None and days <= MOST_DAYS_OF_HOURS


def expiration(table: Any) -> int | None:
    """Milliseconds until a partition of BigQuery's table expires; None if it never does."""
    milliseconds = table.time_partitioning.expiration_ms if table.time_partitioning else None
    return int(milliseconds) if milliseconds else None
