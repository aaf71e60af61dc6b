"""The kinds that one API server serves, by its discovery: two requests, or one for each group of an old server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from job.collect.deadlines import Deadline
from job.collect.failures import Cause, ContinueTokenExpired, ReadFailure
from job.collect.http_reader import Request
from job.collect.stats import ReadStats
from job.wire import discovery as wire

T = TypeVar("T")

_STORED = frozenset({"list", "watch"})
"""The verbs of kinds whose objects are stored. Others, such as PodMetrics, are computed at each request.
https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes"""
# Objects that the API server stores once and serves in two groups: the group to leave out, and the one to read
_SERVED_TWICE = {
    ("", "events"): "events.k8s.io",
    ("extensions", "daemonsets"): "apps",
    ("extensions", "deployments"): "apps",
    ("extensions", "replicasets"): "apps",
    ("extensions", "ingresses"): "networking.k8s.io",
    ("extensions", "networkpolicies"): "networking.k8s.io",
}  # fmt: skip
_FOR_ALL = frozenset({"stopped", "unreachable", "timed_out"})
"""Outcomes that say nothing of one group."""


class Reader(Protocol):
    """What GETs a document, such as an `ApiReader`."""

    def get(self, request: Request, take: Callable[[memoryview], T], /) -> T: ...


class Served(NamedTuple):
    """A kind in the preferred version of those that have it."""

    plural: str
    group: str
    version: str
    kind: str


@dataclass
class Discovery:
    """What an API server says that it serves."""

    kinds: dict[tuple[str, str], Served] = field(default_factory=dict)
    """By plural and group: only kinds whose objects are stored."""
    missing: dict[str, Cause] = field(default_factory=dict)
    """Why the kinds of a group are not known, or not those of one of its versions."""

    def add(self, group: str, version: str, found: Iterable[tuple[str, str, Iterable[str] | None]]) -> None:
        """Adds the kinds of a version, of which the preferred one comes first: plural, kind and verbs."""
        if not (wire.is_label(version) and (not group or wire.is_subdomain(group))):
            return
        for plural, kind, verbs in found:
            if wire.is_label(plural) and kind and frozenset(verbs or ()) >= _STORED:  # no subresource is a label
                self.kinds.setdefault((plural, group), Served(plural, group, version, kind))

    def once(self) -> Iterator[tuple[Served, list[str]]]:
        """The kinds, none of which has the objects of another; and the groups that have the same objects."""
        twice = {
            (plural, group): (plural, other)
            for (group, plural), other in _SERVED_TWICE.items()
            if (plural, group) in self.kinds and (plural, other) in self.kinds
        }
        for name, served in self.kinds.items():
            if name not in twice:
                yield served, [group for (_, group), same in twice.items() if same == name]


def discover(reader: Reader, deadline: Deadline, stats: ReadStats, *, needs: Callable[[str], bool]) -> Discovery:
    """Asks an API server for its kinds. A group that cannot be asked for, as its server is down, costs no other.

    Args:
        needs: whether a group's kinds matter; "" is the core group.

    Raises:
        ReadFailure: the server cannot be reached, or does not say.
    """
    found, get = Discovery(), _Get(reader, deadline, stats)
    for path in ["/api"] * needs("") + ["/apis"]:
        document = get(path, wire.DOCUMENT.decode, accept=wire.ACCEPT)
        if document.kind == "APIGroupDiscoveryList":
            _add_all(found, document.items or (), needs)
        elif document.kind == "APIGroupList":
            _add_each(found, get, ((each.name, _ordered(each)) for each in document.groups or ()), needs)
        elif document.kind == "APIVersions":
            _add_each(found, get, [("", document.versions or ())], needs)
        else:
            raise _no_document(path)
    return found


def _add_all(found: Discovery, items: Iterable[wire.APIGroupDiscovery], needs: Callable[[str], bool]) -> None:
    for item in items:
        group = (item.metadata and item.metadata.name) or ""
        for each in item.versions or ():
            named = ((of.resource, of.response_kind.kind, of.verbs) for of in each.resources or () if of.response_kind)
            if each.freshness == "Stale" and needs(group):
                message = f"the API server that serves {group}/{each.version} does not answer (see its APIService)"
                found.missing[group] = Cause("server_error", message, "StaleGroup")
            else:
                found.add(group, each.version, named)


def _add_each(
    found: Discovery, get: _Get, groups: Iterable[tuple[str, Iterable[str]]], needs: Callable[[str], bool]
) -> None:
    for group, versions in groups:
        if not needs(group) or (group and not wire.is_subdomain(group)):
            continue
        for version in filter(wire.is_label, versions):
            path = f"/apis/{group}/{version}" if group else f"/api/{version}"
            try:
                resources = get(path, wire.RESOURCES.decode).resources or ()
            except ReadFailure as error:
                if error.cause.outcome in _FOR_ALL:
                    raise
                found.missing[group] = error.cause
            else:
                found.add(group, version, ((of.name, of.kind, of.verbs) for of in resources))


def _ordered(group: wire.APIGroup) -> Iterator[str]:
    """The versions of a group, the preferred one first."""
    preferred = group.preferred_version.version if group.preferred_version else None
    if preferred is not None:
        yield preferred
    yield from (each.version for each in group.versions or () if each.version != preferred)


class _Get(NamedTuple):
    reader: Reader
    deadline: Deadline
    stats: ReadStats

    def __call__(self, path: str, take: Callable[[memoryview], T], accept: str | None = None) -> T:
        """Raises:
        ReadFailure: there is no such document.
        """
        try:
            return self.reader.get(Request(path, (), self.deadline, self.stats, accept=accept), take)
        except (ContinueTokenExpired, msgspec.ValidationError) as error:
            raise _no_document(path) from error


def _no_document(path: str) -> ReadFailure:
    return ReadFailure("invalid", f"the response to {path} is no discovery document", http_status=200)
