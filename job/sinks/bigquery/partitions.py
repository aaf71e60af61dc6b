"""How the tables are partitioned, and when their partitions expire."""

from __future__ import annotations

from typing import Any, Literal

from job.config import MOST_DAYS_OF_HOURS, BigQuery
from job.tables import LEDGER
from job.views import ALL_ROWS

Unit = Literal["HOUR", "DAY", "MONTH"]
DAY = 86_400_000  # milliseconds


def expiration_days(table: str, options: BigQuery) -> int | None:
    """After how many days the rows of a partition expire. Those of the ledger, which say what was read, have their own
    time: a reading whose rows have expired is not taken for one that never was."""
    return options.ledger_expiration_days if table in LEDGER else options.partition_expiration_days


def rows_since(options: BigQuery) -> str:
    """Since when runs began whose rows of objects are all kept, in BigQuery's SQL.

    A partition expires some days after its beginning
    (https://cloud.google.com/bigquery/docs/managing-partitioned-tables#partition-expiration). This one looks at whole
    days, or months: some rows that count as expired are kept for hours more.
    """
    days = options.partition_expiration_days
    if days is None:
        return ALL_ROWS.rows_since
    last = f"DATE(TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL {days} DAY))"
    if options.partition_by == "month":
        return f"TIMESTAMP(DATE_ADD(DATE_TRUNC({last}, MONTH), INTERVAL 1 MONTH))"
    return f"TIMESTAMP(DATE_ADD({last}, INTERVAL 1 DAY))"


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
