"""One LIST, page by page: each is asked for while the one before is taken in, so that nobody waits for anybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from job.listing import Expired, Sent, Server, Tally, Unread
from job.wire import meta

MOST_RESTARTS = 5  # of one list
_HEAD_BYTES = 4096  # API servers write a list's metadata before its items
# Decoders are made when the module is: msgspec crashes when threads are the first to use a class, at the same time.
_HEAD = msgspec.json.Decoder(meta.Page[msgspec.Raw])


class _Ahead(NamedTuple):
    """The page after the one that is being taken in."""

    token: str
    sent: Sent


def read_list(server: Server, path: str, limit: int, take: Callable[[memoryview], meta.ListMeta], tally: Tally) -> None:
    """Reads the pages of one list, all of one resource version.

    `resourceVersion` is left unset: with 0 the server would answer from a cache that may be stale, and ignore the limit
    (https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks).

    Args:
        limit: objects a page.
        take: takes a page in.

    Raises:
        Unread: the list cannot be read to its end.
        Expired: it has to be started again.
    """
    token: str | None = None
    tokens: set[str] = set()
    ahead: _Ahead | None = None

    def query(token: str | None) -> list[tuple[str, Any]]:
        return [("limit", limit), *([("continue", token)] if token else [])]

    def ask_and_take(body: memoryview) -> meta.ListMeta:
        nonlocal ahead
        following = _following(body)
        if following and following not in tokens and (ahead is None or ahead.token != following):
            ahead = _Ahead(following, server.send(path, query(following), tally))
        return take(body)

    while True:
        sent, ahead = ahead.sent if ahead and ahead.token == token else None, None
        try:
            told = server.get(path, query(token), ask_and_take, tally, sent)
        except msgspec.ValidationError as error:
            raise Unread("invalid", f"the answer is not a list: {error}", http_status=200) from error
        tally.pages += 1
        if tally.resource_version is not None and told.resource_version != tally.resource_version:
            raise Expired("a later page is of another resource version")
        tally.resource_version = told.resource_version
        token = told.continue_
        if not token:
            return
        if token in tokens:  # a server that does this would be read for ever
            raise Unread("invalid", "the server gives the same continue token again and again", http_status=200)
        tokens.add(token)


def _following(body: memoryview) -> str | None:
    """The continue token, as far as the beginning of a page tells it."""
    head, items, _ = bytes(body[:_HEAD_BYTES]).partition(b'"items":[')
    try:
        return _HEAD.decode(head + b'"items":[]}').metadata.continue_ if items else None
    except meta.NOT_DECODABLE:  # they come first, or it is another list's
        return None
