"""Which part of which run this process is, as Cloud Run's variables tell it, here as there."""

from __future__ import annotations

import hashlib
import os
import uuid
from dataclasses import dataclass
from datetime import datetime

from job.errors import ConfigError


@dataclass(frozen=True)
class Task:
    """Which part of which run this process is."""

    run_id: str
    snapshot_time: datetime
    index: int = 0
    count: int = 1
    attempt: int = 0
    is_named: bool = False
    """Somebody else gave the run its name, so that other processes may be, or have been, the same task."""

    def snapshot_id(self, *name: str) -> str:
        """The id of the snapshot of one cluster (or, without a name, of the task itself): the same throughout this
        process, another for every other cluster, task, attempt and replay of the attempt."""
        parts = (self.run_id, str(self.index), str(self.attempt), self.snapshot_time.isoformat(), *name)
        text = "\0".join(parts)
        return hashlib.sha256(text.encode()).hexdigest()[:24]


def new_run_id(now: datetime) -> str:
    """A name for a run that nobody else has named; it can be a label."""
    return f"run-{now:%Y%m%dt%H%M%Sz}-{uuid.uuid4().hex[:8]}"


def current_task(now: datetime) -> Task:
    """The task that the environment tells of: https://cloud.google.com/run/docs/container-contract#jobs-env-vars

    Raises:
        ConfigError: the variables contradict one another.
    """
    execution = os.environ.get("CLOUD_RUN_EXECUTION")
    index, count = _number("CLOUD_RUN_TASK_INDEX", 0), _number("CLOUD_RUN_TASK_COUNT", 1)
    if index >= count:
        raise ConfigError(f"the environment has CLOUD_RUN_TASK_INDEX {index}, but CLOUD_RUN_TASK_COUNT {count}")
    if count > 1 and not execution:
        raise ConfigError(
            "the environment has several tasks (CLOUD_RUN_TASK_COUNT), but not CLOUD_RUN_EXECUTION: "
            "the tasks of one run have to name it alike"
        )
    return Task(
        run_id=execution or new_run_id(now),
        snapshot_time=now,
        is_named=bool(execution),
        index=index,
        count=count,
        attempt=_number("CLOUD_RUN_TASK_ATTEMPT", 0),
    )


def _number(variable: str, default: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not text.isdecimal():
        raise ConfigError(f"the environment variable {variable} is {text!r}, not a number")
    return int(text)
