"""The faults that the simulator can play: what each does, and where it applies."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

KINDS = {
    "status": "answers with `code`; `reason`: in an API server's Status; `retry_after`, `retry_date`: a Retry-After "
    "header, in seconds or as a date",
    "redirect": "redirects to another host, or to `to`",
    "interim": "sends a 103 before the answer",
    "hang": "accepts the request and never answers",
    "hang_tls": "accepts connections and never completes the TLS handshake",
    "refuse": "closes the listening socket: connections are refused",
    "reset": "cuts the connection in the middle of the body; `seconds`: after so many",
    "bad_chunk": "sends a chunk with a negative length",
    "slow": "sends `rate` bytes of the body a second; `headers=1`: of the headers too",
    "delay": "waits `seconds` before answering",
    "truncate_gzip": "truncates the gzip stream, with headers of a complete answer",
    "desync": "sends a Content-Length that is too small: the rest of the body precedes the next answer",
    "echo_token": "refuses the request with 400, and repeats its token in the message",
    "corrupt_gzip": "sends plain text labelled as gzip",
    "gzip_checksum": "sends gzip with a wrong checksum",
    "gzip_trailer": "sends more bytes after the gzip stream",
    "gzip_members": "sends the body as two gzip members",
    "wrong_encoding": "labels the body with an encoding that nobody asked for",
    "invalid_json": "truncates the body, with a matching Content-Length",
    "big_page": "pads the page by `bytes` of white space; `content_length=1`: not chunked; `gzip=1`: compressed",
    "wrong_kind": "labels the page as a list of another kind",
    "missing_continue": "omits the continue token, although there are more pages",
    "null_items": "sends `items: null`",
    "null_lists": "sends null for every list in every object",
    "wrong_type": "sends a number as the value of a label, in one object",
    "naive_time": "sends a time without a UTC offset, in one object",
    "nameless": "sends one object without a name",
    "invalid_utf8": "sends a byte that is not UTF-8 in the value of a label, in one object",
    "deep": "nests a list `depth` levels deep, in one object",
    "unknown_fields": "adds fields that no client knows to every object",
    "unknown_kind": "gives every object a controller of a kind that no client knows",
    "expired_continue": "answers every continue token with 410 and a fresh, inconsistent one",
    "repeat_continue": "sends the same continue token forever; `tokens`: that many tokens in turn",
    "duplicate_uid": "sends the last object of the page twice",
    "repeat_object": "repeats the last object of each page as the first of the next page",
    "big_object": "adds an annotation of `bytes` to one object; `label=1`: a label instead",
    "many_restarts": "reports the largest INT64 as the restart count of each container, in one object",
    "two_tokens": "ends the page with a second `metadata`, without a continue token",
    "unauthorized": "401",
    "revoke_tokens": "answers 401, and revokes every token",
    "forbidden": "403; `gke=1`: in the words of GKE, which name the IAM permission",
    "in_front": "a layer in front answers in a `form`: `google_page`, `google_json` (with `reason` and what it names: "
    "`permission`, `consumer`, `retry_delay`), `text`, `page` or `json`; `code`: its status; `echo=1`: it repeats the "
    "token",
    "not_served": "answers 404 as plain text, as for a group that is not served",
    "not_acceptable": "406",
    "broken_api": "lists an aggregated API, of the group `group`, whose discovery and lists answer 503",
    "absent_group": "serves the group `group` no more, as after its CustomResourceDefinitions were deleted",
    "tls_unknown_ca": "presents a certificate of another authority",
    "tls_wrong_host": "presents a certificate for another host",
    "tls_expired": "presents an expired certificate",
    "tls_old_forms": "has a CA and a certificate in the forms of older clusters, which RFC 5280 does not allow",
    "gke_unavailable": "the GKE API answers UNAVAILABLE for the project",
    "gke_denied": "the GKE API answers PERMISSION_DENIED for the project",
    "gke_disabled": "the GKE API is disabled in the project, or in `consumer`, whose identity calls it",
    "gke_not_found": "the GKE API does not know the project",
    "node_denied": "Resource Manager answers PERMISSION_DENIED for the folder or organization; `resource`: for its "
    "`folders`, or its `projects`, alone",
    "node_unavailable": "Resource Manager answers UNAVAILABLE for the folder or organization",
    "asset_denied": "Cloud Asset Inventory answers PERMISSION_DENIED for the project, folder or organization; all of "
    "its faults name the `resource` `cloud_asset_inventory`",
    "asset_disabled": "the Cloud Asset API is disabled in the project of the identity",
    "asset_unavailable": "Cloud Asset Inventory answers UNAVAILABLE",
    "asset_invalid": "Cloud Asset Inventory answers with bytes that are no message",
    "asset_nameless": "Cloud Asset Inventory names one cluster in no known form",
    "asset_endless": "Cloud Asset Inventory sends the same page token forever",
    "missing_zones": "the GKE API cannot reach `zones`, and omits their clusters",
    "unresolvable": "the GKE API returns an endpoint whose name does not resolve",
    "bad_time": "the GKE API returns a malformed creation time; `upgrade_info`: a malformed end of support",
    "bad_ca": "the GKE API returns a malformed CA certificate",
    "deleted": "the cluster is deleted right after the GKE API lists it",
    "token_status": "the token endpoint answers with `code`",
    "token_invalid_grant": "the token endpoint reports an expired login",
}
"""What each kind of fault does."""

CONNECTION = frozenset({"refuse", "hang_tls", "tls_unknown_ca", "tls_wrong_host", "tls_expired", "tls_old_forms"})
"""Faults of a cluster's listening socket."""
PROJECT = frozenset({"gke_unavailable", "gke_denied", "gke_disabled", "gke_not_found", "missing_zones"})
"""Faults of the GKE API, for a whole project."""
NODE = frozenset({"node_denied", "node_unavailable"})
"""Faults of Resource Manager, for a folder or an organization."""
ASSETS = frozenset(kind for kind in KINDS if kind.startswith("asset_"))
"""Faults of Cloud Asset Inventory, for a project, a folder or an organization."""
LISTED = frozenset({"unresolvable", "bad_time", "bad_ca", "deleted"})
"""Faults of one cluster in the GKE API's list."""
TOKEN = frozenset({"token_status", "token_invalid_grant"})
REQUEST = frozenset(KINDS) - CONNECTION - PROJECT - NODE - ASSETS - LISTED - TOKEN
"""Faults of one request to an API server; `hang` and `delay` also apply to the GKE API, to Resource Manager
and, by name, to Cloud Asset Inventory."""


