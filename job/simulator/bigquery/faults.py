"""The faults that the simulated BigQuery can play, set over its control API."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

KINDS = {
    "status": "answers with `code` and `reason`, without any effect",
    "delay": "waits `seconds` before answering",
    "slow_job": "accepts the job, keeps it in `state` (RUNNING or PENDING) for `seconds`, and then runs it",
    "job_fails": "accepts and runs the job, rolls it back, and fails it with `reason`",
    "answer_lost": "accepts and runs the job, and disconnects before answering",
    "answer_lost_early": "accepts the job and disconnects; the job stays RUNNING for `seconds` and then runs",
    "cut_upload": "reads half of the upload and disconnects, without creating a job",
}


@dataclass
class Fault:
    """A fault in force."""

    kind: str
    method: str = "*"
    path: str = "*"
    """Glob on the path."""
    table: str = "*"
    """Glob on the id of a job's destination table."""
    times: int | None = 1
    """Number of requests that it applies to; None means all."""
    code: int = 503
    reason: str = "backendError"
    message: str = "injected by the simulator"
    seconds: float = 1.0
    state: str = "RUNNING"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; choose one of: {', '.join(KINDS)}")
        if self.state not in ("RUNNING", "PENDING"):
            raise ValueError(f"invalid state {self.state!r}: a job that is not done is RUNNING or PENDING")


class Faults:
    """All faults in force."""

    def __init__(self) -> None:
        self.all: list[Fault] = []

    def take(self, *kinds: str, method: str, path: str, table: str | None = None) -> Fault | None:
        """The first fault that applies to this request; counts down its `times`.

        Args:
            table: the destination table; None if there is none, or if it is not known yet.
        """
        for fault in self.all:
            matches = fnmatchcase(method, fault.method) and fnmatchcase(path, fault.path)
            matches = matches and (fault.table == "*" or (table is not None and fnmatchcase(table, fault.table)))
            if fault.kind in kinds and matches and fault.times != 0:
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None
