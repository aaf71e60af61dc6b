"""What can be made to go wrong: one record a fault, and where it applies."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

KINDS = {
    "status": "answers with `code`, and `Retry-After: retry_after` where that is given",
    "hang": "accepts the request and never answers",
    "refuse": "closes the listening socket: connections are refused",
    "reset": "cuts the connection in the middle of the body",
    "slow": "sends `rate` bytes a second",
    "delay": "waits `seconds` before it answers",
    "truncate_gzip": "sends a gzip stream that breaks off, under a whole answer's headers",
    "invalid_json": "sends a body that is cut off, under a right Content-Length",
    "null_items": "sends `items: null`",
    "wrong_type": "sends a number where a label's text belongs, in one object",
    "unknown_fields": "adds fields that no client knows, to each object",
    "expired_continue": "answers every continue token with 410 and a fresh, inconsistent one",
    "repeat_continue": "gives the same continue token for ever",
    "duplicate_uid": "sends the page's last object a second time",
    "big_object": "adds an annotation of `bytes` to one object",
    "unauthorized": "401",
    "forbidden": "403",
    "not_served": "404 as plain text, as for a group that is not served",
    "not_acceptable": "406",
    "tls_unknown_ca": "shows a certificate of another authority",
    "tls_wrong_host": "shows a certificate for another host",
    "tls_expired": "shows a certificate that has expired",
    "gke_unavailable": "the GKE API answers UNAVAILABLE for the project",
    "gke_denied": "the GKE API answers PERMISSION_DENIED for the project",
    "gke_disabled": "the GKE API is disabled in the project",
    "gke_not_found": "the GKE API does not know the project",
    "missing_zones": "the GKE API could not ask `zones`, and leaves their clusters out",
    "token_status": "the token endpoint answers with `code`",
    "token_invalid_grant": "the token endpoint says that the login has expired",
}
"""Kind -> what it does."""

CONNECTION = frozenset({"refuse", "tls_unknown_ca", "tls_wrong_host", "tls_expired"})


class UnknownFaultError(ValueError):
    """A specification that names no fault."""


@dataclass
class Fault:
    """Something that goes wrong, for ever or so many times."""

    cluster: str
    """Glob on `project/location/name`; for the GKE API on the project."""
    kind: str
    resource: str = "*"
    """Glob on the resource: `pods`; `version` and `discovery` are resources here too."""
    times: int | None = None
    page: int | None = None
    """Only the page of this number, from 1."""
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownFaultError(f"no fault {self.kind!r}; there are: {', '.join(KINDS)}")


class Faults:
    """All that are in force."""

    def __init__(self, faults: list[Fault]) -> None:
        self.all = faults

    def take(self, name: str, resource: str, *, page: int = 1, kinds: frozenset[str] | None = None) -> Fault | None:
        """The first fault that applies now; one that has a number of times has then one less."""
        for fault in self.all:
            if fault.times == 0 or (kinds is not None and fault.kind not in kinds) or fault.page not in (None, page):
                continue
            if fnmatchcase(name, fault.cluster) and fnmatchcase(resource, fault.resource):
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None


def parse_fault(specification: str) -> Fault:
    """`CLUSTER-GLOB:RESOURCE:KIND[:key=value,...]` -> the fault.

    Raises:
        UnknownFaultError: it has not that form, or names no fault.
    """
    parts = specification.split(":", 3)
    if len(parts) < 3:
        raise UnknownFaultError(f"{specification!r} is not CLUSTER-GLOB:RESOURCE:KIND[:key=value,...]")
    options: dict[str, Any] = {}
    for pair in filter(None, parts[3].split(",") if len(parts) > 3 else []):
        key, _, value = pair.partition("=")
        options[key] = int(value) if value.isdecimal() else value
    return make_fault(cluster=parts[0], resource=parts[1], kind=parts[2], **options)


def make_fault(
    *, cluster: str, kind: str, resource: str = "*", times: int | None = None, page: int | None = None, **options: Any
) -> Fault:
    """A fault from plain values."""
    return Fault(cluster=cluster, kind=kind, resource=resource, times=times, page=page, options=options)
