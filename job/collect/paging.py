"""One LIST, page by page. The next page is requested while the current one becomes rows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import msgspec

from job.collect.api_reader import ApiReader
from job.collect.deadlines import Deadline
from job.collect.failures import ContinueTokenExpired, ReadFailure
from job.collect.http_reader import Request
from job.collect.prefetch import Prefetch
from job.collect.stats import ReadStats
from job.wire import meta

_HEAD_BYTES = 4096  # API servers write the metadata of a list before its items

AddPage = Callable[[memoryview], meta.ListMeta]
"""Makes rows of a page, and returns its metadata."""


def read_list(
    reader: ApiReader, path: str, page_limit: int, add_page: AddPage, deadline: Deadline, stats: ReadStats
) -> None:
    """Reads all pages of one list, all of one resource version.

    `resourceVersion` is left unset: with 0 the server would answer from a cache that may be stale, and ignore the limit
    (https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks).

    Args:
        page_limit: objects a page.

    Raises:
        ReadFailure: the list cannot be read to its end.
        ContinueTokenExpired: the list must be read again from its first page.
    """
    token: str | None = None
    seen: set[str] = set()
    with closing(_Pages(reader, path, page_limit, add_page, deadline, stats)) as pages:
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
            if token in seen:  # reading such a list would never end
                raise ReadFailure("invalid", "the server repeats a continue token", http_status=200)
            seen.add(token)


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
        page_limit: int,
        add_page: AddPage,
        deadline: Deadline,
        stats: ReadStats,
    ) -> None:
        self._reader, self._path, self._page_limit, self._add_page = reader, path, page_limit, add_page
        self._deadline, self._stats = deadline, stats
        self._next_token: str | None = None
        self._next: Prefetch | None = None
        """The page with this token."""

    def read(self, token: str | None) -> meta.ListMeta:
        """Reads the page with this token, and requests the next."""
        if token != self._next_token:
            self.close()
        prefetch, self._next = self._next, None
        try:
            return self._reader.get(self._request(token), self._add_page_and_request_next, prefetch)
        except BaseException:
            if prefetch is not None:
                prefetch.discard()
            raise

    def _add_page_and_request_next(self, body: memoryview) -> meta.ListMeta:
        if token := continue_token(body):
            self._next_token, self._next = token, self._reader.prefetch(self._request(token))
        try:
            metadata = self._add_page(body)
        except BaseException:
            self.close()  # it holds a slot, which a retry of this page may need
            raise
        if token and metadata.continue_ != token:
            raise ReadFailure("invalid", "the response has two continue tokens", http_status=200)
        return metadata

    def _request(self, token: str | None) -> Request:
        query: list[tuple[str, Any]] = [("limit", self._page_limit)]
        if token:
            query.append(("continue", token))
        return Request(self._path, query, self._deadline, self._stats)

    def close(self) -> None:
        """Discards the page that is on its way."""
        if self._next is not None:
            self._next.discard()
            self._next = None


def continue_token(body: memoryview) -> str | None:
    """The continue token, where the first bytes of a page already have it."""
    head, items, _ = bytes(body[:_HEAD_BYTES]).partition(b'"items":[')
    try:
        return meta.RAW_PAGE.decode(head + b'"items":[]}').metadata.continue_ if items else None
    except meta.NOT_DECODABLE:  # the items come first, or it is not a list
        return None
