"""Faults of the simulated BigQuery, told over its control route."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

KINDS = {
    "status": "answers with `code` and `reason`",
    "job_fails": "accepts the job, and fails it with backendError after it has run",
    "answer_lost": "accepts and runs the job, then cuts the connection before the answer",
    "cut_upload": "cuts the connection before the upload is accepted",
    "delay": "waits `seconds` before it answers",
}


@dataclass
class Fault:
    """Something that goes wrong."""

    kind: str
    method: str = "*"
    path: str = "*"
    """Glob on the path."""
    table: str = "*"
    """Glob on the table that a load job writes to."""
    times: int | None = 1
    code: int = 503
    reason: str = "backendError"
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault {self.kind!r}; there are: {', '.join(KINDS)}")


class Faults:
    """All that are in force."""

    def __init__(self) -> None:
        self.all: list[Fault] = []

    def take(self, kinds: tuple[str, ...], *, method: str, path: str, table: str = "") -> Fault | None:
        """The first that applies now; one that has a number of times has then one less."""
        for fault in self.all:
            suits = (
                fnmatchcase(method, fault.method) and fnmatchcase(path, fault.path) and fnmatchcase(table, fault.table)
            )
            if fault.kind in kinds and suits and fault.times != 0:
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None
