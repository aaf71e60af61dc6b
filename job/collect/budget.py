"""What one cluster may cost a run. What exceeds it is `refused` for that cluster, and costs no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from job.collect.failures import ReadFailure

REASON = "BudgetExceeded"


class Limits(NamedTuple):
    """The budget of one cluster: several times what the largest clusters have, and what a run can bear."""

    objects: int = 10_000_000  # https://kubernetes.io/docs/setup/best-practices/cluster-large/ has 150,000 pods
    page_objects: int = 200_000
    """Of one page: without `limit`, a server sends all at once."""
    bytes: int = 256 << 30  # unpacked, with those of lists that were restarted
    kept_bytes: int = 64 << 20
    """In memory until the end of the cluster: the controllers of objects, and the places of nodes."""
    spooled_bytes: int = 1 << 62
    """Of rows, compressed."""
    row_bytes: int = 256 << 20
    """Of rows as they are loaded, besides `object_bytes` for each object."""
    object_bytes: int = 512 << 10  # annotations may have 256 KiB, in the rows of an object and of its template
    row_seconds: float = 1e9
    """Making rows, while no other cluster's page becomes rows."""


class Budget:
    """What one cluster has cost so far. Its lists share it.

    Every method raises `ReadFailure` once the budget is exceeded: then no list of the cluster can be read on.
    """

    def __init__(self, limits: Limits | None = None, *, is_spool_full: Callable[[], bool] = lambda: False) -> None:
        self.limits = limits or Limits()
        self._is_spool_full = is_spool_full
        self._objects = self._bytes = self._spooled = self._row_bytes = 0
        self._seconds = 0.0
        self._kept: dict[str, int] = {}

    def add_bytes(self, size: int) -> None:
        """A page of this size was read."""
        self._bytes += size
        if self._bytes > self.limits.bytes:
            raise _exceeded(f"its lists are larger than {self.limits.bytes >> 30} GiB")

    def add_objects(self, count: int) -> None:
        """A page, or a part of one, had so many objects."""
        self._objects += count
        if self._objects > self.limits.objects:
            raise _exceeded(f"its lists have more than {self.limits.objects:,} objects")

    def check_page(self, *, too_many: bool) -> None:
        """One page has more objects than `page_objects`, or has not."""
        if too_many:
            raise _exceeded(f"one page has more than {self.limits.page_objects:,} objects")

    def keep(self, resource: str, size: int) -> None:
        """A list keeps so many bytes in memory."""
        self._kept[resource] = size
        if sum(self._kept.values()) > self.limits.kept_bytes:
            text = f"the owners and nodes of its objects take more than {self.limits.kept_bytes >> 20} MiB of memory"
            raise _exceeded(text)

    def add_spooled(self, packed: int, size: int) -> None:
        """Rows of so many bytes were written, compressed and as they are."""
        self._spooled += packed
        self._row_bytes += size
        if self._spooled > self.limits.spooled_bytes:
            raise _exceeded(f"its rows take more than {self.limits.spooled_bytes >> 20} MiB of TMPDIR")
        if self._row_bytes > self.limits.row_bytes + self.limits.object_bytes * self._objects:
            raise _exceeded(f"its rows have more than {self.limits.object_bytes >> 10} KiB for each object")
        if self._is_spool_full():
            raise _exceeded("TMPDIR has no more room for its rows; give the job more memory, tasks or disk")

    def add_seconds(self, seconds: float) -> None:
        """So many seconds were spent on rows."""
        self._seconds += seconds
        if self._seconds > self.limits.row_seconds:
            raise _exceeded(f"its rows take more than {self.limits.row_seconds:g} s of computing")


def _exceeded(text: str) -> ReadFailure:
    return ReadFailure("refused", f"the cluster exceeds its budget: {text}", reason=REASON, http_status=200)
