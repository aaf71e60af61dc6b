"""When GKE may upgrade a cluster: its maintenance window, which the API has in three forms, and its exclusions."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

from job.kinds.parts.gke import enum_name
from job.tables import MaintenanceExclusion
from job.wire import gke

_DURATION = re.compile(r"(?:P(?:(\d+)D)?T)?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?", re.ASCII | re.IGNORECASE)
"""`PT4H0M0S` as of daily windows, and `14400s` as the JSON form of protocol buffers has it."""


class Window(NamedTuple):
    """The columns of `clusters` about the window; None where the cluster has none."""

    recurrence: str | None = None
    start_time: str | None = None
    seconds: int | None = None


def window_of(policy: gke.MaintenancePolicy | None) -> Window:
    """The window of a cluster.

    https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters#maintenancewindow
    """
    window = (policy and policy.window) or gke.MaintenanceWindow()
    if daily := window.daily_maintenance_window:
        return Window("FREQ=DAILY", daily.start_time or None, seconds_of(daily.duration))
    if recurring := window.recurring_window:
        first = recurring.window or gke.TimeWindow()
        is_bounded = first.start_time is not None and first.end_time is not None
        seconds = int((first.end_time - first.start_time).total_seconds()) if is_bounded else None  # type: ignore[operator]
        return Window(recurring.recurrence or None, _time_of_day(first.start_time), seconds)
    if newer := window.recurring_maintenance_window:
        start = newer.window_start_time or gke.TimeOfDay()
        return Window(
            newer.recurrence or None, f"{start.hours:02}:{start.minutes:02}", seconds_of(newer.window_duration)
        )
    return Window()


def exclusions_of(policy: gke.MaintenancePolicy | None) -> tuple[MaintenanceExclusion, ...]:
    """The exclusions of a cluster, by name. Without a scope they exclude all upgrades, which is the API's default."""
    window = (policy and policy.window) or gke.MaintenanceWindow()
    return tuple(
        MaintenanceExclusion(
            name=name,
            scope=enum_name(options.scope) or "NO_UPGRADES",
            start_at=exclusion.start_time,
            end_at=exclusion.end_time,
            until_end_of_support=enum_name(options.end_time_behavior) == "UNTIL_END_OF_SUPPORT",
        )
        for name, exclusion in sorted((window.maintenance_exclusions or {}).items())
        for options in [exclusion.maintenance_exclusion_options or gke.MaintenanceExclusionOptions()]
    )


def seconds_of(duration: str | None) -> int | None:
    """The seconds of a duration; None for any other text.

    >>> seconds_of("PT4H30M0S"), seconds_of("14400s"), seconds_of("long")
    (16200, 14400, None)
    """
    found = _DURATION.fullmatch(duration or "")
    if found is None or not any(found.groups()):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _time_of_day(time: datetime | None) -> str | None:
    return None if time is None else f"{time.astimezone(UTC):%H:%M}"
