"""Resolves a pod to its topmost controller, through the owner references of the objects that were read."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from job.kinds.parts.metadata import controller_of
from job.wire.meta import ObjectMeta, OwnerReference

_HASH = (1 << 64) - 1
_SORT_CHUNK = 20_000
_KIND_BYTES = 400  # of an entry in a list and in a dictionary, about

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(tuple[int, bytes, str, str]).decode


class Top(msgspec.Struct, frozen=True, gc=False):
    """A pod's topmost controller."""

    kind: str
    api_version: str
    name: str
    uid: str
    resolution: str
    """The column `workload_resolution` of `pods` describes the values."""
    between: tuple[str, ...] = ()
    """The UIDs of the controllers between the direct one and this."""
    has_no_table: bool = False
    """It was read, by its metadata alone: nothing but its pods says what it runs."""

    @property
    def is_known_through_pods(self) -> bool:
        """Whether its row in `workloads` is made of its pods."""
        return self.has_no_table or self.resolution.startswith("referenced")


class Controllers:
    """The controller of each object of one kind. An object takes 12 bytes: a cluster may have hundreds of thousands.

    UIDs are kept as 64-bit hashes, each with its namespace: an owner in another namespace does not count
    (https://kubernetes.io/docs/concepts/overview/working-with-objects/owners-dependents/). Among a million hashes, two
    collide once in thirty million runs. References are packed, which takes a sixth of their size as objects.
    """

    def __init__(self) -> None:
        self._uids = array("Q")
        self._owners = array("I")
        self._references = bytearray()
        self._ends = array("I")
        self._kinds: list[tuple[str, str]] = []  # apiVersion and kind of the owners, which are few
        self._numbers: dict[tuple[str, str], int] = {}
        self._last: OwnerReference | None = None
        self._is_sorted = True
        self._texts = 0

    @property
    def size(self) -> int:
        """About the bytes of memory that it takes."""
        return 12 * len(self._uids) + 4 * len(self._ends) + len(self._references) + self._texts

    def add(self, namespace: str | None, uid: str, owner: OwnerReference | None) -> None:
        """Adds an object and its controller, if any. A list has the objects of one controller next to each other."""
        if owner is not None and owner != self._last:
            self._references += _pack((self._number(owner.api_version, owner.kind), *_short(owner.uid), owner.name))
            self._ends.append(len(self._references))
            self._last = owner
        self._uids.append(hash((namespace or "", uid)) & _HASH)
        self._owners.append(len(self._ends) if owner else 0)
        self._is_sorted = False

    def find(self, namespace: str | None, uid: str) -> tuple[bool, OwnerReference | None]:
        """Whether the object was added, and its controller."""
        if not self._is_sorted:
            self._sort()
        sought = hash((namespace or "", uid)) & _HASH
        place = bisect_left(self._uids, sought)
        if place == len(self._uids) or self._uids[place] != sought:
            return False, None
        number = self._owners[place]
        return True, self._reference(number) if number else None

    def _reference(self, number: int) -> OwnerReference:
        begin = self._ends[number - 2] if number > 1 else 0
        kind, short, uid, name = _unpack(memoryview(self._references)[begin : self._ends[number - 1]])
        return OwnerReference(*self._kinds[kind], name, str(UUID(bytes=short)) if short else uid)

    def _number(self, api_version: str, kind: str) -> int:
        named = api_version, kind
        if named not in self._numbers:
            self._numbers[named] = len(self._kinds)
            self._kinds.append(named)
            self._texts += _KIND_BYTES + len(api_version) + len(kind)
        return self._numbers[named]

    def _sort(self) -> None:
        uids, owners = array("Q"), array("I")
        parts = 1 + len(self._uids) // _SORT_CHUNK  # lists of numbers take many times the memory of arrays
        for part in range(parts):
            here = zip(self._uids, self._owners, strict=True)
            both = [uid << 32 | owner for uid, owner in here if uid * parts >> 64 == part]
            both.sort()
            uids.extend(each >> 32 for each in both)
            owners.extend(each & 0xFFFFFFFF for each in both)
        self._uids, self._owners = uids, owners
        self._is_sorted = True


