"""A pool of daemon threads."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


Answer = TypeVar("Answer")


def map_unordered(items: Iterable[Item], work: Callable[[Item], Answer], workers: int) -> Iterator[Answer]:
    """Does the work on each item, so many at a time; yields answers as they come, and raises what a worker raised.

    The threads are daemons: a run that is interrupted does not wait for a server that never answers.
    """
    waiting: queue.SimpleQueue[Item] = queue.SimpleQueue()
    answers: queue.SimpleQueue[Answer | _Failure] = queue.SimpleQueue()
    count = 0
    for item in items:
        waiting.put(item)
        count += 1

    def serve() -> None:
        while True:
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                answers.put(work(item))
            except BaseException as error:  # noqa: BLE001 (raised again below, where the run can end in order)
                answers.put(_Failure(error))

    for index in range(min(workers, count)):
        threading.Thread(target=serve, name=f"worker-{index}", daemon=True).start()
    for _ in range(count):
        answer = answers.get()
        if isinstance(answer, _Failure):
            raise answer.error
        yield answer


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error
