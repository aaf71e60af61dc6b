"""Pages with half of a surrogate pair in a text (`"\\ud800"`), which is no character.

JSON's grammar allows it, and msgspec refuses the whole page. Here it costs only the object that has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from job.wire.meta import RAW_PAGE, Page

_MARK = rb"\uFdd0"  # a code point that is no character either, in a spelling that no server writes
_MARKED = "\ufdd0"
_MARKS = re.compile(re.escape(_MARK))
# An odd run of backslashes opens an escape: here of a surrogate, or of a pair of them. No part of a body is searched
# twice, whatever a server sends.
_SURROGATES = re.compile(
    rb"(?<!\\)(?:\\\\)*+\\u[dD](?:[89abAB]..\\u[dD][c-fC-F]()|[89a-fA-F])[0-9a-fA-F]{2}", re.DOTALL
)


def raw_page(
    body: bytes | memoryview, check: Callable[[bytes | memoryview], None] = lambda _: None
) -> tuple[Page[msgspec.Raw], bool]:
    """The page without its objects decoded, and whether some of them have lone surrogates: see `has_lone_surrogate`.

    A body that can be written is marked where it is: a copy would double the memory of a large one.

    Args:
        check: called with a body that is about to be decoded; it may raise.

    Raises:
        msgspec.DecodeError: the page is not JSON.
        msgspec.ValidationError: the page is not a list.
    """
    check(body)
    try:
        return RAW_PAGE.decode(body), False
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        marked = memoryview(body)
        if marked.readonly:
            marked = memoryview(bytearray(body))
        count = 0
        for found in _SURROGATES.finditer(marked):
            if found[1] is None:
                marked[found.end() - len(_MARK) : found.end()] = _MARK
                count += 1
        if not count:
            raise
        check(marked)
        page = RAW_PAGE.decode(marked)
        if _MARKED in f"{page.metadata.continue_}{page.metadata.resource_version}{page.kind}":
            raise
        return page, True


def has_lone_surrogate(item: msgspec.Raw) -> bool:
    """Whether an object of such a page has one."""
    return _MARKS.search(memoryview(item)) is not None
