"""DuckDB: one file, which is open only during the commit, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Self

from job.errors import SinkError
from job.log import log
from job.signals import Stop
from job.sinks import known
from job.sinks.duckdb import loading, queries, recent
from job.sinks.duckdb.connection import RolledBackError, connection, interruptible, is_interrupt, transaction
from job.sinks.duckdb.ddl import (
    changes,
    changes_from_nothing,
    demo_changes,
    has_tables,
    is_demo,
    make,
    newer_version,
    table_changes,
    view_changes,
)
from job.sinks.duckdb.files import is_database, marked_as_running
from job.sinks.duckdb.marks import literal
from job.sinks.duckdb.new_file import again_if_overtaken
from job.sinks.duckdb.ownership import check_owner
from job.sinks.duckdb.queries import answer
from job.sinks.protocol import (
    Answer,
    ArrowAnswer,
    Change,
    Commit,
    CommittedList,
    Result,
    TaskResult,
    refuse_loss,
    warn_newer,
)
from job.sinks.pruning import NEEDED_TIMES, prunable
from job.spool import Rows
from job.tables import Run, raw
from job.views.row_columns import RowColumn

if TYPE_CHECKING:
    import duckdb

_FROM_THE_FUTURE = f"""
SELECT run_id, date_diff('second', now(), started_at) FROM {raw(Run.table)}
WHERE started_at > now() + INTERVAL 5 MINUTE ORDER BY started_at DESC LIMIT 1
"""
_READ_PATIENCE = 30.0  # seconds; a commit takes a moment


class DuckDBSink:
    """A database file.

    Args:
        timeout_seconds: to wait for a file that another process has locked.
        threads: that publish; one needs about 100 MB of memory, and each further one half as much.
        for_demo: rows are of a simulated fleet, which a file has alone or not at all.
    """

    def __init__(
        self,
        path: Path,
        *,
        timeout_seconds: float,
        threads: int = 1,
        stop: Stop | None = None,
        for_demo: bool = False,
        columns: tuple[RowColumn, ...] = (),
    ) -> None:
        self.path = path
        self._where = f"sink {path}"
        self._for_demo = for_demo
        self._columns = columns
        self._timeout_seconds = timeout_seconds
        self._threads = threads
        self._stop = stop or Stop()
        self._kept: duckdb.DuckDBPyConnection | None = None
        self.bytes_billed = 0
        self.seconds_ahead = 0.0

    def prepare(self) -> None:
        """Checks the folder, the file and its tables; `publish` makes what they lack."""
        if is_database(self.path):
            with self._reading(self._timeout_seconds) as database:
                check_owner(self._where, database)
                self._refuse_mixing(database)
                if (version := newer_version(self._where, database)) is not None:
                    warn_newer(version)
                else:
                    refuse_loss(self._where, list(changes(database, self._columns)))
                _warn_of_the_future(database)

    def running(self, run_id: str, task_count: int, *, exclusive: bool) -> AbstractContextManager[str | None]:  # noqa: ARG002
        """By a locked file beside the database."""
        return marked_as_running(self.path, run_id)

    def committed_result(self, run_id: str, task_index: int) -> TaskResult | None:
        if not self.path.exists():
            return None
        with self._reading(self._timeout_seconds) as database:
            check_owner(self._where, database)
            return _last_part(database, run_id, task_index) if has_tables(database) else None

    def committed_lists(self, run_id: str, task_index: int) -> Sequence[CommittedList]:
        with self._reading(self._timeout_seconds) as database:
            found = database.execute(known.committed_lists_query(literal(run_id), task_index)).fetchall()
            return [CommittedList(*row) for row in found]

    def cluster_weights(self, run_id: str, *, is_shared: bool = True) -> dict[str, int]:
        """The first task to ask stores the weights in a table, for all others."""
        if not is_shared:  # nothing is stored: a run that is killed before its commit leaves no new file
            if not self.path.exists():
                return {}
            with self._reading(self._timeout_seconds) as database:
                found = database.execute(known.CLUSTER_WEIGHTS).fetchall() if has_tables(database) else []
                return {str(name): int(objects) for name, objects in found}
        return again_if_overtaken(lambda: self._shared_weights(run_id))

    def upgrade_info_since(self, run_id: str, time: datetime) -> frozenset[str]:  # noqa: ARG002 (the same to all tasks)
        if not self.path.exists():
            return frozenset()
        with self._reading(self._timeout_seconds) as database:
            sql = known.upgrade_info_query(f"TIMESTAMPTZ {literal(time.isoformat())}")
            found = database.execute(sql).fetchall() if has_tables(database) else []
            return frozenset(str(row[0]) for row in found)

    def object_kinds(self, run_id: str, others: Sequence[str]) -> dict[str, frozenset[str]]:  # noqa: ARG002
        if not self.path.exists():
            return {}
        with self._reading(self._timeout_seconds) as database:
            sql = known.object_kinds_query(others)
            return known.by_cluster(database.execute(sql).fetchall() if has_tables(database) else [])

    def _shared_weights(self, run_id: str) -> dict[str, int]:
        with self._writing() as database, self._transaction(database):
            self._evolve(database, changes(database, self._columns))
            select = "SELECT name, objects FROM weights WHERE run_id = ?"
            if not database.execute(select, [run_id]).fetchall():
                database.execute("DELETE FROM weights WHERE asked_at < now() - INTERVAL 8 DAY")  # a task's longest time
                database.execute("INSERT INTO weights VALUES (?, '', 0, now())", [run_id])  # even without clusters
                database.execute(
                    f"INSERT INTO weights SELECT ?, name, objects, now() FROM ({known.CLUSTER_WEIGHTS})", [run_id]
                )
            return {name: objects for name, objects in database.execute(select, [run_id]).fetchall() if name}

    def publish(self, rows: Rows, commit: Commit) -> bool:
        """Creates missing tables and inserts all rows, in one transaction and in as little memory as possible.

        A transaction that fails is tried again with more memory: DuckDB has many errors for having too little.
        """
        *smaller, largest = loading.BUDGETS
        for budget in smaller:
            try:
                return again_if_overtaken(partial(self._publish, rows, commit, budget))
            except RolledBackError as error:
                if self._stop.is_set() or self._stop.signal is not None or is_interrupt(error.__cause__):
                    raise
        return again_if_overtaken(partial(self._publish, rows, commit, largest))

    def settle(self, run_id: str) -> None:
        """Nothing: a commit is one transaction."""

    def ddl(self) -> Sequence[str]:
        return [change.statement for change in changes_from_nothing(self._columns)]

    def changes(self) -> Sequence[Change]:
        if not self.path.exists():
            return [*changes_from_nothing(self._columns)]
        with self._reading(self._timeout_seconds) as database:
            check_owner(self._where, database)
            return [] if newer_version(self._where, database) is not None else list(changes(database, self._columns))

    def apply(self) -> Sequence[Change]:
        """In one transaction."""
        is_database(self.path)
        return again_if_overtaken(self._apply)

    def _apply(self) -> Sequence[Change]:
        with self._writing() as database, self._transaction(database):
            return self._evolve(database, changes(database, self._columns))

    def prune(self, before: datetime, *, dry_run: bool) -> dict[str, int]:
        if not self.path.exists():
            raise SinkError(f"{self._where}: there is no such file")
        pruned = {}
        with self._reading(_READ_PATIENCE) if dry_run else self._writing() as database, self._transaction(database):
            check_owner(self._where, database)
            if newer_version(self._where, database) is not None:
                raise SinkError(f"{self._where}: a newer gke-inventory made its tables: prune with that one")
            for table, where in prunable(before, self._needed(database)):
                action = "SELECT count(*)" if dry_run else "DELETE"
                found = database.execute(f"{action} FROM {table} WHERE {where}").fetchone()
                pruned[table] = int(found[0]) if found else 0
        return pruned

    def query(self, sql: str, *, external_access: bool = False) -> Result:
        with self._querying(external_access=external_access) as database:
            return interruptible(database, lambda: answer(database, sql))

    @contextmanager
    def kept_open(self) -> Iterator[Self]:
        """The file stays open, and no run can commit to it, until the context ends."""
        with self._querying() as database:
            kept = copy(self)
            kept._kept = database
            yield kept

    @contextmanager
    def stream(self, sql: str, *, external_access: bool = False) -> Iterator[Answer]:
        """The file stays open, and no run can commit to it, until the context ends."""
        with self._querying(external_access=external_access) as database:
            began = interruptible(database, lambda: queries.begin(database, sql))
            yield began._replace(pages=iter(lambda: interruptible(database, lambda: queries.next_page(database)), []))

    def arrow(self, sql: str, *, external_access: bool = False) -> ArrowAnswer | None:
        with self._querying(external_access=external_access) as database:
            return interruptible(database, lambda: queries.as_arrow(database, sql))

    def dry_run(self, sql: str) -> None:
        with self._querying() as database:
            interruptible(database, lambda: queries.check(database, sql))

    @contextmanager
    def _querying(self, *, external_access: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        if self._kept is not None:
            yield self._kept
            return
        if not self.path.exists():
            raise SinkError(f"{self._where}: there is no such file; `gke-inventory run` creates it")
        with self._reading(_READ_PATIENCE) as database:
            queries.confine(database, external_access=external_access)
            yield database

    @staticmethod
    def _needed(database: duckdb.DuckDBPyConnection) -> list[datetime]:
        return [time for (time,) in database.execute(NEEDED_TIMES).fetchall()]

    def _publish(self, rows: Rows, commit: Commit, budget: loading.Budget) -> bool:
        commit_id = _commit_id(commit.run_id, commit.task_index, commit.result.part)
        with self._writing() as database, self._transaction(database, shield=self._stop):
            loading.use(database, budget, self._threads)
            self._refuse_mixing(database)
            if self._for_demo:
                self._evolve(database, demo_changes(database))
            self._evolve(database, table_changes(database))
            if _committed(database, commit_id) is not None:
                return False
            result = [commit.result.complete, commit.result.acceptable, commit.result.stopped]
            statement = "INSERT INTO commits (commit_id, complete, acceptable, stopped) VALUES (?, ?, ?, ?)"
            database.execute(statement, [commit_id, *result])
            before = recent.last_row(database)
            for table, file in rows.files.items():
                loading.insert(database, table, file, rows.counts[table], budget.largest_row)
            loading.flush(database, budget, self._threads)
            recent.remember(database, before)
            if newer_version(self._where, database) is None:
                self._make(database, view_changes(database, self._columns))  # only now: translating takes memory too
            recent.forget(database)
            return True

    def _refuse_mixing(self, database: duckdb.DuckDBPyConnection) -> None:
        """Refuses to write a simulated fleet beside a real one.

        Raises:
            SinkError: the other one is in the file.
        """
        if has_tables(database) and is_demo(database) != self._for_demo:
            made, other = ("`run`", "simulated fleet") if self._for_demo else ("`demo`", "real clusters")
            raise SinkError(f"{self._where}: {made} made this file, which gets no {other}; name another file")

    def _evolve(self, database: duckdb.DuckDBPyConnection, missing: Iterable[Change]) -> list[Change]:
        """Makes the changes that the database lacks, if it is ours and no newer version's."""
        check_owner(self._where, database)
        return [] if newer_version(self._where, database) is not None else self._make(database, missing)

    def _make(self, database: duckdb.DuckDBPyConnection, missing: Iterable[Change]) -> list[Change]:
        made = list(missing)
        refuse_loss(self._where, made)
        make(database, made, self._columns)
        return made

    def _reading(self, patience: float) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return connection(self.path, self._stop, read_only=True, patience=patience)

    def _writing(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return connection(self.path, self._stop, read_only=False, patience=self._timeout_seconds)

    def _transaction(
        self, database: duckdb.DuckDBPyConnection, *, shield: Stop | None = None
    ) -> AbstractContextManager[None]:
        return transaction(self.path, database, shield)


def _warn_of_the_future(database: duckdb.DuckDBPyConnection) -> None:
    """Unlike BigQuery, a file has no clock of its own that could put right the times of a run."""
    if has_tables(database) and (found := database.execute(_FROM_THE_FUTURE).fetchone()):
        log.warning(
            "run from the future", other=found[0], seconds=found[1], detail="until then its rows hide those of this run"
        )


def _commit_id(run_id: str, task_index: int, part: int) -> str:
    return f"{run_id}-{task_index}" + (f"/{part}" if part else "")


def _last_part(database: duckdb.DuckDBPyConnection, run_id: str, task_index: int) -> TaskResult | None:
    last = None
    for part in count():
        found = _committed(database, _commit_id(run_id, task_index, part))
        if found is None:
            break
        last = found._replace(part=part)
    return last


def _committed(database: duckdb.DuckDBPyConnection, commit_id: str) -> TaskResult | None:
    select = "SELECT complete, acceptable, stopped FROM commits WHERE commit_id = ?"
    found = database.execute(select, [commit_id]).fetchone()
    return None if found is None else TaskResult(*map(bool, found))
