"""What a kind is: where its objects are listed, how they are decoded, and the rows that they become."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from job.kinds.parts.places import Place
from job.kinds.parts.scope import Scope
from job.tables import Record

METADATA_LIST = "PartialObjectMetadataList"
"""The kind of a list that has the metadata of its objects alone."""


class WholeList(Protocol):
    """What the rows of a list need besides each object."""

    @property
    def size(self) -> int:
        """About the bytes of memory that it takes."""

    def add(self, item: Any, rows: list[Record]) -> Iterable[Record]:
        """The rows of an object that can be made already.

        Args:
            rows: those that `Kind.rows` made.
        """

    def rest(self) -> Iterable[Record]:
        """The other rows, once the list was read to its end."""


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
    """Its rows need what is kept of other kinds, so those lists are read first."""
    place: Callable[[Any], tuple[str, Place]] | None = None
    """What is kept of each of its objects for the pods on it, by name."""
    whole_list: Callable[[Scope], WholeList] | None = None
    """What makes rows that need the whole list: anew for each attempt at it."""
    metadata_only: bool = False
    """The server is asked for the metadata of its objects alone. Its struct decodes nothing else."""
    field_selector: str | None = None
    """Which of its objects are listed: `type=Warning`. None for all."""
    default: bool = True
    """Whether it is collected where the configuration does not name it."""
    permission: str | None = None
    """IAM's word for its objects where that is not their plural: `thirdPartyObjects` for those of custom resources."""
    optional: bool = False
    """Served only where it is installed, as custom resources are. Where it is not, there are no objects."""
    earlier: tuple[Kind, ...] = ()
    """The same kind in versions that servers have which do not serve this one: the newest first."""
    object_kind: str | None = None
    """As in an object's `kind`, for the kinds that `objects` chooses, whose objects share one struct."""

    @property
    def name(self) -> str:
        """As in an object's `kind`: `Pod`, `CronJob`."""
        return self.object_kind or self.item.__name__

    @property
    def accept(self) -> str | None:
        """The form to ask a server for; None for the usual one.

        https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches
        """
        return f"application/json;as={METADATA_LIST};g=meta.k8s.io;v=v1" if self.metadata_only else None

    def is_on(self, configured: Mapping[str, bool]) -> bool:
        """Whether it is collected.

        Args:
            configured: the setting `kinds`.
        """
        return configured.get(self.resource, self.default)

    @property
    def api_version(self) -> str:
        """As in an object's `apiVersion`: `v1`, `apps/v1`."""
        return self.path.rpartition("/")[0].removeprefix("/apis/").removeprefix("/api/")

    @property
    def plural(self) -> str:
        """Its plural name in the API, without its group."""
        return self.path.rpartition("/")[2]

    @property
    def group(self) -> str:
        """The API group: `apps`; empty for the core group."""
        return self.api_version.rpartition("/")[0]
