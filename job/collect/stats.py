"""What reading one list took: requests, pages, bytes, time."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any


@dataclass
class ReadStats:
    """Counters of one list, named as the columns of `collections`."""

    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    pages: int = 0
    bytes: int = 0
    received_bytes: int = 0
    requests: int = 0
    retries: int = 0
    restarts: int = 0
    waited_seconds: float = 0.0
    http_status: int | None = None
    resource_version: str | None = None

    def __post_init__(self) -> None:
        self._clock = monotonic()

    def columns(self) -> dict[str, Any]:
        """The columns of `collections` that these counters fill, with the seconds until now."""
        return asdict(self) | {
            "waited_seconds": round(self.waited_seconds, 3),
            "duration_seconds": round(monotonic() - self._clock, 3),
        }
