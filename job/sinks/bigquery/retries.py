"""How long to wait before a request or a load job is retried."""

from __future__ import annotations

import random

from job.signals import Stop

MAX_ATTEMPTS = 7
"""A minute, with the waits between them."""
_LONGEST_WAIT = 32.0  # seconds


def back_off(stop: Stop, failures: int) -> None:
    """Waits 1 s after the first failure, and twice as long after each further one, up to 32 s.

    BigQuery's SLA asks for it (https://cloud.google.com/bigquery/sla, "Back-off Requirements"). The waits of
    `google.api_core.retry` start at 0, and do not end when a stop is asked for.

    Raises:
        Interrupted: the stop was asked for, and no time is left.
    """
    stop.pause(min(2.0 ** (failures - 1), _LONGEST_WAIT) * random.uniform(1.0, 1.25))  # noqa: S311
