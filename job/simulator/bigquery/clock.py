"""The time of the simulated BigQuery: the machine's, and what a test has added to it."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """A clock that can be put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0
        """Seconds."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + self.ahead

    def utc(self) -> datetime:
        """The same, as a datetime."""
        return datetime.fromtimestamp(self.now(), UTC)

    def milliseconds(self) -> str:
        """The same, as the API writes it."""
        return str(int(self.now() * 1000))
