"""The clock of the simulated BigQuery; a test can move it forward."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """The system clock plus an offset."""

    def __init__(self) -> None:
        self.ahead = 0.0
        """Offset in seconds."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + self.ahead

    def utc(self) -> datetime:
        """The current time as a datetime in UTC."""
        return datetime.fromtimestamp(self.now(), UTC)

    def milliseconds(self) -> str:
        """Milliseconds since 1970, as the API writes them."""
        return str(int(self.now() * 1000))
