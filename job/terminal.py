"""What a stream shows: whether a person reads it, and whether escape sequences reach a terminal that knows them."""

from __future__ import annotations

import os
from typing import Any


def is_terminal(stream: Any) -> bool:
    """Whether a person reads the stream. In Cloud Run nobody does."""
    return stream is not None and stream.isatty() and "CLOUD_RUN_JOB" not in os.environ


def takes_escapes(stream: Any) -> bool:
    """Whether it is a terminal that may be sent colours, and on which a line can be drawn again.

    https://no-color.org
    """
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") in ("dumb", "unknown")
    return is_terminal(stream) and not is_plain
