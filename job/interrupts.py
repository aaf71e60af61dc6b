"""Ctrl-C ends a command within a second, whatever the main thread is doing.

Python runs the handler of a signal in the main thread, between two steps of its own code. A slow name resolution, a
library that is closing or a query in a database's C++ can keep it from there, or swallow the exception.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

_SECONDS = 0.6  # for an ending in order: queries are cancelled, folders removed


def end_within_a_second(end: Callable[[], int]) -> None:
    """Lets Ctrl-C end the process from a thread where the main thread does not end it in time.

    Args:
        end: prints why the command ends; returns the exit code.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)  # written to at once, by the handler in C
    threading.Thread(target=_watch, args=(reader, end), name="interrupts", daemon=True).start()
    show = sys.unraisablehook

    def hide_interrupts(unraisable: Any) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            show(unraisable)

    sys.unraisablehook = hide_interrupts


def _watch(reader: int, end: Callable[[], int]) -> None:
    while signal.SIGINT not in os.read(reader, 64):
        pass
    time.sleep(_SECONDS)
    os._exit(end())
