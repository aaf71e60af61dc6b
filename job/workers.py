"""A pool of daemon threads."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_unordered(function: Callable[[Item], Result], items: Iterable[Item], max_workers: int) -> Iterator[Result]:
    """Calls the function with each item, in up to `max_workers` threads; yields results as they come.

    Raises what the function raises. The threads are daemons: an interrupted run does not wait for a server that never
    answers.
    """
    waiting: queue.SimpleQueue[Item] = queue.SimpleQueue()
    results: queue.SimpleQueue[Result | _Error] = queue.SimpleQueue()
    count = 0
    for item in items:
        waiting.put(item)
        count += 1

    def work() -> None:
        while True:
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                results.put(function(item))
            except BaseException as error:  # noqa: BLE001 (raised again in the caller's thread)
                results.put(_Error(error))

    for index in range(min(max_workers, count)):
        threading.Thread(target=work, name=f"worker-{index}", daemon=True).start()
    for _ in range(count):
        result = results.get()
        if isinstance(result, _Error):
            raise result.error
        yield result


class _Error:
    def __init__(self, error: BaseException) -> None:
        self.error = error
