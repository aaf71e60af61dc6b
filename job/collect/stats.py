"""What reading one list has taken so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic

from job.collect.deadlines import Deadline


@dataclass
class ReadStats:
    """What a list has taken so far, and when its time is up."""

    deadline: Deadline
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: float = field(default_factory=monotonic)
    http_status: int | None = None
    resource_version: str | None = None
    pages: int = 0
    bytes: int = 0
    requests: int = 0
    retries: int = 0
    restarts: int = 0
    waited_seconds: float = 0.0

    @property
    def duration_seconds(self) -> float:
        return round(monotonic() - self.clock, 3)
