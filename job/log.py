"""Log events with fields: one JSON object a line for Cloud Logging, aligned text on a terminal; always on stderr.

As a library this program logs warnings alone, and leaves the host's own logging as it is.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import structlog

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class _Settings:
    level = logging.WARNING
    as_text = False


class _Stderr:
    """Writes to whatever `sys.stderr` is at that moment."""

    def msg(self, message: str) -> None:
        sys.stderr.write(message + "\n")
        sys.stderr.flush()

    debug = info = warning = error = msg


def configure_logging(*, verbose: bool = False, quiet: bool = False) -> None:
    """Sets what is logged, and its form: text where stderr is a terminal, JSON lines elsewhere."""
    _Settings.level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    _Settings.as_text = sys.stderr.isatty() and "CLOUD_RUN_JOB" not in os.environ


def _render(logger: Any, method: str, event: structlog.typing.EventDict) -> str:
    if _LEVELS[method] < _Settings.level:
        raise structlog.DropEvent
    event["level"] = method
    if _Settings.as_text:
        return str(_console(logger, method, _clock(logger, method, event)))
    event = _stamp(logger, method, event)
    # the fields that Cloud Logging lifts out: https://cloud.google.com/logging/docs/structured-logging
    first = {"severity": event.pop("level").upper(), "time": event.pop("timestamp"), "message": event.pop("event")}
    return str(_json(logger, method, {**first, **event}))


_clock = structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
_stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
_console = structlog.dev.ConsoleRenderer(colors=True)
_json = structlog.processors.JSONRenderer()

log: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(_Stderr(), processors=[_render])
