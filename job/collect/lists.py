"""All lists of one cluster, several at a time. Whatever happens to one of them costs no other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import TypeVar

import msgspec

from job.collect.api_reader import ApiReader
from job.collect.budget import Budget
from job.collect.contact import Greeting
from job.collect.deadlines import Deadline
from job.collect.discovery import Discovery, discover
from job.collect.failures import Cause, ContinueTokenExpired, ReadFailure, report_bug, stopped
from job.collect.http_reader import Request
from job.collect.object_kinds import NOT_SERVED, OFF, chosen, gaps, is_needed, of_objects
from job.collect.page_limit import PageLimit
from job.collect.paging import read_list
from job.collect.rows import NO_OBJECTS, ObjectCounts, OutOfOrder, RowBuilder
from job.collect.scheduler import AbandonedError, Completed, WorkItem, as_completed
from job.collect.stats import ReadStats
from job.collect.throttle import MAX_CONCURRENT_REQUESTS
from job.config import Config
from job.errors import SpoolError
from job.kinds import KINDS, Kind
from job.kinds.parts.owners import Owners
from job.kinds.parts.places import Place
from job.kinds.parts.scope import Scope
from job.spool import Segment
from job.tables import OBJECTS, Key
from job.wire import discovery

T = TypeVar("T")

_MAX_RESTARTS = 5  # of one list
# Controllers first, and the kinds with the most objects: pods wait for all of them, while short lists are read.
_ORDER = [kind for kind in reversed(KINDS) if kind.controls] + [kind for kind in KINDS if not kind.controls]


@dataclass(frozen=True)
class ListResult:
    """The result of one list."""

    kind: Kind
    stats: ReadStats
    cause: Cause
    counts: ObjectCounts = NO_OBJECTS
    rows: int = 0
    """Rows kept in the spool."""


@dataclass
class ClusterReader:
    """Reads the version and the lists of one cluster's API server."""

    reader: ApiReader
    deadline: Deadline
    config: Config
    key: Key
    new_segment: Callable[[], Segment]
    stop: threading.Event
    committed: frozenset[str] = frozenset()
    """The resources whose rows are committed already."""
    budget: Budget = field(default_factory=Budget)
    known_objects: frozenset[str] = frozenset()
    """The kinds of `objects` that earlier runs asked for."""
    object_kinds: list[Kind] = field(default_factory=list)
    """Those that this run asks for, once they are known."""
    refusal: ReadFailure | None = None
    """Why the server, which answers, does not say its version."""
    _stats: dict[str, tuple[Deadline, ReadStats]] = field(default_factory=dict)
    _builders: dict[str, RowBuilder] = field(default_factory=dict)
    """Of the lists that are being read."""
    _objects: int = 0
    """Of the others."""

    @property
    def objects(self) -> int:
        """How many objects were read so far. Any thread may ask."""
        return self._objects + sum(builder.counts.objects for builder in list(self._builders.values()))

    def version(self) -> str | None:
        """The version of the API server, asked for by the first request: it shows whether the server can be reached.

        None where the server answers, but not with its version.

        Raises:
            ReadFailure: the server cannot be reached.
        """
        item = WorkItem("version", self._read_version, self.config.timeouts.cluster_seconds)
        (completed,) = as_completed([item], 1, self.deadline.at, self.stop)
        if isinstance(completed.error, AbandonedError):
            raise self._abandoned(self.deadline)
        if completed.error is not None:
            raise completed.error
        version: str | None = completed.result
        return version

    def lists(self) -> Generator[ListResult, None, None]:
        """Reads all lists; yields the result of each when it is known.

        Raises:
            SpoolError: the spool cannot be written.
        """
        enabled = [kind for kind in _ORDER if kind.is_on(self.config.kinds)]
        yield from unread_lists(OFF, [kind for kind in KINDS if kind not in enabled])
        places: dict[str, Place] = {}
        scope = Scope(Owners(), self.config.annotations, places)
        for kind in KINDS:
            if kind.controls or kind.whole_list:
                scope.owners.expect(kind.name, kind.group)
        yield from self._choose_objects()
        for kind in self.object_kinds:
            scope.owners.expect_objects(kind.name, kind.group)
        custom = [kind for kind in self.object_kinds if kind.controls]
        others = [kind for kind in self.object_kinds if not kind.controls]
        enabled = self._needed([*custom, *enabled, *others])
        waited_for = frozenset(kind.resource for kind in enabled if kind.controls or kind.place)
        items = [
            WorkItem(
                kind.resource,
                partial(self._read, kind, scope),
                self.config.timeouts.kind_seconds,
                waited_for if kind.waits else frozenset(),
            )
            for kind in enabled
        ]
        kinds = {kind.resource: kind for kind in enabled}
        with closing(as_completed(items, MAX_CONCURRENT_REQUESTS, self.deadline.at, self.stop)) as found:
            for completed in found:
                yield self._result(kinds[completed.name], completed, scope.owners, places)

    def _choose_objects(self) -> Iterator[ListResult]:
        """Asks the server for its kinds, and chooses those of `objects`; yields what is known without their lists."""
        if not self.config.objects.include:
            return
        discovered = self._discovery() if self.config.objects.is_on else (OFF, ReadStats(), OFF)
        found, stats, cause = discovered
        missing = tuple(found.missing) if isinstance(found, Discovery) else ()
        yield ListResult(of_objects(OBJECTS), stats, cause, ObjectCounts(0, missing, len(missing)))
        kinds, others = chosen(self.config.objects, found, self.known_objects)
        self.object_kinds += kinds
        for name, known in others.items():
            yield ListResult(of_objects(name), ReadStats(), known)

    def _discovery(self) -> tuple[Discovery | Cause, ReadStats, Cause]:
        """What the server serves, or why it is not known; and the row of `collections` about it."""
        placeholder, needs = of_objects(OBJECTS), partial(is_needed, self.config.objects)
        deadline, stats = self._started(placeholder)
        work = partial(discover, self.reader, deadline, stats, needs=needs)
        item = WorkItem(OBJECTS, work, self.config.timeouts.kind_seconds)
        (completed,) = as_completed([item], 1, self.deadline.at, self.stop)
        if completed.error is not None:
            cause = self._cause(placeholder, completed.error, deadline, stats)
            return cause, stats, cause
        found: Discovery = completed.result
        return found, stats, (gaps(found) or Cause("ok"))._replace(http_status=stats.http_status)

    def _needed(self, kinds: list[Kind]) -> list[Kind]:
        """The kinds to read: those that are wanted, and where one of them waits for others, those too."""
        wanted = [kind for kind in kinds if kind.resource not in self.committed]
        waits = any(kind.waits for kind in wanted)
        return [kind for kind in kinds if kind in wanted or (waits and bool(kind.controls or kind.place))]

    def _read_version(self) -> str | None:
        greeting = Greeting(self.reader, self.deadline)
        version = greeting.version()
        self.refusal = greeting.refusal
        return version

    def _started(self, kind: Kind) -> tuple[Deadline, ReadStats]:
        """The deadline and the counters of a list, which begin when they are first asked for."""
        if kind.resource not in self._stats:
            seconds = self.config.timeouts.kind_seconds
            own = Deadline(monotonic() + seconds, "KindTimeout", f"the list was not read within {seconds:g} s")
            self._stats[kind.resource] = min(own, self.deadline), ReadStats()
        return self._stats[kind.resource]

    def _read(self, kind: Kind, scope: Scope) -> RowBuilder:
        """Reads one list, from its first page again where its continue token expires."""
        (deadline, stats), is_ordered = self._started(kind), True
        limit = PageLimit(self.config.page_limit)
        while True:
            builder = RowBuilder(
                kind, scope, self.new_segment(), is_ordered=is_ordered, budget=self.budget, deadline=deadline
            )
            self._builders[kind.resource] = builder
            try:
                read_list(self.reader, kind.path, limit, builder, deadline, stats, kind.accept, kind.field_selector)
            except ReadFailure as error:
                earlier = None
                if kind.optional and error.cause.outcome == "not_served":
                    earlier = self._earlier(kind, deadline, stats)
                if earlier is None:
                    raise
                kind = earlier
            except ContinueTokenExpired as error:
                if stats.restarts == _MAX_RESTARTS:
                    raise
                stats.restarts += 1
                is_ordered = is_ordered and not isinstance(error, OutOfOrder)
                stats.resource_version = None
            else:
                builder.finish()
                return builder

    def _earlier(self, kind: Kind, deadline: Deadline, stats: ReadStats) -> Kind | None:
        """Asks the server, which does not serve the kind in our version, whether it does in another that can be read.

        https://kubernetes.io/docs/concepts/overview/kubernetes-api/#unaggregated-discovery

        Raises:
            ReadFailure: it does in versions that cannot be read alone, or does not say.
        """
        path, found = f"/apis/{kind.group}", []
        group = self._discovered(path, discovery.GROUP.decode, deadline, stats)
        for each in (group and group.versions) or ():
            if f"{kind.group}/{each.version}" != kind.api_version:
                served = self._discovered(f"{path}/{each.version}", discovery.RESOURCES.decode, deadline, stats)
                if any(resource.name == kind.resource for resource in (served and served.resources) or ()):
                    found.append(each.version)
        for earlier in kind.earlier:
            if earlier.api_version in (f"{kind.group}/{version}" for version in found):
                return earlier
        if found:
            message = (
                f"the API server serves {kind.resource} as {', '.join(found)} alone, and not as {kind.api_version}"
            )
            raise ReadFailure("not_served", message, reason=_OTHER_VERSION, http_status=404)
        return None

    def _discovered(
        self, path: str, decode: Callable[[memoryview], T], deadline: Deadline, stats: ReadStats
    ) -> T | None:
        """A discovery document; None if the server does not have it.

        Raises:
            ReadFailure: the server does not say, or something else answers.
        """
        try:
            return self.reader.get(Request(path, (), deadline, stats), decode)
        except ReadFailure as error:
            if error.cause.outcome != "not_served":
                raise
            return None
        except (ContinueTokenExpired, msgspec.ValidationError) as error:
            raise ReadFailure("invalid", f"the response to {path} is no discovery document") from error

    def _result(self, kind: Kind, completed: Completed, owners: Owners, places: dict[str, Place]) -> ListResult:
        (deadline, stats), error = self._started(kind), completed.error
        if (counted := self._builders.pop(kind.resource, None)) is not None:
            self._objects += counted.counts.objects
        if error is None:
            builder: RowBuilder = completed.result
            if kind.controls and kind.object_kind:
                owners.add_objects(kind.name, kind.group, builder.controllers)
            elif kind.controls:
                owners.add(kind.controls, builder.controllers)
            places |= builder.places
            outcome = Cause("partial" if builder.counts.unreadable_objects else "ok", builder.message)
            cause = outcome._replace(http_status=stats.http_status)
            if kind.resource in self.committed:  # it was read for the kinds that wait for it
                builder.segment.drop()
            return ListResult(kind, stats, cause, builder.counts, builder.segment.keep())
        return ListResult(kind, stats, self._cause(kind, error, deadline, stats))

    def _cause(self, kind: Kind, error: BaseException, deadline: Deadline, stats: ReadStats) -> Cause:
        """Why a list failed.

        Raises:
            SpoolError: the spool cannot be written.
        """
        if isinstance(error, SpoolError) or not isinstance(error, Exception):
            raise error
        if isinstance(error, AbandonedError):
            error = self._abandoned(deadline)
        if isinstance(error, ReadFailure):
            cause = error.cause
            is_missing = kind.optional and cause.outcome == "not_served" and cause.reason != _OTHER_VERSION
            return not_installed(kind) if is_missing else cause
        if isinstance(error, ContinueTokenExpired):
            return Cause("expired", str(error), "Expired", stats.http_status)
        # an interrupted run has closed the spool meanwhile
        return stopped().cause if self.stop.is_set() else report_bug(error, self.key)

    def _abandoned(self, deadline: Deadline) -> ReadFailure:
        return stopped() if self.stop.is_set() else deadline.failure()


