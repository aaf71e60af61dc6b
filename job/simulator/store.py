"""The objects of one simulated cluster, in the versions that continue tokens may still ask for."""

from __future__ import annotations

import json
from bisect import bisect_right, insort
from collections.abc import Callable
from typing import Any, NamedTuple

from job.simulator.fleet import Cluster
from job.simulator.objects import objects_of
from job.simulator.resources import BY_NAME


class Item(NamedTuple):
    """An object, encoded once."""

    key: str
    """`namespace/name`, or the name: what etcd sorts by."""
    namespace: str
    name: str
    body: bytes
    metadata: bytes
    labels: dict[str, str]


class Page(NamedTuple):
    """A part of a list."""

    items: list[Item]
    version: int
    after: str | None
    """The key to go on from; None at the end."""
    remaining: int


class GoneError(Exception):
    """The version that a token is of has been compacted away."""


class Store:
    """Made when it is first asked for something: a fleet of many clusters starts fast."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._loaded: dict[str, list[Item]] | None = None
        self._past: dict[int, dict[str, list[Item]]] = {}
        self.version = 100_000

    @property
    def _now(self) -> dict[str, list[Item]]:
        if self._loaded is None:
            self._loaded = {
                resource: sorted((_item(item) for item in found), key=lambda item: item.key)
                for resource, found in objects_of(self._cluster).items()
            }
            self._past[self.version] = self._loaded
        return self._loaded

    def page(
        self,
        resource: str,
        namespace: str | None,
        limit: int | None,
        *,
        version: int | None = None,
        after: str = "",
        suits: Callable[[Item], bool] | None = None,
    ) -> Page:
        """Objects of one kind as they were at `version`, from the first key beyond `after`.

        Raises:
            GoneError: the version is not kept any more.
        """
        now = self._now
        if version is not None and version not in self._past:
            raise GoneError
        at = self.version if version is None else version
        found = (now if version is None else self._past[version]).get(resource, [])
        if namespace is not None:
            found = [item for item in found if item.namespace == namespace]
        if suits is not None:
            found = [item for item in found if suits(item)]
        start = bisect_right(found, after, key=lambda item: item.key) if after else 0
        end = len(found) if not limit else min(start + limit, len(found))
        items = found[start:end]
        return Page(items, at, items[-1].key if end < len(found) else None, len(found) - end)

    def get(self, resource: str, namespace: str | None, name: str) -> Item | None:
        """One object."""
        key = f"{namespace}/{name}" if namespace else name
        return next((item for item in self._now.get(resource, []) if item.key == key), None)

    def at(self, resource: str, key: str, version: int) -> Item | None:
        """The object of that key in that version."""
        return next((item for item in self._past[version].get(resource, []) if item.key == key), None)

    def create(self, resource: str, item: dict[str, Any]) -> None:
        """Adds an object; lists that were begun before do not show it."""
        changed = [*self._now[resource]]
        insort(changed, _item(item), key=lambda found: found.key)
        self._change(resource, changed)

    def delete(self, resource: str, key: str) -> bool:
        """Deletes an object; lists that were begun before still show it."""
        kept = [item for item in self._now[resource] if item.key != key]
        if len(kept) == len(self._now[resource]):
            return False
        self._change(resource, kept)
        return True

    def compact(self) -> None:
        """Forgets all versions but the newest."""
        self._past = {self.version: self._now}

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """Resource -> whole objects, as they are now."""
        return {resource: [json.loads(item.body) for item in found] for resource, found in self._now.items()}

    def _change(self, resource: str, items: list[Item]) -> None:
        self._loaded = {**self._now, resource: items}
        self.version += 1
        self._past[self.version] = self._loaded


def described(resource: str, item: Item, *, metadata_only: bool = False) -> bytes:
    """An object as a GET answers it: a list's items go without kind and apiVersion."""
    found = BY_NAME[resource]
    kind, version = ("PartialObjectMetadata", "meta.k8s.io/v1") if metadata_only else (found.kind, found.api_version)
    return b'{"kind":"%s","apiVersion":"%s",%s' % (
        kind.encode(), version.encode(), (item.metadata if metadata_only else item.body)[1:],
    )  # fmt: skip


def _item(item: dict[str, Any]) -> Item:
    metadata = item["metadata"]
    namespace, name = metadata.get("namespace", ""), metadata["name"]
    return Item(
        key=f"{namespace}/{name}" if namespace else name,
        namespace=namespace,
        name=name,
        body=_encoded(item),
        metadata=_encoded({"metadata": metadata}),
        labels=metadata.get("labels", {}),
    )


def _encoded(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
