"""What a sink does: the few verbs that a run needs, and the wider ones of a warehouse that people query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, NamedTuple, Protocol, Self

from job.errors import SinkError
from job.log import log
from job.schema import SCHEMA_VERSION
from job.spool import Rows


class Result(NamedTuple):
    """The answer to a query."""

    columns: tuple[tuple[str, str], ...]
    """Name and type, in BigQuery's words: `STRING`, `INT64`, `FLOAT64`, `NUMERIC`, `BOOL`, `TIMESTAMP`, `DATE`; `JSON`
    for arrays and structs."""
    rows: list[tuple[Any, ...]]


class Answer(NamedTuple):
    """The answer to a query while it arrives."""

    columns: tuple[tuple[str, str], ...]
    """As those of `Result`."""
    pages: Iterator[Sequence[tuple[Any, ...]]]
    """The rows, some at a time."""
    total: int | None = None
    """How many rows there are, if that is known before they are read."""
    types: tuple[str, ...] = ()
    """The columns' types in DuckDB's words, whole: `DECIMAL(4,2)`, `STRUCT("key" VARCHAR)[]`."""


class ArrowAnswer(NamedTuple):
    """The answer to a query as Arrow."""

    columns: tuple[tuple[str, str], ...]
    """As those of `Result`."""
    types: tuple[str, ...]
    """As those of `Answer`."""
    table: Any
    """A `pyarrow.Table`."""


class TaskResult(NamedTuple):
    """How a task ended: its commit records this for later attempts of the same task."""

    complete: bool
    """Everything that was asked for was read."""
    acceptable: bool
    """The gaps are within `fail_on`."""
    stopped: bool = False
    """The task was stopped before it had read everything: a retry reads the rest, and commits it as the next part."""
    part: int = 0
    """Which commit of the task this is. Each part is committed once."""


class Commit(NamedTuple):
    """The commit of one part of one task of one run, which happens once: by the first attempt that gets there."""

    run_id: str
    task_index: int
    attempt: int
    result: TaskResult
    task_count: int = 1
    """How many tasks of the run commit by themselves, perhaps at the same time."""
    snapshot_times: tuple[datetime, ...] = ()
    """Those of its rows: one, or one for each of several tasks that are committed together."""


class CommittedList(NamedTuple):
    """A list of one cluster, in a part of a task that is committed."""

    project_id: str
    location: str
    cluster: str
    cluster_id: str | None
    resource: str
    outcome: str
    message: str | None
    objects: int
    row_count: int
    """That of the part's row of `runs`."""


class Change(NamedTuple):
    """A difference between a warehouse and the tables and views that this version declares."""

    action: str
    """`create table`, `add column`, `describe`, `replace view`, ..."""
    name: str
    """The table, view or `table.column`."""
    statement: str
    """The SQL that makes the change, in the warehouse's own dialect."""
    additive: bool = True
    """It loses no data, and is made automatically; a person has to make any other."""


class Sink(Protocol):
    """Where a run writes its rows."""

    bytes_billed: int
    """Bytes that this program's own queries were billed for so far; 0 where queries cost nothing."""
    seconds_ahead: float
    """How far this machine's clock is ahead of the sink's, once `running` has found out; 0 if that is not known, or
    less than a minute."""

    def prepare(self) -> None:
        """Makes sure, before anything is collected, that rows can be written later.

        Raises:
            SinkError: they cannot, a newer version made the tables, or the tables need a change that is not additive;
                nothing was changed.
        """

    def running(self, run_id: str, task_count: int, *, exclusive: bool) -> AbstractContextManager[str | None]:
        """Marks the run as under way inside the context; gives the id of another run that is, the same to every task.

        A killed run is no longer under way: in BigQuery, once `timeouts.overlap_seconds` have passed.

        Args:
            exclusive: the run will not start beside another, so it is not marked beside one.

        Raises:
            SinkError: the sink cannot be read.
        """

    def committed_result(self, run_id: str, task_index: int) -> TaskResult | None:
        """The result of the last part of the task that is committed; None before its first commit.

        Raises:
            SinkError: the sink cannot be read.
        """

    def committed_lists(self, run_id: str, task_index: int) -> Sequence[CommittedList]:
        """The lists in all parts of the task that are committed, in no order.

        Raises:
            SinkError: the sink cannot be read.
        """

    def cluster_weights(self, run_id: str, *, is_shared: bool = True) -> dict[str, int]:
        """`project/location/cluster` -> objects in its newest snapshot.

        Every task of the run gets the same answer, whenever it asks: the first one to ask fixes it.

        Args:
            is_shared: False where one process asks for all tasks.

        Raises:
            SinkError: the sink cannot be read.
        """

    def upgrade_info_since(self, run_id: str, time: datetime) -> frozenset[str]:
        """Ids of the clusters whose upgrade info was read, without gaps, by a run that began at this time or later.

        Raises:
            SinkError: the sink cannot be read.
        """

    def object_kinds(self, run_id: str, others: Sequence[str]) -> dict[str, frozenset[str]]:
        """`project/location/cluster` -> the kinds that runs have asked it for by the setting `objects`.

        Args:
            others: all other kinds.

        Raises:
            SinkError: the sink cannot be read.
        """

    def publish(self, rows: Rows, commit: Commit) -> bool:
        """Writes all rows, and makes them visible together: in one transaction, or with the one of `runs` last.

        Returns:
            True if these rows were committed. False if another attempt had committed the task: then these rows are not
            visible, and never will be.

        Raises:
            SinkError: the commit failed, and none of these rows is visible.
        """

    def settle(self, run_id: str) -> None:
        """Does what may be left to do after a commit of a task that was killed just after it: its retry calls this.

        Raises:
            SinkError: it failed.
        """


