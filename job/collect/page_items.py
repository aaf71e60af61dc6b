"""How many items a page has, and how many elements an object: counted before Python holds each of them.

90 MB of `{}` are 30 million objects, and one object of as many containers takes gigabytes.
"""

from __future__ import annotations

import msgspec

from job.collect.failures import ReadFailure
from job.wire import meta
from job.wire.decoders import decoder

_CHUNK_BYTES = 1 << 20
_MANY_ELEMENTS_BYTES, _MAX_ELEMENTS = 1 << 20, 200_000  # of one object: etcd holds 1.5 MiB, and ordinary ones 500


def has_more_items(body: bytes | memoryview, most: int) -> bool:
    """Whether a page has more items than this. One thread at a time may call it.

    Raises:
        ReadFailure: its items are not objects.
    """
    if _count(body, b",") < most:
        return False
    if _count(body, b",null") >= most:
        return True
    _counted[:] = 0, most
    try:
        _ITEMS.decode(body)
    except msgspec.ValidationError as error:
        if _counted[0] <= most:
            raise ReadFailure("invalid", "the response is not a list of objects", http_status=200) from error
    except meta.NOT_DECODABLE:
        pass  # what follows the error is never decoded
    return _counted[0] > most


def has_too_many_elements(item: msgspec.Raw) -> bool:
    """Whether each few bytes of a large object would become a Python object."""
    found = memoryview(item)
    return found.nbytes > _MANY_ELEMENTS_BYTES and _count(found, b",") > _MAX_ELEMENTS


def _count(body: bytes | memoryview, text: bytes) -> int:
    """How often a large body has a short text, without a copy of it. No body has more elements than commas, and one."""
    return sum(bytes(body[at : at + _CHUNK_BYTES]).count(text) for at in range(0, len(body), _CHUNK_BYTES))


class _Item(msgspec.Struct, frozen=True, gc=False):
    """Ends the decoding of a page that has too many of them."""

    def __post_init__(self) -> None:
        _counted[0] += 1
        if _counted[0] > _counted[1]:
            raise ValueError("too many items")


class _Items(msgspec.Struct, frozen=True, gc=False):
    items: list[_Item | None] | None = None


_ITEMS = decoder(_Items)
_counted = [0, 0]
"""Items of the page that is being decoded, and how many it may have."""
