"""The pages of one list on their way to rows: each whole, or object by object, so that one bad object costs one."""

from __future__ import annotations

import threading
from typing import Any

import msgspec

from job.collect.failures import ContinueTokenExpired, ReadFailure, printable
from job.kinds import KINDS, Kind
from job.kinds.parts.metadata import controller_of
from job.kinds.parts.owners import Controllers
from job.kinds.parts.scope import Scope
from job.spool import Segment
from job.wire import meta

_MOST_NAMED = 100  # unreadable objects named in one collection
_LARGE = 16 << 20  # bytes of a page, or of an object, from which on its rows are measured
_LARGEST_ROW = 32 << 20  # bytes of JSON: no object that etcd holds becomes one, and no warehouse takes one of 100 MB
_LONGEST_NAME = 2 * 253 + 1  # characters: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
# Decoders are made when the module is: msgspec crashes when threads are the first to use a class, at the same time.
_PAGES = {kind.resource: msgspec.json.Decoder(meta.Page[kind.item]) for kind in KINDS}  # type: ignore[name-defined]
_OBJECTS = {kind.resource: msgspec.json.Decoder(kind.item) for kind in KINDS}
_NAMED = msgspec.json.Decoder(meta.Named)
_encode = msgspec.json.Encoder().encode
_TURN = threading.Lock()
"""Whose page is made into rows. Python does that for one at a time anyway, but would hold those of all."""


class _TooLargeError(Exception):
    """A row that no sink would take."""


class OutOfOrder(ContinueTokenExpired):
    """An object comes after one that should stand behind it: whether it came before, only its UID can tell."""


class RowBuilder:
    """One attempt at one list.

    No object becomes two rows, though an inconsistent list may have it on two pages. Lists come in the order of etcd's
    keys, so that as a rule the key of the object before is all that has to be remembered; only a list that breaks the
    order has to be read again with all its UIDs in mind.
    """

    def __init__(self, kind: Kind, scope: Scope, segment: Segment, *, ordered: bool = True) -> None:
        self.segment = segment
        self._kind, self._scope = kind, scope
        self._last, self._last_uid = "", ""
        self._seen: set[int] | None = None if ordered else set()
        self._objects = 0
        self._repeated = 0
        self._unreadable_objects = 0
        self._unreadable: list[str] = []
        self._has_too_large = False
        self.controllers = Controllers()
        """What controls each object, for kinds that may control others."""

    def take(self, body: bytes | memoryview) -> meta.ListMeta:
        """Makes rows of a page.

        Raises:
            msgspec.DecodeError: it is not JSON, and no row was made.
            msgspec.ValidationError: it is not a list, and no row was made.
            ReadFailure: it is a list of something else, and no row was made.
            OutOfOrder: the list has to be read again, with `ordered=False`.
        """
        with _TURN:
            return self._take_apart(body) if len(body) > _LARGE else self._take_whole(body)

    def _take_whole(self, body: bytes | memoryview) -> meta.ListMeta:
        try:
            page = _PAGES[self._kind.resource].decode(body)
        except meta.NOT_DECODABLE:
            return self._take_apart(body)
        self._check_kind(page.kind)
        for item in page.items or ():
            self._take(item)
        return page.metadata

    def _take_apart(self, body: bytes | memoryview) -> meta.ListMeta:
        """The same, one object at a time."""
        page, decode = meta.RAW_PAGE.decode(body), _OBJECTS[self._kind.resource].decode
        self._check_kind(page.kind)
        for position, item in enumerate(page.items or ()):
            try:
                self._take(decode(item), is_large=memoryview(item).nbytes > _LARGE)
            except (*meta.NOT_DECODABLE, _TooLargeError) as error:
                self._has_too_large = self._has_too_large or isinstance(error, _TooLargeError)
                self._unreadable_objects += 1
                if len(self._unreadable) < _MOST_NAMED:
                    self._unreadable.append(_name_of(item) or f"page item {position}")
        return page.metadata

    def told(self) -> dict[str, Any]:
        """What `collections` says of the list's objects."""
        message = None
        if self._unreadable_objects:
            what = "could not be decoded, or are too large" if self._has_too_large else "could not be decoded"
            message = f"{self._unreadable_objects} objects {what}: {', '.join(self._unreadable[:3])}"
        elif self._repeated:
            message = f"{self._repeated} objects were listed more than once, and are there once"
        return {
            "outcome": "partial" if self._unreadable_objects else "ok",
            "message": message,
            "objects": self._objects,
            "unreadable": tuple(self._unreadable),
            "unreadable_objects": self._unreadable_objects,
        }

    def _check_kind(self, told: str | None) -> None:
        """Not every answer that can be decoded is one to this request: proxies mix them up."""
        wanted = f"{self._kind.name}List"
        if told not in (wanted, None):
            raise ReadFailure("invalid", f"the answer is of kind {printable(told)}, not {wanted}", http_status=200)

    def _take(self, item: Any, *, is_large: bool = False) -> None:
        metadata = item.metadata
        if self._is_repeated(metadata):
            self._repeated += 1
            return
        rows = self._kind.rows(item, self._scope)
        if is_large:
            rows = list(rows)
            if any(len(_encode(row)) > _LARGEST_ROW for row in rows):
                raise _TooLargeError
        self._objects += 1
        self.segment.add(rows)
        if self._kind.controls:
            self.controllers.add(metadata.uid, controller_of(metadata))

    def _is_repeated(self, metadata: meta.ObjectMeta) -> bool:
        if self._seen is not None:
            uid = hash(metadata.uid)
            is_repeated = uid in self._seen
            self._seen.add(uid)
            return is_repeated
        key = f"{metadata.namespace}/{metadata.name}" if metadata.namespace else metadata.name
        if key <= self._last:
            if metadata.uid == self._last_uid:
                return True
            raise OutOfOrder(f"{key} comes after {self._last}")
        self._last, self._last_uid = key, metadata.uid
        return False


def _name_of(item: msgspec.Raw) -> str | None:
    """`namespace/name` of an object that cannot be decoded, where at least that can."""
    try:
        named = _NAMED.decode(item).metadata
    except meta.NOT_DECODABLE:
        return None
    if named is None or not named.name:
        return None
    return printable(f"{named.namespace}/{named.name}" if named.namespace else named.name, _LONGEST_NAME)
