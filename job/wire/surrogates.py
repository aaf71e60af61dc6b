"""Pages with half of a surrogate pair in a text (`"\\ud800"`), which is no character.

JSON's grammar allows it, and msgspec refuses the whole page. Here it costs only the object that has it.
"""

from __future__ import annotations

import re

import msgspec

from job.wire.meta import RAW_PAGE, Page

_MARK = rb"\uFdd0"  # a code point that is no character either, in a spelling that no server writes
_MARKED = "\ufdd0"
# every escape is matched, so that the backslash of an escaped one opens none
_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def raw_page(body: bytes | memoryview) -> tuple[Page[msgspec.Raw], bool]:
    """The page without its objects decoded, and whether some of them have lone surrogates: see `has_lone_surrogate`.

    Raises:
        msgspec.DecodeError: the page is not JSON.
        msgspec.ValidationError: the page is not a list.
    """
    try:
        return RAW_PAGE.decode(body), False
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        marked, count = _ESCAPES.subn(lambda found: _MARK if found[1] else found[0], body)
        if not count or marked == body:
            raise
        page = RAW_PAGE.decode(marked)
        if _MARKED in f"{page.metadata.continue_}{page.metadata.resource_version}{page.kind}":
            raise
        return page, True


def has_lone_surrogate(item: msgspec.Raw) -> bool:
    """Whether an object of such a page has one."""
    return _MARK in bytes(item)
