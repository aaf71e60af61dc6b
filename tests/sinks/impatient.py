"""A stop that nobody asks for, in tests that wait for nothing."""

from __future__ import annotations

from typing import ClassVar

from job.signals import Stop


class Impatient(Stop):
    """Sets the clock of the retry policy forward in place of waiting, and remembers each wait."""

    skipped: ClassVar[float] = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        Impatient.skipped += seconds