class Warehouse(Sink, Protocol):
    """A sink whose tables and views people query and maintain."""

    def ddl(self) -> Sequence[str]:
        """The statements that create all tables and views. Asks the warehouse nothing."""

    def changes(self) -> Sequence[Change]:
        """The changes that `apply` would make, and those that it would refuse.

        Raises:
            SinkError: the warehouse cannot be read, or a newer version made its tables.
        """

    def apply(self) -> Sequence[Change]:
        """Makes tables and views as they are declared; returns the changes.

        Raises:
            SinkError: a change failed, or would lose data: then nothing was changed.
        """

    def prune(self, before: datetime, *, dry_run: bool) -> dict[str, int]:
        """Deletes rows of snapshots older than `before` that no view uses.

        Returns:
            Table -> rows that were deleted, or with `dry_run` would be.

        Raises:
            SinkError: it failed. Rows deleted so far are gone; each snapshot is whole or gone.
        """

    def query(self, sql: str, *, external_access: bool = False) -> Result:
        """Runs one query, in the warehouse's own SQL. On DuckDB it can only read.

        Args:
            external_access: on DuckDB, lets it use other files, extensions and the network too.

        Raises:
            QueryError: the query is refused.
            SinkError: the warehouse cannot be read.
        """

    def kept_open(self) -> AbstractContextManager[Self]:
        """The same warehouse, for many queries: on DuckDB all see the same commits, and its file is opened once.

        None of these queries can have external access.

        Raises:
            SinkError: the warehouse cannot be read.
        """

    def stream(self, sql: str, *, external_access: bool = False) -> AbstractContextManager[Answer]:
        """The same as `query`, in memory that does not grow with the answer. Rows can be read inside the context.

        Intervals are text on DuckDB: Python's own type has no months.

        Raises:
            QueryError: the query is refused, perhaps while its rows are read.
            SinkError: the warehouse cannot be read.
        """

    def arrow(self, sql: str, *, external_access: bool = False) -> ArrowAnswer | None:
        """The same as `query`, several times faster; None where the warehouse sends rows: then use `stream`.

        Needs pyarrow.

        Raises:
            QueryError: the query is refused.
            SinkError: the warehouse cannot be read.
        """

    def dry_run(self, sql: str) -> int | None:
        """Checks a query without running it; returns the bytes that it would read, or None where nothing is billed.

        Raises:
            QueryError: the query is refused.
            SinkError: the warehouse cannot be read.
        """


def refuse_loss(where: str, changes: Sequence[Change]) -> None:
    """Refuses changes that lose data: a person has to make those, with the statement in the error.

    Raises:
        SinkError: at least one change is not additive.
    """
    for change in changes:
        if not change.additive:
            raise SinkError(
                f"{where}: {change.name} differs from what this version needs ({change.action}), and that change would "
                f"lose data; nothing was written. To make it by hand, run: {change.statement}"
            )


def refuse_foreign(where: str, names: Sequence[str], instead: str) -> None:
    """Refuses to touch tables and views that this program did not make, and whose names it needs.

    Args:
        names: such as `view images`.
        instead: what to name in place of the sink.

    Raises:
        SinkError: there is at least one.
    """
    if names:
        raise SinkError(
            f"{where}: gke-inventory needs these names, but did not make what has them, or did so before 0.1.0: "
            f"{', '.join(names)}; nothing was written. Rename them, or name {instead}: the next run creates it"
        )


def refuse_newer(where: str, version: int, oldest_writer: int, missing: Sequence[str]) -> None:
    """Refuses tables of a newer version that this one cannot write to.

    Args:
        version: of the tables.
        oldest_writer: the oldest version that may write to them.
        missing: tables and columns of this version that they lack, or have with another type.

    Raises:
        SinkError: the newer version has done more than add to them.
    """
    if oldest_writer > SCHEMA_VERSION or missing:
        lacking = f", which lack what this one needs: {', '.join(missing)}" if missing else ""
        raise SinkError(
            f"{where}: a newer gke-inventory made its tables (schema version {version}, this one supports "
            f"{SCHEMA_VERSION}){lacking}: upgrade this one; nothing was written"
        )


def warn_newer(version: int) -> None:
    """Logs that this version writes to tables of a newer one, and leaves them as they are."""
    log.warning("tables of a newer version", version=version, supported=SCHEMA_VERSION, detail="new columns stay NULL")
