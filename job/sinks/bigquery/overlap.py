"""Which run began last on a dataset, as labels of its table `runs` tell it, and whether it is still under way.

Labels come with requests that a run makes anyway, and a job may change those of its tables, but not of its dataset.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping

RUN = "gke_inventory_run"
_TASKS, _BEGAN = "gke_inventory_run_tasks", "gke_inventory_run_began"
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")  # https://cloud.google.com/bigquery/docs/labels-intro#requirements


def marks(run_id: str, task_count: int) -> dict[str, str]:
    """The labels of a run that begins now; none where its name cannot be one, and nobody will know of it."""
    if not _LABEL.fullmatch(run_id):
        return {}
    return {RUN: run_id, _TASKS: str(task_count), _BEGAN: str(int(time.time()))}


def under_way(
    labels: Mapping[str, str], run_id: str, patience: float, committed: Callable[[str, int], object | None]
) -> str | None:
    """The other run that the labels tell of, where it may still be at work.

    Args:
        patience: seconds after which a run that has not committed all of its tasks is taken for dead.
        committed: what a task of a run was committed with; None where it was not.
    """
    other = labels.get(RUN)
    if other is None or other == run_id or time.time() - int(labels.get(_BEGAN, 0)) > patience:
        return None
    is_over = all(committed(other, index) is not None for index in range(int(labels.get(_TASKS, 1))))
    return None if is_over else other
