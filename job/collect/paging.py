"""One LIST, page by page: each is asked for while the one before is taken in, so that nobody waits for anybody."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import msgspec

from job.collect.api_reader import ApiReader, Sent
from job.collect.failures import ContinueTokenExpired, ReadFailure
from job.collect.stats import ReadStats
from job.wire import meta

MOST_RESTARTS = 5  # of one list
_HEAD_BYTES = 4096  # API servers write a list's metadata before its items


def read_list(
    server: ApiReader, path: str, limit: int, take: Callable[[memoryview], meta.ListMeta], tally: ReadStats
) -> None:
    """Reads the pages of one list, all of one resource version.

    `resourceVersion` is left unset: with 0 the server would answer from a cache that may be stale, and ignore the limit
    (https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks).

    Args:
        limit: objects a page.
        take: takes a page in.

    Raises:
        ReadFailure: the list cannot be read to its end.
        ContinueTokenExpired: it has to be started again.
    """
    token: str | None = None
    tokens: set[str] = set()
    with closing(_Pages(server, path, limit, take, tally)) as pages:
        while True:
            try:
                told = pages.read(token)
            except msgspec.ValidationError as error:
                raise ReadFailure("invalid", f"the answer is not a list: {error}", http_status=200) from error
            tally.pages += 1
            if tally.resource_version is not None and told.resource_version != tally.resource_version:
                raise ContinueTokenExpired("a later page is of another resource version")
            tally.resource_version = told.resource_version
            token = told.continue_
            if not token:
                _check_whole(told)
                return
            if token in tokens:  # a server that does this would be read for ever
                raise ReadFailure(
                    "invalid", "the server gives the same continue token again and again", http_status=200
                )
            tokens.add(token)


def _check_whole(told: meta.ListMeta) -> None:
    if told.remaining_item_count is not None and told.remaining_item_count > 0:
        count = told.remaining_item_count
        raise ReadFailure(
            "invalid", f"the server tells of {count} more objects, but not how to read them", http_status=200
        )


class _Pages:
    """The pages of one list, of which one may be on its way before it is wanted."""

    def __init__(
        self, server: ApiReader, path: str, limit: int, take: Callable[[memoryview], meta.ListMeta], tally: ReadStats
    ) -> None:
        self._server, self._path, self._limit, self._take, self._tally = server, path, limit, take, tally
        self._token: str | None = None
        self._ahead: Sent | None = None
        """The page with this token."""

    def read(self, token: str | None) -> meta.ListMeta:
        """Reads the page with this token, and asks for the next."""
        if token != self._token:
            self.close()
        sent, self._ahead = self._ahead, None
        try:
            return self._server.get(self._path, self._query(token), self._ask_and_take, self._tally, sent)
        except BaseException:
            if sent is not None:  # nobody may have waited for it
                sent.drop()
            raise

    def _ask_and_take(self, body: memoryview) -> meta.ListMeta:
        if following := _following(body):
            self._token, self._ahead = following, self._server.send(self._path, self._query(following), self._tally)
        try:
            told = self._take(body)
        except BaseException:
            self.close()  # it has a turn, which another try for this page may need
            raise
        if following and told.continue_ != following:
            raise ReadFailure("invalid", "the answer tells two continue tokens", http_status=200)
        return told

    def _query(self, token: str | None) -> list[tuple[str, Any]]:
        return [("limit", self._limit), *([("continue", token)] if token else [])]

    def close(self) -> None:
        """Lets go of what is on its way."""
        if self._ahead is not None:
            self._ahead.drop()
            self._ahead = None


def _following(body: memoryview) -> str | None:
    """The continue token, as far as the beginning of a page tells it."""
    head, items, _ = bytes(body[:_HEAD_BYTES]).partition(b'"items":[')
    try:
        return meta.RAW_PAGE.decode(head + b'"items":[]}').metadata.continue_ if items else None
    except meta.NOT_DECODABLE:  # they come first, or it is another list's
        return None
