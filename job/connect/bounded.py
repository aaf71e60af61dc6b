"""Calls that end in time, whatever they wait for: a name, a socket, a program."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, call: Callable[[], T]) -> T:
    """The result of a call, which goes on in a thread of its own, unheard, once the time is up.

    Raises:
        TimeoutError: it takes longer.
        Exception: what the call raises.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    ended = threading.Event()

    def work() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001 (raised again in the caller's thread)
            errors.append(error)
        ended.set()

    threading.Thread(target=work, name="bounded", daemon=True).start()
    if not ended.wait(seconds):
        raise TimeoutError(f"no answer within {seconds:g} s")
    if errors:
        raise errors[0]
    return results[0]