def not_installed(kind: Kind) -> Cause:
    """The list of a kind that the API server itself does not serve is read, and has no objects."""
    message = f"the API server does not serve {kind.resource} ({kind.api_version}): they are not installed"
    return Cause("ok", message, NOT_SERVED, 404)


def unread_lists(cause: Cause, kinds: list[Kind]) -> Iterator[ListResult]:
    """The results of lists of which nothing was requested."""
    for kind in kinds:
        yield ListResult(kind, ReadStats(), cause)


def failed_lists(
    cause: Cause, config: Config, known: frozenset[str], object_kinds: Sequence[Kind]
) -> Iterator[ListResult]:
    """The results of all lists of a cluster that cannot be read.

    Args:
        known: kinds of `objects` that earlier runs asked for.
        object_kinds: those that this one found before the cluster failed.
    """
    for kind in KINDS:
        yield from unread_lists(cause if kind.is_on(config.kinds) else OFF, [kind])
    if config.objects.include:
        yield from unread_lists(cause if config.objects.is_on else OFF, [of_objects(OBJECTS)])
        for name, why in chosen(config.objects, cause, known).others.items():
            yield from unread_lists(why, [of_objects(name)])
        yield from unread_lists(cause, [*object_kinds])


_OTHER_VERSION = "OtherVersion"
