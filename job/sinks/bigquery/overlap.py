"""Which run started last on a dataset, and whether it is still under way: kept in labels of its table `runs`.

Labels come with requests that a run makes anyway. A job's role lets it change those of its tables, but not of the
dataset.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from job.log import log

if TYPE_CHECKING:
    from google.cloud import bigquery

    from job.sinks.bigquery.queries import Queries

_RUN = "gke_inventory_run"
_TASKS, _STARTED = "gke_inventory_run_tasks", "gke_inventory_run_began"
_CLOCKS_DIFFER_SECONDS = 60.0
_TOLERATED_SECONDS = 300.0  # that a run may have begun in the future
_NUMBER = re.compile(r"[0-9]{1,12}")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")  # https://cloud.google.com/bigquery/docs/labels-intro#requirements


def labels_of(run_id: str, task_count: int, *, seconds_ahead: float = 0.0) -> dict[str, str]:
    """The labels of a run that starts now. Empty if its id is not a valid label: then no other run will see it.

    Args:
        seconds_ahead: of this machine's clock.
    """
    if not _LABEL.fullmatch(run_id):
        return {}
    return {_RUN: run_id, _TASKS: str(task_count), _STARTED: str(int(time.time() - seconds_ahead))}


def other_run(
    labels: Mapping[str, str], run_id: str, timeout_seconds: float, committed: Callable[[str, int], object | None]
) -> str | None:
    """The id of another run in the labels that may still be under way.

    Neither the labels, which anybody may change, nor the clock of the machine that wrote them is trusted: what is not
    a number, or a time in the future, is said, and is no run.

    Args:
        timeout_seconds: after which a run with uncommitted tasks is presumed dead.
        committed: the result of a task of a run; None before its commit.
    """
    other = labels.get(_RUN)
    if other is None or other == run_id:
        return None
    began, tasks = labels.get(_STARTED, "0"), labels.get(_TASKS, "1")
    if not (_NUMBER.fullmatch(began) and _NUMBER.fullmatch(tasks)):
        log.warning("label not understood", run_id=run_id, other=other, began=began, tasks=tasks)
        return None
    age = time.time() - int(began)
    if age < -_TOLERATED_SECONDS:
        log.warning("run from the future", run_id=run_id, other=other, seconds=round(-age))
        return None
    if age > timeout_seconds:
        return None
    is_over = all(committed(other, index) is not None for index in range(int(tasks)))
    return None if is_over else other


def agree(queries: Queries, job_id: str, other: str) -> tuple[str, float]:
    """The other run that the first task to ask has found, so that all tasks of a run get the same answer.

    It is kept in the labels of a query that reads nothing and costs nothing; the query's id can be used once.

    Args:
        job_id: the same for all tasks of the run.
        other: the one that this task has found; "" for none.

    Returns:
        That run, and by how many seconds this machine's clock is ahead of BigQuery's: 0 if that is not known, or less
        than a minute.
    """
    label = "under_way"
    job, is_ours = queries.submit("SELECT 1", job_id, labels={label: other})
    if not is_ours:
        return str(job.labels.get(label, "")), 0.0
    ahead = time.time() - job.created.timestamp() if job.created else 0.0
    if abs(ahead) < _CLOCKS_DIFFER_SECONDS:
        return other, 0.0
    log.warning("clock differs", seconds_ahead=round(ahead))
    return other, ahead


def mark(client: bigquery.Client, table: bigquery.Table, labels: Mapping[str, str]) -> bigquery.Table:
    """Puts the run's labels on the table, unless another task of the run has done so.

    Raises:
        PreconditionFailed: the table has changed since it was read, perhaps by a run that starts at the same time.
    """
    if table.labels.get(_RUN) == labels.get(_RUN):
        return table
    table.labels = {**table.labels, **labels}
    return client.update_table(table, ["labels"])


def correct(client: bigquery.Client, table: bigquery.Table, labels: Mapping[str, str]) -> None:
    """Puts the time by BigQuery's clock on the table, unless somebody has changed it since."""
    from google.api_core.exceptions import PreconditionFailed

    table.labels = {**table.labels, **labels}
    with suppress(PreconditionFailed):
        client.update_table(table, ["labels"])


def unmark(client: bigquery.Client, table: bigquery.Table) -> None:
    """Takes the labels of a run that will not go on off the table, unless somebody has changed it since."""
    from google.api_core.exceptions import PreconditionFailed

    labels: dict[str, str | None] = {**table.labels, **dict.fromkeys((_RUN, _TASKS, _STARTED))}
    table.labels = labels
    with suppress(PreconditionFailed):
        client.update_table(table, ["labels"])
