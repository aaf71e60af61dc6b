"""What the rows of a cluster depend on besides the object itself."""

from __future__ import annotations

from typing import NamedTuple

from job.kinds.parts.owners import Owners


class Scope(NamedTuple):
    """An argument of every rows function, so that each stays pure."""

    owners: Owners
    annotations: tuple[str, ...] = ()
    """Patterns of the annotation keys that are kept."""
