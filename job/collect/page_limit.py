"""How many objects to request in one page: fewer after a page that was too large or too slow."""

from __future__ import annotations

_MIN_FALL = 1 / 16  # of the limit, where nothing arrived: each try takes `request_seconds`


class PageLimit:
    """The `limit` of the next request of one list.

    After a page that failed it is half as large, or smaller where even fewer objects arrived. A page may be slow for
    reasons that pass, so the limit then doubles with each page that is read, but only to half of what failed last: a
    second failure would cost as much as the first. After a page that was too large it stays, unless one object alone
    was the cause: without it, the rest of the list need not be read one object at a time.
    """

    def __init__(self, limit: int) -> None:
        self.value = self._first = limit
        self._max = limit

    def lower(self, arrived: int, *, is_too_large: bool = False) -> bool:
        """Lowers the limit of a page that failed, at most to 1. Returns whether it could.

        >>> limit = PageLimit(500)
        >>> limit.lower(arrived=400), limit.value, limit.lower(arrived=100), limit.value
        (True, 250, True, 75)

        Args:
            arrived: objects of the page that arrived before it failed.
        """
        if self.value == 1:
            return False
        self._max = self.value // 2
        self.value = min(max(arrived * 3 // 4, int(self.value * _MIN_FALL), 1), self._max)
        if is_too_large:
            self._max = self.value
        return True

    def object_skipped(self) -> None:
        """The object that was too large is behind us: the limit may grow again.

        >>> limit = PageLimit(4)
        >>> while limit.lower(arrived=0, is_too_large=True): pass
        >>> limit.object_skipped(); limit.page_read(); limit.page_read(); limit.value
        2
        """
        self._max = max(self._first // 2, 1)

    def page_read(self) -> None:
        """A page of this limit was read."""
        self.value = min(self.value * 2, self._max)
