"""The views of recent rows: each commit adds its time to them, and a later one takes out what no view needs any more.

The view of `raw_runs` decides what counts: an attempt whose time it lacks is in no view of the present. So a time is
added to it last, and taken out of it first; at every moment, each other view reads at least as much. A view is written
only if it is as it was read (by its ETag), so that of two tasks that write at once the slower one reads again. Of tasks
of a run that end together one writes for all: BigQuery allows 5 updates of a view in 10 seconds
(https://cloud.google.com/bigquery/quotas#standard_tables).

A time that was never added, since its task was killed just after its commit, is shown by the window of the last hours,
and added by the task's retry, or by the next run.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
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
_WORTH_ASKING = 2  # times before the window
_LONGEST_PAUSE = 2.0  # seconds


class RecentViews:
    """Those of one dataset."""

    def __init__(self, client: BoundedClient, dataset: str, wait: Callable[[float], object]) -> None:
        """Args:
        wait: for so many seconds, or until the run is stopped.
        """
        self._client, self._dataset, self._wait = client, dataset, wait

    def add(
        self,
        times: Iterable[datetime],
        also: Callable[[frozenset[datetime]], Iterable[datetime]],
        *,
        alone: bool,
    ) -> None:
        """Makes the views read the rows of these times, however old they are.

        Args:
            also: which other times of committed rows belong to those that the views have: of tasks of the run that have
                committed meanwhile, so that one of them writes for all, and of tasks that were killed before they did.
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
            if found.times is None or wanted <= found.times:
                return
            try:
                if not _is_claimed(deciding):
                    if not alone:
                        deciding = self._claim(deciding)
                        deciding.labels = {**deciding.labels, _CLAIM: None}
                    wanted |= frozenset(also(found.times))
                    self._add_to_others(found.times | wanted)
                    self._write(deciding, found.with_times(wanted))
                    return
            except PreconditionFailed:
                log.debug("another task has written a view", name=DECIDING)
            if races == _MAX_RACES:
                raise SinkError(f"other tasks have kept writing {self._dataset}.{DECIDING}")
            self._wait(random.uniform(0.5, _LONGEST_PAUSE))  # noqa: S311

    def _claim(self, deciding: bigquery.Table) -> bigquery.Table:
        """Says that this task is about to write all views: others wait, and may find their own times written.

        Raises:
            PreconditionFailed: another task was faster.
        """
        deciding.labels = {**deciding.labels, _CLAIM: str(int(time.time()))}
        return self._client.update_table(deciding, ["labels"])

    def forget(self, needed: Callable[[], Iterable[datetime]], now: datetime) -> None:
        """Takes out the times that no view needs, once there are some that the window does not have anyway.

        Leaves it to another task, if one writes at the same time.

        Args:
            needed: asks for the times that views need.

        Raises:
            GoogleAPICallError, GaveUpError: BigQuery refuses it, or cannot be reached.
        """
        from google.api_core.exceptions import PreconditionFailed

        deciding = self._get(DECIDING)
        found = parse(deciding.view_query)
        if _is_claimed(deciding):
            return
        if (
            found.times is not None
            and sum(not _is_in_window(moment, found, now) for moment in found.times) < _WORTH_ASKING
        ):
            return
        kept = frozenset(needed())
        if found.times is not None and kept >= found.times:
            return
        try:
            self._write(deciding, found._replace(times=kept))
        except PreconditionFailed:
            return
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(lambda name: self._take_from(name, found, kept), OTHERS))
        written = parse(self._get(DECIDING).view_query).times
        if written is not None:
            self._add_to_others(written)  # what a task added meanwhile, which saw an `OTHERS` that still had all rows

    def _add_to_others(self, times: frozenset[datetime]) -> None:
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(lambda name: self._add_to(name, times), OTHERS))

    def _add_to(self, name: str, times: frozenset[datetime]) -> None:
        from google.api_core.exceptions import PreconditionFailed

        for races in count(1):
            view = self._get(name)
            found = parse(view.view_query)
            if found.times is None or times <= found.times:
                return
            try:
                self._write(view, found.with_times(times))
            except PreconditionFailed:
                if races == _MAX_RACES:
                    raise
                self._wait(random.uniform(0, _LONGEST_PAUSE))  # noqa: S311
            else:
                return

    def _take_from(self, name: str, before: Recent, kept: frozenset[datetime]) -> None:
        """Takes out what was taken out of `DECIDING`; what another task has added since stays."""
        from google.api_core.exceptions import PreconditionFailed

        view = self._get(name)
        found = parse(view.view_query)
        added = frozenset() if found.times is None or before.times is None else found.times - before.times
        try:
            self._write(view, found._replace(times=kept | added))
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


def _is_in_window(moment: datetime, recent: Recent, now: datetime) -> bool:
    return recent.window_hours is not None and moment > now - timedelta(hours=recent.window_hours)
