"""Where rows go: one small protocol, and the two that have it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from job.errors import SinkError
from job.spool import Rows


class Result(NamedTuple):
    """What a query answers."""

    columns: tuple[tuple[str, str], ...]
    """Name and type, in BigQuery's words: `STRING`, `INT64`, `FLOAT64`, `NUMERIC`, `BOOL`, `TIMESTAMP`, `DATE`, else
    `JSON` for what has parts."""
    rows: list[tuple[Any, ...]]


class Commit(NamedTuple):
    """What is committed: one task of one run, once, by whichever attempt comes first."""

    run_id: str
    task_index: int
    attempt: int
    outcome: TaskResult


class TaskResult(NamedTuple):
    """What a task came to, as its commit tells it to later attempts."""

    complete: bool
    """Everything asked for was read."""
    acceptable: bool
    """What was not is no more than `fail_on` lets pass."""


class Change(NamedTuple):
    """A difference between a warehouse and what this version declares."""

    action: str
    """`create table`, `add column`, `describe`, `replace view`, ..."""
    name: str
    """The table, view or `table.column`."""
    statement: str
    """The SQL that makes it so, in the warehouse's own dialect."""
    additive: bool = True
    """It loses nothing and can be made by itself; any other is for a person."""


class Sink(Protocol):
    """A warehouse."""

    bytes_billed: int
    """What this program's own queries have been billed for so far; 0 where queries cost nothing."""

    def prepare(self) -> None:
        """Sees to it, before anything is collected, that rows can be written later.

        Raises:
            SinkError: they cannot, a newer version has made the tables, or they need a change that is not additive;
                nothing was changed.
        """

    def ddl(self) -> Sequence[str]:
        """The statements that make everything from nothing. Nothing is asked of the sink."""

    def changes(self) -> Sequence[Change]:
        """What `apply` would change, and what it would refuse to.

        Raises:
            SinkError: the sink cannot be read, or a newer version has made it.
        """

    def apply(self) -> Sequence[Change]:
        """Makes tables and views as they are declared; returns what it has changed.

        Raises:
            SinkError: it cannot be done, or not without loss: then nothing was changed.
        """

    def begun(self, run_id: str, task_count: int, *, alone: bool) -> AbstractContextManager[str | None]:
        """Marks the run as under way for as long as the context lasts; gives the id of another one that is under way,
        the same to every task of the run.

        A run that was killed is no longer under way: in BigQuery, once `timeouts.overlap_seconds` are over.

        Args:
            alone: beside another it will not begin, and is not marked.

        Raises:
            SinkError: the sink cannot be read.
        """

    def committed(self, run_id: str, task_index: int) -> TaskResult | None:
        """The outcome with which the task of the run has been committed; None where it has not.

        Raises:
            SinkError: the sink cannot be read.
        """

    def weights(self, run_id: str) -> dict[str, int]:
        """`project/location/cluster` -> objects in its newest snapshot: the same for every task of the run that asks,
        whenever it does, since the first one to ask settles them.

        Raises:
            SinkError: the sink cannot be read.
        """

    def publish(self, rows: Rows, commit: Commit) -> bool:
        """Writes all rows so that they become visible together: those of `snapshots` last, or all in one transaction.

        Returns:
            Whether these rows are what is committed; False where the task has been committed before, by another
            attempt: then these are not visible, and never will be.

        Raises:
            SinkError: it failed, and nothing of these rows is visible.
        """

    def prune(self, before: datetime, *, dry_run: bool) -> dict[str, int]:
        """Deletes rows of snapshots older than `before`, but for those that the `latest_` views still show.

        Returns:
            Table -> the rows that were (with `dry_run`, would be) deleted.

        Raises:
            SinkError: it failed; what was deleted before is gone, and each snapshot whole or gone.
        """

    def named(self, table: str) -> str:
        """A table or view, as a query names it: some have names that are words of SQL (`unbounded`)."""

    def query(self, sql: str) -> Result:
        """Runs one query, in the sink's own SQL.

        Raises:
            QueryError: the query is refused.
            SinkError: the sink cannot be read.
        """


WEIGHTS = "SELECT CONCAT(project_id, '/', location, '/', cluster) AS name, objects FROM latest_snapshots"
"""The query for `Sink.weights`, the same on every sink."""


def refuse_loss(where: str, changes: Sequence[Change]) -> None:
    """Refuses changes that lose something: those are for a person to make, who is told how.

    Raises:
        SinkError: there is one among them.
    """
    for change in changes:
        if not change.additive:
            raise SinkError(
                f"{where}: {change.name} is not as this version needs it ({change.action}), and that cannot be mended "
                f"without loss; nothing was written. To do it by hand: {change.statement}"
            )
