"""A project as Resource Manager lists it."""

from __future__ import annotations

from typing import NamedTuple


class FoundProject(NamedTuple):
    """A project that was found in a folder or organization."""

    project_id: str
    number: str
    labels: dict[str, str]
    ancestors: tuple[str, ...] = ()
    """`organizations/NUMBER` and `folders/NUMBER`, from where the walk began down to its parent."""