class Owners:
    """Who controls whom in one cluster, by the lists that have been read."""

    def __init__(self) -> None:
        self._read: dict[str, Controllers] = {}
        self._collected: dict[str, str] = {}
        self._objects: dict[tuple[str, str], Controllers | None] = {}
        self._last = _NO_OWNER

    def expect(self, kind: str, group: str) -> None:
        """Declares that this kind of an API group is collected, whether or not its list can be read."""
        self._collected[kind] = group

    def add(self, kind: str, controllers: Controllers) -> None:
        """Adds a kind whose list was read to the end."""
        self._read[kind] = controllers
        self._last = _NO_OWNER

    def expect_objects(self, kind: str, group: str) -> None:
        """Declares that this kind is read by the metadata of its objects, whether or not its list can be read."""
        self._objects[kind, group] = None

    def add_objects(self, kind: str, group: str, controllers: Controllers) -> None:
        """Adds such a kind whose list was read to the end."""
        self._objects[kind, group] = controllers
        self._last = _NO_OWNER

    def top(self, metadata: ObjectMeta) -> Top:
        """The topmost controller of a pod."""
        owner = controller_of(metadata)
        if owner is None:
            return Top("Pod", "v1", metadata.name, metadata.uid, "uncontrolled")
        namespace, known, top = self._last  # pods of one controller are next to each other in their list
        if known != owner or namespace != metadata.namespace:
            top = self.above(metadata.namespace, owner)
            self._last = metadata.namespace, owner, top
        return top

    def above(self, namespace: str | None, owner: OwnerReference) -> Top:
        """The topmost controller, from a direct one of an object in this namespace."""
        first, passed = owner, [owner.uid]
        while True:
            found = self._controller(namespace, owner)
            if found is None:
                return _named(owner, self._unknown(owner), passed[1:-1])
            if found.above is None:
                return _named(owner, "resolved", passed[1:-1], has_no_table=found.has_no_table)
            if found.above.uid in passed:  # they control each other
                return _named(first, "referenced_not_found" if _of(first) in self._objects else "not_found")
            passed.append(found.above.uid)
            owner, namespace = found.above, found.namespace

    def _controller(self, namespace: str | None, owner: OwnerReference) -> _Found | None:
        named = self._read.get(owner.kind)
        for controllers in (named, *self._read.values()) if named else self._read.values():
            is_found, above = controllers.find(namespace, owner.uid)
            if is_found:
                return _Found(namespace, above)
        # a custom resource may be in no namespace
        for read in filter(None, self._objects.values()):
            for there in dict.fromkeys((namespace or "", "")):
                is_found, above = read.find(there, owner.uid)
                if is_found:
                    return _Found(there, above, has_no_table=True)
        return None

    def _unknown(self, owner: OwnerReference) -> str:
        kind, group = _of(owner)
        if (kind, group) in self._objects:
            is_read = self._objects[kind, group] is not None
            return "referenced_not_found" if is_read else "referenced_not_read"
        # custom resources have these names too: a Job of Volcano, a StatefulSet of OpenKruise
        if self._collected.get(kind) != group:
            return "referenced"
        return "not_found" if kind in self._read else "not_read"


class _Found(NamedTuple):
    """A controller that was read."""

    namespace: str | None
    above: OwnerReference | None
    """What controls it."""
    has_no_table: bool = False


def _of(owner: OwnerReference) -> tuple[str, str]:
    """Its kind and API group."""
    return owner.kind, owner.api_version.rpartition("/")[0]


def _short(uid: str) -> tuple[bytes, str]:
    """A UUID in its usual spelling as 16 bytes. Anything else as text."""
    try:
        short = UUID(uid)
    except ValueError:
        return b"", uid
    return (short.bytes, "") if str(short) == uid else (b"", uid)


_NO_OWNER: tuple[str | None, OwnerReference, Top] = ("", OwnerReference("", "", "", ""), Top("", "", "", "", ""))


def _named(owner: OwnerReference, resolution: str, between: Sequence[str] = (), *, has_no_table: bool = False) -> Top:
    return Top(owner.kind, owner.api_version, owner.name, owner.uid, resolution, tuple(between), has_no_table)
