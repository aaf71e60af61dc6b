"""Log events with fields: one JSON object a line for Cloud Logging, aligned text on a terminal; always on stderr.

As a library this program logs warnings alone, and leaves the host's own logging as it is.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping
from typing import Any

import structlog

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

# The fields of an entry that Cloud Logging lifts out: https://cloud.google.com/logging/docs/structured-logging
_LABELS = "logging.googleapis.com/labels"
_TRACE = "logging.googleapis.com/trace"
# An environment variable, as https://www.w3.org/TR/trace-context/#traceparent-header has the header
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


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


def context_of(environment: Mapping[str, str]) -> dict[str, object]:
    """What every line tells of the process: labels named as the columns of `runs` are, and its trace, where known."""
    labels = {
        label: environment[variable]
        for label, variable in (
            ("job", "CLOUD_RUN_JOB"),
            ("run_id", "CLOUD_RUN_EXECUTION"),
            ("task_index", "CLOUD_RUN_TASK_INDEX"),
            ("attempt", "CLOUD_RUN_TASK_ATTEMPT"),
            ("build", "GKE_INVENTORY_BUILD"),
        )
        if environment.get(variable)
    }
    context: dict[str, object] = {_LABELS: labels} if labels else {}
    trace, project = _TRACEPARENT.fullmatch(environment.get("TRACEPARENT", "")), environment.get("GOOGLE_CLOUD_PROJECT")
    if trace and project:
        context[_TRACE] = f"projects/{project}/traces/{trace[1]}"
    return context


def _render(logger: Any, method: str, event: structlog.typing.EventDict) -> str:
    if _LEVELS[method] < _Settings.level:
        raise structlog.DropEvent
    event["level"] = method
    if _Settings.as_text:
        return str(_console(logger, method, _clock(logger, method, event)))
    event = _stamp(logger, method, event)
    first = {"severity": event.pop("level").upper(), "time": event.pop("timestamp"), "message": event.pop("event")}
    return str(_json(logger, method, {**first, **event, **context_of(os.environ)}))


_clock = structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
_stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
_console = structlog.dev.ConsoleRenderer(colors=True)
_json = structlog.processors.JSONRenderer()

log: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(_Stderr(), processors=[_render])
