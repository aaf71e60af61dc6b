"""From the pages of one list to rows: each page as a whole or, where one object is malformed, object by object."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, NamedTuple

import msgspec

from job.collect.budget import Budget
from job.collect.deadlines import Deadline
from job.collect.failures import ContinueTokenExpired, ReadFailure
from job.collect.page_items import has_more_items, has_too_many_elements
from job.kinds import KINDS, Kind
from job.kinds.kind import METADATA_LIST
from job.kinds.objects import PartialObjectMetadata, WholeObject
from job.kinds.parts.metadata import controller_of
from job.kinds.parts.owners import Controllers
from job.kinds.parts.places import Place
from job.kinds.parts.scope import Scope
from job.printable import printable
from job.spool import Segment
from job.wire import meta
from job.wire.decoders import decoder
from job.wire.surrogates import has_lone_surrogate, raw_page

_MAX_NAMED_OBJECTS = 100  # unreadable ones, in one row of `collections`
_LARGE_PAGE_BYTES = 8 << 20  # of a page that is decoded object by object, or the smallest objects would take 250 MB
_LARGE_PAGE_OBJECTS = 10_000  # of a page whose rows are made at once
_SLICE_OBJECTS = 500  # of such a page, after which another cluster has its turn
_PAUSE_SECONDS = 0.0005  # in which another thread takes the lock; Python's locks are not fair
_LARGE_OBJECT_BYTES = 16 << 20  # of an object whose rows are measured
_MAX_ROW_BYTES = 32 << 20  # of JSON: no object that etcd holds becomes a larger row, and no warehouse takes 100 MB
_MAX_NAME_LENGTH = 2 * 253 + 1  # https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
_ITEMS: set[type[Any]] = {
    PartialObjectMetadata,
    WholeObject,
    *(one.item for kind in KINDS for one in (kind, *kind.earlier)),
}
_PAGES = {item: decoder(meta.Page[item]) for item in _ITEMS}  # type: ignore[valid-type]
_OBJECTS = {item: decoder(item) for item in _ITEMS}
_NAMED = decoder(meta.Named)
_encode = msgspec.json.Encoder().encode
_ONE_PAGE = threading.Lock()
"""Held while a page becomes rows. Python runs one thread at a time anyway, and this way one page's objects take memory
at a time. Nobody holds it for longer than a page of ordinary size takes."""
_NO_DEADLINE = Deadline(math.inf, "", "")


_UID_BYTES, _PLACE_BYTES = 80, 200  # of an entry in a set or dictionary, about


class _RowTooLargeError(Exception):
    """No sink would take the row."""


class OutOfOrder(ContinueTokenExpired):
    """An object follows one that sorts after it: only its UID can say whether it came before."""


class ObjectCounts(NamedTuple):
    """The objects of a list, in the columns of `collections`."""

    objects: int = 0
    unreadable: tuple[str, ...] = ()
    unreadable_objects: int = 0


NO_OBJECTS = ObjectCounts()


class RowBuilder:
    """Makes rows in one attempt at one list.

    No object becomes two rows, even where an inconsistent list has it on two pages. A list comes in the order of
    etcd's keys, so the builder remembers only the key before. A list that breaks the order is read again with all its
    UIDs in memory.
    """

    def __init__(
        self,
        kind: Kind,
        scope: Scope,
        segment: Segment,
        *,
        is_ordered: bool = True,
        budget: Budget | None = None,
        deadline: Deadline = _NO_DEADLINE,
    ) -> None:
        self.segment = segment
        self._kind, self._scope = kind, scope
        self._budget, self._deadline = budget or Budget(), deadline
        self._last_key, self._last_uid = "", ""
        self._uids: set[int] | None = None if is_ordered else set()
        self._objects = 0
        self._repeated = 0
        self._unreadable_objects = 0
        self._unreadable: list[str] = []
        self._has_too_large = False
        self.controllers = Controllers()
        """What controls each object, for kinds that may control others."""
        self.places: dict[str, Place] = {}
        """What pods on each object have in common, for nodes."""
        self._places_bytes = 0
        self._whole_list = kind.whole_list(scope) if kind.whole_list else None

    def add_page(self, body: bytes | memoryview) -> meta.ListMeta:
        """Makes rows of a page.

        Raises:
            msgspec.DecodeError: the page is not JSON; no row was made.
            msgspec.ValidationError: the page is not a list; no row was made.
            ReadFailure: the page is a list of another kind, and no row was made; or the cluster exceeds its budget, or
                the list its deadline.
            OutOfOrder: the list must be read again, with `is_ordered=False`.
        """
        self._budget.add_bytes(len(body))
        metadata = None
        if len(body) <= _LARGE_PAGE_BYTES:
            with self._turn():
                metadata = self._add_all(body)
        if metadata is None:
            metadata = self._add_each(body)
        self._budget.keep(self._kind.resource, self._kept_bytes)
        return metadata

    def add_unread(self, name: str | None) -> None:
        """Counts an object that is too large to be read."""
        self._add_unreadable(printable(name or "an object without a name", _MAX_NAME_LENGTH), is_too_large=True)

    def finish(self) -> None:
        """Makes the rows that need the whole list, once it was read to its end."""
        if self._whole_list is not None:
            with self._turn():
                self.segment.add(self._whole_list.rest())

    @property
    def counts(self) -> ObjectCounts:
        """The objects read so far."""
        return ObjectCounts(self._objects, tuple(self._unreadable), self._unreadable_objects)

    @property
    def message(self) -> str | None:
        """What is odd about the list, in a sentence."""
        if self._unreadable_objects:
            problem = "could not be decoded, or are too large" if self._has_too_large else "could not be decoded"
            return f"{self._unreadable_objects} objects {problem}: {', '.join(self._unreadable[:3])}"
        if self._repeated:
            return f"{self._repeated} objects were listed more than once; each has one row"
        return None

    @property
    def _kept_bytes(self) -> int:
        """About the bytes that stay in memory until the list or the cluster ends."""
        uids = _UID_BYTES * len(self._uids or ())
        return self.controllers.size + self._places_bytes + uids + (self._whole_list.size if self._whole_list else 0)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Inside the block, no other cluster's page becomes rows."""
        left = self._deadline.at - monotonic()
        if not _ONE_PAGE.acquire(timeout=min(max(left, 0.0), threading.TIMEOUT_MAX)):
            raise self._deadline.failure()
        began = monotonic()
        try:
            yield
        finally:
            _ONE_PAGE.release()
        now = monotonic()
        self._budget.add_seconds(now - began)
        if now >= self._deadline.at:
            raise self._deadline.failure()

    def _add_all(self, body: bytes | memoryview) -> meta.ListMeta | None:
        """Decodes the page at once, which is a third faster; None where it has to be decoded object by object."""
        try:
            page = _PAGES[self._kind.item].decode(body)
        except meta.NOT_DECODABLE:
            return None
        self._check_kind(page.kind)
        items = page.items or ()
        if len(items) > _LARGE_PAGE_OBJECTS:
            return None
        self._budget.add_objects(len(items))
        for item in items:
            self._add(item)
        return page.metadata

    def _add_each(self, body: bytes | memoryview) -> meta.ListMeta:
        """Decodes one object at a time, so that a malformed one costs no other, and a large page no other cluster."""
        page, has_lone_surrogates = raw_page(body, self._check_items)
        self._check_kind(page.kind)
        items = page.items or []
        for start in range(0, len(items), _SLICE_OBJECTS):
            part = items[start : start + _SLICE_OBJECTS]
            self._budget.add_objects(len(part))
            with self._turn():
                for position, item in enumerate(part, start):
                    self._add_raw(position, item, may_have_surrogates=has_lone_surrogates)
            time.sleep(_PAUSE_SECONDS)
        return page.metadata

    def _check_items(self, body: bytes | memoryview) -> None:
        with self._turn():
            self._budget.check_page(too_many=has_more_items(body, self._budget.limits.page_objects))

    def _add_raw(self, position: int, item: msgspec.Raw, *, may_have_surrogates: bool) -> None:
        try:
            if has_too_many_elements(item):
                raise _RowTooLargeError  # noqa: TRY301
            if may_have_surrogates and has_lone_surrogate(item):
                raise msgspec.DecodeError("a text has half of a surrogate pair")
            decoded = _OBJECTS[self._kind.item].decode(item)
            self._add(decoded, is_large=memoryview(item).nbytes > _LARGE_OBJECT_BYTES)
        except (*meta.NOT_DECODABLE, _RowTooLargeError) as error:
            is_too_large = isinstance(error, _RowTooLargeError)
            self._add_unreadable(_name_of(item) or f"page item {position}", is_too_large=is_too_large)

    def _add_unreadable(self, name: str, *, is_too_large: bool) -> None:
        self._has_too_large = self._has_too_large or is_too_large
        self._unreadable_objects += 1
        if len(self._unreadable) < _MAX_NAMED_OBJECTS:
            self._unreadable.append(name)

    def _check_kind(self, kind: str | None) -> None:
        """A proxy may mix up responses: one that can be decoded may still answer another request."""
        expected = f"{self._kind.name}List"
        also = METADATA_LIST if self._kind.metadata_only else None
        if kind not in (expected, also, None):
            raise ReadFailure("invalid", f"the response is of kind {printable(kind)}, not {expected}", http_status=200)

    def _add(self, item: Any, *, is_large: bool = False) -> None:
        metadata = item.metadata
        if self._is_repeated(metadata):
            self._repeated += 1
            return
        rows = self._kind.rows(item, self._scope)
        if is_large:
            rows = list(rows)
        if is_large and any(len(_encode(row)) > _MAX_ROW_BYTES for row in rows):
            raise _RowTooLargeError
        self._objects += 1
        self.segment.add(rows if self._whole_list is None else self._whole_list.add(item, list(rows)))
        if self._kind.controls:
            self.controllers.add(metadata.namespace, metadata.uid, controller_of(metadata))
        if self._kind.place:
            name, place = self._kind.place(item)
            self.places[name] = place
            self._places_bytes += _PLACE_BYTES + len(name)

    def _is_repeated(self, metadata: meta.ObjectMeta) -> bool:
        if self._uids is not None:
            uid = hash(metadata.uid)
            is_repeated = uid in self._uids
            self._uids.add(uid)
            return is_repeated
        key = f"{metadata.namespace}/{metadata.name}" if metadata.namespace else metadata.name
        if key <= self._last_key:
            if metadata.uid == self._last_uid:
                return True
            raise OutOfOrder(f"{key} follows {self._last_key}")
        self._last_key, self._last_uid = key, metadata.uid
        return False


def _name_of(item: msgspec.Raw) -> str | None:
    """`namespace/name` of a malformed object, where at least those can be decoded."""
    try:
        named = _NAMED.decode(item).metadata
    except meta.NOT_DECODABLE:
        return None
    if named is None or not named.name:
        return None
    return printable(f"{named.namespace}/{named.name}" if named.namespace else named.name, _MAX_NAME_LENGTH)
