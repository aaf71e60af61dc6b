"""What rows of one cluster need besides the object itself."""

from __future__ import annotations

from typing import NamedTuple

from job.kinds.parts.owners import Owners


class Scope(NamedTuple):
    """Passed to every rows function, so that they stay pure."""

    owners: Owners
    annotations: tuple[str, ...] = ()
    """Patterns of the annotation keys that are kept."""
