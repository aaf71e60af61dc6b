"""All lists of one cluster, several at a time: one outcome each, and whatever happens to one of them costs no other."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from functools import partial
from time import monotonic
from typing import Annotated, Any, NamedTuple

import msgspec

from job.collect.api_reader import ApiReader
from job.collect.deadlines import Deadline
from job.collect.failures import ContinueTokenExpired, ReadFailure
from job.collect.paging import MOST_RESTARTS, read_list
from job.collect.rows import OutOfOrder, RowBuilder
from job.collect.scheduler import AbandonedError, Completed, WorkItem, as_completed
from job.collect.stats import ReadStats
from job.collect.throttle import MAX_CONCURRENT_REQUESTS
from job.config import Config
from job.errors import SpoolError
from job.kinds import KINDS, Kind
from job.kinds.parts.owners import Owners
from job.kinds.parts.scope import Scope
from job.log import log
from job.spool import Spool
from job.tables import Collection, Key
from job.wire import meta

_VERSION = "version"
# Controllers first, and the kinds of which there are most: pods wait for all of them.
_ORDER = [kind for kind in reversed(KINDS) if kind.controls] + [kind for kind in KINDS if not kind.controls]


class Outcome(NamedTuple):
    """What became of one list."""

    collection: Collection
    rows: int = 0
    """How many of them were kept."""
    is_bug: bool = False


class Lists:
    """The lists of one cluster."""

    def __init__(
        self,
        server: ApiReader,
        deadline: Deadline,
        key: Key,
        config: Config,
        spool: Spool,
        run_id: str,
        stop: threading.Event,
    ) -> None:
        self._server, self._deadline, self._key, self._stop = server, deadline, key, stop
        self._config, self._spool, self._run_id = config, spool, run_id
        self._scope = Scope(Owners(), config.annotations)
        self._tallies: dict[str, ReadStats] = {}
        self.version: str | None = None
        """The API server's own, once it has told it."""

    def read(self) -> Iterator[Outcome]:
        """Reads all lists; the outcome of each as it is known.

        Raises:
            ReadFailure: the server cannot be reached, so that none was read.
            SpoolError: the spool cannot be written.
        """
        wanted = [kind for kind in _ORDER if self._config.kinds.get(kind.resource, True)]
        for kind in KINDS:
            if kind not in wanted:
                yield Outcome(_unread(self._run_id, kind, self._tally(kind), _OFF))
            if kind.controls:
                self._scope.owners.expect(kind.controls)
        kinds = {kind.resource: kind for kind in wanted}
        for done in as_completed(list(self._pieces(wanted)), MAX_CONCURRENT_REQUESTS, self._deadline.at, self._stop):
            if done.name == _VERSION:
                self._check(done)
            else:
                yield self._outcome(kinds[done.name], done)

    def _pieces(self, wanted: list[Kind]) -> Iterator[WorkItem]:
        """The version is the first request: it tells whether the server can be reached at all."""
        yield WorkItem(_VERSION, self._ask_version, self._config.timeouts.cluster_seconds)
        controllers = {kind.resource for kind in wanted if kind.controls}
        for kind in wanted:
            after = {_VERSION, *(controllers if kind.waits else ())}
            yield WorkItem(
                kind.resource, partial(self._read, kind), self._config.timeouts.kind_seconds, frozenset(after)
            )

    def _ask_version(self) -> None:
        """A server that answers, but not with this, is left to the lists."""
        try:
            told = self._server.get("/version", [], _VERSIONS.decode, ReadStats(self._deadline))
            self.version = told.git_version
        except (ContinueTokenExpired, msgspec.ValidationError):
            pass
        except ReadFailure as error:
            if error.reason == "ReadTimeout":
                error.message += " to the first request (/version)"
            if error.outcome in ("unreachable", "timed_out", "stopped"):
                raise

    def _check(self, done: Completed) -> None:
        if isinstance(done.error, AbandonedError):
            raise self._left_behind(self._deadline)
        if done.error is not None:
            raise done.error

    def _tally(self, kind: Kind) -> ReadStats:
        seconds = self._config.timeouts.kind_seconds
        own = Deadline(monotonic() + seconds, "KindTimeout", f"the list was not read within {seconds:g} s")
        return self._tallies.setdefault(kind.resource, ReadStats(min(own, self._deadline)))

    def _read(self, kind: Kind) -> RowBuilder:
        tally, ordered = self._tally(kind), True
        while True:
            reading = RowBuilder(kind, self._scope, self._spool.segment(self._key), ordered=ordered)
            try:
                read_list(self._server, kind.path, self._config.page_limit, reading.take, tally)
            except ContinueTokenExpired as error:
                if tally.restarts == MOST_RESTARTS:
                    raise
                tally.restarts += 1
                ordered = ordered and not isinstance(error, OutOfOrder)
                tally.resource_version = None
            else:
                return reading

    def _outcome(self, kind: Kind, done: Completed) -> Outcome:
        tally, error = self._tally(kind), done.error
        if error is None:
            reading: RowBuilder = done.result
            if kind.controls:
                self._scope.owners.add(kind.controls, reading.controllers)
            rows = self._spool.keep(reading.segment)
            return Outcome(Collection(**reading.told(), **_told(self._run_id, kind, tally)), rows)
        if isinstance(error, AbandonedError):
            error = self._left_behind(tally.deadline)
        elif isinstance(error, ContinueTokenExpired):
            error = ReadFailure("expired", str(error), reason="Expired", http_status=tally.http_status)
        if isinstance(error, ReadFailure):
            return Outcome(_unread(self._run_id, kind, tally, error))
        if isinstance(error, SpoolError) or not isinstance(error, Exception):
            raise error
        return Outcome(_unread(self._run_id, kind, tally, bug(error, self._key)), is_bug=True)

    def _left_behind(self, deadline: Deadline) -> ReadFailure:
        return stopped() if self._stop.is_set() else deadline.unread()


