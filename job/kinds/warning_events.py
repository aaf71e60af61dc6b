"""Events of the type Warning (`v1`), folded by object, reason and component.

The same Events are served as `events.k8s.io/v1`. In `v1`, those written there have an `eventTime` and a `series` in
place of `firstTimestamp`, `lastTimestamp` and `count`. Messages are not decoded: programs write commands and the output
of probes into them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.scope import Scope
from job.wire.meta import Int32, PlainMeta, Time, Wire, check_years


class ObjectReference(Wire, frozen=True):
    kind: str | None = None
    api_version: str | None = None
    namespace: str | None = None
    name: str | None = None
    uid: str | None = None


class EventSource(Wire, frozen=True):
    component: str | None = None


class EventSeries(Wire, frozen=True):
    count: Int32 | None = None
    last_observed_time: Time | None = None

    def __post_init__(self) -> None:
        check_years(self.last_observed_time)


class Event(Wire, frozen=True):
    metadata: PlainMeta
    involved_object: ObjectReference | None = None
    reason: str | None = None
    reporting_component: str | None = None
    source: EventSource | None = None
    count: Int32 | None = None
    first_timestamp: Time | None = None
    last_timestamp: Time | None = None
    event_time: Time | None = None
    series: EventSeries | None = None

    def __post_init__(self) -> None:
        check_years(self.first_timestamp, self.last_timestamp, self.event_time)


class _Seen(NamedTuple):
    """How often, and between which times."""

    times: int
    first: datetime | None
    last: datetime | None

    def with_others(self, other: _Seen) -> _Seen:
        return _Seen(
            self.times + other.times,
            min((each for each in (self.first, other.first) if each), default=None),
            max((each for each in (self.last, other.last) if each), default=None),
        )


def seen(event: Event) -> _Seen:
    """What one Event says of itself.

    https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/

    >>> found = seen(Event(PlainMeta("e", "1"), count=3))
    >>> found.times, found.first
    (3, None)
    """
    first = event.first_timestamp or event.event_time or event.metadata.creation_timestamp
    last = event.last_timestamp or first
    if event.series is not None:
        return _Seen(max(event.series.count or 1, 1), first, event.series.last_observed_time or last)
    return _Seen(max(event.count or 1, 1), first, last)


class Folded:
    """The Events of one cluster in one attempt at their list."""

    def __init__(self, _: Scope) -> None:
        self._seen: dict[tuple[str | None, ...], _Seen] = {}
        self.size = 0
        """About the bytes of memory that it takes."""

    def add(self, item: Any, _: list[tables.Record]) -> Iterable[tables.Record]:
        event: Event = item
        of, source = event.involved_object or ObjectReference(), event.source or EventSource()
        component = event.reporting_component or source.component
        key = tuple(
            each or None for each in (of.namespace, of.kind, of.api_version, of.name, of.uid, event.reason, component)
        )
        found = seen(event)
        if key in self._seen:
            found = self._seen[key].with_others(found)
        else:
            self.size += _ENTRY_BYTES + sum(len(each or "") for each in key)
        self._seen[key] = found
        return ()

    def rest(self) -> Iterator[tables.Record]:
        for (namespace, kind, api_version, name, uid, reason, component), found in self._seen.items():
            yield tables.WarningEvent(
                namespace=namespace,
                object_kind=kind,
                object_api_version=api_version,
                object_name=name,
                object_uid=uid,
                reason=reason,
                component=component,
                count=found.times,
                first_seen_at=found.first,
                last_seen_at=found.last,
            )


_ENTRY_BYTES = 900  # of the texts, the tuples and the times, without their characters


def _no_rows(_: Event, __: Scope) -> Iterable[tables.Record]:
    """All of its rows need the whole list."""
    return ()


KIND = Kind(
    "events",
    "/api/v1/events",
    Event,
    _no_rows,
    whole_list=Folded,
    field_selector="type=Warning",
    default=False,  # thousands of objects in a cluster in trouble, of which the API server keeps an hour
)
