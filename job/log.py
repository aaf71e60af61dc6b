"""Log events with fields: one JSON object a line for Cloud Logging, aligned text on a terminal; always on stderr.

A program that uses this one as a library gets warnings only, and keeps its own logging configuration.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from job.printable import escaped, without_tokens
from job.terminal import is_terminal, takes_escapes

_MAX_LENGTH = 20_000  # of a field: Cloud Logging takes entries of 256 KiB
_LEVELS = logging.getLevelNamesMapping()
# The fields of an entry that Cloud Logging lifts out: https://cloud.google.com/logging/docs/structured-logging
_LABELS = "logging.googleapis.com/labels"
_TRACE = "logging.googleapis.com/trace"
# An environment variable in the format of https://www.w3.org/TR/trace-context/#traceparent-header
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


Level = Literal["debug", "info", "warning", "error"]


def configure_logging(level: Level = "info", *, colors: bool | None = None) -> None:
    """Sets the lowest level that is logged, and the format: text if stderr is a terminal, else JSON lines.

    Args:
        colors: text with or without colours, for the terminal of another process to which stderr goes.
    """
    as_text = is_terminal(sys.stderr) if colors is None else True
    colors = takes_escapes(sys.stderr) if colors is None else colors
    _processors[:] = _pipeline(level, as_text=as_text, colors=colors)


def context_of(environment: Mapping[str, str]) -> dict[str, object]:
    """The fields of every line: labels, named like the columns of `runs`, and the trace if there is one."""
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


def _pipeline(level: Level, *, as_text: bool, colors: bool = False) -> list[Processor]:
    lowest = _LEVELS[level.upper()]

    def drop_below_level(_: Any, method: str, event: EventDict) -> EventDict:
        if _LEVELS[method.upper()] < lowest:
            raise structlog.DropEvent
        return event

    def without_hostile_text(_: Any, __: str, event: EventDict) -> EventDict:
        for name, value in event.items():
            if isinstance(value, str):
                text = without_tokens(value)[:_MAX_LENGTH]
                event[name] = escaped(text) if as_text else text  # JSON escapes what it has to
        return event

    if as_text:
        clock = structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
        formatting: list[Processor] = [clock, structlog.dev.ConsoleRenderer(colors=colors)]
    else:
        stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
        formatting = [stamp, _as_cloud_logging, structlog.processors.JSONRenderer()]
    return [drop_below_level, without_hostile_text, structlog.processors.add_log_level, *formatting]


def _as_cloud_logging(_: Any, __: str, event: EventDict) -> EventDict:
    first = {"severity": event.pop("level").upper(), "time": event.pop("timestamp"), "message": event.pop("event")}
    return {**first, **event, **context_of(os.environ)}


class _Stderr:
    """Writes to the current `sys.stderr`. A log that nobody can read stops nothing."""

    def msg(self, message: str) -> None:
        with suppress(OSError, ValueError, AttributeError):  # full, closed, or without a file
            sys.stderr.write(message + "\n")
            sys.stderr.flush()

    debug = info = warning = error = msg


_processors = _pipeline("warning", as_text=False)
log: FilteringBoundLogger = structlog.wrap_logger(_Stderr(), processors=_processors)
