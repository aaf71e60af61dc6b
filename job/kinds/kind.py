"""What a kind is: where its objects are listed, how they are decoded, and the rows that they become."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from job.kinds.parts.scope import Scope
from job.tables import Record


class Kind(NamedTuple):
    """A kind of Kubernetes object."""

    resource: str
    """Its plural name in the API, as in `collections.resource`: `pods`."""
    path: str
    """Lists it in all namespaces: `/api/v1/pods`."""
    item: type[Any]
    """The struct of one object, named as the API names the kind."""
    rows: Callable[[Any, Scope], Iterable[Record]]
    """The rows of one object: a pure function."""
    controls: str | None = None
    """The kind's name where its objects may control others. Their owners are kept, so that pods can be resolved."""
    waits: bool = False
    """Its rows need the owners kept from other kinds, so those lists are read first."""

    @property
    def name(self) -> str:
        """As in an object's `kind`: `Pod`, `CronJob`."""
        return self.item.__name__

    @property
    def api_version(self) -> str:
        """As in an object's `apiVersion`: `v1`, `apps/v1`."""
        return self.path.rpartition("/")[0].removeprefix("/apis/").removeprefix("/api/")
