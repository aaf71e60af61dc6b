"""One LIST, page by page. The next page is requested while the current one becomes rows."""

from __future__ import annotations

import re
from contextlib import closing
from typing import Any, Protocol

import msgspec

from job.collect.api_reader import ApiReader
from job.collect.deadlines import Deadline
from job.collect.failures import ContinueTokenExpired, ReadFailure
from job.collect.http_reader import HEAD_BYTES, PageTooLarge, Request
from job.collect.page_limit import PageLimit
from job.collect.prefetch import Prefetch
from job.collect.stats import ReadStats
from job.wire import meta


class PageTaker(Protocol):
    """Receives the pages of one list, such as a `RowBuilder`."""

    def add_page(self, body: memoryview) -> meta.ListMeta:
        """Makes rows of a page, and returns its metadata."""

    def add_unread(self, name: str | None) -> None:
        """Counts an object that is too large to be read; `namespace/name`, where its first bytes have it."""


def read_list(
    reader: ApiReader,
    path: str,
    limit: PageLimit,
    taker: PageTaker,
    deadline: Deadline,
    stats: ReadStats,
    accept: str | None = None,
    field_selector: str | None = None,
) -> None:
    """Reads all pages of one list, all of one resource version.

    `resourceVersion` is left unset: with 0 the server would answer from a cache that may be stale, and ignore the limit
    (https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks).

    Args:
        limit: objects a page; lowered where a page is too large or too slow. A continue token may be used with any
            limit.
        accept: the form to ask for; None for JSON.
        field_selector: which objects to ask for; None for all.

    Raises:
        ReadFailure: the list cannot be read to its end.
        ContinueTokenExpired: the list must be read again from its first page.
    """
    token: str | None = None
    seen: set[int] = set()  # hashes: a token may have 16 kB, and a list thousands of pages
    with closing(_Pages(reader, path, limit, taker, deadline, stats, accept, field_selector)) as pages:
        while True:
            try:
                metadata = pages.read(token)
            except msgspec.ValidationError as error:
                raise ReadFailure("invalid", f"the response is not a list: {error}", http_status=200) from error
            stats.pages += 1
            if stats.resource_version is not None and metadata.resource_version != stats.resource_version:
                raise ContinueTokenExpired("a later page has another resource version")
            stats.resource_version = metadata.resource_version
            token = metadata.continue_
            if not token:
                _check_complete(metadata)
                return
            if hash(token) in seen:  # reading such a list would never end
                raise ReadFailure("invalid", "the server repeats a continue token", http_status=200)
            seen.add(hash(token))


def _check_complete(metadata: meta.ListMeta) -> None:
    remaining = metadata.remaining_item_count or 0
    if remaining > 0:
        text = f"the list ends without a continue token, though {remaining} more objects remain"
        raise ReadFailure("invalid", text, http_status=200)


class _Pages:
    """The pages of one list, of which the next may be on its way."""

    def __init__(
        self,
        reader: ApiReader,
        path: str,
        limit: PageLimit,
        taker: PageTaker,
        deadline: Deadline,
        stats: ReadStats,
        accept: str | None,
        field_selector: str | None,
    ) -> None:
        self._reader, self._path, self._limit, self._taker = reader, path, limit, taker
        self._deadline, self._stats, self._accept = deadline, stats, accept
        self._selector = [("fieldSelector", field_selector)] if field_selector else []
        self._next_token: str | None = None
        self._next: Prefetch | None = None
        """The page with this token."""
        self._remaining: int | None = None
        """Objects after the page that was read last."""

    def read(self, token: str | None) -> meta.ListMeta:
        """Reads the page with this token, and requests the next."""
        if token != self._next_token:
            self.close()
        prefetch, self._next = self._next, None

        def smaller(failure: ReadFailure, arrived: int) -> Request | None:
            is_lower = self._limit.lower(arrived, is_too_large=isinstance(failure, PageTooLarge))
            return self._request(token) if is_lower else None

        try:
            return self._reader.get(self._request(token), self._add_page_and_request_next, prefetch, smaller)
        except PageTooLarge as error:
            return self._without_object(error)
        except BaseException:
            if prefetch is not None:
                prefetch.discard()
            raise

    def _add_page_and_request_next(self, body: memoryview) -> meta.ListMeta:
        self._limit.page_read()
        if token := continue_token(body):
            self._next_token, self._next = token, self._reader.prefetch(self._request(token))
        try:
            metadata = self._taker.add_page(body)
        except BaseException:
            self.close()  # it holds a slot, which a retry of this page may need
            raise
        if token and metadata.continue_ != token:
            raise ReadFailure("invalid", "the response has two continue tokens", http_status=200)
        self._remaining = metadata.remaining_item_count
        return metadata

    def _without_object(self, error: PageTooLarge) -> meta.ListMeta:
        """The metadata of a page whose one object alone is too large: it costs no other."""
        metadata = _metadata(error.head)
        # A page that is not known to be the last has a token, or it is a whole list of a server that ignores the limit.
        if metadata is None or not (metadata.continue_ or self._remaining == 1):
            raise error
        self._remaining = metadata.remaining_item_count
        self._taker.add_unread(_first_name(error.head))
        self._limit.object_skipped()
        return metadata

    def _request(self, token: str | None) -> Request:
        query: list[tuple[str, Any]] = [*self._selector, ("limit", self._limit.value)]
        if token:
            query.append(("continue", token))
        return Request(self._path, query, self._deadline, self._stats, accept=self._accept)

    def close(self) -> None:
        """Discards the page that is on its way."""
        if self._next is not None:
            self._next.discard()
            self._next = None


def continue_token(body: memoryview) -> str | None:
    """The continue token, where the first bytes of a page already have it."""
    metadata = _metadata(bytes(body[:HEAD_BYTES]))
    return metadata.continue_ if metadata else None


_FIRST_NAME = re.compile(
    rb'"items":\[\{"metadata":\{"name":"([^"\\]+)"(?:,"generateName":"[^"\\]*")?(?:,"namespace":"([^"\\]+)")?'
)
"""API servers write these first. Objects of the built-in kinds have no `kind` in a list."""


def _first_name(head: bytes) -> str | None:
    """`namespace/name` of the first object of a page."""
    found = _FIRST_NAME.search(head)
    if found is None:
        return None
    return b"/".join(part for part in reversed(found.groups()) if part).decode("utf-8", "replace")


def _metadata(head: bytes) -> meta.ListMeta | None:
    """The metadata of a list, where its first bytes already have it."""
    metadata, items, _ = head.partition(b'"items":[')
    try:
        return meta.RAW_PAGE.decode(metadata + b'"items":[]}').metadata if items else None
    except meta.NOT_DECODABLE:  # the items come first, or it is not a list
        return None
