"""Which committed runs the views of the present show: the ledger says it, and the views of recent rows are written."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from job.errors import Interrupted, SinkError
from job.log import log
from job.signals import Stop
from job.sinks.bigquery.errors import as_sink_error
from job.sinks.bigquery.recent import DECIDING, RecentViews
from job.sinks.pruning import NEEDED_TIMES
from job.views.recent import Recent, literal, parse

if TYPE_CHECKING:
    from job.sinks.bigquery.client import BoundedClient


class CommittedTime(NamedTuple):
    """A time of committed rows."""

    run_id: str
    snapshot_time: datetime


class PresentViews:
    """Those of one dataset."""

    def __init__(
        self, client: BoundedClient, dataset: str, rows: Callable[[str], list[tuple[Any, ...]]], hours: int, stop: Stop
    ) -> None:
        """Args:
        rows: of a query.
        hours: as in `bigquery.recent_hours`.
        """
        self._client, self._dataset, self._rows, self._hours = client, dataset, rows, hours
        self._recent = RecentViews(client, dataset, hours, stop.pause)

    def show(self, times: Collection[datetime], run_id: str, *, alone: bool) -> None:
        """Makes the views read committed rows of these times as long as they are needed.

        Args:
            alone: whether the run has one task.

        Raises:
            SinkError: the views could not be written.
        """
        where = f"sink bigquery://{self._dataset}"
        try:
            with as_sink_error("writing the views of recent rows"):
                self._recent.add(times, lambda: self._committed(f"run_id = {json.dumps(run_id)}"), alone=alone)
        except Interrupted:
            log.warning("views may lack the run", run_id=run_id)
            return
        except SinkError as error:
            raise SinkError(
                f"{where}: the run was committed, but views may lack it; a retry of the task mends that: {error}"
            ) from error
        try:
            with as_sink_error("writing the views of recent rows"):
                self._recent.forget(self._needed)
        except SinkError as error:
            log.warning("views read more than they need", detail=str(error))
        except Interrupted:
            pass  # the next run tries it again

    def settle(self, run_id: str) -> None:
        """The same for all committed rows of a run.

        Raises:
            SinkError: the views could not be written.
        """
        with as_sink_error(f"sink bigquery://{self._dataset}"):
            times = self._committed(f"run_id = {json.dumps(run_id)}")
        self.show(times, run_id, alone=False)

    def needed_times(self) -> list[datetime]:
        """Those of the rows that views of the present need, however old they are."""
        return [time for (time,) in self._rows(NEEDED_TIMES)]

    def lost_commits(self) -> list[CommittedTime]:
        """Commits that no view shows, and that the commit mends which moves `since` on.

        Raises:
            SinkError: the dataset cannot be read.
        """
        with as_sink_error(f"sink bigquery://{self._dataset}"):
            return self._lost(parse(self._client.get_table(f"{self._dataset}.{DECIDING}").view_query))

    def _needed(self, found: Recent) -> Recent:
        """The rows that views need: of later times all, and so those of tasks that go on, unless they take very long.

        A time before `since` whose task ended after it is kept, needed or not. So one that is not listed is lost: its
        task was killed between its commit and the writing of the views.
        """
        ((since,),) = self._rows(f"SELECT TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL {self._hours * 30} MINUTE)")
        kept = {*self.needed_times(), *(each.snapshot_time for each in self._astride(since))}
        for lost in self._lost(found):
            log.warning(
                "views lacked a committed run", run_id=lost.run_id, snapshot_time=lost.snapshot_time.isoformat()
            )
            kept.add(lost.snapshot_time)
        return Recent(since, frozenset(time for time in kept if time < since))

    def _lost(self, found: Recent) -> list[CommittedTime]:
        if found.since is None:
            return []
        return [each for each in self._astride(found.since) if not found.reads(each.snapshot_time)]

    def _astride(self, since: datetime) -> list[CommittedTime]:
        """Those of tasks that began before this time and ended after it."""
        time = literal(since)
        sql = (
            "SELECT DISTINCT run_id, snapshot_time FROM committed_attempts "
            f"WHERE snapshot_time < {time} AND finished_at >= {time} ORDER BY snapshot_time"
        )
        return [CommittedTime(*row) for row in self._rows(sql)]

    def _committed(self, condition: str) -> list[datetime]:
        return [
            time for (time,) in self._rows(f"SELECT DISTINCT snapshot_time FROM committed_attempts WHERE {condition}")
        ]
