"""A request sent ahead: its response waits until its turn comes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from time import monotonic

from job.collect.http_reader import OpenResponse


class Prefetch:
    """A request on its way, in a daemon thread of its own."""

    def __init__(self, open_response: Callable[[], OpenResponse]) -> None:
        self.sent_at = monotonic()
        self._future: Future[OpenResponse] = Future()
        threading.Thread(target=self._run, args=(open_response,), daemon=True).start()

    def response(self) -> OpenResponse:
        """Waits for the headers; raises what sending raised."""
        return self._future.result()

    def discard(self) -> None:
        """Closes the response, now or when it arrives."""
        self._future.add_done_callback(lambda done: None if done.exception() else done.result().close())

    def _run(self, open_response: Callable[[], OpenResponse]) -> None:
        try:
            self._future.set_result(open_response())
        except BaseException as error:  # noqa: BLE001 (raised again where the response is used)
            self._future.set_exception(error)
