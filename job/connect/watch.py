"""The end of what trickles in.

A socket's own timeout begins anew with every byte: a server that sends one a second would hold a thread for ever.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

_MOMENT = 0.2  # seconds


class _Watch:
    """One thread looks after all that is read: a timer for each request costs more than the request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: dict[Callable[[], None], float] = {}
        self._is_running = False

    @contextlib.contextmanager
    def over(self, cut: Callable[[], None], seconds: float) -> Iterator[None]:
        """Calls `cut`, which shuts a connection down, where the block takes longer than so many seconds, give or take a
        moment. What is read from then on may be anything."""
        with self._lock:
            self._ends[cut] = time.monotonic() + seconds
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, name="watch", daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                self._ends.pop(cut, None)

    def _run(self) -> None:
        while True:
            time.sleep(_MOMENT)
            with self._lock:
                late = [cut for cut, end in self._ends.items() if time.monotonic() >= end]
                for cut in late:
                    del self._ends[cut]
                    with contextlib.suppress(Exception):  # it has just ended by itself; others are still looked after
                        cut()
                if not self._ends:
                    self._is_running = False
                    return


WATCH = _Watch()
