"""The objects of one simulated cluster, in all versions that continue tokens can refer to."""

from __future__ import annotations

import gc
from bisect import bisect_right, insort
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from job.simulator.events import in_other_group
from job.simulator.fleet import Cluster
from job.simulator.objects import objects_of
from job.simulator.resources import BY_NAME, Resource


class Item(NamedTuple):
    """An object, already encoded."""

    key: str
    """`namespace/name`, or the name of a cluster-scoped object; the sort key of etcd."""
    namespace: str
    name: str
    body: bytes
    metadata: bytes
    labels: dict[str, str]
    fields: dict[str, str]
    """Of an Event, fields that it may be selected by."""


class Page(NamedTuple):
    """One page of a list."""

    items: list[Item]
    version: int
    after: str | None
    """The key after which the next page starts; None at the end."""
    remaining: int


class GoneError(Exception):
    """The version of the token was compacted."""


class Store:
    """Keeps the objects of a cluster. It makes them on first use, so that a large fleet starts fast."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._loaded: dict[str, list[Item]] | None = None
        self._past: dict[int, dict[str, list[Item]]] = {}
        self.version = 100_000

    @property
    def _now(self) -> dict[str, list[Item]]:
        if self._loaded is None:
            gc.disable()  # none of it is garbage, and collection would double the time
            self._loaded = {
                resource: sorted((_item(resource, item) for item in found), key=lambda item: item.key)
                for resource, found in objects_of(self._cluster).items()
            }
            self.version += sum(len(items) for items in self._loaded.values())  # no object is newer than a list of it
            self._past[self.version] = self._loaded
            gc.freeze()
            gc.enable()
        return self._loaded

    def page(
        self,
        resource: str,
        namespace: str | None,
        limit: int | None,
        *,
        version: int | None = None,
        after: str = "",
        matches: Callable[[Item], bool] | None = None,
    ) -> Page:
        """Objects of one kind at `version`, from the first key after `after`.

        Raises:
            GoneError: the version was compacted.
        """
        now = self._now
        if version is not None and version not in self._past:
            raise GoneError
        at = self.version if version is None else version
        found = (now if version is None else self._past[version]).get(resource, [])
        if namespace is not None:
            found = [item for item in found if item.namespace == namespace]
        if matches is not None:
            found = [item for item in found if matches(item)]
        start = bisect_right(found, after, key=lambda item: item.key) if after else 0
        end = len(found) if not limit else min(start + limit, len(found))
        items = found[start:end]
        return Page(items, at, items[-1].key if end < len(found) else None, len(found) - end)

    def get(self, resource: str, namespace: str | None, name: str) -> Item | None:
        """One object."""
        key = f"{namespace}/{name}" if namespace else name
        return next((item for item in self._now.get(resource, []) if item.key == key), None)

    def at(self, resource: str, key: str, version: int) -> Item | None:
        """The object with that key in that version."""
        return next((item for item in self._past[version].get(resource, []) if item.key == key), None)

    def create(self, resource: str, item: dict[str, Any]) -> None:
        """Adds an object; lists that already started do not show it."""
        changed = [*self._now.get(resource, [])]
        item["metadata"].setdefault("resourceVersion", str(self.version + 1))
        insort(changed, _item(resource, item), key=lambda found: found.key)
        self._change(resource, changed)

    def delete(self, resource: str, key: str) -> bool:
        """Deletes an object; lists that already started still show it. Returns False if there is none."""
        found = self._now.get(resource, [])
        kept = [item for item in found if item.key != key]
        if len(kept) == len(found):
            return False
        self._change(resource, kept)
        return True

    def compact(self) -> None:
        """Drops all versions except the newest."""
        self._past = {self.version: self._now}

    def everything(self) -> dict[str, list[msgspec.Raw]]:
        """All current objects, encoded, by resource."""
        return {resource: [msgspec.Raw(item.body) for item in found] for resource, found in self._now.items()}

    def _change(self, resource: str, items: list[Item]) -> None:
        self._loaded = {**self._now, resource: items}
        self.version += 1
        self._past[self.version] = self._loaded


def described(resource: Resource, item: Item, *, metadata_only: bool = False) -> bytes:
    """The object as GET returns it: with the kind and apiVersion that items of lists lack."""
    kind, version = resource.kind, resource.api_version
    if metadata_only:
        kind, version = "PartialObjectMetadata", "meta.k8s.io/v1"
    elif resource.custom:
        return item.body
    body = item.metadata if metadata_only else in_version(resource, item)
    return b'{"kind":"%s","apiVersion":"%s",%s' % (kind.encode(), version.encode(), body[1:])


def in_version(resource: Resource, item: Item) -> bytes:
    """The object as an item of a list, in the requested version: autoscalers and Events are served in two."""
    if resource.api_version == "events.k8s.io/v1":
        return msgspec.json.encode(in_other_group(msgspec.json.decode(item.body)))
    if resource.api_version != "autoscaling/v1":
        return item.body
    whole = msgspec.json.decode(item.body)
    old = ("scaleTargetRef", "minReplicas", "maxReplicas")
    spec = {key: value for key, value in whole["spec"].items() if key in old}
    counts = {key: whole.get("status", {}).get(key, 0) for key in ("currentReplicas", "desiredReplicas")}
    return msgspec.json.encode({"metadata": whole["metadata"], "spec": spec, "status": counts})


def _item(resource: str, item: dict[str, Any]) -> Item:
    metadata = item["metadata"]
    namespace, name = metadata.get("namespace", ""), metadata["name"]
    return Item(
        key=f"{namespace}/{name}" if namespace else name,
        namespace=namespace,
        name=name,
        body=_stored(BY_NAME[resource], item) if BY_NAME[resource].custom else msgspec.json.encode(item),
        metadata=msgspec.json.encode({"metadata": metadata}),
        labels=metadata.get("labels") or {},
        fields={name: item[name] for name in ("type", "reason")} if resource == "events" else {},
    )


def _stored(resource: Resource, item: dict[str, Any]) -> bytes:
    """A custom resource as stored: with its kind, and with sorted members."""
    whole = {"apiVersion": resource.api_version, "kind": resource.kind, **item}
    return msgspec.json.encode(whole, order="sorted")