_NUMBERS = frozenset({"times", "page", "after", "code", "seconds"})


class UnknownFaultError(ValueError):
    """The specification is malformed, or its kind does not exist."""


@dataclass
class Fault:
    """A fault in force, forever or for a number of times."""

    cluster: str
    """Glob on `project/location/name`; for the GKE API's faults, on the project; for Resource Manager's, on
    `folders/NUMBER` or `organizations/NUMBER`."""
    kind: str
    resource: str = "*"
    """Glob on the resource, such as `pods`; also `version` and `discovery`. Of the GKE API, `clusters`, `upgrade_info`,
    `node_pool_upgrade_info` and `server_config`; the last three only by name."""
    times: int | None = None
    page: int | None = None
    """Applies only to the first page of a list (1), or only to later pages (2)."""
    after: int = 0
    """Number of requests to let through first."""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long `hang` and `delay` wait."""
        return 3600.0 if self.kind == "hang" else float(self.options.get("seconds", 1))

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownFaultError(f"unknown fault {self.kind!r}; choose one of: {', '.join(KINDS)}")


class Faults:
    """All faults in force."""

    def __init__(self, faults: list[Fault]) -> None:
        self.all = faults

    def take(
        self, name: str, resource: str, *, page: int = 1, kinds: frozenset[str] | None = None, is_named: bool = False
    ) -> Fault | None:
        """The first fault that applies to this request; counts down its `after` and `times`.

        Args:
            is_named: leaves out faults of any resource.
        """
        for fault in self.all:
            if is_named and fault.resource == "*":
                continue
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
    """Parses `CLUSTER-GLOB:RESOURCE:KIND[:key=value,...]`.

    Raises:
        UnknownFaultError: the specification is malformed, or its kind does not exist.
    """
    parts = specification.split(":", 3)
    if len(parts) < 3:
        raise UnknownFaultError(f"{specification!r} is not CLUSTER-GLOB:RESOURCE:KIND[:key=value,...]")
    options: dict[str, Any] = {}
    for pair in filter(None, parts[3].split(",") if len(parts) > 3 else []):
        key, _, value = pair.partition("=")
        options[key] = int(value) if value.isascii() and value.isdecimal() else value
        if key in _NUMBERS and not (isinstance(options[key], int) or (key == "seconds" and _is_number(value))):
            raise UnknownFaultError(f"{specification!r}: {key} is {value!r}, which is no number")
    return make_fault(cluster=parts[0], resource=parts[1], kind=parts[2], **options)


def _is_number(text: str) -> bool:
    try:
        return 0 <= float(text) < math.inf
    except ValueError:
        return False


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
    """Makes a fault; keys that `Fault` does not have become its options."""
    return Fault(cluster=cluster, kind=kind, resource=resource, times=times, page=page, after=after, options=options)
