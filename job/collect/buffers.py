"""Memory for large bodies: a few at a time, and reused."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, LifoQueue

_LARGE_BODIES = 2  # of one API server at a time: bodies that are not rows yet take memory
_MAX_REUSED_BYTES = 32 << 20  # of a buffer that is kept, which spares the kernel the work for fresh memory


class BodyBuffers:
    """The buffers of one API server. The one given back last is used again first."""

    def __init__(self, number: int = _LARGE_BODIES) -> None:
        self._free: LifoQueue[bytearray] = LifoQueue()
        for _ in range(number):
            self._free.put(bytearray())

    @contextmanager
    def borrow(self, timeout_seconds: float) -> Iterator[bytearray]:
        """Lends a buffer to the block. Where the block fails, its memory is not reused: an error may refer to it.

        Raises:
            queue.Empty: none was free in time.
        """
        buffer = self._free.get(timeout=max(timeout_seconds, 0.0))
        reused = bytearray()
        try:
            yield buffer
            reused = buffer if len(buffer) <= _MAX_REUSED_BYTES else reused
        finally:
            self._free.put(reused)


HUGE_BYTES = 8 << 20  # 500 objects of 16 kB
_HUGE_BODIES = threading.BoundedSemaphore(1)


@contextmanager
def huge_body(timeout_seconds: float) -> Iterator[None]:
    """Inside the block, no other body of any API server is larger than `HUGE_BYTES`.

    Raises:
        queue.Empty: another one was for all of the time.
    """
    if not _HUGE_BODIES.acquire(timeout=max(timeout_seconds, 0.0)):
        raise Empty
    try:
        yield
    finally:
        _HUGE_BODIES.release()
