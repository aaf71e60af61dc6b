"""What the rows of a cluster depend on besides the object itself."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from job.kinds.parts.owners import Owners
from job.kinds.parts.places import Place


class Scope(NamedTuple):
    """An argument of every rows function, so that each stays pure."""

    owners: Owners
    annotations: tuple[str, ...] = ()
    """Patterns of the annotation keys that are kept."""
    places: Mapping[str, Place] = MappingProxyType({})
    """Name of each node that was read -> what pods on it have in common."""
