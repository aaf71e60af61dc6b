"""What can be made to go wrong: one record a fault, and where it applies."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

KINDS = {
    "status": "answers with `code`, and `Retry-After` of `retry_after` seconds, or the date in `retry_date` seconds",
    "redirect": "sends the client to another host, or to `to`",
    "interim": "announces the answer with a 103, and then sends it",
    "hang": "accepts the request and never answers",
    "hang_tls": "accepts connections and never shakes hands",
    "refuse": "closes the listening socket: connections are refused",
    "reset": "cuts the connection in the middle of the body",
    "bad_chunk": "sends a chunk of negative length",
    "slow": "sends the body with `rate` bytes a second; `headers=1`: the headers too",
    "delay": "waits `seconds` before it answers",
    "truncate_gzip": "sends a gzip stream that breaks off, under a whole answer's headers",
    "desync": "tells a Content-Length that is too small: the rest of the body comes before the next answer",
    "echo_token": "refuses the request with 400, and says the token again",
    "corrupt_gzip": "sends text that is no gzip stream, and says that it is",
    "invalid_json": "sends a body that is cut off, under a right Content-Length",
    "big_page": "pads the page with white space by `bytes`, in chunks; `told=1`: announced; `gzip=1`: compressed",
    "wrong_kind": "sends the page as one of a list of another kind",
    "untold_rest": "leaves out the continue token, though there is more",
    "null_items": "sends `items: null`",
    "null_lists": "sends null for each list in each object",
    "wrong_type": "sends a number where a label's text belongs, in one object",
    "naive_time": "sends a time without an offset, in one object",
    "nameless": "sends one object without a name",
    "invalid_utf8": "sends a byte that is not UTF-8 where a label's text belongs, in one object",
    "deep": "nests a list `depth` levels deep, in one object",
    "unknown_fields": "adds fields that no client knows, to each object",
    "unknown_kind": "lets each object be controlled by one of a kind that no client knows",
    "expired_continue": "answers every continue token with 410 and a fresh, inconsistent one",
    "repeat_continue": "gives the same continue token for ever",
    "duplicate_uid": "sends the page's last object a second time",
    "repeat_object": "sends each page's last object again, as the first of the next page",
    "big_object": "adds an annotation of `bytes` to one object; `label=1`: a label",
    "many_restarts": "tells that each container was restarted as often as an INT64 can say, in one object",
    "two_tokens": "ends the page with a second `metadata`, which has no continue token",
    "unauthorized": "401",
    "revoke_tokens": "revokes every token, with a 401",
    "forbidden": "403",
    "not_served": "404 as plain text, as for a group that is not served",
    "not_acceptable": "406",
    "broken_api": "lists an aggregated API, first of all groups, that answers its own discovery with 503",
    "tls_unknown_ca": "shows a certificate of another authority",
    "tls_wrong_host": "shows a certificate for another host",
    "tls_expired": "shows a certificate that has expired",
    "gke_unavailable": "the GKE API answers UNAVAILABLE for the project",
    "gke_denied": "the GKE API answers PERMISSION_DENIED for the project",
    "gke_disabled": "the GKE API is disabled in the project",
    "gke_not_found": "the GKE API does not know the project",
    "missing_zones": "the GKE API could not ask `zones`, and leaves their clusters out",
    "unresolvable": "the GKE API tells an endpoint whose name nothing resolves",
    "bad_time": "the GKE API tells a creation time that is none",
    "bad_ca": "the GKE API tells a CA certificate that is none",
    "deleted": "the cluster is deleted once the GKE API has listed it",
    "token_status": "the token endpoint answers with `code`",
    "token_invalid_grant": "the token endpoint says that the login has expired",
}
"""Kind -> what it does."""

CONNECTION = frozenset({"refuse", "hang_tls", "tls_unknown_ca", "tls_wrong_host", "tls_expired"})
"""Of a cluster's listening socket."""
PROJECT = frozenset({"gke_unavailable", "gke_denied", "gke_disabled", "gke_not_found", "missing_zones"})
"""Of the GKE API, for a project."""
LISTED = frozenset({"unresolvable", "bad_time", "bad_ca", "deleted"})
"""Of a cluster as the GKE API lists it."""
TOKEN = frozenset({"token_status", "token_invalid_grant"})
REQUEST = frozenset(KINDS) - CONNECTION - PROJECT - LISTED - TOKEN
"""Of one request to an API server; `hang` and `delay` of one to the GKE API too."""


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
    """Only a list's first page (1), or only its later ones (2)."""
    after: int = 0
    """So many requests are spared first."""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long `hang` and `delay` wait."""
        return 3600.0 if self.kind == "hang" else float(self.options.get("seconds", 1))

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
                if fault.after:
                    fault.after -= 1
                    continue
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
    *,
    cluster: str,
    kind: str,
    resource: str = "*",
    times: int | None = None,
    page: int | None = None,
    after: int = 0,
    **options: Any,
) -> Fault:
    """A fault from plain values."""
    return Fault(cluster=cluster, kind=kind, resource=resource, times=times, page=page, after=after, options=options)
