"""What a reader can know of a fleet: the objects, the configuration and the faults of each run.

A small model, written from the documentation and the descriptions of columns. It takes the names of kinds from the job,
and shares no other code with it: its only source is the simulator's own inventory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, NamedTuple

from truth.custom_resources import CUSTOM, PLURALS, Choice, states

from job import kinds

Object = dict[str, Any]

KINDS = {kind.resource: kind.name for kind in kinds.KINDS}
_OPTIONAL = {kind.resource for kind in kinds.KINDS if kind.optional}
"""Kinds that some clusters do not serve."""
"""Resource -> kind, for everything that is collected."""

READ = ("ok", "partial")
ANY = "<any>"
"""Stands for an HTTP status or reason that the server does not set, so the oracle accepts any."""


class Fault(NamedTuple):
    """A fault, with the arguments that the simulator takes."""

    at: str
    """`project/location/name`, or a project."""
    kind: str
    resource: str = "*"
    times: int | None = None
    page: int | None = None
    """1: the first page of a list. 2: each later page."""
    options: tuple[tuple[str, Any], ...] = ()


class Asked(NamedTuple):
    """The configuration of one run."""

    projects: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    """Clusters, as `project/location/name`."""
    off: tuple[str, ...] = ()
    page_limit: int = 500
    objects: Choice = Choice()


class Reading(NamedTuple):
    """The result of listing one kind of one cluster, or the clusters of one project."""

    outcome: str
    http_status: int | str | None = 200
    reason: str | None = None
    objects: tuple[Object, ...] = ()
    """The objects, or clusters, that were read."""
    unreadable: tuple[str, ...] = ()
    """`namespace/name` of objects that could not be decoded; for a project, its missing zones."""

    @property
    def is_read(self) -> bool:
        return self.outcome in READ


# The reading that a server leads to when every retry gets the same response.
ANSWERS = {
    ("status", 429): Reading("throttled", 429, "TooManyRequests"),
    ("status", 500): Reading("server_error", 500, "InternalError"),
    ("status", 503): Reading("server_error", 503, "ServiceUnavailable"),
    ("unauthorized", None): Reading("unauthorized", 401, "Unauthorized"),
    ("not_served", None): Reading("not_served", 404),
    ("not_acceptable", None): Reading("refused", 406, "NotAcceptable"),
    ("reset", None): Reading("unreachable", ANY, ANY),
    ("forbidden", None): Reading("forbidden", 403, "Rbac"),
    ("invalid_json", None): Reading("invalid", ANY, ANY),
    ("repeat_continue", None): Reading("invalid", ANY, ANY),
    ("expired_continue", None): Reading("expired", 410, "Expired"),
}
NOT_INSTALLED = Reading("ok", 404, "NotServed")
OFF = Reading("off", None)
DISCOVERY = "objects"
"""In `collections`, the discovery of the kinds that `objects` chooses from."""
WITHOUT_LIST = {
    "off": OFF,
    "replaced": Reading("ok", None),
    "broken": Reading("server_error", None, "StaleGroup"),
    "not served": Reading("ok", None, "NotServed"),
}
"""Why nothing is listed of a kind that `objects` names -> its reading."""
BEFORE_AUTHORIZATION = ("status", "unauthorized", "not_served", "not_acceptable", "reset")
"""Faults that come before the check of the identity's permissions."""
BEFORE_DISCOVERY = (*BEFORE_AUTHORIZATION, "invalid_json")
"""Faults without which there is no discovery. Every identity may ask for it."""
MENDED_BY_ASKING_AGAIN = ("status", "unauthorized", "reset", "invalid_json", "expired_continue")
NO_CONNECTION = ("refuse", "tls_unknown_ca", "tls_wrong_host", "tls_expired")
PROJECTS = {
    "gke_denied": Reading("forbidden", 403, "IamPermissionMissing"),
    "gke_disabled": Reading("disabled", 403, "ApiDisabled"),
    "gke_not_found": Reading("not_found", 404, ANY),
}
CONNECTABLE = ("RUNNING", "RECONCILING", "DEGRADED")


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The readings of one cluster in one attempt."""

    cluster: Object
    """The cluster's entry in the inventory."""
    readings: dict[str, Reading]
    """By kind; also of the discovery, and of each kind that `objects` chooses or has chosen."""
    listed: frozenset[str] = frozenset()
    """Those of the last that the server was asked for."""

    @property
    def status(self) -> str:
        attempted = [reading for reading in self.readings.values() if reading.outcome != "off"]
        if all(reading.outcome == "ok" for reading in attempted):
            return "complete"
        return "partial" if any(reading.is_read for reading in attempted) else "failed"