def stopped() -> ReadFailure:
    """What is not read once the run was told to end."""
    return ReadFailure("stopped", "the run was stopped before it was read")


def none_read(failure: ReadFailure, deadline: Deadline, config: Config, run_id: str) -> dict[str, Outcome]:
    """The outcomes where nothing can be read, each by its resource."""
    return {
        kind.resource: Outcome(
            _unread(run_id, kind, ReadStats(deadline), failure if config.kinds.get(kind.resource, True) else _OFF)
        )
        for kind in KINDS
    }


class _Version(meta.Wire, frozen=True):
    git_version: Annotated[str, msgspec.Meta(max_length=256)] | None = None


_VERSIONS = msgspec.json.Decoder(_Version)
_OFF = ReadFailure("off", "switched off in the configuration")


def _unread(run_id: str, kind: Kind, tally: ReadStats, error: ReadFailure) -> Collection:
    """The record of a list that was not read."""
    told = _told(run_id, kind, tally) | {"http_status": error.http_status, "resource_version": None}
    return Collection(
        outcome=error.outcome, reason=error.reason, message=error.message, objects=0, unreadable_objects=0, **told
    )


def _told(run_id: str, kind: Kind, tally: ReadStats) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "resource": kind.resource,
        "http_status": tally.http_status,
        "resource_version": tally.resource_version,
        "pages": tally.pages,
        "bytes": tally.bytes,
        "requests": tally.requests,
        "retries": tally.retries,
        "restarts": tally.restarts,
        "waited_seconds": tally.waited_seconds,
        "started_at": tally.started_at,
        "duration_seconds": tally.duration_seconds,
    }


def bug(error: Exception, key: Key) -> ReadFailure:
    """A bug of ours, logged: in one cluster it costs no other, but the run exits with 1."""
    # files and lines alone: the values in a traceback may be anybody's
    where = " < ".join(
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
        for frame in reversed(traceback.extract_tb(error.__traceback__))
    )
    name = type(error).__name__
    log.error("bug", project=key.project_id, location=key.location, cluster=key.cluster, error=name, where=where)
    return ReadFailure("bug", f"{name}: a bug in gke-inventory; please report it", reason="Bug")
