"""From a pod to its topmost controller, along the references of the objects that were read."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from job.normalize.metadata import controller_of
from job.wire.meta import ObjectMeta, OwnerReference

_LONGEST_CHAIN = 10  # Deployment chains have two links; more than ten are a circle


class Top(msgspec.Struct, frozen=True, gc=False):
    """The topmost controller, and how it is known (`workload_resolution` of `pods`)."""

    kind: str
    api_version: str
    name: str
    uid: str
    resolution: str


class Owners:
    """Who controls whom in one cluster, as far as the lists of controllers have been read.

    Holds one entry for each controller of the cluster (not for pods): about 200 bytes each.
    """

    def __init__(self) -> None:
        self._controller: dict[str, OwnerReference | None] = {}
        self._collected: set[str] = set()
        self._read: set[str] = set()
        self._last = _NOBODY

    def expect(self, kind: str) -> None:
        """Objects of this kind are collected, whether or not the attempt succeeds."""
        self._collected.add(kind)

    def add(self, kind: str, controllers: Mapping[str, OwnerReference | None]) -> None:
        """The kind's list was read to the end: UID of each object in it -> what controls the object."""
        self._last = _NOBODY
        self._read.add(kind)
        self._controller.update(controllers)

    def top(self, metadata: ObjectMeta) -> Top:
        """The topmost controller of a pod."""
        owner = controller_of(metadata)
        if owner is None:
            return Top("Pod", "v1", metadata.name, metadata.uid, "uncontrolled")
        known, top = self._last  # the pods of one controller come one after another
        if known != owner:
            top = self._above(owner)
            self._last = owner, top
        return top

    def _above(self, owner: OwnerReference) -> Top:
        for _ in range(_LONGEST_CHAIN):
            if owner.uid not in self._controller:
                return _named(owner, self._unknown(owner.kind))
            above = self._controller[owner.uid]
            if above is None:
                return _named(owner, "resolved")
            owner = above
        return _named(owner, "not_found")

    def _unknown(self, kind: str) -> str:
        if kind not in self._collected:
            return "referenced"
        return "not_found" if kind in self._read else "not_read"


_NOBODY = (OwnerReference("", "", "", ""), Top("", "", "", "", ""))


def _named(owner: OwnerReference, resolution: str) -> Top:
    return Top(owner.kind, owner.api_version, owner.name, owner.uid, resolution)
