"""Which committed runs the views of the present show: the ledger says it, and the views of recent rows are written."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from job.errors import Interrupted, SinkError
from job.log import log
from job.signals import Stop
from job.sinks.bigquery.errors import as_sink_error
from job.sinks.bigquery.recent import DECIDING, RecentViews
from job.sinks.pruning import NEEDED_TIMES
from job.views.recent import literal, parse

if TYPE_CHECKING:
    from job.sinks.bigquery.client import BoundedClient

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
        hours: of the window, as in `bigquery.recent_hours`.
        """
        self._client, self._dataset, self._rows, self._hours, self._stop = client, dataset, rows, hours, stop

    def show(self, times: Collection[datetime], run_id: str, *, alone: bool) -> None:
        """Makes the views read committed rows of these times as long as they are needed.

        Args:
            alone: whether the run has one task.

        Raises:
            SinkError: the views could not be written.
        """
        recent = RecentViews(self._client, self._dataset, self._stop.pause)
        where = f"sink bigquery://{self._dataset}"
        try:
            with as_sink_error("writing the views of recent rows"):
                recent.add(times, partial(self._unlisted_times, run_id, frozenset(times)), alone=alone)
        except Interrupted:
            log.warning("views show the run for some hours only", run_id=run_id, hours=self._hours)
            return
        except SinkError as error:
            raise SinkError(
                f"{where}: the run was committed, but views show it for {self._hours} hours only; "
                f"a retry of the task mends that: {error}"
            ) from error
        try:
            with as_sink_error("writing the views of recent rows"):
                recent.forget(self.needed_times, datetime.now(UTC))
        except SinkError as error:
            log.warning("views read more than they need", detail=str(error))
        except Interrupted:
            pass  # the next run tries it again

    def settle(self, run_id: str) -> None:
        """The same for all committed rows of a run.

        Raises:
            SinkError: the views could not be written.
        """
        self.show([time for _, time in self._committed(f"run_id = {json.dumps(run_id)}")], run_id, alone=False)

    def needed_times(self) -> list[datetime]:
        """Those of the rows that views of the present need, however old they are."""
        return [time for (time,) in self._rows(NEEDED_TIMES)]

    def lost_commits(self) -> list[CommittedTime]:
        """Commits that no view shows any more, and that the next run mends.

        Raises:
            SinkError: the dataset cannot be read.
        """
        with as_sink_error(f"sink bigquery://{self._dataset}"):
            listed = parse(self._client.get_table(f"{self._dataset}.{DECIDING}").view_query).times
            if listed is None:
                return []
            latest = max(listed, default=_EPOCH)
            return self._lost(self._committed(f"snapshot_time > {literal(latest)}"), latest)

    def _unlisted_times(self, run_id: str, own: frozenset[datetime], listed: frozenset[datetime]) -> list[datetime]:
        """Times of committed rows that views lack, or will lack once the rows are some hours old.

        Those of the run, and of tasks that were killed between their commit and the writing of the views.
        """
        latest = max(listed, default=_EPOCH)
        found = self._committed(
            f"run_id = {json.dumps(run_id)} OR snapshot_time > {literal(latest)} "
            f"OR snapshot_time > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL {self._hours} HOUR)"
        )
        for lost, time in self._lost(found, latest):
            if lost != run_id and time not in own:
                log.warning("views lacked a committed run", run_id=lost, snapshot_time=time.isoformat())
        return [time for _, time in found]

    def _lost(self, found: Iterable[CommittedTime], latest: datetime) -> list[CommittedTime]:
        """Those that are later than all that the views list, and too old for their window."""
        window = datetime.now(UTC) - timedelta(hours=self._hours)
        return [each for each in found if latest < each.snapshot_time < window]

    def _committed(self, condition: str) -> list[CommittedTime]:
        sql = f"SELECT DISTINCT run_id, snapshot_time FROM committed_attempts WHERE {condition} ORDER BY snapshot_time"
        return [CommittedTime(*row) for row in self._rows(sql)]
