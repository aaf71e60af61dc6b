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

if TYPE_CHECKING:
    from google.cloud import bigquery

_RUN = "gke_inventory_run"
_TASKS, _STARTED = "gke_inventory_run_tasks", "gke_inventory_run_began"
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")  # https://cloud.google.com/bigquery/docs/labels-intro#requirements


def labels_of(run_id: str, task_count: int) -> dict[str, str]:
    """The labels of a run that starts now. Empty if its id is not a valid label: then no other run will see it."""
    if not _LABEL.fullmatch(run_id):
        return {}
    return {_RUN: run_id, _TASKS: str(task_count), _STARTED: str(int(time.time()))}


def other_run(
    labels: Mapping[str, str], run_id: str, timeout_seconds: float, committed: Callable[[str, int], object | None]
) -> str | None:
    """The id of another run in the labels that may still be under way.

    Args:
        timeout_seconds: after which a run with uncommitted tasks is presumed dead.
        committed: the result of a task of a run; None before its commit.
    """
    other = labels.get(_RUN)
    if other is None or other == run_id or time.time() - int(labels.get(_STARTED, 0)) > timeout_seconds:
        return None
    is_over = all(committed(other, index) is not None for index in range(int(labels.get(_TASKS, 1))))
    return None if is_over else other


def agree(client: bigquery.Client, job_id: str, location: str | None, labels: Mapping[str, str], other: str) -> str:
    """The other run that the first task to ask has found, so that all tasks of a run get the same answer.

    It is kept in the labels of a query that reads nothing and costs nothing; the query's id can be used once.

    Args:
        job_id: the same for all tasks of the run.
        labels: of every job.
        other: the one that this task has found; "" for none.
    """
    from google.api_core.exceptions import Conflict
    from google.cloud.bigquery import QueryJobConfig

    label = "under_way"
    config = QueryJobConfig(labels={**labels, label: other})
    try:
        client.query("SELECT 1", job_config=config, job_id=job_id, job_retry=None, location=location)
    except Conflict:
        return str(client.get_job(job_id, location=location).labels.get(label, ""))
    return other


def mark(client: bigquery.Client, table: bigquery.Table, labels: Mapping[str, str]) -> bigquery.Table:
    """Puts the run's labels on the table, unless another task of the run has done so.

    Raises:
        PreconditionFailed: the table has changed since it was read, perhaps by a run that starts at the same time.
    """
    if table.labels.get(_RUN) == labels.get(_RUN):
        return table
    table.labels = {**table.labels, **labels}
    return client.update_table(table, ["labels"])


def unmark(client: bigquery.Client, table: bigquery.Table) -> None:
    """Takes the labels of a run that will not go on off the table, unless somebody has changed it since."""
    from google.api_core.exceptions import PreconditionFailed

    labels: dict[str, str | None] = {**table.labels, **dict.fromkeys((_RUN, _TASKS, _STARTED))}
    table.labels = labels
    with suppress(PreconditionFailed):
        client.update_table(table, ["labels"])
