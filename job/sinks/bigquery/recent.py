"""The views of recent rows: all since a time, which is moved on every few hours, and those of earlier times.

A commit writes no view, unless it took so long that its time may be an earlier one by then: it adds that. The commit
that finds `since` older than the configured hours sets it to half as many hours ago, and lists the earlier times that
views still need.

The view of `raw_runs` decides what counts: an attempt whose time it lacks is in no view of the present. So a time is
added to it last, and taken out of it first; at every moment, each other view reads at least as much. A view is written
only if it is as it was read (by its ETag), so that of two tasks that write at once the slower one reads again. Of tasks
of a run that end together one writes for all: BigQuery allows 5 updates of a view in 10 seconds
(https://cloud.google.com/bigquery/quotas#standard_tables).

An earlier time that was never added, since its task was killed just after its commit, is added by the task's retry, or
by the commit that moves `since` on.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

from job.errors import SinkError
from job.log import log
from job.schema import columns
from job.sinks.bigquery.columns import described
from job.tables import Run
from job.views.recent import RECENT, Recent, parse, query_for_bigquery

if TYPE_CHECKING:
    from google.cloud import bigquery

    from job.sinks.bigquery.client import BoundedClient

DECIDING = next(name for name, table in RECENT.items() if table == Run.table)
OTHERS = tuple(name for name in RECENT if name != DECIDING)
_THREADS = 8
_MAX_RACES = 50  # lost to other tasks; for each, one of them has made a step
_CLAIM = "gke_inventory_adding"
"""A label of `DECIDING`: since when a task has been writing the views, in seconds since 1970."""
_CLAIM_SECONDS = 20.0  # after which that task is considered dead
_LONGEST_PAUSE = 2.0  # seconds


class RecentViews:
    """Those of one dataset."""

    def __init__(self, client: BoundedClient, dataset: str, hours: int, wait: Callable[[float], object]) -> None:
        """Args:
        hours: after which `since` is moved on.
        wait: for so many seconds, or until the run is stopped.
        """
        self._client, self._dataset, self._wait = client, dataset, wait
        self._hours = timedelta(hours=hours)

    def add(self, times: Iterable[datetime], also: Callable[[], Iterable[datetime]], *, alone: bool) -> None:
        """Makes the views read the rows of these times as long as they are needed.

        Args:
            also: which times of committed rows to add if any are: of tasks of the run that have committed meanwhile, so
                that one of them writes for all.
            alone: whether no other task of the run may write at the same time.

        Raises:
            GoogleAPICallError, GaveUpError: BigQuery refuses it, or cannot be reached.
            SinkError: other tasks have written the views all the time.
        """
        from google.api_core.exceptions import PreconditionFailed

        wanted = frozenset(times)
        for races in count(1):
            deciding = self._get(DECIDING)
            found = parse(deciding.view_query)
            if all(self._stays(time, found) for time in wanted):
                return
            try:
                if not _is_claimed(deciding):
                    if not alone:
                        deciding = self._claim(deciding)
                        deciding.labels = {**deciding.labels, _CLAIM: None}
                    added = {time for time in {*wanted, *(() if alone else also())} if not self._stays(time, found)}
                    self._add_to_others(found.times | added)
                    self._write(deciding, found.with_times(added))
                    return
            except PreconditionFailed:
                log.debug("another task has written a view", name=DECIDING)
            if races == _MAX_RACES:
                raise SinkError(f"other tasks have kept writing {self._dataset}.{DECIDING}")
            self._wait(random.uniform(0.5, _LONGEST_PAUSE))  # noqa: S311

    def _stays(self, time: datetime, found: Recent) -> bool:
        """Whether the views read rows of this time, and go on even if another task is moving `since` on right now.

        That one asks which times are needed before it writes, and does not see what is committed in between.
        """
        if found.since is None or time in found.times:
            return True
        return time >= max(found.since, datetime.now(UTC) - self._hours / 4)

    def _claim(self, deciding: bigquery.Table) -> bigquery.Table:
        """Says that this task is about to write all views: others wait, and may find their own times written.

        Raises:
            PreconditionFailed: another task was faster.
        """
        deciding.labels = {**deciding.labels, _CLAIM: str(int(time.time()))}
        return self._client.update_table(deciding, ["labels"])

    def forget(self, needed: Callable[[Recent], Recent]) -> None:
        """Moves `since` on if it is time to, and takes out the earlier times that no view needs.

        Leaves it to another task, if one writes at the same time.

        Args:
            needed: the rows that views need, of those that they read.

        Raises:
            GoogleAPICallError, GaveUpError: BigQuery refuses it, or cannot be reached.
        """
        from google.api_core.exceptions import PreconditionFailed

        deciding = self._get(DECIDING)
        found = parse(deciding.view_query)
        is_due = found.since is None or found.since < datetime.now(UTC) - self._hours
        if not is_due or _is_claimed(deciding):
            return
        kept = needed(found)
        try:
            self._write(deciding, kept)
        except PreconditionFailed:
            return
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(lambda name: self._take_from(name, found, kept), OTHERS))
        # what a task added meanwhile, which saw an `OTHERS` that still had all rows
        self._add_to_others(parse(self._get(DECIDING).view_query).times)

    def _add_to_others(self, times: frozenset[datetime]) -> None:
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(lambda name: self._add_to(name, times), OTHERS))

    def _add_to(self, name: str, times: frozenset[datetime]) -> None:
        from google.api_core.exceptions import PreconditionFailed

        for races in count(1):
            view = self._get(name)
            found = parse(view.view_query)
            if found.since is None or times <= found.times:
                return
            try:
                self._write(view, found.with_times(times))
            except PreconditionFailed:
                if races == _MAX_RACES:
                    raise
                self._wait(random.uniform(0, _LONGEST_PAUSE))  # noqa: S311
            else:
                return

    def _take_from(self, name: str, before: Recent, kept: Recent) -> None:
        """Takes out what was taken out of `DECIDING`; what another task has added since stays."""
        from google.api_core.exceptions import PreconditionFailed

        view = self._get(name)
        found = parse(view.view_query)
        try:
            self._write(view, kept.with_times(found.times - before.times))
        except PreconditionFailed:
            log.debug("another task has written a view", name=name)

    def _get(self, name: str) -> bigquery.Table:
        return self._client.get_table(f"{self._dataset}.{name}")

    def _write(self, view: bigquery.Table, recent: Recent) -> None:
        """A new query drops the descriptions of the columns, so they follow.

        Raises:
            PreconditionFailed: somebody has written the view since it was read.
        """
        from google.api_core.exceptions import PreconditionFailed

        view.view_query = query_for_bigquery(view.table_id, self._dataset, recent)
        written = self._client.update_table(view, ["view_query", "labels"])
        schema = described(written.schema, columns(RECENT[view.table_id]))
        if schema != written.schema:
            written.schema = schema
            with suppress(PreconditionFailed):  # another task has written the view meanwhile, and describes it
                self._client.update_table(written, ["schema"])


def _is_claimed(deciding: bigquery.Table) -> bool:
    began = deciding.labels.get(_CLAIM, "")
    return began.isdecimal() and time.time() - int(began) < _CLAIM_SECONDS
