"""Which task of which run this process is, by the environment variables of Cloud Run jobs."""

from __future__ import annotations

import hashlib
import os
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from job.errors import ConfigError


@dataclass(frozen=True)
class Task:
    """One task of a run; most runs have just one."""

    run_id: str
    snapshot_time: datetime
    index: int = 0
    count: int = 1
    attempt: int = 0
    part: int = 0
    """Which commit of the task this process makes: after a stop, a retry makes the next one."""
    clock_ahead: timedelta = timedelta(0)
    """By how much this machine's clock is ahead of the sink's. `snapshot_time` is by the sink's."""
    is_named: bool = False
    """The environment names the run, so other processes may be, or may have been, attempts of the same task."""

    def by_the_sinks_clock(self, time: datetime) -> datetime:
        """A time of this machine's clock as rows have it: one in the future would hide the rows of later runs."""
        return time - self.clock_ahead

    @property
    def day(self) -> datetime:
        """When the day began on which the run did, in UTC."""
        return self.snapshot_time.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

    def snapshot_id(self, *name: str) -> str:
        """The id of the snapshot of one cluster, or without a name of the task itself.

        The same throughout a part, and different for every other cluster, task, attempt, part and process.

        Args:
            name: project, location and cluster.
        """
        numbers = (str(self.index), str(self.attempt), *((str(self.part),) if self.part else ()))
        parts = (self.run_id, *numbers, self.snapshot_time.isoformat(), *name)
        text = "\0".join(parts)
        return hashlib.sha256(text.encode()).hexdigest()[:24]


def new_run_id(now: datetime) -> str:
    """An id for a run that the environment does not name; a valid BigQuery label."""
    return f"run-{now:%Y%m%dt%H%M%Sz}-{uuid.uuid4().hex[:8]}"


def current_task(now: datetime) -> Task:
    """The task in the environment: https://cloud.google.com/run/docs/container-contract#jobs-env-vars

    Raises:
        ConfigError: the variables contradict one another.
    """
    execution = os.environ.get("CLOUD_RUN_EXECUTION")
    index, count = _number("CLOUD_RUN_TASK_INDEX", 0), _number("CLOUD_RUN_TASK_COUNT", 1)
    if index >= count:
        raise ConfigError(
            f"CLOUD_RUN_TASK_INDEX is {index}, but CLOUD_RUN_TASK_COUNT is {count}: the index counts from 0"
        )
    if count > 1 and not execution:
        raise ConfigError(
            f"CLOUD_RUN_TASK_COUNT is {count}, but CLOUD_RUN_EXECUTION is not set: "
            "set it to the same id for all tasks of the run"
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
