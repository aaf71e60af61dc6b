"""Log events with fields: one JSON object a line for Cloud Logging, aligned text on a terminal; always on stderr."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import structlog

log: structlog.typing.FilteringBoundLogger = structlog.get_logger("gke-inventory")

# https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#LogSeverity
_SEVERITY = {"debug": "DEBUG", "info": "INFO", "warning": "WARNING", "error": "ERROR", "critical": "CRITICAL"}


def configure_logging(*, verbose: bool = False, quiet: bool = False) -> None:
    """Sends events to stderr: text where that is a terminal, JSON lines elsewhere."""
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    as_text = sys.stderr.isatty() and "CLOUD_RUN_JOB" not in os.environ
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S" if as_text else "iso", utc=not as_text),
            structlog.processors.format_exc_info,
            *(
                [structlog.dev.ConsoleRenderer(colors=True)]
                if as_text
                else [_cloud, structlog.processors.JSONRenderer()]
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _cloud(logger: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:  # noqa: ARG001
    """The fields that Cloud Logging lifts out: https://cloud.google.com/logging/docs/structured-logging"""
    severity = _SEVERITY.get(event.pop("level", "info"), "DEFAULT")
    return {"severity": severity, "time": event.pop("timestamp", None), "message": event.pop("event"), **event}