@dataclass(eq=False)
class Attempt:
    """One attempt of one run: the inventory at that time, its configuration and the faults."""

    number: int
    """From 1, in the order in which attempts began."""
    run_id: str
    attempt: int
    began: datetime
    inventory: Object = field(repr=False)
    faults: tuple[Fault, ...]
    asked: Asked
    task: int = 0
    tasks: int = 1
    share: frozenset[str] | None = None
    """In a run of several tasks, the clusters of this task. Any share is right, as long as each cluster is in one."""
    known: dict[str, frozenset[str]] = field(default_factory=dict, repr=False)
    """Cluster -> kinds that the runs committed so far have asked it for by `objects`."""
    recorded: frozenset[str] | None = None
    """In a run of several tasks, the projects whose lists this task has recorded: the first task all of them."""

    @cached_property
    def answers(self) -> dict[str, Reading]:
        """Project -> its clusters, whoever asks."""
        return {project: self._list(project) for project in dict.fromkeys(self.asked.projects)}

    @property
    def lists(self) -> dict[str, Reading]:
        """Project -> its clusters, as the attempt has recorded them."""
        answers = self.answers.items()
        return {project: listed for project, listed in answers if self.recorded is None or project in self.recorded}

    @cached_property
    def selected(self) -> dict[str, Object]:
        """`project/location/name` -> each cluster that the run has to collect."""
        listed = {path_of(cluster): cluster for listed in self.answers.values() for cluster in listed.objects}
        return {path: cluster for path, cluster in listed.items() if path not in self.asked.exclude}

    @cached_property
    def snapshots(self) -> dict[str, Snapshot]:
        """`project/location/name` -> the cluster's snapshot."""
        return {
            path: self._snapshot(cluster)
            for path, cluster in self.selected.items()
            if self.share is None or path in self.share
        }

    def _list(self, project: str) -> Reading:
        faults = [fault for fault in self.faults if fault.at == project]
        for fault in faults:
            if fault.kind in PROJECTS:
                return PROJECTS[fault.kind]
        clusters = [cluster for cluster in self.inventory["clusters"] if cluster["project"] == project]
        zones = {zone for fault in faults if fault.kind == "missing_zones" for _, zone in fault.options}
        listed = tuple(cluster for cluster in clusters if cluster["location"] not in zones)
        if zones:
            return Reading("partial", 200, "MissingZones", listed, tuple(sorted(zones)))
        return Reading("ok", 200, None, listed)

    def _snapshot(self, cluster: Object) -> Snapshot:
        unreached = self._unreached(cluster)
        readings = {
            kind: OFF if kind in self.asked.off else unreached or self._list_kind(cluster, kind) for kind in KINDS
        }
        choice = self.asked.objects
        if not choice.include:
            return Snapshot(cluster, readings)
        discovery, served, broken = unreached, None, None
        if not choice.is_on:
            discovery = OFF
        elif discovery is None:
            discovery, served, broken = self._discover(cluster)
        named = dict(states(choice, self.known.get(path_of(cluster), frozenset()), served, broken))
        listed = frozenset(name for name, state in named.items() if state == "listed")
        readings |= {
            name: self._list_kind(cluster, PLURALS[name]) if name in listed else WITHOUT_LIST.get(state, discovery)
            for name, state in named.items()
        }
        return Snapshot(cluster, readings | {DISCOVERY: discovery}, listed)

    def _unreached(self, cluster: Object) -> Reading | None:
        if cluster["status"] not in CONNECTABLE:
            return Reading("not_running", None, cluster["status"])
        if any(fault.kind in NO_CONNECTION for fault in self._faults_of(cluster)):
            return Reading("unreachable", None, ANY)
        return None

    def _discover(self, cluster: Object) -> tuple[Reading, frozenset[str] | None, str | None]:
        """What becomes of the discovery, the custom resources in it, and the group whose server does not answer."""
        fault = self._fault_of(cluster, "discovery", 1)
        if fault and fault.kind in BEFORE_DISCOVERY:
            return ANSWERS[fault.kind, dict(fault.options).get("code")], None, None
        group = dict(fault.options).get("group") if fault else None
        served = frozenset(name for name in CUSTOM if name.partition(".")[2] != group)
        if fault and fault.kind == "broken_api" and self.asked.objects.needs(str(group)):
            return Reading("partial", 200, "StaleGroup", unreadable=(str(group),)), served, group
        return Reading("ok"), served, None

    def _faults_of(self, cluster: Object) -> list[Fault]:
        return [fault for fault in self.faults if fault.at == path_of(cluster)]

    def _fault_of(self, cluster: Object, resource: str, pages: int) -> Fault | None:
        """The fault that lasts, of a list of that many pages."""
        found = (one for one in self._faults_of(cluster) if fnmatchcase(resource, one.resource))
        return next((one for one in found if _applies(one, pages)), None)

    def _list_kind(self, cluster: Object, kind: str) -> Reading:
        found = cluster["objects"].get(kind, ())
        objects = sorted((item for item in found if kind != "events" or item["type"] == "Warning"), key=key_of)
        pages = [objects[at : at + self.asked.page_limit] for at in range(0, len(objects), self.asked.page_limit)]
        fault = self._fault_of(cluster, kind, len(pages))
        if fault and fault.kind in BEFORE_AUTHORIZATION:
            answer = ANSWERS[fault.kind, dict(fault.options).get("code")]
            is_optional = answer.outcome == "not_served" and kind in _OPTIONAL
            return self._not_installed(cluster) if is_optional else answer
        if {"*", kind} & set(cluster["forbidden"]) or (fault and fault.kind == "forbidden"):
            return ANSWERS["forbidden", None]
        if kind not in cluster["objects"]:
            return self._not_installed(cluster)
        if fault and (fault.kind, None) in ANSWERS:
            return ANSWERS[fault.kind, None]
        if fault and fault.kind == "wrong_type":
            spoilt = {1: pages[:1], 2: pages[1:], None: pages}[fault.page][: fault.times]
            names = tuple(key_of(page[0]) for page in spoilt)
            if names:
                kept = tuple(item for item in objects if key_of(item) not in names)
                return Reading("partial", 200, None, kept, names)
        return Reading("ok", 200, None, tuple(objects))

    def _not_installed(self, cluster: Object) -> Reading:
        """The server is also asked for other versions of the kind."""
        fault = self._fault_of(cluster, "discovery", 1)
        if fault and fault.kind == "status":
            return ANSWERS[fault.kind, dict(fault.options).get("code")]
        return NOT_INSTALLED


def _applies(fault: Fault, pages: int) -> bool:
    """Whether the fault still holds after all retries, in a list of that many pages."""
    if fault.times is not None and fault.kind in MENDED_BY_ASKING_AGAIN:
        return False
    return pages > 1 or (fault.page != 2 and fault.kind != "expired_continue")


def path_of(cluster: Object) -> str:
    return f"{cluster['project']}/{cluster['location']}/{cluster['name']}"


def key_of(item: Object) -> str:
    """`namespace/name`, or the name. API servers list objects in this order."""
    metadata = item["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])
