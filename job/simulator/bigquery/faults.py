"""Faults of the simulated BigQuery, told over its control route."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

KINDS = {
    "status": "answers with `code` and `reason`, and does nothing",
    "delay": "waits `seconds` before it answers",
    "slow_job": "accepts the job, which stays in `state`, RUNNING or PENDING, for `seconds` and then runs",
    "job_fails": "accepts and runs the job, undoes all that it did, and fails it with `reason`",
    "answer_lost": "accepts and runs the job, then cuts the connection before the answer",
    "answer_lost_early": "accepts the job and cuts the connection; the job stays RUNNING for `seconds` and then runs",
    "cut_upload": "reads half of the upload, then cuts the connection: there is no job",
}


@dataclass
class Fault:
    """Something that goes wrong."""

    kind: str
    method: str = "*"
    path: str = "*"
    """Glob on the path."""
    table: str = "*"
    """Glob on the id of the table that a job writes to."""
    times: int | None = 1
    """How often; None is always."""
    code: int = 503
    reason: str = "backendError"
    message: str = "injected by the simulator"
    seconds: float = 1.0
    state: str = "RUNNING"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault {self.kind!r}; there are: {', '.join(KINDS)}")
        if self.state not in ("RUNNING", "PENDING"):
            raise ValueError(f"no state {self.state!r}: a job that is not done is RUNNING or PENDING")


class Faults:
    """All that are in force."""

    def __init__(self) -> None:
        self.all: list[Fault] = []

    def take(self, *kinds: str, method: str, path: str, table: str | None = None) -> Fault | None:
        """The first that applies now; one that has a number of times has then one less.

        Args:
            table: None where the request writes to none, or it is not known yet.
        """
        for fault in self.all:
            suits = fnmatchcase(method, fault.method) and fnmatchcase(path, fault.path)
            suits = suits and (fault.table == "*" or (table is not None and fnmatchcase(table, fault.table)))
            if fault.kind in kinds and suits and fault.times != 0:
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None
