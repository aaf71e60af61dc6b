"""What the GKE API says of a cluster, read beside the lists of its API server, which it neither delays nor needs."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any, NamedTuple, Protocol

from job.collect.deadlines import Deadline
from job.collect.failures import Cause, stopped
from job.tables import Record
from job.wire import gke

_POLL_SECONDS = 0.1


class Reading(Protocol):
    """The rows, and the columns of `collections` about them."""

    @property
    def rows(self) -> list[Record]: ...
    @property
    def columns(self) -> dict[str, Any]: ...


class UpgradeInfoSource(Protocol):
    """Reads the upgrade info of clusters (`job/discover/upgrade_info.py`)."""

    def is_due(self, cluster: gke.Cluster) -> bool: ...
    def read(self, project_id: str, cluster: gke.Cluster, until: float) -> Reading | None: ...


class Ended(NamedTuple):
    """What became of it."""

    reading: Reading | None = None
    """None if the time was up before everything was read, as after an error."""
    error: BaseException | None = None
    """What the function raised."""
    cause: Cause | None = None
    """Why it was not waited for."""


class Beside:
    """Calls a function in a thread of its own. The thread is a daemon: nobody waits for one that never ends."""

    def __init__(self, function: Callable[[], Reading | None]) -> None:
        self._ended: queue.SimpleQueue[Ended] = queue.SimpleQueue()

        def work() -> None:
            try:
                self._ended.put(Ended(function()))
            except BaseException as error:  # noqa: BLE001 (it is the result)
                self._ended.put(Ended(error=error))

        threading.Thread(target=work, name="upgrade-info", daemon=True).start()

    def wait(self, deadline: Deadline, stop: threading.Event) -> Ended:
        """What the function returned or raised; after a stop or the deadline only if that is known already."""
        while True:
            is_late, is_stopped = monotonic() >= deadline.at, stop.is_set()
            try:
                ended = self._ended.get(timeout=0.0 if is_late or is_stopped else _POLL_SECONDS)
            except queue.Empty:
                if not is_late and not is_stopped:
                    continue
                ended = Ended()
            if ended.reading is not None or ended.error is not None:
                return ended
            return Ended(cause=(stopped() if is_stopped else deadline.failure()).cause)
